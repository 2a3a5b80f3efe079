"""pip's configuration: every file and variable in pip's own order, credentials left out.

The order is that of pip's documentation (Configuration, "Precedence"): global, user and site files, the file of
PIP_CONFIG_FILE, then PIP_* variables; each replaces what came before.
"""

import os
import sys
from typing import Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from ..facts import PIP_STOPS, PipConfig, Python, Setting, Unknown
from ..secrets import HIDDEN, without_credentials

#: options whose value is itself a secret, or is of no use here
SECRET = ("client-cert", "keyring-provider")


class Where(NamedTuple):
    """What decides where pip looks."""

    system: str
    home: str
    prefix: str
    environ: Mapping[str, str]


class Malformed(ValueError):
    """A configuration file at which pip itself stops, whatever it is asked to do; says where and why."""


def probe_pip(
    python: Python, root: str = "/", environ: Optional[Mapping[str, str]] = None, home: Optional[str] = None
) -> Union[PipConfig, Unknown]:
    """Return what pip of this Python is configured with; Unknown where a file is malformed, for then pip stops too.

    A file that cannot be opened counts as empty, as for pip.
    """
    where = _where(python, root, environ, home)
    settings: List[Setting] = []
    for path, text in _texts(where, root):
        try:
            settings += parse_pip_config(text, path)
        except Malformed as problem:
            return Unknown("%s is malformed: %s%s" % (path, problem, PIP_STOPS))
    settings += parse_pip_environ(where.environ)
    return PipConfig(tuple(_without_secrets(setting) for setting in settings))


def raw(
    python: Python, root: str = "/", environ: Optional[Mapping[str, str]] = None, home: Optional[str] = None
) -> PipConfig:
    """Return the configuration with its credentials, for asking an index; it must not become a fact.

    A malformed file counts as empty.
    """
    where = _where(python, root, environ, home)
    settings: List[Setting] = []
    for path, text in _texts(where, root):
        try:
            settings += parse_pip_config(text, path)
        except Malformed:
            continue
    return PipConfig(tuple(settings + parse_pip_environ(where.environ)))


def _where(python: Python, root: str, environ: Optional[Mapping[str, str]], home: Optional[str]) -> Where:
    system = "linux" if root != "/" else {"win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    return Where(system, home or os.path.expanduser("~"), python.prefix, os.environ if environ is None else environ)


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


def _texts(where: Where, root: str) -> Iterator[Tuple[str, bytes]]:
    for path in config_files(where):
        try:
            with open(path if root == "/" else os.path.join(root, path.lstrip("/")), "rb") as stream:
                yield path, stream.read(1 << 18)
        except (OSError, ValueError):
            continue


def parse_pip_config(data: bytes, source: str) -> List[Setting]:
    """Return the settings of one configuration file; raises Malformed for one that pip refuses.

    The message says nothing of what stands in the file: that may be a password.
    """
    import configparser
    import locale

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(data.decode(locale.getpreferredencoding(False)))
    except UnicodeDecodeError as error:
        raise Malformed("byte %d is not %s" % (error.start, error.encoding))
    except configparser.Error as error:
        errors = getattr(error, "errors", None)  # a ParsingError has several
        line = errors[0][0] if errors else getattr(error, "lineno", None)
        words = {
            "MissingSectionHeaderError": "no section such as [global] comes first",
            "DuplicateOptionError": "a setting stands there for the second time",
            "DuplicateSectionError": "a section begins for the second time",
        }
        raise Malformed("line %s: %s" % (line, words.get(type(error).__name__, "neither a setting nor a section")))
    settings = []
    for section in parser.sections():
        for key, value in parser.items(section):
            name = key.lower().replace("_", "-").lstrip("-")
            name = name if section == "global" else "%s.%s" % (section, name)
            settings.append(Setting(name, value.strip(), source))
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
