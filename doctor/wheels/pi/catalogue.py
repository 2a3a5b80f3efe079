"""Every wheel that is known to exist for ARM, with what the tables of the Pi say about it; pure.

:func:`builds` joins four sources that name their files differently: piwheels, community pages (whose files may carry a
suffix after ``.whl``), the package index, and files that somebody measured.
"""

import re
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple
from weakref import WeakKeyDictionary

from ...modules import PROVIDERS
from ...pi_os import RELEASES
from ..matrix import PACKAGE_INDEX, TRIO, IndexFile, Matrix
from ..tags import glibc_of_tag
from ..versions import key
from .boards import ArmTarget, numbers

#: The four distributions that own the cv2 folder: exactly one of them may be installed.
OPENCV = PROVIDERS["cv2"]

#: onnxruntime builds that die of an illegal instruction on a Cortex-A72: microsoft/onnxruntime#23957, #24112, #24512.
ONNXRUNTIME_ILLEGAL = {"1.21.0": "microsoft/onnxruntime#23957"}
#: Nobody reported on these, but they lack the correction, which came with 1.22.0: not to be chosen.
ONNXRUNTIME_UNCORRECTED = {"1.21.1": "microsoft/onnxruntime#23978 came after it"}

#: Every armv7l file of tflite-runtime that was measured needs this glibc, whatever its tag promises.
TFLITE_GLIBC = "2.27"


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


_known: "WeakKeyDictionary[Matrix, Dict[Tuple[str, str, str], Tuple[Build, ...]]]" = WeakKeyDictionary()


def builds(matrix: Matrix, name: str, target: Optional[ArmTarget] = None) -> Tuple[Build, ...]:
    """Return the builds of a project that the matrix knows for ARM, or only those for one Python and machine."""
    known = _known.setdefault(matrix, {})
    place = (name, target.files_tag if target else "", target.platform if target else "")
    if place not in known:
        if target is None:
            files = list(matrix.files(name))
        else:
            files = list(matrix.files(name, target.files_tag, target.platform))
        if name in TRIO and (target is None or target.machine == "aarch64"):
            files.extend(_index_trio(matrix, name, target.files_tag if target else None))
        if target is None:
            files.extend(_measured_only(matrix, name, files))
        exact = _known_sha256(matrix)
        known[place] = tuple(_build(matrix, _with_sha256(file, exact)) for file in files if _for_arm(file))
    return known[place]


def _for_arm(file: IndexFile) -> bool:
    return any(tag == "any" or tag.endswith(("_armv7l", "_armv6l", "_aarch64")) for tag in file.platforms)


def _measured_only(matrix: Matrix, name: str, files: Sequence[IndexFile]) -> Iterator[IndexFile]:
    """Yield files that stand in the matrix only because somebody read what they need."""
    listed = {file.filename for file in files}
    for row in matrix.table("pi_wheels.%s.measured" % name) or ():
        filename = row["file"]
        python, abi, platforms = tags_of(filename)
        if platforms and filename not in listed:
            glibc = _higher(glibc_of_tag(".".join(platforms)), row.get("glibc"))
            version = tags_version(filename)
            yield IndexFile(name, version, filename, None, None, PACKAGE_INDEX, python, abi, platforms, glibc)


def _index_trio(matrix: Matrix, name: str, tag: Optional[str]) -> Iterator[IndexFile]:
    """Yield the aarch64 files of torch and its partners on the package index, for one interpreter tag or all."""
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
                    name, version, wheel.filename, None, None, PACKAGE_INDEX, interpreter, abi,
                    platforms, glibc_of_tag(".".join(platforms)), matrix.numpy_limit(name, version, "linux") or "",
                )  # fmt: skip


def _known_sha256(matrix: Matrix) -> Dict[str, str]:
    """Return file name -> sha256 of files of the index that only the Pi's tables of torch and of sets name."""
    block = matrix.table("pi_wheels.torch") or {}
    rows = [row for name, part in block.items() if name.startswith("pypi_") and isinstance(part, list) for row in part]
    rows += [item for each in matrix.table("pi_wheels.derived_sets") or () for item in each["items"]]
    return {row["file"]: row["sha256"] for row in rows if row.get("file") and row.get("sha256")}


def _with_sha256(file: IndexFile, known: Mapping[str, str]) -> IndexFile:
    return file if file.sha256 or file.url else file._replace(sha256=known.get(file.filename))


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
        return _opencv_numpy(file.version, dotted(file.python))
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
    number = numbers(version)[:2]
    for span in (matrix.table("pi_wheels.numpy.c_api_versions") or {}).values():
        first, _, last = str(span).partition("-")
        low, high = numbers(first)[:2], numbers(last or first)[:2]
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


def tags_version(filename: str) -> str:
    """Return the version in a wheel's file name, or an empty text."""
    parts = filename.split("-")
    return parts[1] if len(parts) >= 5 else ""


def _publisher(url: Optional[str]) -> str:
    if url is None:
        return PACKAGE_INDEX
    host, _, path = url.partition("://")[2].partition("/")
    if host.endswith("piwheels.org"):
        return "piwheels"
    return path.split("/")[0] if host == "github.com" else host


def dotted(tag: str) -> str:
    """``cp37`` -> ``3.7``."""
    digits = "".join(c for c in tag if c.isdigit())
    return "%s.%s" % (digits[0], digits[1:]) if len(digits) > 1 else digits or "0"


def _higher(a: Optional[str], b: Optional[str]) -> Optional[str]:
    """Return the higher of two versions, either of which may be unknown."""
    known = [item for item in (a, b) if item]
    return max(known, key=numbers) if known else None
