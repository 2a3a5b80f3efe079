"""Where the project is; apart from reading it, so that a folder without a project costs a start nothing."""

import os
import re
from typing import Iterable, Optional

from ..facts import Python
from ..model import DoctorError
from ..patterns import lazy
from ..text import Text

#: files by which a folder is known as a project
MARKERS = lazy(r"requirements[^/]*\.(?:txt|in)$|pyproject\.toml$|setup\.py$|setup\.cfg$|environment\.ya?ml$")
_TRAINS = lazy(rb"^[ \t]*(?:import|from)[ \t]+(?:torch|numpy|cv2)\b", re.MULTILINE)


def find_project(
    option: Optional[str], cwd: str, python: Optional[Python] = None, files: Iterable[str] = ()
) -> Optional[str]:
    """Return the project's folder: the option, else the current folder when it looks like a project; None = no project.

    Raises DoctorError (exit 2) when the option is no folder, or one of the files to be looked at is not there.
    """
    for name in files:
        if not os.path.isfile(os.path.join(cwd, name)):
            raise DoctorError(
                Text("{path}: no such file.", "{path}：没有这个文件。"),
                Text("Give Python files or notebooks of the project.", "请给出项目里的 Python 文件或 notebook。"),
                exit=2,
                path=name,
            )
    if option is not None:
        path = os.path.abspath(os.path.expanduser(option))
        if not os.path.isdir(path):
            raise DoctorError(
                Text("--project {path} is not a folder.", "--project {path} 不是目录。"),
                Text("Name the folder that holds the project's source.", "请指定项目源码所在的目录。"),
                exit=2,
                path=option,
            )
        return path
    here = os.path.abspath(cwd)
    files = list(files)
    if _never_a_project(here):
        return os.path.dirname(os.path.join(here, files[0])) if files else None
    if files:
        return here
    try:
        names = sorted(os.listdir(here))
    except OSError:
        return None
    if any(MARKERS.match(name) for name in names):
        return here
    sources = [name for name in names if name.endswith(".py")][:200]
    return here if any(_imports_library(os.path.join(here, name)) for name in sources) else None


def _never_a_project(path: str) -> bool:
    home = os.path.realpath(os.path.expanduser("~"))
    real = os.path.realpath(path)
    if os.path.dirname(real) == real or real == home:
        return True
    return os.path.basename(real) in ("site-packages", "dist-packages") or any(
        os.path.exists(os.path.join(real, name)) for name in ("pyvenv.cfg", "conda-meta")
    )


def _imports_library(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return _TRAINS.search(stream.read(1 << 16)) is not None
    except OSError:
        return False


def is_chosen(root: str, project: Optional[str], python: Optional[str], target: Optional[Python]) -> bool:
    """Tell whether the project belongs to the target Python: named with --project, or no other Python was named, or
    the named one lies in its folder.
    """
    if project is not None or python is None:
        return True
    folder = os.path.realpath(root) + os.sep
    places = [os.path.abspath(os.path.expanduser(python))] + ([target.prefix] if target is not None else [])
    return any(
        os.path.realpath(os.path.dirname(place)).startswith(folder) or (place + os.sep).startswith(folder)
        for place in places
    )
