"""An AMD GPU, ROCm or its libraries do not serve this build.

## What it checks
Only error text: messages of HIP, rocBLAS, MIOpen and the ROCm kernel driver. ROCm builds of torch keep the name
"CUDA" in some messages; a `gfx…` name, `ROCm0` or `HIP` beside it tells them apart.

## Why it matters
A ROCm build holds kernels for a few card families only. On another card the first kernel dies with
`invalid device function`, or rocBLAS finds no Tensile library for it.

## Example
`RuntimeError: HIP error: invalid device function` on an MI100 (gfx908) with an image built for gfx90a and gfx942.

## Fix
Use a build made for the card's gfx target. For a card next to a supported one of the same family,
`HSA_OVERRIDE_GFX_VERSION` (for example `10.3.0` for gfx1031 to gfx1036) often helps. Without access to `/dev/kfd`:
add the user to the groups `render` and `video`, or pass `--device=/dev/kfd --device=/dev/dri` to the container.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """AMD 显卡、ROCm 或其库与当前构建不匹配。

## 检查什么
只看报错文本：HIP、rocBLAS、MIOpen 和 ROCm 内核驱动的消息。ROCm 版 torch 的部分消息里仍写着 “CUDA”，靠旁边的
`gfx…`、`ROCm0` 或 `HIP` 区分。

## 为什么重要
ROCm 构建只含少数显卡系列的内核。换一张卡，第一个内核就会报 `invalid device function`，或者 rocBLAS 找不到对应的
Tensile 库。

## 示例
MI100（gfx908）上运行只为 gfx90a、gfx942 构建的镜像：`RuntimeError: HIP error: invalid device function`。

## 修复
换用为该 gfx 目标构建的版本。若显卡与受支持的型号同系列，设置 `HSA_OVERRIDE_GFX_VERSION`（如 gfx1031 至 gfx1036 用
`10.3.0`）往往可行。无权访问 `/dev/kfd` 时：把用户加入 `render`、`video` 组，容器则加上
`--device=/dev/kfd --device=/dev/dri`。
"""


_OWN = r"an illegal memory|unspecified launch|device-side assert|invalid device ordinal|invalid argument"
SIGNATURES = (
    Signature(r"HIP error: (?!out of memory|" + _OWN + ")", outranks=("gpu-arch-unsupported", "out-of-memory-gpu")),
    # llama.cpp
    Signature(
        r"ROCm error: (?:\S{1,80}:\d+: )?(?:invalid device function|no kernel image|no ROCm-capable|"
        r"shared object initialization|device kernel image)|"
        r"failed to initialize ROCm|hipErrorInvalidDeviceFunction",
        outranks=("gpu-arch-unsupported",),
    ),
    Signature(r"ROCm error: (?!.{0,80}out of memory)", "low"),
    Signature(
        r"hip/hip_\w{3,30}\.h\W{0,3}(?:: No such file| file not found)|cannot find HIP runtime|"
        r"provided by \W?(?:hip|hip-lang|hipblas|hipblaslt|rocblas|rocsolver|hipsparse|miopen|rccl)\W{1,3}"
        r"with any of|(?:hipcc|hipconfig)(?:: command not found|: not found|\W{1,3}: No such file)",
        "medium",
        outranks=("toolkit-missing", "system-lib-missing"),
    ),
    Signature(r"HW Exception by GPU node-\d+", "medium"),
    # the kernel's or the caller's own fault, as CUDA says it too
    Signature(r"HIP error: (?:" + _OWN + ")|HSA_STATUS_ERROR_(?:MEMORY_APERTURE_VIOLATION|EXCEPTION)", "low"),
    Signature(
        r"hipError(?P<error>NoBinaryForGpu|NoDevice|InvalidDevice\w*|InvalidImage|SharedObjectInitFailed|NotFound)"
    ),
    Signature(
        r"CUDA error: invalid device function",
        requires=(r"\bROCm\d?|\bHIP\b|\bgfx\d{3,4}\b",),
        outranks=("gpu-arch-unsupported",),
    ),
    Signature(
        r"rocBLAS error: (?:Cannot read|Could not)|Cannot read \S{0,200}TensileLibrary\S{0,40}|"
        r"TensileLibrary\S{0,60} .{0,20}(?:No such file|not found)"
    ),
    Signature(
        r"Unable to open /dev/kfd|/dev/kfd.{0,40}Permission denied|ROCk module is NOT loaded|"
        r"HSA_STATUS_ERROR_(?!MEMORY_APERTURE_VIOLATION|EXCEPTION)\w{3,60}"
    ),
    # ROCm's own libraries, behind a message that says CUDA
    Signature(
        r"\b(?:HIP|ROC)(?:BLAS|BLASLT|SPARSE|SOLVER|FFT|RAND)_STATUS_(?P<status>\w{3,40})",
        outranks=("gpu-arch-unsupported",),
    ),
    Signature(
        r"nvcc was not found|CUDA_HOME (?:environment variable is not set|does not exist)",
        requires=(r"torch[\w. =-]{1,20}\d\+rocm\d",),
        outranks=("toolkit-missing",),
    ),
    Signature(r"No HIP GPUs are available|no ROCm-capable device is detected|HIP runtime error"),
    Signature(
        r"(?P<library>lib(?:amdhip64|hipblas\w*|rocblas|MIOpen|hiprtc|rocsolver|hsa-runtime64|"
        r"roctx64|rocm_smi64)\.so[.\d]*): cannot open shared object file",
        outranks=("system-lib-missing", "torch-broken"),
    ),
    Signature(r"cannot find ROCm device library|Cannot find rocm installation"),
    Signature(r"Memory access fault by GPU node-\d+", outranks=("out-of-memory-gpu",)),
    Signature(r"MIOpen Error|miopenStatus(?:UnknownError|InternalError)|amdgpu: .{0,60}failed", "medium"),
    Signature(
        r"HIP (?:kernel errors|driver version)|amdgpu\.ids: No such file",
        "low",
        unless=(r"HIP out of memory",),
        warning=True,
    ),
    Signature(
        r"no kernel image is available for execution on (?:the )?device",
        requires=(r"\bROCm\d|HIP error|hipError|\bgfx\d{3,4}\b",),
        outranks=("gpu-arch-unsupported",),
    ),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text("ROCm or the AMD GPU does not work with this build", "ROCm 或 AMD 显卡与当前构建不匹配"),
    cause=Text(
        "The message comes from HIP or ROCm: the build has no code for this AMD card, or the ROCm driver or its "
        "libraries cannot be used.",
        "消息来自 HIP/ROCm：构建里没有这张 AMD 显卡的代码，或者 ROCm 驱动及其库无法使用。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Use a torch build whose ROCm version and gfx targets include the card (`rocminfo | grep gfx` "
                "names it); give the user and the container access to /dev/kfd and /dev/dri.",
                "换用 ROCm 版本和 gfx 目标都包含该显卡的 torch 构建（`rocminfo | grep gfx` 可查型号）；"
                "确保用户和容器能访问 /dev/kfd 与 /dev/dri。",
            )
        ),
    ),
)
