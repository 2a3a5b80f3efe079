"""Import trials: what really happens when the target Python imports torch and its partners.

One child runs the torch chain stage by stage and writes each stage's start and end. A crash or a hang belongs to the
stage that started and did not end; only then are the later stages that do not build on it retried in a new process.
"""

import json
import os
import shutil
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from ..facts import Stage, Trials, Unknown
from . import run

TORCH_CHAIN = ("torch", "numpy-bridge", "torchvision", "nms-cpu", "cuda-kernel", "nms-cuda")
OTHERS = ("cv2", "onnxruntime")

#: Stages without which a stage cannot be tried.
NEEDS = {
    "numpy-bridge": ("torch",),
    "torchvision": ("torch",),
    "nms-cpu": ("torch", "torchvision"),
    "cuda-kernel": ("torch",),
    "nms-cuda": ("torch", "torchvision", "cuda-kernel"),
}

#: A first import from a slow disk takes most of a minute; what takes longer than this is as good as hung.
TIMEOUT_S = 90.0

#: Characters of a stage's text that are kept: the end, where Python and the loader say what was wrong.
KEEP = 8000


class Child(NamedTuple):
    """One trial process under way."""

    running: run.Running
    folder: str
    stages: Tuple[str, ...]


class Asked(NamedTuple):
    """Trials that are under way."""

    executable: str
    children: Tuple[Child, ...]
    timeout_s: float
    env: Optional[Dict[str, str]]

    def kill(self) -> None:
        for child in self.children:
            child.running.kill()
            shutil.rmtree(child.folder, ignore_errors=True)


def start(
    executable: str, timeout_s: float = TIMEOUT_S, env: Optional[Dict[str, str]] = None, stages: Sequence[str] = ()
) -> Asked:
    """Start the trials in the target Python and return at once; ``stages`` narrows them."""
    chains = [[name for name in chain if not stages or name in stages] for chain in (TORCH_CHAIN, OTHERS)]
    children = tuple(_start(executable, chain, timeout_s, env) for chain in chains if chain)
    return Asked(executable, children, timeout_s, env)


def finish(asked: Asked) -> Union[Trials, Unknown]:
    """Return what became of every stage; Unknown when the target Python could not even begin."""
    done: Dict[str, Stage] = {}
    order: List[str] = []
    reasons = []
    for child in asked.children:
        order.extend(child.stages)
        waiting: Optional[Child] = child
        while waiting is not None:
            found, lost = _collect(waiting)
            for name, stage in found.items():
                done.setdefault(name, stage)  # what was imported again only to get to a later stage is known
            if lost is not None:
                reasons.append(lost)
            left = [name for name in waiting.stages if name not in done]
            waiting = None
            if found and left:
                for name in left:
                    blocker = _blocker(name, done)
                    if blocker is not None:
                        text = "%s: %s" % (blocker, done[blocker].status)
                        done[name] = Stage(name=name, status="skipped", text=text)
                left = [name for name in left if name not in done]
                if left:
                    waiting = _start(asked.executable, left, asked.timeout_s, asked.env)
    if not done:
        return Unknown("; ".join(dict.fromkeys(reasons)) or "the trial wrote nothing")
    return Trials(stages=tuple(done[name] for name in order if name in done))


def _blocker(name: str, done: Dict[str, Stage]) -> Optional[str]:
    """Return the stage that keeps this one from being tried, or None."""
    return next((need for need in NEEDS.get(name, ()) if need in done and done[need].status != "ok"), None)


def _start(executable: str, stages: Sequence[str], timeout_s: float, env: Optional[Dict[str, str]]) -> Child:
    folder = tempfile.mkdtemp(prefix="doctor-", dir=run.scratch())
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "remote", "trial.py")
    answer, noise = os.path.join(folder, "answer"), os.path.join(folder, "noise")
    argv = run.quiet_python(executable) + [script, answer, noise] + list(stages)
    # Its own folder is the current one: a torch.py of the project is another check's business.
    return Child(run.start(argv, timeout_s, env=env, cwd=folder), folder, tuple(stages))


def _collect(child: Child) -> Tuple[Dict[str, Stage], Optional[str]]:
    """Return the stages that a child tried, and why it tried none, where that is so."""
    ran = child.running.result()
    lines = _read_lines(os.path.join(child.folder, "answer"))
    noise = _read_bytes(os.path.join(child.folder, "noise"))
    shutil.rmtree(child.folder, ignore_errors=True)
    stages = parse_lines(lines, noise, ran)
    if stages:
        return stages, None
    if ran.error:
        return {}, "the trial did not start: %s" % ran.error
    if ran.timed_out:
        return {}, "the trial did not begin within %.0f s" % ran.seconds
    last = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
    return {}, "the trial ended before its first stage%s" % (": " + last[-1][:200] if last else "")


def parse_lines(lines: Sequence[Dict[str, Any]], noise: bytes, ran: run.Ran) -> Dict[str, Stage]:
    """Return the stages told of by the child's lines; the one that started and did not end crashed or hung."""
    stages: Dict[str, Stage] = {}
    open_stage: Optional[Dict[str, Any]] = None
    for line in lines:
        name = line.get("stage")
        if not isinstance(name, str):
            continue
        if line.get("status") == "started":
            open_stage = line
            continue
        begun = open_stage.get("noise", 0) if open_stage is not None and open_stage.get("stage") == name else None
        printed = noise[begun : line.get("noise")] if begun is not None else b""
        stages[name] = Stage(
            name=name,
            status=str(line.get("status")),
            error=line.get("error"),
            text=_joined(printed, line.get("text") or ""),
            seconds=float(line.get("seconds") or 0.0),
            data=line.get("data") or {},
        )
        open_stage = None
    if open_stage is not None:
        name = str(open_stage["stage"])
        printed = noise[open_stage.get("noise", 0) :]
        stages[name] = Stage(
            name=name,
            status="hung" if ran.timed_out else "crashed",
            text=_joined(printed + ran.stderr.encode("utf-8", "replace"), ""),
            signal=None if ran.timed_out else ran.signal if ran.signal is not None else ran.returncode,
            seconds=ran.seconds if ran.timed_out else 0.0,
        )
    return stages


def _joined(printed: bytes, text: str) -> str:
    """Return what was printed and then the exception; the end when both are long."""
    parts = [printed.decode("utf-8", "replace").strip(), text.strip()]
    return "\n".join(part for part in parts if part)[-KEEP:]


def _read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(1 << 24)
    except OSError:
        return b""


def _read_lines(path: str) -> List[Dict[str, Any]]:
    lines = []
    for line in _read_bytes(path).splitlines():
        try:
            said = json.loads(line.decode("utf-8"))
        except ValueError:  # the child died while it was writing this line
            continue
        if isinstance(said, dict):
            lines.append(said)
    return lines
