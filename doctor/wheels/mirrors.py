"""Mirrors of download.pytorch.org and of the package index: a name or an address -> rewritten addresses. Pure."""

import re
from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from ..model import DoctorError, Wheel
from ..record import replace
from ..text import Text
from .matrix import Matrix
from .tags import cuda_of, platform_of_tag

#: hosts of this very machine: the only ones for which plain http will do
LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]")
#: other names of the same operators, as people type them
OTHER_NAMES = {"sjtu": "sjtug", "tsinghua": "tuna", "alibaba": "aliyun"}


class Mirror(NamedTuple):
    """One mirror: what it carries of PyTorch's files, and of the package index."""

    #: its id in the matrix, or the address as given
    name: str
    #: stands for ``https://download.pytorch.org/whl``, without a slash at the end; None = carries no PyTorch files
    wheels: Optional[str]
    #: address for pip's --index-url; None = not known to carry the package index
    pip_index: Optional[str]
    #: ``whl_root`` (an index under /cpu …), ``flat`` (a page of files), or unknown
    layout: str = ""
    #: None = not known
    aarch64: Optional[bool] = None


def find(matrix: Matrix, wanted: str) -> Mirror:
    """Return the mirror of this name or address; raises DoctorError (2) for an unknown name or an unsafe address."""
    text = wanted.strip()
    if "://" in text:
        if "@" in text.split("://", 1)[1].split("/", 1)[0]:
            raise DoctorError(
                Text(
                    "--mirror: an address with a user name or password would be printed and kept in the journal.",
                    "--mirror：地址里的用户名或密码会被打印出来并写进日志。",
                ),
                Text(
                    "Give the address without them; requests reads credentials from ~/.netrc.",
                    "请去掉它们；requests 会从 ~/.netrc 读取凭据。",
                ),
                exit=2,
            )
        return Mirror(text, _checked(text), None)
    name = OTHER_NAMES.get(text.lower(), text.lower())
    wheels = next((row for row in _rows(matrix, "pytorch_wheels") if row["id"] == name), None)
    index = next((row for row in _rows(matrix, "pip_indexes") if row["id"] == name and row.get("url")), None)
    if name == "upstream" or (wheels is None and index is None):
        import difflib

        known = names(matrix)
        near = difflib.get_close_matches(name, known, 1, 0.5)
        raise DoctorError(
            Text("Unknown mirror '{name}'.", "未知镜像“{name}”。"),
            Text(
                "Did you mean {near}? Known: {known}. An https address will do as well.",
                "是否想写 {near}？已知镜像：{known}。也可以直接写 https 地址。",
            )
            if near
            else Text(
                "Known: {known}. An https address will do as well.", "已知镜像：{known}。也可以直接写 https 地址。"
            ),
            exit=2,
            name=wanted,
            near=", ".join(near),
            known=", ".join(known),
        )
    place = wheels.get("url") if wheels else None
    return Mirror(
        name,
        re.sub(r"/?\{[^}]*\}/?$", "", place) if place else None,
        index["url"] if index else None,
        str((wheels or {}).get("layout") or "").split(" ")[0].rstrip(":"),
        (wheels or {}).get("aarch64"),
    )


def names(matrix: Matrix) -> List[str]:
    """Return the ids of every mirror that carries PyTorch's files or the package index."""
    found = [row["id"] for row in _rows(matrix, "pytorch_wheels") if row.get("url") and row["id"] != "upstream"]
    found.extend(row["id"] for row in _rows(matrix, "pip_indexes") if row.get("url") and row["id"] not in found)
    return found


def _rows(matrix: Matrix, name: str) -> Tuple[Mapping[str, Any], ...]:
    return tuple(matrix.table("mirrors." + name) or ())


def _checked(address: str) -> str:
    """Return the address without a slash at its end; raises DoctorError (2) unless it is https or on this machine."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme == "https" and host or parts.scheme == "http" and host in LOOPBACK:
        return address.split("#")[0].split("?")[0].rstrip("/")
    raise DoctorError(
        Text(
            "'{address}' cannot be used as a mirror: it must be https (plain http only on this machine).",
            "“{address}”不能用作镜像：必须是 https（只有本机可用 http）。",
        ),
        exit=2,
        address=_without_secrets(address),
    )


def _without_secrets(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)


def addresses(matrix: Matrix, url: str, mirror: Optional[Mirror]) -> List[str]:
    """Return the addresses to try for a file, best first; files of other hosts are not mirrored.

    Some mirrors keep the ``/whl`` of download.pytorch.org and some do not: both are tried for an address that was
    given by hand.
    """
    place = path_of(matrix, url)
    if mirror is None or place is None or mirror.wheels is None:
        return [url]
    root = mirror.wheels
    if "://" not in mirror.name:
        return ["%s/%s" % (root, place)]
    if root.endswith("/whl"):
        return ["%s/%s" % (root, place), "%s/%s" % (root[: -len("/whl")], place)]
    return ["%s/%s" % (root, place), "%s/whl/%s" % (root, place)]


def path_of(matrix: Matrix, url: str) -> Optional[str]:
    """Return the part after ``/whl/`` of a file of download.pytorch.org (either of its hosts); None for other hosts."""
    match = re.match(r"https://([^/]+)/whl/(.+)$", url)
    hosts = matrix.table("torch.files.same_host") or ("download.pytorch.org",)
    return match.group(2) if match and match.group(1) in hosts else None


def through(matrix: Matrix, wheel: Wheel, mirror: Mirror) -> Tuple[Wheel, Optional[Tuple[Text, Mapping[str, Any]]]]:
    """Return the wheel at the mirror's address, and what has to be said about it: not carried there, or not sure."""
    if wheel.url is None:
        return wheel, None
    if path_of(matrix, wheel.url) is None:
        said = Text(
            "{file} is not mirrored by {mirror}; its own address stays.", "{mirror} 没有镜像 {file}，仍使用原地址。"
        )
        return wheel, (said, {"file": wheel.filename, "mirror": mirror.name})
    if mirror.wheels is None:
        said = Text(
            "{mirror} does not carry PyTorch's files; they keep their own addresses.",
            "{mirror} 不提供 PyTorch 的文件，仍使用原地址。",
        )
        return wheel, (said, {"mirror": mirror.name})
    moved = replace(wheel, url=addresses(matrix, wheel.url, mirror)[0])
    platform = platform_of_tag(wheel.filename[:-4].rsplit("-", 1)[1])
    if platform == "linux_aarch64" and mirror.aarch64 is None and "://" not in mirror.name:
        said = Text("Whether {mirror} carries aarch64 files is not known.", "不清楚 {mirror} 是否提供 aarch64 文件。")
        return moved, (said, {"mirror": mirror.name})
    folder = (path_of(matrix, wheel.url) or "").split("/")[0]
    if folder != "cpu" and cuda_of(folder) is None and "://" not in mirror.name:
        said = Text(
            "{mirror} is only known to carry the cpu and cuXXX folders; {file} may be missing there.",
            "已知 {mirror} 只提供 cpu 和 cuXXX 目录，可能没有 {file}。",
        )
        return moved, (said, {"mirror": mirror.name, "file": wheel.filename})
    return moved, None
