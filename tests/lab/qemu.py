"""A real armv7l or aarch64 Python without a board: an extracted Debian tree, run by qemu's user-mode emulation.

Nothing is installed, mounted or registered: mmdebstrap unpacks the packages, qemu runs the one binary. The virtual
environment's ``python`` is a shell script that starts qemu, so that whatever the doctor starts through it is emulated
too. Trees and environments are built once and kept in the cache folder (see ``environments.cache``).

By hand: ``apt-get install qemu-user-static mmdebstrap``, then ``python -m pytest -m armv7l``.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from conftest import need_tool
from lab.environments import cache

#: Debian release of the trees; its Python and the glibc beside it.
RELEASE, PYTHON, GLIBC = "bookworm", "3.11", "2.36"
PACKAGES = (
    "python3-minimal",
    "libpython3-stdlib",
    "libc6",
    "python3-distutils",
    "python3-venv",
    "libstdc++6",
    "libgomp1",
    "libatomic1",
)
#: The package's dependencies that have wheels for every machine; PyYAML has none for armv7l and is built there.
PURE = (
    "pip==23.0.1",
    "setuptools<70",
    "wheel",
    "rich",
    "packaging",
    "nvidia-ml-py",
    "requests",
    "typer<0.21",
    "pytest",
)


class Machine(NamedTuple):
    """What one emulated machine is made of."""

    name: str
    #: Debian's name, qemu's program, the platform tags that pip may take files for
    debian: str
    qemu: str
    platforms: Tuple[str, ...]


MACHINES: Dict[str, Machine] = {
    "armv7l": Machine("armv7l", "armhf", "qemu-arm-static", ("manylinux2014_armv7l", "manylinux_2_31_armv7l")),
    "aarch64": Machine("aarch64", "arm64", "qemu-aarch64-static", ("manylinux2014_aarch64", "manylinux_2_28_aarch64")),
}


class Emulated:
    """A virtual environment of an emulated machine."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.site = folder / "lib" / ("python" + PYTHON) / "site-packages"
        #: the interpreter itself, which ``python`` starts under qemu
        self.binary = cache() / ("%s-%s" % (machine.debian, RELEASE)) / "usr" / "bin" / ("python" + PYTHON)

    def run(self, *arguments: object, **given: object) -> subprocess.CompletedProcess:
        """Run this Python with these arguments; no compiler and no other program is on its PATH.

        ``env`` adds variables, ``cwd`` is the working folder, ``timeout`` is in seconds.
        """
        home = self.folder.parent / "home"
        nothing = self.folder.parent / "no-programs"
        for folder in (home, nothing):
            folder.mkdir(exist_ok=True)
        env = {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "REQUESTS_"))}
        env.update(PATH=str(nothing), HOME=str(home), LANG="C.UTF-8", PYTHONDONTWRITEBYTECODE="1")
        env.update(given.pop("env", {}))  # type: ignore[arg-type]
        return subprocess.run(
            [str(self.python)] + [str(argument) for argument in arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            env=env,
            timeout=float(given.pop("timeout", 900)),  # type: ignore[arg-type]
            **given,  # type: ignore[arg-type]
        )

    def must(self, *arguments: object, **given: object) -> str:
        """Run and return what was printed; a status other than 0 fails."""
        ran = self.run(*arguments, **given)
        assert ran.returncode == 0, "%s\n%s" % (ran.stdout[-3000:], ran.stderr[-3000:])
        return ran.stdout


def emulated(name: str, folder: Path) -> Emulated:
    """Return a fresh environment of this machine in ``folder``, with the package's dependencies in it."""
    machine = MACHINES[name]
    need_tool("mmdebstrap")
    qemu = need_tool(machine.qemu)
    root = _tree(machine)
    kept = _base(machine, root, qemu)
    made = Emulated(machine, folder / "venv")
    subprocess.run(["cp", "-a", "--reflink=auto", str(kept), str(made.folder)], check=True)
    _write_python(made, root, qemu)
    return made


def _mirror() -> str:
    """Return the address that this machine takes Debian packages from."""
    for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")) + ["/etc/apt/sources.list"]:
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s*(\S+/debian/?)(?:\s|$)", text, re.MULTILINE)
        if found:
            return found.group(1)
    raise RuntimeError("no Debian mirror is configured here")


def _tree(machine: Machine) -> Path:
    root = cache() / ("%s-%s" % (machine.debian, RELEASE))
    if not (root / "usr" / "bin" / ("python" + PYTHON)).exists():
        partial = Path("%s.%d" % (root, os.getpid()))
        shutil.rmtree(str(partial), ignore_errors=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        command = ["mmdebstrap", "--quiet", "--architectures=" + machine.debian, "--variant=extract"]
        command += ["--components=main", "--include=" + ",".join(PACKAGES), RELEASE, str(partial), _mirror()]
        _run(command)
        shutil.rmtree(str(root), ignore_errors=True)
        partial.rename(root)
    return root


def _base(machine: Machine, root: Path, qemu: str) -> Path:
    """Return the kept environment with the dependencies; PyYAML is built by the emulated pip, without a compiler."""
    kept = cache() / (machine.name + "-venv")
    stamp = kept / "made-of.txt"
    wanted = "%s %s" % (PYTHON, " ".join(PURE))
    if stamp.is_file() and stamp.read_text() == wanted:
        return kept
    shutil.rmtree(str(kept), ignore_errors=True)
    base = Emulated(machine, kept)
    base.site.mkdir(parents=True)
    (kept / "pyvenv.cfg").write_text(
        "home = %s\ninclude-system-site-packages = false\nversion = %s.2\n" % (root / "usr" / "bin", PYTHON)
    )
    _write_python(base, root, qemu)
    options: List[str] = []
    for platform in machine.platforms + ("linux_" + machine.name,):
        options += ["--platform", platform]
    command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(base.site)]
    command += options + ["--implementation", "cp", "--python-version", PYTHON, "--only-binary=:all:"]
    _run(command + list(PURE))
    shutil.rmtree(str(base.site / "bin"), ignore_errors=True)
    base.must("-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "PyYAML")
    stamp.write_text(wanted)
    return kept


def _write_python(made: Emulated, root: Path, qemu: str) -> None:
    made.python.parent.mkdir(parents=True, exist_ok=True)
    made.python.write_text('#!/bin/sh\nexec %s -L %s -0 %s %s "$@"\n' % (qemu, root, made.python, made.binary))
    made.python.chmod(0o755)


def _run(command: List[str]) -> None:
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if ran.returncode != 0:
        raise RuntimeError("%s failed:\n%s" % (command[0], ran.stdout[-3000:]))
