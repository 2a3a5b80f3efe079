"""Something that runs on CUDA is not available on Apple's GPU (MPS).

## What it checks
Only error text: operators, number types and devices that the MPS backend of torch refuses.

## Why it matters
Macs have no CUDA. Code written for NVIDIA cards asks for `device=0`, float64 or an operator that MPS does not have.

## Example
`The operator 'torchvision::nms' is not currently implemented for the MPS device.`

## Fix
Ask for `device="mps"` or `device="cpu"` instead of `0`. For a missing operator set `PYTORCH_ENABLE_MPS_FALLBACK=1`
before Python starts, or update torch. Use float32 instead of float64.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """在 CUDA 上能运行的功能，在苹果 GPU（MPS）上不可用。

## 检查什么
只看报错文本：torch 的 MPS 后端不支持的算子、数据类型和设备。

## 为什么重要
Mac 没有 CUDA。为 NVIDIA 显卡写的代码会请求 `device=0`、float64，或 MPS 尚未实现的算子。

## 示例
`The operator 'torchvision::nms' is not currently implemented for the MPS device.`

## 修复
把设备从 `0` 改为 `device="mps"` 或 `device="cpu"`。缺算子时，启动 Python 前设置
`PYTORCH_ENABLE_MPS_FALLBACK=1`，或升级 torch。用 float32 代替 float64。
"""


SIGNATURES = (
    Signature(
        r"The operator \W{0,3}'(?P<operator>[\w:.]{3,80})'\W{0,3} is not current(?:ly)? (?:implemented|"
        r"supported) (?:for the MPS|on the MPS)"
    ),
    Signature(
        r"Cannot convert a MPS Tensor to float64|MPS framework doesn'?t support float64|"
        r"MPS (?:device )?does not support (?:float64|bfloat16|complex)"
    ),
    Signature(
        r"BFloat16 is not supported on MPS|MPSNDArray\w{0,20}.{0,120}(?:failed assertion|Error)|"
        r"LLVM ERROR: Failed to infer result type"
    ),
    # mostly the own program's: the model is on the GPU, its input is not
    Signature(r"Placeholder storage has not been allocated on MPS device", "low"),
    Signature(r"failed assertion .{0,20}\[?MPS\w+|AppleInternal/Library/BuildRoots.{0,200}MPS"),
    Signature(
        r"Adaptive pool MPS|\bMPS: .{0,120}(?:not supported|unsupported|not implemented|must be)|"
        r"(?:not|n't) (?:implemented|supported) (?:for|on|at) (?:the )?['\"]?(?-i:MPS|mps)\b|"
        r"to the MPS backend but it does not have support for",
        "high",
    ),
    Signature(
        r"PyTorch install was not built with MPS enabled|Torch not compiled with MPS enabled|"
        r"not linked with support for mps devices|MPS does not support \w+|"
        r"current MacOS version is not 12\.3\+|"
        r"MPS backend is supported on MacOS \d+"
    ),
    Signature(
        r"Invalid CUDA \W{0,3}device|CUDA unavailable, invalid device",
        "high",
        requires=(r"/Users/|macOS|darwin|Apple M\d|\bMPS\b",),
        unless=(r"torch[-= ]v?\d[\d.]+\+c",),
        outranks=("torch-cpu-build",),
    ),
    Signature(r"\w+: implementation for device mps(?::\d)? not found"),
    Signature(r"invalid (?:low|high) watermark ratio"),
    Signature(r"MPS backend out of memory|PYTORCH_MPS_HIGH_WATERMARK_RATIO", "low"),
    Signature(r"unsupported autocast device_type 'mps'|MPSFloatType\) and weight type", "medium"),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text("Apple's GPU (MPS) cannot do what the code asks for", "苹果 GPU（MPS）不支持代码所请求的操作"),
    cause=Text(
        "The MPS backend of torch lacks this operator, number type or device name; it is not CUDA.",
        "torch 的 MPS 后端缺少该算子、数据类型或设备名；它不是 CUDA。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                'Use device="mps" or "cpu", float32 instead of float64, and PYTORCH_ENABLE_MPS_FALLBACK=1 for '
                "operators that MPS lacks.",
                '设备改用 "mps" 或 "cpu"，float64 改为 float32；缺少的算子可设置 PYTORCH_ENABLE_MPS_FALLBACK=1。',
            )
        ),
    ),
)
