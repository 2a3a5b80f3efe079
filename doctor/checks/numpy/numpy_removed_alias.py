"""The project uses names that the installed numpy no longer has.

## What it checks
Reads the project's Python files and notebooks through the syntax tree, with import aliases resolved, and looks for
the 77 names that numpy has removed: `np.int`, `np.float`, `np.bool` and their like in 1.24, `np.float_`, `np.NaN`,
`np.product` and others in 2.0, `np.in1d` and `np.trapz` in 2.4. Only names that are gone from the *installed* numpy
are reported. Uses behind `hasattr`, a version test or `try` are left alone.

## Why it matters
The line raises `AttributeError: module 'numpy' has no attribute 'int'` when it runs: often only at the first validation
round, after hours of training.

## Example
`classes = labels[:, 0].astype(np.int)` with numpy 1.26.4.

## Fix
Rewrites the names in the source (`np.int` becomes `int`): shown as a diff by `doctor fix`, written only with
`doctor fix --apply --source`. Where a name has no plain successor the line must be changed by hand, or an older numpy
installed if torch, OpenCV and the project's own pins allow one; the report says which.
"""

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ...demands import below
from ...facts import ApiUse, Distributions, Facts, Project
from ...model import ERROR, WARNING, Edit, Finding, Manual, Rewrite
from ...registry import Signature, check
from ...text import Text
from ._numpy import NEEDS, best, limits

EXPLAIN_ZH = """项目用到了当前 numpy 已经删除的名字。

## 检查什么
用语法树读取项目里的 Python 文件和 notebook，并还原 import 别名，查找 numpy 删除过的 77 个名字：1.24 删除的
`np.int`、`np.float`、 `np.bool` 等，2.0 删除的 `np.float_`、`np.NaN`、`np.product` 等，2.4 删除的 `np.in1d` 和
`np.trapz`。只报告*已安装*的 numpy 里确实没有的名字；放在 `hasattr`、版本判断或 `try` 里的写法不算。

## 为什么重要
运行到这一行就会报 `AttributeError: module 'numpy' has no attribute 'int'`，往往是训练几个小时后第一次验证时才出现。

## 示例
numpy 1.26.4 下的 `classes = labels[:, 0].astype(np.int)`。

## 修复
改写源码里的名字（`np.int` 改成 `int`）：`doctor fix` 显示 diff，只有 `doctor fix --apply --source` 才会写入文件。没
有直接替代的名字需要手动改；如果 torch、OpenCV 和项目自己的版本限制都允许，也可以装回旧版 numpy，报告会说明具体版本。
"""

#: replacements that are an expression: not usable as the start of a longer one
_EXPRESSIONS = ("-np.inf", "-0.0", "0.0")

BY_HAND = Text(
    "Change these uses by hand: {by_hand}.",
    "这些用法需要手动修改：{by_hand}。",
)
OLDER = Text(
    "Or install numpy {older}, which still has every one of these names and fits everything installed.",
    "也可以安装 numpy {older}：它还保留着这些名字，并且与已安装的包都兼容。",
)
NO_OLDER = Text(
    "No older numpy fits this environment ({blocked_by}), so the source has to change.",
    "没有更旧的 numpy 能用于当前环境（{blocked_by}），只能改源码。",
)
REWRITE = Text(
    "Replace the removed names in the source: {names}.",
    "替换源码中已删除的名字：{names}。",
)


SIGNATURES = (
    Signature(
        r"'numpy' has no attribute '(?P<name>int|float|bool|object|str|long|unicode|"
        r"complex|typeDict|float_|complex_|unicode_|string_|"
        r"Inf|Infinity|NaN|NINF|PINF|bool8|int0|uint0|object0|str0|asscalar|product|cumproduct|"
        r"alltrue|sometrue|in1d|row_stack|trapz|msort|cast|"
        r"source|mat|find_common_type|obj2sctype|issctype|issubclass_|maximum_sctype|sctypes|"
        r"asfarray|set_string_function|lookfor|who|"
        r"longfloat|longcomplex|singlecomplex|cfloat|clongfloat|NAN|rank|safe_eval|recfromcsv|"
        r"recfromtxt|round_|tostring|DataSource|"
        r"nbytes|compat|byte_bounds|geterrobj|seterrobj|disp|deprecate|issubsctype|math)'",
    ),
    Signature(r"`np\.(?P<name>\w+)` was a deprecated alias"),
    # numpy 1.20 to 1.23 only warns
    Signature(r"`np\.(?P<name>\w+)` is a deprecated alias", "low", warning=True),
    Signature(r"`np\.(?P<name>\w+)` was removed in the NumPy 2\.0 release"),
    Signature(
        r"`(?P<name>\w+)` was removed from the ndarray class in NumPy 2\.0|"
        r"'numpy\.ndarray' object has no attribute '(?P<method>tostring|itemset|newbyteorder)'"
    ),
    Signature(
        r"cannot import name '(?P<name>float_|Inf|NaN|int|bool|float|object|product|in1d|trapz|"
        r"asscalar|typeDict)' from 'numpy'",
        outranks=("old-repo-api",),
    ),
    Signature(r"cannot import name '(?P<name>ComplexWarning|VisibleDeprecationWarning|Tester)' from 'numpy", "medium"),
    Signature(
        r"No module named 'numpy\.(?:distutils|testing\.(?:nosetester|decorators|utils)|"
        r"lib\.(?:function_base|index_tricks|arraypad|shape_base|nanfunctions|polynomial|twodim_base|utils)|"
        r"core\.(?:umath_tests|machar)|compat|oldnumeric|numarray)",
        "medium",
    ),
    Signature(r"Unable to avoid copy while creating an array as requested", "medium"),
)


@check(
    code="numpy-removed-alias",
    severity=ERROR,
    summary=Text(
        "The project uses names that the installed numpy has removed.",
        "项目用到了已安装的 numpy 中不存在的名字。",
    ),
    message=Text(
        "numpy {numpy} no longer has {names}, which the project uses (places: {count}).",
        "numpy {numpy} 已经没有 {names}，而项目中有 {count} 处用到。",
    ),
    cause=Text(
        "numpy removed {names} ({removed_in}); {numpy} is installed, so each of these lines raises AttributeError "
        "when it runs.",
        "numpy 已删除 {names}（{removed_in}），当前安装的是 {numpy}，运行到这些行会报 AttributeError。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=NEEDS,
    signatures=SIGNATURES,
)
def numpy_removed_alias(facts: Facts, matrix) -> Iterator[Finding]:
    project = facts.need(Project)
    numpy = facts.need(Distributions).find("numpy")
    if numpy is None or numpy.version is None:
        return
    rows = removed(matrix, numpy.version)
    uses = [use for use in project.uses if _name(use) in rows and "guard" not in use.detail]
    if not uses:
        return
    edits, by_hand = _edits(uses, rows)
    # two findings, because a rewrite cures only one of them
    if edits:
        words = sorted({"%s → %s" % (edit.old, edit.new) for edit in edits.values()})
        text = Text(*(part.replace("{names}", "; ".join(words)) for part in REWRITE))
        rewritten = [use for use in uses if use not in by_hand]
        yield _finding(
            project, numpy.version, rows, rewritten, (Rewrite(tuple(edits.values()), text),), {"by_hand": ""}
        )
    if by_hand:
        places = ", ".join("%s:%d np.%s" % (use.where.file, use.where.line, _name(use)) for use in by_hand[:5])
        params: Dict[str, Any] = {"by_hand": places}
        names = sorted({_name(use) for use in by_hand})
        remedies = [Manual(BY_HAND)] + _older(facts, matrix, names, rows, params)
        yield _finding(project, numpy.version, rows, by_hand, tuple(remedies), params)


def _finding(
    project: Project,
    version: str,
    rows: Mapping[str, Any],
    uses: List[ApiUse],
    remedies: Tuple[Any, ...],
    params: Dict[str, Any],
) -> Finding:
    names = sorted({_name(use) for use in uses})
    given: Dict[str, Any] = {
        "numpy": version,
        "names": ", ".join("np." + name for name in names),
        "count": len(uses),
        "removed_in": ", ".join(sorted({rows[name]["removed_in"] for name in names})),
    }
    return Finding(
        params=dict(given, **params),
        evidence=tuple(str(use.where) for use in uses[:20]),
        severity=ERROR if project.chosen else WARNING,
        remedies=remedies,
    )


def removed(matrix: Any, installed: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the names that the installed numpy does not have, without ``np.``, each with its row of the matrix."""
    rows = {}
    for name, row in matrix.removed_numpy_names().items():
        back = row.get("returned_in")
        if not below(installed, row["removed_in"]) and (not back or below(installed, back)):
            rows[name.partition(".")[2]] = row
    return rows


def _name(use: ApiUse) -> str:
    """Return ``int`` for a use of numpy.int; empty for a use of another library."""
    first, _, rest = use.name.partition(".")
    return rest.split(".")[0] if first == "numpy" else ""


def _successor(name: str, row: Mapping[str, Any]) -> Optional[str]:
    """Return the text that can stand in place of ``np.name``, or None when no plain name can.

    The matrix says "int (or np.int64 / np.int_)": the first word is the one with the same meaning.
    """
    words = str(row.get("replace") or "").split(" (")[0].split(" or ")[0]
    if words in _EXPRESSIONS:
        return words
    plain = words.startswith("np.") and words[3:].replace(".", "").replace("_", "").isalnum()
    if plain and "(" not in words and name not in ("MachAr", "cast", "geterrobj", "seterrobj", "recfromtxt"):
        return words
    return words if words in ("int", "float", "object", "str", "complex", "bool", "issubclass") else None


def _edits(uses: List[ApiUse], rows: Mapping[str, Any]) -> Tuple[Dict[int, Edit], List[ApiUse]]:
    edits: Dict[int, Edit] = {}
    by_hand: List[ApiUse] = []
    for number, use in enumerate(uses):
        name = _name(use)
        new = _successor(name, rows[name])
        old, column = use.detail.get("source", ""), use.detail.get("column", "")
        module, dot, last = old.rpartition(".")
        after = use.detail.get("after", "")
        if new is None or not column.isdigit() or not dot or last != name or use.name != "numpy." + name:
            by_hand.append(use)  # imported by name, or used through one of its attributes
        elif new in _EXPRESSIONS and after in ("**", ".", "[", "("):
            by_hand.append(use)
        elif not new.startswith(("np.", "-")) and use.detail.get("rebound"):
            by_hand.append(use)  # the file has its own ``int``
        else:
            new = new.replace("np.", module + ".", 1)
            edits[number] = Edit(use.where.file, use.where.line, int(column), old, new)
    return edits, by_hand


def _older(facts: Facts, matrix: Any, names: List[str], rows: Mapping[str, Any], params: Dict[str, Any]) -> List[Any]:
    """Return the other way out for names without a successor, and add its words to the params."""
    bound = min((rows[name]["removed_in"] for name in names), key=lambda text: [int(part) for part in text.split(".")])
    given = limits(facts, matrix)
    older = best(facts, matrix, given, "<" + bound)
    if older is not None:
        params["older"] = older
        params["blocked_by"] = ""
        return [Manual(OLDER)]
    blockers = [limit.who for limit in given if best(facts, matrix, [limit], "<" + bound) is None]
    params["older"] = None
    params["blocked_by"] = ", ".join(blockers) or "numpy <%s" % bound
    return [Manual(NO_OLDER)]
