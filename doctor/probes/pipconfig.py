"""pip's configuration: every file and variable in pip's own order, credentials left out.

The order is that of pip's documentation (Configuration, "Precedence"): global, user and site files, the file of
PIP_CONFIG_FILE, then PIP_* variables; each replaces what came before.
"""

import os
import sys
from typing import List, Mapping, NamedTuple, Optional

from ..facts import PipConfig, Python, Setting
from ..secrets import HIDDEN, without_credentials

#: options whose value is itself a secret, or is of no use here
SECRET = ("client-cert", "keyring-provider")


class Where(NamedTuple):
    """What decides where pip looks."""

    system: str
    home: str
    prefix: str
    environ: Mapping[str, str]


def probe_pip(
    python: Python, root: str = "/", environ: Optional[Mapping[str, str]] = None, home: Optional[str] = None
) -> PipConfig:
    """Return what pip of this Python is configured with; a file that cannot be read counts as empty, as for pip."""
    return PipConfig(tuple(_without_secrets(setting) for setting in raw(python, root, environ, home).settings))


def raw(
    python: Python, root: str = "/", environ: Optional[Mapping[str, str]] = None, home: Optional[str] = None
) -> PipConfig:
    """Return the configuration with its credentials, for asking an index; it must not become a fact."""
    environ = os.environ if environ is None else environ
    system = "linux" if root != "/" else {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    where = Where(system, home or os.path.expanduser("~"), python.prefix, environ)
    settings: List[Setting] = []
    for path in config_files(where):
        text = _read(path, root)
        if text is not None:
            settings += parse_pip_config(text, path)
    settings += parse_pip_environ(environ)
    return PipConfig(tuple(settings))


def config_files(where: Where) -> List[str]:
    """Return the files that pip reads, the least important first."""
    named = where.environ.get("PIP_CONFIG_FILE", "")
    if named and (named == os.devnull or named == "/dev/null"):
        return []
    files = _global_files(where)
    # a named file takes the place of the user's own
    if not (named and os.path.exists(named)):
        files += _user_files(where)
    separator = "\\" if where.system == "windows" else "/"
    files.append(where.prefix + separator + ("pip.ini" if where.system == "windows" else "pip.conf"))
    if named:
        files.append(os.path.expanduser(named))
    return files


def _global_files(where: Where) -> List[str]:
    if where.system == "windows":
        return [(where.environ.get("PROGRAMDATA") or "C:\\ProgramData") + "\\pip\\pip.ini"]
    if where.system == "macos":
        return ["/Library/Application Support/pip/pip.conf"]
    folders = [folder for folder in (where.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if folder]
    return [folder.rstrip("/") + "/pip/pip.conf" for folder in folders] + ["/etc/pip.conf"]


def _user_files(where: Where) -> List[str]:
    if where.system == "windows":
        roaming = where.environ.get("APPDATA") or where.home + "\\AppData\\Roaming"
        return [where.home + "\\pip\\pip.ini", roaming + "\\pip\\pip.ini"]
    config = (where.environ.get("XDG_CONFIG_HOME") or where.home + "/.config") + "/pip"
    if where.system == "macos":
        own = where.home + "/Library/Application Support/pip"
        config = own if os.path.isdir(own) else where.home + "/.config/pip"
    return [where.home + "/.pip/pip.conf", config + "/pip.conf"]


def _read(path: str, root: str) -> Optional[str]:
    under = path if root == "/" else os.path.join(root, path.lstrip("/"))
    try:
        with open(under, encoding="utf-8-sig", errors="replace") as stream:
            return stream.read(1 << 18)
    except (OSError, ValueError):
        return None


def parse_pip_config(text: str, source: str) -> List[Setting]:
    """Return the settings of one configuration file; what is no setting is passed over."""
    settings: List[Setting] = []
    section = ""
    key_indent = -1
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        indent = len(line) - len(line.lstrip())
        if 0 <= key_indent < indent:
            last = settings.pop()
            value = (last.value + "\n" + stripped).strip()
            settings.append(Setting(last.name, value, last.source))
        elif stripped[0] == "[" and "]" in stripped:
            section = stripped[1 : stripped.index("]")].strip()
            key_indent = -1
        else:
            cut = min((stripped.index(mark) for mark in "=:" if mark in stripped), default=-1)
            key = stripped[:cut].strip().lower().replace("_", "-").lstrip("-") if cut > 0 else ""
            if key and section:
                name = key if section == "global" else "%s.%s" % (section, key)
                settings.append(Setting(name, stripped[cut + 1 :].strip(), source))
                key_indent = indent
    return settings


def parse_pip_environ(environ: Mapping[str, str]) -> List[Setting]:
    """Return the settings that PIP_* variables make; pip passes over empty ones."""
    settings = []
    for variable in sorted(environ):
        name = variable[4:].lower().replace("_", "-")
        if variable.startswith("PIP_") and environ[variable] and name not in ("config-file", "version", "help", ""):
            settings.append(Setting(name, environ[variable], "environment " + variable))
    return settings


def _without_secrets(setting: Setting) -> Setting:
    secret = setting.name.rpartition(".")[2] in SECRET
    return Setting(setting.name, HIDDEN if secret else without_credentials(setting.value), setting.source)
