"""Which of the builds run on a board, and what rules the others out; pure."""

from typing import Iterator, List, NamedTuple, Tuple

from ...pi_os import RELEASES
from ..matrix import PACKAGE_INDEX, Matrix
from ..versions import is_prerelease, key, public
from .boards import ArmTarget, numbers
from .catalogue import Build, builds, dotted


class Judged(NamedTuple):
    """A build and what speaks against it; no reasons = it fits."""

    build: Build
    reasons: Tuple[str, ...]
    #: 0: known to fit; 1: nothing known about its libc; 2: made for a newer system and not measured
    doubt: int = 0

    @property
    def fits(self) -> bool:
        return not self.reasons


def judge(build: Build, target: ArmTarget) -> Judged:
    """Say whether a build runs on the target, and what rules it out."""
    reasons: List[str] = []
    reasons.extend(tag_reasons(build, target))
    if build.broken:
        reasons.append("broken: %s" % build.broken)
    if build.cuda and target.pi:
        reasons.append("cuda: a Raspberry Pi has no NVIDIA GPU, this build brings gigabytes of CUDA libraries")
    if build.illegal and target.pi and not target.lse:
        reasons.append("illegal instruction: dies on processors without LSE atomics (%s)" % build.illegal)
    doubt = 1
    if build.glibc is not None:
        doubt = 0
        if target.glibc is not None and numbers(build.glibc) > numbers(target.glibc):
            reasons.append("glibc: needs %s, this system has %s" % (build.glibc, target.glibc))
    elif build.os in RELEASES:
        made_for = RELEASES[build.os].glibc
        if target.glibc is not None:
            doubt = 2 if numbers(made_for) > numbers(target.glibc) else 0
        else:
            doubt = 0 if RELEASES[build.os].abi == build.file.abi else 1
    if build.glibcxx and target.glibcxx and numbers(build.glibcxx) > numbers(target.glibcxx):
        reasons.append("libstdc++: needs GLIBCXX_%s, this system has %s" % (build.glibcxx, target.glibcxx))
    if build.publisher == "piwheels" and build.os and target.codename and build.os != target.codename:
        doubt = max(doubt, 1)  # its libraries are those of the release it was built on
    return Judged(build, tuple(reasons), doubt)


def tag_reasons(build: Build, target: ArmTarget) -> Iterator[str]:
    file = build.file
    if file.abi == "abi3":
        if key(dotted(file.python)) > key(target.python) or target.abi.endswith("t"):
            yield "python: abi3 from %s on, this is %s" % (dotted(file.python), target.python)
    elif file.python in ("py3", "py2.py3"):
        pass
    elif file.python != target.tag:
        yield "python: made for %s, this is %s" % (file.python, target.tag)
    elif file.abi not in (target.abi, "none"):
        yield "abi: made for %s, this is %s" % (file.abi, target.abi)
    if build.machine not in ("any", target.machine):
        yield "platform: made for %s, this is %s" % (build.machine, target.machine)
    elif build.machine != "any" and target.musl != all(tag.startswith("musllinux_") for tag in file.platforms):
        yield "libc: made for %s, this system has %s" % (("glibc", "musl") if target.musl else ("musl", "glibc"))


def _for_python(matrix: Matrix, build: Build, target: ArmTarget) -> Build:
    """Return the build with the numpy that it asks for on this Python: one abi3 file serves many of them."""
    if build.file.abi != "abi3" or build.community:
        return build
    return build._replace(numpy=matrix.numpy_needs(build.name, build.version, target.tag))


def candidates(matrix: Matrix, name: str, target: ArmTarget) -> List[Judged]:
    """Return the builds of a project for this Python and board, judged, best first; what does not fit comes last.

    Where there is none, what there is for other Pythons is shown instead, and to an ARMv6 board the ARMv7 files, which
    is where people try them.
    """
    found = [judge(_for_python(matrix, build, target), target) for build in builds(matrix, name, target)]
    if not found:
        shown = {"armv6l": ("armv6l", "armv7l", "any")}.get(target.machine, (target.machine, "any"))
        found = [judge(build, target) for build in builds(matrix, name) if build.machine in shown]
    rank = {PACKAGE_INDEX: 0, "piwheels": 1}
    found.sort(key=lambda item: rank.get(item.build.publisher, 2))
    found.sort(key=lambda item: key(public(item.build.version)), reverse=True)
    found.sort(key=lambda item: (not item.fits, item.doubt, is_prerelease(item.build.version)))
    return found
