"""A server that is needed for installing or for starting the training cannot be reached.

## What it checks
Only with `--network`: asks the package index as pip is configured, the host of the torch wheels (or the mirror),
GitHub's release files and, on a Raspberry Pi, piwheels. A name that is not found, a refused connection, a time-out, a
certificate error, a login page in between, a proxy that wants a password and a slow line are told apart. Without
`--network`: only whether pip can use the proxy that the environment names.

## Why it matters
Some repositories download at start: YOLOv5 fetches `Arial.ttf` and its weights from GitHub, and stops when it cannot.
And pip says `No matching distribution found` when it means that the index did not answer.

## Example
`Downloading Arial.ttf...` followed by `Failed to connect to github.com port 443: Connection timed out`.

## Fix
Use a mirror near you (`doctor fix --mirror tuna`), name the proxy in `HTTPS_PROXY`, and put the files that the
repository wants where it looks for them before it downloads.
"""

from typing import Dict, Iterator, Optional, Tuple

from doctor.facts import Board, Distributions, Environ, Facts, Network, Project, Reach
from doctor.model import ERROR, NOTE, WARNING, Finding, Manual
from doctor.registry import Signature, check
from doctor.text import Text
from doctor.units import KIB, size
from doctor.urls import host_of, scheme_of

EXPLAIN_ZH = """安装或开始训练所需的服务器连不上。

## 检查什么
只在加 `--network` 时检查：按 pip 的配置访问包索引，访问 torch wheel 的主机（或镜像）、GitHub 的 release 文件，
树莓派上再加 piwheels。能区分域名解析失败、连接被拒绝、超时、证书错误、被登录页拦截、代理要求密码以及速度太慢。不加
`--network` 时，只检查 pip 能不能使用环境变量里的代理。

## 为什么重要
有些仓库启动时会下载文件：YOLOv5 从 GitHub 下载 `Arial.ttf` 和权重，下载不了就停。而 pip 在索引没有响应时也会报
`No matching distribution found`。

## 示例
`Downloading Arial.ttf...` 之后出现 `Failed to connect to github.com port 443: Connection timed out`。

## 修复
使用附近的镜像（`doctor fix --mirror tuna`），用 `HTTPS_PROXY` 指定代理，并提前把仓库要的文件放到它会先去找的位置。
"""

#: a torch build of 2.5 GB takes more than a day at a twentieth of this
SLOW = 100 * KIB

CAUSES: Dict[str, Text] = {
    "dns": Text(
        en="The name {host} is not found: no network, no DNS server, or the name is blocked.",
        zh="域名 {host} 解析失败：没有网络、没有 DNS，或者被屏蔽。",
    ),
    "refused": Text(
        en="{host} refused the connection: a firewall, or a proxy that is not running.",
        zh="{host} 拒绝连接：防火墙拦截，或者代理没有运行。",
    ),
    "unreachable": Text(
        en="There is no route to {host}: this machine has no network, or only a local one.",
        zh="到 {host} 没有路由：本机没有联网，或者只有局域网。",
    ),
    "timeout": Text(
        en="{host} did not answer in time: blocked on the way, or the line is very slow.",
        zh="{host} 没有及时响应：中途被拦截，或者网络非常慢。",
    ),
    "reset": Text(
        en="The connection to {host} was cut off on the way: a firewall or a proxy in between.",
        zh="到 {host} 的连接中途被切断：中间有防火墙或代理。",
    ),
    "tls": Text(
        en=(
            "The certificate of {host} is not accepted: a proxy that inspects traffic, a wrong clock or old "
            "certificates. {detail}"
        ),
        zh="{host} 的证书不被接受：有检查流量的代理、系统时间不对或根证书太旧。{detail}",
    ),
    "captive-portal": Text(
        en="A login page answers instead of {host}: log in to this network in a browser first.",
        zh="返回的是登录页而不是 {host}：请先在浏览器里登录这个网络。",
    ),
    "proxy": Text(
        en="The proxy {proxy} does not work: {detail}",
        zh="代理 {proxy} 不能用：{detail}",
    ),
    "proxy-auth": Text(
        en="The proxy {proxy} wants a user name and a password (407).",
        zh="代理 {proxy} 要求用户名和密码（407）。",
    ),
    "forbidden": Text(
        en="{host} or a proxy in between forbids it: {detail}",
        zh="{host} 或中间的代理禁止访问：{detail}",
    ),
}

SLOW_TITLE = Text(
    en="{host} answers slowly: {speed} a second.",
    zh="{host} 很慢：每秒 {speed}。",
)
SLOW_CAUSE = Text(
    en="At {speed} a second torch with CUDA takes hours to download; a mirror near you is faster.",
    zh="按每秒 {speed} 下载 CUDA 版 torch 要好几个小时，换附近的镜像会快得多。",
)


_HTTP = r"https?://|HTTPSConnectionPool|urllib3|requests\.exceptions|pip install|Downloading|huggingface|github\.com"
_UNREACHABLE = r"(?:连不上|无法连接|无法访问|连接不上|访问不了|打不开|下载失败|下载不了|连接超时)"
#: A server of the user's own network.
_PRIVATE = r"host=\s*'(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)"
#: An address of this very machine: a server of the user's own that does not run.
_LOCAL = r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)[:/]"
#: What it was tried again for came: pip, an installation, the model hub.
_GOES_ON = (
    r"Trying to resume download",
    r"Successfully installed",
    r"Recovering from connection error",
    r"\[Retry [1-4]/5\]\.?\s{1,3}(?!.{0,300}\[Retry 5/5)",
)
SIGNATURES = (
    # GitHub counts the calls of an address that many share
    Signature(r"HTTP Error 403: rate limit exceeded|API rate limit exceeded for", "low"),
    Signature(
        r"Failed to connect to (?P<host>[\w.-]{3,80}) port (?P<port>\d+)",
        unless=(r"Failed to connect to (?:localhost|127\.0\.0\.1|0\.0\.0\.0)",),
    ),
    Signature(r"Could not resolve (?:host|proxy)\W{1,3}(?P<host>[\w.-]{3,80})|Couldn'?t resolve host"),
    Signature(
        r"^(?!.{0,200}(?:c10d|NCCL|Gloo|TCPStore|master_addr)).{0,200}(?:Temporary failure in "
        r"name resolution|Name or service not known|getaddrinfo failed|"
        r"nodename nor servname provided|Temporary failure resolving|暂时不能解析域名|"
        r"域名解析暂时失败)",
        outranks=("no-matching-distribution",),
    ),
    Signature(
        r"HTTPS?ConnectionPool\(host=\s*'(?P<host>[\w.-]{3,80})', port=\d+\)\W{1,3}(?:Read timed "
        r"out|Max retries exceeded)",
        unless=(
            r"host=\s*'(?:localhost|127\.0\.0\.1|0\.0\.0\.0)'",
            _PRIVATE,
            *_GOES_ON,
        ),
        outranks=("no-matching-distribution",),
    ),
    Signature(
        r"(?:ReadTimeoutError|ConnectTimeoutError|NewConnectionError|ProxyError|MaxRetryError|"
        r"SSLEOFError|ConnectTimeout|ReadTimeout)\b",
        "medium",
        requires=(_HTTP,),
        unless=(
            r"localhost|127\.0\.0\.1",
            _PRIVATE,
            r"entering retry loop",
            *_GOES_ON,
        ),
        outranks=("no-matching-distribution",),
    ),
    # wandb goes on without its server
    Signature(r"Network error \((?:\w{4,40})\), entering retry loop", "low", warning=True),
    Signature(
        r"Retrying \(Retry\(total=\d",
        "medium",
        unless=(r"Successfully installed",),
        outranks=("no-matching-distribution",),
    ),
    Signature(
        r"UNEXPECTED_EOF_WHILE_READING|EOF occurred in violation of protocol|SSL_ERROR_SYSCALL|"
        r"WRONG_VERSION_NUMBER|TLS handshake timeout|gnutls_handshake\(\) failed|"
        r"The TLS connection was non-properly terminated|GnuTLS recv error",
        requires=(_HTTP,),
        unless=_GOES_ON,
    ),
    Signature(
        r"^(?!.{0,200}Warning).{0,200}(?:CERTIFICATE_VERIFY_FAILED|certificate verify failed|"
        r"unable to get local issuer certificate|self[- ]signed certificate)",
        "high",
    ),
    # the same behind more than 200 characters on one line: a traceback folded into one
    Signature(
        r"(?:urlopen error|SSLError|SSLCertVerificationError)\W.{0,60}CERTIFICATE_VERIFY_FAILED",
        unless=(r"Warning\W.{0,200}CERTIFICATE_VERIFY_FAILED",),
    ),
    Signature(
        r"^(?!.{0,200}Warning).{0,200}<urlopen error (?!.{0,40}(?:unknown url type|no host given))",
        "high",
        unless=(r"urlopen error \[Errno 2\]", _LOCAL),
    ),
    Signature(
        r"Cannot connect to proxy|Tunnel connection failed|ProxyError\(|Missing dependencies for SOCKS support",
        "medium",
    ),
    Signature(
        r"We couldn'?t connect to '?https?://(?P<host>[\w.-]{3,80})|LocalEntryNotFoundError|"
        r"couldn'?t connect to '?https?://(?P<site>[\w.-]{3,80})"
    ),
    Signature(
        r"fatal: unable to access 'https?://(?P<host>[\w.-]{3,80})/?\S{0,200}(?!.{0,40}40[134])",
        "high",
        unless=(r"The requested URL returned error: 40[134]|URL rejected: ",),
    ),
    Signature(r"RPC failed; curl \d+|fatal: early EOF|fetch-pack: unexpected disconnect", "medium"),
    Signature(
        r"CondaHTTPError: HTTP 000 CONNECTION FAILED|CondaSSLError|Connection failed for url|"
        r"An HTTP error occurred when trying to retrieve this URL"
    ),
    Signature(r"Network is unreachable|No route to host|网络不可达|无法访问目标网络", "medium", requires=(_HTTP,)),
    Signature(
        r"(?:WinError 1006[01]|Errno 110|Errno 101)\W.{0,200}",
        "medium",
        requires=(_HTTP,),
        unless=(r"localhost|127\.0\.0\.1",),
    ),
    # refused: only where a site is named, else it may be any server that does not run
    Signature(
        r"ConnectionRefusedError\W{1,3}Errno (?:111|61)",
        "medium",
        requires=(
            r"urllib|http[/\\]client\.py",
            r"torch\.?hub|hub connection|github|hugging ?face|download|pip install",
        ),
        unless=(r"localhost|127\.0\.0\.1|0\.0\.0\.0|c10d|NCCL|master_addr",),
    ),
    Signature(
        r"(?:Connection reset by peer|ConnectionResetError|RemoteDisconnected|Connection aborted|"
        r"Remote end closed connection|Connection broken|IncompleteRead|WinError 10054|远程主机强迫关闭)",
        "medium",
        requires=(_HTTP,),
        unless=(
            r"localhost|127\.0\.0\.1|NCCL|c10d|resource_sharer|wandb|ForkingPickler",
            _PRIVATE,
            *_GOES_ON,
        ),
    ),
    Signature(
        r"Download(?:ing)? fail(?:ure|ed)\W.{0,20}https?://(?P<host>[\w.-]{3,80})|"
        r"Download failure for https?://(?P<server>[\w.-]{3,80})|curl: \((?:5|6|7|28|35|52|55|56|60)\)",
        "medium",
    ),
    Signature(
        r"dial tcp: lookup .{3,80}(?:no such host|i/o timeout|server misbehaving)|"
        r"net/http: (?:request canceled|TLS handshake timeout)",
        unless=(r"api: retrying error",),
    ),
    Signature(
        r"socket\.timeout: .{0,40}timed out|TimeoutError: The read operation timed out|"
        r"The handshake operation timed out",
        "medium",
        requires=(_HTTP,),
        unless=(r"Warning\W.{0,120}handshake operation timed out", r"localhost|127\.0\.0\.1"),
    ),
    Signature(
        r"Failed to fetch https?://(?P<host>[\w.-]{3,80}).{0,200}(?:Could not connect|"
        r"Connection failed|Connection timed out|Unable to connect)",
        outranks=("pi-apt-source-broken",),
    ),
    # wget, git over ssh, docker, uv, aiohttp, httpx, wandb
    Signature(
        r"Unable to establish SSL connection|unable to resolve host address|无法建立 SSL 连接|无法解析主机地址|"
        r"\(\S{4,80}\)\|[\d.:a-f]{3,40}\|:\d+\.\.\. failed: (?:Connection|No route)"
    ),
    Signature(r"connect to host (?P<host>[\w.-]{3,80}) port \d+: (?:Connection timed out|Connection refused|No route)"),
    Signature(
        r"Get \"?https?://(?P<host>[\w.-]{3,80})\S{0,200} .{0,160}(?:context deadline exceeded|request canceled|"
        r"i/o timeout|connection refused|TLS handshake)|error pulling image configuration: download failed"
    ),
    Signature(
        r"error sending request for url \(https?://(?P<host>[\w.-]{3,80})|UV_HTTP_TIMEOUT|"
        r"dns error: failed to lookup address",
        unless=(_LOCAL,),
    ),
    Signature(
        r"Cannot connect to host (?P<host>(?!localhost|127\.|0\.0)[\w.-]{3,80}):(?:443|80)\b|"
        r"SSL_connect: (?:SSL_ERROR|Connection was reset)|schannel: (?:failed to receive handshake|next Initialize)"
    ),
    Signature(
        r"httpx\.(?:ConnectError|ConnectTimeout|ReadTimeout|ProxyError)|httpcore\.(?:ConnectError|ConnectTimeout)|"
        r"ClientConnectorError",
        "medium",
        requires=(_HTTP,),
        unless=(r"localhost|127\.0\.0\.1|0\.0\.0\.0",),
    ),
    Signature(r"Run initialization has timed out after|wandb\.errors\.CommError: .{0,60}timed out", "medium"),
    Signature(r"Clearsigned file isn'?t valid, got 'NOSPLIT'"),
    Signature(
        _UNREACHABLE + r".{0,20}(?:hugging ?face|github|pypi)|(?:hugging ?face|github|pypi)\S{0,12}" + _UNREACHABLE,
        "medium",
    ),
    Signature(
        r"(?:no|without|lacks?|any) internet (?:access|connection)|not connected to the internet|"
        r"behind a (?:\w{4,12} )?(?:proxy|firewall)",
        "low",
    ),
    Signature(r"Could not fetch URL https?://(?P<host>[\w.-]{3,80})", "high", outranks=("no-matching-distribution",)),
    Signature(r"Download (?:failed|error|失败).{0,80}(?:timed out|timeout|connection)", "medium"),
    # told in words
    Signature(
        r"网络问题|网络原因|换清华源|换成清华源|下载超时",
        "low",
    ),
    Signature(
        r"(?:keeps?|kept) timing out from",
        "low",
    ),
    Signature(
        r"(?:due to|getting|get|the) (?:an? )?SSLError",
        "low",
    ),
)


@check(
    code="network-blocked",
    severity=ERROR,
    summary=Text(
        en="A server needed for installing or for the start of training cannot be reached.",
        zh="安装或开始训练所需的服务器连不上。",
    ),
    message=Text(
        en="{host} cannot be reached ({kind}).",
        zh="连不上 {host}（{kind}）。",
    ),
    cause=Text(en="{host} did not answer as it should: {detail}", zh="{host} 没有正常响应：{detail}"),
    explain_zh=EXPLAIN_ZH,
    # what to ask for, and what would be downloaded, hangs on the board and the project
    needs=(Network, Board, Project, Environ, Distributions),
    signatures=SIGNATURES,
)
def network_blocked(facts: Facts, matrix) -> Iterator[Finding]:
    unusable = _proxy(facts.maybe(Environ), facts.maybe(Distributions))
    if unusable is not None and facts.maybe(Network) is None:
        yield unusable  # true without asking anybody
        return
    network = facts.need(Network)
    missing = tuple(item for item in network.downloads if not item.present)
    index_works = any(item.ok for item in network.items if item.purpose == "index")
    for item in network.items:
        if not item.ok:
            yield Finding(
                params=dict(_params(item), files=", ".join("%s -> %s" % (file.name, file.put_at) for file in missing)),
                evidence=("%s: %s" % (item.url, item.detail or item.kind),)
                + (
                    tuple("%s -> %s" % (file.url, file.put_at) for file in missing)
                    if item.purpose == "github-assets"
                    else ()
                ),
                severity=_severity(item, index_works, bool(missing)),
                cause=CAUSES.get(item.kind),
                remedies=_remedies(item, missing),
            )
        elif item.bytes_per_s is not None and item.bytes_per_s < SLOW:
            yield Finding(
                params=dict(_params(item), kind="slow", speed=size(item.bytes_per_s)),
                severity=NOTE,
                title=SLOW_TITLE,
                cause=SLOW_CAUSE,
                remedies=(MIRROR,),
            )


def _proxy(environ: Optional[Environ], distributions: Optional[Distributions]) -> Optional[Finding]:
    """Return what keeps pip from using the proxy of https addresses, as far as its variable alone shows it."""
    names = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    variable = next((name for name in names if environ is not None and environ.get(name)), None)
    if variable is None or environ is None:
        return None
    address = environ.variables[variable]
    scheme, host = scheme_of(address), host_of(address)
    params = {"purpose": "proxy", "kind": "proxy", "host": host, "proxy": address, "variable": variable}
    if scheme.startswith("socks") and distributions is not None and distributions.find("pysocks") is None:
        return Finding(
            params=params,
            evidence=("%s=%s" % (variable, address),),
            severity=WARNING,
            title=PROXY_TITLE,
            cause=SOCKS_CAUSE,
            remedies=(SOCKS,),
        )
    if scheme == "https" and (host == "localhost" or host.startswith("127.")):
        return Finding(
            params=dict(params, url=address.replace("https://", "http://", 1)),
            evidence=("%s=%s" % (variable, address),),
            severity=WARNING,
            title=PROXY_TITLE,
            cause=SCHEME_CAUSE,
            remedies=(SCHEME,),
        )
    return None


def _params(item: Reach) -> dict:
    return {
        "purpose": item.purpose,
        "host": host_of(item.url) or item.url,
        "url": item.url,
        "kind": item.kind or "http",
        "detail": item.detail,
        "proxy": item.proxy,
    }


def _severity(item: Reach, index_works: bool, wants_files: bool) -> str:
    if item.purpose in ("index", "index-files"):
        return ERROR
    if item.purpose == "github-assets":
        return ERROR if wants_files else NOTE
    # the wheels of the index, or of a mirror, can stand in for those of this host
    return WARNING if index_works else ERROR


MIRROR = Manual(
    Text(
        en=(
            "Use a mirror near you: `doctor fix --mirror tuna` (or aliyun, ustc, sjtu, nju), for pip "
            "`pip config set global.index-url URL`."
        ),
        zh=(
            "使用附近的镜像：`doctor fix --mirror tuna`（或 aliyun、ustc、sjtu、nju），pip 用 "
            "`pip config set global.index-url URL`。"
        ),
    )
)
PROXY = Manual(
    Text(
        en=(
            "Correct HTTPS_PROXY (http://HOST:PORT, with user:password@ where the proxy asks for it), or unset it "
            "where no proxy is needed."
        ),
        zh="改正 HTTPS_PROXY（http://主机:端口，需要认证时加 用户名:密码@）；不需要代理时取消这个变量。",
    )
)
CERTIFICATE = Manual(
    Text(
        en=(
            "Check the clock; behind an inspecting proxy give pip its certificate: "
            "`pip config set global.cert FILE`. Do not use trusted-host."
        ),
        zh=(
            "先检查系统时间；有检查流量的代理时给 pip 配置它的证书：`pip config set global.cert FILE`。不要用 "
            "trusted-host。"
        ),
    )
)
PROXY_TITLE = Text(
    en="pip cannot use the proxy {proxy}.",
    zh="pip 用不了代理 {proxy}。",
)
SOCKS_CAUSE = Text(
    en="{variable} names a SOCKS proxy; pip needs the package PySocks for that, and it is not installed.",
    zh="{variable} 指向 SOCKS 代理；pip 需要 PySocks 包才能使用它，而这个包没有安装。",
)
SCHEME_CAUSE = Text(
    en=(
        "{variable} starts with https://, so pip speaks TLS to the proxy itself; a proxy on this machine expects "
        "plain http."
    ),
    zh="{variable} 以 https:// 开头，pip 会用 TLS 连接代理本身，而本机上的代理只接受普通 http。",
)
SOCKS = Manual(
    Text(
        en=(
            "Use the http port of the proxy instead: {variable}=http://HOST:PORT (or install pysocks once, without "
            "the proxy)."
        ),
        zh="改用代理的 http 端口：{variable}=http://主机:端口（或者先不用代理，装一次 pysocks）。",
    )
)
SCHEME = Manual(Text(en="Set {variable}={url}", zh="设置 {variable}={url}"))
NETWORK = Manual(
    Text(
        en=(
            "Check the network connection of this machine, and set HTTPS_PROXY if it reaches the internet only "
            "through a proxy."
        ),
        zh="检查本机的网络连接；如果只能通过代理上网，请设置 HTTPS_PROXY。",
    )
)
BY_HAND = Manual(
    Text(
        en="Download these files elsewhere and put them where the repository looks first: {files}",
        zh="在别处下载这些文件，放到仓库会先去找的位置：{files}",
    )
)


def _remedies(item: Reach, missing: Tuple) -> Tuple[Manual, ...]:
    if item.kind in ("proxy", "proxy-auth") or (item.proxy and item.kind in ("refused", "dns", "forbidden")):
        return (PROXY,)
    if item.kind == "tls":
        return (CERTIFICATE,)
    if item.purpose == "github-assets":
        return (BY_HAND, NETWORK) if missing else (NETWORK,)
    return (NETWORK,) if item.kind in ("captive-portal", "unreachable") else (MIRROR, NETWORK)
