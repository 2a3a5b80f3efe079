"""Rewriting the project's own source: by tokens, with its encoding and line ends, shown as a diff, kept before."""

import ast
import difflib
import io
import os
import re
import shutil
import stat
import tokenize
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..facts import Facts, Project
from ..model import DoctorError, Edit, Step
from ..text import Text
from .journal import Journal, checkpoint, write_atomically
from .snapshot import sha256_of


class Rewritten(NamedTuple):
    """A source text after its edits, and the edits that were not made, each with the reason."""

    text: str
    done: Tuple[Edit, ...]
    left: Tuple[Tuple[Edit, str], ...]


def rewrite(text: str, edits: Sequence[Edit]) -> Rewritten:
    """Return the text with those edits made that stand at code: never inside a string or a comment, never at a name
    that the function around it has for something else. Raises SyntaxError for text that Python cannot read.
    """
    lines = text.splitlines(keepends=True)
    starts, ends = _boundaries(text)
    shadowed = _Shadows(text)
    done: List[Edit] = []
    left: List[Tuple[Edit, str]] = []
    taken: Dict[int, int] = {}
    for edit in sorted(set(edits), key=lambda item: (item.line, item.column), reverse=True):
        end = edit.column + len(edit.old)
        base = edit.old.split(".")[0]
        if edit.line > len(lines) or lines[edit.line - 1][edit.column : end] != edit.old:
            left.append((edit, "the file has changed"))
        elif (edit.line, edit.column) not in starts or (edit.line, end) not in ends:
            left.append((edit, "not code"))
        elif base.isidentifier() and lines[edit.line - 1][: edit.column].rstrip().endswith("."):
            left.append((edit, "an attribute of something else"))
        elif "." in edit.old and shadowed.at(base, edit.line):
            left.append((edit, "%s is another thing there" % base))
        elif end > taken.get(edit.line, end):
            left.append((edit, "overlaps another edit"))
        else:
            line = lines[edit.line - 1]
            lines[edit.line - 1] = line[: edit.column] + edit.new + line[end:]
            taken[edit.line] = edit.column
            done.append(edit)
    return Rewritten("".join(lines), tuple(reversed(done)), tuple(reversed(left)))


def _boundaries(text: str) -> Tuple[Set[Tuple[int, int]], Set[Tuple[int, int]]]:
    """Return where tokens of code begin and end."""
    code = (tokenize.NAME, tokenize.OP, tokenize.NUMBER)
    starts, ends = set(), set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            if token.type in code:
                starts.add(token.start)
                ends.add(token.end)
    except tokenize.TokenError as error:
        raise SyntaxError(str(error))
    return starts, ends


class _Shadows:
    """Where a file's functions give a module's name another meaning."""

    def __init__(self, text: str) -> None:
        tree = ast.parse(text)
        self._imported: Set[str] = set()
        #: first line, last line and the names that a function binds itself
        self._scopes: List[Tuple[int, int, Set[str]]] = []
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._imported.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                lines = [inner.lineno for inner in ast.walk(node) if hasattr(inner, "lineno")]
                self._scopes.append((min(lines), max(lines), _bound_in(node)))
        self._rebound = _bound(tree.body) & self._imported

    def at(self, name: str, line: int) -> bool:
        """Return whether an imported name means something else on this line."""
        if name not in self._imported:
            return False
        return name in self._rebound or any(a <= line <= b and name in names for a, b, names in self._scopes)


def _bound_in(function: Any) -> Set[str]:
    given = function.args
    arguments = [*given.args, *given.kwonlyargs, *getattr(given, "posonlyargs", ())]
    names = {argument.arg for argument in [*arguments, given.vararg, given.kwarg] if argument is not None}
    return names | (_bound(function.body) if isinstance(function.body, list) else set())


def _bound(body: Iterable[ast.AST]) -> Set[str]:
    """Return the names that these statements bind in their own scope, other than by importing."""
    names: Set[str] = set()
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        waiting.extend(ast.iter_child_nodes(node))
    return names


class Change(NamedTuple):
    """One file of the project, before and after."""

    path: str
    name: str
    before: bytes
    after: bytes


class SourceChange:
    """What a source step will do, worked out before anything is written."""

    def __init__(self, step: Step, changes: Sequence[Change], left: Sequence[Tuple[Edit, str]], diff: str) -> None:
        self.step = step
        self.changes = changes
        self.left = left
        self.diff = diff

    def keep(self, journal: Journal) -> List[Dict[str, Any]]:
        """Copy the files into the journal; return the records from which they are put back."""
        return [keep(change.path, journal.folder, change.after) for change in self.changes]

    def apply(self) -> None:
        for change in self.changes:
            checkpoint("source")
            mode = stat.S_IMODE(os.stat(change.path).st_mode)
            write_atomically(change.path, change.after, mode)
            os.chmod(change.path, mode)


def prepare(step: Step, facts: Facts) -> SourceChange:
    """Return what a source step will do; raises DoctorError when a file is not the project's own."""
    project = facts.maybe(Project)
    if project is None:
        raise DoctorError(NO_PROJECT)
    root = os.path.realpath(project.root)
    changes: List[Change] = []
    left: List[Tuple[Edit, str]] = []
    diff = ""
    for name in sorted({edit.file for edit in step.edits}):
        edits = [edit for edit in step.edits if edit.file == name]
        path = os.path.realpath(os.path.join(root, *name.split("/")))
        if not path.startswith(root + os.sep) or not os.path.isfile(path):
            raise DoctorError(NOT_OURS, path=name, root=root)
        with open(path, "rb") as file:
            before = file.read()
        try:
            text, encoding = decode(before)
            rewritten = rewrite(text, edits)
            after = rewritten.text.encode(encoding)
        except (SyntaxError, UnicodeError, ValueError) as error:
            left.extend((edit, str(error)) for edit in edits)
            continue
        left.extend(rewritten.left)
        if after != before:
            changes.append(Change(path, name, before, after))
            diff += diff_of(name, text, rewritten.text)
    return SourceChange(step, changes, left, diff)


def preview(steps: Iterable[Step], facts: Facts) -> str:
    """Return the diff of the source steps; a step that cannot be worked out has none."""
    found = ""
    for step in steps:
        if step.kind == "source":
            try:
                found += prepare(step, facts).diff
            except (DoctorError, OSError):
                continue
    return found


def diff_of(name: str, before: str, after: str) -> str:
    """Return a unified diff of one file."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    lines = difflib.unified_diff(old, new, "a/" + name, "b/" + name)
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def decode(data: bytes) -> Tuple[str, str]:
    """Return a source file's text, line ends as they are, and its encoding (PEP 263)."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding), encoding


def keep(path: str, folder: str, after: Optional[bytes]) -> Dict[str, Any]:
    """Copy a file outside the environment into a journal's folder; return its record."""
    import hashlib

    store = os.path.join(folder, "outside")
    os.makedirs(store, mode=0o700, exist_ok=True)
    record: Dict[str, Any] = {"path": path, "store": None}
    if after is not None:
        record["after_sha256"] = hashlib.sha256(after).hexdigest()
    if os.path.lexists(path):
        name = "%04d" % len(os.listdir(store))
        shutil.copyfile(path, os.path.join(store, name))
        with open(os.path.join(store, name), "rb") as copy:
            os.fsync(copy.fileno())
        record.update(store=name, mode=stat.S_IMODE(os.stat(path).st_mode), sha256=sha256_of(path))
    return record


def put_back(record: Mapping[str, Any], folder: str) -> Optional[str]:
    """Make a file outside the environment as it was; return the path if someone had changed it since.

    What it was changed to is kept in the journal's ``changed-since`` folder.
    """
    path = str(record["path"])
    now = sha256_of(path) if os.path.isfile(path) and not os.path.islink(path) else None
    if now == record.get("sha256"):
        return None
    changed = now is not None and now != record.get("after_sha256")
    if changed and "after_sha256" in record:
        place = os.path.join(folder, "changed-since", re.sub(r"[:\\/]+", "_", path).strip("_"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copyfile(path, place)
    if record.get("store") is None:
        if os.path.lexists(path):
            os.unlink(path)
        return path if changed else None
    kept = os.path.join(folder, "outside", os.path.basename(str(record["store"])))
    with open(kept, "rb") as file:
        data = file.read()
    if sha256_of(kept) != record["sha256"]:
        raise DoctorError(DAMAGED, path=kept)
    write_atomically(path, data, int(record["mode"]))
    os.chmod(path, int(record["mode"]))
    return path if changed else None


NO_PROJECT = Text("No project is known whose source could be rewritten.", "没有可以改写源码的项目。")
NOT_OURS = Text("{path} is not a file of the project {root}.", "{path} 不是项目 {root} 中的文件。")
DAMAGED = Text("The kept copy {path} is no longer what it was.", "备份 {path} 已不是原来的内容。")
