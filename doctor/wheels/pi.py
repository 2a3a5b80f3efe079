"""Wheels on a Raspberry Pi: piwheels, community builds under odd names, and what each was built for; pure.

How ``choose`` and ``doctor pi`` share this: :func:`builds` lists every file that the matrix knows for a project on ARM,
:func:`judge` says whether one fits a target and why not, :func:`candidates` does both and sorts best first, and
:func:`solve` picks one consistent set with a numpy that all of it accepts. A target is an :class:`ArmTarget`, made
with :func:`target_of_facts` from a machine or with :func:`of_target` from a target of ``doctor wheels``.
"""

import re
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..model import DoctorError, Wheel
from ..pi_os import RELEASES, release_of_glibc
from ..text import Text
from .choose import Alternative, Choice, Rejected, Said
from .matrix import PACKAGE_INDEX, TRIO, IndexFile, Matrix
from .target import Target
from .versions import is_prerelease, key, matches, public

#: The four distributions that own the cv2 folder: exactly one of them may be installed.
OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)

#: Highest GLIBCXX that a release's libstdc++ has, where it was read (ncnn's measured note in the matrix).
GLIBCXX = {"buster": "3.4.25"}

#: onnxruntime builds that die of an illegal instruction on a Cortex-A72: microsoft/onnxruntime#23957, #24112, #24512.
ONNXRUNTIME_ILLEGAL = {"1.21.0": "microsoft/onnxruntime#23957"}
#: Nobody reported on these, but they lack the correction, which came with 1.22.0: not to be chosen.
ONNXRUNTIME_UNCORRECTED = {"1.21.1": "microsoft/onnxruntime#23978 came after it"}

#: Every armv7l file of tflite-runtime that was measured needs this glibc, whatever its tag promises.
TFLITE_GLIBC = "2.27"

#: Libraries of the compiler's runtime: their packages have the same name on every release.
RUNTIME = ("libatomic1", "libgomp1")


class Build(NamedTuple):
    """One wheel file that is known to exist for an ARM board, with what the Pi's tables add to it."""

    file: IndexFile
    #: ``package index``, ``piwheels``, or the account or host that publishes a community build
    publisher: str
    #: lowest glibc that can load it; None when nobody read it
    glibc: Optional[str] = None
    glibcxx: Optional[str] = None
    #: release of Raspberry Pi OS that it was built on; None when not stated
    os: Optional[str] = None
    #: PEP 440 range of numpy; empty = any
    numpy: str = ""
    #: apt packages with the libraries it loads, for the release it was built on
    apt: Tuple[str, ...] = ()
    #: version that replaced it when it was withdrawn from the package index; empty = withdrawn, none named
    replaced_by: Optional[str] = None
    #: report of its death on a processor without LSE atomics
    illegal: Optional[str] = None
    #: why it cannot work anywhere
    broken: Optional[str] = None
    #: one person's unaudited build: chosen only for those who name the project
    only_named: bool = False
    #: torch of the package index made for CUDA
    cuda: bool = False

    @property
    def name(self) -> str:
        return self.file.package

    @property
    def version(self) -> str:
        return self.file.version

    @property
    def community(self) -> bool:
        return self.publisher not in (PACKAGE_INDEX, "piwheels")

    @property
    def machine(self) -> str:
        """armv7l, armv6l or aarch64; ``any`` for a pure wheel."""
        tag = self.file.platforms[0]
        return next((name for name in ("armv7l", "armv6l", "aarch64", "any") if tag.endswith(name)), tag)


class ArmTarget(NamedTuple):
    """The Python and system that the wheels are for."""

    #: 3.7
    python: str
    #: ABI tag: cp37m
    abi: str
    #: linux_armv7l, linux_armv6l or linux_aarch64
    platform: str
    #: None = no limit known
    glibc: Optional[str] = None
    glibcxx: Optional[str] = None
    codename: str = ""
    #: the processor has LSE atomics (a Pi 5 has); None = not known
    lse: Optional[bool] = None
    #: a Raspberry Pi: there is no NVIDIA GPU in it
    pi: bool = True
    #: installed numpy, and which OpenCV distribution is installed
    numpy: Optional[str] = None
    opencv: Optional[str] = None
    pip: Optional[str] = None

    @property
    def tag(self) -> str:
        """``cp37`` for Python 3.7."""
        return "cp" + self.python.replace(".", "")

    @property
    def files_tag(self) -> str:
        """``cp37``, or ``cp313t`` for a free-threaded one."""
        return self.tag + ("t" if self.abi.endswith("t") else "")

    @property
    def machine(self) -> str:
        return self.platform.partition("_")[2]


class Judged(NamedTuple):
    """A build and what speaks against it; no reasons = it fits."""

    build: Build
    reasons: Tuple[str, ...]
    #: 0: known to fit; 1: nothing known about its libc; 2: made for a newer system and not measured
    doubt: int = 0

    @property
    def fits(self) -> bool:
        return not self.reasons


# ---------------------------------------------------------------- targets


def serves(target: Target) -> bool:
    """Tell whether the rules of this module decide for a target: 32-bit ARM, or a 64-bit Raspberry Pi."""
    return target.arch in ("armv7l", "armv6l") or bool(target.board and target.arch == "aarch64")


def target_of_facts(facts: Any) -> ArmTarget:
    """Return the target Python of a machine.

    Raises MissingFact when the Python is unknown.
    """
    from .. import facts as f

    python = facts.need(f.Python)
    host, cpu, board = facts.maybe(f.Host), facts.maybe(f.Cpu), facts.maybe(f.Board)
    distributions = facts.maybe(f.Distributions)
    numpy = distributions.find("numpy") if distributions else None
    opencv = [name for name in OPENCV if distributions and distributions.find(name)]
    glibc = None
    if python.libc != "musl":
        glibc = python.libc_version or (host.libc_version if host and host.libc == "glibc" else None)
    codename = host.codename if host else ""
    if not codename:
        known = release_of_glibc(glibc)
        codename = known.codename if known else ""
    return ArmTarget(
        python=python.minor,
        abi=python.abi or _default_abi(python.minor),
        platform=python.platform,
        glibc=glibc,
        glibcxx=(host.glibcxx if host else None) or GLIBCXX.get(codename),
        codename=codename,
        lse=_lse(board, cpu),
        pi=bool(board and board.raspberry_pi),
        numpy=numpy.version if numpy else None,
        opencv=opencv[0] if opencv else None,
        pip=python.pip,
    )


def of_target(target: Any, numpy: Optional[str] = None) -> ArmTarget:
    """Return a target of ``doctor wheels`` (:class:`.target.Target`) in the terms of this module."""
    known = release_of_glibc(target.glibc)
    board = target.board or ""
    lse = "atomics" in target.cpu_flags if target.cpu_flags else None
    return ArmTarget(
        python=target.python,
        abi=target.abi or _default_abi(target.python),
        platform=target.platform,
        glibc=target.glibc if target.libc != "musl" else None,
        glibcxx=GLIBCXX.get(known.codename) if known else None,
        codename=known.codename if known else "",
        lse=lse,
        # A 32-bit ARM board that is only described is most likely a Raspberry Pi; a 64-bit one may be a server.
        pi="raspberry pi" in board.lower() or (target.elsewhere and target.arch in ("armv7l", "armv6l")),
        numpy=numpy,
    )


def _lse(board: Any, cpu: Any) -> Optional[bool]:
    """Tell whether the processor has LSE atomics: its flags say, else its SoC."""
    if cpu is not None and cpu.flags:
        return "atomics" in cpu.flags
    if board is not None and board.soc:
        return bool(board.soc == "BCM2712")
    return None


def _default_abi(minor: str) -> str:
    tag = "cp" + minor.replace(".", "")
    return tag + "m" if _numbers(minor) < (3, 8) else tag


# ---------------------------------------------------------------- the matrix's files as builds


_known: Dict[Tuple[int, str, str, str], Tuple[Build, ...]] = {}


def builds(matrix: Matrix, name: str, target: Optional[ArmTarget] = None) -> Tuple[Build, ...]:
    """Return the builds of a project that the matrix knows for ARM, or only those for one Python and machine."""
    place = (id(matrix), name, target.files_tag if target else "", target.platform if target else "")
    if place not in _known:
        if target is None:
            files = list(matrix.files(name))
        else:
            files = list(matrix.files(name, target.files_tag, target.platform))
        if name in TRIO and (target is None or target.machine == "aarch64"):
            files.extend(_index_trio(matrix, name, target.files_tag if target else None))
        if target is None:
            files.extend(_measured_only(matrix, name, files))
        _known[place] = tuple(_build(matrix, file) for file in files if _for_arm(file))
    return _known[place]


def _for_arm(file: IndexFile) -> bool:
    return any(tag == "any" or tag.endswith(("_armv7l", "_armv6l", "_aarch64")) for tag in file.platforms)


def _measured_only(matrix: Matrix, name: str, files: Sequence[IndexFile]) -> Iterator[IndexFile]:
    """Yield files that stand in the matrix only because somebody read what they need."""
    listed = {file.filename for file in files}
    for row in matrix.table("pi_wheels.%s.measured" % name) or ():
        filename = row["file"]
        python, abi, platforms = tags_of(filename)
        if platforms and filename not in listed:
            glibc = _higher(manylinux_glibc(platforms), row.get("glibc"))
            version = tags_version(filename)
            yield IndexFile(name, version, filename, None, None, PACKAGE_INDEX, python, abi, platforms, glibc)


def _index_trio(matrix: Matrix, name: str, tag: Optional[str]) -> Iterator[IndexFile]:
    """Yield the aarch64 files of torch and its partners on the package index, for one interpreter tag or all."""
    exact = _known_sha256(matrix)
    if name == "torch":
        tables = {version: (matrix.release(version) or {}).get("tags") for version in matrix.torch_releases}
    else:
        tables = matrix.table("index_files.packages.%s" % name) or {}
    for version, places in tables.items():
        for place, spelt in (places or {}).items():
            if not place.endswith("_aarch64"):
                continue
            for python in spelt if tag is None else [tag] if tag in spelt else []:
                wheel = matrix.index_file(name, version, "linux_aarch64", python)
                if wheel is None:
                    continue
                interpreter, abi, platforms = tags_of(wheel.filename)
                yield IndexFile(
                    name, version, wheel.filename, None, exact.get(wheel.filename), PACKAGE_INDEX, interpreter, abi,
                    platforms, manylinux_glibc(platforms), matrix.numpy_limit(name, version, "linux") or "",
                )  # fmt: skip


def _known_sha256(matrix: Matrix) -> Dict[str, str]:
    """Return file name -> sha256 of the index's files of torch and torchvision for the Pi's releases."""
    block = matrix.table("pi_wheels.torch") or {}
    rows = [row for name, part in block.items() if name.startswith("pypi_") and isinstance(part, list) for row in part]
    rows += [item for each in matrix.table("pi_wheels.derived_sets") or () for item in each["items"]]
    return {row["file"]: row["sha256"] for row in rows if row.get("file") and row.get("sha256")}


def _build(matrix: Matrix, file: IndexFile) -> Build:
    """Return a file with what the tables of the Pi say about it."""
    row = file.row
    name = file.package
    publisher = _publisher(file.url)
    note = str(row.get("note") or "")
    os_name = row.get("os") or row.get("built_on")
    if publisher == PACKAGE_INDEX:
        os_name = None  # there it says whose Python the file is for, not where it was built
    elif publisher == "KumaTea":
        os_name = "buster"  # kumatea_notes: built on Debian buster under QEMU
    glibc = file.glibc or (RELEASES["buster"].glibc if publisher == "KumaTea" else None)
    if name == "tflite-runtime" and file.platforms[0].endswith("_armv7l") and publisher == PACKAGE_INDEX:
        glibc = _higher(glibc, TFLITE_GLIBC)
    needs = re.search(r"GLIBCXX_([0-9.]+[0-9])", note)
    glibcxx = row.get("glibcxx_floor") or (needs.group(1) if needs else None)
    for measured in matrix.table("pi_wheels.%s.measured" % ("tflite" if name == "tflite-runtime" else name)) or ():
        if measured["file"] == file.filename:
            glibcxx = measured.get("glibcxx") or glibcxx
    replaced = None
    if file.yanked or "yanked" in note:
        replaced = (matrix.table("pi_wheels.opencv.yanked_on_pypi") or {}).get(file.version, "")
    return Build(
        file=file,
        publisher=publisher,
        glibc=glibc,
        glibcxx=glibcxx,
        os=os_name,
        numpy=_numpy_range(matrix, file, publisher, row),
        apt=_apt(matrix, name, os_name, publisher, row),
        replaced_by=replaced,
        illegal=_illegal(matrix, name, file),
        broken=file.broken,
        only_named="unaudited" in note,
        cuda=name == "torch" and file.url is None and matrix.index_cuda(file.version, "linux_aarch64") != "cpu",
    )


def _numpy_range(matrix: Matrix, file: IndexFile, publisher: str, row: Mapping[str, Any]) -> str:
    name = file.package
    if name == "numpy":
        return ""
    if row.get("built_with_numpy"):
        return _same_c_api(matrix, str(row["built_with_numpy"]))
    if name in OPENCV and publisher != PACKAGE_INDEX:
        return _opencv_numpy(file.version, _dotted(file.python))
    if name == "ai-edge-litert":
        return ">=1.23.2"  # ai_edge_litert_note: METADATA of 2.3.0
    for measured in matrix.table("pi_wheels.tflite.measured") or ():
        if measured["file"] == file.filename and measured.get("numpy"):
            return "%s,<2" % measured["numpy"]
    if publisher not in (PACKAGE_INDEX, "piwheels"):
        return file.numpy or "<2"  # every community build predates numpy 2
    if name == "onnxruntime" and not file.numpy and key(file.version) >= key("1.14"):
        return ">=1.21.6"
    return file.numpy


def _same_c_api(matrix: Matrix, version: str) -> str:
    """Return the range of numpy that shares the C API of the version a build was compiled with."""
    number = _numbers(version)[:2]
    for span in (matrix.table("pi_wheels.numpy.c_api_versions") or {}).values():
        first, _, last = str(span).partition("-")
        low, high = _numbers(first)[:2], _numbers(last or first)[:2]
        if low <= number <= high:
            return ">=%d.%d,<%d.%d" % (low + (high[0], high[1] + 1))
    return "<2"


def _opencv_numpy(version: str, python: str) -> str:
    """Return the numpy that a piwheels build of OpenCV asks for and was compiled with (its setup.py at that tag)."""
    number, minor = key(version), key(python)
    if number >= key("4.8"):
        return ">=1.23.5" if minor >= key("3.11") else ">=1.19.3"
    if number >= key("4.7"):
        return ">=1.22.0,<2" if minor >= key("3.11") else ">=1.17.0,<2"
    if minor >= key("3.10"):
        return ">=1.21.2,<2"
    return ">=1.19.3,<2" if minor >= key("3.9") else ">=1.14.5,<2"


def _apt(matrix: Matrix, name: str, os_name: Optional[str], publisher: str, row: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return the apt packages whose libraries a build loads."""
    if row.get("needs_apt"):
        return tuple(row["needs_apt"])
    if publisher == "nknytk":
        # NEEDED of the measured files: libgomp everywhere, libatomic from the buster builds on.
        return ("libgomp1",) if os_name == "stretch" else ("libatomic1", "libgomp1")
    if publisher == PACKAGE_INDEX or not (name == "numpy" or name in OPENCV):
        return ()
    block = "numpy" if name == "numpy" else "opencv"
    for item in matrix.table("pi_wheels.%s.apt_dependencies" % block) or ():
        if item["os"] == os_name:
            return tuple(item["packages"] or ())
    return ()


def _illegal(matrix: Matrix, name: str, file: IndexFile) -> Optional[str]:
    """Return the report of an aarch64 file that dies on processors without LSE atomics, or None."""
    if file.url is not None or not file.platforms[0].endswith("_aarch64"):
        return None
    if name == "onnxruntime":
        return ONNXRUNTIME_ILLEGAL.get(file.version) or ONNXRUNTIME_UNCORRECTED.get(file.version)
    return illegal_torch(matrix).get(file.version) if name == "torch" else None


def illegal_torch(matrix: Matrix) -> Dict[str, str]:
    """Return version -> reports of torch's aarch64 files on the package index that die of an illegal instruction."""
    rows = matrix.table("pi_wheels.torch.illegal_instruction_aarch64") or ()
    return {row["version"]: row["ref"] for row in rows if row["where"].startswith("PyPI")}


def right_name(name: str) -> str:
    """Return a wheel's file name without a suffix after ``.whl`` (``….whl_np1195`` -> ``….whl``)."""
    head, dot, _ = name.partition(".whl")
    return head + dot


def tags_of(filename: str) -> Tuple[str, str, Tuple[str, ...]]:
    """Return interpreter tag, ABI tag and platform tags of a wheel's file name; empty for other names."""
    stem = right_name(filename)
    parts = stem[: -len(".whl")].split("-") if stem.endswith(".whl") else []
    return (parts[-3], parts[-2], tuple(parts[-1].split("."))) if len(parts) >= 5 else ("", "", ())


def manylinux_glibc(platforms: Sequence[str]) -> Optional[str]:
    """Return the lowest glibc that one of the platform tags promises, or None for ``linux_*`` tags."""
    floors = []
    for tag in platforms:
        match = re.match(r"manylinux_(\d+)_(\d+)_", tag)
        if match:
            floors.append("%s.%s" % match.groups())
        elif tag.startswith("manylinux2014_"):
            floors.append("2.17")
    return min(floors, key=_numbers) if floors else None


def _publisher(url: Optional[str]) -> str:
    if url is None:
        return PACKAGE_INDEX
    host, _, path = url.partition("://")[2].partition("/")
    if host.endswith("piwheels.org"):
        return "piwheels"
    return path.split("/")[0] if host == "github.com" else host


# ---------------------------------------------------------------- does it fit


def judge(build: Build, target: ArmTarget) -> Judged:
    """Say whether a build runs on the target, and what rules it out."""
    reasons: List[str] = []
    reasons.extend(_tag_reasons(build, target))
    if build.broken:
        reasons.append("broken: %s" % build.broken)
    if build.cuda and target.pi:
        reasons.append("cuda: a Raspberry Pi has no NVIDIA GPU, this build brings gigabytes of CUDA libraries")
    if build.illegal and target.pi and not target.lse:
        reasons.append("illegal instruction: dies on processors without LSE atomics (%s)" % build.illegal)
    doubt = 1
    if build.glibc is not None:
        doubt = 0
        if target.glibc is not None and _numbers(build.glibc) > _numbers(target.glibc):
            reasons.append("glibc: needs %s, this system has %s" % (build.glibc, target.glibc))
    elif build.os in RELEASES:
        made_for = RELEASES[build.os].glibc
        if target.glibc is not None:
            doubt = 2 if _numbers(made_for) > _numbers(target.glibc) else 0
        else:
            doubt = 0 if RELEASES[build.os].abi == build.file.abi else 1
    if build.glibcxx and target.glibcxx and _numbers(build.glibcxx) > _numbers(target.glibcxx):
        reasons.append("libstdc++: needs GLIBCXX_%s, this system has %s" % (build.glibcxx, target.glibcxx))
    if build.publisher == "piwheels" and build.os and target.codename and build.os != target.codename:
        doubt = max(doubt, 1)  # its libraries are those of the release it was built on
    return Judged(build, tuple(reasons), doubt)


def _tag_reasons(build: Build, target: ArmTarget) -> Iterator[str]:
    file = build.file
    if file.abi == "abi3":
        if key(_dotted(file.python)) > key(target.python) or target.abi.endswith("t"):
            yield "python: abi3 from %s on, this is %s" % (_dotted(file.python), target.python)
    elif file.python in ("py3", "py2.py3"):
        pass
    elif file.python != target.tag:
        yield "python: made for %s, this is %s" % (file.python, target.tag)
    elif file.abi not in (target.abi, "none"):
        yield "abi: made for %s, this is %s" % (file.abi, target.abi)
    if build.machine not in ("any", target.machine):
        yield "platform: made for %s, this is %s" % (build.machine, target.machine)


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


def _any(build: Build) -> bool:
    return True


def preferred_files(
    matrix: Matrix, name: str, target: Target, numpy: Optional[str] = None, exact: Optional[str] = None
) -> Tuple[IndexFile, ...]:
    """Return the files of a project that fit a board, best first, for ``repair.pick``; the first that is free to be
    taken is the one, even where a later one is newer: nobody measured that one.

    ``numpy``: the installed one decides between two files of one version. ``exact``: a version that was pinned.
    """
    wish = _Wish(name, "==" + exact if exact else "", True)
    good = _good(matrix, wish, of_target(target, numpy), _any, [])
    return tuple(item.build.file._replace(numpy=item.build.numpy) for item in good)


# ---------------------------------------------------------------- one consistent set


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
    #: the chosen builds as they were judged, by name
    judged: Mapping[str, Judged] = {}

    @property
    def fits(self) -> bool:
        """Everything that was asked for is there, and nothing speaks against it."""
        return bool(self.chosen) and not self.missing and all(item.fits for item in self.judged.values())


class _Wish(NamedTuple):
    name: str
    specifier: str
    #: asked for by name, not part of the usual set
    named: bool

    @property
    def pinned(self) -> Optional[str]:
        """The version of a lone ``==``."""
        match = re.match(r"===?\s*([^,*\s]+)$", self.specifier)
        return match.group(1) if match else None


def solve(
    matrix: Matrix,
    target: ArmTarget,
    requests: Sequence[str] = (),
    usable: Callable[[Build], bool] = _any,
) -> Solved:
    """Return the best consistent set for the requests, or the usual set of a Pi when there are none.

    A version pinned with ``==`` is returned even when it was withdrawn or does not fit (``fits`` is then False). Builds
    for which ``usable`` says no are not looked at. Raises ValueError for a request that is none.
    """
    wishes = _wishes(matrix, target, requests)
    numpy_wish = ",".join(wish.specifier for wish in wishes if wish.name == "numpy" and wish.specifier)
    rejected: List[Lost] = []
    lists: List[List[Judged]] = []
    missing: List[str] = []
    absent: List[str] = []
    for wish in wishes:
        if wish.name == "numpy":
            continue
        good = _good(matrix, wish, target, usable, rejected)
        if good:
            lists.append(good)
        else:
            (missing if wish.named else absent).append(wish.name)
    numpies = [item for item in candidates(matrix, "numpy", target) if item.fits and usable(item.build)]
    picked = _search(matrix, lists, [item.build.version for item in numpies], numpy_wish, target)
    if picked is None:
        clash = [Lost(good[0].build, ("no versions of these agree with each other",)) for good in lists]
        return Solved((), tuple(wish.name for wish in wishes if wish.named), tuple(absent), tuple(clash + rejected))
    needed = ",".join(part for part in [_numpy_of(picked)] + [numpy_wish] if part)
    numpy = next((item for item in numpies if matches(needed, item.build.version)), None)
    keeps = bool(target.numpy and matches(needed, target.numpy))
    if keeps:
        numpy = next((item for item in numpies if item.build.version == target.numpy), None)
    numpy_named = any(wish.name == "numpy" and wish.named for wish in wishes)
    wanted = bool(needed) or any(wish.name == "numpy" for wish in wishes)
    chosen = picked + ([numpy] if numpy is not None and wanted else [])
    if numpy_named and numpy is None and not keeps:
        missing.append("numpy")
    for good in lists:
        rejected.extend(_passed_over(item, chosen) for item in good if item not in chosen)
    return Solved(
        chosen=tuple(item.build for item in chosen),
        missing=tuple(missing),
        absent=tuple(absent),
        rejected=tuple(rejected),
        numpy=_tidy(needed),
        numpy_unknown=bool(wanted and numpy is None and not keeps),
        keeps_numpy=keeps,
        judged={item.build.name: item for item in chosen},
    )


def _wishes(matrix: Matrix, target: ArmTarget, requests: Sequence[str]) -> List[_Wish]:
    """Return what is wished for; torch comes along with its partners, and chooses before them."""
    wishes = [_parse(text) for text in requests]
    if not wishes:
        return [_Wish(name, "", False) for name in usual(matrix, target)]
    names = [wish.name for wish in wishes]
    if "torch" not in names and any(name in TRIO for name in names):
        wishes.insert(0, _Wish("torch", "", True))
    wishes.sort(key=lambda wish: wish.name != "torch")
    return wishes


def _parse(text: str) -> _Wish:
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;()]*)\)?\s*(?:;.*)?$", text)
    if match is None:
        raise ValueError("not a requirement: %r" % text)
    specifier = match.group(2).replace(" ", "")
    matches(specifier, "0")
    return _Wish(_normal(match.group(1)), specifier, True)


def usual(matrix: Matrix, target: ArmTarget) -> Tuple[str, ...]:
    """Return the projects of the set that ``doctor pi`` ends with; an OpenCV that is there already stays the one."""
    opencv = target.opencv or "opencv-python"
    litert = any(item.fits for item in candidates(matrix, "ai-edge-litert", target))
    return ("torch", opencv, "onnxruntime", "ai-edge-litert" if litert else "tflite-runtime", "ncnn", "numpy")


def _good(
    matrix: Matrix, wish: _Wish, target: ArmTarget, usable: Callable[[Build], bool], rejected: List[Lost]
) -> List[Judged]:
    """Return the builds that may be chosen for a wish, best first; the others go to ``rejected`` with their reasons."""
    good: List[Judged] = []
    ordered: List[Judged] = []
    for item in candidates(matrix, wish.name, target):
        build = item.build
        reasons = list(item.reasons)
        asked = matches(wish.specifier, build.version) or wish.pinned == build.version
        if not asked:
            reasons.append("asked for: %s" % wish.specifier)
        if build.replaced_by is not None and not wish.pinned:
            reasons.append("withdrawn: %s" % (build.replaced_by + " took its place" if build.replaced_by else "yanked"))
        if build.only_named and not wish.named:
            reasons.append("unaudited: one person's build, taken only when asked for by name")
        if is_prerelease(build.version) and not wish.pinned:
            reasons.append("pre-release")
        if not usable(build):
            continue
        if not reasons:
            good.append(item)
            continue
        if asked and wish.pinned and not list(_tag_reasons(build, target)):
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
    matrix: Matrix, lists: Sequence[Sequence[Judged]], known: Sequence[str], wish: str, target: ArmTarget
) -> Optional[List[Judged]]:
    """Return one build of each project such that a known numpy serves all; the earlier project chooses first.

    Where no file of such a numpy is known, it is enough that a version of it exists at all.
    """
    series = ["1.%d.%d" % (minor, patch) for minor in range(14, 27) for patch in (0, 6)]
    series += ["2.%d.%d" % (minor, patch) for minor in range(6) for patch in (0, 3)]
    installed = [target.numpy] if target.numpy else []
    for numpies in (list(known) + installed, list(known) + installed + series):
        found = _descend(matrix, list(lists), [], [version for version in numpies if matches(wish, version)])
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
    return ".".join(str(part) for part in _numbers(version))


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


# ---------------------------------------------------------------- what is told


def pi_set(matrix: Matrix, source: Any, requests: Sequence[str] = ()) -> Choice:
    """Return the wheels for a board, given its facts or a Target: the usual set, or what is asked for.

    Raises DoctorError (exit 2) for a request that is no requirement, and exit 3 when the Python is unknown.
    """
    if isinstance(source, Target):
        return choose_on_arm(matrix, requests, source)
    return choose_on_arm(matrix, requests, Target.from_facts(source, matrix), target_of_facts(source))


def choose_on_arm(
    matrix: Matrix,
    requests: Sequence[str],
    target: Target,
    arm: Optional[ArmTarget] = None,
    installed: Optional[Mapping[str, str]] = None,
) -> Choice:
    """Return the choice for a 32-bit ARM target or a Raspberry Pi, in the form of :func:`.choose.choose`.

    ``arm`` is the same target with what only a machine's facts tell; ``installed``: name -> version of what stays.
    """
    if arm is None:
        arm = of_target(target, (installed or {}).get("numpy"))
    try:
        solved = solve(matrix, arm, requests)
    except ValueError as error:
        raise DoctorError(
            Text("This is no requirement: {detail}", "这不是有效的依赖写法：{detail}"),
            Text("Write it like onnxruntime==1.9.1.", "写法如 onnxruntime==1.9.1。"),
            exit=2,
            detail=error,
        )
    apt = apt_packages(solved.chosen, arm)
    return Choice(
        target=target,
        rule=Said(RULE if solved.chosen else NOTHING, {"platform": arm.platform, "python": arm.tag}),
        wheels=tuple(wheel(build) for build in solved.chosen) if not solved.missing else (),
        fits=solved.fits,
        warnings=tuple(_warnings(matrix, arm, solved, apt)),
        alternatives=tuple(_alternatives(matrix, arm, solved, requests)),
        rejected=tuple(
            Rejected("%s %s (%s)" % (item.build.name, item.build.version, _asset(item.build)), item.reasons)
            for item in solved.rejected
        ),
        needs_apt=apt,
        asked=tuple(_parse(text).name for text in requests),
    )


RULE = Text(
    "Newest build known to fit this Python, board and glibc; files for a newer system and withdrawn ones come last.",
    "选择已知适合该 Python、板子和 glibc 的最新构建；为更新系统构建的文件和已撤回的版本排在最后。",
)
NOTHING = Text("No file fits {python} on {platform}.", "没有适合 {platform} 上 {python} 的文件。")


def _warnings(matrix: Matrix, target: ArmTarget, solved: Solved, apt: Sequence[str]) -> Iterator[Said]:
    """Yield what has to be known before these files are installed, the gravest first."""
    for build in solved.chosen:
        for said in _about(build, solved.judged[build.name]):
            yield said
    if target.glibc is None:
        yield Said(NO_GLIBC, {})
    if target.machine == "armv6l":
        yield Said(ARMV6, {})
    for name in solved.missing + tuple(name for name in solved.absent if name in ("torch", "onnxruntime")):
        sixty_four = target.machine == "armv7l" and _exists_for_64_bit(matrix, name)
        params = {"name": name, "python": target.tag, "platform": target.platform}
        yield Said(NO_WHEEL_32 if sixty_four else NO_WHEEL, params)
    if solved.numpy_unknown:
        yield Said(NUMPY_RANGE, {"range": solved.numpy})
    elif solved.keeps_numpy:
        yield Said(NUMPY_KEPT, {"version": target.numpy, "range": solved.numpy or "any"})
    if apt:
        yield Said(APT, {"packages": " ".join(apt)})
    old = _needs_pip(solved.chosen, target)
    if old:
        known = RELEASES.get(target.codename)
        ceiling = known.newest_pip if known and known.newest_pip and target.abi == known.abi else None
        wanted = "'pip<=%s'" % ceiling if ceiling else "pip"
        yield Said(PIP_TOO_OLD, {"pip": target.pip, "needed": old, "wanted": wanted})


def _about(build: Build, judged: Judged) -> Iterator[Said]:
    params = {
        "name": build.name,
        "version": build.version,
        "publisher": build.publisher,
        "filename": build.file.filename,
    }
    for reason in judged.reasons:
        yield Said(ORDERED, dict(params, reason=reason))
    if build.replaced_by is not None:
        if build.replaced_by:
            yield Said(WITHDRAWN_FOR, dict(params, other=build.replaced_by))
        else:
            yield Said(WITHDRAWN, params)
    if build.community:
        yield Said(COMMUNITY if build.file.sha256 else COMMUNITY_UNCHECKED, params)
    asset = _asset(build)
    if asset != build.file.filename:
        yield Said(SAVE_AS, dict(params, asset=asset))
    if judged.doubt == 2:
        yield Said(NEWER_OS, dict(params, os=build.os))
    elif judged.doubt == 1:
        yield Said(UNMEASURED, params)


def _asset(build: Build) -> str:
    """Return the name under which the file lies at its address."""
    url = build.file.url
    return url.rsplit("/", 1)[1].replace("%2B", "+") if url else build.file.filename


def _exists_for_64_bit(matrix: Matrix, name: str) -> bool:
    return any(build.machine == "aarch64" for build in builds(matrix, name))


def _needs_pip(chosen: Iterable[Build], target: ArmTarget) -> Optional[str]:
    """Return the pip that is needed to read the platform tags of the chosen files, when the installed one is older."""
    if not target.pip or not re.match(r"\d", target.pip):
        return None
    needed = ""
    for build in chosen:
        tags = build.file.platforms
        if any(tag.startswith(("linux_", "any")) for tag in tags):
            continue
        lowest = "19.3" if any(tag.startswith("manylinux2014") for tag in tags) else "20.3"
        needed = max(needed, lowest, key=lambda text: _numbers(text))
    return needed if needed and _numbers(target.pip) < _numbers(needed) else None


def _alternatives(matrix: Matrix, target: ArmTarget, solved: Solved, requests: Sequence[str]) -> Iterator[Alternative]:
    if any(build.file.url and not build.file.sha256 for build in solved.chosen):
        checked = solve(matrix, target, requests, usable=lambda build: bool(build.file.sha256))
        needed = {build.name for build in solved.chosen} - {"torch"}
        if checked.fits and needed <= {build.name for build in checked.chosen}:
            yield Alternative(Said(CHECKED), tuple(wheel(build) for build in checked.chosen))
    if any(build.name == "torch" for build in solved.chosen) and target.machine == "aarch64" and target.pi:
        newer = _newest_cpu_torch(matrix, target)
        chosen = next(build for build in solved.chosen if build.name == "torch")
        if newer is not None and key(public(newer.version)) > key(chosen.version):
            yield Alternative(Said(CPU_TORCH, {"version": public(newer.version)}), (newer,))


def _newest_cpu_torch(matrix: Matrix, target: ArmTarget) -> Optional[Wheel]:
    """Return the newest confirmed CPU build of download.pytorch.org for this Python, or None."""
    illegal = illegal_torch(matrix)
    for version in matrix.torch_releases:
        if not any(item.variant == "cpu" and item.confirmed for item in matrix.builds(version, "linux_aarch64")):
            continue
        found = matrix.file("torch", version, "cpu", "linux_aarch64", target.tag)
        floor = matrix.glibc_floor("torch", version, "cpu", "linux_aarch64")
        fits = not floor or not target.glibc or _numbers(floor) <= _numbers(target.glibc)
        if found is not None and fits and not (version in illegal and not target.lse):
            return found
    return None


ORDERED = Text(
    "{name} {version} was ordered, but it does not fit: {reason}",
    "{name} {version} 是指定的版本，但不合适：{reason}",
)
WITHDRAWN_FOR = Text(
    "{name} {version} was withdrawn from the package index in favour of {other}; {publisher} still has the file.",
    "{name} {version} 已从包索引撤回，由 {other} 取代；{publisher} 仍保留该文件。",
)
WITHDRAWN = Text(
    "{name} {version} was withdrawn from the package index; {publisher} still has the file.",
    "{name} {version} 已从包索引撤回；{publisher} 仍保留该文件。",
)
COMMUNITY = Text(
    "{name} {version} is built and published by {publisher}, not by the project; its sha256 is known and is checked.",
    "{name} {version} 由 {publisher} 构建并发布，不是官方版本；已知其 sha256，会进行校验。",
)
COMMUNITY_UNCHECKED = Text(
    "{name} {version} is built and published by {publisher}, not by the project; its sha256 is not known.",
    "{name} {version} 由 {publisher} 构建并发布，不是官方版本；其 sha256 未知。",
)
SAVE_AS = Text(
    "{asset} has to be saved as {filename}, or pip refuses the name.",
    "{asset} 必须另存为 {filename}，否则 pip 会拒绝该文件名。",
)
NEWER_OS = Text(
    "{name} {version} was built on {os}, which is newer than this system; nobody measured which libc it needs.",
    "{name} {version} 是在比本系统更新的 {os} 上构建的，没有人测量过它需要的 libc。",
)
UNMEASURED = Text(
    "Nobody measured which libc {name} {version} needs; it may fail to load.",
    "没有人测量过 {name} {version} 需要的 libc，可能无法加载。",
)
NO_GLIBC = Text(
    "No glibc was given, so none was checked: add --glibc (2.28 on buster, 2.31 on bullseye, 2.36 on bookworm).",
    "没有给出 glibc 版本，因此未作检查：请加 --glibc（buster 为 2.28，bullseye 为 2.31，bookworm 为 2.36）。",
)
ARMV6 = Text(
    "ARMv6: wheels for armv7l do not run here, and nobody publishes torch, onnxruntime or tflite for it. "
    "apt has python3-numpy and python3-opencv.",
    "ARMv6：armv7l 的 wheel 不能在此运行，也没有人发布过 torch、onnxruntime 或 tflite。"
    "apt 里有 python3-numpy 和 python3-opencv。",
)
NO_WHEEL = Text(
    "No wheel of {name} is known for {python} on {platform}.",
    "没有已知的适用于 {platform} 上 {python} 的 {name} wheel。",
)
NO_WHEEL_32 = Text(
    "No wheel of {name} is known for {python} on {platform}; a 64-bit system (Pi 3 and later) has it.",
    "没有已知的适用于 {platform} 上 {python} 的 {name} wheel；64 位系统（树莓派 3 及以后）上有。",
)
NUMPY_RANGE = Text(
    "The set needs numpy {range}; no such file is listed for this Python: look at piwheels, or at apt's python3-numpy.",
    "这组包需要 numpy {range}；表中没有适合该 Python 的文件，可以在 piwheels 或 apt（python3-numpy）中查找。",
)
NUMPY_KEPT = Text(
    "The installed numpy {version} serves the set ({range}).",
    "已安装的 numpy {version} 满足要求（{range}）。",
)
APT = Text(
    "System libraries it needs: sudo apt install {packages}",
    "需要的系统库：sudo apt install {packages}",
)
PIP_TOO_OLD = Text(
    "pip {pip} cannot read these file names, {needed} can; first, in the venv: python -m pip install -U {wanted}",
    "pip {pip} 不能识别这些文件名（需要 {needed}）；请先在虚拟环境中执行：python -m pip install -U {wanted}",
)
CHECKED = Text("every file should have a known sha256", "希望每个文件都有已知的 sha256")
CPU_TORCH = Text(
    "a newer torch is needed: {version} as CPU build of download.pytorch.org",
    "需要更新的 torch：download.pytorch.org 的 CPU 构建 {version}",
)


# ---------------------------------------------------------------- small things


def wheel(build: Build) -> Wheel:
    """Return a build as the report shows it."""
    source = build.publisher
    if build.community:
        source = "%s (community build, not official)" % build.publisher
    elif build.publisher == "piwheels":
        source = "piwheels.org"
    version = tags_version(build.file.filename) or build.version
    return Wheel(build.name, version, build.file.filename, build.file.url, build.file.sha256, source)


def tags_version(filename: str) -> str:
    """Return the version in a wheel's file name, or an empty text."""
    parts = filename.split("-")
    return parts[1] if len(parts) >= 5 else ""


def apt_packages(chosen: Iterable[Build], target: ArmTarget) -> Tuple[str, ...]:
    """Return the apt packages whose libraries the chosen builds load, as they are called on the target's release."""
    found: Set[str] = set()
    for build in chosen:
        same = not target.codename or not build.os or build.os == target.codename
        found.update(package for package in build.apt if same or package in RUNTIME)
    return tuple(sorted(found))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _dotted(tag: str) -> str:
    """``cp37`` -> ``3.7``."""
    digits = "".join(c for c in tag if c.isdigit())
    return "%s.%s" % (digits[0], digits[1:]) if len(digits) > 1 else digits or "0"


def _numbers(version: str) -> Tuple[int, ...]:
    """Return the leading numbers of a version, for comparing."""
    found = re.match(r"\d+(\.\d+)*", str(version))
    return tuple(int(part) for part in found.group(0).split(".")) if found else ()


def _higher(a: Optional[str], b: Optional[str]) -> Optional[str]:
    """Return the higher of two versions, either of which may be unknown."""
    known = [item for item in (a, b) if item]
    return max(known, key=_numbers) if known else None
