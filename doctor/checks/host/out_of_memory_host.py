"""The machine's main memory (RAM) ran out.

## What it checks
Only error text: an allocation in main memory that failed, or a process that the system killed for it. A bare
"Killed" counts only where no Python error stands before it: servers kill their own children after an error.

## Why it matters
Linux kills the process without a message of its own. On a Raspberry Pi even `pip install torch` can be killed.

## Example
`Killed` after `Processing part 0` on a Pi 4; `RuntimeError: [enforce fail at CPUAllocator.cpp] … can't allocate
memory`.

## Fix
Fewer `--workers`, a smaller batch, no `--cache ram`. On a Pi: more swap (see `swap-too-small`) and `pip install
--no-cache-dir`. In a container: raise its memory limit.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """内存（RAM）耗尽。

## 检查什么
只看报错文本：内存分配失败，或进程因内存不足被系统杀掉。单独的 “Killed” 只有在前面没有 Python 报错时才算：服务程序出错后
会自己结束子进程。

## 为什么重要
Linux 会直接杀掉进程，不留其他提示。在树莓派上连 `pip install torch` 都可能被杀。

## 示例
树莓派 4 上 `Processing part 0` 之后出现 `Killed`；`RuntimeError: [enforce fail at CPUAllocator.cpp] … can't allocate
memory`。

## 修复
减少 `--workers`、减小 batch、不用 `--cache ram`。树莓派上增加 swap（见 `swap-too-small`），并使用
`pip install --no-cache-dir`。容器里请提高内存限制。
"""


_PYTHON_ERROR = r"Traceback \(most recent call last\)|^\S{0,80}(?:Error|Exception): "
#: Terabytes: a size that was never computed, not a machine that is too small.
_NO_SIZE = (r"you tried to allocate \d{13}",)
SIGNATURES = (
    Signature(
        r"DefaultCPUAllocator: (?:can'?t allocate|not enough) memory(?:: you tried to allocate (?P<bytes>\d+))?",
        unless=_NO_SIZE,
        outranks=("torch-broken",),
    ),
    Signature(
        r"Out of memory: Kill(?:ed)? process \d+|invoked oom-killer|oom-kill:constraint|"
        r"oom_reaper: reaped process|OOMKilled(?!\W{1,4}false)|out-of-memory handler|"
        r"Detected \d+ oom[-_]kill event|have been OOM Killed|task \d+: Out Of Memory|"
        r"Job \d+ exceeded memory limit|Exceeded (?:job|step) memory limit|"
        r"line \d+: {1,4}\d+ Killed {1,40}\S{0,200}\b(?:cicc|cc1plus|cc1|nvcc|ptxas|lto1)\b"
    ),
    Signature(r"enforce fail at \S{0,120}(?:CPUAllocator|alloc_cpu)\.cpp", unless=_NO_SIZE, outranks=("torch-broken",)),
    Signature(r"killed by signal: Killed"),
    Signature(r"fatal error: signal terminated program cc1|ctx->mem_buffer != NULL", "medium"),
    Signature(
        r"fatal error: Killed signal terminated program|compiler error: Killed \(program|"
        r"virtual memory exhausted: Cannot allocate|out of memory allocating \d+ bytes|fork: Cannot allocate memory|"
        r"(?:died due to|terminated (?:by|with)) signal 9\b"
    ),
    # ollama
    Signature(r"model requires more system memory \((?P<wanted>[\d.]+ [KMGT]iB)\) than is available"),
    # llama.cpp
    Signature(
        r"ggml_aligned_malloc: insufficient memory|buffer_type_alloc_buffer: failed to allocate buffer of size",
        "high",
        unless=(r"cudaMalloc failed",),
    ),
    # joblib's own guess
    Signature(r"TerminatedWorkerError|excessive memory usage causing the Operating System to kill", "medium"),
    Signature(
        r"\b(?:process|training|script|program|python|container|job|kernel|it|run) (?:\w{2,10} ){0,3}"
        r"(?:gets?|got|getting|is|was|been|being|ends?|ending|exits?|stops?|stopped) (?:with )?['\"]?killed\b",
        "low",
        unless=(_PYTHON_ERROR, r"CUDA (?:error|out of memory)|Received sigquit|Ctrl"),
    ),
    Signature(
        r"^(?:\S{0,40}:? ?line \d+: +\d+ |\[\d\] ? \d+ |\s{0,4}|"
        r"\S{0,60}[$#%] .{0,200}\n)?(?-i:Killed|killed|已杀死|已殺死|강제 종료됨|"
        r"Abgebrochen)(?:: 9)?[`'\"*]{0,3}\s{0,40}(?:python.{0,200}|$)|"
        r"^\S{1,200}: line \d+: +\d+ Killed +\S|"
        # what was printed last had no line end
        r"^.{3,200} (?-i:Killed)\s{0,4}\Z",
        "medium",
        unless=(_PYTHON_ERROR, r"Received sigquit", r"no kernel image", r"CUDA error"),
    ),
    Signature(
        r"\bOOM[- ]?killed\b|"
        r"\b(?:process|training|script|program|python|container|job|kernel|worker|server|pod|it|run)\b.{0,20} "
        r"(?:gets?|got|is|was|been|being) killed\b.{0,80}\b(?:memory|RAM|OOM)\b|"
        r"\b(?:memory|RAM|OOM)\b.{0,80}(?:gets?|got|is|was|been|being) killed\b|内存不足.{0,40}(?:杀|kill)",
        "medium",
        unless=(_PYTHON_ERROR, r"CUDA (?:error|out of memory)"),
    ),
    Signature(
        r"(?:exit|return|status)\w{0,4}\b.{0,30}?\b(?:code|status)\b\W{0,3}(?:is |of )?137\b|"
        r"\b(?:exit(?:ed)?|return(?:ed)?)(?: with)?\W{1,3}137\b",
        "medium",
        unless=(r"CUDA out of memory",),
    ),
    Signature(
        r"exitcode\s{0,3}: -9\b|Signals\.SIGKILL: 9|Signal 9 \(SIGKILL\)|returncode ?= ?-9\b",
        "medium",
        unless=(
            r"^\S{0,60}(?<!ChildFailed)(?:Error|Exception): (?!.{0,60}(?:SIGKILL|returned non-zero))",
            r"CUDA out of memory",
        ),
    ),
    Signature(r"^(?:\S{0,20}: )?(?-i:MemoryError)\s{0,4}$"),
    Signature(r"_?ArrayMemoryError|MemoryError\W{1,3}Unable to allocate (?P<wanted>[\d.]+ [KMGT]iB)"),
    Signature(
        r"\[Errno 12\] (?:Cannot allocate memory|Not enough space|无法分配内存)", unless=(r"static TLS block|DMA_HEAP",)
    ),
    Signature(r"terminate called after throwing an instance of 'std::bad_alloc'|std::bad_alloc", "medium"),
    Signature(r"\(-4:Insufficient memory\)|OutOfMemoryError\W{1,3}Failed to allocate", "medium", unless=(r"CUDA",)),
    Signature(
        r"RuntimeError.{0,60}(?:not enough memory: you tried to allocate|Cannot allocate memory)|"
        r"mmap failed: Cannot allocate memory",
        "high",
    ),
    Signature(
        r"ray\.exceptions\.OutOfMemoryError|killed due to the node running low on memory|"
        r"exceeds the memory usage threshold"
    ),
    Signature(
        r"Your notebook tried to allocate more memory than is available|"
        r"session crashed after using all available RAM",
        "high",
    ),
    Signature(r"process has terminated: signal: killed", "medium", unless=(r"CUDA error",)),
    Signature(
        r"(?:says?|saying|said|shows?|message|prints?|output|with|just)\W.{0,12}\bkilled\b(?!.{0,20}by user)",
        "low",
        unless=(_PYTHON_ERROR, r"CUDA (?:error|out of memory)|Received sigquit|Ctrl"),
    ),
    # told in words
    Signature(
        r"\bMemoryError\b|(?<![\w-])Memory Error\b|"
        r"内存爆了|内存不够|内存不足|内存溢出|爆内存|"
        r"OOM killer|OOM-killer",
        "low",
        unless=(r"CUDA|\bGPU|VRAM|显存|\bcaching|cach(?:ed|ing) to RAM",),
    ),
    Signature(
        r"\b(?:runs?|running|ran) out of (?:system )?memory\b|running out of RAM\b|"
        r"insufficient RAM\b|not enough memory\b|insufficient memory\b",
        "low",
        unless=(r"CUDA|\bGPU|VRAM|显存|\bcaching|cach(?:ed|ing) to RAM",),
    ),
    Signature(
        r"RAM gets full|RAM fills up|RAM usage grows|system memory is full|not enough RAM\b",
        "low",
        unless=(r"CUDA|\bGPU|VRAM|显存|\bcaching|cach(?:ed|ing) to RAM",),
    ),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text("The machine ran out of main memory", "内存（RAM）不足"),
    cause=Text(
        "An allocation in main memory failed, or the system killed the process for lack of it.",
        "内存分配失败，或系统因内存不足杀掉了进程。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Use fewer workers and a smaller batch, close other programs, add swap (on a Raspberry Pi: see "
                "swap-too-small), or raise the container's memory limit.",
                "减少 workers、减小 batch、关闭其他程序；增加 swap（树莓派见 swap-too-small），或提高容器的内存限制。",
            )
        ),
    ),
)
