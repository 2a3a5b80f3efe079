"""The target Python is newer than the project, or the torch it pins, supports.

## What it checks
Compares the target Python with the upper bound of the project's `requires-python`, and looks in the wheel matrix
for the newest Python that the pinned or installed torch has builds for.

## Why it matters
pip says `No matching distribution found` or starts to compile from source. Repositories from 2020 pin torch 1.7,
which ends at Python 3.9.

## Example
`torch==1.10.0` in requirements.txt with Python 3.12.

## Fix
An older Python for this project, in a new virtual environment; or newer pins, where the project runs with them.
"""

from typing import Any, Iterator, Optional, Tuple

from ...demands import allows, demand, environment
from ...facts import Distributions, Facts, Host, Project, Python
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ...wheels.tags import platform_of_tag, python_key
from ._bounds import bound_first, ignored_version, python_first
from .python_too_old import NOT_FOR_THE_PROJECT, bound

EXPLAIN_ZH = """目标 Python 比项目或它固定的 torch 支持的更新。

## 检查什么
把目标 Python 与项目 `requires-python` 的上限比较，并在 wheel 表中查找项目固定的 torch 版本最高支持哪个 Python。

## 为什么重要
pip 会报 `No matching distribution found`，或者开始从源码编译。2020 年的仓库常固定 torch 1.7，它最高只支持 Python 3.9。

## 示例
requirements.txt 里写着 `torch==1.10.0`，而使用的是 Python 3.12。

## 修复
为这个项目换用较旧的 Python 并新建虚拟环境；如果项目能用新版本，也可以放宽版本限制。
"""

OLDER = Text(
    "Make an environment with Python {maximum}: python{maximum} -m venv .venv",
    "用 Python {maximum} 新建环境：python{maximum} -m venv .venv",
)


_IGNORED = (
    r"Ignored the following versions that require a different python version.{0,3000}Requires-Python \S{0,20}<3\.\d+"
)
SIGNATURES = (
    Signature(
        python_first("requires a different Python: ", " not in '", newer=True),
        outranks=("no-matching-distribution",),
    ),
    Signature(
        python_first(r"requires a different Python \(", " not in: '", newer=True),
        outranks=("no-matching-distribution",),
    ),
    Signature(python_first(r"current Python version \(", r"\) does not satisfy Python ?", newer=True)),
    Signature(python_first(*NOT_FOR_THE_PROJECT, newer=True), outranks=("no-matching-distribution",)),
    Signature(bound_first("requires Python '", "' but the running Python is ", newer=True)),
    Signature(r"module 'pkgutil' has no attribute 'ImpImporter'", outranks=("old-repo-api",)),
    # the set-up script of an old release reads its own version with exec()
    Signature(r"KeyError:\s{1,3}'__version__'", "medium", requires=(r"get_requires_for_bu|requirements to build",)),
    # apt
    Signature(r"Depends: python3 \(<=? {0,1}(?P<below>3\.\d+)[\w.~-]{0,20}\) but (?P<python>3\.\d+)", "medium"),
    Signature(
        r"No module named 'distutils'",
        "medium",
        unless=(r"python3\.(?:[0-9]|10|11)/", r"python3-distutils"),
        outranks=("module-in-other-env",),
    ),
    Signature(
        r"No module named '(?P<name>imp|asynchat|asyncore|smtpd|cgi|telnetlib|pipes|imghdr|audioop|lib2to3)'",
        outranks=("module-in-other-env",),
    ),
    Signature(
        r"module 'inspect' has no attribute '(?P<name>getargspec|formatargspec)'|"
        r"cannot import name '(?P<function>getargspec|formatargspec)' from 'inspect'",
        outranks=("old-repo-api",),
    ),
    Signature(
        r"(?:cannot import name|module 'collections' has no attribute) '(?P<name>Mapping|"
        r"MutableMapping|Iterable|Callable|Sequence|MutableSequence|Set|Hashable|Sized|Container|"
        r"Iterator|Generator|Awaitable)'",
        unless=(r"from 'typing",),
        outranks=("old-repo-api",),
    ),
    Signature(
        r"module 'asyncio' has no attribute '(?P<name>coroutine|async|Task\.all_tasks)'|"
        r"module '(?:time|platform|gettext|fractions|base64)' has no attribute '(?P<gone>clock|"
        r"linux_distribution|dist|gcd|decodestring|encodestring)'",
        outranks=("old-repo-api",),
    ),
    Signature(
        r"module 'configparser' has no attribute 'SafeConfigParser'|"
        r"module 'ast' has no attribute '(?:Str|Num|NameConstant|Ellipsis|Bytes)'|"
        r"module 'importlib' has no attribute 'find_loader'|module 'pkgutil' has no attribute '(?:find|get)_loader'|"
        r"'(?:FileFinder|zipimporter)' object has no attribute 'find_module'|"
        r"module 'locale' has no attribute '(?:format|resetlocale)'|"
        r"required field \"type_ignores\" missing from Module|"
        r"too few arguments to function '?_PyLong_AsByteArray|"
        r"'typing\.Union' object has no attribute '__module__'",
        outranks=("old-repo-api",),
    ),
    # `async` has been a keyword since 3.7
    Signature(
        r"(?:\basync ?[=,)]|\.async\b).{0,160}\n[\s^~]{0,160}SyntaxError: invalid syntax",
        "medium",
        outranks=("python-too-old",),
    ),
    # code for Python 2
    Signature(
        r"Missing parentheses in call to 'print'|name '(?:unicode|xrange|raw_input|basestring|unichr)' is not defined|"
        r"No module named '?(?:urllib2|cPickle|ConfigParser|StringIO|Queue|commands|cStringIO)\b|"
        r"'dict' object has no attribute '(?:iteritems|has_key|itervalues)'",
        "low",
    ),
    Signature(r"AttributeError: cython_sources|Cannot import 'setuptools\.build_meta'", "low"),
    Signature(
        r"(?:Dynamo|torch\.compile) is not supported (?:on|for) Python (?P<python>3\.1\d)|"
        r"Python (?P<newer>3\.1\d)\+? not yet supported for torch\.compile"
    ),
    Signature(
        r"Cannot install on Python version (?P<python>3\.1\d)[\d.]*; only versions (?P<wanted>\S{3,20}) are supported"
    ),
    Signature(
        r"configured Python interpreter version \((?P<python>3\.\d+)\) is newer than PyO3's maximum supported version"
    ),
    Signature(
        r"longintrepr\.h: No such file or directory|no member named '?(?:ob_digit|cframe|exc_type|"
        r"use_tracing|tstate_head|f_code|_dictkeys_getindex)|'(?:PyThreadState|PyLongObject|"
        r"_PyLongValue|PyInterpreterState)'.{0,60} has no member named",
        "high",
    ),
    Signature(
        r"Pipfile requires python_version (?P<wanted>3\.[0-9])\b.{0,20}but you are using (?P<python>3\.1\d)", "medium"
    ),
    Signature(
        r"(?:not|n't) (?:yet )?(?:be )?(?:support(?:ed)?|compatible)(?: (?:on|with|for|"
        r"by))? Python (?:version )?\(?(?P<python>3\.1\d)",
        "medium",
    ),
    Signature(
        r"Python (?:version )?(?P<python>3\.1\d)[\d.]* is not (?:yet )?supported|"
        r"no wheels? (?:available )?for (?:Python|cp) ?(?P<newer>3\.?1\d)",
        "medium",
    ),
    Signature(
        r"python.{0,40}\b(?P<python>3\.1\d)(?:\.\d+)?\W{0,4} .{0,60}(?:does not|doesn'?t|won'?t|"
        r"cannot|can'?t) (?:install|build|compile)",
        "medium",
    ),
    # the version that is wanted was ignored
    Signature(ignored_version(r"\S{0,20}<3\.\d"), "medium"),
    Signature(_IGNORED, "low"),
    # told in words
    Signature(
        r"python ?(?P<told>3\.1[1-9])\S{0,4} (?:is|was) (?:too new|unsupported)|"
        r"(?:unable to|can ?n[o']t|could not) install .{0,40}\b(?:with|on|under) python ?(?P<with>3\.1[2-9])",
        "low",
    ),
    Signature(
        r"(?:not|n't) (?:yet )?(?:work|support|compatible|"
        r"available)\w{0,3} (?:\w{2,8} ){0,3}python ?(?P<unfit>3\.1[2-9])|"
        r"downgrad(?:e|ed|ing) (?:to )?python|python ?版本(?:太高|过高|太新)",
        "low",
    ),
    Signature(
        r"python ?(?P<lone>3\.1[0-9])\S{0,4} (?:is|was) (?:\w{2,8} ){0,2}(?:incompatible|not compatible|unsupported)",
        "low",
    ),
)


@check(
    code="python-too-new",
    severity=ERROR,
    summary=Text("The Python is newer than the project or its torch supports.", "Python 比项目或其 torch 支持的更新。"),
    message=Text("Python {python} is too new for {who} ({wanted}).", "Python {python} 对 {who}（{wanted}）来说过新。"),
    cause=Text(
        "{who} supports {wanted}, up to Python {maximum}; the target is {python}.",
        "{who} 支持 {wanted}，最高到 Python {maximum}，而目标 Python 是 {python}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Python, Project, Distributions, Host),
    signatures=SIGNATURES,
)
def python_too_new(facts: Facts, matrix) -> Iterator[Finding]:
    python = facts.need(Python)
    project = facts.need(Project)
    if project.requires_python:
        maximum = bound(project.requires_python, python.version, newer=False)
        if maximum is not None:
            yield _finding(python.version, "the project", project.requires_python, maximum, (), project.chosen)
            return
    distributions = facts.maybe(Distributions)
    if distributions is None or distributions.find("torch") is not None:
        return
    markers = environment(python, facts.maybe(Host))
    for requirement in project.requirements:
        if requirement.name != "torch" or requirement.optional:
            continue
        wanted = demand(requirement.text, markers)
        maximum = (
            newest_python(matrix, wanted.specifier, python.platform)
            if wanted is not None and wanted.specifier
            else None
        )
        if maximum is not None and _minor(maximum) < _minor(python.minor):
            where = (str(requirement.where),)
            specifier = wanted.specifier if wanted is not None else ""
            yield _finding(python.version, "torch", specifier, maximum, where, project.chosen)
            return


def newest_python(matrix: Any, specifier: str, platform: str) -> Optional[str]:
    """Return the newest Python minor with builds of a torch inside these specifiers, or None when none is known."""
    found = [
        python_key(tag)
        for version in matrix.torch_releases
        if allows(specifier, version)
        for tag in matrix.pythons(version, platform_of_tag(platform))
        if tag.startswith("cp")
    ]
    return "%d.%d" % max(found) if found else None


def _minor(text: str) -> Tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def _finding(version: str, who: str, wanted: str, maximum: str, evidence: Tuple[str, ...], error: bool) -> Finding:
    return Finding(
        params={"python": version, "who": who, "wanted": wanted, "maximum": maximum},
        evidence=evidence or ("%s: Python %s" % (who, wanted),),
        severity=ERROR if error else WARNING,
        remedies=(Manual(OLDER),),
    )
