"""A wheel file was made for another Python, system or processor.

## What it checks
Only error text: pip or uv refuses a wheel by the tags in its file name.

## Why it matters
`torch-2.1.0-cp310-cp310-win_amd64.whl` installs on 64-bit CPython 3.10 on Windows and nowhere else. The same message
appears when the file was renamed while it was downloaded (`torch(1).whl`).

## Example
`ERROR: torch-1.8.0-cp37-none-linux_armv7l.whl is not a supported wheel on this platform.`

## Fix
Take the file whose tags fit: `python -m pip debug --verbose` lists what this Python accepts, `doctor wheels torch`
names the file. Keep the file's original name. An old pip does not know new manylinux tags: update pip first.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """wheel 文件是为其他 Python、系统或处理器构建的。

## 检查什么
只看报错文本：pip 或 uv 根据文件名里的标签拒绝了这个 wheel。

## 为什么重要
`torch-2.1.0-cp310-cp310-win_amd64.whl` 只能装在 Windows 64 位 CPython 3.10 上。下载时被改名（如
`torch(1).whl`）也会出现同样的提示。

## 示例
`ERROR: torch-1.8.0-cp37-none-linux_armv7l.whl is not a supported wheel on this platform.`

## 修复
选择标签匹配的文件：`python -m pip debug --verbose` 列出本 Python 支持的标签，`doctor wheels torch` 直接给出文件名。
不要改文件名。旧 pip 不认识新的 manylinux 标签，请先升级 pip。
"""


RENAMED = Text(
    "pip knows a wheel by its name: {wheel}{suffix} does not end in .whl.",
    "pip 通过文件名识别 wheel：{wheel}{suffix} 不以 .whl 结尾。",
)
SAVE_AS = Text(
    "Save the file as {wheel} (curl -L -o {wheel} ADDRESS), then: python -m pip install ./{wheel}",
    "把文件另存为 {wheel}（curl -L -o {wheel} 地址），再执行：python -m pip install ./{wheel}",
)

SIGNATURES = (
    Signature(
        r"(?P<wheel>[\w.+-]{5,200}\.whl)\S? is not a supported wheel on this platform",
        outranks=("no-matching-distribution",),
    ),
    Signature(r"is not a supported wheel on this platform|此平台不支持该 ?wheel"),
    Signature(r"(?P<wheel>[\w.+-]{5,200}\.whl)\S? is not a valid wheel filename|Invalid wheel filename"),
    # a release file under another name (….whl_np1195): not known as a wheel by its address, nor as a path
    Signature(
        r"(?:Cannot unpack file|Invalid requirement:?) \S{0,200}?(?P<wheel>[\w.+-]{5,200}\.whl)(?P<suffix>_\w{1,20})\b",
        cause=RENAMED,
        remedies=(Manual(SAVE_AS),),
    ),
    Signature(
        r"(?:path|URL|direct) dependency .{0,200}is (?:incompatible|"
        r"not compatible) with the current platform|A path dependency is incompatible with the "
        r"current platform"
    ),
    Signature(r"[Ww]heel is compatible with .{2,80}, but you'?re (?:using|on)\b"),
    Signature(r"[Ww]heel .{0,200}(?:is not compatible with|has an unsupported tag)", "medium"),
    # told in words
    Signature(
        r"\.whl.{0,4} is not (?:a )?supported|"
        r"whl ?不支持",
        "low",
    ),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text("This wheel was made for another Python or platform", "这个 wheel 是为其他 Python 或平台构建的"),
    cause=Text(
        "The tags in the wheel's file name (Python, ABI, platform) are none that this Python accepts.",
        "wheel 文件名中的标签（Python、ABI、平台）不被当前 Python 接受。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Download the file whose tags fit this Python and machine (`doctor wheels torch` names it), under "
                "its original name.",
                "下载标签与当前 Python 和机器匹配的文件（`doctor wheels torch` 会给出文件名），并保留原文件名。",
            )
        ),
    ),
)
