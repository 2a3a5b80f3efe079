"""A small real environment with something to mend, for tests of the whole transaction.

Run as a program it is one doctor at work: ``toy.py apply|undo ENV INDEX-URL [--kill-at N]``; with ``--kill-at`` the
process kills itself at the Nth checkpoint, with ``--count`` it prints how many there were.
"""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from lab.index import Index  # noqa: E402

SCRIPTS = "Scripts" if os.name == "nt" else "bin"
CODE = "torchvision-version-mismatch"


def python_of(env):
    return os.path.join(str(env), SCRIPTS, "python.exe" if os.name == "nt" else "python")


def make_index(folder):
    """Make the wheels of the story: toyvision 1.0 is to become 2.0, which needs toydep 2, and toyboth goes."""
    index = Index(folder)
    many = {"toyvision/ops/op%02d.py" % n: b"VALUE = %d\n" % n for n in range(12)}
    old = dict(many)
    old.update(
        {
            "toyvision/__init__.py": b"VERSION = 1\n",
            "toyvision/only_old.py": b"OLD = 1\n",
            "toyvision/_C.so": b"\0old" * 999,
        }
    )
    old["toyvision/thing"] = b"a file that becomes a folder\n"
    new = dict(many)
    new.update(
        {
            "toyvision/__init__.py": b"VERSION = 2\n",
            "toyvision/new/__init__.py": b"NEW = 1\n",
            "toyvision/_C.so": b"\0new" * 999,
        }
    )
    new["toyvision/thing/__init__.py"] = b""
    script = {"scripts/toy-tool": b"#!python\nprint('tool')\n", "data/share/toyvision/notes.txt": b"notes\n"}
    index.add("toyvision", "1.0", files=old, scripts=["toy-run = toyvision:main"], data=script)
    index.add("toyvision", "2.0", files=new, scripts=["toy-run = toyvision:main2"], requires=["toydep>=2", "toynew"])
    index.add("toydep", "1.0", files={"toydep.py": b"DEP = 1\n"})
    index.add("toydep", "2.0", files={"toydep.py": b"DEP = 2\n"})
    index.add("toynew", "1.0", files={"space/toynew/__init__.py": b"", "space/toynew/deep/er.py": b"x = 1\n"})
    index.add("toyboth", "1.0", files={"shared/__init__.py": b"B = 1\n", "shared/b.py": b"b = 1\n"})
    index.add("toyheadless", "1.0", files={"shared/__init__.py": b"H = 1\n", "shared/h.py": b"h = 1\n"})
    index.add("toykeep", "1.0", files={"toykeep.py": b"KEEP = 1\n"})
    return index


def bundled_pip(python):
    """Return the pip that ``ensurepip`` of this Python carries, as a program to run."""
    program = "import ensurepip; print(ensurepip.__file__)"
    found = subprocess.run([str(python), "-c", program], stdout=subprocess.PIPE, universal_newlines=True, check=True)
    (wheel,) = sorted(Path(found.stdout.strip()).parent.glob("_bundled/pip-*.whl"))[-1:]
    return str(wheel / "pip")


def make_env(folder, index, python=sys.executable, with_pip=False):
    """Make the broken environment; return its folder."""
    base = os.path.realpath(python) if os.path.realpath(python) != os.path.realpath(sys.executable) else python
    options = [] if with_pip else ["--without-pip"]
    subprocess.run([str(base), "-m", "venv", *options, str(folder)], check=True)
    wanted = ["toyvision==1.0", "toydep==1.0", "toykeep==1.0", "toyboth==1.0", "toyheadless==1.0"]
    pip_install(folder, index, *wanted)
    return str(folder)


def pip_install(env, index, *wanted):
    env_vars = dict(os.environ, PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1")
    env_vars.pop("PYTHONPATH", None)
    links = os.path.join(index.folder, "simple")
    command = [
        python_of(env),
        bundled_pip(python_of(env)),
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "-f",
        links,
        *wanted,
    ]
    subprocess.run(command, check=True, env=env_vars)


def manifest(env):
    """Return path -> (kind, mode, content) of everything in an environment but the doctor's own folder."""
    found = {}
    for root, folders, names in os.walk(str(env)):
        if root == str(env) and ".doctor" in folders:
            folders.remove(".doctor")
        for name in names + folders:
            path = os.path.join(root, name)
            relative = os.path.relpath(path, str(env)).replace(os.sep, "/")
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                found[relative] = ("link", 0, os.readlink(path))
            elif stat.S_ISDIR(status.st_mode):
                found[relative] = ("dir", stat.S_IMODE(status.st_mode), "")
            else:
                with open(path, "rb") as file:
                    found[relative] = ("file", stat.S_IMODE(status.st_mode), hashlib.sha256(file.read()).hexdigest())
    return found


def difference(before, after):
    """Return what differs between two manifests, for a failure's message."""
    keys = sorted(set(before) | set(after))
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def facts_of(env):
    from doctor.facts import Facts
    from doctor.probes.fingerprint import probe_fingerprint
    from doctor.probes.python import Choice, finish, probe_distributions, start

    python = finish(start(Choice(python_of(env), "--python")))
    values = [python, probe_distributions(python.site_packages), probe_fingerprint(python.site_packages)]
    return Facts({type(value): value for value in values})


def judge(facts):
    """Return the findings of a toy check: toyvision must be 2.0 and shared/ must have one owner."""
    from doctor.facts import Distributions
    from doctor.model import Finding, Install

    installed = facts.need(Distributions)
    vision = installed.find("toyvision")
    found = []
    if vision is None or vision.version != "2.0":
        version = vision.version if vision else None
        remedy = Install("toyvision", "==2.0")
        found.append(Finding(code=CODE, severity="error", params={"version": version}, remedies=(remedy,)))
    if installed.find("toyboth") is not None and installed.find("toyheadless") is not None:
        found.append(Finding(code="opencv-conflict", severity="warning", remedies=(Install("toyheadless"),)))
    return found


def wheel(name, version, url=None, sha256=None, filename=""):
    from doctor.model import Wheel

    return Wheel(name, version, filename, url, sha256, "package index" if url is None else "a test")


def step(id, wheels=(), removes=(), paths=(), fixes=(CODE,)):
    from doctor.model import SAFE, Step
    from doctor.text import Text

    argv = ("python", "-m", "pip", "install", *[item.name for item in wheels])
    return Step(id, "pip", SAFE, argv, Text("A step.", "一步。"), wheels=tuple(wheels), removes=tuple(removes),
                removes_paths=tuple(paths), fixes=tuple(fixes))  # fmt: skip


def full_plan(files=False):
    """Return the plan that mends everything: a change of version with dependencies, and one owner for shared/.

    With ``files`` it names files that lie in the doctor's download folder, so that no index has to be asked.
    """
    from doctor.model import Plan

    def known(name, version):
        return wheel(name, version, filename="%s-%s-py3-none-any.whl" % (name, version) if files else "")

    more = [known("toydep", "2.0"), known("toynew", "1.0")] if files else []
    return Plan((
        step(1, removes=["toyboth", "toyheadless"], fixes=["opencv-conflict"]),
        step(2, [known("toyheadless", "1.0")], fixes=["opencv-conflict"]),
        step(3, [known("toyvision", "2.0"), *more]),
    ))  # fmt: skip


def apply(env, plan=None, options=None, progress=None, matrix=None, check_again=None, findings=None):
    """Carry a plan out in this process, with real probes and the toy check."""
    from doctor import fix

    facts = facts_of(env)
    options = options or fix.Options(apply=True)

    def look():
        again = facts_of(env)
        return again, judge(again)

    found = judge(facts) if findings is None else findings
    return fix.apply(plan or full_plan(), facts, options, check_again or look, progress, found, matrix)


def point_pip_at(simple):
    """Make every pip of this process use one index, and nothing of the user's own settings."""
    os.environ["PIP_CONFIG_FILE"] = os.devnull
    for name in [name for name in os.environ if name.startswith("PIP_") and name != "PIP_CONFIG_FILE"]:
        del os.environ[name]
    os.environ["PIP_INDEX_URL"] = simple
    os.environ["PIP_RETRIES"] = "0"


def main(arguments):
    what, env, simple = arguments[:3]
    deadly = {"--kill-at": signal.SIGKILL, "--interrupt-at": signal.SIGINT, "--terminate-at": signal.SIGTERM}
    option = next((name for name in deadly if name in arguments), None)
    number = int(arguments[arguments.index(option) + 1]) if option else None
    names = []

    def checkpoint(name):
        names.append(name)
        if len(names) == number:
            os.kill(os.getpid(), deadly[option])

    from doctor.fix import journal

    journal.checkpoint = checkpoint
    if simple != "-":
        point_pip_at(simple)
    from doctor import fix
    from doctor.model import DoctorError

    try:
        plan = full_plan(files="--files" in arguments)
        result = apply(env, plan) if what == "apply" else fix.undo(env)
    except DoctorError as error:
        result = fix.FixResult(fix.REFUSED, error.exit, error.message, error.params)
    said = dict(result.to_json(), exit=result.exit, checkpoints=names if "--count" in arguments else len(names))
    json.dump(said, sys.stdout)
    return result.exit


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
