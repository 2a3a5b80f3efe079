"""A card is in the machine, but no NVIDIA driver answers.

## What it checks
The PCI bus shows an NVIDIA card, while neither NVML nor `nvidia-smi` nor `/proc/driver/nvidia` knows a driver.

## Why it matters
Without the driver `torch.cuda.is_available()` is `False` and training quietly runs on the CPU.

## Example
`NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver`, with a GeForce RTX 3060 on the PCI bus;
often after a kernel update, when the module was not built for the new kernel, or when Secure Boot refused to load it.

## Fix
Install or rebuild the driver by hand (a driver is never installed by the doctor), then restart the machine.
"""

from typing import Iterator

from ...facts import Facts, Host, Nvidia, Project, Torch
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ._nvidia import card_names, pci_cards, source_evidence, unheard, wants_torch

EXPLAIN_ZH = """机器上有显卡，但没有 NVIDIA 驱动应答。

## 检查什么
PCI 总线上有 NVIDIA 显卡，而 NVML、`nvidia-smi` 和 `/proc/driver/nvidia` 都找不到驱动。

## 为什么重要
没有驱动时 `torch.cuda.is_available()` 为 `False`，训练会悄悄改用 CPU。

## 示例
PCI 总线上有 GeForce RTX 3060，却提示 `NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver`。
常见于升级内核后没有为新内核编译模块，或安全启动（Secure Boot）拒绝加载模块。

## 修复
手动安装或重新编译驱动（doctor 从不安装驱动），然后重启机器。
"""

LINUX = Text(
    "Install the driver that your distribution offers (Ubuntu: `sudo ubuntu-drivers install`; Debian: the package "
    "nvidia-driver from non-free), or rebuild its module for the running kernel (`sudo dkms autoinstall`), then "
    "restart. If Secure Boot is on, enrol the module's key or turn it off.",
    "安装发行版提供的驱动（Ubuntu：`sudo ubuntu-drivers install`；Debian：non-free 中的 nvidia-driver），"
    "或为当前内核重新编译模块"
    "（`sudo dkms autoinstall`），然后重启。如果开启了安全启动，请登记模块密钥或关闭安全启动。",
)
WINDOWS = Text(
    "Install the driver for this card from www.nvidia.com/drivers, then restart Windows.",
    "从 www.nvidia.com/drivers 下载并安装这块显卡的驱动，然后重启 Windows。",
)


SIGNATURES = (
    Signature(
        r"Found no NVIDIA driver on your system",
        outranks=("torch-cpu-build",),
    ),
    Signature(r"NVIDIA-SMI has failed because it could\W{0,2}n\W{0,2}t communicate with the NVIDIA driver"),
    Signature(r"NVMLError_DriverNotLoaded|NVML: Driver Not Loaded|nvml error: driver not loaded"),
    Signature(
        r"nvidia-smi(?:: command not found|: not found|'? is not recognized as|"
        r"'? 不是内部或外部命令)",
        "medium",
        unless=(r"\bROCm|Radeon|macOS|darwin|Apple M\d|Intel\(R\) (?:Arc|UHD|Iris)",),
    ),
    Signature(
        r"NVMLError_LibraryNotFound|(?<!because: )(?<!platform: )NVML Shared Library Not Found",
        "medium",
        unless=(r"Radeon|AMD Instinct|\bRX ?\d{4}|\bMI\d{3}[XA]?\b|\bgfx\d{3}|\+rocm\d",),
        warning=True,
    ),
    Signature(r"platform(?: is not available because)?: NVML Shared Library Not Found", "low", warning=True),
    Signature(
        r"(?:ImportError|OSError|error while loading shared libraries)\W.{0,40}libcuda\.so\.1: "
        r"cannot open shared object file",
        "medium",
        unless=(
            r"onnxruntime_providers|dlerror|\(ignored\)|does not affect|"
            r"Failed to import from vllm\._C with ImportError",
        ),
        outranks=("system-lib-missing",),
    ),
    Signature(
        r"cuda(?:GetDeviceCount|_init)\W.{0,80}no CUDA-capable device is detected|"
        r"(?:CUDA error|cuda runtime error \(38\)|failed to initialize CUDA)\W{1,4}no CUDA-capable device is detected",
        "medium",
    ),
    # TensorRT, Numba
    Signature(
        r"CUDA initialization failure with error:? 100\b|CUDA driver library cannot be found|"
        r"CudaSupportError: Error at driver init.{0,4}\s{0,4}.{0,12}Call to cuInit results in CUDA_ERROR_NO_DEVICE",
        "medium",
    ),
    # TensorFlow and JAX say so on every machine without a GPU
    Signature(r"no CUDA-capable device is detected|No visible GPU devices|CUDA_ERROR_NO_DEVICE", "low", warning=True),
    Signature(
        r"cuda runtime error \(30\)\W{1,4}unknown error|CUDA error (?:\(?999\)?|3)\b.{0,80}"
        r"(?:unknown|initialization) error|no CUDA devices found, CUDA will be disabled|"
        r"(?:failed to initialize CUDA|cuInit failed): (?:initialization error|unknown error|\(null\)|"
        r"system not yet initialized)",
        "low",
    ),
    Signature(r"CUDA driver initialization failed, you might not have a CUDA gpu", "medium"),
    Signature(
        r"(?:RuntimeError|Error)\W.{0,60}No CUDA GPUs are available",
        "low",
        unless=(r"CUDA_VISIBLE_DEVICES\W{0,3}(?:-1|''|\"\")",),
    ),
    Signature(r"CUDA unknown error - this may be due to an incorrectly set up environment", "low"),
    Signature(r"kernel driver does not appear to be running on this host", "low", warning=True),
    Signature(r"nvidia-smi\S{0,4}\s.{0,200}No devices were found", "low"),
    Signature(
        r"modprobe: (?:FATAL: Module nvidia.{0,20} not found|ERROR: could not insert 'nvidia)|"
        r"Unable to load the kernel module 'nvidia",
        "medium",
    ),
    Signature(r"CUDA error: unknown error", "low"),
    # the kernel module is there but got no card
    Signature(
        r"NVRM: (?:No NVIDIA (?:graphics adapter|GPU|devices?) (?:probed|found)|"
        r"The NVIDIA probe routine (?:was not called|failed))",
        "medium",
    ),
)


@check(
    code="driver-missing",
    severity="error",
    summary=Text("An NVIDIA card is here, but no driver answers", "有 NVIDIA 显卡，但没有驱动应答"),
    message=Text(
        "{gpu} is in this machine, but no NVIDIA driver answers.",
        "本机装有 {gpu}，但没有 NVIDIA 驱动应答。",
    ),
    cause=Text(
        "The driver is not installed, or its module is not loaded (kernel module now: {kernel_module}). Until then "
        "torch can only use the CPU.",
        "驱动没有安装，或者内核模块没有加载（当前内核模块：{kernel_module}）。在此之前 torch 只能使用 CPU。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia, Host, Torch, Project),
    remedies=(Manual(LINUX),),
    after=("gpu-dropped-by-driver", "driver-library-mismatch"),
    signatures=SIGNATURES,
)
def driver_missing(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    host = facts.maybe(Host)
    if nvidia.gpus or nvidia.driver or not nvidia.pci:
        return
    if host is not None and (host.container or host.wsl):
        return  # container-no-gpu and wsl-libcuda say what to do there
    if unheard(nvidia):
        return
    windows = host is not None and host.system == "windows"
    yield Finding(
        params={
            "gpu": card_names(pci_cards(nvidia)),
            "kernel_module": nvidia.kernel_module or "-",
        },
        evidence=source_evidence(nvidia),
        severity=ERROR if wants_torch(facts) else WARNING,
        remedies=(Manual(WINDOWS if windows else LINUX),),
    )
