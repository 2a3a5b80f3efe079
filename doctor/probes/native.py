"""Compiled modules of the installed packages: numpy generation, missing libraries, symbol versions, OpenMP, owners."""

import csv
import mmap
import os
import re
import sys
import time
from base64 import urlsafe_b64encode
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ..facts import NativeModule, NativeModules, Ownership
from ..patterns import lazy
from ..record import replace
from .elf import Elf, Loader, highest, read_elf

#: Longest that the search for numpy's marker may take, of the part which ``--quick`` leaves out; all of it, twice that.
BUDGET_S = 0.25
#: Longer modules are searched for numpy's marker only in a full check.
QUICK_BYTES = 4 << 20

NEW_MARKER = b"numpy._core._multiarray_umath"
MARKER = lazy(rb"numpy\._?core\._multiarray_umath")

OPENCV = "opencv_"
ONNXRUNTIME = "onnxruntime"


class Known(NamedTuple):
    """Where a package that matters keeps the compiled modules that speak for it."""

    #: folder below site-packages, and a pattern for the file
    folder: str
    pattern: str
    distribution: str
    #: it uses numpy's C interface
    numpy: bool = True


TORCH_PYTHON = r"(?:lib)?torch_python"
KNOWN = (
    Known("cv2", r"cv2\b.*\.(?:so|pyd)$", OPENCV),
    Known("cv2/python-3", r"cv2\b.*\.(?:so|pyd)$", OPENCV),
    Known("numpy/_core", r"_multiarray_umath\b.*\.(?:so|pyd)$", "numpy", False),
    Known("numpy/core", r"_multiarray_umath\b.*\.(?:so|pyd)$", "numpy", False),
    Known("onnxruntime/capi", r"onnxruntime_pybind11_state\b.*\.(?:so|pyd)$", ONNXRUNTIME),
    Known("onnxruntime/capi", r"libonnxruntime_providers_cuda\.so$", ONNXRUNTIME, False),
    Known("torch/lib", TORCH_PYTHON + r"\.(?:so|dll|dylib)$", "torch"),
    Known("torch/lib", r"libtorch_cpu\.so$", "torch", False),
    Known("torchvision", r"(?:_C|_C_stable|image)\b.*\.so$", "torchvision", False),
    Known("scipy/linalg", r"_fblas\b.*\.(?:so|pyd)$", "scipy"),
    Known("pandas/_libs", r"lib\b.*\.(?:so|pyd)$", "pandas"),
    Known("sklearn/utils", r"(?:_vector_sentinel|murmurhash)\b.*\.(?:so|pyd)$", "scikit-learn"),
    Known("skimage/_shared", r"geometry\b.*\.(?:so|pyd)$", "scikit-image"),
    Known("matplotlib", r"_path\b.*\.(?:so|pyd)$", "matplotlib"),
    Known("pycocotools", r"_mask\b.*\.(?:so|pyd)$", "pycocotools"),
    Known("numba", r"_helperlib\b.*\.(?:so|pyd)$", "numba"),
    Known("h5py", r"_proxy\b.*\.(?:so|pyd)$", "h5py"),
    Known("shapely", r"lib\b.*\.(?:so|pyd)$", "shapely"),
    Known("PIL", r"_imaging\.\S*\.?(?:so|pyd)$", "pillow", False),
    Known("tflite_runtime", r"_pywrap\w*\b.*\.so$", "tflite-runtime"),
    Known("ncnn", r"ncnn\b.*\.so$", "ncnn", False),
    Known("xformers", r"_C\b.*\.so$", "xformers", False),
    Known("detectron2", r"_C\b.*\.so$", "detectron2", False),
    Known("mmcv", r"_ext\b.*\.so$", "mmcv", False),
    Known("faiss", r"_swigfaiss\b.*\.so$", "faiss-cpu"),
    Known("pyarrow", r"lib\b.*\.so$", "pyarrow", False),
)

#: at most so many modules of a package without a row are read
MODULES = 8
#: a module that Python imports, not a library beside it
_MODULE = lazy(r"(?!lib)[^/]*\.(?:so|pyd)$")

#: never asked of the file system: part of every glibc or musl process, or of the interpreter itself
_ALWAYS = lazy(
    r"(?:linux-vdso|ld-linux|ld-musl|ld64|libc\.so|libc\.musl|libm\.so|libdl\.so|libpthread\.so|librt\.so|libutil\.so"
    r"|libpython)"
)
_OPENMP = lazy(
    r"(libiomp5(?:md)?|libomp(?:140[.\w]*)?|libgomp)(?:-[0-9a-f]{6,12})?\.(?:so|dylib|dll)(?:\.[\d.]+)?$", re.IGNORECASE
)
_LIBRARY_FOLDERS = ("lib", "libs", ".libs", ".dylibs", "bin")


def probe_native(
    site_packages: Sequence[str], quick: bool = False, root: str = "/", library_path: Optional[str] = None
) -> NativeModules:
    """Return what the compiled modules in these folders ask for; ``quick`` leaves out what needs a long search."""
    path = os.environ.get("LD_LIBRARY_PATH", "") if library_path is None else library_path
    loader = Loader(root, path)
    items: List[NativeModule] = []
    ownership: List[Ownership] = []
    openmp: Dict[str, List[str]] = {}
    deadline = time.monotonic() + BUDGET_S
    for folder in site_packages:
        names = _names(folder)
        if not names:
            continue
        two = "numpy" in names and os.path.isdir(os.path.join(folder, "numpy", "_core"))
        records = _records(names)
        offered = _offered(folder, names)
        for known in KNOWN:
            if known.folder.partition("/")[0] in names:
                if quick and known.pattern.startswith(TORCH_PYTHON):
                    continue  # 30 MB that the matrix answers for
                for path in _files(os.path.join(folder, known.folder), known.pattern):
                    name = _distribution(known.distribution, records)
                    items.append(_look(path, name, two and known.numpy, quick, loader, folder, offered))
        if not quick:
            items.extend(_others(folder, names, two, loader, offered, deadline))
        for prefix in (OPENCV, ONNXRUNTIME):
            ownership.extend(_ownership(folder, prefix, records, quick))
        _openmp(folder, names, openmp)
    return NativeModules(tuple(items), {kind: tuple(paths) for kind, paths in sorted(openmp.items())}, tuple(ownership))


def _names(folder: str) -> Dict[str, bool]:
    """Return the names in a folder -> whether each is a folder."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.is_dir() for entry in entries}
    except OSError:
        return {}


def _files(folder: str, pattern: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    matching = re.compile(pattern)
    for name in names:
        if matching.match(name):
            yield os.path.join(folder, name)


def _records(names: Dict[str, bool]) -> Dict[str, str]:
    """Return the distributions of the families that share a folder -> their dist-info folder."""
    found = {}
    for name in names:
        match = re.match(r"((?:opencv|onnxruntime|ort_nightly)[A-Za-z0-9_.]*)-[^-]+\.dist-info$", name, re.IGNORECASE)
        if match:
            found[re.sub(r"[-_.]+", "-", match.group(1)).lower()] = name
    return found


def _distribution(given: str, records: Dict[str, str]) -> str:
    """Return the installed distribution that a shared folder belongs to, else the usual one."""
    if given == OPENCV:
        return next((name for name in sorted(records) if name.startswith("opencv-")), "opencv-python")
    if given == ONNXRUNTIME:
        found = sorted(name for name in records if name.startswith("onnxruntime"))
        return found[-1] if found else given
    return given


# ---------------------------------------------------------------- one module


def _look(
    path: str, name: str, numpy: bool, quick: bool, loader: Loader, folder: str, offered: Set[str]
) -> NativeModule:
    elf = read_elf(path)
    missing: List[str] = []
    versions: List[str] = []
    own_runtime = False
    if elf is not None:
        missing, versions, own_runtime = _chain(path, elf, loader, folder, offered)
    abi = numpy_abi(path) if numpy and not (quick and _size(path) > QUICK_BYTES) else None
    glibcxx = highest(versions, "GLIBCXX")
    return NativeModule(
        distribution=name,
        path=path,
        numpy_abi=abi,
        missing_libraries=tuple(missing),
        glibc=highest(versions, "GLIBC"),
        glibcxx="GLIBCXX_" + glibcxx if glibcxx and not own_runtime else None,
    )


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _chain(path: str, elf: Elf, loader: Loader, folder: str, offered: Set[str]) -> Tuple[List[str], List[str], bool]:
    """Return what a module and the libraries bundled with it do not find, the symbol versions they ask for, and
    whether they bring a libstdc++ of their own. Libraries of the system are taken to be complete.
    """
    missing: List[str] = []
    versions: List[str] = []
    own_runtime = False
    todo: List[Tuple[str, Elf]] = [(path, elf)]
    seen: Set[str] = {os.path.basename(path)}
    inherited: Tuple[str, ...] = ()
    while todo and len(seen) < 400:
        here, item = todo.pop()
        versions.extend(item.versions)
        origin = os.path.dirname(os.path.realpath(here))
        if item.rpath and not item.runpath:
            inherited += tuple(part.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", origin) for part in item.rpath)
        for needed in item.needed:
            if needed in seen or _ALWAYS.match(needed):
                continue
            seen.add(needed)
            # an RPATH also serves the libraries further down
            wider = item if item.runpath else item._replace(rpath=item.rpath + inherited)
            found = loader.find(needed, wider, origin)
            if found is None:
                if needed not in offered:
                    missing.append(needed)
            elif _bundled(found, folder):
                own_runtime = own_runtime or needed.startswith("libstdc++")
                inner = read_elf(found)
                if inner is not None:
                    todo.append((found, inner))
    return missing, versions, own_runtime


def _bundled(path: str, folder: str) -> bool:
    """Tell whether a library came with a package's wheel, as auditwheel bundles them. torch's and NVIDIA's own
    libraries are judged by other checks, and reading their gigabytes would cost every quick check.
    """
    place = os.path.normpath(path)[len(folder) + 1 :] if os.path.normpath(path).startswith(folder + os.sep) else ""
    return bool(place) and place.split(os.sep)[0] not in ("torch", "nvidia")


def _offered(folder: str, names: Dict[str, bool]) -> Set[str]:
    """Return the libraries that other packages of the environment bring and load before they are asked for."""
    found: Set[str] = set()
    for place in [os.path.join(folder, "torch", "lib")] + [
        os.path.join(folder, name) for name in names if name.endswith(".libs")
    ]:
        found.update(_names(place))
    nvidia = os.path.join(folder, "nvidia")
    for name in _names(nvidia):
        found.update(_names(os.path.join(nvidia, name, "lib")))
    tensorrt = os.path.join(folder, "tensorrt_libs")
    found.update(_names(tensorrt))
    return found


def numpy_abi(path: str) -> Optional[str]:
    """Return ``1`` for a module compiled against numpy 1, ``2`` for one that runs with both, None when it uses neither.

    numpy's headers put the name of the module they import into every extension.
    """
    found = None
    for marker in _found(path, MARKER):
        if marker == NEW_MARKER:
            return "2"
        found = "1"
    return found


def _found(path: str, pattern: Any) -> Iterator[bytes]:
    """Yield what a pattern matches in a file; nothing for one that cannot be read."""
    try:
        with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for match in pattern.finditer(data):
                yield match.group()
    except (OSError, ValueError):
        return


def _others(
    folder: str, names: Dict[str, bool], two: bool, loader: Loader, offered: Set[str], deadline: float
) -> Iterator[NativeModule]:
    """Yield what the modules of packages without a row of their own ask for, in sum, where they hold any."""
    covered = {item.folder.partition("/")[0] for item in KNOWN}
    for name in sorted(names):
        if time.monotonic() > deadline + BUDGET_S:
            return
        if name in covered or name.startswith((".", "_", "~")) or name in ("nvidia", "triton", "pip", "setuptools"):
            continue
        if names[name] and name.endswith((".dist-info", ".libs", ".egg-info")):
            continue
        inside = os.path.join(folder, name)
        paths = [os.path.join(inside, one) for one in sorted(_names(inside))] if names[name] else [inside]
        modules = [path for path in paths if _MODULE.match(os.path.basename(path))][:MODULES]
        own = _own_libraries(inside) if modules and names[name] else set()
        search = two and time.monotonic() < deadline  # the long part
        found = [
            _look(path, "", search and path in modules[:2], True, loader, folder, offered | own) for path in modules
        ]
        found = [one for one in found if one.numpy_abi == "1" or one.missing_libraries or one.glibc or one.glibcxx]
        found = [one for one in found if not one.missing_libraries or _imported(one.path)]
        if found:
            yield _sum_of(found, _owner(folder, names, name))


def _imported(path: str) -> bool:
    """Tell whether Python can import a library: an operator for TensorFlow that lies beside the modules it cannot."""
    name = os.path.basename(path).partition(".")[0].encode("utf-8")
    return any(_found(path, re.compile(b"PyInit_" + re.escape(name))))


def _own_libraries(folder: str) -> Set[str]:
    """Return the files of a package and of its folders: what it may load by itself before it is asked for."""
    found = set(_names(folder))
    for inner in _LIBRARY_FOLDERS:
        found.update(_names(os.path.join(folder, inner)))
    return found


def _sum_of(found: List[NativeModule], distribution: str) -> NativeModule:
    """Return the modules of one package as one: every library that is missing, the highest versions asked for."""
    worst = max(found, key=lambda one: (one.numpy_abi == "1", bool(one.missing_libraries)))
    glibc = highest(["GLIBC_" + one.glibc for one in found if one.glibc], "GLIBC")
    glibcxx = highest([one.glibcxx for one in found if one.glibcxx], "GLIBCXX")
    return replace(
        worst,
        distribution=distribution,
        numpy_abi="1" if worst.numpy_abi == "1" else None,
        missing_libraries=tuple(dict.fromkeys(name for one in found for name in one.missing_libraries)),
        glibc=glibc,
        glibcxx="GLIBCXX_" + glibcxx if glibcxx else None,
    )


def _owner(folder: str, names: Dict[str, bool], module: str) -> str:
    """Return the distribution whose RECORD lists a module or package; without one, what it is usually called."""
    word = re.match(r"\w+", module)
    plain = word.group().lower().replace("_", "-") if word else module
    records = [name for name in names if name.endswith(".dist-info")]
    # most distributions are called like their package: those first
    for record in sorted(records, key=lambda name: re.sub(r"[-_.]+", "-", name).lower().find(plain + "-") != 0):
        try:
            with open(os.path.join(folder, record, "RECORD"), "rb") as stream:
                lines = stream.read(1 << 22)
        except OSError:
            continue
        if re.search(rb"^%s[/,]" % re.escape(module).encode("utf-8"), lines, re.MULTILINE):
            return re.sub(r"[-_.]+", "-", record.partition("-")[0]).lower()
    return plain


# ---------------------------------------------------------------- whose files these are


def _ownership(folder: str, prefix: str, records: Dict[str, str], quick: bool) -> Iterator[Ownership]:
    """Yield what each distribution of a family still has of the files that its RECORD lists."""
    family = {
        name: place
        for name, place in records.items()
        if name.startswith((prefix.replace("_", "-"), "ort-") if prefix == ONNXRUNTIME else prefix.replace("_", "-"))
    }
    package = "cv2" if prefix == OPENCV else "onnxruntime"
    lists = {name: dict(_record(os.path.join(folder, place, "RECORD"), package)) for name, place in family.items()}
    for name in sorted(lists):
        others = [entries for other, entries in lists.items() if other != name]
        missing: List[str] = []
        changed: List[str] = []
        for path, (digest, size) in sorted(lists[name].items()):
            full = os.path.join(folder, *path.split("/"))
            try:
                there = os.path.getsize(full)
            except OSError:
                missing.append(path)
                continue
            contested = any(path in entries and entries[path][0] != digest for entries in others)
            if there != size or (contested and there <= QUICK_BYTES and _digest(full) != digest):
                changed.append(path)
        if lists[name]:
            yield Ownership(name, package, len(lists[name]), tuple(missing[:20]), tuple(changed[:20]))


def _record(path: str, package: str) -> Iterator[Tuple[str, Tuple[str, int]]]:
    """Yield path -> (sha256, size) of a RECORD for files inside one import package; anything odd is left out."""
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as stream:
            for row in csv.reader(stream):
                if len(row) < 3 or not row[0].startswith(package + "/") or not row[2].isdigit():
                    continue
                if ".." not in row[0].split("/") and row[1].startswith("sha256="):
                    yield row[0], (row[1][len("sha256=") :], int(row[2]))
    except (OSError, csv.Error):
        return


def _digest(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            import hashlib

            return urlsafe_b64encode(hashlib.sha256(stream.read()).digest()).decode("ascii").rstrip("=")
    except OSError:
        return ""


# ---------------------------------------------------------------- OpenMP


def _openmp(folder: str, names: Dict[str, bool], found: Dict[str, List[str]]) -> None:
    """Add the OpenMP runtimes of an environment, each file once however many links it has."""
    places = [os.path.join(folder, name) for name in names if name.endswith(".libs")]
    for name, is_folder in names.items():
        if is_folder and not name.endswith((".dist-info", ".libs", ".egg-info")):
            places.extend(os.path.join(folder, name, inner) for inner in _LIBRARY_FOLDERS)
    windows = sys.platform == "win32"
    prefix = (
        os.path.dirname(os.path.dirname(folder))
        if windows
        else os.path.dirname(os.path.dirname(os.path.dirname(folder)))
    )
    places.extend(os.path.join(prefix, *inner) for inner in (("lib",), ("Library", "bin"), ("bin",)))
    seen: Set[Any] = set()
    for place in places:
        try:
            names_there = os.listdir(place)
        except OSError:
            continue
        for name in names_there:
            match = _OPENMP.match(name)
            if match is None:
                continue
            path = os.path.join(place, name)
            try:
                state = os.stat(path)
            except OSError:
                continue
            identity = (state.st_dev, state.st_ino) if state.st_ino else os.path.realpath(path)
            if identity not in seen:
                seen.add(identity)
                kind = match.group(1).lower().replace("libiomp5md", "libiomp5")
                found.setdefault(kind, []).append(path)
