"""ELF files and the loader: real shared objects made by gcc, made caches and folders, damaged files."""

import os
import struct

import pytest
from lab.shared_objects import library, linux

from doctor.probes.elf import Elf, Loader, highest, parse_cache, read_elf


@linux
def test_what_a_library_asks_for(tmp_path):
    library(tmp_path, "inner")
    path = library(tmp_path, "outer", ["inner"], ["-Wl,-rpath,$ORIGIN/x:/opt/y", "-Wl,--enable-new-dtags"])
    elf = read_elf(str(path))
    assert elf.soname == "libouter.so"
    assert "libinner.so" in elf.needed and "libc.so.6" in elf.needed or "libm.so.6" in elf.needed
    assert elf.runpath == ("$ORIGIN/x", "/opt/y") and elf.rpath == ()
    assert highest(elf.versions, "GLIBC")
    old = read_elf(str(library(tmp_path, "old", ["inner"], ["-Wl,-rpath,/opt/z", "-Wl,--disable-new-dtags"])))
    assert old.rpath == ("/opt/z",) and old.runpath == ()


@linux
def test_where_the_loader_looks(tmp_path):
    library(tmp_path, "inner")
    beside = library(tmp_path, "beside", ["inner"], ["-Wl,-rpath,$ORIGIN"])
    alone = library(tmp_path, "alone", ["inner"])
    root = tmp_path / "root"
    loader = Loader(str(root))

    def find(path, use=loader):
        return use.find("libinner.so", read_elf(str(path)), str(tmp_path))

    assert find(beside) == str(tmp_path / "libinner.so")
    assert find(alone) is None
    assert find(alone, Loader(str(root), library_path=str(tmp_path))) == str(tmp_path / "libinner.so")
    folder = root / "usr" / "lib"
    folder.mkdir(parents=True)
    (folder / "libinner.so").write_bytes((tmp_path / "libinner.so").read_bytes())
    assert find(alone, Loader(str(root))) == str(folder / "libinner.so")


@linux
def test_multiarch_folders_and_another_word_size(tmp_path):
    path = library(tmp_path, "inner")
    alone = read_elf(str(library(tmp_path, "alone", ["inner"])))
    triplet = {62: "x86_64-linux-gnu", 183: "aarch64-linux-gnu"}.get(alone.kind[1])
    if triplet is None:
        pytest.skip("another machine")
    folder = tmp_path / "root" / "usr" / "lib" / triplet
    folder.mkdir(parents=True)
    data = bytearray(path.read_bytes())
    data[4] = 1  # the header of a 32-bit file
    (folder / "libinner.so").write_bytes(bytes(data))
    assert Loader(str(tmp_path / "root")).find("libinner.so", alone, "/") is None
    (folder / "libinner.so").write_bytes(path.read_bytes())
    assert Loader(str(tmp_path / "root")).find("libinner.so", alone, "/") == str(folder / "libinner.so")


def cache(*entries, old=False):
    """Make an ld.so.cache: its header, a table, and the strings."""
    table, strings = b"", b""
    start = 48 + 24 * len(entries)
    for name, path in entries:
        table += struct.pack("<iIIIQ", 0x0303, start + len(strings), start + len(strings) + len(name) + 1, 0, 0)
        strings += name.encode() + b"\0" + path.encode() + b"\0"
    new = b"glibc-ld.so.cache1.1" + struct.pack("<II", len(entries), len(strings)) + b"\0" * 20 + table + strings
    return b"ld.so-1.7.0\0" + struct.pack("<I", 0) + new if old else new


@pytest.mark.parametrize("old", [False, True])
def test_the_loaders_cache(old):
    data = cache(("libGL.so.1", "/usr/lib/x86_64-linux-gnu/libGL.so.1"), ("libm.so.6", "/lib/libm.so.6"), old=old)
    assert parse_cache(data) == {
        "libGL.so.1": ["/usr/lib/x86_64-linux-gnu/libGL.so.1"],
        "libm.so.6": ["/lib/libm.so.6"],
    }


@pytest.mark.parametrize("data", [b"", b"nonsense" * 20, cache(("a", "b"))[:60], b"glibc-ld.so.cache1.1"])
def test_a_damaged_cache_is_none(tmp_path, data):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "ld.so.cache").write_bytes(data)
    Loader(str(tmp_path)).cache()


@linux
def test_the_cache_of_this_machine_finds_its_own_libc():
    if not os.path.exists("/etc/ld.so.cache"):
        pytest.skip("no loader cache here (musl)")
    found = Loader().cache()
    assert any(os.path.exists(path) for path in found.get("libc.so.6", ())), sorted(found)[:5]


@linux
def test_damaged_files_do_no_harm(tmp_path):
    data = library(tmp_path, "inner").read_bytes()
    path = tmp_path / "cut.so"
    for length in list(range(0, 200, 7)) + list(range(200, len(data), len(data) // 60)):
        path.write_bytes(data[:length])
        read_elf(str(path))
    for at in range(0, len(data), len(data) // 300):
        path.write_bytes(data[:at] + b"\xff\xff\xff\xff" + data[at + 4 :])
        read_elf(str(path))
    assert read_elf(str(tmp_path / "none.so")) is None
    assert read_elf(str(tmp_path)) is None


def test_highest():
    names = (
        "GLIBC_2.2.5",
        "GLIBC_2.17",
        "GLIBC_2.9",
        "GLIBC_PRIVATE",
        "GLIBC_ABI_DT_RELR",
        "GLIBCXX_3.4.9",
        "GLIBCXX_3.4.21",
    )
    assert highest(names, "GLIBC") == "2.17"
    assert highest(names, "GLIBCXX") == "3.4.21"
    assert highest((), "GLIBC") is None


def test_a_library_by_its_path(tmp_path):
    elf = Elf((64, 62))
    assert Loader(str(tmp_path)).find("/no/such/lib.so", elf, "/") is None
