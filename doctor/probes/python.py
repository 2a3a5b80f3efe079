"""The target Python: which one it is, what it says of itself, and what is installed in it (read from files)."""

import json
import os
import re
import sys
import tempfile
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ..facts import Distribution, Distributions, Python, Unknown
from ..model import DoctorError
from ..patterns import lazy
from ..text import Text
from ..wheels.versions import readable
from . import run

#: Longest that a Python may take to say what it is; a cold start from a slow SD card takes several seconds.
TIMEOUT_S = 30.0


class Choice(NamedTuple):
    """The target Python and why it is the target."""

    executable: str
    #: --python, VIRTUAL_ENV, CONDA_PREFIX, the folder of an environment, or ``this one``
    because: str
    #: folder that VIRTUAL_ENV or CONDA_PREFIX names although no Python is there
    gone: Optional[str] = None


def choose_python(option: Optional[str], environ: Optional[Mapping[str, str]] = None) -> Choice:
    """Return the target: the option, else VIRTUAL_ENV, else CONDA_PREFIX, else the Python that runs the doctor.

    Where that one belongs to pipx or uvx, an environment in the current folder stands before it. An environment whose
    folder is gone is passed over; one whose Python is gone is not. Raises DoctorError (exit 3) for a path that is no
    program.
    """
    environ = os.environ if environ is None else environ
    if option is not None:
        return Choice(_executable(option), "--python")
    gone = None
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix:
            gone = gone or prefix
            for name in _names(conda=variable == "CONDA_PREFIX"):
                path = os.path.join(prefix, *name)
                _not_dangling(path)
                if os.path.isfile(path):
                    return Choice(path, variable, gone if gone != prefix else None)
    if is_tools_own(sys.prefix):
        for folder in (".venv", "venv"):
            for name in _names(conda=False):
                path = os.path.abspath(os.path.join(folder, *name))
                if os.path.isfile(path):
                    return Choice(path, folder, gone)
    return Choice(sys.executable, "this one", gone)


def is_tools_own(prefix: str) -> bool:
    """Tell whether pipx, ``uv tool`` or uvx made this environment for the doctor alone: nobody trains in it."""
    if os.path.basename(os.path.dirname(prefix)).startswith("archive-v"):  # uvx keeps it in uv's cache
        return True
    return any(os.path.exists(os.path.join(prefix, name)) for name in ("pipx_metadata.json", "uv-receipt.toml"))


def _not_dangling(path: str) -> None:
    """Raise DoctorError (exit 3) for the link of an environment to a Python that was taken away."""
    if os.path.islink(path) and not os.path.exists(path):
        raise DoctorError(
            Text("{path} links to {target}, which is gone.", "{path} 指向 {target}，而后者已不存在。"),
            Text(
                "The Python that made this environment was removed: make the environment anew, or name another Python "
                "with --python.",
                "创建该环境的 Python 已被删除：请重建环境，或用 --python 指定另一个 Python。",
            ),
            path=path,
            target=os.path.realpath(path),
        )


def _names(conda: bool) -> List[Tuple[str, ...]]:
    if os.name == "nt":
        return [("python.exe",)] if conda else [("Scripts", "python.exe")]
    return [("bin", "python"), ("bin", "python3")]


def _executable(option: str) -> str:
    path = os.path.expanduser(option)
    if os.sep not in path and (os.altsep is None or os.altsep not in path) and not os.path.exists(path):
        found = run.which(path)
        if found:
            return found
    if os.path.isdir(path):
        inside = next(
            (os.path.join(path, *name) for name in _names(False) if os.path.isfile(os.path.join(path, *name))), None
        )
        hint = (
            Text("Did you mean {inside}?", "你是不是想用 {inside}？")
            if inside
            else Text("Give the path of the python program itself.", "请给出 python 程序本身的路径。")
        )
        raise DoctorError(
            Text("--python {path} is a directory, not a Python.", "--python {path} 是目录，不是 Python 程序。"),
            hint,
            path=path,
            inside=inside,
        )
    _not_dangling(path)
    if not os.path.exists(path):
        raise DoctorError(
            Text("--python {path}: no such file.", "--python {path}：没有这个文件。"),
            Text(
                "`which python` shows the path of the Python you use.", "`which python` 可以看到你在用的 Python 路径。"
            ),
            path=path,
        )
    return os.path.abspath(path)


class Asked(NamedTuple):
    """A target Python that was asked what it is."""

    choice: Choice
    running: run.Running
    answer: str

    def kill(self) -> None:
        self.running.kill()
        _remove(self.answer)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def start(choice: Choice) -> Asked:
    """Ask the target Python; returns at once."""
    handle, answer = tempfile.mkstemp(prefix="doctor-", suffix=".json", dir=run.scratch())
    os.close(handle)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "remote", "interpreter.py")
    return Asked(choice, run.start(run.quiet_python(choice.executable) + [script, answer], TIMEOUT_S), answer)


def finish(asked: Asked) -> Python:
    """Return what the target Python said of itself.

    Raises DoctorError (exit 3) when it does not start, does not answer, or is too old to be examined.
    """
    ran = asked.running.result()
    try:
        with open(asked.answer, encoding="utf-8") as stream:
            text = stream.read()
    except OSError:
        text = ""
    finally:
        _remove(asked.answer)
    path = asked.choice.executable
    if ran.error is not None:
        raise _no_python(path, ran.error)
    if ran.timed_out:
        raise _no_python(path, "no answer within %d s" % TIMEOUT_S)
    try:
        said = json.loads(text)
        version = said["version"]
    except (ValueError, KeyError, TypeError):
        last = (ran.stderr.strip() or ran.stdout.strip()).splitlines()
        detail = last[-1][:200] if last else "signal %s" % ran.signal if ran.signal else "it did not answer"
        raise _no_python(path, detail)
    if said.get("too_old"):
        raise DoctorError(
            Text(
                "{path} is Python {version}; the doctor examines Python 3.6 and newer.",
                "{path} 是 Python {version}；doctor 只能检查 3.6 及以上的 Python。",
            ),
            path=path,
            version=version,
        )
    return interpret(said, path)


def _no_python(path: str, detail: str) -> DoctorError:
    return DoctorError(
        Text("{path} does not work as a Python: {detail}", "{path} 不能作为 Python 运行：{detail}"),
        Text("Name another one with --python.", "请用 --python 指定另一个 Python。"),
        path=path,
        detail=detail,
    )


def interpret(said: Mapping, path: str, root: str = "/") -> Python:
    """Return the section made of a target's own words; reads its pyvenv.cfg and markers from disk."""
    prefix, base_prefix = said["prefix"], said["base_prefix"]
    config = _read_pyvenv(os.path.join(prefix, "pyvenv.cfg"))
    venv = prefix != base_prefix or bool(said.get("real_prefix"))
    conda = os.path.isdir(os.path.join(prefix, "conda-meta"))
    stdlib = said.get("stdlib") or ""
    marker = os.path.join(stdlib, "EXTERNALLY-MANAGED")
    site_packages = tuple(said["site_packages"])
    libc, libc_version = (said.get("libc") or [None, None])[:2]
    version = said["version"]
    return Python(
        executable=path,
        version=version,
        implementation=said["implementation"],
        abi=abi_tag(said),
        platform=platform_tag(said),
        free_threaded=said["free_threaded"],
        pointer_bits=said["pointer_bits"],
        prefix=prefix,
        base_prefix=base_prefix,
        venv=venv,
        conda=conda,
        system_site_packages=config.get("include-system-site-packages", "").lower() == "true",
        externally_managed=not venv and not conda and os.path.isfile(marker),
        site_packages=site_packages,
        user_site=said.get("user_site"),
        user_site_enabled=said.get("user_site_enabled", False),
        sys_path=tuple(said.get("sys_path", ())),
        scripts=said.get("scripts", ""),
        pip=_pip_version(site_packages),
        libc=libc,
        libc_version=libc_version,
        writable=_writable(site_packages[0]) if site_packages else None,
        customize=tuple(said.get("customize", ())),
    )


def abi_tag(said: Mapping) -> str:
    """Return the ABI tag (PEP 425) of an interpreter: cp37m, cp310, cp313t."""
    major, minor = said["version"].split(".")[:2]
    soabi = said.get("soabi") or ""
    match = re.match(r"cpython-(\d+[a-z]*)", soabi)
    if match:
        return "cp" + match.group(1)
    if said["implementation"] != "cpython":
        return soabi.replace("-", "_")
    flags = "t" if said.get("free_threaded") else ""
    if (int(major), int(minor)) < (3, 8):
        flags += "m"
    return "cp%s%s%s" % (major, minor, ("d" if said.get("debug") else "") + flags)


def platform_tag(said: Mapping) -> str:
    """Return the platform tag in pip's words; a 32-bit Python on a 64-bit kernel says the 32-bit platform."""
    tag = said["platform"].replace("-", "_").replace(".", "_")
    if said["pointer_bits"] == 32:
        tag = {"linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv7l", "linux_armv8l": "linux_armv7l"}.get(
            tag, tag
        )
    if tag.startswith("macosx_") and said.get("macos"):
        major, minor = (said["macos"].split(".") + ["0"])[:2]
        tag = "macosx_%s_%s_%s" % (
            major,
            "0" if int(major) >= 11 else minor,
            "arm64" if tag.endswith("arm64") else "x86_64",
        )
    return tag


def _read_pyvenv(path: str) -> Dict[str, str]:
    values = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            for line in stream:
                key, separator, value = line.partition("=")
                if separator:
                    values[key.strip().lower()] = value.strip()
    except OSError:
        pass
    return values


def _pip_version(site_packages: Sequence[str]) -> Optional[str]:
    for folder in site_packages:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            match = re.match(r"pip-([0-9][^-]*)\.(dist|egg)-info$", name)
            if match:
                return match.group(1)
    return None


def _writable(folder: str) -> bool:
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK)


# ---------------------------------------------------------------- distributions


def normalise(name: str) -> str:
    """Return the project name in PEP 503 form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def probe_distributions(site_packages: Sequence[str]) -> Union[Distributions, Unknown]:
    """Return what is installed in these folders, read from dist-info and egg-info; in the order of the search path."""
    items: List[Distribution] = []
    leftovers: List[str] = []
    for folder in site_packages:
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries)
        except FileNotFoundError:
            continue
        except OSError as error:
            return Unknown("%s: %s" % (folder, error.strerror))
        present = set(names)
        for name in names:
            if name.startswith("~"):
                leftovers.append(os.path.join(folder, name))
            elif name.endswith(".dist-info"):
                items.append(_read_dist_info(folder, name, present))
            elif name.endswith((".egg-info", ".egg-link")):
                items.append(_read_egg(folder, name))
    return Distributions(items=tuple(items), leftovers=tuple(leftovers))


_FIELD = lazy(r"^(Name|Version|Requires-Dist|Requires-Python):[ \t]*(.*)$", re.MULTILINE)


def _head(path: str) -> Optional[str]:
    """Return the header of a METADATA file, without the long description; None when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            text = stream.read(1 << 18)
    except OSError:
        return None
    return text.split("\n\n", 1)[0]


def _fields(head: str) -> Tuple[Optional[str], Optional[str], Tuple[str, ...], Optional[str]]:
    name = version = requires_python = None
    requires = []
    for key, value in _FIELD.findall(head):
        value = value.strip()
        if key == "Name":
            name = name or value
        elif key == "Version":
            version = version or value
        elif key == "Requires-Dist":
            requires.append(value)
        else:
            requires_python = value
    return name, version, tuple(requires), requires_python


def _text(path: str, limit: int = 4096) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(limit)
    except OSError:
        return ""


def _read_dist_info(folder: str, name: str, present: set) -> Distribution:
    base = os.path.join(folder, name)
    stem, _, stem_version = name[: -len(".dist-info")].rpartition("-")
    head = _head(os.path.join(base, "METADATA"))
    given_name, version, requires, requires_python = _fields(head) if head is not None else (None, None, (), None)
    health = "ok"
    if head is None or not given_name or not version:
        health = "no-metadata"
    installer = _text(os.path.join(base, "INSTALLER"), 64).strip() or None
    try:
        with open(os.path.join(base, "RECORD"), encoding="utf-8", errors="replace") as stream:
            record = stream.read(1 << 16)
    except FileNotFoundError:
        # Debian and conda leave RECORD out on purpose; without an installer's name that is no damage of ours to name
        record = None
    except OSError:
        record = ""
    if health == "ok":
        if record is None:
            health = "no-record" if installer in ("pip", "uv") else "ok"
        elif not record.strip():
            health = "empty-record"
        elif not _top_level_there(record, name, present):
            health = "files-missing"
    tags = tuple(re.findall(r"^Tag:[ \t]*(\S+)", _text(os.path.join(base, "WHEEL")), re.MULTILINE))
    editable = '"editable": true' in _text(os.path.join(base, "direct_url.json")).replace(
        '"editable":true', '"editable": true'
    )
    return Distribution(
        name=normalise(given_name or stem),
        version=readable(version or (None if health == "no-metadata" else stem_version)),
        location=folder,
        folder=name,
        requires=requires,
        requires_python=requires_python,
        installer=installer,
        editable=editable,
        health=health,
        tags=tags,
    )


#: an import package in a RECORD: its folder, where it has an ``__init__.py``
_PACKAGE = lazy(r'^"?([^/\\,\n"]+)[/\\]__init__\.py', re.MULTILINE)


def _top_level_there(record: str, own: str, present: set) -> bool:
    """Tell whether the import packages that RECORD lists are there; only the first part of a long RECORD is read."""
    return all(name in present or name == own for name in _PACKAGE.findall(record))


def _read_egg(folder: str, name: str) -> Distribution:
    base = os.path.join(folder, name)
    if name.endswith(".egg-link"):
        target = _text(base).splitlines()
        return Distribution(
            name=normalise(name[: -len(".egg-link")]),
            version=None,
            location=target[0].strip() if target else folder,
            folder=name,
            editable=True,
        )
    path = os.path.join(base, "PKG-INFO") if os.path.isdir(base) else base
    head = _head(path)
    given_name, version, requires, requires_python = _fields(head) if head is not None else (None, None, (), None)
    stem = name[: -len(".egg-info")].split("-")
    return Distribution(
        name=normalise(given_name or stem[0]),
        version=readable(version or (stem[1] if len(stem) > 1 else None)),
        location=folder,
        folder=name,
        requires=requires,
        requires_python=requires_python,
        health="ok" if head is not None else "no-metadata",
    )
