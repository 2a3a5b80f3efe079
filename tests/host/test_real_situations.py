"""Troubles of the machine made for real: small, full, read-only and silent disks in a namespace of mounts; limits."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, need_tool

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: namespaces of mounts")

#: mounts a FUSE file system that nobody serves, then runs the command: like a network share whose server is gone
SILENT = """
import ctypes, os, subprocess, sys
device = os.open("/dev/fuse", os.O_RDWR)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0" % device
if ctypes.CDLL(None).mount(b"gone", os.fsencode(sys.argv[1]), b"fuse", 0, options.encode()):
    sys.exit("cannot mount")
status = subprocess.call(sys.argv[2:])
os.close(device)
sys.exit(status)
"""


class Judged:
    def __init__(self, status, report):
        self.status, self.report = status, report
        self.found = {item["code"]: item for item in report.get("findings", ())}
        self.skipped = {
            item["code"]: item["reason"] for item in report.get("outcomes", ()) if item["status"] == "skipped"
        }


@pytest.fixture
def judge(tmp_path):
    """Run the doctor on a project in a folder of its own, after shell commands in a namespace that ends with it."""
    place = tmp_path / "place"
    place.mkdir()

    def run(prepare, *codes, **environ):
        only = [word for code in codes for word in ("--only", code)]
        command = [sys.executable, "-m", "doctor", "check", "--quick", "--json", "--project", str(place)] + only
        inside = ["unshare", "-m", "--propagation", "private", "sh", "-c", "set -e\nPLACE=%s\n" % place + prepare]
        if subprocess.run(inside, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            pytest.skip("a tmpfs cannot be mounted here")
        inside[-1] += '\nexec "$@"'
        ran = subprocess.run(
            inside + ["sh"] + command,
            cwd=str(Path(sys.executable).parent),
            env=dict(os.environ, PYTHONPATH=str(ROOT), **environ),
            stdout=subprocess.PIPE,
            universal_newlines=True,
            timeout=60,
        )
        return Judged(ran.returncode, json.loads(ran.stdout))

    run.place = place
    need_tool("unshare")
    return run


SOURCE = 'echo "import torch" > "$PLACE/train.py"\n'


def test_shared_memory_of_a_container(judge):
    found = judge("mount -t tmpfs -o size=64m tmpfs /dev/shm\n" + SOURCE, "shm-too-small").found
    assert "64 MiB" in found["shm-too-small"]["title"]


def test_a_small_temporary_folder(judge, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    judged = judge('mount -t tmpfs -o size=150m tmpfs "%s"\n%s' % (small, SOURCE), "tmp-too-small", TMPDIR=str(small))
    assert judged.found["tmp-too-small"]["params"]["path"] == str(small)
    assert judged.found["tmp-too-small"]["params"]["free"] == "150 MiB"


def test_a_project_on_a_read_only_disk(judge):
    prepare = 'mount -t tmpfs -o size=20m tmpfs "$PLACE"\n' + SOURCE + 'mount -o remount,ro "$PLACE"'
    judged = judge(prepare, "storage-read-only", "disk-full")
    assert set(judged.found) == {"storage-read-only"}
    assert judged.found["storage-read-only"]["params"]["purpose"] == "project"


def test_a_full_disk(judge):
    fill = 'head -c 30m /dev/zero > "$PLACE/fill" 2>/dev/null || true'
    judged = judge('mount -t tmpfs -o size=20m tmpfs "$PLACE"\n' + SOURCE + fill, "disk-full")
    assert judged.status == 1 and judged.found["disk-full"]["params"]["free_bytes"] == 0


def test_a_disk_without_room_for_more_files(judge):
    fill = 'for n in $(seq 40); do : > "$PLACE/$n" || break; done 2>/dev/null'
    judged = judge(
        'mount -t tmpfs -o size=20g,nr_inodes=30 tmpfs "$PLACE"\n' + SOURCE + "(%s) || true" % fill, "disk-full"
    )
    assert judged.status == 1 and judged.found["disk-full"]["params"]["inodes"] == 0


def test_few_open_files(judge):
    judged = judge("ulimit -n 128\n" + SOURCE, "ulimit-low")
    assert judged.found["ulimit-low"]["params"]["limit"] == 128


def test_a_share_whose_server_is_gone(judge, tmp_path):
    if not os.path.exists("/dev/fuse"):
        pytest.skip("a tmpfs cannot be mounted here")
    share = tmp_path / "share"
    share.mkdir()
    script = tmp_path / "silent.py"
    script.write_text(SILENT)
    silent = 'set -- "%s" "%s" "%s" "$@"\n' % (sys.executable, script, share)
    judged = judge(
        SOURCE + "test $# = 0 || { %s }" % silent, "disk-full", "storage-read-only", PIP_CACHE_DIR=str(share)
    )
    # pip's cache alone is unknown; what else can be known is judged
    assert judged.skipped == {"disk-full": "storage: %s does not answer" % share}
    assert {item["code"]: item["status"] for item in judged.report["outcomes"]}["storage-read-only"] == "ok"
