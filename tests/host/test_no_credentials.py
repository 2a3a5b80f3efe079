"""Credentials of pip, proxies and requirements do not reach a report, whatever its form."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT
from trees import write

SECRETS = ("hunter2", "t0k3nt0k3n", "ghp_abcdefghijklmnopqrstuvwxyz012345")


@pytest.mark.parametrize(
    "arguments", [["--json"], ["--format", "markdown"], ["-v"], ["-v", "--lang", "zh"]], ids=" ".join
)
def test_no_credentials_in_reports(tmp_path, arguments):
    root = write(
        tmp_path / "project",
        {
            "requirements.txt": "--extra-index-url https://bob:hunter2@pkg.example.org/simple\ntorch>=1.7\n"
            "pandas @ https://t0k3nt0k3n@pkg.example.org/x/pandas-1.0-py3-none-any.whl\n"
            "not-there @ git+https://ghp_abcdefghijklmnopqrstuvwxyz012345@github.com/a/b.git\n",
            "train.py": "import torch, pandas\n",
        },
    )
    bundle = str(tmp_path / "bundle.json")
    environ = dict(
        os.environ,
        PYTHONPATH=str(ROOT),
        PYTHONIOENCODING="utf-8",
        PIP_INDEX_URL="http://bob:hunter2@pkg.example.org/simple",
        PIP_TRUSTED_HOST="pkg.example.org",
        HTTPS_PROXY="http://bob:hunter2@proxy.example.org:3128",
    )
    command = [sys.executable, "-m", "doctor", "check", "--quick", "--project", root, "--save", bundle] + arguments
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ, timeout=120)
    assert ran.returncode in (0, 1)
    printed = ran.stdout.decode("utf-8")
    assert "pkg.example.org" in printed  # it is about the index, without its password
    with open(bundle, encoding="utf-8") as stream:
        saved = stream.read()
    assert "proxy.example.org" in saved
    assert [word for word in SECRETS if word in printed or word in saved] == []
