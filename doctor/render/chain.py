"""The chain driver -> GPU -> torch -> torchvision -> numpy at a glance, with the broken link marked."""

from typing import List, NamedTuple, Optional, Sequence

from .. import facts as f
from ..assume import is_assumed
from ..model import ERROR, WARNING, Finding
from ..text import Text


class Link(NamedTuple):
    """One link of the chain."""

    name: Text
    #: what stands there: a version, a card
    value: str
    #: a second line: what CUDA it speaks
    detail: str
    #: ok, warning, broken, unknown, none
    state: str


#: first part of a code -> the link it belongs to; longer parts win
_BELONGS = (
    ("torchvision-", "torchvision"),
    ("torchaudio-", "torch"),
    ("torch-", "torch"),
    ("cuda-", "torch"),
    ("extension-", "torch"),
    ("numpy", "numpy"),
    ("driver-", "driver"),
    ("wsl-", "driver"),
    ("container-", "driver"),
    ("gpu-", "gpu"),
)

UNKNOWN = Text("unknown", "未知")
NONE = Text("none", "无")
CPU_BUILD = Text("CPU build", "CPU 构建")


_SECTIONS = {
    "driver": f.Nvidia,
    "gpu": f.Nvidia,
    "torch": f.Torch,
    "torchvision": f.Torchvision,
    "numpy": f.Distributions,
}


def links(facts: f.Facts, findings: Sequence[Finding], lang: str, collected_only: bool = False) -> List[Link]:
    """Return the five links with what is known of each; with ``collected_only`` those that somebody looked at."""
    nvidia = facts.state(f.Nvidia)
    parts = {
        "driver": _driver(nvidia, lang),
        "gpu": _gpu(nvidia, lang),
        "torch": _build(facts, f.Torch, lang),
        "torchvision": _build(facts, f.Torchvision, lang),
        "numpy": _numpy(facts, lang),
    }
    names = {
        "driver": Text("driver", "驱动"),
        "gpu": Text("GPU", "显卡"),
        "torch": Text("torch", "torch"),
        "torchvision": Text("torchvision", "torchvision"),
        "numpy": Text("numpy", "numpy"),
    }
    collected = {section for section, _ in facts}
    made = []
    for key, (value, detail, state) in parts.items():
        if collected_only and _SECTIONS[key] not in collected:
            continue
        worst = _worst(key, findings)
        if worst == ERROR:
            state = "broken"
        elif worst == WARNING:
            state = "warning"
        made.append(Link(names[key], value, detail, state))
    return made


def _worst(key: str, findings: Sequence[Finding]) -> Optional[str]:
    worst = None
    for finding in findings:
        belongs = next((link for prefix, link in _BELONGS if finding.code.startswith(prefix)), None)
        if belongs == key and finding.severity in (ERROR, WARNING) and worst != ERROR:
            worst = finding.severity
    return worst


def _driver(nvidia: object, lang: str) -> tuple:
    if isinstance(nvidia, f.Unknown):
        return UNKNOWN.render(lang), "", "unknown"
    if isinstance(nvidia, f.Nvidia) and nvidia.driver is None and is_assumed(nvidia) and nvidia.gpus:
        return UNKNOWN.render(lang), "", "unknown"  # the card that is assumed comes with some driver
    if not isinstance(nvidia, f.Nvidia) or nvidia.driver is None:
        return NONE.render(lang), "", "none"
    return nvidia.driver, "CUDA ≤ %s" % nvidia.cuda if nvidia.cuda else "", "ok"


def _gpu(nvidia: object, lang: str) -> tuple:
    if isinstance(nvidia, f.Unknown):
        return UNKNOWN.render(lang), "", "unknown"
    if not isinstance(nvidia, f.Nvidia) or not (nvidia.gpus or nvidia.pci):
        return NONE.render(lang), "", "none"
    if not nvidia.gpus:
        return nvidia.pci[0], "", "ok"
    names = []
    for gpu in nvidia.gpus:
        name = gpu.name.replace("NVIDIA ", "")
        if name not in names:
            names.append(name)
    value = " + ".join(names)
    if len(nvidia.gpus) > len(names):
        value = "%d × %s" % (len(nvidia.gpus), value)
    capabilities = sorted({gpu.compute_capability for gpu in nvidia.gpus if gpu.compute_capability})
    return value, " ".join("sm_" + capability.replace(".", "") for capability in capabilities), "ok"


def _build(facts: f.Facts, section: type, lang: str) -> tuple:
    state = facts.state(section)
    if isinstance(state, f.Unknown):
        return UNKNOWN.render(lang), "", "unknown"
    if state is None:
        return NONE.render(lang), "", "none"
    if isinstance(state.cuda, f.Unknown):
        detail = ""
    elif state.cuda:
        detail = "CUDA " + state.cuda
    else:
        detail = "ROCm " + state.rocm if getattr(state, "rocm", None) else CPU_BUILD.render(lang)
    return state.version, detail, "ok"


def _numpy(facts: f.Facts, lang: str) -> tuple:
    state = facts.state(f.Distributions)
    if isinstance(state, f.Unknown):
        return UNKNOWN.render(lang), "", "unknown"
    found = state.find("numpy") if state is not None else None
    if found is None:
        return NONE.render(lang), "", "none"
    return found.version or UNKNOWN.render(lang), "", "ok"
