"""A file of the project has the name of a library and hides it.

## What it checks
Looks for files and packages in the project's top folder, and beside scripts in its subfolders, that are called like
a library the project imports (`torch.py`, `numpy/`) or like a module of Python that torch and numpy import (
`random.py`, `types.py`).

## Why it matters
Python searches the script's own folder first. `import torch` then loads the file of that name:
`partially initialized module 'torch' has no attribute 'nn'`, or an error deep inside a library that is perfectly
fine.

## Example
`random.py` beside `train.py`: `import torch` fails with an ImportError in `tempfile`.

## Fix
Rename the file, and delete its `__pycache__` entry.
"""

from typing import Iterator, List

from ...facts import Facts, Project
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import check
from ...text import Text

EXPLAIN_ZH = """项目里的文件与某个库同名，把库挡住了。

## 检查什么
在项目顶层目录和子目录的脚本旁边，查找与项目导入的库同名的文件或包（`torch.py`、`numpy/`），以及与 torch、numpy 会导
入的标准库模块同名的文件（`random.py`、`types.py`）。

## 为什么重要
Python 先搜索脚本所在目录，`import torch` 会加载这个同名文件，报
`partially initialized module 'torch' has no attribute 'nn'`，或者在一个本来没问题的库内部报错。

## 示例
`train.py` 旁边有 `random.py`：`import torch` 在 `tempfile` 里报 ImportError。

## 修复
给文件改名，并删除对应的 `__pycache__`。
"""

#: standard modules that importing torch or numpy always imports, and that a script's folder can hide
CORE = frozenset(
    (
        "ast bisect calendar collections concurrent contextlib copy copyreg csv ctypes dataclasses datetime decimal "
        "difflib dis "
        "email enum fnmatch fractions functools glob gzip hashlib heapq hmac html importlib inspect ipaddress "
        "itertools json "
        "keyword linecache locale logging lzma math multiprocessing numbers opcode operator pathlib pickle "
        "pickletools pkgutil "
        "platform pprint queue quopri random re reprlib secrets select selectors shutil signal socket statistics "
        "string struct "
        "subprocess tarfile tempfile textwrap threading token tokenize traceback types typing unittest urllib uuid "
        "warnings "
        "weakref zipfile bz2 argparse asyncio ssl http"
    ).split()
)

RENAME = Text(
    "Rename {files} and delete the __pycache__ folder beside it.", "给 {files} 改名，并删除旁边的 __pycache__ 目录。"
)


@check(
    code="module-shadowed",
    severity=ERROR,
    summary=Text("A project file hides a library of the same name.", "项目文件与库同名，把库挡住了。"),
    message=Text("{files} hides the library {modules}.", "{files} 挡住了同名的库 {modules}。"),
    cause=Text(
        'Python looks into the script\'s own folder first, so "import {modules}" loads {files}.',
        "Python 先在脚本所在目录查找，“import {modules}” 加载到的是 {files}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Project,),
)
def module_shadowed(facts: Facts, matrix) -> Iterator[Finding]:
    project = facts.need(Project)
    found: List[str] = []
    certain = False
    for path in project.shadowing:
        module = module_of(path)
        if module in CORE:
            certain = True
        elif module in project.imports:
            certain = certain or "/" not in path.rstrip("/")
        else:
            continue
        found.append(path)
    if not found:
        return
    modules = sorted({module_of(path) for path in found})
    yield Finding(
        params={"files": ", ".join(found), "modules": ", ".join(modules), "paths": found},
        evidence=tuple(
            "%s:1: %s" % (path, "hides the module %s" % module_of(path))
            if path.endswith(".py")
            else "%s hides the package %s" % (path, module_of(path))
            for path in found
        )
        + tuple(str(project.imports[name]) for name in modules if name in project.imports),
        severity=ERROR if certain and project.chosen else WARNING,
        remedies=(Manual(RENAME),),
    )


def module_of(path: str) -> str:
    """``tools/torch.py`` -> torch, ``numpy/`` -> numpy."""
    name = path.rstrip("/").rpartition("/")[2]
    return name[:-3] if name.endswith(".py") else name
