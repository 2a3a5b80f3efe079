"""The installed torch has no code for a GPU of this machine.

## What it checks
Every card's compute capability against the list that the installed build was compiled for: what torch itself
says where it was tried, else the matrix; where neither knows, against what the build's CUDA can compile for at all
(CUDA before 12.8 has nothing for Blackwell). Machine code serves the same major version and minors from its own up;
PTX serves newer cards, but only when the driver runs the build's CUDA directly and that CUDA knows the card.

## Why it matters
`torch.cuda.is_available()` is `True`, and the first kernel dies with "no kernel image is available".

## Example
GeForce GTX 1060 (6.1) with `torch==2.9.1+cu130`, whose oldest capability is 7.5. A plain `pip install torch` gives
such a build on Linux.

## Fix
Installs the newest builds that serve every card; only the environment changes.
"""

import re
from typing import Any, Iterator, List, Sequence, Tuple

from ...facts import Distributions, Facts, Gpu, Host, MissingFact, Nvidia, Torch, Trials
from ...model import ERROR, WARNING, Finding, MendTorch
from ...registry import Signature, check
from ...text import Text
from ...wheels.matrix import Build
from ...wheels.tags import variant_of
from ...wheels.versions import public
from ._nvidia import NO_KERNEL, OLDEST_CAPABILITY, capability_of, driver_system, known, numbers, unreached

EXPLAIN_ZH = """已安装的 torch 没有本机某块显卡可用的代码。

## 检查什么
把每块显卡的计算能力与已安装构建的编译列表比较：实际导入过 torch 时以 torch 自己的列表为准，否则查构建表；
两者都没有时，看该构建的 CUDA 最多能编译到什么程度（12.8 之前的 CUDA 没有 Blackwell 的代码）。
机器码适用于同一主版本、次版本不低于它的显卡；PTX 可用于更新的显卡，但要求驱动直接支持该构建的 CUDA，
且该 CUDA 认识这块显卡。

## 为什么重要
`torch.cuda.is_available()` 为 `True`，但第一个内核就会报 “no kernel image is available” 而失败。

## 示例
GeForce GTX 1060（6.1）搭配 `torch==2.9.1+cu130`，该构建最低支持 7.5。
在 Linux 上直接 `pip install torch` 得到的就是这样的构建。

## 修复
安装能支持所有显卡的最新构建，只改动虚拟环境。
"""

BOUND = Text(
    "What the build was compiled for is not known; its CUDA {cuda} compiles for {supported} at most. On this card the "
    "first kernel fails with “no kernel image is available”.",
    "该构建的编译列表未知，但它的 CUDA {cuda} 最多只能编译到 {supported}。在这块显卡上，第一个内核就会报 "
    "“no kernel image is available”。",
)


SIGNATURES = (
    Signature(
        r"(?P<gpu>[A-Z][\w -]{3,50}?) with CUDA capability (?P<arch>sm_\d+) is not compatible "
        r"with the current PyTorch",
        outranks=("driver-too-old",),
    ),
    Signature(r"PyTorch install(?:ation)? supports CUDA capabilities (?P<built_for>sm_[\w ]{2,200})", "medium"),
    Signature(
        r"no kernel image is available for execution on (?:the )?device|"
        r"cudaErrorNoKernelImageForDevice|CUDA_ERROR_NO_BINARY_FOR_GPU",
        unless=(r"HIP error|ROCm\d|hipError|\bgfx\d{3}",),
        outranks=("out-of-memory-host",),
    ),
    Signature(r"Found GPU\d+ (?P<gpu>.{3,60}?) which is of cuda capability (?P<capability>\d+\.\d+)"),
    Signature(r"PyTorch no longer supports this GPU because it is too old"),
    Signature(
        r"Found GPU\d+ (?P<gpu>.{3,60}?) which is of compute capability \(CC\) (?P<capability>\d+\.\d+)", "medium"
    ),
    Signature(r"Value '(?P<arch>(?:sm|compute)_\d+a?)' is not defined for option 'gpu-(?:name|architecture)'"),
    Signature(r"nvcc fatal\s*: Unsupported gpu architecture '(?P<arch>(?:compute|sm)_\d+a?)'", "medium"),
    Signature(r"nvcc fatal\s*: Unsupported gpu architecture", "low"),
    Signature(r"ptxas\b.{0,80}--gpu-name=(?P<arch>sm_\d+\w?)\b.{0,160}non-zero exit status 255", "medium"),
    Signature(
        r"\bonly supports? sm_?\d+\w? and above|requires sm_?\d{2,3}\+|Backend requires SM ?>=? ?\d+",
        "medium",
    ),
    Signature(r"nvrtc: error: invalid value for --gpu-architecture|NVRTC_ERROR_INVALID_OPTION", "medium"),
    Signature(
        r"Found (?P<gpu>.{3,60}?) which is too old to be supported by the triton GPU compiler|"
        r"Triton only supports devices of CUDA Capability"
    ),
    Signature(r"Found (?P<gpu>.{3,60}?) which is too old to be supported by the triton"),
    Signature(
        r"CUDA error(?: \([^()]{3,160}\))?: (?:invalid device function|device kernel image is invalid)",
        "medium",
        unless=(r"HIP error|ROCm|hipError|\bgfx\d{3}|rocm",),
    ),
    # LLVM in Triton or Numba, llama.cpp, xformers and vLLM: their kernels were not built for the card
    Signature(r"'(?P<arch>sm_\d+a?)' is not a recognized processor for this target", "medium"),
    Signature(r"compiled without support for the current GPU architecture|Unsupported gpu architecture\W{1,3}sm_\d+"),
    Signature(r"has no device code compatible with CUDA arch (?P<capability>\d+)"),
    Signature(r"FATAL: kernel `\w{3,80}` is for sm\d+.{0,20} but was built for sm(?P<built_for>\d+)"),
    Signature(
        r"No compiled \w{3,40} for (?:a compute capability less than )?CUDA device capability: (?P<capability>\d+)"
    ),
    Signature(r"cutlassF: no kernel found to launch", "low"),
    Signature(r"FlashAttention(?:-2)? only supports Ampere GPUs or newer", "low"),
    Signature(r"Bfloat16 is only supported on GPUs with compute capability of at least (?P<needed>[\d.]+)", "low"),
    Signature(
        r"requires device with capability > \(\d, \d\) but your GPU has capability "
        r"\((?P<capability>\d+, \d+)\)",
        "low",
    ),
    Signature(
        r"quantization method \w{2,30} is not supported for the current GPU\. Minimum capability: (?P<needed>\d+)",
        "low",
    ),
    Signature(r"Feature '.{2,40}' (?:requires \.target sm_\d+ or higher|not supported on \.target)", "low"),
    Signature(r"CUD(?:NN|A|BLAS)_STATUS_(?:NOT_SUPPORTED_)?ARCH_MISMATCH", "medium"),
    Signature(r"does not support (?:the )?compute capability", "medium"),
    Signature(r"GPUs? with compute capability below", "low"),
    # also the reason why one of several backends is passed over
    Signature(r"compute capability .{0,30}(?:is )?not supported", "low"),
    Signature(r"Triton Error \[CUDA\]: (?:device kernel image is invalid|no kernel image)", "medium"),
    Signature(r"not supported on CUDA arch < \d+|fp8e4nv not supported in this architecture", "low"),
    Signature(r"CUDA capability sm_\d+ is not compatible", "medium"),
    # torch's extension builder, asked for an architecture that this torch does not know
    Signature(r"Unknown CUDA arch \((?P<capability>\d+\.\d+)\S{0,4}\) or GPU not supported", "medium"),
)


@check(
    code="gpu-arch-unsupported",
    severity="error",
    summary=Text("The installed torch has no code for a GPU here", "已安装的 torch 不支持本机的某块显卡"),
    message=Text(
        "torch {torch} has no code for {gpu} (compute capability {compute_capability}).",
        "torch {torch} 没有 {gpu}（计算能力 {compute_capability}）可用的代码。",
    ),
    cause=Text(
        "The build serves {supported}. On this card the first kernel fails with “no kernel image is available”.",
        "该构建支持 {supported}。在这块显卡上，第一个内核就会报 “no kernel image is available”。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia, Torch, Host, Trials, Distributions),
    remedies=(MendTorch(cuda=True),),
    signatures=SIGNATURES,
)
def gpu_arch_unsupported(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    torch = facts.need(Torch)
    cuda = known(torch.cuda, "torch")
    if cuda is None or not nvidia.gpus:
        return
    stage = unreached(facts)
    lines = [line for line in stage.text.splitlines() if NO_KERNEL.search(line)] if stage is not None else []
    build, source = _build(facts, torch, cuda, matrix)
    ran = _cards_that_ran(facts)
    direct = _direct(nvidia, cuda, facts, matrix)
    unserved: List[Tuple[Gpu, str, str]] = []
    unclear, untold = [], []
    for gpu in nvidia.gpus:
        if gpu.name in ran:
            continue
        capability = capability_of(gpu, matrix)
        refused = [line for line in lines if line.startswith(gpu.name + ": ")]
        if refused:
            unserved.append((gpu, capability or "?", refused[0]))
            continue
        if capability is None:
            unclear.append(gpu.name)
            continue
        served = matrix.serves(build, capability, direct)
        if served.answer is False:
            unserved.append((gpu, capability, served.reason))
        elif served.answer is None:
            untold.append(gpu.name)
    if not unserved and untold:
        raise MissingFact("torch", "the capabilities that torch %s was compiled for are not known" % torch.version)
    if not unserved and unclear:
        raise MissingFact("nvidia", "compute capability of %s" % ", ".join(unclear))
    others_work = len(unserved) < len(nvidia.gpus) - len(unclear) - len(untold)
    supported = _supported(build, matrix)
    seen = set()
    for gpu, capability, reason in unserved:
        if (gpu.name, capability) in seen:
            continue
        seen.add((gpu.name, capability))
        # An old display card beside a card that works is no obstacle: torch leaves it out with a warning.
        display_only = others_work and numbers(capability) < OLDEST_CAPABILITY
        yield Finding(
            params={
                "gpu": gpu.name,
                "compute_capability": capability,
                "torch": torch.version,
                "cuda": cuda,
                "supported": supported,
                "driver": nvidia.driver,
            },
            evidence=(reason, "%s: %s" % (source, supported)),
            severity=WARNING if display_only else ERROR,
            cause=BOUND if build.sass is None else None,
            remedies=() if display_only else (MendTorch(cuda=True),),
        )


def _build(facts: Facts, torch: Torch, cuda: str, matrix: Any) -> Tuple[Build, str]:
    """Return the build with what it was compiled for, and who says so; its toolkit bounds that where nobody says."""
    host = facts.maybe(Host)
    system, machine = (host.system, host.machine) if host is not None else ("linux", "x86_64")
    trials = facts.maybe(Trials)
    stage = trials.stage("torch") if trials is not None else None
    said = tuple(stage.data.get("arch_list") or ()) if stage is not None else ()
    sass, ptx = capabilities(said or torch.arch_list)
    if sass or ptx:
        variant = variant_of(cuda)
        return Build(public(torch.version), variant, system, cuda, sass, ptx), "torch.cuda.get_arch_list()"
    distributions = facts.maybe(Distributions)
    found = distributions.find("torch") if distributions is not None else None
    wheel = found is None or found.installer != "conda"  # conda's builds have lists of their own
    build = matrix.build(torch.version, system, cuda, machine) if wheel else None
    if build is not None and build.known:
        return build, "wheel_matrix.yaml"
    return Build(public(torch.version), variant_of(cuda), system, cuda), "CUDA %s" % cuda


def _supported(build: Build, matrix: Any) -> str:
    """Return the capabilities that a build serves; of an unknown build the most that its toolkit could compile for."""
    if build.sass is None:
        return matrix.toolkit_span(build.cuda) or "?"
    return " ".join(build.sass + tuple("%s+PTX" % item for item in build.ptx))


def capabilities(names: Sequence[str]) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """Return (machine code, PTX) of torch's own list or the matrix's: sm_61, compute_120, 6.1, 12.0+PTX.

    Code for one model alone (sm_90a, sm_100f) runs on that capability all the same.
    """
    sass: List[str] = []
    ptx: List[str] = []
    for name in names:
        match = re.match(r"(sm|compute)_(\d+)(\d)[af]?$", name)
        if match is None and re.match(r"\d+\.\d+(\+PTX)?$", name) is None:
            continue  # a word of a torch that this doctor does not know
        plain = "%s.%s" % match.group(2, 3) if match else name.replace("+PTX", "")
        if match is None or match.group(1) == "sm":
            sass.append(plain)
        if name.startswith("compute_") or name.endswith("+PTX"):
            ptx.append(plain)
    return tuple(dict.fromkeys(sass)), tuple(dict.fromkeys(ptx))


def _direct(nvidia: Nvidia, cuda: str, facts: Facts, matrix: Any) -> bool:
    """Tell whether the driver supports the build's own toolkit, without which it cannot compile PTX.

    One that cannot run the build at all is not the card's fault: driver-too-old says so.
    """
    if nvidia.driver:
        return matrix.runs(nvidia.driver, cuda, driver_system(facts.maybe(Host))) != "minor"
    return numbers(nvidia.cuda)[:2] >= numbers(cuda)[:2] if nvidia.cuda else True


def _cards_that_ran(facts: Facts) -> Tuple[str, ...]:
    """Return the names of the cards on which the trial ran a kernel; CUDA numbers cards in another order than NVML."""
    trials = facts.maybe(Trials)
    stage = trials.stage("cuda-kernel") if trials is not None else None
    return tuple(stage.data.get("ran_on") or ()) if stage is not None else ()
