"""What several GPU checks ask of the NVIDIA facts."""

import re
from typing import Any, List, Optional, Tuple

from ...facts import Environ, Facts, Gpu, Host, MissingFact, Nvidia, Project, Stage, Torch, Trials, Unknown
from ...gpu_chips import capability_of_device
from ...patterns import lazy

#: NVML's error numbers (nvml.h)
NOT_FOUND, DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, VERSION_MISMATCH = 6, 9, 12, 18

#: words of a source that found nothing, or could not be asked at all
NOTHING_HERE = lazy(r"No devices were found|couldn't communicate|pynvml cannot be imported|holds no driver version")

#: torch's and CUDA's own words for what keeps them from a card
TOO_OLD = lazy(r"driver on your system is too old|driver version is insufficient|forward compatibility was attempted")
MISMATCH = lazy(r"unsupported display driver|driver/library version mismatch", re.IGNORECASE)
NO_DRIVER = lazy(r"Found no NVIDIA driver|no CUDA-capable device|libcuda\.so")
NO_KERNEL = lazy(r"no kernel image is available|is not compatible with the current PyTorch installation")

#: Signs of a container in a text; the last is the prompt of Docker, whose host name is the container's id.
IN_A_CONTAINER = (
    r"\bdocker\b|\bkubectl\b|\bcontainers?\b|kubernetes|\bk8s\b|\bpods?\b|podman|docker-compose|/\.dockerenv|"
    r"root@[0-9a-f]{12}:"
)

#: The oldest capability that any torch since 1.7 has code for; NVIDIA cards below it are display cards to torch.
OLDEST_CAPABILITY = (3, 5)


def known(value: Any, section: str) -> Any:
    """Return a field's value; raises MissingFact when the field itself is unknown."""
    if isinstance(value, Unknown):
        raise MissingFact(section, value.reason)
    return value


def numbers(version: Optional[str]) -> Tuple[int, ...]:
    """Return the numbers of a dotted version: ``580.95.05`` -> (580, 95, 5); () when there are none."""
    match = re.match(r"\d+(?:\.\d+)*", version or "")
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def cuda_version(number: int) -> str:
    """Return 12.4 for CUDA's own way of writing it, 12040."""
    return "%d.%d" % (number // 1000, number % 1000 // 10)


def older(a: str, b: str) -> bool:
    """Tell whether dotted version ``a`` is below ``b``; ``580`` is not below ``580.0``."""
    left, right = numbers(a), numbers(b)
    width = max(len(left), len(right))
    return left + (0,) * (width - len(left)) < right + (0,) * (width - len(right))


def driver_system(host: Optional[Host]) -> str:
    """Return whose driver numbering counts: WSL shows the Windows driver of the machine it runs on."""
    if host is None:
        return "linux"
    return "windows" if host.wsl else host.system


def capability_of(gpu: Gpu, matrix: Any) -> Optional[str]:
    """Return the compute capability of a card: its own word, then its PCI id, then its name in the matrix."""
    if gpu.compute_capability:
        return gpu.compute_capability
    match = re.match(r"(?:10de:)([0-9a-f]{4})$", gpu.name.lower())
    if match:
        return capability_of_device(int(match.group(1), 16))
    return matrix.compute_capability(gpu.name) if matrix is not None else None


def pci_cards(nvidia: Nvidia) -> List[Gpu]:
    """Return the cards on the PCI bus; the sysfs source also knows their capability."""
    source = nvidia.source("sysfs")
    if source is not None and source.gpus:
        return list(source.gpus)
    return [Gpu(name=name) for name in nvidia.pci]


def answers(nvidia: Nvidia) -> bool:
    """Tell whether a driver answers and shows a card; a card that is only assumed counts as one that answers."""
    return bool(nvidia.gpus)


def card_ready(facts: Facts) -> bool:
    """Tell whether a card with a working driver is known to be here."""
    nvidia = facts.maybe(Nvidia)
    return nvidia is not None and answers(nvidia)


def unheard(nvidia: Nvidia) -> Optional[str]:
    """Return why it cannot be said that there is no driver: a source that hung or crashed; None when all spoke."""
    for source in nvidia.sources:
        if source.error and source.error.startswith(("no answer", "crashed")):
            return "%s: %s" % (source.name, source.error)
    return None


def undecided(nvidia: Nvidia) -> Optional[str]:
    """Return the error of a source that leaves it open whether a card is here; None when every source spoke.

    A driver library that is missing, or that finds no loaded driver and no device, says that there is none.
    """
    for source in nvidia.sources:
        silent = source.error_code in (DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND, NOT_FOUND)
        if source.error and not silent and not NOTHING_HERE.search(source.error):
            return "%s: %s" % (source.name, source.error)
    return None


def wants_torch(facts: Facts) -> bool:
    """Tell whether torch is installed, or the project asks for it."""
    torch = facts.state(Torch)
    if torch is not None and not isinstance(torch, Unknown):
        return True
    project = facts.maybe(Project)
    return project is not None and project_needs(project, "torch")


def project_needs(project: Project, name: str) -> bool:
    """Tell whether a project lists a distribution (not only in an extra) or imports the module of the same name."""
    return name in project.imports or any(item.name == name and not item.optional for item in project.requirements)


def card_names(cards: List[Gpu]) -> str:
    """Return the names of the cards, each once, in their order."""
    return ", ".join(dict.fromkeys(card.name for card in cards))


def unreached(facts: Facts) -> Optional[Stage]:
    """Return the trial's CUDA stage when a CUDA torch was tried and did not get as far as a card; else None."""
    trials = facts.maybe(Trials)
    stage = trials.stage("cuda-kernel") if trials is not None else None
    if stage is None or stage.status == "ok" or (stage.status == "skipped" and "available" not in stage.data):
        return None
    return stage


def hidden(facts: Facts) -> Optional[str]:
    """Return CUDA_VISIBLE_DEVICES when it hides every card; None otherwise."""
    environ = facts.maybe(Environ)
    value = environ.get("CUDA_VISIBLE_DEVICES") if environ is not None else None
    return value if value is not None and value.strip() in ("", "-1", "none", "NoDevFiles") else None


def source_evidence(nvidia: Nvidia) -> Tuple[str, ...]:
    """Return one line for each source: what it said, or its error."""
    lines = []
    for source in nvidia.sources:
        if source.error:
            lines.append("%s: %s" % (source.name, source.error))
        elif source.driver or source.gpus:
            said = ["driver %s" % source.driver] if source.driver else []
            if source.cuda:
                said.append("CUDA %s" % source.cuda)
            said.extend(gpu.name for gpu in source.gpus)
            lines.append("%s: %s" % (source.name, ", ".join(said)))
    return tuple(lines) + nvidia.disagreements
