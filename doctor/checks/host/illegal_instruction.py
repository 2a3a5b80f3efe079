"""A package contains machine instructions that this processor does not have.

## What it checks
Whether an import in a child process was ended by signal 4 (SIGILL), and, on 64-bit ARM without LSE atomics (Raspberry
Pi 3, 4, Zero 2), whether a torch or onnxruntime is installed that is known to die there.

## Why it matters
The program ends with `Illegal instruction` and nothing else: no traceback, no line number. Reinstalling the same
version changes nothing; another version, or another build of it, is needed.

## Example
`torch 2.10.0` on a Raspberry Pi 4: `Illegal instruction (core dumped)`. 2.9.1 runs there, and so does 2.11 and newer.

## Fix
Installs the newest version that is known to run on this processor.
"""

from typing import Iterator, List, Optional, Tuple

from ...facts import Board, Cpu, Distributions, Facts, Host, MissingFact, NotApplicable, Python, Torch, Trials
from ...model import Finding, Install, Manual, Remedy
from ...registry import Signature, check
from ...text import Text

EXPLAIN_ZH = """软件包含有这个处理器不支持的指令。

## 检查什么
子进程中的导入是否被信号 4（SIGILL）终止；在没有 LSE 原子指令的 64 位 ARM（树莓派 3、4、Zero 2）上，还检查是否安装了
已知会崩溃的 torch 或 onnxruntime。

## 为什么重要
程序只显示 `Illegal instruction` 就结束，没有堆栈，也没有行号。重装同一版本没有用，需要换版本或换构建。

## 示例
树莓派 4 上的 `torch 2.10.0`：`Illegal instruction (core dumped)`。2.9.1 可以运行，2.11 及以后也可以。

## 修复
安装已知能在这个处理器上运行的最新版本。
"""


SIGILL = 4
#: stage of an import trial -> project
PROJECTS = {"torch": "torch", "torchvision": "torchvision", "onnxruntime": "onnxruntime", "cv2": "opencv-python"}

OTHER_VERSION = Text(
    "Take another version of {name}, or one that was built for older processors.",
    "换一个版本的 {name}，或使用为较旧处理器构建的版本。",
)


SIGNATURES = (
    Signature(
        r"(?<!error: )Illegal (?:hardware )?instruction|"
        r"Fatal Python error: Illegal instruction|非法指令|(?-i:SIGILL)|不正な命令|잘못된 명령|Instrucción ilegal|"
        r"Instruction (?:illégale|non permise)|Ungültiger Maschinenbefehl|Instrução ilegal",
        unless=(r"illegal instruction was encountered|CUDA (?:error:? .{0,20})?illegal instruction",),
        outranks=("out-of-memory-host",),
    ),
    Signature(
        r"was compiled to use (?P<feature>AVX\w{0,6}|SSE\S{1,4}|"
        r"FMA)\b.{0,40} instructions, but these aren'?t available"
    ),
    Signature(r"NumPy was built with baseline optimizations:? .{0,80}but your machine doesn'?t support"),
    Signature(r"0xC000001D|-1073741795|trap invalid opcode|(?:exit|exited with) code:? 132\b"),
    Signature(
        r"Missing required CPU features|CPU (?:does not|doesn'?t) support (?P<feature>AVX\w{0,6})|"
        r"requires? a CPU with (?P<needed>AVX\w{0,6})",
        "medium",
        unless=(r"\berror: (?:no matching function|inlining failed|no member|use of undeclared)",),
    ),
    # told in words
    Signature(
        r"(?:not|n't) support(?: the)? AVX|without AVX|lacks AVX|n't have(?: the)? AVX|(?:binaries|"
        r"wheels) require(?: the)? AVX|"
        r"不支持 ?AVX|没有 ?AVX",
        "low",
    ),
)


@check(
    code="illegal-instruction",
    severity="error",
    summary=Text("A package uses instructions that this processor lacks", "软件包使用了处理器不支持的指令"),
    message=Text(
        "{name} {version} dies of an illegal instruction on this processor.",
        "{name} {version} 在这个处理器上因非法指令崩溃。",
    ),
    cause=Text(
        "It was compiled for a newer processor than {cpu}.",
        "它是为比 {cpu} 更新的处理器编译的。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Trials, Python, Host, Cpu, Board, Torch, Distributions),
    signatures=SIGNATURES,
)
def illegal_instruction(facts: Facts, matrix) -> Iterator[Finding]:
    host = facts.maybe(Host)
    if host is not None and host.system != "linux":
        raise NotApplicable("no SIGILL here")
    cpu = facts.maybe(Cpu)
    model = cpu.model if cpu and cpu.model else (host.machine if host else "this one")
    distributions = facts.maybe(Distributions)
    known = {name: (version, report) for name, version, report in _known_bad(facts, matrix)}
    trials = facts.maybe(Trials)
    crashed = (
        [stage for stage in trials.stages if stage.signal == SIGILL and stage.status == "crashed"] if trials else []
    )
    reported = set()
    for stage in crashed:
        name = PROJECTS.get(stage.name, stage.name)
        installed = distributions.find(name) if distributions else None
        reported.add(name)
        yield Finding(
            params={
                "name": name,
                "version": (installed.version if installed else None) or "?",
                "cpu": model,
                "flags": _telling(cpu.flags if cpu else ()),
            },
            evidence=("import of %s: ended by signal 4" % stage.name,) + _report(known.get(name)),
            remedies=tuple(_remedies(facts, matrix, name)),
        )
    for name, (version, report) in known.items():
        if name not in reported:
            yield Finding(
                params={"name": name, "version": version, "cpu": model, "flags": _telling(cpu.flags if cpu else ())},
                evidence=(report,),
                remedies=tuple(_remedies(facts, matrix, name)),
            )
    if trials is None and not known:
        state = facts.find(Trials)  # raises when the trials are unknown
        if state is None:
            raise MissingFact("trials", "no import was tried")


def _known_bad(facts: Facts, matrix) -> Iterator[Tuple[str, str, str]]:
    """Yield (project, version, report) of installed builds that die on processors without LSE atomics."""
    python, distributions = facts.maybe(Python), facts.maybe(Distributions)
    if python is None or distributions is None or python.platform != "linux_aarch64" or matrix is None:
        return
    from ...wheels.pi.boards import target_of_facts
    from ...wheels.pi.catalogue import ONNXRUNTIME_ILLEGAL, illegal_torch

    target = target_of_facts(facts)
    if target.lse or (target.lse is None and not target.pi):
        return
    for name, table in (("torch", illegal_torch(matrix)), ("onnxruntime", ONNXRUNTIME_ILLEGAL)):
        installed = distributions.find(name)
        torch = facts.maybe(Torch)
        version = torch.version if name == "torch" and torch else (installed.version if installed else None)
        # A +cpu file of download.pytorch.org is another build: the reports are about the package index's own.
        if version and version in table:
            yield name, version, table[version]


def _remedies(facts: Facts, matrix, name: str) -> Iterator[Remedy]:
    """Yield the version that runs here, where one is known, else the advice."""
    python = facts.maybe(Python)
    if python is not None and matrix is not None and python.platform == "linux_aarch64":
        from ...wheels.pi.boards import target_of_facts
        from ...wheels.pi.sets import solve

        solved = solve(matrix, target_of_facts(facts), [name])
        if solved.fits:
            for build in solved.chosen:
                if build.name == name:
                    yield Install(name, "==" + build.version)
            return
    yield Manual(OTHER_VERSION)


def _telling(flags: Tuple[str, ...]) -> List[str]:
    """Return the flags that people ask about when a wheel dies of an illegal instruction."""
    return [flag for flag in ("sse4_2", "avx", "avx2", "avx512f", "neon", "asimd", "atomics") if flag in flags]


def _report(known: Optional[Tuple[str, str]]) -> Tuple[str, ...]:
    return ("known: %s" % known[1],) if known else ()
