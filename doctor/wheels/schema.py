"""What a matrix must look like: the first thing that is wrong with it, by its path."""

import re
from typing import Any, Iterator, Mapping, Optional, Tuple

from ..patterns import lazy
from .versions import is_version

Problem = Tuple[Tuple[Any, ...], str]

_DATE = lazy(r"\d{4}-\d\d-\d\d$")
_VARIANT = lazy(r"(cpu|xpu|cu\d{2,3}|rocm\d+(\.\d+)*)$")
_ARCH = lazy(r"\d+\.\d(\+PTX)?$")
_PYTHON = lazy(r"((cp|pp|py)\d+t?)(-(abi3|none|cp\d+[mt]?))?$")
_SHA256 = re.compile(r"[0-9a-f]{64}$")
_PLATFORM = lazy(r"(manylinux\w+|linux|win|macosx|musllinux)\w*(\.\w+)*$")
BLOCKS = ("drivers", "gpus", "torch", "torch_pins", "numpy", "index_files", "pi_os", "pi_wheels", "mirrors", "hashes")


def first_problem(data: Mapping[str, Any]) -> Optional[Problem]:
    """Return the path and a sentence for the first thing that is wrong, or None."""
    return next(_problems(data), None)


def _problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    if data.get("schema") != 1:
        yield ("schema",), "must be 1"
    if not _DATE.match(str(data.get("date"))):
        yield ("date",), "must be a day, YYYY-MM-DD"
    for name in BLOCKS:
        block = data.get(name)
        if not isinstance(block, Mapping):
            yield (name,), "is missing"
            return
        if not _DATE.match(str(block.get("date"))):
            yield (name, "date"), "must be a day, YYYY-MM-DD"
        if not block.get("source"):
            yield (name, "source"), "is missing"
    yield from _drivers(data["drivers"])
    yield from _gpus(data["gpus"])
    yield from _torch(data["torch"])
    yield from _numpy(data["numpy"])
    yield from _index_files(data["index_files"])
    yield from _pi(data["pi_os"], data["pi_wheels"])
    yield from _hashes(data["hashes"])


def _rows(block: Mapping[str, Any], path: Tuple[Any, ...], name: str, needed: Tuple[str, ...]) -> Iterator[Any]:
    """Yield (path, row) of a list of mappings; a row that lacks a key is yielded as a Problem's path and text."""
    rows = block.get(name)
    if not isinstance(rows, list) or not rows:
        yield path + (name,), "must be a list of rows"
        return
    for number, row in enumerate(rows):
        where = path + (name, number)
        if not isinstance(row, Mapping):
            yield where, "must be a mapping"
            continue
        missing = [key for key in needed if key not in row]
        if missing:
            yield where, "has no %s" % missing[0]
        else:
            yield where, row


def _version(value: Any) -> bool:
    return isinstance(value, str) and is_version(value)


def _drivers(block: Mapping[str, Any]) -> Iterator[Problem]:
    for name, columns in (
        ("toolkit_full_support", ("cuda", "linux_min", "windows_min", "source")),
        ("minor_version_compat", ("cuda_major", "linux_min", "windows_min", "source")),
        ("branch_reports", ("branch", "windows_majors", "cuda", "source")),
        ("gpu_generation_last_driver", ("cc", "last_branch", "source")),
    ):
        for where, row in _rows(block, ("drivers",), name, columns):
            if isinstance(row, str):
                yield where, row
                continue
            for column in ("linux_min", "windows_min", "cuda"):
                if row.get(column) is not None and not _version(row[column]):
                    yield where + (column,), "must be a version in quotes, or null"


def _gpus(block: Mapping[str, Any]) -> Iterator[Problem]:
    for where, row in _rows(block, ("gpus",), "patterns", ("re", "cc")):
        if isinstance(row, str):
            yield where, row
            continue
        try:
            re.compile(row["re"])
        except re.error as error:
            yield where + ("re",), "is no regular expression: %s" % error
        if not _ARCH.match(str(row["cc"])):
            yield where + ("cc",), 'must be a compute capability such as "6.1"'
    names = block.get("exact_names_by_cc")
    if not isinstance(names, Mapping):
        yield ("gpus", "exact_names_by_cc"), "is missing"
        return
    for cc, group in names.items():
        if not _ARCH.match(cc) or not isinstance(group, list):
            yield ("gpus", "exact_names_by_cc", cc), "must be a list of names under a compute capability"
    for where, row in _rows(block, ("gpus",), "cc_toolkit_range", ("cc", "first", "source")):
        if isinstance(row, str):
            yield where, row
    for where, row in _rows(block, ("gpus",), "ambiguous_names", ("name", "cc")):
        if isinstance(row, str):
            yield where, row


def _torch(block: Mapping[str, Any]) -> Iterator[Problem]:
    files = block.get("files")
    if not isinstance(files, Mapping) or not str(files.get("base", "")).startswith("https://"):
        yield ("torch", "files", "base"), "must be an https address"
        return
    for where, row in _rows(files, ("torch", "files"), "rules", ("folder", "local")):
        if isinstance(row, str):
            yield where, row
            continue
        for column in ("since", "before", "glibc"):
            if column in row and not _version(row[column]):
                yield where + (column,), "must be a version in quotes"
    releases = block.get("releases")
    if not isinstance(releases, Mapping) or not releases:
        yield ("torch", "releases"), "is missing"
        return
    for version, row in releases.items():
        yield from _release(("torch", "releases", version), version, row)


def _release(where: Tuple[Any, ...], version: str, row: Any) -> Iterator[Problem]:
    if not _version(version):
        yield where, "is no version"
    if not isinstance(row, Mapping):
        yield where, "must be a mapping"
        return
    for name in ("torchvision", "torchaudio"):
        if not isinstance(row.get(name), list) or not all(_version(item) for item in row[name]):
            yield where + (name,), "must be a list of versions in quotes"
    tags = row.get("tags")
    if tags is None:
        tags = {"linux_x86_64": row.get("pythons")}
    if not isinstance(tags, Mapping):
        yield where + ("tags",), "must be a mapping"
        return
    yield from _tags(where + ("tags",), tags)
    variants = row.get("variants")
    if not isinstance(variants, Mapping) or not variants:
        yield where + ("variants",), "is missing"
        return
    for name, item in variants.items():
        here = where + ("variants", name)
        if not _VARIANT.match(name):
            yield here, "is no name of a build (cpu, cu121, rocm6.4, xpu)"
        if not isinstance(item, Mapping):
            yield here, "must be a mapping"
            continue
        for system in ("linux", "windows", "aarch64"):
            if item.get(system) not in (True, False, None):
                yield here + (system,), "must be true, false or null"
        for system, archs in (item.get("arch") or {}).items():
            if archs is not None and not (isinstance(archs, list) and all(_ARCH.match(str(arch)) for arch in archs)):
                yield here + ("arch", system), "must be a list of compute capabilities in quotes, or null"


def _tags(where: Tuple[Any, ...], tags: Mapping[str, Any]) -> Iterator[Problem]:
    for place, pythons in tags.items():
        if not _PLATFORM.match(place):
            yield where + (place,), "is no platform tag"
        if not isinstance(pythons, list) or not all(_PYTHON.match(str(python)) for python in pythons):
            yield where + (place,), "must be a list of interpreter tags (cp310, cp313t, cp37-abi3)"


def _numpy(block: Mapping[str, Any]) -> Iterator[Problem]:
    for name, columns in (
        ("removed_aliases", ("name", "removed_in", "source")),
        ("torch", ("versions", "source")),
        ("opencv_python", ("version", "needs")),
        ("onnxruntime", ("version", "needs")),
        ("numpy_python", ("numpy", "last", "wheels")),
    ):
        for where, row in _rows(block, ("numpy",), name, columns):
            if isinstance(row, str):
                yield where, row


def _index_files(block: Mapping[str, Any]) -> Iterator[Problem]:
    for where, row in _rows(block, ("index_files",), "onnxruntime_gpu", ("since", "cuda", "cudnn", "source")):
        if isinstance(row, str):
            yield where, row
        elif not _version(row["since"]):
            yield where + ("since",), "must be a version"
    packages = block.get("packages")
    if not isinstance(packages, Mapping):
        yield ("index_files", "packages"), "is missing"
        return
    for package, versions in packages.items():
        if not isinstance(versions, Mapping):
            yield ("index_files", "packages", package), "must be a mapping of versions"
            continue
        for version, tags in versions.items():
            here = ("index_files", "packages", package, version)
            if not _version(version) or not isinstance(tags, Mapping):
                yield here, "must be a version with its platform tags"
            else:
                yield from _tags(here, tags)


def _pi(system: Mapping[str, Any], wheels: Mapping[str, Any]) -> Iterator[Problem]:
    for where, row in _rows(system, ("pi_os",), "releases", ("codename", "python", "glibc", "source")):
        if isinstance(row, str):
            yield where, row
    for group, part in wheels.items():
        if not isinstance(part, Mapping):
            continue
        for name, rows in part.items():
            for number, row in enumerate(rows if isinstance(rows, list) else ()):
                if not isinstance(row, Mapping) or "version" not in row:
                    continue
                here = ("pi_wheels", group, name, number)
                if row.get("sha256") is not None and not _SHA256.match(str(row["sha256"])):
                    yield here + ("sha256",), "must be 64 hexadecimal digits, or null"
                if row.get("url") is not None and not str(row["url"]).startswith("https://"):
                    yield here + ("url",), "must be an https address, or null"


def _hashes(block: Mapping[str, Any]) -> Iterator[Problem]:
    files = block.get("files")
    if not isinstance(files, Mapping):
        yield ("hashes", "files"), "is missing"
        return
    for name, value in files.items():
        if not isinstance(value, list) or not value or not _SHA256.match(str(value[0])):
            yield ("hashes", "files", name), "must be [sha256, [sources]]"
