"""Makes `nvidia-smi` programs for PATH: ones that print a recorded table, and ones that misbehave."""

import os
import sys
from pathlib import Path

RAW = Path(__file__).resolve().parent.parent / "raw"


def make(folder, table="", query="", code=0, stderr="", before=""):
    """Put a `nvidia-smi` into a folder: it prints ``table``, or ``query`` when it is asked with --query-gpu."""
    folder = Path(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "nvidia-smi"
    script.write_text(
        "#!%s\n"
        "import os, sys, time\n"
        "%s\n"
        "asked = any(part.startswith('--query-gpu') for part in sys.argv[1:])\n"
        "sys.stdout.write(%r if asked else %r)\n"
        "sys.stderr.write(%r)\n"
        "sys.exit(%d)\n" % (sys.executable, before, query, table, stderr, code)
    )
    script.chmod(0o755)
    return script


def put_first(monkeypatch, folder):
    """Put a folder first on PATH."""
    monkeypatch.setenv("PATH", str(folder) + os.pathsep + os.environ.get("PATH", ""))


def raw(name):
    return (RAW / name).read_text(encoding="utf-8")
