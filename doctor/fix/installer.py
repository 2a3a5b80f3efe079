"""The target's own pip (or uv), as argv lists, and the one way of running it: output to a log, Ctrl-C kept from it."""

import os
import signal
import subprocess
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..facts import Python
from ..model import DoctorError
from ..text import Text

#: Longest that an installer may take; a large wheel on an SD card needs a quarter of an hour.
TIMEOUT_S = 4 * 3600.0


class Ended(NamedTuple):
    """How an installer ended."""

    #: None when it was stopped at its time limit
    returncode: Optional[int]
    output: str

    @property
    def ok(self) -> bool:
        return self.returncode == 0

    @property
    def tail(self) -> str:
        """The last lines of its output."""
        return "\n".join(self.output.rstrip().splitlines()[-12:])


class Installer(NamedTuple):
    """A program that installs into one Python."""

    #: pip or uv
    name: str
    #: what comes before its subcommand
    start: Tuple[str, ...]
    #: options that name the target
    target: Tuple[str, ...] = ()

    def install(self, files: Sequence[str]) -> List[str]:
        """Return the argv that installs local files, and nothing else, over whatever version is there."""
        if self.name == "uv":
            options = ["--offline", "--no-index", "--no-deps", "--reinstall", "--no-config"]
            return [*self.start, "pip", "install", *self.target, *options, *files]
        options = ["--no-index", "--no-deps", "--force-reinstall", "--disable-pip-version-check", "--no-cache-dir"]
        return [*self.start, "install", *options, *files]

    def uninstall(self, names: Sequence[str]) -> List[str]:
        if self.name == "uv":
            return [*self.start, "pip", "uninstall", *self.target, "--no-config", *names]
        return [*self.start, "uninstall", "-y", "--disable-pip-version-check", *names]


def pip_of(python: Python) -> Optional[Installer]:
    """Return the target's pip; where it has none, the one that its ``ensurepip`` carries, run from its file."""
    if python.pip:
        return Installer("pip", (python.executable, "-m", "pip"))
    bundled = os.path.join(_standard_library(python), "ensurepip", "_bundled")
    try:
        wheels = sorted(name for name in os.listdir(bundled) if name.startswith("pip-") and name.endswith(".whl"))
    except OSError:
        return None
    if not wheels:
        return None
    return Installer("pip", (python.executable, os.path.join(bundled, wheels[-1], "pip")))


def _standard_library(python: Python) -> str:
    base = python.base_prefix or python.prefix
    return os.path.join(base, "Lib") if os.name == "nt" else os.path.join(base, "lib", "python" + python.minor)


def uv_of(python: Python) -> Optional[Installer]:
    import shutil

    found = shutil.which("uv")
    return Installer("uv", (found,), ("--python", python.executable)) if found else None


def choose(python: Python, wish: str) -> Installer:
    """Return what installs into the target; raises DoctorError when it is not there."""
    if wish == "uv":
        found = uv_of(python)
        if found is None:
            raise DoctorError(NO_UV, NO_UV_HINT)
        return found
    found = pip_of(python) or uv_of(python)
    if found is None:
        raise DoctorError(NO_PIP, NO_PIP_HINT, python=python.executable)
    return found


def own_settings(environ: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """Return the environment for asking an index: the user's own pip settings, no questions, no colours."""
    env = dict(os.environ if environ is None else environ)
    env.update(PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONIOENCODING="utf-8", NO_COLOR="1")
    for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"):
        env.pop(name, None)
    return env


def no_settings(temporary: str, environ: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """Return the environment for installing local files: no setting of the user's can send them elsewhere.

    The installer's temporary files go to ``temporary``, so that a crash leaves them where they are found.
    """
    env = {k: v for k, v in own_settings(environ).items() if not k.startswith(("PIP_", "UV_")) or k == "UV_CACHE_DIR"}
    env.update(PIP_CONFIG_FILE=os.devnull, PIP_NO_INPUT="1", TMPDIR=temporary, TEMP=temporary, TMP=temporary)
    return env


def run(
    argv: Sequence[str],
    log: str,
    env: Mapping[str, str],
    inherit: Sequence[int] = (),
    timeout_s: float = TIMEOUT_S,
    idle: Callable[[], None] = lambda: None,
) -> Ended:
    """Run an installer to its end; its output goes to the file ``log``.

    It is shielded from the terminal's Ctrl-C: when the doctor is interrupted it is ended first, then the exception
    goes on. ``inherit`` are file descriptors it keeps open (the lock); ``idle`` is called twice a second.
    """
    options: Dict[str, object] = {}
    if os.name == "posix":
        options = {"start_new_session": True, "pass_fds": tuple(inherit)}
    else:
        options = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    with open(log, "ab") as out:
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env),
                **options,  # type: ignore[call-overload]
            )
        except OSError as error:
            return Ended(127, "%s: %s" % (argv[0], error.strerror or error))
    waited = 0.0
    try:
        while waited < timeout_s:
            try:
                return Ended(process.wait(0.5), _read(log))
            except subprocess.TimeoutExpired:
                waited += 0.5
                idle()
        end(process)
        return Ended(None, _read(log))
    except BaseException:
        end(process)
        raise


def end(process: "subprocess.Popen") -> None:
    """Stop a process and its children: politely, then for good; returns when it has gone."""
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if process.poll() is not None:
            return
        try:
            if os.name == "posix":
                os.killpg(process.pid, number)
            else:
                process.kill()
        except OSError:
            pass
        try:
            process.wait(5)
            return
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _read(log: str) -> str:
    with open(log, "rb") as file:
        return file.read().decode("utf-8", "replace")


NO_UV = Text("uv was not found on PATH.", "PATH 中没有 uv。")
NO_UV_HINT = Text("Install uv, or leave --installer out to use pip.", "请先安装 uv，或去掉 --installer 以使用 pip。")
NO_PIP = Text(
    "{python} has no pip, and neither ensurepip nor uv is there.", "{python} 没有 pip，也没有 ensurepip 或 uv。"
)
NO_PIP_HINT = Text(
    "Install pip for it (Debian and Ubuntu: `apt install python3-venv python3-pip`), then run this again.",
    "请先为它安装 pip（Debian/Ubuntu：`apt install python3-venv python3-pip`），再重新运行。",
)
