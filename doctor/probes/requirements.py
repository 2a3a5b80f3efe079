"""What a project says it needs, in any of the files where projects say so; pure parsers, nothing is ever run."""

import ast
import configparser
import re
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..demands import name_of, normalise
from ..facts import Line, ProjectRequirement
from ..patterns import lazy

#: words in a file's name that make its list one that training can do without
_OPTIONAL_FILE = lazy(
    r"(?:^|[-_./])(?:dev|develop|development|test|tests|testing|doc|docs|lint|ci|optional|extra|extras|export|build|"
    r"readthedocs|"
    r"mminstall|demo|examples?|benchmark|deploy|jetson|gpu|cpu|cuda\d*|rocm|mac|macos|windows|win|colab|frozen|lock)"
    r"(?=[-_.]|\d|$)",
    re.IGNORECASE,
)
#: conda's names for what the package index calls otherwise, and conda packages that are no Python distributions
_CONDA_NAMES = {
    "pytorch": "torch",
    "pytorch-gpu": "torch",
    "pytorch-cpu": "torch",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "libopencv": "",
    "pillow-simd": "pillow",
    "tensorflow-gpu": "tensorflow",
    "msgpack-python": "msgpack",
}
_CONDA_OTHER = lazy(
    r"(?:_|lib|cuda|cudatoolkit|cudnn|nccl|pytorch-cuda|pytorch-mutex|mkl|blas|openblas|gcc|gxx|gfortran|ffmpeg|"
    r"intel-openmp|"
    r"openmp|llvm-openmp|ca-certificates|certifi|openssl|readline|sqlite|tk|xz|zlib|bzip2|ncurses|ld_impl|python_abi|git|"
    r"cmake|"
    r"ninja|make|nodejs|jpeg|libpng|freetype|lame|nettle|gnutls|gmp|x264|vs20|vc|ucrt|icu|qt|cython-|cpuonly|"
    r"pip$|setuptools$|wheel$)"
)


class Needs(NamedTuple):
    """What the files of a project ask for."""

    requirements: Tuple[ProjectRequirement, ...] = ()
    requires_python: Optional[str] = None


#: Returns a file's text by its path below the project's root, or None when there is no such file inside it.
Reader = Callable[[str], Optional[str]]


def is_optional(path: str) -> bool:
    """Tell whether a requirements file is by its name one that training can do without."""
    return _OPTIONAL_FILE.search(re.sub(r"\.(?:txt|in|ya?ml)$", "", path)) is not None


def main_files(names: List[str]) -> Tuple[str, ...]:
    """Return the requirements files that count, of those in the project's top folder and ``requirements/``."""
    plain = [name for name in ("requirements.txt", "requirements.in") if name in names]
    if plain:
        return (plain[0],)
    folder = [
        name
        for name in names
        if re.match(r"requirements/(?:base|main|runtime|install|core|default|common|requirements)\.txt$", name)
    ]
    if folder:
        return tuple(sorted(folder))
    rest = [name for name in names if not is_optional(name)]
    return tuple(sorted(rest)[:1])


def parse_requirements(
    path: str, read: Reader, optional: bool = False, constraint: bool = False, seen: Optional[Set[str]] = None
) -> Iterator[ProjectRequirement]:
    """Yield what a requirements file asks for, with what it includes (``-r``, ``-c``); a file includes another once."""
    seen = set() if seen is None else seen
    text = read(path) if path not in seen and len(seen) < 50 else None
    seen.add(path)
    if text is None:
        return
    folder = path.rpartition("/")[0]
    number = 0
    lines = text.split("\n")
    while number < len(lines):
        first = number
        line = lines[number]
        number += 1
        while line.rstrip().endswith("\\") and number < len(lines):
            line = line.rstrip()[:-1] + " " + lines[number]
            number += 1
        line = re.sub(r"(?:^|\s)#.*$", "", line).strip()
        if not line:
            continue
        include = re.match(r"(-r|--requirement|-c|--constraint)[ =]*(\S+)$", line)
        if include:
            target = _join(folder, include.group(2).strip("\"'"))
            if target is not None:
                yield from parse_requirements(
                    target, read, optional, constraint or include.group(1) in ("-c", "--constraint"), seen
                )
            continue
        found = parse_line(line)
        if found is not None:
            yield ProjectRequirement(found[0], found[1], Line(path, first + 1, line[:160]), optional, constraint)


def parse_line(line: str) -> Optional[Tuple[str, str]]:
    """Return the normalised name and the text of one requirement line, or None when it names no distribution."""
    line = re.sub(r"\s--(?:hash|config-settings|global-option)[ =].*$", "", line).strip()
    editable = re.match(r"(?:-e|--editable)[ =]*(\S+)$", line)
    if editable:
        line = editable.group(1)
    elif line.startswith("-"):
        return None
    egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", line)
    if re.match(r"(?:(?:git|hg|svn|bzr)\+|https?:|file:|ssh:|\.{0,2}/|[A-Za-z]:\\)", line) or line in (".", ".."):
        if egg:
            return normalise(egg.group(1)), line
        wheel = re.search(r"/([A-Za-z0-9_.]+)-(\d[^-/]*)-[^/]*\.whl(?:$|[#?;\s])", line)
        return (normalise(wheel.group(1)), line) if wheel else None
    name = name_of(line)
    return (name, line) if name else None


def _join(folder: str, path: str) -> Optional[str]:
    """Return a path below the root, or None when it leads outside or is a URL."""
    if "://" in path or path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", path):
        return None
    parts: List[str] = [part for part in folder.split("/") if part]
    for part in path.replace("\\", "/").split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


# ---------------------------------------------------------------- pyproject.toml


def parse_pyproject(text: str, path: str = "pyproject.toml") -> Needs:
    """Return what pyproject.toml asks for: PEP 621 and poetry. Only strings and lists of strings are read."""
    found: List[ProjectRequirement] = []
    python: Optional[str] = None
    for table, key, value, number in parse_toml(text):
        where = lambda line, shown: Line(path, line, shown[:160])  # noqa: E731
        if table == "project" and key == "requires-python" and isinstance(value, str):
            python = value
        elif (table == "project" and key == "dependencies") or table in (
            "project.optional-dependencies",
            "dependency-groups",
        ):
            optional = table != "project"
            for line, item in value if isinstance(value, list) else ():
                parsed = parse_line(item)
                if parsed:
                    found.append(ProjectRequirement(parsed[0], parsed[1], where(line, item), optional))
        elif re.match(r"tool\.poetry\.(?:dev-dependencies|(?:group\.[^.]+\.)?dependencies)$", table):
            specifier = _poetry(value)
            if specifier is None:
                continue
            if normalise(key) == "python":
                python = specifier
            else:
                shown = "%s%s" % (key, specifier)
                optional = table != "tool.poetry.dependencies" or _inline(value, "optional") == "true"
                found.append(ProjectRequirement(normalise(key), shown, where(number, shown), optional))
    return Needs(tuple(found), python)


def _poetry(value: Any) -> Optional[str]:
    """Return PEP 440 specifiers for poetry's ``^1.2``, ``~1.2``, ``1.2``, ``*``; None for a git or path entry."""
    text = _inline(value, "version") if isinstance(value, str) and value.startswith("{") else value
    if not isinstance(text, str):
        return None
    parts = []
    for part in text.split(","):
        part = part.strip()
        match = re.match(r"(\^|~)?\s*(\d+(?:\.\d+)*)$", part)
        if part in ("", "*"):
            continue
        if match is None:
            parts.append(part)
            continue
        kind, version = match.groups()
        numbers = [int(number) for number in version.split(".")]
        if kind is None:
            parts.append("==" + version)
            continue
        keep = 1 if kind == "^" else min(2, len(numbers))
        if kind == "^" and numbers[0] == 0 and len(numbers) > 1:
            keep = 2
        upper = numbers[:keep]
        upper[-1] += 1
        parts.append(">=%s,<%s" % (version, ".".join(str(number) for number in upper)))
    return ",".join(parts)


def _inline(value: Any, key: str) -> Optional[str]:
    match = re.search(
        r"\b%s\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(true|false))" % key, value if isinstance(value, str) else ""
    )
    return next((group for group in match.groups() if group is not None), None) if match else None


_STRING = lazy(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'")


def parse_toml(text: str) -> Iterator[Tuple[str, str, Any, int]]:
    """Yield (table, key, value, line) of a TOML text: a string, a list of (line, string), or an inline table's text.

    Not a whole TOML parser: Python before 3.11 has none, and strings and lists of strings are all that is asked here.
    """
    table = ""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        header = re.match(r"\[+\s*([^\]]+?)\s*\]+", line)
        if header:
            table = re.sub(r"[\"']", "", header.group(1)).replace(" ", "")
            continue
        pair = re.match(r"([A-Za-z0-9_.-]+|\"[^\"]+\"|'[^']+')\s*=\s*(.*)$", line)
        if not pair:
            continue
        key, rest = pair.group(1).strip("\"'"), pair.group(2)
        if rest.startswith("["):
            items: List[Tuple[int, str]] = []
            at = number
            while True:
                bare = _STRING.sub(lambda match: "", rest)
                items.extend((at, _unquoted(match)) for match in _STRING.finditer(_without_comment(rest)))
                if "]" in bare.partition("#")[0] or number >= len(lines):
                    break
                rest = lines[number]
                number += 1
                at = number
            yield table, key, items, at
        elif rest.startswith("{"):
            yield table, key, rest, number
        else:
            match = _STRING.match(rest)
            if match:
                yield table, key, _unquoted(match), number


def _unquoted(match: "re.Match[str]") -> str:
    return match.group(2) if match.group(2) is not None else re.sub(r"\\(.)", r"\1", match.group(1))


def _without_comment(line: str) -> str:
    inside: Optional[str] = None
    for at, char in enumerate(line):
        if inside:
            inside = None if char == inside else inside
        elif char in "\"'":
            inside = char
        elif char == "#":
            return line[:at]
    return line


# ---------------------------------------------------------------- setup.cfg, setup.py, environment.yml


def parse_setup_cfg(text: str, path: str = "setup.cfg") -> Needs:
    """Return what setup.cfg asks for; nothing when it is not a configuration file."""

    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return Needs()
    found: List[ProjectRequirement] = []
    wanted = [("options", "install_requires", False)]
    if parser.has_section("options.extras_require"):
        wanted.extend(("options.extras_require", key, True) for key in parser["options.extras_require"])
    for section, key, optional in wanted:
        for line in parser.get(section, key, fallback="").replace(";;", ";").splitlines():
            parsed = parse_line(line.strip()) if line.strip() and not line.strip().startswith("file:") else None
            if parsed:
                found.append(ProjectRequirement(parsed[0], parsed[1], _where(text, path, parsed[1]), optional))
    return Needs(tuple(found), parser.get("options", "python_requires", fallback=None))


def _where(text: str, path: str, needle: str) -> Line:
    number = next((at for at, line in enumerate(text.split("\n"), 1) if needle in line), 1)
    return Line(path, number, needle[:160])


def parse_setup_py(tree: Optional[ast.AST], path: str = "setup.py") -> Needs:
    """Return what the ``setup(…)`` call of a syntax tree asks for, as far as it is written in plain lists."""
    if tree is None:
        return Needs()
    values: Dict[str, ast.AST] = {}
    calls = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            values.setdefault(node.targets[0].id, node.value)
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "setup":
                calls.append(node)
    found: List[ProjectRequirement] = []
    python: Optional[str] = None
    for call in calls:
        for keyword in call.keywords:
            value = (
                values.get(keyword.value.id, keyword.value) if isinstance(keyword.value, ast.Name) else keyword.value
            )
            if keyword.arg == "python_requires":
                python = _literal(value) or python
            elif keyword.arg == "install_requires":
                found.extend(_listed(value, path, False))
            elif keyword.arg == "extras_require" and isinstance(value, ast.Dict):
                for extra in value.values:
                    found.extend(_listed(extra, path, True))
    return Needs(tuple(found), python)


def _literal(node: ast.AST) -> Optional[str]:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def _listed(node: ast.AST, path: str, optional: bool) -> Iterator[ProjectRequirement]:
    for item in getattr(node, "elts", ()):
        text = _literal(item)
        parsed = parse_line(text) if text else None
        if parsed and text:
            yield ProjectRequirement(parsed[0], parsed[1], Line(path, item.lineno, text[:160]), optional)


def parse_environment(text: str, path: str = "environment.yml") -> Needs:
    """Return what a conda environment file asks for, in the package index's names; nothing when it is no such file."""
    import yaml

    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return Needs()
    entries = data.get("dependencies") if isinstance(data, dict) else None
    found: List[ProjectRequirement] = []
    python: Optional[str] = None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            for item in entry.get("pip") or ():
                parsed = parse_line(str(item).strip())
                if parsed:
                    found.append(ProjectRequirement(parsed[0], parsed[1], _where(text, path, str(item))))
            continue
        match = re.match(r"(?:[\w./-]+::)?([A-Za-z0-9_.-]+)\s*(.*)$", str(entry).strip())
        if match is None:
            continue
        name, rest = match.group(1).lower(), match.group(2).strip()
        specifier = _conda_range(rest)
        if name == "python":
            python = specifier or None
        elif not _CONDA_OTHER.match(name):
            name = _CONDA_NAMES.get(name, normalise(name))
            if name:
                where = _where(text, path, str(entry))
                # what conda brings is only asked of a conda environment; elsewhere it says what the authors had
                found.append(ProjectRequirement(name, name + specifier, where, optional=True))
    return Needs(tuple(found), python)


def _conda_range(rest: str) -> str:
    """Return PEP 440 specifiers for conda's ``=1.2``, ``==1.2.3``, ``=1.2=py39_0``, ``>=1,<2`` and ``1.2.*``."""
    parts = []
    for part in rest.replace(" ", ",").split(","):
        match = re.match(r"(=|==|>=|<=|!=|>|<|~=)?(\d[\w.]*?)(\.\*)?(?:=[\w.*]+)?$", part)
        if match is None:
            continue
        operator, version, star = match.groups()
        if operator in (None, "="):
            parts.append("==%s.*" % version)
        else:
            parts.append("%s%s%s" % (operator, version, star or ""))
    return ",".join(parts)
