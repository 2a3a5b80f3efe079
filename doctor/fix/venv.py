"""A virtual environment of the user's own, where the one at hand must not be changed."""

import os
import tempfile

from ..facts import Facts, Host, Interpreters, Project, Python
from ..model import DoctorError
from ..text import Text
from . import installer

#: modules that only apt has on some boards, so that the environment must see the system's
ONLY_FROM_APT = ("picamera2", "libcamera")


def wants_system_packages(facts: Facts) -> bool:
    """Return whether the project needs modules that the operating system provides and pip does not.

    picamera2 always; cv2 on a 32-bit ARM machine, where the package index has no OpenCV.
    """
    project, interpreters = facts.maybe(Project), facts.maybe(Interpreters)
    if project is None or interpreters is None:
        return False
    host = facts.maybe(Host)
    wanted = set(ONLY_FROM_APT) | ({"cv2"} if host is not None and host.machine.startswith("armv") else set())
    held = {name for item in interpreters.items if item.kind == "system" for name in item.modules}
    return bool(wanted & held & set(project.imports))


def make(facts: Facts, folder: str, system_site_packages: bool = False) -> str:
    """Make a virtual environment with the target Python and return its interpreter.

    An environment that is already there is used as it is. Raises DoctorError when none can be made.
    """
    folder = os.path.abspath(folder)
    python = os.path.join(
        folder, "Scripts" if os.name == "nt" else "bin", "python.exe" if os.name == "nt" else "python"
    )
    if os.path.isfile(os.path.join(folder, "pyvenv.cfg")) and os.path.exists(python):
        return python
    if os.path.isdir(folder) and os.listdir(folder):
        raise DoctorError(NOT_EMPTY, NOT_EMPTY_HINT, path=folder)
    target = facts.need(Python)
    options = ["--system-site-packages"] if system_site_packages or wants_system_packages(facts) else []
    with tempfile.TemporaryDirectory() as scratch:
        log = os.path.join(scratch, "log")
        ended = installer.run([target.executable, "-m", "venv", *options, folder], log, installer.own_settings())
    if not ended.ok or not os.path.exists(python):
        raise DoctorError(CANNOT, CANNOT_HINT, path=folder, detail=ended.tail, version=target.minor)
    return python


NOT_EMPTY = Text(
    "{path} holds other files; no virtual environment is made there.", "{path} 中已有其他文件，不在此新建虚拟环境。"
)
NOT_EMPTY_HINT = Text("Name an empty or new folder.", "请指定一个空目录或新目录。")
CANNOT = Text("No virtual environment could be made in {path}:\n{detail}", "无法在 {path} 建立虚拟环境：\n{detail}")
CANNOT_HINT = Text(
    "On Debian, Ubuntu and Raspberry Pi OS: `sudo apt install python{version}-venv`; or use virtualenv or uv.",
    "在 Debian、Ubuntu、Raspberry Pi OS 上：`sudo apt install python{version}-venv`；也可以用 virtualenv 或 uv。",
)
