"""pip takes packages over an unencrypted or unchecked connection.

## What it checks
Reads pip's configuration files and `PIP_*` variables in pip's own order: addresses that start with `http://`, and
hosts named as `trusted-host`.

## Why it matters
Whoever sits on the way can put other code into a package fetched over http, and `trusted-host` switches certificate
checks off for https as well. Without `trusted-host` pip ignores an http index, and then says that a package does not
exist. The large mirrors all offer https, so neither is needed; a certificate error is mended by the clock or the
proxy's certificate.

## Example
`pip.conf` from an old tutorial: `index-url = http://mirrors.aliyun.com/pypi/simple` with
`trusted-host = mirrors.aliyun.com`.

## Fix
Write https in the address and remove the `trusted-host` line: `pip config set global.index-url https://…` and
`pip config unset global.trusted-host`.
"""

import re
from typing import Iterator

from doctor.facts import Facts, PipConfig, Setting
from doctor.model import NOTE, WARNING, Finding, Manual
from doctor.registry import check
from doctor.text import Text
from doctor.urls import host_of

EXPLAIN_ZH = """pip 通过未加密或不校验证书的连接取包。

## 检查什么
按 pip 自己的顺序读取它的配置文件和 `PIP_*` 变量：以 `http://` 开头的地址，以及写成 `trusted-host` 的主机。

## 为什么重要
走 http 时，中间人可以把包换成别的代码；`trusted-host` 会连 https 的证书校验也一起关掉。没有 `trusted-host` 时 pip
会忽略 http 源，然后说找不到包。各大镜像都支持 https，所以两者都用不着；证书报错应当去校准时间或安装代理的证书。

## 示例
旧教程里的 `pip.conf`：`index-url = http://mirrors.aliyun.com/pypi/simple`，再加 `trusted-host = mirrors.aliyun.com`。

## 修复
地址改成 https，并删掉 `trusted-host`：`pip config set global.index-url https://…`、
`pip config unset global.trusted-host`。
"""

ADDRESSES = ("index-url", "extra-index-url", "find-links", "index", "pypi-url")
LOCAL = ("localhost", "127.0.0.1", "::1")

TRUSTED = Text(
    en="pip does not check the certificate of {host} ({name} in {source}).",
    zh="pip 不校验 {host} 的证书（{source} 里的 {name}）。",
)
TRUSTED_CAUSE = Text(
    en="{name} switches certificate checks for {host} off, also for https; it hides a wrong clock or a proxy.",
    zh="{name} 会关掉对 {host} 的证书校验（https 也一样），还会掩盖时间不对或代理的问题。",
)
TRUSTED_REMEDY = Manual(
    Text(
        en="Remove {name} from {source} and use the https address.",
        zh="从 {source} 里删掉 {name}，改用 https 地址。",
    )
)
HTTP_REMEDY = Manual(
    Text(
        en="Write https instead of http for {name} in {source}: {url}",
        zh="把 {source} 里 {name} 的 http 改成 https：{url}",
    )
)


@check(
    code="pip-index-insecure",
    severity=WARNING,
    summary=Text(
        en="pip takes packages over an unencrypted or unchecked connection.",
        zh="pip 通过未加密或不校验证书的连接取包。",
    ),
    message=Text(
        en="pip uses an unencrypted address: {name} = {value} ({source}).",
        zh="pip 使用了未加密的地址：{name} = {value}（{source}）。",
    ),
    cause=Text(
        en=(
            "Packages from {host} can be changed on the way; without trusted-host pip ignores that address and "
            "finds nothing there."
        ),
        zh="来自 {host} 的包可能在途中被篡改；没有 trusted-host 时 pip 会忽略这个地址，于是找不到包。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(PipConfig,),
)
def pip_index_insecure(facts: Facts, matrix) -> Iterator[Finding]:
    for setting in _in_force(facts.need(PipConfig)):
        option = setting.name.rpartition(".")[2]
        for value in setting.value.split():
            if option == "trusted-host":
                host = host_of(value) or value
                if not _local(host):
                    yield _finding(setting, host, value, matrix, TRUSTED, TRUSTED_CAUSE, TRUSTED_REMEDY)
            elif option in ADDRESSES and value.lower().startswith("http://"):
                host = host_of(value)
                if not _local(host):
                    yield _finding(setting, host, value, matrix, None, None, HTTP_REMEDY)


def _in_force(config: PipConfig) -> Iterator[Setting]:
    """Yield the settings that no later one of the same name replaces: pip replaces, it does not add."""
    last = {setting.name.replace("global.", "", 1): setting for setting in config.settings}
    return iter(last.values())


def _local(host: str) -> bool:
    return host in LOCAL or host.startswith("127.")


def _private(host: str) -> bool:
    """A host inside one's own network: worth knowing, mostly meant so."""
    if host.endswith((".local", ".lan", ".internal", ".intranet")) or "." not in host and ":" not in host:
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _https(value: str, host: str, matrix) -> str:
    """Return the address to write instead: of a mirror that has closed, another one's."""
    closed = (matrix.table("mirrors.pip_indexes_gone_or_old") or ()) if matrix is not None else ()
    if any(host and host in row["what"] for row in closed):
        return str(matrix.table("mirrors.pip_indexes")[0]["url"])
    return re.sub("(?i)^http://", "https://", value)


def _finding(setting: Setting, host: str, value: str, matrix, title, cause, remedy) -> Finding:
    return Finding(
        params={
            "name": setting.name,
            "value": value,
            "host": host,
            "source": setting.source,
            "url": _https(value, host, matrix),
        },
        evidence=("%s: %s = %s" % (setting.source, setting.name, value),),
        severity=NOTE if _private(host) else None,
        title=title,
        cause=cause,
        remedies=(remedy,),
    )
