"""The project: which folder it is, what it asks for, and what its source uses. Nothing of it is ever run."""

import os
import re
import time
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..facts import TIME_WAS_UP, ApiUse, Line, Project, ProjectRequirement, Python, Unknown
from ..patterns import lazy
from ..record import replace
from ..secrets import without_credentials
from ..stdlib import NAMES as STDLIB
from . import requirements as parsers
from .source import Scanned, parse, scan, scan_native, scan_notebook
from .whereabouts import MARKERS, is_chosen

#: Processor time that the scan of a large tree may take; what is left then is named in ``skipped``. Files near the top
#: come first, and the first ones are looked at however slow or busy the machine is, within the wall time.
BUDGET_S = 0.8
WALL_S = 4.0
ALWAYS_FILES = 200
ALWAYS_FOLDERS = 200
#: Longer sources are generated ones, or data.
SOURCE_LIMIT = 1 << 20
NOTEBOOK_LIMIT = 8 << 20
#: A folder without source of its own and with more folders than this is taken for data.
DATA_FOLDERS = 200

#: sources that no training run imports: tests, documentation
_ASIDE = lazy(r"(?:^|/)(?:tests?|testing|docs?)/|(?:^|/)conftest\.py$")
TESTERS = {"pytest", "unittest", "nose"}
#: modules with which a project compiles extensions for torch
BUILDERS = ("torch.utils.cpp_extension", "torch.utils.ffi")
CUDA = (".cu", ".cuh")
NATIVE = CUDA + (".cpp", ".cc", ".c", ".h", ".hpp")

#: folders that never hold a project's own source, whatever lies in them
_NEVER = frozenset(
    ("__pycache__", "node_modules", ".git", ".hg", ".svn", ".tox", ".nox", ".eggs", ".ipynb_checkpoints")
)
#: libraries that a project file of the same name would hide
LIBRARIES = frozenset(
    (
        "torch torchvision torchaudio numpy scipy pandas cv2 PIL matplotlib sklearn skimage onnx onnxruntime onnxsim "
        "tensorflow "
        "tensorboard yaml requests tqdm psutil packaging setuptools seaborn wandb transformers timm ultralytics "
        "pycocotools "
        "albumentations thop einops numba ncnn openvino triton tokenizers datasets accelerate safetensors"
    ).split()
)
#: of these a folder of the same name hides the library too; others are too often a project's own package
_FOLDERS = frozenset("torch torchvision torchaudio numpy cv2 PIL scipy".split())


# ---------------------------------------------------------------- the walk


class Budget:
    """How long a scan may go on."""

    def __init__(self, processor_s: float = BUDGET_S, wall_s: float = WALL_S) -> None:
        self._processor = time.thread_time() + processor_s
        self._wall = time.monotonic() + wall_s

    def over(self, done: int, always: int) -> bool:
        """Tell whether to stop after ``done`` items; the first ``always`` of them do not count their processor time."""
        return time.monotonic() > self._wall or (done >= always and time.thread_time() > self._processor)


class Tree(NamedTuple):
    """What lies below a project's folder, as paths with forward slashes below it, the nearest first."""

    sources: Tuple[str, ...]
    #: files that say what is needed, and C++ and CUDA sources
    others: Tuple[str, ...]
    skipped: Tuple[str, ...]


def walk(root: str, budget: Budget, deep: bool = True) -> Tree:
    """Return the files of a project; other Pythons, package folders and tool caches are passed over by what they are.

    Without ``deep`` only the top folder is looked at.
    """
    sources: List[str] = []
    others: List[str] = []
    skipped: List[str] = []
    todo: List[str] = [""]
    at = 0
    while at < len(todo):
        here = todo[at]
        at += 1
        if budget.over(at, ALWAYS_FOLDERS):
            skipped.append("%d folders: %s" % (len(todo) - at + 1, TIME_WAS_UP))
            break
        try:
            with os.scandir(os.path.join(root, here) if here else root) as entries:
                found = list(entries)
        except OSError as error:
            skipped.append("%s: %s" % (here or ".", error.strerror or error))
            continue
        names = {entry.name for entry in found}
        reason = _foreign(here, names) if here else None
        if reason is not None:
            skipped.append("%s: %s" % (here, reason))
            continue
        prefix = here + "/" if here else ""
        deeper: List[str] = []
        for entry in found:
            name = entry.name
            if name.endswith((".py", ".ipynb")):
                sources.append(prefix + name)
            elif MARKERS.match(name) or name.endswith(NATIVE):
                others.append(prefix + name)
            elif name in _NEVER or name.endswith((".egg-info", ".dist-info")):
                continue
            elif _is_folder(entry):
                deeper.append(prefix + name)
        if here and len(deeper) > DATA_FOLDERS and not any(name.endswith(".py") for name in names):
            skipped.append("%s: %d folders without source, taken for data" % (here, len(deeper)))
            continue
        todo.extend(sorted(deeper) if deep else ())
    sources.sort(key=lambda path: path.endswith(".ipynb"))  # a stable sort: notebooks last, they are slow to read
    return Tree(tuple(sources), tuple(others), tuple(skipped))


def _is_folder(entry: Any) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _foreign(here: str, names: Set[str]) -> Optional[str]:
    """Return what a folder is when it holds no source of the project, judged by its content."""
    last = here.rpartition("/")[2]
    if "pyvenv.cfg" in names:
        return "a virtual environment"
    if "conda-meta" in names:
        return "a conda environment"
    if last in ("site-packages", "dist-packages"):
        return "installed packages"
    if {"os.py", "site.py", "abc.py"} <= names:
        return "a Python's standard library"
    if {"HEAD", "objects", "refs"} <= names:
        return "a git repository's own data"
    if "CACHEDIR.TAG" in names:
        return "a cache"
    if any(name.endswith(".dist-info") for name in names):
        return "installed packages"
    return None


# ---------------------------------------------------------------- the section


def probe_project(root: str, python: Optional[Python] = None, wanted: Any = None, budget_s: float = BUDGET_S) -> Any:
    """Return the Project section; ``wanted`` says which files to narrow the source scan to and what was chosen."""
    if not os.path.isdir(root):
        return Unknown("%s is not a folder" % root)
    budget = Budget(budget_s)
    files = tuple(getattr(wanted, "files", ()) or ())
    tree = walk(root, budget, deep=not files)
    needs = read_needs(root, tree)
    skipped = list(tree.skipped)
    if files:
        paths = [_below(root, path) for path in files if path.endswith((".py", ".ipynb"))]
        scanned = dict(_scan_all(root, paths, None, skipped))
    else:
        scanned = dict(_scan_all(root, tree.sources, budget, skipped))
    local = _local_names(tree)
    imports, lazy = _imports(scanned, local)
    uses: List[ApiUse] = []
    if _builds(scanned):
        uses.extend(_native_uses(root, tree, budget, skipped))
    for path in sorted(scanned):
        uses.extend(scanned[path].uses)
        if scanned[path].broken:
            skipped.append("%s: %s" % (path, scanned[path].broken))
    return Project(
        root=root,
        chosen=is_chosen(root, getattr(wanted, "project", None), getattr(wanted, "python", None), python),
        requirements=tuple(_without_credentials(requirement) for requirement in needs.requirements),
        requires_python=needs.requires_python,
        imports=imports,
        lazy=lazy,
        uses=tuple(uses),
        builds_cuda=_builds_cuda(tree, scanned),
        shadowing=_shadowing(tree, scanned),
        skipped=tuple(skipped),
        files=len(scanned),
    )


def _without_credentials(requirement: ProjectRequirement) -> ProjectRequirement:
    """Return a requirement whose address, if it has one, holds no password or token."""
    if "@" not in requirement.text and "://" not in requirement.where.text:
        return requirement
    where = replace(requirement.where, text=without_credentials(requirement.where.text))
    return replace(requirement, text=without_credentials(requirement.text), where=where)


def _below(root: str, path: str) -> str:
    """Return a path as evidence shows it: below the root with forward slashes, else as it was given."""
    full = os.path.abspath(path)
    inside = os.path.abspath(root) + os.sep
    return full[len(inside) :].replace(os.sep, "/") if full.startswith(inside) else path.replace(os.sep, "/")


def _scan_all(
    root: str, paths: Iterable[str], budget: Optional[Budget], skipped: List[str]
) -> Iterator[Tuple[str, Scanned]]:
    paths = list(paths)
    for number, path in enumerate(paths):
        if budget is not None and budget.over(number, ALWAYS_FILES):
            skipped.append("%d files: %s" % (len(paths) - number, TIME_WAS_UP))
            return
        notebook = path.endswith(".ipynb")
        data = _read(os.path.join(root, path), NOTEBOOK_LIMIT if notebook else SOURCE_LIMIT)
        if data is None:
            skipped.append("%s: too large or not readable" % path)
            continue
        yield path, (scan_notebook if notebook else scan)(data, path)


def _read(path: str, limit: int) -> Optional[bytes]:
    """Return a file's bytes, or None when it cannot be read, is no plain file, or is larger than the limit."""
    try:
        if not os.path.isfile(path):
            return None  # a pipe would block for ever
        with open(path, "rb") as stream:
            data = stream.read(limit + 1)
    except OSError:
        return None
    return data if len(data) <= limit else None


def _text(root: str, path: str) -> Optional[str]:
    """Return a text file inside the project, in whatever encoding a Windows shell wrote it."""
    full = os.path.realpath(os.path.join(root, path))
    if not full.startswith(os.path.realpath(root) + os.sep):
        return None
    data = _read(full, SOURCE_LIMIT)
    if data is None:
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").replace("\r\n", "\n")
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def read_needs(root: str, tree: Tree) -> parsers.Needs:
    """Return what the project asks for, from every file in its top folder (and ``requirements/``) that says so."""
    found: List[ProjectRequirement] = []
    python: List[Optional[str]] = []
    top = {path for path in tree.others + tree.sources if "/" not in path}
    listed = [path for path in tree.others if re.match(r"requirements[^/]*\.(?:txt|in)$", path)]
    folder = os.path.join(root, "requirements")
    if os.path.isdir(folder):
        listed.extend("requirements/" + name for name in sorted(os.listdir(folder)) if name.endswith(".txt"))
    main = parsers.main_files(listed)
    seen: Set[str] = set()
    for path in list(main) + [path for path in listed if path not in main]:
        optional = path not in main
        found.extend(parsers.parse_requirements(path, lambda name: _text(root, name), optional, seen=seen))
    for name in ("pyproject.toml", "setup.cfg", "setup.py", "environment.yml", "environment.yaml"):
        text = _text(root, name) if name in top else None
        if text is None:
            continue
        if name == "setup.py":
            needs = parsers.parse_setup_py(parse(text.encode("utf-8"))[0])
        elif name == "setup.cfg":
            needs = parsers.parse_setup_cfg(text)
        elif name == "pyproject.toml":
            needs = parsers.parse_pyproject(text)
        else:
            needs = parsers.parse_environment(text, name)
        found.extend(needs.requirements)
        python.append(needs.requires_python)
    return parsers.Needs(tuple(found), next((one for one in python if one), None))


def _local_names(tree: Tree) -> Set[str]:
    """Return the names of the project's own modules and packages, wherever they lie: scripts extend the path."""
    names: Set[str] = set()
    for path in tree.sources:
        parts = path.split("/")
        if parts[-1].endswith(".py"):
            names.add(parts[-1][:-3])
            names.update(parts[:-1])
    return names


def _imports(scanned: Dict[str, Scanned], local: Set[str]) -> Tuple[Dict[str, Line], Tuple[str, ...]]:
    """Return the foreign top-level modules -> first place, and those that are only imported lazily, or by tests."""
    found: Dict[str, Line] = {}
    eager: Set[str] = set()
    for path in sorted(scanned, key=lambda name: (name.count("/"), name)):
        item = scanned[path]
        aside = _ASIDE.search(path) is not None or bool(TESTERS & set(item.imports))
        for module, line in item.imports.items():
            top = module.partition(".")[0]
            if top in STDLIB or (top in local and top not in LIBRARIES):
                continue
            at_once = module not in item.lazy and not aside
            if top not in found or (at_once and top not in eager):
                found[top] = line
            if at_once:
                eager.add(top)
    return {name: found[name] for name in sorted(found)}, tuple(sorted(set(found) - eager))


def _builds(scanned: Dict[str, Scanned]) -> bool:
    """Tell whether the project compiles extensions for torch, in setup.py or when it is imported."""
    return any(name.startswith(BUILDERS) for item in scanned.values() for name in item.imports)


def _native_uses(root: str, tree: Tree, budget: Budget, skipped: List[str]) -> Iterator[ApiUse]:
    paths = [path for path in tree.others if path.endswith(NATIVE)]
    for number, path in enumerate(paths):
        if budget.over(number, ALWAYS_FILES):
            skipped.append("%d C++ files: %s" % (len(paths) - number, TIME_WAS_UP))
            return
        yield from scan_native(_read(os.path.join(root, path), SOURCE_LIMIT) or b"", path)


def _builds_cuda(tree: Tree, scanned: Dict[str, Scanned]) -> bool:
    if any(item.builds_cuda for item in scanned.values()):
        return True
    return ("setup.py" in tree.sources or _builds(scanned)) and any(path.endswith(CUDA) for path in tree.others)


def _shadowing(tree: Tree, scanned: Dict[str, Scanned]) -> Tuple[str, ...]:
    """Return files and packages that hide a module of the same name from scripts beside them."""
    scripts = {path.rpartition("/")[0] for path, item in scanned.items() if item.script} | {""}
    packages = {path.rpartition("/")[0] for path in tree.sources if path.endswith("__init__.py")}
    found = []
    for path in tree.sources:
        folder, _, name = path.rpartition("/")
        module = name[:-3] if name.endswith(".py") else ""
        if folder in scripts and (not folder or folder not in packages) and (module in STDLIB or module in LIBRARIES):
            found.append(path)
    found.extend(folder + "/" for folder in sorted(packages) if folder in _FOLDERS)
    return tuple(sorted(found))
