"""A downloaded package is not the file that was expected.

## What it checks
Only error text: pip, uv, poetry or conda compared a checksum and it differed.

## Why it matters
Nearly always a download that was cut short, a proxy or mirror that served an old or damaged file, or a stale cache.
It can also mean that the file was tampered with, so the tool is right to stop.

## Example
`ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.`

## Fix
`python -m pip cache purge`, then download again, without the mirror if it stays. If the requirements file pins hashes,
make it again for the new version. On a 64-bit Raspberry Pi leave piwheels out (`--index-url` of the package index
alone): it serves builds of its own under the same version. Never switch the check off.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """下载到的包与期望的文件不一致。

## 检查什么
只看报错文本：pip、uv、poetry 或 conda 比对校验和时不一致。

## 为什么重要
几乎总是下载被截断、代理或镜像给了旧的或损坏的文件，或者缓存过期。也可能是文件被篡改，所以工具停下来是对的。

## 示例
`ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.`

## 修复
先 `python -m pip cache purge`，再重新下载；仍然不一致就换掉镜像。如果 requirements 文件固定了哈希，请按新版本重新生成。
64 位树莓派上请去掉 piwheels：它对同一版本提供的是自己的构建。不要关闭校验。
"""


SIGNATURES = (
    Signature(
        r"THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE|DO NOT MATCH THE HASHES",
        outranks=("network-blocked",),
    ),
    Signature(r"Hash mismatch for `?(?P<file>\S{2,120})"),
    Signature(r"Hash for .{2,120} not found in known hashes|Retrieved digest for .{2,200} not in"),
    Signature(r"(?:md5|sha\d{1,3}) checksum (?:does not|doesn'?t) match|checksum mismatch for \S{2,80}\.(?:whl|tar)"),
    Signature(r"ChecksumMismatchError|SafetyError: The package for .{2,80} appears to be corrupted"),
    Signature(
        r"In --require-hashes mode, all requirements must have their|Hashes are required in --require-hashes mode"
    ),
    Signature(r"Expected sha256 (?P<expected>[0-9a-f]{16,64})\b.{0,40} Got (?P<got>[0-9a-f]{16,64})"),
    # told in words
    Signature(
        r"hash(?:es)? (?:do(?:es)? not match|not matching|missing|don't match|mismatch)",
        "low",
    ),
    Signature(r"\b(?:missing|wrong|invalid) hash(?:es)?\b", "low"),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text("A downloaded file does not have the expected checksum", "下载文件的校验和与期望不一致"),
    cause=Text(
        "The download was cut short or damaged, or a mirror or cache served another file than the one that is pinned.",
        "下载被截断或损坏，或者镜像、缓存给出的不是锁定的那个文件。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Clear the cache (`python -m pip cache purge`) and download again, without the mirror if the hash "
                "still differs. On a 64-bit Raspberry Pi leave piwheels out: its builds are others.",
                "清理缓存（`python -m pip cache purge`）后重新下载；哈希仍不一致就换掉镜像。"
                "64 位树莓派上请去掉 piwheels：它的构建不同。",
            )
        ),
    ),
)
