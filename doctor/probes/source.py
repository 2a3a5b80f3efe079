"""What one Python source says: imports, and uses of names that libraries removed or changed. Read, never run; pure."""

import ast
import json
import re
import sys
import warnings
from functools import lru_cache
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..apis import CV2_CONTRIB_NAMES, CV2_WINDOW_NAMES, GONE, NUMPY_NAMES, PILLOW_METHODS, gone
from ..facts import ApiUse, Line
from ..patterns import lazy

#: A line of evidence is cut here: minified and generated sources have lines of megabytes.
TEXT_LIMIT = 160


class Scanned(NamedTuple):
    """What a source file holds."""

    #: imported module (dotted) -> first place; ``lazy`` ones only inside functions, conditions or ``try``
    imports: Mapping[str, Line]
    lazy: FrozenSet[str]
    uses: Tuple[ApiUse, ...] = ()
    #: why the file could not be read as Python 3, and where; None when it could, or need not be
    broken: Optional[str] = None
    #: it builds CUDA code
    builds_cuda: bool = False
    #: it is started as a script
    script: bool = False


_IMPORT = lazy(rb"^([ \t]*)(?:from[ \t]+([A-Za-z_][\w.]*)[ \t]+import\b|import[ \t]+([A-Za-z_][^#\n;]*))", re.MULTILINE)
#: comments and strings, so that quotes inside one do not open another
_STRINGS = lazy(
    rb"#[^\n]*|\"\"\"(?:\\[\s\S]|[^\\])*?\"\"\"|'''(?:\\[\s\S]|[^\\])*?'''"
    rb"|\"(?:\\[\s\S]|[^\"\\\n])*\"|'(?:\\[\s\S]|[^'\\\n])*'"
)
_CUDA_BUILD = lazy(
    rb"^[ \t]*(?:from[ \t]+torch\.utils(?:\.cpp_extension)?[ \t]+import|import[ \t]+torch\.utils\.cpp_extension)\b"
    rb"(?=[\s\S]*\bCUDAExtension[ \t]*\()",
    re.MULTILINE,
)
_MAIN = lazy(rb"^if[ \t]+__name__[ \t]*==", re.MULTILINE)
_PROTOBUF = lazy(rb"_descriptor\.(?:FieldDescriptor|EnumValueDescriptor|Descriptor)\(")
_NUMPY_ALIAS = lazy(rb"\bimport[ \t]+numpy[ \t]+as[ \t]+(\w+)")
_NUMPY_FROM = lazy(rb"\bfrom[ \t]+numpy[ \t]+import\b[^\n]*\b(?:" + "|".join(sorted(NUMPY_NAMES)).encode() + rb")\b")
_NUMPY_WORDS = "|".join(sorted(NUMPY_NAMES, key=len, reverse=True)).encode()
_CV2 = lazy(rb"\bcv2\.(?:" + "|".join(sorted(CV2_WINDOW_NAMES | CV2_CONTRIB_NAMES)).encode() + rb")\b")


@lru_cache(maxsize=None)
def _words_by_library() -> Tuple[Dict[str, "re.Pattern[bytes]"], "re.Pattern[bytes]"]:
    """Return what makes a parse worth while: for each library the last words of its removed names, as attributes, and
    the import lines that name one of them.
    """
    words: Dict[str, Set[str]] = {}
    froms: Dict[str, Set[str]] = {}
    for name in GONE:
        module, _, last = name.rpartition(".")
        if module:
            froms.setdefault(module, set()).add(last)
            if last not in ("utils", "packaging"):
                words.setdefault(name.partition(".")[0], set()).add(last)
    words["PIL"].update(PILLOW_METHODS)
    lines = (
        rb"%s[ \t]+import[ \t]+(?:\([^)]*|[^\n]*)\b(?:%s)\b"
        % (re.escape(module).encode(), "|".join(sorted(found)).encode())
        for module, found in sorted(froms.items())
    )
    attributes = {head: lazy(rb"\.(?:" + "|".join(sorted(found)).encode() + rb")\b") for head, found in words.items()}
    return attributes, lazy(rb"\bfrom[ \t]+(?:" + rb"|".join(lines) + rb")")


def scan(data: bytes, path: str) -> Scanned:
    """Return what a source holds. Never raises: a file that is not Python 3 says so in ``broken``."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in data[:4096]:
        return Scanned({}, frozenset(), broken="not a text in an encoding that Python reads")
    imports, lazy = parse_imports(data, path)
    builds_cuda = _CUDA_BUILD.search(data) is not None
    script = _MAIN.search(data) is not None
    if path.endswith("_pb2.py"):
        return Scanned(imports, lazy, _protobuf(data, path), None, builds_cuda, script)
    if not _interesting(data, imports):
        return Scanned(imports, lazy, (), None, builds_cuda, script)
    tree, problem = parse(data)
    if tree is None:
        return Scanned(imports, lazy, (), problem, builds_cuda, script)
    return Scanned(imports, lazy, tuple(_uses(tree, _decode(data), path)), None, builds_cuda, script)


#: headers and macros that torch's C++ interface no longer has, outside comments
_NATIVE = lazy(rb"^[ \t]*#[ \t]*include[ \t]*[<\"](THC)/[\w/.]+|^(?:(?!//)[^\n*])*?\b(AT_CHECK)[ \t]*\(", re.MULTILINE)
#: the source asks which torch it is compiled against, or defines what is gone by itself
_NATIVE_GUARD = lazy(rb"TORCH_VERSION|__has_include|define[ \t]+AT_CHECK\b|torch/version\.h|TORCH_[A-Z]*_?1_\d")


def scan_native(data: bytes, path: str) -> Tuple[ApiUse, ...]:
    """Return what a C++ or CUDA source uses that torch no longer offers to those who compile against it."""
    guard = {"guard": "condition"} if _NATIVE_GUARD.search(data) else {}
    found = []
    for match in _NATIVE.finditer(data):
        name = (match.group(1) or match.group(2)).decode("ascii")
        end = data.find(b"\n", match.end())
        line = data[match.start() : end if end >= 0 else len(data)].decode("utf-8", "replace").strip()
        number = data.count(b"\n", 0, match.end()) + 1
        found.append(ApiUse(name, Line(path, number, line[:TEXT_LIMIT]), dict(guard, source=name, native="1")))
    return tuple(found)


def parse(data: bytes) -> Tuple[Optional[ast.AST], Optional[str]]:
    """Return the syntax tree, or None and the reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(data), None
    except SyntaxError as error:
        old = re.search(rb"^[ \t]*(?:print[ \t]+[^\s(=]|except[ \t]+[\w.]+[ \t]*,|exec[ \t]+[\"'])", data, re.MULTILINE)
        kind = "Python 2" if old else "not valid Python for this doctor's own Python"
        return None, "%s (line %d)" % (kind, error.lineno or 0)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return None, "cannot be parsed: %s" % type(error).__name__


def parse_imports(data: bytes, path: str) -> Tuple[Dict[str, Line], FrozenSet[str]]:
    """Return the modules that a source imports by absolute name, by the look of its lines, and which only lazily."""
    found: Dict[str, Line] = {}
    eager: Set[str] = set()
    number, at = 1, 0
    strings = _Strings(data)
    for match in _IMPORT.finditer(data):
        if strings.hold(match.start()):
            continue
        if match.group(2):
            modules = [match.group(2)]
        else:
            parts = (part.split(b" as ")[0].strip() for part in match.group(3).replace(b"\t", b" ").split(b","))
            modules = [part for part in parts if re.match(rb"[A-Za-z_][\w.]*$", part)]
        for module in modules:
            name = module.decode("ascii", "replace")
            # a place at the left margin beats an earlier one inside a function
            if name in found and (match.group(1) or name in eager):
                continue
            number += data.count(b"\n", at, match.start())
            at = match.start()
            end = data.find(b"\n", match.start())
            text = data[match.start() : end if end >= 0 else len(data)].decode("utf-8", "replace").strip()
            found[name] = Line(path, number, text[:TEXT_LIMIT])
            if not match.group(1):
                eager.add(name)
    return found, frozenset(found) - frozenset(eager)


class _Strings:
    """Tells whether a place lies inside a triple-quoted string: an example in a docstring imports nothing.

    Counting quotes is quick and nearly always says no; only a yes is made sure of by reading every string of the file.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._seen = 0
        self._quotes = {b'"""': 0, b"'''": 0}
        self._spans: Optional[List[Tuple[int, int]]] = None

    def hold(self, position: int) -> bool:
        """Tell it of a place; places come in rising order."""
        for quotes in self._quotes:
            self._quotes[quotes] += self._data.count(quotes, self._seen, position)
        self._seen = position
        if not any(count % 2 for count in self._quotes.values()):
            return False
        if self._spans is None:
            self._spans = [match.span() for match in _STRINGS.finditer(self._data)]
        return any(start < position < end for start, end in self._spans)


def _interesting(data: bytes, imports: Mapping[str, Line]) -> bool:
    """Tell whether a source may hold something that is looked for: parsing costs a hundred times as much."""
    if b"numpy" in data:
        aliases = {b"np", b"numpy"} | set(_NUMPY_ALIAS.findall(data))
        names = (
            rb"\b(?:" + b"|".join(re.escape(alias) for alias in sorted(aliases)) + rb")\.(?:" + _NUMPY_WORDS + rb")\b"
        )
        if _NUMPY_FROM.search(data) or re.search(names, data):
            return True
    if b"torch" in data:
        if re.search(rb"\bload[ \t]*\(", data) and b"torch.load" in data or b"from torch import load" in data:
            return True
        if b".clamp_(" in data and b".long()" in data:
            return True
    if b"CUDAExecutionProvider" in data or (b"cv2" in data and _CV2.search(data)):
        return True
    if any(gone(name) is not None for name in imports):
        return True
    heads = {name.partition(".")[0] for name in imports}
    attributes, from_lines = _words_by_library()
    return any(head in attributes and attributes[head].search(data) for head in heads) or bool(from_lines.search(data))


def _protobuf(data: bytes, path: str) -> Tuple[ApiUse, ...]:
    """Return the sign of code that protoc before 3.19 generated: it builds each descriptor by a call of its own."""
    match = _PROTOBUF.search(data)
    if match is None or b"_USE_C_DESCRIPTORS" in data:
        return ()
    number = data.count(b"\n", 0, match.start()) + 1
    return (ApiUse("google.protobuf.generated", Line(path, number, match.group().decode("ascii"))),)


def _decode(data: bytes) -> List[str]:
    """Return the source's lines as the syntax tree counts them."""
    match = re.match(rb"(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]+)", data)
    encoding = match.group(1).decode("ascii") if match else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        text = data.decode("utf-8", "replace")
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


# ---------------------------------------------------------------- the syntax tree

#: words in a condition that asks which version, or whether a name is there
_ASKS = frozenset(
    "hasattr getattr __version__ version version_info check_version parse_version Version LooseVersion StrictVersion "
    "get_available_providers get_device TYPE_CHECKING TORCH_VERSION TORCH_1_7 TORCH_1_8 TORCH_1_9 TORCH_1_10".split()
)
_MISSING = frozenset(("ImportError", "ModuleNotFoundError", "AttributeError"))
_ANYTHING = frozenset(("Exception", "BaseException", "TypeError", "RuntimeError"))
#: what a loaded model has and a tensor or a dict has not
_MODEL_ONLY = frozenset(
    "state_dict eval fuse modules parameters named_parameters named_modules load_state_dict train zero_grad children "
    "names yaml hyp model module".split()
)
_FLOAT_MAKERS = frozenset(("torch.ones", "torch.zeros", "torch.rand", "torch.empty", "torch.randn"))
_INTEGER_CASTS = frozenset(("long", "int", "to", "type", "type_as"))


def _uses(tree: ast.AST, lines: List[str], path: str) -> Iterator[ApiUse]:
    return _Scan(tree, lines, path).run()


#: the functions around a node, outermost first
_Functions = Tuple[ast.AST, ...]
#: nodes below which nothing is looked for
_LEAVES = frozenset((ast.Name, ast.Load, ast.Store, ast.Del, ast.alias, ast.Pass, ast.Break, ast.Continue))


class _Scan:
    """One walk over one syntax tree."""

    def __init__(self, tree: ast.AST, lines: List[str], path: str) -> None:
        self.tree = tree
        self.lines = lines
        self.path = path
        self.found: List[ApiUse] = []
        self.names: Dict[str, str] = {}
        self.heads: Set[str] = set()
        self.stored: Optional[Set[Any]] = None
        self.bound: Dict[int, FrozenSet[str]] = {}
        #: what is known of each torch.load call, and which names hold what one returned; completed by later lines
        self.details: Dict[int, Dict[str, str]] = {}
        self.loaded: Dict[str, Dict[str, str]] = {}
        self.pillow: Dict[str, str] = {}
        self.limits: Set[str] = set()
        self.integers: Set[str] = set()

    def run(self) -> Iterator[ApiUse]:
        for node in _statements(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    head = alias.name.partition(".")[0]
                    self.names[alias.asname or head] = alias.name if alias.asname else head
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                for alias in node.names:
                    self.names[alias.asname or alias.name] = "%s.%s" % (node.module, alias.name)
        self.heads = {name.partition(".")[0] for name in self.names.values()}
        self._children(self.tree, None, ())
        return iter(self.found)

    # ------------------------------------------------------------ walking

    def _walk(self, node: ast.AST, guard: Optional[str], inside: _Functions) -> None:
        """Visit a node; ``guard`` says what protects it, ``inside`` in which functions it stands."""
        visit = self.visitors.get(type(node))
        if visit is None:
            self._children(node, guard, inside)
        else:
            visit(self, node, guard, inside)

    def _children(self, node: ast.AST, guard: Optional[str], inside: _Functions) -> None:
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST) and type(item) not in _LEAVES:
                        self._walk(item, guard, inside)
            elif isinstance(value, ast.AST) and type(value) not in _LEAVES:
                self._walk(value, guard, inside)

    def _visit_function(self, node: ast.AST, guard: Optional[str], inside: _Functions) -> None:
        self._children(node, guard, inside + (node,))

    def _visit_condition(self, node: Any, guard: Optional[str], inside: _Functions) -> None:
        self._children(node, guard or ("condition" if _asks(node.test) else None), inside)

    def _visit_question(self, node: ast.AST, guard: Optional[str], inside: _Functions) -> None:
        self._children(node, guard or ("condition" if _asks(node) else None), inside)

    def _visit_try(self, node: ast.Try, guard: Optional[str], inside: _Functions) -> None:
        caught: Set[str] = set()
        for handler in node.handlers:
            caught.update(_names_of(handler.type) if handler.type is not None else {"Exception"})
        small = len(node.body) <= 3
        within = guard or ("try" if caught & _MISSING or (small and caught & _ANYTHING) else None)
        for child in node.body + [child for handler in node.handlers for child in handler.body]:
            self._walk(child, within, inside)
        for child in node.orelse + node.finalbody:
            self._walk(child, guard, inside)

    def _visit_import(self, node: Any, guard: Optional[str], inside: _Functions) -> None:
        self._import(node, guard, inside)

    def _visit_assign(self, node: ast.Assign, guard: Optional[str], inside: _Functions) -> None:
        self._assign(node)
        self._children(node, guard, inside)

    def _visit_call(self, node: ast.Call, guard: Optional[str], inside: _Functions) -> None:
        self._call(node, guard, inside)
        self._children(node, guard, inside)

    def _visit_attribute(self, node: ast.Attribute, guard: Optional[str], inside: _Functions) -> None:
        if not self._attribute(node, guard, inside):
            self._walk(node.value, guard, inside)

    def _visit_list(self, node: Any, guard: Optional[str], inside: _Functions) -> None:
        for item in node.elts:
            if _string(item) == "CUDAExecutionProvider" and "onnxruntime" in self.heads:
                self._add("onnxruntime.CUDAExecutionProvider", item, guard, {}, inside)
        self._children(node, guard, inside)

    #: what is done at which kind of node; everything else is only passed through
    visitors: Dict[type, Any] = {
        ast.FunctionDef: _visit_function,
        ast.AsyncFunctionDef: _visit_function,
        ast.Lambda: _visit_function,
        ast.If: _visit_condition,
        ast.IfExp: _visit_condition,
        ast.While: _visit_condition,
        ast.BoolOp: _visit_question,
        ast.Compare: _visit_question,
        ast.Try: _visit_try,
        ast.Import: _visit_import,
        ast.ImportFrom: _visit_import,
        ast.Assign: _visit_assign,
        ast.Call: _visit_call,
        ast.Attribute: _visit_attribute,
        ast.List: _visit_list,
        ast.Tuple: _visit_list,
    }

    def _hidden(self, name: str, inside: _Functions) -> bool:
        """Tell whether a name is a function's own variable here, not the imported module."""
        for function in inside:
            bound = self.bound.get(id(function))
            if bound is None:
                bound = self.bound[id(function)] = _bound(function)
            if name in bound:
                return True
        return False

    def _rebound(self, name: str) -> bool:
        """Tell whether the file gives a builtin's name to something of its own."""
        if self.stored is None:
            self.stored = {
                getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "name", None)
                for node in ast.walk(self.tree)
                if (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
                or isinstance(node, (ast.arg, ast.FunctionDef, ast.ClassDef))
            }
        return name in self.stored

    # ------------------------------------------------------------ names

    def _dotted(self, node: ast.AST) -> Optional[str]:
        """Return the full name that an expression stands for, with import aliases resolved, or None."""
        parts: List[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.names:
            return None
        return ".".join([self.names[node.id]] + parts[::-1])

    def _attribute(self, node: ast.Attribute, guard: Optional[str], inside: _Functions) -> bool:
        """Note a use of a removed name; returns whether the expression is done with."""
        name = self._dotted(node)
        if name is None:
            return False
        head, _, rest = name.partition(".")
        if head == "numpy":
            if rest in NUMPY_NAMES and isinstance(node.ctx, ast.Load):
                detail = self._place(node)
                if rest in ("int", "float", "bool", "str", "object", "complex", "long", "unicode"):
                    plain = {"long": "int", "unicode": "str"}.get(rest, rest)
                    if self._rebound(plain):
                        detail["rebound"] = plain
                self._add(name, node, guard, detail, inside)
                return True
            return False
        if head == "cv2" and "." not in rest:
            if rest in CV2_WINDOW_NAMES or rest in CV2_CONTRIB_NAMES:
                kind = "window" if rest in CV2_WINDOW_NAMES else "contrib"
                self._add(name, node, guard, {"kind": kind}, inside)
                return True
            return False
        found = gone(name)
        if found is None or not isinstance(node.ctx, ast.Load):
            return False
        while isinstance(node, ast.Attribute) and self._dotted(node) != found[0]:
            inner = node.value
            if not isinstance(inner, ast.Attribute):
                break
            node = inner
        if not isinstance(node, ast.Attribute):
            return False
        if self._dotted(node) == found[0]:
            self._add(found[0], node, guard, self._place(node), inside)
        elif found[0] not in self.names.values():
            self._add(name, node, guard, {}, inside)
        return True

    def _import(self, node: Any, guard: Optional[str], inside: _Functions) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if gone(alias.name) is not None:
                    self._add(alias.name, node, guard, {}, inside)
            return
        if node.level or not node.module:
            return
        rows = []
        for alias in node.names:
            name = "%s.%s" % (node.module, alias.name)
            if node.module == "numpy" and alias.name in NUMPY_NAMES:
                self._add(name, node, guard, {}, inside)
            found = gone(name)
            if found is not None:
                rows.append((name, found[1]))
            if node.module == "cv2" and alias.name in CV2_WINDOW_NAMES | CV2_CONTRIB_NAMES:
                self._add(
                    name, node, guard, {"kind": "window" if alias.name in CV2_WINDOW_NAMES else "contrib"}, inside
                )
        modules = {(row.rewrite or "").rpartition(".")[0] for _, row in rows}
        movable = (
            len(rows) == len(node.names)
            and len(modules) == 1
            and all(row.rewrite and row.rewrite.rpartition(".")[2] == name.rpartition(".")[2] for name, row in rows)
        )
        for number, (name, _) in enumerate(rows):
            detail: Dict[str, str] = {}
            line = self._line(node.lineno)
            start = self._column(node)
            if movable and number == 0 and start is not None:
                at = line.find(node.module, start)
                if at >= 0 and line[start:at].split() == ["from"]:
                    detail = {"column": str(at), "source": node.module, "module": next(iter(modules))}
            self._add(name, node, guard, detail, inside)

    # ------------------------------------------------------------ calls and assignments

    def _call(self, node: ast.Call, guard: Optional[str], inside: _Functions) -> None:
        function = node.func
        name = self._dotted(function)
        if self._is_load(node):
            self._torch_load(node, guard, inside)
        if isinstance(function, ast.Attribute):
            if function.attr in PILLOW_METHODS and name is None:
                hint, row = PILLOW_METHODS[function.attr]
                receiver = _last_word(function.value)
                if receiver is not None and (hint in receiver.lower() or self.pillow.get(receiver) == hint):
                    if any(target.partition(".")[0] == "PIL" for target in self.names.values()):
                        self._add(row, node, guard, {}, inside)
            if function.attr == "clamp_":
                self._clamp(node, function, guard, inside)
            if function.attr in _MODEL_ONLY:
                self._note_whole(function.value)

    def _torch_load(self, node: ast.Call, guard: Optional[str], inside: _Functions) -> None:
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if None in given:
            return  # **kwargs may hold it
        value = given.get("weights_only")
        detail = self.details.setdefault(id(node), {})
        detail["weights_only"] = "absent" if value is None else str(getattr(value, "value", "given"))
        end_line, end_column = getattr(node, "end_lineno", None), getattr(node, "end_col_offset", None)
        if end_line is not None and end_column is not None:
            line = self._line(end_line)
            column = len(line.encode("utf-8")[:end_column].decode("utf-8", "replace")) - 1
            # where the bracket stands on a line of its own, the end of the line above says whether a comma is needed
            before = line[:column].rstrip() or self._line(end_line - 1).rstrip()
            if line[column : column + 1] == ")" and before and "#" not in before:
                comma = "" if line[:column].strip() == "" else " "
                comma = comma if before.endswith(",") else ", "
                detail.update(end_line=str(end_line), end_column=str(column), insert=comma + "weights_only=False")
        self._add("torch.load", node, guard, detail, inside)

    def _note_whole(self, node: ast.AST) -> None:
        """A call of a model's own method: the thing it is called on was loaded whole, not as a dict of tensors."""
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Call) and self._is_load(node):
                self.details.setdefault(id(node), {})["whole"] = "yes"
                return
            if isinstance(node, (ast.Attribute, ast.Subscript)):
                node = node.value
            elif isinstance(node, ast.Call):
                node = node.func
            else:
                return
        if node.id in self.loaded:
            self.loaded[node.id]["whole"] = "yes"

    def _is_load(self, node: ast.Call) -> bool:
        return self._dotted(node.func) in ("torch.load", "torch.serialization.load")

    def _assign(self, node: ast.Assign) -> None:
        value = node.value
        targets = [
            item for target in node.targets for item in (target.elts if isinstance(target, ast.Tuple) else [target])
        ]
        words = [word for word in map(_last_word, targets) if word is not None]  # ``gain[2:6] = …`` binds none
        call = value
        while isinstance(call, (ast.Subscript, ast.Attribute)):
            call = call.value
        if isinstance(call, ast.Call):
            name = self._dotted(call.func) or ""
            if name.startswith("PIL.ImageFont."):
                self.pillow.update((word, "font") for word in words)
            elif name in ("PIL.ImageDraw.Draw", "PIL.ImageDraw.ImageDraw"):
                self.pillow.update((word, "draw") for word in words)
        for word in words:
            self.limits.discard(word)
            if isinstance(value, ast.Call) and self._dotted(value.func) in _FLOAT_MAKERS:
                if not any(keyword.arg == "dtype" for keyword in value.keywords):
                    self.limits.add(word)
            if _ends_in_integers(value, self.integers):
                self.integers.add(word)
            else:
                self.integers.discard(word)
        if isinstance(call, ast.Call) and self._is_load(call):
            self.loaded.update((word, self.details.setdefault(id(call), {})) for word in words)
        else:
            for word in words:
                self.loaded.pop(word, None)

    def _clamp(self, node: ast.Call, function: ast.Attribute, guard: Optional[str], inside: _Functions) -> None:
        receiver = _last_word(function.value)
        if receiver is None or receiver not in self.integers:
            return
        for argument in node.args + [keyword.value for keyword in node.keywords]:
            for child in ast.walk(argument):
                if isinstance(child, ast.Subscript) and _last_word(child.value) in self.limits:
                    if any(
                        isinstance(part, ast.Attribute) and part.attr in _INTEGER_CASTS for part in ast.walk(argument)
                    ):
                        return
                    source = self._text(child)
                    detail = {"call": "%s.clamp_" % receiver}
                    column = self._column(child)
                    if source and column is not None:
                        detail.update(source=source, column=str(column))
                    self._add("torch.Tensor.clamp_", child, guard, detail, inside)
                    return

    # ------------------------------------------------------------ places

    def _line(self, number: int) -> str:
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def _column(self, node: ast.AST) -> Optional[int]:
        """Return the column in characters; the tree counts bytes of UTF-8."""
        line, offset = self._line(node.lineno), node.col_offset  # type: ignore[attr-defined]
        return len(line.encode("utf-8")[:offset].decode("utf-8", "replace")) if offset >= 0 else None

    def _text(self, node: ast.Subscript) -> Optional[str]:
        """Return the source of ``name[3]`` when it stands in one line."""
        column = self._column(node)
        if column is None:
            return None
        match = re.match(r"[\w.]+\[[^][]+\]", self._line(node.lineno)[column:])
        return match.group() if match else None

    def _place(self, node: ast.Attribute) -> Dict[str, str]:
        """Return where the written name stands, for a rewrite; empty when it is spread over lines."""
        parts: List[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            return {}
        written = ".".join([inner.id] + parts[::-1])
        column = self._column(node)
        line = self._line(node.lineno)
        if column is None or line[column : column + len(written)] != written:
            return {}
        detail = {"column": str(column), "source": written}
        rest = line[column + len(written) :].lstrip()
        if rest:
            detail["after"] = "**" if rest.startswith("**") else rest[0]
        return detail

    def _add(self, name: str, node: ast.AST, guard: Optional[str], detail: Dict[str, str], inside: _Functions) -> None:
        root = _root(node)
        if root in self.names and self._hidden(str(root), inside):
            return
        if guard is not None:
            detail["guard"] = guard
        number = node.lineno  # type: ignore[attr-defined]
        self.found.append(ApiUse(name, Line(self.path, number, self._line(number).strip()[:TEXT_LIMIT]), detail))


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement; imports stand nowhere else."""
    todo: List[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            part = getattr(node, field, None)
            if isinstance(part, list):
                todo.extend(part)
        yield node


def _asks(node: ast.AST) -> bool:
    """Tell whether a condition asks which version this is, or whether a name is there."""
    for child in ast.walk(node):
        word = child.id if isinstance(child, ast.Name) else child.attr if isinstance(child, ast.Attribute) else None
        if word is not None and (word in _ASKS or "version" in word.lower()):
            return True
    return False


def _bound(node: Any) -> FrozenSet[str]:
    """Return the names that a function binds itself, other than by import."""
    arguments = node.args
    bound = {item.arg for item in arguments.args + arguments.kwonlyargs + getattr(arguments, "posonlyargs", [])}
    bound.update(item.arg for item in (arguments.vararg, arguments.kwarg) if item is not None)
    imported: Set[str] = set()
    for child in ast.walk(node) if not isinstance(node, ast.Lambda) else ():
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            bound.add(child.id)
        elif isinstance(child, (ast.Import, ast.ImportFrom)):
            imported.update((alias.asname or alias.name).partition(".")[0] for alias in child.names)
    return frozenset(bound - imported)


def _root(node: ast.AST) -> Optional[str]:
    """Return the name that an expression starts with: ``np`` of ``np.int``, ``torch`` of ``torch.load(f)``."""
    while True:
        if isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, (ast.Attribute, ast.Subscript)):
            node = node.value
        else:
            return node.id if isinstance(node, ast.Name) else None


def _string(node: ast.AST) -> Optional[str]:
    value = getattr(node, "s" if sys.version_info < (3, 8) else "value", None)
    return value if isinstance(value, str) else None


def _names_of(node: ast.AST) -> Set[str]:
    return {
        child.id if isinstance(child, ast.Name) else child.attr
        for child in ast.walk(node)
        if isinstance(child, (ast.Name, ast.Attribute))
    }


def _last_word(node: ast.AST) -> Optional[str]:
    """Return ``font`` for ``font`` and for ``self.font``."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _ends_in_integers(node: ast.AST, known: Set[str]) -> bool:
    """Tell whether a value is an integer tensor by its look: ``(…).long()``, or the parts of one: ``gij.T``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "long":
            return True
        return node.func.attr in ("t", "unbind", "clone", "chunk") and _ends_in_integers(node.func.value, known)
    if isinstance(node, ast.Attribute):
        return node.attr == "T" and _last_word(node.value) in known
    return isinstance(node, ast.Name) and node.id in known


# ---------------------------------------------------------------- notebooks


def scan_notebook(data: bytes, path: str) -> Scanned:
    """Return what the code cells of a notebook hold; lines are those of the .ipynb file, magics are left out."""
    try:
        book = json.loads(data.decode("utf-8", "replace"))
        cells = book.get("cells") or [cell for sheet in book.get("worksheets", ()) for cell in sheet.get("cells", ())]
    except (ValueError, AttributeError, RecursionError):
        return Scanned({}, frozenset(), broken="not a notebook")
    code: List[str] = []
    for cell in cells if isinstance(cells, list) else ():
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source = cell.get("source", cell.get("input", ""))
        lines = ("".join(str(part) for part in source) if isinstance(source, list) else str(source)).split("\n")
        if lines[0].startswith("%%") and not lines[0].startswith(("%%time", "%%capture", "%%prun")):
            continue
        plain = [_without_magic(line) for line in lines]
        if parse("\n".join(plain).encode("utf-8"))[0] is not None:
            code.extend(plain)  # a cell that is shell text, another language or unfinished costs only itself
    found = scan("\n".join(code).encode("utf-8"), path)
    numbers = {line.line for line in found.imports.values()} | {use.where.line for use in found.uses}
    places = _places(data, code, sorted(numbers))

    def moved(line: Line) -> Line:
        return Line(line.file, places.get(line.line, 1), line.text)

    return found._replace(
        imports={name: moved(line) for name, line in found.imports.items()},
        # no columns: a rewrite would have to edit JSON
        uses=tuple(
            ApiUse(use.name, moved(use.where), {key: value for key, value in use.detail.items() if key in _KEPT})
            for use in found.uses
        ),
        script=False,
    )


def _places(data: bytes, code: List[str], numbers: List[int]) -> Dict[int, int]:
    """Return the line of the notebook's file for lines of its code."""
    found: Dict[int, int] = {}
    at = 0
    for number in numbers:
        line = code[number - 1]
        forms = (json.dumps(line, ensure_ascii=False)[1:-1], json.dumps(line)[1:-1])
        places = [data.find(form.encode("utf-8"), start) for start in (at, 0) for form in forms]
        place = next((one for one in places if one >= 0), None)
        if place is not None:
            found[number] = data.count(b"\n", 0, place) + 1
            at = place
    return found


_KEPT = ("guard", "kind", "weights_only", "whole", "call")


def _without_magic(line: str) -> str:
    """Return a cell's line with IPython's own syntax (``%matplotlib``, ``!pip``, ``object?``) made harmless."""
    match = re.match(r"(\s*)(?:[%!?].*|[\w.]+\?+\s*|\w+\s*=\s*[!%].*)$", line)
    return match.group(1) + "pass" if match else line
