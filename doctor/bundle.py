"""Save facts to a file and read them again; what is private is hidden before anything is written.

A bundle is one JSON object: ``schema`` and ``doctor``, and every section of facts.py under its name. The form is
stated in docs/schema/bundle.schema.json. Reading also takes a report of ``--json``, whose ``facts`` are a bundle, and
the text of ``python -m torch.utils.collect_env``.
"""

import json
import os
import re
import sys
from functools import lru_cache
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .facts import SCHEMA, SECTIONS, BadBundle, Facts, from_json, json_word, to_json
from .model import DoctorError
from .patterns import lazy
from .secrets import HIDDEN, without_credentials
from .text import Text
from .version import __version__

#: a bundle has some hundred kilobytes; more than this is something else
MOST_BYTES = 32 << 20
#: objects and lists inside each other; a bundle has about six
DEEPEST = 40
#: numbers outside this are no sizes, times or counts
LARGEST = 1 << 63


# ---------------------------------------------------------------- what is private


class Identity(NamedTuple):
    """Whose machine this is: what must not be read out of a bundle."""

    homes: Tuple[str, ...] = ()
    users: Tuple[str, ...] = ()
    hosts: Tuple[str, ...] = ()


#: names that say nothing about a person or a machine, and that stand in addresses, paths and product names
COMMON = frozenset(
    """
    root user users admin administrator pi ubuntu debian raspbian fedora centos arch alpine linux windows macos mac
    localhost local host server desktop laptop docker container node worker master main home runner runneradmin
    vagrant jovyan nobody test dev python torch pytorch cuda nvidia gpu conda data lib usr opt var tmp bin etc mnt
    work project projects src code raspberrypi jetson wsl public shared default numpy opencv onnxruntime torchvision
    torchaudio ultralytics yolo yolov5 yolov7 tensorflow scipy pillow anaconda miniconda
    """.split()
)

#: tokens that are known by their own form, wherever they stand
_TOKENS = lazy(
    r"\b(?:hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{20,}"
    r"|pypi-[\w-]{32,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16})\b"
)
_OTHER_HOMES = lazy(r"(?i)(?P<base>(?<![\w.-])/(?:home|Users)/|[a-z]:[\\/]+Users[\\/]+)(?P<name>[^\\/\s:;,'\"<>|]+)")


def identity(environ: Optional[Mapping[str, str]] = None) -> Identity:
    """Return whose machine this is."""
    import platform

    environ = os.environ if environ is None else environ
    home = environ.get("HOME") or environ.get("USERPROFILE") or os.path.expanduser("~")
    homes = [home, os.path.realpath(home)] + [environ[name] for name in ("USERPROFILE",) if environ.get(name)]
    users = [environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")]
    users += [re.split(r"[\\/]", home.rstrip("\\/"))[-1] for home in homes]
    hosts = [platform.node(), environ.get("COMPUTERNAME", ""), environ.get("HOSTNAME", "")]
    return Identity(tuple(homes), tuple(users), tuple(hosts))


def hider(who: Optional[Identity] = None) -> Callable[[str], str]:
    """Return a function that hides in a text: home folders, user and host names, credentials, tokens.

    The same name is always hidden by the same word, so that paths which belong together still do.
    """
    who = identity() if who is None else who
    rules: List[Tuple[Any, str]] = []
    for home in sorted({home.rstrip("\\/") for home in who.homes}, key=len, reverse=True):
        if len(home) > 1 and not re.match(r"^[A-Za-z]:?$", home):
            path = r"[\\/]+".join(re.escape(part) for part in re.split(r"[\\/]+", home))
            rules.append((re.compile(r"(?<![\w.~-])" + path + r"(?![\w.-])"), "~"))
    for user in sorted({user for user in who.users if len(user) > 2 and user.lower() not in COMMON}):
        rules.append((re.compile(r"(?<=[\\/])%s(?=[\\/]|$)|\b%s(?=@)" % ((re.escape(user),) * 2)), "user"))
    for host in sorted({part for name in who.hosts for part in (name, name.partition(".")[0])}, key=len, reverse=True):
        if len(host) > 3 and host.lower() not in COMMON:
            rules.append((re.compile(r"(?i)(?<![\w.-])%s(?![\w-])" % re.escape(host)), "host"))
    others: Dict[str, str] = {}

    def other(match: Any) -> str:
        name = match.group("name")
        if name.lower() in COMMON:
            return match.group()
        word = others.setdefault(name.lower(), "user%s" % (len(others) + 1))
        return match.group("base") + word

    @lru_cache(maxsize=None)
    def hide(text: str) -> str:
        text = _TOKENS.sub(HIDDEN, without_credentials(text))
        for pattern, word in rules:
            text = pattern.sub(word, text)
        return _OTHER_HOMES.sub(other, text)

    return hide


def hidden(value: Any, hide: Callable[[str], str]) -> Any:
    """Return JSON types with every text, and every name of a member, hidden."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {hide(key): hidden(item, hide) for key, item in value.items()}
    if isinstance(value, list):
        return [hidden(item, hide) for item in value]
    return value


# ---------------------------------------------------------------- save


def document(facts: Facts, who: Optional[Identity] = None) -> Dict[str, Any]:
    """Return the bundle of these facts as JSON types, what is private hidden."""
    sections = hidden(to_json(facts), hider(who))
    return dict({"schema": SCHEMA, "doctor": __version__}, **sections)


def save(facts: Facts, path: str, who: Optional[Identity] = None) -> None:
    """Write the bundle of these facts to a file; raises DoctorError (exit 2) when it cannot be written."""
    text = json.dumps(document(facts, who), ensure_ascii=False, indent=1, sort_keys=False)
    try:
        with open(path, "w", encoding="utf-8", errors="replace", newline="\n") as stream:
            stream.write(text + "\n")
    except OSError as error:
        raise DoctorError(
            Text("--save {path}: {detail}", "--save {path}：{detail}"),
            Text("Name a file in a folder that you can write to.", "请指定一个可写目录中的文件。"),
            exit=2,
            path=path,
            detail=error.strerror or str(error),
        )


# ---------------------------------------------------------------- load


def load(path: str, matrix: Any = None) -> Facts:
    """Return the facts in a file: a bundle, a report of ``--json``, or the text of collect_env; ``-`` reads stdin.

    ``matrix`` tells what a dump leaves open, such as the ABI of a torchvision. Raises DoctorError (exit 2) with the
    place in the file when it is none of these.
    """
    text = _decode(_read(path), path)
    if text.lstrip()[:1] not in ("{", "["):
        from . import dumps

        facts = dumps.parse(text, matrix)
        if facts is None:
            raise _bad(path, "neither a bundle nor the output of collect_env")
        return facts
    try:
        data = _plain(json.loads(text, parse_constant=_no_constant))
        return _facts(data)
    except RecursionError:
        raise _bad(path, "too many objects inside each other")
    except BadBundle as error:
        raise _bad(path, str(error))
    except ValueError as error:
        raise _bad(path, "not JSON: %s" % error)


def _facts(data: Any) -> Facts:
    if not isinstance(data, Mapping):
        raise BadBundle("a bundle is a JSON object, not %s" % json_word(type(data)))
    schema = data.get("schema", SCHEMA)
    if isinstance(schema, bool) or not isinstance(schema, int) or schema < 1:
        raise BadBundle("schema: a number from 1 is wanted")
    if schema > SCHEMA:
        raise BadBundle("schema %d was written by a newer doctor; this one reads schema %d" % (schema, SCHEMA))
    if "facts" in data:
        data = data["facts"]
        if not isinstance(data, Mapping):
            raise BadBundle("facts: an object is wanted, not %s" % json_word(type(data)))
    if not set(data) & set(SECTIONS):
        raise BadBundle("it holds none of the sections of a bundle (%s, …)" % ", ".join(sorted(SECTIONS)[:4]))
    return from_json(data)


def _read(path: str) -> bytes:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with open(path, "rb") as stream:
                data = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise _bad(path, getattr(error, "strerror", None) or str(error))
    if len(data) > MOST_BYTES:
        raise _bad(path, "larger than %d MiB" % (MOST_BYTES >> 20))
    return data


def _decode(data: bytes, path: str) -> str:
    """Return the text; a Windows console that redirects into a file writes UTF-16."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _bad(path, "byte %d is no %s text" % (error.start, encoding.upper().replace("-SIG", "")))


def _no_constant(word: str) -> Any:
    raise BadBundle("%s is no number in JSON" % word)


#: control characters could act on a terminal; line breaks and tabs may stay
_CONTROL = lazy("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _plain(value: Any, depth: int = 0, where: str = "") -> Any:
    """Return JSON types that are safe to show; raises BadBundle for what no bundle holds."""
    if depth > DEEPEST:
        raise BadBundle("%s: too many objects inside each other" % where[:80])
    if isinstance(value, str):
        return _CONTROL.sub("\ufffd", value)
    if isinstance(value, dict):
        return {
            _CONTROL.sub("\ufffd", key): _plain(item, depth + 1, where + "." + key if where else key)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_plain(item, depth + 1, where + "[]") for item in value]
    if isinstance(value, (int, float)) and not -LARGEST <= value <= LARGEST:
        raise BadBundle("%s: a number of this size is not possible" % where)
    return value


def _bad(path: str, detail: str) -> DoctorError:
    return DoctorError(
        Text("{path} cannot be read as a bundle: {detail}", "{path} 不能作为检查数据读取：{detail}"),
        Text(
            "A bundle is written by `doctor check --save bundle.json`.",
            "检查数据由 `doctor check --save bundle.json` 生成。",
        ),
        exit=2,
        path=path,
        detail=detail,
    )
