"""Why no wheel of a range can be installed by a Python: what the matrix is sure of, and nothing else. Pure."""

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from .matrix import TRIO, Matrix
from .tags import fits_python, python_key
from .target import Target
from .versions import is_prerelease, is_version, key, matches

#: What rules every wheel of a range out.
RELEASE, LIBC, PLATFORM, PYTHON, SYSTEM = "release", "libc", "platform", "python", "system"

#: Published as wheels only, none of them for 32-bit ARM: without a source release piwheels builds none either.
WHEELS_ONLY = TRIO + ("onnxruntime", "ai-edge-litert")

#: (interpreter tag as listed, platform tag) of one wheel
_File = Tuple[str, str]


class Lack(NamedTuple):
    """Why a range has no wheel for a target."""

    #: release (there is no such release), libc (musl), platform, python, system (glibc or macOS too old)
    kind: str
    #: interpreter tags that the range has wheels for on this platform, oldest first
    pythons: Tuple[str, ...] = ()
    #: the lowest glibc or macOS that its wheels for this Python run on
    floor: str = ""
    #: releases that this Python can install; for ``release``: those whose numbers begin alike, newest last
    releases: Tuple[str, ...] = ()
    #: a community's file that fits, which pip does not find by itself
    community: str = ""


def lack(matrix: Matrix, name: str, specifier: str, target: Target) -> Optional[Lack]:
    """Return why no release in a PEP 440 range has a wheel for this target; None when one has, or nobody can tell.

    The matrix lists every release from its first one on, of numpy the last patch of each minor. A release before its
    first, or after its last, may have what is wanted.
    """
    if target.implementation != "cpython" or not target.platform:
        return None
    if name not in TRIO and (target.libc == "musl" or target.platform.endswith(("i686", "ppc64le", "s390x"))):
        return None  # files for these are not in the matrix
    if target.arch.startswith("armv") and name not in WHEELS_ONLY:
        return None  # nor is all that piwheels builds
    if re.search(r"\+(?!cpu\b|cu\d|rocm|xpu)", specifier):
        return None  # somebody's own build, such as NVIDIA's for Jetson
    specifier = re.sub(r"\+[A-Za-z0-9._-]+", "", specifier)
    offers = matrix.offers(name, target.platform)
    if not offers:
        return Lack(PLATFORM) if target.arch.startswith("armv") else None
    ordered = sorted(offers, key=key)
    known = [version for version in ordered if _meant(name, specifier, version)]
    exact = _exact(specifier)
    fitting = tuple(version for version in ordered if any(_accepted(file, target) for file in offers[version]))
    if exact is not None and not known:
        alike = [version for version in ordered if version.startswith(exact + ".")]
        inside = key(ordered[0]) < key(exact) < key(ordered[-1])
        if name == "numpy" or is_prerelease(exact) or not (alike or inside):
            return None
        return Lack(RELEASE, releases=tuple(alike) or fitting)
    if not known or set(known) & set(fitting):
        return None
    kind, pythons, floor = _reason([file for version in known for file in offers[version]], target)
    if exact is None and not _closed(matrix, name, specifier, ordered, kind, target):
        return None
    return Lack(kind, pythons, floor, fitting, _community(matrix, name, specifier, exact, target))


def _community(matrix: Matrix, name: str, specifier: str, exact: Optional[str], target: Target) -> str:
    """Return the community's file that fits, or an empty text."""
    if not target.arch.startswith("armv"):
        others = matrix.files(name, target.python_tag, target.platform) if name in TRIO else ()
    else:
        from .pi.sets import preferred_files

        others = preferred_files(matrix, name, target, exact=exact)
    return next((file.filename for file in others if matches(specifier, file.version)), "")


def _meant(name: str, specifier: str, version: str) -> bool:
    """Tell whether a range means this release; for numpy, any patch of its minor that the row stands for."""
    if name != "numpy":
        return matches(specifier, version)
    minor, _, last = version.rpartition(".")
    return any(matches(specifier, "%s.%d" % (minor, patch)) for patch in range(int(last) + 1))


def _exact(specifier: str) -> Optional[str]:
    found = re.match(r"={2,3}\s*([^,*]+)$", specifier.strip())
    return found.group(1).strip() if found and is_version(found.group(1)) else None


def _accepted(file: _File, target: Target) -> bool:
    return fits_python(file[0], target.python_tag) and _runs(file[1], target)


def _runs(place: str, target: Target) -> bool:
    if not place:
        return target.libc != "musl"  # a file of download.pytorch.org whose exact tag is not listed
    return any(target.accepts_platform(part) for part in place.split("."))


def _reason(files: List[_File], target: Target) -> Tuple[str, Tuple[str, ...], str]:
    """Return (kind, interpreter tags on this platform, the lowest system) for wheels of which none is accepted."""
    pythons = sorted({python for python, _ in files}, key=lambda tag: (python_key(tag), tag))
    if not files:
        return PLATFORM, (), ""
    if target.libc == "musl":
        return LIBC, tuple(pythons), ""
    places = [part for python, place in files if fits_python(python, target.python_tag) for part in place.split(".")]
    if not places:
        return PYTHON, tuple(pythons), ""
    floors = [_floor(place) for place in places]
    return SYSTEM, tuple(pythons), min((floor for floor in floors if floor), key=key, default="")


def _floor(place: str) -> str:
    """Return the glibc or macOS that a platform tag begins with."""
    legacy = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
    found = re.match(r"(?:manylinux|macosx)_(\d+)_(\d+)_", place)
    return "%s.%s" % found.groups() if found else legacy.get(place.partition("_")[0], "")


def _closed(matrix: Matrix, name: str, specifier: str, ordered: Sequence[str], kind: str, target: Target) -> bool:
    """Tell whether the releases that the matrix does not list cannot be what a range is waiting for."""
    offers = matrix.offers(name, target.platform)
    first, last = ordered[0], ordered[-1]
    wanted = python_key(target.python_tag)
    newer = any(matches(specifier, version) for version in ("9999", last.partition(".")[0] + ".9999"))
    if newer and kind == PYTHON and wanted > _newest_python(matrix):
        return False  # a Python that came after the matrix: wheels for it may have come as well
    floors = re.findall(r"(?:>=|>|~=|==)\s*(\d+(?:\.\d+)*)", specifier)
    if any(key(floor) >= key(first) for floor in floors):
        return True
    # releases before the first have no wheels for a Python, or a platform, that the first itself does not know
    oldest = [python_key(python) for python, _ in offers[first]]
    return not oldest or kind == LIBC or (kind == PYTHON and wanted > max(oldest))


def _newest_python(matrix: Matrix) -> Tuple[int, ...]:
    """Return the newest Python that the matrix knows wheels for."""
    every = [files for name in ("numpy", "torch") for files in matrix.offers(name, "linux_x86_64").values()]
    return max(python_key(python) for files in every for python, _ in files)
