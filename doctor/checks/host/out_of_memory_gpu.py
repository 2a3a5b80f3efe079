"""The GPU's memory is full.

## What it checks
Only error text: torch, CUDA libraries, TensorFlow, vLLM and others report an allocation on the card that failed.

## Why it matters
Model, gradients, optimizer state and the images of one batch must fit together. Another process on the same card
counts too.

## Example
`torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 2.00 GiB total capacity; …)`

## Fix
Smaller `--batch-size`, then smaller `--img-size`, a smaller model, or mixed precision. `nvidia-smi` shows whether
something else holds the memory. If much is "reserved but unallocated":
`PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True` (torch 2.0 and newer).
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """显存已满。

## 检查什么
只看报错文本：torch、CUDA 库、TensorFlow、vLLM 等在显卡上申请内存失败。

## 为什么重要
模型、梯度、优化器状态和一个 batch 的图像要同时放进显存。同一张卡上的其他进程也占显存。

## 示例
`torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 2.00 GiB total capacity; …)`

## 修复
先减小 `--batch-size`，再减小 `--img-size`，或换更小的模型、使用混合精度。用 `nvidia-smi` 看是否有别的进程占用显存。
如果 “reserved but unallocated” 很大：设置 `PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True`（torch 2.0 及以上）。
"""


#: Thousands of GiB: a size that was never computed, not a card that is too small.
_NO_SIZE = (r"Tried to allocate (?:\d{4,}(?:\.\d+)? GiB|[\d.]+ [PE]iB)",)
# cuDNN tries a plan that does not fit, says so, and takes another.
SIGNATURES = (
    Signature(
        r"(?<!Plan failed with an OutOfMemory)(?:Error|Exception|Derived|failed|processing method \w{1,60})\W{1,6}"
        r"(?:CUDA|HIP|XPU|NPU|MUSA|MLU|MPS backend) out of memory|\bCUDA: out of memory",
        unless=_NO_SIZE,
    ),
    Signature(
        r"(?<!Plan failed with an OutOfMemoryError: )(?:CUDA|HIP|XPU) out of memory\. Tried to allocate "
        r"(?P<wanted>[\d.]+ [KMGT]iB)",
        unless=_NO_SIZE,
        outranks=("out-of-memory-host", "mps-issue"),
    ),
    Signature(r"MPS backend out of memory", outranks=("mps-issue",)),
    Signature(
        r"(?:CUDA|HIP|cuda|CUDA runtime|cudaMalloc)\W{0,3}(?:error|failure|"
        r"failed)\W{0,4}(?:\d+\W{1,3})?(?:(?:operation|CUDA error)?\W{0,3})out of memory",
        outranks=("rocm-issue",),
    ),
    Signature(r"CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|ErrorOutOfDeviceMemory|hipErrorOutOfMemory"),
    Signature(
        r"(?:CUDA|HIP|SYCL|Vulkan) error \d+ at .{3,100}: out of memory|kIOGPUCommandBufferCallbackErrorOutOfMemory"
    ),
    Signature(r"cudaMalloc failed: out of memory|allocating [\d.]+ MiB on device \d+: cudaMalloc failed"),
    # TensorRT
    Signature(r"Cuda Error in \w{2,30}: 2 \(out of memory\)"),
    Signature(r"hipMalloc failed: out of memory", outranks=("rocm-issue",)),
    Signature(
        r"Requested amount of GPU memory \(\d+ bytes\) could not be allocated|Error Code 2: OutOfMemory", "medium"
    ),
    Signature(r"OOM when allocating tensor with shape|RESOURCE_EXHAUSTED: (?:Out of memory|Failed to allocate)"),
    Signature(
        r"No available memory for the cache blocks|Not enough memory\. Please try (?:to increase|"
        r"increasing) --mem-fraction-static"
    ),
    Signature(
        r"Free memory on device .{0,40}\([\d./ ]{3,20} ?GiB\) on startup is less than desired GPU memory utilization"
    ),
    Signature(
        r"larger than the maximum number of tokens that can be stored in KV cache|"
        r"(?:is larger than|exceeds) the available KV cache memory",
        "low",
    ),
    Signature(
        r"CU(?:BLAS|DNN|SPARSE|SOLVER)_STATUS_ALLOC_FAILED",
        "medium",
        # what follows an index that is out of range on the GPU
        unless=(r"srcIndex < srcSelectDimSize|index out of (?:range|bounds)|device-side assert",),
    ),
    Signature(
        r"Unable to find a valid cuDNN algorithm to run convolution|"
        r"GET was unable to find an engine to execute this computation",
        "medium",
    ),
    Signature(r"CUBLAS_STATUS_NOT_INITIALIZED|CUDNN_STATUS_NOT_INITIALIZED|CUDNN_STATUS_INTERNAL_ERROR", "low"),
    Signature(
        r"(?<!Plan failed with an OutOfMemoryError: )(?:CUDA|GPU) out of memory|显存不足|爆显存|显存溢出|顯存不足",
        "medium",
        unless=(r"If out-of-memory error occurs|to avoid (?:CUDA )?out of memory", *_NO_SIZE),
    ),
    Signature(
        r"available memory for requested buffer of size \d+.{0,80}|"
        r"BFCArena::\w{1,40} .{0,60}Failed to allocate memory",
        "medium",
    ),
    # ComfyUI tells no more than the type
    Signature(
        r"\btorch\.(?:cuda\.)?OutOfMemoryError\b|CUDA OutOfMemoryError\b|"
        r"OutOfMemoryError\W{1,4}Allocation on device|Allocation on device \d",
        "high",
        unless=_NO_SIZE,
    ),
    # told in words
    Signature(
        r"(?:not enough|out of|insufficient|too little) VRAM|CUDA OOM|显存不够|显存太小",
        "low",
    ),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text("The GPU's memory is full", "显存不足"),
    cause=Text(
        "The batch, the model or another process does not fit into the card's memory.",
        "batch、模型或其他进程超出了显卡的显存。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Use a smaller batch, then a smaller image size or model; look with nvidia-smi for other processes "
                "that hold the memory.",
                "先减小 batch，再减小图像尺寸或换小模型；用 nvidia-smi 检查是否有其他进程占用显存。",
            )
        ),
    ),
)
