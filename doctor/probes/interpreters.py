"""Other Pythons on this machine, and which of the wanted modules each of them holds; none of them is started."""

import os
import re
import time
from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..facts import Interpreters, OtherPython, Python
from ..modules import module_of, providers
from ..patterns import lazy
from .python import normalise

#: looked for whatever the project imports
USUAL = ("torch", "torchvision", "numpy", "cv2", "onnxruntime", "tflite_runtime", "picamera2")

#: at most so many Pythons are looked at, and no new one is begun after this time
MOST = 40
SECONDS = 0.5

#: versions of Python that may lie on PATH under their own name
MINORS = tuple("3.%d" % minor for minor in range(6, 17))

WINDOWS = os.name == "nt"

#: where virtualenvwrapper and PyCharm, pipenv, poetry and uv keep environments and Pythons
TOOLS = (
    (".virtualenvs",),
    (".local", "share", "virtualenvs"),
    (".cache", "pypoetry", "virtualenvs"),
    ("Library", "Caches", "pypoetry", "virtualenvs"),
    ("AppData", "Local", "pypoetry", "Cache", "virtualenvs"),
    (".local", "share", "uv", "python"),
)

#: how VS Code's settings and PyCharm's list of interpreters name a Python
_VSCODE = lazy(r"\"python\.(?:defaultInterpreterPath|pythonPath)\"\s*:\s*\"([^\"]+)\"")
_PYCHARM = lazy(r"<homePath value=\"([^\"]+)\"")


class Found(NamedTuple):
    """A Python on disk."""

    executable: str
    prefix: str
    #: system, venv, conda, pyenv, uv, user
    kind: str


def probe_interpreters(
    python: Python,
    modules: Sequence[str] = (),
    root: str = "/",
    project: Optional[str] = None,
    environ: Optional[Mapping[str, str]] = None,
    home: Optional[str] = None,
) -> Interpreters:
    """Return the other Pythons and the wanted modules that lie in their folders; bounded in number and time.

    ``modules``: top-level modules or distributions that are wanted beside the usual ones.
    """
    environ = os.environ if environ is None else environ
    home = home or os.path.expanduser("~")
    wanted = tuple(dict.fromkeys(USUAL + tuple(map(module_of, modules))))
    shelf = Shelf(root)
    until = time.monotonic() + SECONDS
    items: List[OtherPython] = []
    # several versions of the system's Python share the prefix /usr
    seen = {(_same(python.prefix), python.minor)}
    for found in _candidates(python, root, project or os.getcwd(), environ, home):
        if len(seen) > MOST or time.monotonic() > until:
            break
        version = _version(found, root)
        key = (_same(found.prefix), ".".join((version or "").split(".")[:2]))
        if not version or key in seen:
            continue
        seen.add(key)
        held = shelf.modules(_site_packages(found.prefix, version, root, found.kind), wanted)
        items.append(OtherPython(found.executable, version, found.kind, held))
    user = _user_site(python, home)
    if user:
        held = shelf.modules([user], wanted)
        if held and not python.user_site_enabled:
            items.append(OtherPython(user, python.minor, "user", held))
    own = shelf.modules(tuple(python.sys_path) + tuple(python.site_packages), wanted)
    return Interpreters(items=tuple(items), wanted=wanted, target=own)


def _same(prefix: str) -> str:
    return os.path.normcase(os.path.realpath(prefix))


# ---------------------------------------------------------------- where Pythons are


def _candidates(python: Python, root: str, project: str, environ: Mapping[str, str], home: str) -> Iterator[Found]:
    """Yield the Pythons of this machine, the nearest first; the same one may come several times."""
    if environ.get("VIRTUAL_ENV"):
        yield from _environment(environ["VIRTUAL_ENV"], "venv")
    for folder in _children(project):
        if os.path.isfile(os.path.join(folder, "pyvenv.cfg")):
            yield from _environment(folder, "venv")
    if environ.get("CONDA_PREFIX"):
        yield from _environment(environ["CONDA_PREFIX"], "conda")
    yield from _of_editors(project, home)
    if python.base_prefix and python.base_prefix != python.prefix:
        yield from _environment(python.base_prefix, _kind_of(python.base_prefix))
    yield from _on_path(environ, root)
    for folder in _children(environ.get("PYENV_ROOT") or os.path.join(home, ".pyenv"), "versions"):
        yield from _environment(folder, "pyenv")
    yield from _conda(environ, home)
    for parts in TOOLS:
        for folder in _children(home, *parts):
            yield from _environment(folder, _kind_of(folder))
    for folder in _children(home):
        if os.path.isfile(os.path.join(folder, "pyvenv.cfg")):
            yield from _environment(folder, "venv")


def _of_editors(project: str, home: str) -> Iterator[Found]:
    """Yield the Pythons that VS Code or PyCharm was told to use."""
    said = [(os.path.join(project, ".vscode", "settings.json"), _VSCODE)]
    for config in (".config/JetBrains", "Library/Application Support/JetBrains", "AppData/Roaming/JetBrains"):
        for folder in _children(home, *config.split("/")):
            if os.path.basename(folder).startswith("PyCharm"):
                said.append((os.path.join(folder, "options", "jdk.table.xml"), _PYCHARM))
    for file, pattern in said:
        for path in pattern.findall(_text(file)):
            path = path.replace("${workspaceFolder}", project).replace("$USER_HOME$", home).replace("${userHome}", home)
            path = os.path.join(project, home + path[1:] if path.startswith("~/") else path)
            if os.path.isfile(path):
                folder = os.path.dirname(path)
                prefix = os.path.dirname(folder) if os.path.basename(folder) in ("bin", "Scripts") else folder
                yield Found(path, prefix, _kind_of(prefix))


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(1 << 18)
    except OSError:
        return ""


def _children(*parts: str) -> List[str]:
    folder = os.path.join(*parts)
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir())
    except OSError:
        return []


def _environment(prefix: str, kind: str) -> Iterator[Found]:
    for parts in (("python.exe",), ("Scripts", "python.exe")) if WINDOWS else (("bin", "python3"), ("bin", "python")):
        executable = os.path.join(prefix, *parts)
        if os.path.isfile(executable):
            yield Found(executable, prefix, kind)
            return


def _kind_of(prefix: str) -> str:
    if os.path.isfile(os.path.join(prefix, "pyvenv.cfg")):
        return "venv"
    if os.path.isdir(os.path.join(prefix, "conda-meta")):
        return "conda"
    for kind, inside in (("pyenv", ".pyenv"), ("uv", os.path.join("uv", "python"))):
        if os.sep + inside + os.sep in prefix + os.sep:
            return kind
    return "system"


def _on_path(environ: Mapping[str, str], root: str) -> Iterator[Found]:
    names = ["python.exe"] if WINDOWS else ["python3", "python"] + ["python" + minor for minor in MINORS]
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder]
    if not WINDOWS:
        folders += [folder for folder in ("/usr/local/bin", "/usr/bin") if folder not in folders]
    for folder in folders:
        if os.path.basename(folder) == "shims" or "WindowsApps" in folder:
            continue  # pyenv's and Windows' stand-ins for a Python that lies elsewhere, or nowhere
        under = folder if root == "/" else os.path.join(root, folder.lstrip("/"))
        for name in names:
            path = os.path.join(under, name)
            if os.path.isfile(path):
                prefix = folder if WINDOWS else os.path.dirname(folder)
                if not os.path.isfile(os.path.join(prefix, "pyvenv.cfg")):
                    target = os.path.realpath(path)
                    prefix = prefix if WINDOWS or root != "/" else os.path.dirname(os.path.dirname(target))
                yield Found(os.path.join(folder, name), prefix, _kind_of(prefix))


def _conda(environ: Mapping[str, str], home: str) -> Iterator[Found]:
    bases = [os.path.join(home, name) for name in ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba")]
    bases += ["/opt/conda", "/opt/miniconda3", "/opt/anaconda3"] if not WINDOWS else ["C:\\ProgramData\\anaconda3"]
    if environ.get("CONDA_EXE"):
        bases.insert(0, os.path.dirname(os.path.dirname(environ["CONDA_EXE"])))
    listed = _text(os.path.join(home, ".conda", "environments.txt")).split("\n")
    for base in dict.fromkeys(bases + [line.strip() for line in listed if line.strip()]):
        yield from _environment(base, "conda")
        for folder in _children(base, "envs"):
            yield from _environment(folder, "conda")


def _user_site(python: Python, home: str) -> Optional[str]:
    if python.user_site:
        return python.user_site
    return None if WINDOWS else os.path.join(home, ".local", "lib", "python" + python.minor, "site-packages")


# ---------------------------------------------------------------- what a Python on disk is


def _version(found: Found, root: str) -> Optional[str]:
    """Return the version as exactly as its files say: 3.10.13, or 3.10."""
    config = _text(os.path.join(found.prefix, "pyvenv.cfg"))
    said = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+(?:\.\d+)?)", config, re.MULTILINE)
    if said:
        return said.group(1)
    named = re.match(r"(\d+\.\d+\.\d+)", os.path.basename(found.prefix))
    if named:
        return named.group(1)
    target = os.path.realpath(found.executable if root == "/" else os.path.join(root, found.executable.lstrip("/")))
    named = re.search(r"python(\d+\.\d+)t?$", os.path.basename(target))
    if named:
        return named.group(1)
    return next(iter(_minors(found.prefix, root)), None)


def _minors(prefix: str, root: str) -> List[str]:
    """Return the versions whose standard library lies in a prefix."""
    base = prefix if root == "/" else os.path.join(root, prefix.lstrip("/"))
    if WINDOWS:
        names = [name for name in _names(base) if re.match(r"python3\d+\.dll$", name.lower())]
        return ["3." + name[7:-4] for name in names]
    names = _names(os.path.join(base, "lib"))
    return sorted(name[6:] for name in names if re.match(r"python\d+\.\d+$", name))


def _names(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _site_packages(prefix: str, version: str, root: str, kind: str) -> List[str]:
    """Return the folders from which a Python with this prefix imports."""
    if WINDOWS:
        return [os.path.join(prefix, "Lib", "site-packages")]
    minor = ".".join(version.split(".")[:2])
    inside = "lib/python%s/site-packages" % minor
    folders = [os.path.join(prefix, inside), os.path.join(prefix, "lib64", "python" + minor, "site-packages")]
    if kind == "system" and prefix in ("/usr", "/usr/local"):
        # Debian's own layout: apt's packages, then what pip put in beside them
        folders += [os.path.join(prefix, "lib/python3/dist-packages"), "/usr/local/lib/python%s/dist-packages" % minor]
        folders += ["/usr/local/" + inside] if prefix == "/usr" else []
    elif kind == "venv" and _sees_system(prefix):
        folders += ["/usr/lib/python3/dist-packages", "/usr/local/lib/python%s/dist-packages" % minor]
    return [folder if root == "/" else os.path.join(root, folder.lstrip("/")) for folder in folders]


def _sees_system(prefix: str) -> bool:
    config = _text(os.path.join(prefix, "pyvenv.cfg"))
    return bool(re.search(r"^include-system-site-packages\s*=\s*true", config, re.MULTILINE | re.IGNORECASE))


class Shelf:
    """Looks for modules in folders; each folder is listed once."""

    def __init__(self, root: str = "/") -> None:
        self._listed: Dict[str, Set[str]] = {}

    def modules(self, folders: Iterable[str], wanted: Sequence[str]) -> Dict[str, str]:
        """Return wanted module -> version (empty when no metadata says it) for those that lie in the folders."""
        held: Dict[str, str] = {}
        for folder in dict.fromkeys(folders):
            names = self._list(folder)
            if not names:
                continue
            for module in wanted:
                if module not in held and self._holds(folder, names, module):
                    held[module] = _metadata_version(names, module)
        return held

    def _list(self, folder: str) -> Set[str]:
        if folder not in self._listed:
            self._listed[folder] = set(_names(folder)) if folder and not folder.endswith(".zip") else set()
        return self._listed[folder]

    def _holds(self, folder: str, names: Set[str], module: str) -> bool:
        if module in names:
            # a folder that only holds leftovers is importable, as an empty namespace: that is no module
            inside = _names(os.path.join(folder, module))
            if any(name.endswith((".py", ".pyc", ".so", ".pyd")) for name in inside) or "google" == module:
                return True
        if module + ".py" in names:
            return True
        return any(name.startswith(module + ".") and name.endswith((".so", ".pyd")) for name in names)


_METADATA = lazy(r"^(.+?)-(\d[^-]*)(?:-py[\d.]+)?\.(?:dist|egg)-info$")


def _metadata_version(names: Set[str], module: str) -> str:
    wanted: Tuple[str, ...] = providers(module)
    for name in names:
        if name.endswith("-info"):
            match = _METADATA.match(name)
            if match and normalise(match.group(1)) in wanted:
                return match.group(2)
    return ""
