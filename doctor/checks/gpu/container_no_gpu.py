"""The container was started without the machine's NVIDIA GPU.

## What it checks
Inside a container: the machine has an NVIDIA card (PCI bus or the kernel module's `/proc/driver/nvidia`), but no card
and no driver library reached the container.

## Why it matters
`torch.cuda.is_available()` is `False` inside although the machine's GPU is fine.

## Example
`docker run IMAGE python train.py` without `--gpus all`.

## Fix
Start the container with the GPU: `docker run --gpus all`, or `podman run --device nvidia.com/gpu=all`; the NVIDIA
Container Toolkit must be installed on the machine.
"""

from typing import Iterator

from ...facts import Environ, Facts, Host, Nvidia, Torch, Trials, Unknown
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ._nvidia import IN_A_CONTAINER, NO_DRIVER, card_names, hidden, pci_cards, source_evidence, unreached

EXPLAIN_ZH = """容器启动时没有带上宿主机的 NVIDIA 显卡。

## 检查什么
在容器内：宿主机有 NVIDIA 显卡（PCI 总线或内核模块的 `/proc/driver/nvidia`），但显卡和驱动库都没有进入容器。

## 为什么重要
宿主机的显卡正常，容器里的 `torch.cuda.is_available()` 却是 `False`。

## 示例
用 `docker run IMAGE python train.py` 启动，缺少 `--gpus all`。

## 修复
带显卡启动容器：`docker run --gpus all`，或 `podman run --device nvidia.com/gpu=all`；
宿主机需要安装 NVIDIA Container Toolkit。
"""

START = Text(
    "Start the container with the GPU: `docker run --gpus all …` (Docker Compose: "
    "deploy.resources.reservations.devices;"
    " Podman: --device nvidia.com/gpu=all; Kubernetes: limits nvidia.com/gpu: 1). The machine needs the NVIDIA "
    "Container "
    "Toolkit.",
    "带显卡启动容器：`docker run --gpus all …`（Docker Compose：deploy.resources.reservations.devices；"
    "Podman：--device nvidia.com/gpu=all；Kubernetes：limits nvidia.com/gpu: 1）。"
    "宿主机需要安装 NVIDIA Container Toolkit。",
)


HALF = Text(
    "nvidia-smi works inside, but the CUDA library of the driver did not reach the container, so torch can only use "
    "the CPU.",
    "容器里 nvidia-smi 可用，但驱动的 CUDA 库没有进入容器，torch 只能使用 CPU。",
)
CAPABILITIES = Text(
    "Start the container with the compute part of the driver: `docker run --gpus all -e "
    "NVIDIA_DRIVER_CAPABILITIES=compute,utility …`",
    "启动容器时带上驱动的计算部分：`docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility …`",
)


SIGNATURES = (
    Signature(r"could not select device driver .{0,12} with capabilities: \[\[gpu"),
    Signature(
        r"NVIDIA Driver was not detected\. +GPU functionality will not be available", outranks=("driver-missing",)
    ),
    Signature(r"NVIDIA Driver was not detected", "medium", outranks=("driver-missing",)),
    Signature(
        r"[Uu]nknown or invalid runtime name: nvidia|Unknown runtime specified nvidia", outranks=("driver-missing",)
    ),
    Signature(
        r"nvidia-container-cli: (?:initialization error|device error|mount error|detection error|"
        r"container error|ldcache error)",
        unless=(r"driver/library version mismatch", r"driver not loaded"),
        outranks=("driver-missing",),
    ),
    Signature(
        r"Found no NVIDIA driver on your system",
        "medium",
        requires=(IN_A_CONTAINER,),
        outranks=("driver-missing",),
    ),
    Signature(
        r"No CUDA GPUs are available|no CUDA-capable device is detected",
        "medium",
        requires=(IN_A_CONTAINER,),
        unless=(r"driver/library version mismatch|forward compatibility was attempted",),
        outranks=("driver-missing",),
    ),
    Signature(
        r"CUDA driver version is insufficient for CUDA runtime version",
        "medium",
        requires=(IN_A_CONTAINER,),
        unless=(
            r"--gpus[ =]|--runtime[ =]nvidia|driver: nvidia|Jetson|JetPack|L4T|aarch64|tegra",
            r"system is too old",
        ),
        outranks=("driver-too-old", "driver-missing"),
    ),
    Signature(
        r"libcuda\.so\.1: cannot open shared object file",
        "medium",
        requires=(IN_A_CONTAINER,),
        outranks=("driver-missing", "system-lib-missing"),
    ),
    # ollama
    Signature(r"no compatible GPUs were discovered", "medium", requires=(IN_A_CONTAINER,)),
    Signature(r"failed to inject CDI devices|unresolvable CDI devices nvidia", outranks=("driver-missing",)),
    Signature(
        r"nvidia-container-runtime(?:-hook)?\W{0,3}: executable file not found|"
        r"did you configure the NVIDIA Container Toolkit|Could not find any nv files on this host",
        outranks=("driver-missing",),
    ),
    Signature(r"Failed to initialize NVML: Unknown Error", "medium"),
    Signature(
        r"Insufficient nvidia\.com/gpu|nvidia-device-plugin.{0,200}(?:No devices found|Failed to initialize NVML)"
    ),
    Signature(r"Failed to infer device type|no platform detected", "low", requires=(IN_A_CONTAINER,)),
)


@check(
    code="container-no-gpu",
    severity="error",
    summary=Text("The container was started without the GPU", "容器启动时没有带上显卡"),
    message=Text(
        "The machine has {gpu}, but this container ({container}) was started without it.",
        "宿主机有 {gpu}，但启动这个容器（{container}）时没有带上它。",
    ),
    cause=Text(
        "The container holds neither the card's device files nor the driver's libraries, so torch can only use "
        "the CPU.",
        "容器里既没有显卡的设备文件，也没有驱动库，torch 只能使用 CPU。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia, Host, Torch, Environ, Trials),
    remedies=(Manual(START),),
    signatures=SIGNATURES,
)
def container_no_gpu(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    host = facts.need(Host)
    if not host.container or host.wsl or not (nvidia.gpus or nvidia.pci or nvidia.driver):
        return
    stage = unreached(facts)
    half = bool(nvidia.gpus)  # nvidia-smi works inside, and still torch finds no driver
    if half and (stage is None or not NO_DRIVER.search(stage.text) or hidden(facts) is not None):
        return
    torch = facts.state(Torch)
    cuda_build = isinstance(torch, Torch) and torch.cuda is not None and not isinstance(torch.cuda, Unknown)
    environ = facts.maybe(Environ)
    visible = environ.get("NVIDIA_VISIBLE_DEVICES") if environ is not None else None
    evidence = source_evidence(nvidia)
    if visible in ("none", "void", ""):
        evidence += ("NVIDIA_VISIBLE_DEVICES=%s" % visible,)
    if half:
        capabilities = environ.get("NVIDIA_DRIVER_CAPABILITIES") if environ is not None else None
        evidence += ("NVIDIA_DRIVER_CAPABILITIES=%s" % (capabilities or ""),)
    yield Finding(
        params={
            "gpu": card_names(list(nvidia.gpus) or pci_cards(nvidia)) or "NVIDIA GPU",
            "container": host.container,
            "driver": nvidia.driver,
        },
        evidence=evidence,
        severity=ERROR if cuda_build else WARNING,
        remedies=(Manual(CAPABILITIES if half else START),),
        cause=HALF if half else None,
    )
