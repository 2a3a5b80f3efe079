"""Windows could not load a DLL that a package needs.

## What it checks
Only error text: `DLL load failed`, `WinError 126`, `127`, `182`, `193`, `1114`, in any display language.

## Why it matters
The file that is named is usually there; a DLL that *it* needs is missing or of another version. For torch that is
nearly always the Microsoft Visual C++ runtime, or a half-replaced installation.

## Example
`OSError: [WinError 126] The specified module could not be found. Error loading "…\\torch\\lib\\c10.dll" or one of
its dependencies.`

## Fix
Install the current Microsoft Visual C++ Redistributable (x64) and restart. If it stays: reinstall the package that
is named in the message in a fresh virtual environment, not over Anaconda's own. 1114 after a torch update: torch
2.9.1 and newer or 2.8.0, with the newest redistributable.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """Windows 无法加载某个包需要的 DLL。

## 检查什么
只看报错文本：`DLL load failed`、`WinError 126`、`127`、`182`、`193`、`1114`，任何界面语言。

## 为什么重要
报错里的文件通常还在，缺的是*它所依赖*的 DLL，或者版本不对。对 torch 来说，几乎总是缺 Microsoft Visual C++ 运行库，
或者安装只替换了一半。

## 示例
`OSError: [WinError 126] 找不到指定的模块。 Error loading "…\\torch\\lib\\c10.dll" or one of its dependencies.`

## 修复
安装最新的 Microsoft Visual C++ Redistributable（x64）并重启。仍然失败：在新的虚拟环境里（不要直接装进 Anaconda 的
base）重装报错中的包。升级 torch 后出现 1114：先更新运行库，再换一个 torch 版本。
"""


SIGNATURES = (
    Signature(
        r"WinError (?P<number>126|1114|182|193)\W.{0,200}?(?:Error loading .{0,4}(?P<path>[A-Z]:[^\"']{3,300}\.dll))",
        outranks=("torch-broken", "system-lib-missing"),
    ),
    Signature(
        r"WinError (?P<number>126|1114|193)\W",
        "medium",
        unless=(r"Failed to load image Python extension.{0,200}WinError 12[67]",),
        outranks=("torch-broken",),
    ),
    Signature(
        r"WinError (?P<number>127)\W.{0,400}(?:torch[/\\]+lib[/\\]+|\b(?:torch_python|torch_cpu|c10|shm|fbgemm)\.dll)",
        "medium",
        unless=(r"image Python extension",),
        outranks=("torch-broken",),
    ),
    Signature(
        r"DLL load failed(?: while importing (?P<module>[\w.]+))?: (?:The specified module could "
        r"not be found|找不到指定的模[块組]|A dynamic link library|"
        r"动态链接库|指定されたモジュール|지정된 모듈|Das angegebene Modul|%1|"
        r"The operating system|Não foi possível|No se puede encontrar|Не найден|Le module)",
        outranks=("torch-broken", "numpy2-abi"),
    ),
    Signature(
        r"ImportError: DLL load failed",
        "medium",
        unless=(r"image Python extension",),
        outranks=("torch-broken", "numpy2-abi"),
    ),
    Signature(
        r"FileNotFoundError: Could not find module '(?P<path>[^']{3,300}\.dll)' \(or one of its "
        r"dependencies\)"
    ),
    Signature(r"Microsoft Visual C\+\+ Redistributable is not installed|动态链接库 ?\(DLL\) ?初始化例程失败"),
    Signature(
        r"(?:VCRUNTIME140(?:_1)?|MSVCP140\w*|fbgemm|libomp140\S{0,12}|c10|shm|cudart64_\w{1,5}|"
        r"cublas\w{0,4}64_\w{1,5})\.dll.{0,60}(?:was not found|not found|missing|找不到|无法)",
        "medium",
        # TensorFlow asks and goes on
        unless=(r"; dlerror: ",),
    ),
    # told in words
    Signature(
        r"DLL load failed",
        "low",
    ),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text("Windows cannot load a DLL that a package needs", "Windows 无法加载所需的 DLL"),
    cause=Text(
        "A library that this DLL depends on is missing or of another version: most often the Visual C++ runtime.",
        "该 DLL 依赖的库缺失或版本不对，最常见的是 Visual C++ 运行库。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Install the current Microsoft Visual C++ Redistributable (x64) and restart; then reinstall the "
                "named package in a fresh virtual environment.",
                "安装最新的 Microsoft Visual C++ Redistributable（x64）并重启；然后在新的虚拟环境里重装报错中的包。",
            )
        ),
    ),
)
