"""The NVIDIA driver is older than the installed torch build needs.

## What it checks
Compares the driver's version with the lowest that can run the CUDA of the installed build. Minor-version compatibility
counts: a driver of branch 525 runs every CUDA 12 build. A driver above 580 runs CUDA 13.

## Why it matters
`import torch` works, `torch.cuda.is_available()` is `False`, and training quietly runs on the CPU.

## Example
Driver 531.68 (CUDA 12.1) with `torch==2.9.1+cu130`, which needs driver 580.

## Fix
Installs the newest builds that this driver can run; only the environment changes. The other way, by hand: update the
driver.
"""

import re
from typing import Any, Iterator, Optional

from ...facts import Facts, Host, Nvidia, Torch, Trials
from ...model import Finding, Manual, MendTorch
from ...registry import Signature, check
from ...text import Text
from ._nvidia import (
    IN_A_CONTAINER,
    TOO_OLD,
    capability_of,
    cuda_version,
    driver_system,
    known,
    numbers,
    older,
    source_evidence,
    unreached,
)

EXPLAIN_ZH = """NVIDIA 驱动比已安装的 torch 所需的更旧。

## 检查什么
把驱动版本与已安装构建所用 CUDA 的最低驱动要求比较。计入次版本兼容：525 分支的驱动可以运行所有 CUDA 12 构建，
580 及以上可以运行 CUDA 13。

## 为什么重要
`import torch` 正常，但 `torch.cuda.is_available()` 为 `False`，训练会悄悄改用 CPU。

## 示例
驱动 531.68（CUDA 12.1）搭配 `torch==2.9.1+cu130`，后者需要 580 驱动。

## 修复
安装这个驱动能运行的最新构建，只改动虚拟环境。也可以手动升级驱动。
"""

UPDATE = Text(
    "Or update the NVIDIA driver to {minimum} or newer and keep torch {torch}.",
    "或者把 NVIDIA 驱动升级到 {minimum} 或更新，保留 torch {torch}。",
)


SIGNATURES = (
    Signature(
        r"NVIDIA driver on your system is too old(?: \(found version (?P<found>\d+)\))?",
        outranks=("driver-missing", "torch-cpu-build"),
    ),
    Signature(
        r"CUDA driver version is insufficient for CUDA runtime version|cudaErrorInsufficientDriver",
        outranks=("driver-missing",),
    ),
    Signature(
        r"nvidia-container-cli: requirement error: unsatisfied condition: (?P<condition>cuda ?>= ?[\d.]+)",
        outranks=("container-no-gpu",),
    ),
    Signature(
        r"provided PTX was compiled with an unsupported toolchain|"
        r"CUDA_ERROR_UNSUPPORTED_PTX_VERSION|cudaErrorUnsupportedPtxVersion|"
        r"API call is not supported in the installed CUDA driver|cudaErrorCallRequiresNewerDriver"
    ),
    Signature(
        r"forward compatibility was attempted on non supported HW",
        "medium",
        requires=(IN_A_CONTAINER + "|compat/libcuda|cuda-compat",),
    ),
    Signature(
        r"(?:NVIDIA|CUDA|GPU) driver (?:version )?(?P<driver>\d{3}\.[\d.]+)? ?(?:is )?too old",
        "medium",
    ),
    # TensorRT gives CUDA's number; ptxas of the driver reads what a newer toolkit wrote
    Signature(
        r"CUDA initialization failure with error:? (?:35|222)\b|Unsupported \.version [\d.]+; current version is",
        "medium",
    ),
    Signature(r"older than the PTX compiler version", "low", warning=True),
    Signature(r"driver only supports (?:up to )?CUDA (?:version )?(?P<driver_cuda>\d+\.\d+)", "low"),
    Signature(
        r"container was built for NVIDIA Driver Release (?P<needed>\d{3}\.\d+) or later, "
        r"but version (?P<driver>[\d.]+) was detected",
        "medium",
    ),
    Signature(r"minimum required (?:Nvidia|NVIDIA|CUDA) driver", "low"),
)


@check(
    code="driver-too-old",
    severity="error",
    summary=Text("The NVIDIA driver is too old for the installed torch", "NVIDIA 驱动对已安装的 torch 来说过旧"),
    message=Text(
        "Driver {driver} is too old for torch {torch} (CUDA {cuda}), which needs {minimum} or newer.",
        "驱动 {driver} 过旧：torch {torch}（CUDA {cuda}）需要 {minimum} 或更新的驱动。",
    ),
    cause=Text(
        "This build was made with CUDA {cuda}; a driver below {minimum} cannot run it, so torch falls back to the CPU.",
        "该构建使用 CUDA {cuda}，低于 {minimum} 的驱动无法运行它，torch 只能退回 CPU。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia, Torch, Host, Trials),
    remedies=(MendTorch(cuda=True),),
    signatures=SIGNATURES,
)
def driver_too_old(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    torch = facts.need(Torch)
    cuda = known(torch.cuda, "torch")
    trials = facts.maybe(Trials)
    kernel = trials.stage("cuda-kernel") if trials is not None else None
    if cuda is None or (kernel is not None and kernel.status == "ok"):
        return  # when a kernel ran: forward compatibility, or numbers that mislead
    stage = unreached(facts)
    said = stage is not None and TOO_OLD.search(stage.text) is not None
    found = re.search(r"found version (\d+)", stage.text) if stage is not None else None
    driver_cuda = nvidia.cuda or (cuda_version(int(found.group(1))) if found else None)
    if not (nvidia.driver or driver_cuda):
        return
    minimum = matrix.minimum_driver(cuda, driver_system(facts.maybe(Host)), minor_compatibility=True)
    if nvidia.driver and minimum is not None:
        below = older(nvidia.driver, minimum)
    else:
        below = driver_cuda is not None and numbers(driver_cuda)[:1] < numbers(cuda)[:1]
    if not below and not said:
        return
    yield Finding(
        params={
            "driver": nvidia.driver or "CUDA %s" % driver_cuda,
            "minimum": minimum or "CUDA %s" % cuda,
            "torch": torch.version,
            "cuda": cuda,
            "driver_cuda": driver_cuda,
        },
        evidence=source_evidence(nvidia) + ((stage.text.splitlines()[-1],) if said and stage is not None else ()),
        remedies=(MendTorch(cuda=True),) + ((Manual(UPDATE),) if _newer_driver_helps(facts, matrix, minimum) else ()),
    )


def _newer_driver_helps(facts: Facts, matrix: Any, minimum: Optional[str]) -> bool:
    """Tell whether this torch would use every card, and the driver still know it, once the driver is new enough."""
    nvidia, torch, host = facts.need(Nvidia), facts.need(Torch), facts.maybe(Host)
    system, machine = (host.system, host.machine) if host is not None else ("linux", "x86_64")
    build = matrix.build(torch.version, system, torch.cuda, machine)
    for gpu in nvidia.gpus:
        capability = capability_of(gpu, matrix)
        if capability is None:
            continue
        last = matrix.last_driver_branch(capability)
        if last is not None and minimum is not None and older("%d.9999" % last, minimum):
            return False
        if build is not None and matrix.serves(build, capability).answer is False:
            return False
    return True
