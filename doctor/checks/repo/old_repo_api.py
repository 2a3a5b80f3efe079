"""The project uses names that an installed library, or this Python, no longer has.

## What it checks
Reads the project's source through the syntax tree and looks for names that libraries have removed: `torch._six`, Pillow's
`Image.ANTIALIAS` and `font.getsize`, `pkg_resources`, moved names of scipy, scikit-learn, scikit-image, pandas, networkx and
onnx, modules that Python itself dropped (`distutils`, `imp`), and protobuf code generated for protobuf 3. Only what is gone
from the *installed* version counts; uses behind `hasattr`, a version test or `try` are left alone.

## Why it matters
A repository that worked in its year stops with `No module named 'torch._six'` or `module 'PIL.Image' has no attribute
'ANTIALIAS'`. The environment is not broken; the source is older than its libraries.

## Example
`font.getsize(label)` in `utils/plots.py` of a YOLO repository, with Pillow 10.4.0 installed.

## Fix
Rewrites the names that have an exact successor (`doctor fix --apply --source`); for the others the report names what to write.
The other way: the last release of the library that still has the name, where nothing else forbids it.
"""

from typing import Any, Dict, Iterator, List, Optional, Tuple

from ...apis import Gone, gone
from ...demands import below
from ...facts import ApiUse, Distributions, Facts, Project, Python
from ...model import ERROR, WARNING, Edit, Finding, Install, Manual, Rewrite
from ...registry import check
from ...text import Text

EXPLAIN_ZH = """项目用到了已安装的库（或当前 Python）已经没有的名字。

## 检查什么
用语法树读取项目源码，查找各个库已经删除的名字：`torch._six`，Pillow 的 `Image.ANTIALIAS` 和 `font.getsize`，`pkg_resources`，scipy、scikit-learn、
scikit-image、pandas、networkx、onnx 中移走的名字，Python 自己删除的模块（`distutils`、`imp`），以及为 protobuf 3 生成的代码。
只报告*已安装*版本里确实没有的；放在 `hasattr`、版本判断或 `try` 里的写法不算。

## 为什么重要
当年能跑的仓库，现在会报 `No module named 'torch._six'` 或 `module 'PIL.Image' has no attribute 'ANTIALIAS'`。
环境没有坏，是源码比库旧。

## 示例
YOLO 仓库 `utils/plots.py` 里的 `font.getsize(label)`，而安装的是 Pillow 10.4.0。

## 修复
有等价名字的直接改写（`doctor fix --apply --source`），其余的报告会写明该改成什么。另一条路是装回还保留该名字的最后一个版本，前提是没有别的包反对。
"""

REWRITE = Text("Replace the removed names in the source: {names}.", "替换源码中已删除的名字：{names}。")
BY_HAND = Text("Change by hand: {by_hand}.", "手动修改：{by_hand}。")
PROTOBUF = Text(
    "Generate the *_pb2.py files again with a current protoc; or install protobuf below 3.21, where nothing needs a newer one.",
    "用新版 protoc 重新生成 *_pb2.py；如果没有别的包需要新版，也可以安装 3.21 以下的 protobuf。",
)
#: protobuf refuses code that protoc before 3.19 generated, from this release on
PROTOBUF_STRICT = "4.21.0"


@check(
    code="old-repo-api",
    severity=ERROR,
    summary=Text(
        "The project uses names that an installed library no longer has.",
        "项目用到了已安装的库中已经没有的名字。",
    ),
    message=Text(
        "{library} {version} no longer has {names}, which the project uses in {count} places.",
        "{library} {version} 已经没有 {names}，而项目中有 {count} 处用到。",
    ),
    cause=Text(
        "{names} went in {library} {removed_in}; {version} is installed, so these lines raise an error when they run.",
        "{names} 在 {library} {removed_in} 中被删除，而当前是 {version}，运行到这些行会报错。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Project, Distributions, Python),
)
def old_repo_api(facts: Facts, matrix) -> Iterator[Finding]:
    project = facts.need(Project)
    grouped: Dict[str, List[Tuple[ApiUse, str, Gone]]] = {}
    for use in project.uses:
        if "guard" in use.detail:
            continue
        row = _gone_here(facts, use)
        if row is not None:
            grouped.setdefault(row[1].distribution, []).append((use,) + row)
    for library in sorted(grouped):
        yield _finding(facts, project, library, grouped[library])


def _gone_here(facts: Facts, use: ApiUse) -> Optional[Tuple[str, Gone]]:
    """Return the row of a name that the installed library does not have; None when it is there or nobody knows."""
    if use.name == "google.protobuf.generated":
        row = ("*_pb2.py", Gone("protobuf", PROTOBUF_STRICT, "protoc >= 3.19"))
    else:
        found = gone(use.name)
        if found is None:
            return None
        row = found
    name, fact = row
    version = _version(facts, fact.distribution)
    if version is None and name.startswith("pkg_resources"):
        return row  # new environments come without setuptools
    if version is None or below(version, fact.removed_in):
        return None
    if name == "distutils" and facts.need(Distributions).find("setuptools") is not None:
        return None  # setuptools puts its own copy in place
    if fact.distribution == "python" and _backport(facts, name):
        return None
    return row


def _backport(facts: Facts, name: str) -> bool:
    """Tell whether a package on the index brings the dropped module back under its old name."""
    distributions = facts.need(Distributions)
    return any(
        distributions.find(one % name) is not None for one in ("standard-%s", "%s-lts", "legacy-%s", "zombie-%s")
    )


def _version(facts: Facts, distribution: str) -> Optional[str]:
    if distribution == "python":
        return facts.need(Python).version
    item = facts.need(Distributions).find(distribution)
    return item.version if item is not None else None


def _finding(facts: Facts, project: Project, library: str, found: List[Tuple[ApiUse, str, Gone]]) -> Finding:
    names = sorted({name for _, name, _ in found})
    edits: List[Edit] = []
    by_hand: List[str] = []
    for use, name, row in found:
        edit = _edit(use, name, row)
        if edit is not None:
            edits.append(edit)
        elif row.replace:
            words = "%s:%d %s → %s" % (use.where.file, use.where.line, name.rpartition(".")[2], row.replace)
            by_hand.append(words)
    version = _version(facts, library)
    first = min((row.removed_in for _, _, row in found), key=lambda text: [int(part) for part in text.split(".")])
    remedies: List[Any] = []
    if edits:
        text = ", ".join(sorted({"%s → %s" % (edit.old, edit.new) for edit in edits}))
        remedies.append(Rewrite(tuple(edits), Text(*(part.replace("{names}", text) for part in REWRITE))))
    if library == "protobuf":
        remedies.append(Manual(PROTOBUF))
    elif by_hand:
        remedies.append(Manual(BY_HAND))
    params: Dict[str, Any] = {
        "library": library,
        "version": version or "(not installed)",
        "names": ", ".join(names),
        "count": len(found),
        "removed_in": ", ".join(sorted({row.removed_in for _, _, row in found})),
        "by_hand": "; ".join(by_hand[:5]),
    }
    if library == "setuptools":
        params.update(bound=first, python=facts.need(Python).executable)
        remedies = [Install("setuptools", "<" + first)] + remedies
    return Finding(
        params=params,
        evidence=tuple(str(use.where) for use, _, _ in found[:20]),
        severity=ERROR if project.chosen else WARNING,
        remedies=tuple(remedies),
    )


def _edit(use: ApiUse, name: str, row: Gone) -> Optional[Edit]:
    """Return the replacement of one use, where the new name can be reached the same way as the old one."""
    old, column = use.detail.get("source", ""), use.detail.get("column", "")
    if not row.rewrite or not column.isdigit() or use.name != name or "." not in old:
        return None
    old_parts, new_parts = name.split("."), row.rewrite.split(".")
    shared = 0
    while shared < min(len(old_parts), len(new_parts)) - 1 and old_parts[shared] == new_parts[shared]:
        shared += 1
    written = old.split(".")
    kept = len(written) - (len(old_parts) - shared)
    if shared == 0 or kept < 1:
        return None  # another library: its import would be needed too
    return Edit(use.where.file, use.where.line, int(column), old, ".".join(written[:kept] + new_parts[shared:]))
