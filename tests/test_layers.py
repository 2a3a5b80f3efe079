"""Who may import what, and what the source must never hold."""

import ast
import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT, need_python

PACKAGE = ROOT / "doctor"
REMOTE = PACKAGE / "probes" / "remote"
#: folders and files that may touch the machine or the network
IMPURE = ("probes/", "fix/", "wheels/index.py")
TOUCHING = {"subprocess", "socket", "requests", "pynvml", "urllib.request", "http.client"}
#: what is computed from facts alone must not reach these, not even late
HEAVY = {"requests", "yaml", "rich", "psutil", "pynvml", "packaging"}
PURE = (
    "facts.py",
    "model.py",
    "text.py",
    "registry.py",
    "explain.py",
    "signatures.py",
    "plan.py",
    "checks/",
    "wheels/choose.py",
    "wheels/beside.py",
)
REACHING = ("doctor.probes", "doctor.fix", "doctor.render", "doctor.session", "doctor.cli", "doctor.wheels.index")
#: what the import trials import on purpose
SUBJECTS = {"torch", "torchvision", "torchaudio", "numpy", "cv2", "onnxruntime", "PIL", "pip", "pynvml"}
#: modules of Python 2, imported behind an ImportError
PYTHON2 = {"__builtin__", "ConfigParser", "urllib2", "imp", "commands", "Queue"}


def sources():
    return sorted(path for path in PACKAGE.rglob("*.py"))


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(path):
    """Yield (module, name or None, line) of every import in the file, relative ones spelt out."""
    package = ["doctor"] + list(path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            for alias in node.names:
                yield module, alias.name, node.lineno


def matches(module, name, wanted):
    full = module + "." + name if name else module
    return any(item == wanted or item.startswith(wanted + ".") for item in (module, full))


def offenders(allowed, forbidden, paths=None):
    wrong = []
    for path in paths or sources():
        if any(name_of(path).startswith(prefix) for prefix in allowed):
            continue
        for module, name, line in imported(path):
            wrong.extend(
                "%s:%d imports %s" % (name_of(path), line, item) for item in forbidden if matches(module, name, item)
            )
    return wrong


def test_only_probes_fix_and_the_index_client_touch_the_machine():
    assert offenders(IMPURE, TOUCHING) == []


def test_only_render_knows_rich():
    assert offenders(("render/",), {"rich"}) == []


def test_nobody_imports_click_asyncio_or_a_service_locator():
    assert offenders((), {"click", "asyncio", "importlib.metadata", "pkg_resources", "distutils"}) == []


def test_pure_parts_do_not_reach_for_the_machine():
    pure = [path for path in sources() if any(name_of(path).startswith(prefix) for prefix in PURE)]
    assert len(pure) > 10
    assert offenders((), REACHING, pure) == []


def test_probes_do_not_know_checks_or_reports():
    probes = [path for path in sources() if name_of(path).startswith("probes/")]
    assert (
        offenders((), ("doctor.checks", "doctor.registry", "doctor.render", "doctor.fix", "doctor.cli"), probes) == []
    )


def test_heavy_libraries_are_imported_late():
    """At the top of a file they would cost every start; ``render`` itself is imported late."""
    wrong = []
    for path in sources():
        if name_of(path).startswith("render/"):
            continue
        for node in parse(path).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            heavy = [
                n for n in names if n.split(".")[0] in ("requests", "yaml", "rich", "psutil", "pynvml", "packaging")
            ]
            wrong.extend("%s:%d imports %s at the top" % (name_of(path), node.lineno, n) for n in heavy)
    assert wrong == []


FORBIDDEN = {
    "shell=True": lambda call: any(k.arg == "shell" and getattr(k.value, "value", None) is True for k in call.keywords),
    "os.system": lambda call: dotted(call.func) in ("os.system", "os.popen"),
    "eval or exec": lambda call: dotted(call.func) in ("eval", "exec"),
    "pickle": lambda call: dotted(call.func) in ("pickle.load", "pickle.loads", "marshal.loads"),
    "yaml.load": lambda call: dotted(call.func) in ("yaml.load", "yaml.unsafe_load", "yaml.full_load"),
}


def dotted(node):
    if isinstance(node, ast.Attribute):
        return "%s.%s" % (dotted(node.value), node.attr)
    return node.id if isinstance(node, ast.Name) else ""


def test_nothing_goes_through_a_shell_and_nothing_foreign_is_evaluated():
    wrong = []
    for path in sources():
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call):
                wrong.extend(
                    "%s:%d %s" % (name_of(path), node.lineno, n) for n, is_it in FORBIDDEN.items() if is_it(node)
                )
    assert wrong == []


# ---------------------------------------------------------------- scripts run by other Pythons


def remote_scripts():
    return sorted(path for path in REMOTE.glob("*.py") if path.name != "__init__.py")


def test_remote_scripts_import_the_standard_library_only():
    if sys.version_info < (3, 10):
        return  # sys.stdlib_module_names came with 3.10; the same files are judged there
    wrong = []
    for path in remote_scripts():
        for module, _, line in imported(path):
            top = module.split(".")[0]
            if top not in sys.stdlib_module_names and top not in SUBJECTS | PYTHON2:
                wrong.append("%s:%d imports %s" % (name_of(path), line, module))
    assert wrong == []


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_remote_scripts_parse_on_old_pythons(version):
    python = need_python(version)
    program = "import sys\nfor p in sys.argv[1:]:\n    compile(open(p, 'rb').read(), p, 'exec')"
    scripts = [str(path) for path in remote_scripts()]
    assert scripts
    ran = subprocess.run([python, "-c", program] + scripts, stderr=subprocess.PIPE, universal_newlines=True)
    assert ran.returncode == 0, ran.stderr


def test_every_file_compiles_on_37():
    files = [
        str(path) for folder in ("doctor", "tests", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    ]
    if sys.version_info >= (3, 8):
        for path in files:
            with open(path, encoding="utf-8") as file:
                ast.parse(file.read(), path, feature_version=(3, 7))
    program = "import json, sys\nfor p in json.load(sys.stdin):\n    compile(open(p, 'rb').read(), p, 'exec')"
    python = need_python("3.7")
    ran = subprocess.run(
        [python, "-c", program], input=json.dumps(files), stderr=subprocess.PIPE, universal_newlines=True
    )
    assert ran.returncode == 0, ran.stderr


# ---------------------------------------------------------------- words that must not be in the repository

SKIPPED_FOLDERS = {".git", "build", "dist", ".cache", ".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
#: composed, so that this file does not hold them itself
HOSTS = ["pypi" + ".org", "python" + "hosted", "debian" + ".org", "npm" + "js.org"]
MACHINE_PATHS = re.compile("/(root|work|farm|tmp/bash_jobs)" + "/")


def tracked_texts():
    stack = [ROOT]
    while stack:
        for path in sorted(stack.pop().iterdir()):
            if path.is_dir():
                if path.name not in SKIPPED_FOLDERS | {"__pycache__"} and not path.name.startswith(".venv"):
                    if not path.name.endswith(".egg-info"):
                        stack.append(path)
            else:
                try:
                    yield path, path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue


def test_no_registry_hosts_and_no_machine_paths():
    wrong = []
    for path, text in tracked_texts():
        lines = text.splitlines()
        for number, line in enumerate(lines, 1):
            lowered = line.lower()
            if any(host in lowered for host in HOSTS) or MACHINE_PATHS.search(line):
                wrong.append("%s:%d" % (path.relative_to(ROOT).as_posix(), number))
    assert wrong == []


def test_nothing_is_left_unfinished():
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b")
    wrong = []
    for path in [p for folder in ("doctor", "tests", "scripts") for p in (ROOT / folder).rglob("*.py")]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if words.search(line):
                wrong.append("%s:%d" % (path.relative_to(ROOT).as_posix(), number))
    assert wrong == []
