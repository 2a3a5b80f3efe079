"""The machine as its files describe it, read from recorded trees."""

import os
import sys
import threading
import time

import pytest
from trees import write

from doctor.facts import Memory, MissingFact, Unknown
from doctor.probes import fingerprint, host, memory, storage

POSIX = pytest.mark.skipif(os.name != "posix", reason="not on Windows: symbolic links and statvfs")

BUSTER = (
    'PRETTY_NAME="Raspbian GNU/Linux 10 (buster)"\nNAME="Raspbian GNU/Linux"\nVERSION_ID="10"\nVERSION="10 (buster)"\n'
)
BUSTER += "VERSION_CODENAME=buster\nID=raspbian\nID_LIKE=debian\n"
ALPINE = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.19.1\n'
STRETCH = 'VERSION="9 (stretch)"\nID=debian\n'
PI4 = """processor\t: 0
model name\t: ARMv7 Processor rev 3 (v7l)
BogoMIPS\t: 108.00
Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32

processor\t: 1
model name\t: ARMv7 Processor rev 3 (v7l)
Features\t: half thumb

Hardware\t: BCM2711
Revision\t: c03111
Model\t\t: Raspberry Pi 4 Model B Rev 1.1
"""


@POSIX
def test_a_pi_with_buster(tmp_path):
    root = write(
        tmp_path,
        {
            "etc/os-release": BUSTER,
            "proc/sys/kernel/osrelease": "5.10.103-v7l+\n",
            "proc/sys/kernel/arch": "armv7l\n",
            "usr/lib/arm-linux-gnueabihf/libstdc++.so.6": "-> libstdc++.so.6.0.25",
            "usr/lib/arm-linux-gnueabihf/libc.so.6": b"\x7fELF...GNU C Library (Debian GLIBC 2.28-10+rpi1) "
            b"stable release version 2.28.\nCompiled by",
        },
    )
    found = host.probe_host(root, {"LANG": "zh_CN.UTF-8"})
    assert (found.distro, found.distro_like, found.distro_version) == ("raspbian", ("debian",), "10")
    assert (found.codename, found.machine, found.release) == ("buster", "armv7l", "5.10.103-v7l+")
    assert (found.libc, found.libc_version, found.glibcxx) == ("glibc", "2.28", "3.4.25")
    assert (found.container, found.wsl, found.locale) == (None, 0, "zh_CN.UTF-8")


@POSIX
def test_a_libstdcxx_whose_name_does_not_tell(tmp_path):
    names = b"".join(b"GLIBCXX_3.4.%d\0" % number for number in (9, 30, 7, 29)) + b"GLIBCXX_DEBUG_MESSAGE\0"
    root = write(
        tmp_path, {"proc/sys/kernel/arch": "x86_64", "usr/lib64/libstdc++.so.6": b"\x7fELF" + b"\0" * 5000 + names}
    )
    assert host.probe_host(root).glibcxx == "3.4.30"


@pytest.mark.parametrize(
    "files, libc",
    [
        (
            {"lib/ld-musl-x86_64.so.1": "", "lib/apk/db/installed": "P:busybox\nV:1.36\n\nP:musl\nV:1.2.4-r2\n"},
            ("musl", "1.2.4"),
        ),
        ({"lib/ld-musl-x86_64.so.1": ""}, ("musl", None)),
        ({"etc/os-release": ALPINE}, (None, None)),
    ],
)
def test_musl(tmp_path, files, libc):
    found = host.probe_host(write(tmp_path, files))
    assert (found.libc, found.libc_version) == libc


@pytest.mark.parametrize(
    "text, codename", [(BUSTER, "buster"), (STRETCH, "stretch"), (ALPINE, ""), ("", ""), ("\0\xff=\nID", "")]
)
def test_codenames(tmp_path, text, codename):
    assert host.probe_host(write(tmp_path, {"etc/os-release": text})).codename == codename


DOCKER_ROOT = "overlay / overlay rw,lowerdir=/var/lib/docker/overlay2/l/A:/b,upperdir=/var/lib/docker/x 0 0\n"


@pytest.mark.parametrize(
    "files, kind",
    [
        ({".dockerenv": ""}, "docker"),
        ({"run/.containerenv": 'engine="podman"'}, "podman"),
        ({".singularity.d/labels.json": "{}"}, "apptainer"),
        ({"run/systemd/container": "lxc\n"}, "lxc"),
        ({"run/systemd/container": "wsl\n"}, None),
        ({"proc/1/cgroup": "0::/kubepods/burstable/pod1/x\n"}, "kubernetes"),
        ({"proc/1/cgroup": "12:memory:/docker/0123\n"}, "docker"),
        ({"proc/1/cgroup": "0::/init.scope\n"}, None),
        ({"proc/self/mounts": DOCKER_ROOT}, "docker"),
        # a Raspberry Pi with its overlay switched on is no container
        ({"proc/self/mounts": "overlay / overlay rw,lowerdir=/lower,upperdir=/upper/data 0 0\n"}, None),
    ],
)
def test_containers(tmp_path, files, kind):
    assert host.probe_host(write(tmp_path, files)).container == kind


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only on Linux: the live system is asked")
def test_containers_that_only_the_environment_tells():
    assert host.probe_host("/", {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}).container == "kubernetes"
    assert host.probe_host("/", {"APPTAINER_CONTAINER": "/x.sif"}).container == "apptainer"


@pytest.mark.parametrize(
    "release, version",
    [
        ("5.15.153.1-microsoft-standard-WSL2", 2),
        ("4.19.104-microsoft-standard", 2),
        ("4.4.0-19041-Microsoft", 1),
        ("6.1.0-18-amd64", 0),
        ("5.15.0-1053-azure", 0),
    ],
)
def test_wsl(release, version):
    assert host.wsl_version(release) == version


def test_processors(tmp_path):
    found = host.probe_cpu(write(tmp_path, {"proc/cpuinfo": PI4}))
    assert (found.model, found.cores) == ("ARMv7 Processor rev 3 (v7l)", 2)
    assert "neon" in found.flags and "atomics" not in found.flags
    assert isinstance(host.probe_cpu(str(tmp_path / "nothing")), Unknown)
    assert host.parse_cpuinfo("garbage\n\n:::\n") == ("", (), 0)


def test_a_mac_says_its_flags_in_other_words():
    text = "machdep.cpu.brand_string: Intel(R) Core(TM) i7\nmachdep.cpu.features: FPU SSE4.2 AVX1.0 POPCNT\n"
    assert host.parse_sysctl(text) == ("Intel(R) Core(TM) i7", ("fpu", "sse4_2", "avx", "popcnt"))


def test_the_clock_knows_what_was_saved(tmp_path):
    root = write(tmp_path, {"etc/fake-hwclock.data": "2026-11-22 03:17:01\n", "run/systemd/timesync/x": ""})
    found = host.probe_clock(root, now_s=5.0)
    assert (found.now_s, found.synchronised, found.passed_s) == (5.0, False, 1795317421.0)
    write(tmp_path, {"run/systemd/timesync/synchronized": "", "var/lib/systemd/timesync/clock": ""})
    os.utime(str(tmp_path / "var/lib/systemd/timesync/clock"), (1900000000, 1900000000))
    found = host.probe_clock(root)
    assert (found.synchronised, found.passed_s) == (True, 1900000000.0)
    empty = host.probe_clock(str(tmp_path / "nothing"))
    assert (empty.synchronised, empty.passed_s) == (None, None)
    assert abs(empty.now_s - time.time()) < 5


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-45 99:99:99", "0000-01-01 00:00:00"])
def test_a_saved_clock_that_is_none(text):
    assert host.parse_fake_hwclock(text) is None


@POSIX
def test_limits_are_those_of_this_process():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = host.probe_limits()
    assert found.open_files == (None if soft in (resource.RLIM_INFINITY, -1) else soft)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        assert host.probe_limits().open_files == 64
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_variables_are_those_that_matter_without_credentials():
    given = {
        "HTTPS_PROXY": "http://me:secret@proxy.example.org:3128",
        "MY_TOKEN": "x",
        "LD_LIBRARY_PATH": "/usr/local/cuda/lib64",
    }
    assert host.probe_environ(given).variables == {
        "HTTPS_PROXY": "http://proxy.example.org:3128",
        "LD_LIBRARY_PATH": "/usr/local/cuda/lib64",
    }


# ---------------------------------------------------------------- memory

MEMINFO = "MemTotal: 8000000 kB\nMemFree: 100000 kB\nMemAvailable: 6000000 kB\nBuffers: 1 kB\nCached: 2 kB\n"
KIB = 1024


@pytest.mark.parametrize(
    "files, expected",
    [
        ({}, Memory(8000000 * KIB, 6000000 * KIB)),
        (  # version 2, seen from inside a container
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": "2147483648\n",
                "sys/fs/cgroup/memory.current": "1073741824\n",
            },
            Memory(8000000 * KIB, 1 << 30, 2 << 30),
        ),
        (  # what the kernel keeps of files does not count as used
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/memory.max": "2147483648\n",
                "sys/fs/cgroup/memory.current": "2147483648\n",
                "sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 1073741824\n",
            },
            Memory(8000000 * KIB, 1 << 30, 2 << 30),
        ),
        (  # a slice above this one is tighter
            {
                "proc/self/cgroup": "0::/user.slice/job.scope\n",
                "sys/fs/cgroup/user.slice/memory.max": "1073741824\n",
                "sys/fs/cgroup/user.slice/job.scope/memory.max": "max\n",
            },
            Memory(8000000 * KIB, 1 << 30, 1 << 30),
        ),
        (  # version 1; the path of the host is not visible inside
            {
                "proc/self/cgroup": "11:cpu:/x\n5:memory:/docker/abc\n0::/x\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "73741824\n",
            },
            Memory(8000000 * KIB, 1000000000, 1 << 30),
        ),
        (  # version 1 without a limit
            {"proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
            Memory(8000000 * KIB, 6000000 * KIB),
        ),
        (  # a limit above what there is
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99999999999999\n"},
            Memory(8000000 * KIB, 6000000 * KIB),
        ),
        (
            {"proc/self/cgroup": "garbage\n0\n::::\n", "sys/fs/cgroup/memory.max": "lots\n"},
            Memory(8000000 * KIB, 6000000 * KIB),
        ),
    ],
)
def test_memory_and_its_limit(tmp_path, files, expected):
    assert memory.probe_memory(write(tmp_path, dict({"proc/meminfo": MEMINFO}, **files))) == expected


def test_memory_of_an_old_kernel_and_of_none(tmp_path):
    root = write(tmp_path, {"proc/meminfo": "MemTotal: 100 kB\nMemFree: 10 kB\nBuffers: 20 kB\nCached: 30 kB\n"})
    assert memory.probe_memory(root) == Memory(100 * KIB, 60 * KIB)
    assert isinstance(memory.probe_memory(write(tmp_path / "x", {"proc/meminfo": "nothing here"})), Unknown)
    assert isinstance(memory.probe_memory(str(tmp_path / "y")), Unknown)


# ---------------------------------------------------------------- disks

MOUNTS = """/dev/root / ext4 rw,noatime 0 0
tmpfs /tmp tmpfs rw,nosuid,size=200M 0 0
tmpfs /dev/shm tmpfs rw 0 0
/dev/sda1 /media/my\\040disk ext4 ro,relatime 0 0
overlay /srv overlay rw 0 0
/dev/sdb1 /srv ext4 ro 0 0
"""


def test_mounts():
    mounts = storage.parse_mounts(MOUNTS + "garbage\n\n")
    assert mounts[3] == storage.Mount("/media/my disk", "ext4", True)
    covering = {
        path: storage._covering(mounts, path) for path in ("/home", "/tmp/x", "/tmpfile", "/srv/x", "/media/my disk/a")
    }
    assert {path: mount.point for path, mount in covering.items()} == {
        "/home": "/",
        "/tmp/x": "/tmp",
        "/tmpfile": "/",
        "/srv/x": "/srv",
        "/media/my disk/a": "/media/my disk",
    }
    assert covering["/srv/x"].read_only  # the later mount covers the earlier one


@POSIX
def test_places_of_a_recorded_tree(tmp_path):
    root = write(tmp_path, {"proc/self/mounts": MOUNTS, "home/u/ml/x": "", "tmp/x": "", "srv/p/x": ""})
    found = storage.probe_storage("/srv/p", "/home/u/ml", root, {"XDG_CACHE_HOME": "/home/u/.cache"})
    seen = {place.purpose: (place.path, place.filesystem, place.mount, place.read_only) for place in found.places}
    assert seen == {
        "environment": ("/home/u/ml", "ext4", "/", False),
        "project": ("/srv/p", "ext4", "/srv", True),
        "cache": ("/home/u/.cache/pip", "ext4", "/", False),
        "tmp": ("/tmp", "tmpfs", "/tmp", False),
        "root": ("/", "ext4", "/", False),
    }
    assert all(place.total_bytes >= place.free_bytes >= 0 and place.total_bytes for place in found.places)


@POSIX
def test_places_of_this_machine(tmp_path):
    found = storage.probe_storage(str(tmp_path), str(tmp_path / "not" / "yet"), environ={"TMPDIR": str(tmp_path)})
    status = os.statvfs(str(tmp_path))
    for purpose in ("project", "environment", "tmp"):
        assert found.place(purpose).total_bytes == status.f_blocks * status.f_frsize
    assert found.place("tmp").path == str(tmp_path)


@POSIX
def test_a_share_that_does_not_answer_leaves_the_other_places_known(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    hang, real = threading.Event(), os.statvfs

    def statvfs(path):
        if str(path) == str(gone):
            hang.wait(30)
        return real(path)

    monkeypatch.setattr(os, "statvfs", statvfs)
    monkeypatch.setattr(storage, "ANSWER_S", 0.2)
    found = storage.probe_storage(str(gone), str(tmp_path), environ={"TMPDIR": str(tmp_path)})
    hang.set()
    assert found.silent == {"project": str(gone)}
    assert {"environment", "tmp", "root"} <= {place.purpose for place in found.places}
    with pytest.raises(MissingFact, match="storage"):
        found.place("project")


# ---------------------------------------------------------------- fingerprint


def test_a_fingerprint_notices_what_pip_does_and_nothing_else(tmp_path):
    site = tmp_path / "site-packages"
    write(site, {"torch/__init__.py": "", "torch-2.1.0.dist-info/METADATA": "", "six.py": ""})
    taken = fingerprint.probe_fingerprint([str(site)])
    assert fingerprint.unchanged(taken, [str(site)])
    write(site, {"__pycache__/six.cpython-311.pyc": "", "torch/new.py": ""})  # importing is no change
    assert fingerprint.unchanged(taken, [str(site)])
    os.utime(str(site / "torch-2.1.0.dist-info"), (1, 1))  # the same version put back
    assert not fingerprint.unchanged(taken, [str(site)])
    os.rename(str(site / "torch"), str(site / "~orch"))
    again = fingerprint.probe_fingerprint([str(site), str(tmp_path / "missing")])
    assert not fingerprint.unchanged(taken, [str(site)])
    assert fingerprint.unchanged(again, [str(site), str(tmp_path / "missing")])


def test_a_fingerprint_of_a_file_is_unknown(tmp_path):
    (tmp_path / "x").write_text("")
    assert isinstance(fingerprint.probe_fingerprint([str(tmp_path / "x")]), Unknown)


def test_all_file_probes_together_are_quick():
    """About 3 ms; the margin and the three tries are for a busy machine."""

    def seconds():
        began = time.perf_counter()
        host.probe_host()
        host.probe_cpu()
        host.probe_clock()
        host.probe_limits()
        host.probe_environ()
        memory.probe_memory()
        storage.probe_storage(os.getcwd(), sys.prefix)
        fingerprint.probe_fingerprint([path for path in sys.path if path.endswith("site-packages")])
        return time.perf_counter() - began

    assert min(seconds() for _ in range(3)) < 0.05
