"""The CUDA toolkit on this machine differs from the CUDA that torch was built with.

## What it checks
Three CUDA numbers: what the driver can run (`nvidia-smi`), the toolkit that compiles (`nvcc`, `CUDA_HOME`) and the
runtime inside torch (`torch.version.cuda`).

## Why it matters
They need not be equal. The wheels of torch bring their own runtime and never ask for the toolkit. Only a project that
compiles CUDA code itself needs a toolkit of the same major version.

## Example
`nvcc` 12.3, driver with CUDA 12.4, `torch==2.1.0+cu121`: nothing has to be done.

## Fix
None, unless the project builds CUDA extensions: then install the toolkit of torch's CUDA and point `CUDA_HOME` at it.
"""

from typing import Iterator, Optional, Tuple

from ...facts import Facts, Nvidia, Project, Toolkit, Torch
from ...model import ERROR, NOTE, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ..gpu._nvidia import known, numbers

EXPLAIN_ZH = """本机的 CUDA 工具包与 torch 构建所用的 CUDA 不同。

## 检查什么
对照三个 CUDA 版本：驱动能运行的版本（`nvidia-smi`）、用于编译的工具包（`nvcc`、`CUDA_HOME`）
和 torch 自带的运行时（`torch.version.cuda`）。

## 为什么重要
三者不必相同。torch 的 wheel 自带运行时，从不使用工具包。只有项目自己编译 CUDA 代码时，才需要主版本相同的工具包。

## 示例
`nvcc` 12.3、驱动 CUDA 12.4、`torch==2.1.0+cu121`：不需要任何处理。

## 修复
通常不需要。如果项目要编译 CUDA 扩展，请安装与 torch 相同 CUDA 的工具包，并让 `CUDA_HOME` 指向它。
"""

HARMLESS = Text(
    "nvcc {nvcc} compiles, torch runs on the CUDA {cuda} that it brings, and the driver (CUDA {driver_cuda}) decides "
    "what can run. torch does not use nvcc; this matters only when you compile CUDA code.",
    "nvcc {nvcc} 只用于编译，torch 使用自带的 CUDA {cuda}，能否运行由驱动（CUDA {driver_cuda}）决定。"
    "torch 不使用 nvcc，只有自己编译 CUDA 代码时才有影响。",
)
WITHOUT_DRIVER = Text(
    "nvcc {nvcc} compiles, torch runs on the CUDA {cuda} that it brings, and the driver decides what can run (nothing "
    "is known of one here). torch does not use nvcc; this matters only when you compile CUDA code.",
    "nvcc {nvcc} 只用于编译，torch 使用自带的 CUDA {cuda}，能否运行由驱动决定（这里没有驱动的信息）。"
    "torch 不使用 nvcc，只有自己编译 CUDA 代码时才有影响。",
)
BUILDS_MINOR = Text(
    "The project compiles CUDA code with nvcc {nvcc} against torch's CUDA {cuda}. The major version is the same: it "
    "works, with a warning.",
    "项目用 nvcc {nvcc} 编译 CUDA 代码，torch 为 CUDA {cuda}。主版本相同，可以使用，只会有警告。",
)
BUILDS_MAJOR = Text(
    "The project compiles CUDA code; torch refuses to build extensions with nvcc {nvcc} against its CUDA {cuda}.",
    "项目需要编译 CUDA 代码，而 torch 拒绝用 nvcc {nvcc} 为 CUDA {cuda} 编译扩展。",
)
INSTALL = Text(
    "Install the CUDA {cuda} toolkit beside the other one and set CUDA_HOME to its folder before building.",
    "在现有工具包之外再安装 CUDA {cuda} 工具包，编译前把 CUDA_HOME 设为它的目录。",
)
CHOOSE = Text(
    "A CUDA toolkit that fits is already here: set CUDA_HOME={other} before building.",
    "本机已有匹配的 CUDA 工具包：编译前设置 CUDA_HOME={other}。",
)


SIGNATURES = (
    Signature(
        # a build in docker numbers the lines of the message; some torch prints it with its %s
        r"detected CUDA version \((?:(?P<toolkit>[\d.]+)|%s)\) mismatches the version that was used to "
        r"compile(?:\s{0,20}(?:#?\d+ )?(?:\d+\.\d+ )?PyTorch \((?P<cuda>[\d.]+)\))?",
        outranks=("toolkit-missing",),
    ),
    Signature(
        r"Installed CUDA version (?P<toolkit>[\d.]+) does not match the version torch was "
        r"compiled with (?P<cuda>[\d.]+)",
        outranks=("toolkit-missing",),
    ),
    Signature(
        r"compiled with a version of Cuda that does not match the version used to compile Pytorch binaries",
        outranks=("toolkit-missing",),
    ),
    Signature(r"detected CUDA version .{0,80}minor version mismatch", "low", warning=True),
    Signature(r"unsupported GNU version! gcc versions later than (?P<gcc>\d+) are not supported"),
    Signature(r"unsupported Microsoft Visual Studio version!"),
    Signature(
        r"current installed version of \S{2,40} \([\d.]+\) is greater than the maximum required "
        r"version by CUDA (?P<toolkit>[\d.]+)"
    ),
    Signature(
        r"(?:FlashAttention|flash[-_]attn) (?:is only supported on|requires) CUDA (?P<needed>[\d.]+) and above",
        "medium",
    ),
    Signature(
        r"FindCUDA says CUDA version is (?P<toolkit>[\d.]+)|CUDA::nvToolsExt {1,60}but the target was not found|"
        r"CMake found CUDA [\d.]+ but PyTorch was built with|Found CUDA versions in pytorch .{0,20} and CMake|"
        r"cuda version pytorch is compiled with.{0,20} does not match",
        "medium",
    ),
    # an nvcc too old for what is asked of it, or for the C library
    Signature(
        r"nvcc fatal\s*: (?:Unknown option '|Value 'c\+\+\d\d' is not defined for option 'std')|"
        r"exception specification is incompatible with that of previous function .{0,3}"
        r"(?:cospi|sinpi|rsqrt)",
        "medium",
    ),
    Signature(r"CMakeCUDACompilerId\.cu\W{1,3}failed", "low"),
    Signature(r"parameter packs not expanded with .{1,6}\.\.\.", "medium"),
)


@check(
    code="toolkit-mismatch",
    severity="error",
    summary=Text("nvcc and torch use different CUDA versions", "nvcc 与 torch 使用不同的 CUDA 版本"),
    message=Text(
        "The CUDA toolkit is {nvcc}, torch {torch} was built with CUDA {cuda}.",
        "CUDA 工具包是 {nvcc}，torch {torch} 使用 CUDA {cuda} 构建。",
    ),
    cause=HARMLESS,
    explain_zh=EXPLAIN_ZH,
    needs=(Toolkit, Torch, Nvidia, Project),
    signatures=SIGNATURES,
)
def toolkit_mismatch(facts: Facts, matrix) -> Iterator[Finding]:
    toolkit = facts.need(Toolkit)
    torch = facts.need(Torch)
    cuda = known(torch.cuda, "torch")
    nvcc, where = compiler(toolkit)
    if cuda is None or nvcc is None or numbers(nvcc)[:2] == numbers(cuda)[:2]:
        return
    nvidia = facts.maybe(Nvidia)
    project = facts.maybe(Project)
    builds = project is not None and project.builds_cuda
    apart = numbers(nvcc)[:1] != numbers(cuda)[:1]
    other = next((item.path for item in toolkit.installs if numbers(item.version)[:2] == numbers(cuda)[:2]), None)
    driver_cuda = nvidia.cuda if nvidia is not None else None
    cause = HARMLESS if driver_cuda else WITHOUT_DRIVER
    if builds:
        cause = BUILDS_MAJOR if apart else BUILDS_MINOR
    remedies: Tuple[Manual, ...] = ()
    if builds and apart:
        remedies = (Manual(CHOOSE if other else INSTALL),)
    yield Finding(
        params={
            "nvcc": nvcc,
            "torch": torch.version,
            "cuda": cuda,
            "driver": nvidia.driver if nvidia is not None else None,
            "driver_cuda": driver_cuda or "-",
            "toolkit_path": where,
            "builds_cuda": builds,
            "other": other,
        },
        evidence=tuple("%s: CUDA %s (%s)" % (item.path, item.version, item.source) for item in toolkit.installs),
        severity=ERROR if builds and apart else NOTE,
        remedies=remedies,
        cause=cause,
    )


def compiler(toolkit: Toolkit) -> Tuple[Optional[str], Optional[str]]:
    """Return version and folder of the toolkit that torch would compile with: CUDA_HOME, else nvcc on PATH, "
    "else any."""
    if toolkit.cuda_home:
        home = toolkit.cuda_home.rstrip("/\\")
        for item in toolkit.installs:
            if item.path.rstrip("/\\") == home:
                return item.version, item.path
    if toolkit.nvcc:
        return toolkit.nvcc, toolkit.nvcc_path
    first = next((item for item in toolkit.installs), None)
    return (first.version, first.path) if first is not None else (None, None)
