"""The target Python is older than the project, or an installed package, says it needs.

## What it checks
Compares the target Python with the project's `requires-python` (pyproject.toml, setup.cfg, setup.py,
environment.yml) and with the `Requires-Python` of the installed packages.

## Why it matters
pip refuses or quietly installs old releases; the source stops with `SyntaxError` at its first newer construct.

## Example
`requires-python = ">=3.10"` with Python 3.8.18.

## Fix
A newer Python for this project: a new virtual environment made with it. An existing environment cannot change its
Python.
"""

from typing import Iterator, Optional

from ...demands import allows
from ...facts import Distributions, Facts, Project, Python
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ._bounds import bound_first, ignored_version, python_first

EXPLAIN_ZH = """目标 Python 比项目或已安装的包要求的更旧。

## 检查什么
把目标 Python 与项目的 `requires-python`（pyproject.toml、setup.cfg、setup.py、environment.yml）以及已安装包的
`Requires-Python` 比较。

## 为什么重要
pip 会拒绝安装，或者悄悄装上旧版本；源码遇到新语法就报 `SyntaxError`。

## 示例
`requires-python = ">=3.10"`，而使用的是 Python 3.8.18。

## 修复
为这个项目换用更新的 Python，并用它新建虚拟环境。已有的环境不能更换 Python。
"""

NEW_VENV = Text(
    "Make an environment with Python {minimum} or newer: python{minimum} -m venv .venv",
    "用 Python {minimum} 或更新的版本新建环境：python{minimum} -m venv .venv",
)

#: Python minors that wheels are made for; what a requirement means is tried on each
MINORS = tuple("3.%d" % minor for minor in range(6, 16))


#: poetry and uv: what stands before the Python, and between it and what the project allows
NOT_FOR_THE_PROJECT = (
    r"(?:activated Python version|[Cc]urrent Python version|resolved to Python) \(?",
    r"\)?,? (?:is not (?:supported|allowed) by the project|"
    r"which is incompatible with the (?:project|script)'?s Python requirement)\W{1,4}(?=[<>=~^!\d])",
)
SIGNATURES = (
    Signature(
        python_first("requires a different Python: ", " not in '", newer=False),
        outranks=("no-matching-distribution",),
    ),
    Signature(
        python_first(r"requires a different Python \(", " not in: '", newer=False),
        outranks=("no-matching-distribution",),
    ),
    # the version that is wanted was ignored
    Signature(ignored_version(r">=3\.\d{1,2}(?![^;\n]{0,10}<)"), "medium"),
    Signature(python_first(r"current Python version \(", r"\) does not satisfy Python ?", newer=False)),
    Signature(python_first(*NOT_FOR_THE_PROJECT, newer=False), outranks=("no-matching-distribution",)),
    Signature(bound_first("requires Python '", "' but the running Python is ", newer=False)),
    Signature(
        r"unsupported operand type\(s\) for \|: '(?:type|_GenericAlias|ABCMeta|NoneType|"
        r"builtin_function_or_method)' and '(?:NoneType|type|_GenericAlias)'|"
        r"unsupported operand type\(s\) for \|=?: 'dict' and 'dict'"
    ),
    Signature(r"TypeError: '(?:type|ABCMeta)' object is not subscriptable"),
    Signature(r"SyntaxError: future feature annotations is not defined"),
    Signature(
        r"(?::=|\bmatch \w[\w.()\[\]'\", ]{0,60}:|f['\"].{0,60}\{\w{1,30}=\}).{0,160}\n\s*\^?\s{0,80}Synt"
        r"axError: invalid syntax"
    ),
    # f"{x=}" needs 3.8, the same quotes inside the braces need 3.12
    Signature(
        r"f(?:\"[^\"\n]{0,200}\{(?:[\w.]{1,60}=\}|[^\"\n}]{1,100}\")|'[^'\n]{0,200}\{(?:[\w.]{1,60}=\}|"
        r"[^'\n}]{1,100}'))"
        r".{0,160}\n[\s^~]{0,160}SyntaxError: (?:invalid syntax|f-string: (?:expecting '\}'|unmatched|invalid syntax))",
        "medium",
    ),
    Signature(
        r"cannot import name '(?P<name>Literal|Final|Protocol|TypedDict|Annotated|ParamSpec|"
        r"TypeAlias|TypeGuard|Self|override|Required|NotRequired|Never|Unpack|"
        r"TypeVarTuple|LiteralString|assert_never|OrderedDict|final|get_origin|get_args|"
        r"runtime_checkable|dataclass_transform|reveal_type)' from 'typing'",
        outranks=("old-repo-api",),
    ),
    Signature(
        r"cannot import name '(?P<name>StrEnum|cache|cached_property|UTC|singledispatchmethod|"
        r"pairwise|batched|KW_ONLY)' from '(?:enum|functools|datetime|itertools|dataclasses)'",
        outranks=("old-repo-api",),
    ),
    Signature(
        r"No module named '(?P<name>tomllib|zoneinfo|graphlib|importlib\.metadata|"
        r"importlib\.resources|dataclasses|contextvars)'",
        outranks=("module-in-other-env",),
    ),
    Signature(
        r"dataclass\(\) got an unexpected keyword argument '(?P<name>slots|kw_only)'|"
        r"zip\(\) takes no keyword arguments"
    ),
    Signature(r"'str' object has no attribute '(?P<name>removeprefix|removesuffix)'"),
    Signature(
        r"Python ?(?:>= ?)?(?P<wanted>3\.\d+)[\d.]* (?:is )?required.{0,60}but Python (?P<python>[23]\.\d+[\d.]*) is"
    ),
    Signature(
        r"(?:requires|need[s]?|required) (?:at least )?Python (?:version )?(?:>= "
        r"?)?(?P<wanted>3\.\d+)[\d.]* ?(?:or (?:later|higher|newer|above|greater)|\+|以上|及以上)",
        "medium",
        unless=(r"Python 3\.1[2-9].{0,40}not (?:yet )?supported",),
    ),
    Signature(
        r"does not (?:work|run) on Python (?P<python>[23]\.\d+)[\d.]*\W{1,3}The minimum supported Python version is "
        r"(?P<wanted>3\.\d+)|minimum (?:supported |required )?Python version(?: is|:)? (?P<least>3\.\d+)"
    ),
    Signature(
        r"Python (?:version )?(?P<python>2\.7|3\.[0-8])[\d.]* (?:is|"
        r"has been) (?:no longer supported|not supported|deprecated and)",
        "medium",
    ),
    # a plain f-string needs 3.6
    Signature(r"\bf(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}').{0,160}\n[\s^~]{0,160}SyntaxError: invalid syntax", "low"),
    Signature(
        r"requires? (?:at least )?python ?(?:version )?(?:>=? ?)?(?P<wanted>3\.\d+)|"
        r"Pipfile requires python_version (?P<minimum>3\.\d+)",
        "low",
        requires=(r"\b(?:error|fail|but you)|报错",),
    ),
    Signature(r"Unsupported Python version (?P<python>2\.\d|3\.[0-8])\b", "medium"),
    Signature(r"DEPRECATION: Python (?:2\.7|3\.[4-6]) reached the end of its life", "low", warning=True),
    # what no Python 2 can read
    Signature(
        r"\braise .{1,120} from \w{1,40}\s*\n[\s^~]{0,200}SyntaxError: invalid syntax|"
        r"\b(?:async def|yield from|nonlocal) .{0,120}\n[\s^~]{0,200}SyntaxError: invalid syntax",
        "medium",
    ),
    # told in words
    Signature(
        r"python ?版本(?:太低|过低|太旧)|"
        r"(?:requires?|needs?) python.{0,6}3\.\d+.{0,30}\b(?:but|you have|you are on|has)\b",
        "low",
    ),
)


@check(
    code="python-too-old",
    severity=ERROR,
    summary=Text("The Python is older than the project or a package needs.", "Python 比项目或已安装的包要求的更旧。"),
    message=Text("Python {python} is too old: {who} needs {wanted}.", "Python {python} 过旧：{who} 需要 {wanted}。"),
    cause=Text(
        "{who} states that it needs Python {wanted}; the target is {python}.",
        "{who} 声明需要 Python {wanted}，而目标 Python 是 {python}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Python, Project, Distributions),
    signatures=SIGNATURES,
)
def python_too_old(facts: Facts, matrix) -> Iterator[Finding]:
    python = facts.need(Python)
    project = facts.maybe(Project)
    if project is not None and project.requires_python:
        minimum = bound(project.requires_python, python.version, newer=True)
        if minimum is not None:
            yield _finding(python.version, "the project", project.requires_python, minimum, project.chosen)
            return
    distributions = facts.maybe(Distributions)
    for item in distributions.items if distributions else ():
        minimum = bound(item.requires_python or "", python.version, newer=True)
        if minimum is not None:
            who = "%s %s" % (item.name, item.version)
            yield _finding(python.version, who, item.requires_python or "", minimum, False)


def _finding(version: str, who: str, wanted: str, minimum: str, error: bool) -> Finding:
    return Finding(
        params={"python": version, "who": who, "wanted": wanted, "minimum": minimum},
        evidence=("%s: Python %s" % (who, wanted),),
        severity=ERROR if error else WARNING,
        remedies=(Manual(NEW_VENV),),
    )


def bound(specifier: str, version: str, newer: bool) -> Optional[str]:
    """Return the nearest Python minor on one side that the requirement allows, where it rules this version out."""
    if not specifier or allows(specifier, version):
        return None
    here = version.split(".")[:2]
    number = (int(here[0]), int(here[1]))
    fitting = []
    for minor in MINORS:
        this = (3, int(minor.split(".")[1]))
        if (this > number if newer else this < number) and any(
            allows(specifier, minor + tail) for tail in (".0", ".99")
        ):
            fitting.append(minor)
    if not fitting:
        return None
    return fitting[0] if newer else fitting[-1]
