"""How a Chinese reader is told why a build lost.

In JSON a reason is the same in every language: ``driver: 470.57.02 < 525.60.13``, a kind and what decided. Screens say
it in the reader's language.
"""

import re
from functools import lru_cache
from typing import Iterable, List, Pattern, Tuple

#: an English reason with its holes -> the Chinese one with the same
_CHINESE = (
    ("driver: none < {}", "驱动：没有，需要 {}"),
    ("driver: {} < {}", "驱动：{} < {}"),
    ("compute-capability: of {} not known", "计算能力：不知道 {} 的计算能力"),
    ("compute-capability: {} not in {}", "计算能力：{} 不在 {} 之内"),
    ("compute-capability: CUDA {} makes no code for {}", "计算能力：CUDA {} 不能为 {} 生成代码"),
    ("compute-capability: CUDA {} does not know {}", "计算能力：CUDA {} 不认识 {}"),
    ("arch-list: not known", "架构列表：未知"),
    ("ptx: the driver does not support CUDA {} directly", "PTX：驱动不直接支持 CUDA {}"),
    ("cpu: would leave the GPU unused", "CPU 构建：用不上显卡"),
    ("cpu: illegal instruction on cores without LSE atomics ({})", "CPU：在没有 LSE 原子指令的内核上会非法指令（{}）"),
    (
        "illegal instruction: dies on processors without LSE atomics ({})",
        "非法指令：在没有 LSE 原子指令的处理器上会崩溃（{}）",
    ),
    ("rocm: for AMD cards", "ROCm：用于 AMD 显卡"),
    ("{}: not for NVIDIA cards", "{}：不用于 NVIDIA 显卡"),
    ("{}: not asked for", "{}：没有要求"),
    ("gpu: no NVIDIA GPU", "显卡：没有 NVIDIA 显卡"),
    (
        "board: made for servers, not for a Jetson before JetPack 7",
        "板子：为服务器构建，不适用于 JetPack 7 之前的 Jetson",
    ),
    ("cuda: made for CUDA {}, torch brings {}", "CUDA：为 CUDA {} 构建，而 torch 带的是 {}"),
    (
        "cuda: a Raspberry Pi has no NVIDIA GPU, this build brings gigabytes of CUDA libraries",
        "CUDA：树莓派没有 NVIDIA 显卡，这个构建会带来几 GB 的 CUDA 库",
    ),
    ("published: planned, not confirmed", "发布：计划中，尚未确认"),
    ("unknown: the GPU", "未知：显卡"),
    ("unknown: the driver", "未知：驱动"),
    ("unknown: driver and GPU", "未知：驱动和显卡"),
    ("python: no {} file for {}", "Python：{1} 上没有 {0} 的文件"),
    ("python: {}, this is {}", "Python：{}，这里是 {}"),
    ("platform: no build for {}", "平台：没有 {} 的构建"),
    ("platform: no file of PyTorch for {}", "平台：PyTorch 没有 {} 的文件"),
    ("platform: {}, this is {}", "平台：{}，这里是 {}"),
    ("macos: {}, this is {}", "macOS：{}，这里是 {}"),
    ("libc: made for glibc, this is musl", "libc：为 glibc 构建，这里是 musl"),
    ("glibc: what it needs is not known", "glibc：不知道它需要哪个版本"),
    ("glibc: needs {}, this system has {}", "glibc：需要 {}，这个系统是 {}"),
    ("glibc: needs {}, this is {}", "glibc：需要 {}，这里是 {}"),
    ("glibc: {} needs {}, this is {}", "glibc：{} 需要 {}，这里是 {}"),
    ("libstdc++: needs {}, this system has {}", "libstdc++：需要 {}，这个系统是 {}"),
    ("numpy: torch {} needs numpy{}, asked for numpy{}", "numpy：torch {} 需要 numpy{}，而要求的是 numpy{}"),
    ("numpy: no numpy fits {}", "numpy：没有适合 {} 的 numpy"),
    ("numpy: needs {}, the set has {}", "numpy：需要 {}，而这一组里是 {}"),
    ("{}: {} has no +{}", "{}：{} 没有 +{} 的构建"),
    ("{}: no release goes with torch {}", "{}：没有与 torch {} 配套的版本"),
    ("{}: {} goes with torch {}, not {}", "{0}：与 torch {2} 配套的是 {1}，不是 {3}"),
    ("{}: {} has no {} file for {}", "{0}：{1} 在 {3} 上没有 {2} 的文件"),
    ("version: not {}", "版本：不符合 {}"),
    ("version: none of {} for this Python and platform", "版本：{} 在这个 Python 和平台上都没有"),
    ("order: older than {}", "排序：比 {} 旧"),
    ("order: only by minor-version compatibility", "排序：只能依靠次版本兼容"),
    ("order: lower CUDA than {}", "排序：CUDA 比 {} 低"),
    ("order: +{} was asked for", "排序：要求的是 +{}"),
    ("order: {} and {} cannot be in one set", "排序：{} 和 {} 不能在同一组里"),
    ("older than {}", "比 {} 旧"),
    ("asked for: {}", "要求的是：{}"),
    ("another file of the same version was chosen", "已选了同一版本的另一个文件"),
    ("yanked: taken back by its authors; only =={} chooses it", "已撤回：作者撤回了它，只有 =={} 才会选它"),
    ("withdrawn: {} took its place", "已撤下：由 {} 代替"),
    ("withdrawn: yanked", "已撤下：作者撤回了它"),
    ("unaudited: one person's build, taken only when asked for by name", "未经核实：个人构建，只有点名要求才会选它"),
    ("pre-release", "预发布版"),
    ("not measured: built on {}, newer than this system", "未实测：在比本系统新的 {} 上构建"),
    ("not measured: the libc it needs is not known", "未实测：不知道它需要的 libc"),
    ("broken: {}", "有缺陷：{}"),
)


@lru_cache(maxsize=None)
def _patterns() -> List[Tuple[Pattern, str]]:
    hole = re.escape("{}")
    return [(re.compile(re.escape(english).replace(hole, "(.+?)") + "$"), chinese) for english, chinese in _CHINESE]


def said(reason: str, lang: str) -> str:
    """Return a reason in a language; one that has no Chinese form yet stays as it is."""
    if lang == "zh":
        for pattern, chinese in _patterns():
            match = pattern.match(reason)
            if match:
                return chinese.format(*match.groups())
    return reason


def joined(reasons: Iterable[str], lang: str) -> str:
    """Return several reasons as one line."""
    return ("；" if lang == "zh" else "; ").join(said(reason, lang) for reason in reasons)
