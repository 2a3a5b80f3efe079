"""The loaded NVIDIA kernel module and the driver's libraries have different versions.

## What it checks
NVML's error 18 and the words "Driver/library version mismatch", and the version of the loaded module
(`/proc/driver/nvidia/version`) against the version of the installed library.

## Why it matters
An update replaced the libraries while the old module stayed loaded. Until the module is reloaded every CUDA program
fails.

## Example
`Failed to initialize NVML: Driver/library version mismatch` after an unattended upgrade.

## Fix
Restart the machine. Without a restart: stop everything that uses the card, then unload and load the module.
"""

from typing import Iterator, Optional

from ...facts import Facts, Host, Nvidia, Trials
from ...model import Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ._nvidia import IN_A_CONTAINER, MISMATCH, VERSION_MISMATCH, source_evidence, unreached

EXPLAIN_ZH = """已加载的 NVIDIA 内核模块与驱动库的版本不一致。

## 检查什么
查看 NVML 的错误 18 和 “Driver/library version mismatch” 字样，并比较已加载模块（`/proc/driver/nvidia/version`）
与已安装驱动库的版本。

## 为什么重要
系统升级替换了驱动库，而旧模块仍在内存里。重新加载模块之前，所有 CUDA 程序都会失败。

## 示例
自动升级之后出现 `Failed to initialize NVML: Driver/library version mismatch`。

## 修复
重启机器。如果不能重启：停止所有使用显卡的程序，然后卸载并重新加载模块。
"""

RESTART = Text(
    "Restart the machine. If that is not possible, stop every program that uses the card and run: "
    "sudo rmmod nvidia_drm nvidia_modeset nvidia_uvm nvidia && sudo modprobe nvidia",
    "重启机器。如果无法重启，请停止所有使用显卡的程序，然后运行："
    "sudo rmmod nvidia_drm nvidia_modeset nvidia_uvm nvidia && sudo modprobe nvidia",
)


SIGNATURES = (
    Signature(
        r"(?:Failed to initialize NVML: |NVML\W.{0,60}|nvml error: )?Driver/library version mismatch",
        outranks=("driver-too-old", "driver-missing", "container-no-gpu"),
    ),
    Signature(
        r"NVML(?:Error_LibRmVersionMismatch|_ERROR_LIB_RM_VERSION_MISMATCH)|NVML/RM version mismatch",
        outranks=("driver-too-old", "driver-missing"),
    ),
    Signature(
        r"system has unsupported display driver ?/ ?cuda driver combination|"
        r"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH|cudaErrorSystemDriverMismatch",
        outranks=("driver-too-old", "driver-missing"),
    ),
    Signature(
        r"kernel version (?P<kernel>\d{3}\.[\d.]+) does not match DSO version (?P<library>\d{3}\.[\d.]+)",
        outranks=("driver-missing", "driver-too-old"),
    ),
    Signature(r"NVRM: API mismatch: the client has the version (?P<library>\d{3}\.[\d.]+)"),
    Signature(
        r"forward compatibility was attempted on non supported HW",
        "medium",
        unless=(IN_A_CONTAINER + "|compat/libcuda|cuda-compat",),
    ),
)


@check(
    code="driver-library-mismatch",
    severity="error",
    summary=Text(
        "The NVIDIA kernel module and the driver's libraries differ in version",
        "NVIDIA 内核模块与驱动库版本不一致",
    ),
    message=Text(
        "The loaded NVIDIA module is {driver}, but the driver's libraries are {library}.",
        "已加载的 NVIDIA 模块是 {driver}，而驱动库是 {library}。",
    ),
    cause=Text(
        "An update replaced the libraries while the old module stayed loaded. CUDA does not start until the machine "
        "is restarted.",
        "更新替换了驱动库，但旧模块仍在内存中。重启之前 CUDA 无法启动。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia, Host, Trials),
    remedies=(Manual(RESTART),),
    signatures=SIGNATURES,
)
def driver_library_mismatch(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    host = facts.maybe(Host)
    said = any(
        source.error_code == VERSION_MISMATCH or "library version mismatch" in (source.error or "").lower()
        for source in nvidia.sources
    )
    stage = unreached(facts)
    if stage is not None and MISMATCH.search(stage.text):
        said = True
    module = _first(source.driver for source in nvidia.sources if source.name == "proc")
    library = _first(source.library for source in nvidia.sources)
    # WSL has no module of its own, and a container may bring libraries for forward compatibility.
    native = host is None or not (host.wsl or host.container)
    differ = bool(module and library and module != library)
    # A card that answers proves that some library fits; the other file is a leftover.
    if not said and not (native and differ and not nvidia.gpus):
        return
    title: Optional[Text] = None
    if not (module and library):
        title = Text(
            "The NVIDIA driver's module and its libraries have different versions.",
            "NVIDIA 驱动的内核模块与驱动库版本不一致。",
        )
    yield Finding(
        params={"driver": module or nvidia.driver, "library": library},
        evidence=source_evidence(nvidia),
        remedies=(Manual(RESTART),),
        title=title,
    )


def _first(values) -> Optional[str]:
    return next((value for value in values if value), None)
