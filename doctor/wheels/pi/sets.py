"""One consistent set of builds for a board, with a numpy that all of them accept; pure."""

import re
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..matrix import PARTNERS, TRIO, IndexFile, Matrix
from ..target import Target
from ..versions import is_prerelease, key, matches, public
from ..wishes import Wish, read_wishes
from .boards import ArmTarget, numbers, of_target
from .catalogue import Build
from .fitting import Judged, candidates, tag_reasons


class Lost(NamedTuple):
    """A build that is not in the set, and why."""

    build: Build
    reasons: Tuple[str, ...]


class Solved(NamedTuple):
    """One set that agrees with itself, and what was passed over."""

    chosen: Tuple[Build, ...]
    #: projects asked for by name that have no build here
    missing: Tuple[str, ...] = ()
    #: projects of the usual set that have none
    absent: Tuple[str, ...] = ()
    rejected: Tuple[Lost, ...] = ()
    #: range that numpy must lie in; empty when nothing asks for numpy
    numpy: str = ""
    #: the set needs a numpy of which no file is known here
    numpy_unknown: bool = False
    #: the installed numpy serves the set as it is
    keeps_numpy: bool = False
    #: why no versions of what was asked for go together; empty when they do
    clash: Tuple[str, ...] = ()
    #: the chosen builds as they were judged, by name
    judged: Mapping[str, Judged] = {}

    @property
    def fits(self) -> bool:
        """Everything that was asked for is there, and nothing speaks against it."""
        return bool(self.chosen) and not self.missing and all(item.fits for item in self.judged.values())


def _any(build: Build) -> bool:
    return True


def solve(
    matrix: Matrix,
    target: ArmTarget,
    requests: Sequence[str] = (),
    usable: Callable[[Build], bool] = _any,
) -> Solved:
    """Return the best consistent set for the requests, or the usual set of a Pi when there are none.

    A version pinned with ``==`` is returned even when it was withdrawn or does not fit (``fits`` is then False). Builds
    for which ``usable`` says no are not looked at. Raises DoctorError (2) for a request that is none.
    """
    named = bool(requests)
    wishes = _wishes(read_wishes(matrix, requests)) if named else [Wish(name) for name in usual(matrix, target)]
    numpy_wish = next((wish for wish in wishes if wish.name == "numpy"), None)
    numpy_range = numpy_wish.specifier if numpy_wish is not None else ""
    rejected: List[Lost] = []
    lists: List[List[Judged]] = []
    absent: List[str] = []
    for wish in wishes:
        if wish.name == "numpy":
            continue
        good = _good(matrix, wish, named, target, usable, rejected)
        if good:
            lists.append(good)
        else:
            absent.append(wish.name)
    numpies = [item for item in candidates(matrix, "numpy", target) if item.fits and usable(item.build)]
    picked = _search(matrix, lists, [item.build.version for item in numpies], numpy_wish, target)
    if picked is None:
        clash = tuple(_claim(matrix, good[0].build) for good in lists)
        if numpy_range:
            clash += ("numpy%s" % numpy_range,)
        lost = [Lost(good[0].build, ("no versions of these agree with each other",)) for good in lists]
        return Solved((), missing=tuple(absent) if named else (), rejected=tuple(lost + rejected), clash=clash)
    needed = ",".join(part for part in (_numpy_of(picked), numpy_range) if part)
    keeps = bool(target.numpy and matches(needed, target.numpy))
    kept = target.numpy if keeps else None
    numpy = next(
        (item for item in numpies if kept in (None, item.build.version) and matches(needed, item.build.version)), None
    )
    # torch runs without numpy, but hardly anybody's program does
    wanted = bool(needed or numpy_wish) or any(item.build.name in TRIO for item in picked)
    chosen = picked + ([numpy] if numpy is not None and wanted else [])
    if named and numpy_wish is not None and numpy is None and not keeps:
        absent.append("numpy")
    for good in lists:
        rejected.extend(_passed_over(item, chosen) for item in good if item not in chosen)
    return Solved(
        chosen=tuple(item.build for item in chosen),
        missing=tuple(absent) if named else (),
        absent=() if named else tuple(absent),
        rejected=tuple(rejected),
        numpy=_tidy(needed),
        numpy_unknown=bool(wanted and numpy is None and not keeps),
        keeps_numpy=keeps and wanted,
        judged={item.build.name: item for item in chosen},
    )


def _wishes(read: Mapping[str, Wish]) -> List[Wish]:
    """Return what is wished for; torch comes along with its partners, and chooses before them."""
    wishes = list(read.values())
    if "torch" not in read and any(name in TRIO for name in read):
        wishes.append(Wish("torch"))
    return sorted(wishes, key=lambda wish: wish.name != "torch")


def asked_for(wish: Wish) -> str:
    """Return the range that a wish names, the local part of an ordered build included."""
    return wish.specifier + ("+" + wish.variant if wish.variant else "")


def _claim(matrix: Matrix, build: Build) -> str:
    """Return a build and what it needs beside it, for telling why a set is impossible."""
    homes = matrix.torch_for(build.name, _release_part(build.version)) if build.name in PARTNERS else ()
    needs = ["torch %s" % homes[0]] if homes else []
    needs += ["numpy %s" % build.numpy] if build.numpy else []
    return "%s %s%s" % (build.name, build.version, " needs " + " and ".join(needs) if needs else "")


def usual(matrix: Matrix, target: ArmTarget) -> Tuple[str, ...]:
    """Return the projects of the set that ``doctor pi`` ends with; an OpenCV that is there already stays the one."""
    opencv = target.opencv or "opencv-python"
    litert = any(item.fits for item in candidates(matrix, "ai-edge-litert", target))
    return ("torch", opencv, "onnxruntime", "ai-edge-litert" if litert else "tflite-runtime", "ncnn", "numpy")


def _good(
    matrix: Matrix,
    wish: Wish,
    named: bool,
    target: ArmTarget,
    usable: Callable[[Build], bool],
    rejected: List[Lost],
) -> List[Judged]:
    """Return the builds that may be chosen for a wish, best first; the others go to ``rejected`` with their reasons.

    ``named``: it was asked for by name and is not merely part of the usual set.
    """
    wanted = asked_for(wish)
    good: List[Judged] = []
    ordered: List[Judged] = []
    for item in candidates(matrix, wish.name, target):
        build = item.build
        reasons = list(item.reasons)
        asked = matches(wanted, build.version)
        if not asked:
            reasons.append("asked for: %s" % wanted)
        if build.replaced_by is not None and not wish.exact:
            reasons.append("withdrawn: %s" % (build.replaced_by + " took its place" if build.replaced_by else "yanked"))
        if build.only_named and not named:
            reasons.append("unaudited: one person's build, taken only when asked for by name")
        if is_prerelease(build.version) and not wish.exact:
            reasons.append("pre-release")
        if not usable(build):
            continue
        if not reasons:
            good.append(item)
            continue
        if asked and wish.exact and not list(tag_reasons(build, target)):
            ordered.append(item)
        rejected.append(Lost(build, tuple(reasons)))
    if not good and ordered:
        rejected[:] = [item for item in rejected if item.build is not ordered[0].build]
        return ordered[:1]
    if target.numpy:
        # Two files of one version differ in the numpy they were built with: first the one for the installed numpy.
        place: Dict[Tuple[int, str], int] = {}
        for number, item in enumerate(good):
            place.setdefault((item.doubt, item.build.version), number)
        good.sort(
            key=lambda item: (
                place[(item.doubt, item.build.version)],
                not matches(item.build.numpy, str(target.numpy)),
            )
        )
    return good


def _search(
    matrix: Matrix, lists: Sequence[Sequence[Judged]], known: Sequence[str], wish: Optional[Wish], target: ArmTarget
) -> Optional[List[Judged]]:
    """Return one build of each project such that a known numpy serves all; the earlier project chooses first.

    Where no file of such a numpy is known, it is enough that a version of it exists at all.
    """
    series = ["1.%d.%d" % (minor, patch) for minor in range(14, 27) for patch in (0, 6)]
    series += ["2.%d.%d" % (minor, patch) for minor in range(6) for patch in (0, 3)]
    series += [wish.exact] if wish is not None and wish.exact else []
    installed = [target.numpy] if target.numpy else []
    asked = wish.specifier if wish is not None else ""
    for numpies in (list(known) + installed, list(known) + installed + series):
        found = _descend(matrix, list(lists), [], [version for version in numpies if matches(asked, version)])
        if found is not None:
            return found
    return None


def _descend(
    matrix: Matrix, left: List[Sequence[Judged]], picked: List[Judged], numpies: Sequence[str]
) -> Optional[List[Judged]]:
    if not left:
        return picked
    for item in left[0]:
        serving = (
            [version for version in numpies if matches(item.build.numpy, version)] if item.build.numpy else numpies
        )
        if item.build.numpy and not serving:
            continue
        if not _partners(matrix, item.build, picked):
            continue
        found = _descend(matrix, left[1:], picked + [item], serving)
        if found is not None:
            return found
    return None


def _partners(matrix: Matrix, build: Build, picked: Sequence[Judged]) -> bool:
    """Tell whether a torchvision or torchaudio belongs to the torch that was picked before it."""
    if build.name not in TRIO or build.name == "torch":
        return True
    torch = next((item.build for item in picked if item.build.name == "torch"), None)
    if torch is None:
        return True
    return bool(matrix.goes_with(_release_part(torch.version), build.name, _release_part(build.version)))


def _release_part(version: str) -> str:
    """``1.9.0`` of 1.9.0a0+gitd69c22d: partners of a development build are those of its release."""
    return ".".join(str(part) for part in numbers(version))


def _numpy_of(picked: Iterable[Judged]) -> str:
    return _tidy(",".join(item.build.numpy for item in picked if item.build.numpy))


def _tidy(specifier: str) -> str:
    """Return the range without bounds that others make superfluous: the highest floor and the lowest ceiling."""
    floors: List[str] = []
    ceilings: List[str] = []
    others: List[str] = []
    for part in filter(None, specifier.split(",")):
        match = re.match(r"(>=|<)(\d[\d.]*)$", part)
        if match is None:
            others.append(part)
        else:
            (floors if match.group(1) == ">=" else ceilings).append(match.group(2))
    bounds = [">=" + max(floors, key=key)] if floors else []
    bounds += ["<" + min(ceilings, key=key)] if ceilings else []
    return ",".join(bounds + sorted(set(others)))


def _passed_over(item: Judged, chosen: Sequence[Judged]) -> Lost:
    """Return a build that fits, with why another was chosen."""
    build = item.build
    winner = next((other.build for other in chosen if other.build.name == build.name), None)
    numpy = next((other.build for other in chosen if other.build.name == "numpy"), None)
    reasons = []
    if numpy is not None and build.numpy and not matches(build.numpy, numpy.version):
        reasons.append("numpy: needs %s, the set has %s" % (build.numpy, numpy.version))
    if item.doubt == 2:
        reasons.append("not measured: built on %s, newer than this system" % build.os)
    elif item.doubt == 1:
        reasons.append("not measured: the libc it needs is not known")
    if winner is not None and key(public(build.version)) < key(public(winner.version)):
        reasons.append("older than %s" % winner.version)
    return Lost(build, tuple(reasons) or ("another file of the same version was chosen",))


def preferred_files(
    matrix: Matrix, name: str, target: Target, numpy: Optional[str] = None, exact: Optional[str] = None
) -> Tuple[IndexFile, ...]:
    """Return the files of a project that fit a board, best first, for ``repair.pick``; the first that is free to be
    taken is the one, even where a later one is newer: nobody measured that one.

    ``numpy``: the installed one decides between two files of one version. ``exact``: a version that was pinned.
    """
    wish = Wish(name, "==" + exact if exact else "")
    good = _good(matrix, wish, True, of_target(target, numpy), _any, [])
    return tuple(item.build.file._replace(numpy=item.build.numpy) for item in good)
