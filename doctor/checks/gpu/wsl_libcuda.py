"""WSL does not reach the GPU of Windows.

## What it checks
Under WSL: is it WSL 2, is the device `/dev/dxg` there, does `/usr/lib/wsl/lib/libcuda.so.1` exist, and does a Linux
driver package shadow it with a libcuda of its own.

## Why it matters
WSL uses the driver of Windows. A Linux driver installed inside WSL, or a WSL without its library folder in the loader's
path, makes CUDA fail although Windows sees the card.

## Example
`apt install nvidia-driver-550` inside WSL put another `libcuda.so.1` before the right one.

## Fix
Remove the Linux driver inside WSL, keep the driver in Windows up to date, and run `wsl --update`, `wsl --shutdown`.
"""

from typing import Iterator, Optional

from ...facts import Environ, Facts, Host, Nvidia, Torch, Trials
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ._nvidia import NO_DRIVER, hidden, source_evidence, unreached

EXPLAIN_ZH = """WSL 无法使用 Windows 的显卡。

## 检查什么
在 WSL 中：是否为 WSL 2，是否有设备 `/dev/dxg`，是否有 `/usr/lib/wsl/lib/libcuda.so.1`，
以及 Linux 驱动包是否用自己的 libcuda 遮住了它。

## 为什么重要
WSL 使用的是 Windows 的驱动。在 WSL 里安装了 Linux 驱动，或 WSL 的库目录不在加载路径里，都会让 CUDA 失败，
尽管 Windows 能看到显卡。

## 示例
在 WSL 里执行 `apt install nvidia-driver-550`，把另一个 `libcuda.so.1` 放到了前面。

## 修复
卸载 WSL 里的 Linux 驱动，保持 Windows 驱动为新版本，并运行 `wsl --update`、`wsl --shutdown`。
"""

RIGHT = "/usr/lib/wsl/lib/"

NO_GPU_IN_1 = Text("WSL 1 has no access to a GPU.", "WSL 1 无法访问显卡。")
WSL1 = Text(
    "This is WSL 1, which has no GPU. In Windows run: wsl --set-version NAME 2",
    "当前是 WSL 1，不支持显卡。请在 Windows 中运行：wsl --set-version 名称 2",
)
SHADOWED = Text(
    "Remove the Linux driver from WSL (sudo apt purge 'libnvidia-*' 'nvidia-driver-*' 'libcuda*'), then in "
    "Windows run: "
    "wsl --shutdown",
    "卸载 WSL 里的 Linux 驱动（sudo apt purge 'libnvidia-*' 'nvidia-driver-*' 'libcuda*'），"
    "然后在 Windows 中运行：wsl --shutdown",
)
NO_DEVICE = Text(
    "Install or update the NVIDIA driver in Windows, then run there: wsl --update, then wsl --shutdown",
    "在 Windows 中安装或更新 NVIDIA 驱动，然后在 Windows 中运行：wsl --update，再运行 wsl --shutdown",
)


LOADER = Text(
    "Let the loader find WSL's own library: echo /usr/lib/wsl/lib | sudo tee /etc/ld.so.conf.d/ld.wsl.conf && sudo "
    "ldconfig",
    "让加载器找到 WSL 自带的库：echo /usr/lib/wsl/lib | sudo tee /etc/ld.so.conf.d/ld.wsl.conf && sudo ldconfig",
)


_WSL = r"\bWSL ?[12]?\b|microsoft-standard|/usr/lib/wsl|/mnt/[cd]/|(?:Windows|Linux|Ubuntu) Subsystem"
SIGNATURES = (
    Signature(r"/usr/lib/wsl/lib/libcuda\.so\.1 is not a symbolic link", "medium", warning=True),
    Signature(r"/usr/lib/wsl/lib/libcuda\.so\.1: no such file or directory", outranks=("container-no-gpu",)),
    # in WSL the program reaches Windows' driver, unless one was installed inside
    Signature(
        r"NVIDIA-SMI has failed because it couldn'?t communicate with the NVIDIA driver",
        "medium",
        requires=(r"\bWSL ?2?\b|microsoft-standard|/usr/lib/wsl",),
        outranks=("driver-missing",),
    ),
    Signature(
        r"libcuda\.so(?:\.1)?: cannot open shared object file|libcuda\.so cannot found|"
        r"cannot find -lcuda\b|libcuda\.so not found|[Ff]ailed to (?:dlopen|load|open) \S{0,60}libcuda\.so|"
        r"Unable to (?:find cuda lib under|dynamically load the \W{0,3}cuda)",
        "high",
        requires=(_WSL,),
        outranks=("driver-missing", "system-lib-missing", "cuda-libs-conflict", "toolkit-missing"),
    ),
    Signature(
        r"Could not load library libcudnn_\w{3,20}\.so\.\d\. Error: libcuda\.so: cannot open shared object file",
        "medium",
        outranks=("driver-missing", "system-lib-missing", "cuda-libs-conflict"),
    ),
    Signature(
        r"Could not load library libcudnn_\w{3,20}_infer\.so\.8",
        "medium",
        requires=(_WSL, r"libcuda\.so"),
        outranks=("cuda-libs-conflict",),
    ),
    Signature(r"libcuda\.so cannot found", "low"),
    Signature(r"WSL environment detected but no adapters were found", outranks=("driver-missing", "container-no-gpu")),
    Signature(r"GPU access blocked by the operating system", "medium", requires=(_WSL,)),
    Signature(r"Error 500: named symbol not found", "medium"),
    Signature(
        r"Linux[- ]4\.4\.0-\d+-Microsoft",
        "low",
        requires=(r"\(False\)|is_available\S{0,4}\W{1,3}False|CUDA available\W{1,3}False|no (?:CUDA|GPU)|GPU not",),
        cause=NO_GPU_IN_1,
        remedies=(Manual(WSL1),),
    ),
)


@check(
    code="wsl-libcuda",
    severity="error",
    summary=Text("WSL does not reach the GPU of Windows", "WSL 无法使用 Windows 的显卡"),
    message=Text("WSL {wsl} does not reach the GPU of Windows.", "WSL {wsl} 无法使用 Windows 的显卡。"),
    cause=Text(
        "The library that connects WSL with the Windows driver is not the one that is loaded ({libcuda}).",
        "加载的不是连接 Windows 驱动的那个库（{libcuda}）。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Host, Nvidia, Torch, Trials, Environ),
    remedies=(Manual(NO_DEVICE),),
    signatures=SIGNATURES,
)
def wsl_libcuda(facts: Facts, matrix) -> Iterator[Finding]:
    host = facts.need(Host)
    if not host.wsl:
        return
    nvidia = facts.need(Nvidia)  # absent: neither device nor library, no-gpu says what WSL needs
    stage = unreached(facts)
    if nvidia.gpus and (stage is None or not NO_DRIVER.search(stage.text) or hidden(facts) is not None):
        return
    # The forward compatibility package's own folder is no driver.
    foreign = [path for path in nvidia.libcuda if not path.startswith(RIGHT) and "/compat/" not in path]
    first = next(iter(foreign + list(nvidia.libcuda)), None)
    cause: Optional[Text] = None
    if host.wsl == 1:
        remedy = WSL1
        cause = NO_GPU_IN_1
    elif foreign:
        remedy = SHADOWED
        cause = Text(
            "A Linux driver was installed inside WSL: {libcuda} is loaded instead of the library that WSL brings.",
            "WSL 里安装了 Linux 驱动：加载的是 {libcuda}，而不是 WSL 自带的库。",
        )
    elif not nvidia.dxg and not nvidia.gpus:
        remedy = NO_DEVICE
        cause = Text(
            "The device /dev/dxg is missing: Windows does not offer its GPU to WSL.",
            "缺少设备 /dev/dxg：Windows 没有把显卡提供给 WSL。",
        )
    else:
        remedy = NO_DEVICE
        if nvidia.gpus:
            remedy = LOADER
        if first:
            cause = Text(
                "{libcuda} is there, but the driver of Windows does not answer through it.",
                "{libcuda} 存在，但 Windows 的驱动没有通过它应答。",
            )
    yield Finding(
        params={"wsl": host.wsl, "libcuda": first or "-"},
        evidence=source_evidence(nvidia) + nvidia.libcuda,
        severity=ERROR if facts_want_gpu(facts) else WARNING,
        remedies=(Manual(remedy),),
        cause=cause,
    )


def facts_want_gpu(facts: Facts) -> bool:
    """Tell whether a torch is installed that could use the card."""
    torch = facts.maybe(Torch)
    return torch is not None and torch.cuda is not None
