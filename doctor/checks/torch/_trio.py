"""How torch, torchvision and torchaudio belong together: one judgement that several checks read.

Only one of them speaks about a pair: first its versions, then its CUDA builds. What a trial has proved outranks what
the metadata say: torchvision 0.29.0 asks for torch 2.14.0 and runs with 2.14.1, while torchvision 0.28.0 of the package
index is content with torch 2.13.0+cpu and dies.
"""

import re
from typing import Any, NamedTuple, Optional, Tuple, Union

from ...facts import Facts, Nvidia, Stage, Torch, Torchaudio, Torchvision, Trials, Unknown
from ...patterns import lazy
from ...wheels.tags import variant_of
from ...wheels.versions import is_version, matches, public
from ..gpu._nvidia import numbers

#: Words of an error that say: the compiled part of torchvision does not belong to this torch.
EXTENSION_FAILED = lazy(
    r"operator torchvision::\w+ does not exist"
    r"|Couldn't load custom C\+\+ ops"
    r"|No such operator torchvision::"
    r"|undefined symbol: _Z\w*(?:c10|torch|at)"
    r"|has no attribute '?nms'?"
)
OTHER_CUDA = lazy(r"compiled with different CUDA (?:major )?versions")
NO_CUDA_KERNEL = lazy(r"torchvision::nms' with arguments from the 'CUDA' backend")

#: Until then torchvision refused another minor version of CUDA, since then only another major version.
SAME_MINOR_UNTIL = (0, 16)


class Verdict(NamedTuple):
    """What is wrong with a pair."""

    #: version, build, cpu-partner
    kind: str
    #: error where it is proved or certain, warning where it usually works
    severity: str
    evidence: Tuple[str, ...] = ()


def release(version: str) -> Tuple[int, ...]:
    """Return the release numbers of a version: ``2.1.0+cu121`` -> (2, 1, 0)."""
    return numbers(version)


def build_of(version: str, cuda: Union[str, None, Unknown]) -> Optional[str]:
    """Return the build in the words of a local version: cpu, cu121; None when unknown."""
    if isinstance(cuda, Unknown):
        return None
    if cuda is None:
        local = version.partition("+")[2]
        return local if local.startswith(("rocm", "xpu")) else "cpu"
    return variant_of(cuda)


def stage_of(facts: Facts, name: str) -> Optional[Stage]:
    """Return one stage of the trials, or None when it was not tried."""
    trials = facts.maybe(Trials)
    return trials.stage(name) if trials is not None else None


def worked(stage: Optional[Stage]) -> bool:
    return stage is not None and stage.status == "ok"


def failed(stage: Optional[Stage]) -> bool:
    return stage is not None and stage.status in ("failed", "crashed", "hung")


def last_line(stage: Stage) -> str:
    """Return the error of a stage in one line."""
    if stage.status == "crashed":
        return crash(stage.signal)
    if stage.status == "hung":
        return "no answer within %.0f s" % stage.seconds
    lines = [line.strip() for line in stage.text.splitlines() if line.strip()]
    text = lines[-1] if lines else ""
    if stage.error and not text.startswith(stage.error):
        text = "%s: %s" % (stage.error, text) if text else stage.error
    text = text or stage.status
    return text if len(text) <= 300 else text[:297] + "..."


#: signals that end a process whose libraries do not fit, and the codes Windows has instead
CRASHES = {
    4: "illegal instruction",
    6: "aborted",
    7: "bus error",
    8: "arithmetic error",
    9: "killed",
    11: "segmentation fault",
    0xC0000005: "access violation",
    0xC000001D: "illegal instruction",
    0xC0000409: "stack buffer overrun",
}


def crash(number: Optional[int]) -> str:
    """Return what ended a process in words: a signal, a code of Windows, or an exit status."""
    if number in CRASHES:
        return "%s (%s)" % (CRASHES[number], "signal %d" % number if number < 64 else "0x%X" % number)
    return "exit status %s" % number


def requirement_fits(requirement: Optional[str], version: str) -> Optional[bool]:
    """Tell whether ``torch (==1.13.1)`` admits this version, its build left aside; None when it names no version."""
    match = re.match(r"[\w.-]+\s*\(?([^;)]*)", requirement or "")
    # Builds of PyTorch's own index may pin the build, too (torch==2.1.0+cu121): that is judged apart.
    wanted = re.sub(r"\+[\w.]+", "", match.group(1)).strip() if match else ""
    if not wanted:
        return None
    try:
        return matches(wanted, public(version))
    except ValueError:
        return None


def same_release(requirement: Optional[str], version: str) -> bool:
    """Tell whether a pin names another patch of the same release: ``torch (==2.14.0)`` for 2.14.1."""
    match = re.search(r"==\s*(\d+(?:\.\d+)*)", requirement or "")
    return match is not None and numbers(match.group(1))[:2] == release(version)[:2]


def versions_fit(partner: Union[Torchvision, Torchaudio], torch: Torch, matrix: Any) -> Optional[bool]:
    """Tell whether partner and torch are of one release: allowed by its metadata or the matrix; None unknown."""
    fits = requirement_fits(partner.requires_torch, torch.version)
    if fits is not True and matrix is not None and is_version(partner.version) and is_version(torch.version):
        listed = matrix.goes_with(torch.version, type(partner).__name__.lower(), partner.version)
        fits = fits if listed is None else listed
    return fits


def vision_verdict(facts: Facts, torch: Torch, vision: Torchvision, matrix: Any) -> Optional[Verdict]:
    """Return what is wrong between torch and torchvision, or None when they fit or a trial proved that they work."""
    imported, nms, nms_cuda = (stage_of(facts, name) for name in ("torchvision", "nms-cpu", "nms-cuda"))
    errors = tuple(last_line(stage) for stage in (imported, nms) if stage is not None and failed(stage))
    text = "\n".join(stage.text for stage in (imported, nms) if stage is not None and failed(stage))
    evidence = tuple("torchvision requires %s" % vision.requires_torch for _ in (1,) if vision.requires_torch) + errors
    works = worked(imported) and worked(nms)

    if not works:
        fits = versions_fit(vision, torch, matrix)
        newer_than_stable = vision.abi == "stable" and _stable_for(vision, torch)
        if fits is False and not newer_than_stable:
            # Patch releases of one torch keep its ABI as a rule; only a trial that failed makes this an error.
            harmless = same_release(vision.requires_torch, torch.version) and not errors
            if not OTHER_CUDA.search(text):
                return Verdict("version", "warning" if harmless else "error", evidence)

    torch_build, vision_build = build_of(torch.version, torch.cuda), build_of(vision.version, vision.cuda)
    if torch_build and vision_build and torch_build != vision_build and not torch.rocm:
        if torch_build == "cpu" and vision_build.startswith("cu") and not works:
            return Verdict("build", "error", evidence)
        if torch_build.startswith("cu") and vision_build == "cpu" and not worked(nms_cuda):
            return Verdict("cpu-partner", _without_card(facts), evidence + _cuda_error(nms_cuda))
        if torch_build.startswith("cu") and vision_build.startswith("cu") and not worked(nms_cuda):
            apart = _cuda_apart(torch, vision)
            if apart and not works:
                return Verdict("build", "error", evidence)
    if nms_cuda is not None and failed(nms_cuda) and NO_CUDA_KERNEL.search(nms_cuda.text):
        return Verdict("cpu-partner", "error", evidence + _cuda_error(nms_cuda))
    if OTHER_CUDA.search(text):
        return Verdict("build", "error", evidence)
    if EXTENSION_FAILED.search(text):
        return Verdict("version", "error", evidence)
    return None


def wanted(matrix: Any, torch_version: str, name: str) -> Optional[str]:
    """Return the preferred torchvision or torchaudio release for a torch; None when the matrix lists none."""
    found = matrix.partners(torch_version) if matrix is not None else None
    releases = getattr(found, name) if found is not None else ()
    return releases[-1] if releases else None


def _stable_for(vision: Torchvision, torch: Torch) -> bool:
    """Tell whether a build on the stable ABI may run with this torch: of its own release or newer."""
    match = re.search(r"(?:==|>=)\s*(\d+(?:\.\d+)*)", vision.requires_torch or "")
    return match is not None and numbers(match.group(1))[:2] <= release(torch.version)[:2]


def _cuda_apart(torch: Torch, vision: Torchvision) -> bool:
    """Tell whether torchvision refuses this torch for its CUDA version."""
    width = 2 if release(vision.version)[:2] < SAME_MINOR_UNTIL else 1
    pair = numbers(str(torch.cuda))[:width], numbers(str(vision.cuda))[:width]
    width = min(len(part) for part in pair)  # where only the major version could be read, that decides
    return pair[0][:width] != pair[1][:width]


def _without_card(facts: Facts) -> str:
    """A CPU torchvision does no harm where there is no GPU; it does where one is, or where nobody could tell."""
    nvidia = facts.state(Nvidia)
    absent = nvidia is None or (isinstance(nvidia, Nvidia) and not nvidia.gpus and not nvidia.pci and not nvidia.driver)
    return "warning" if absent else "error"


def _cuda_error(stage: Optional[Stage]) -> Tuple[str, ...]:
    return (last_line(stage),) if stage is not None and failed(stage) else ()
