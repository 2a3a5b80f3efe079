"""ELF files: which shared libraries and symbol versions one asks for, and where the loader would look for them.

About the tenth of pyelftools that is wanted here, without its start-up time; everything is read through mmap.
"""

import mmap
import os
import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 1, 5, 14, 15, 29
DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
VER_FLG_WEAK = 2

#: ELF machine -> multiarch folder of Debian and Ubuntu
MULTIARCH = {
    62: "x86_64-linux-gnu",
    3: "i386-linux-gnu",
    183: "aarch64-linux-gnu",
    40: "arm-linux-gnueabihf",
    21: "powerpc64le-linux-gnu",
    243: "riscv64-linux-gnu",
    22: "s390x-linux-gnu",
}


class Elf(NamedTuple):
    """What the dynamic section of a shared object says."""

    #: word size and machine, e.g. (64, 62): a library of another kind cannot be loaded into the same process
    kind: Tuple[int, int]
    needed: Tuple[str, ...] = ()
    soname: Optional[str] = None
    rpath: Tuple[str, ...] = ()
    runpath: Tuple[str, ...] = ()
    #: symbol versions asked for: GLIBC_2.28, GLIBCXX_3.4.29 …
    versions: Tuple[str, ...] = ()


def read_elf(path: str) -> Optional[Elf]:
    """Return what an ELF file says, or None when it is none, is damaged or cannot be read."""
    try:
        with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return parse_elf(data)
    except (OSError, ValueError, struct.error, IndexError, OverflowError):
        return None


def parse_elf(data: "mmap.mmap") -> Optional[Elf]:
    """Return what the bytes of an ELF file say; raises struct.error or ValueError for a damaged one."""
    if data[:4] != b"\x7fELF":
        return None
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    machine = struct.unpack_from(order + "H", data, 18)[0]
    kind = (64 if wide else 32, machine)
    if wide:
        table, size, count = struct.unpack_from(order + "Q", data, 32)[0], *struct.unpack_from(order + "HH", data, 54)
    else:
        table, size, count = struct.unpack_from(order + "I", data, 28)[0], *struct.unpack_from(order + "HH", data, 42)
    loads: List[Tuple[int, int, int]] = []
    dynamic: Optional[Tuple[int, int]] = None
    for number in range(min(count, 200)):
        at = table + number * size
        if wide:
            part, _, offset, address, _, length = struct.unpack_from(order + "IIQQQQ", data, at)
        else:
            part, offset, address, _, length = struct.unpack_from(order + "IIIII", data, at)
        if part == PT_LOAD:
            loads.append((address, offset, length))
        elif part == PT_DYNAMIC:
            dynamic = (offset, length)
    if dynamic is None:
        return Elf(kind)

    def place(address: int) -> int:
        for start, offset, length in loads:
            if start <= address < start + length:
                return address - start + offset
        raise ValueError("an address outside every segment")

    entries: List[Tuple[int, int]] = []
    form = struct.Struct(order + ("qQ" if wide else "iI"))
    for at in range(dynamic[0], dynamic[0] + dynamic[1], form.size):
        tag, value = form.unpack_from(data, at)
        if tag == 0:
            break
        entries.append((tag, value))
    values = dict(reversed(entries))
    if DT_STRTAB not in values:
        return Elf(kind)
    strings = place(values[DT_STRTAB])

    def text(offset: int) -> str:
        end = data.find(b"\0", strings + offset, strings + offset + 4096)
        if end < 0:
            raise ValueError("a string without an end")
        return bytes(data[strings + offset : end]).decode("utf-8", "replace")

    def paths(tag: int) -> Tuple[str, ...]:
        return tuple(part for part in text(values[tag]).split(":") if part) if tag in values else ()

    versions: List[str] = []
    if DT_VERNEED in values:
        at = place(values[DT_VERNEED])
        for _ in range(min(values.get(DT_VERNEEDNUM, 0), 100)):
            _, count, _, first, following = struct.unpack_from(order + "HHIII", data, at)
            entry = at + first
            for _ in range(min(count, 1000)):
                _, flags, _, name, step = struct.unpack_from(order + "IHHII", data, entry)
                if not flags & VER_FLG_WEAK:  # the loader does without a weak one
                    versions.append(text(name))
                entry += step
            if not following:
                break
            at += following
    return Elf(
        kind,
        tuple(text(value) for tag, value in entries if tag == DT_NEEDED),
        text(values[DT_SONAME]) if DT_SONAME in values else None,
        paths(DT_RPATH),
        paths(DT_RUNPATH),
        tuple(versions),
    )


def highest(versions: Sequence[str], prefix: str) -> Optional[str]:
    """Return the highest ``prefix_N.N`` symbol version without its prefix, or None."""
    tails = (name[len(prefix) + 1 :] for name in versions if name.startswith(prefix + "_"))
    found = [tail for tail in tails if all(part.isdigit() for part in tail.split("."))]
    return max(found, key=lambda text: [int(part) for part in text.split(".")]) if found else None


class Loader:
    """Where the dynamic loader of a system finds shared libraries: its cache, then the standard folders."""

    def __init__(self, root: str = "/", library_path: str = "") -> None:
        self.root = root
        self.library_path = [part for part in library_path.split(":") if part]
        self._cache: Optional[Dict[str, List[str]]] = None
        self._kinds: Dict[str, Optional[Tuple[int, int]]] = {}
        self._offered: Dict[str, Set[str]] = {}

    def find(self, name: str, elf: Elf, origin: str) -> Optional[str]:
        """Return the file that ``name`` resolves to for a library in the folder ``origin``, or None."""
        if "/" in name:
            return name if os.path.exists(name) else None
        folders = [] if elf.runpath else [_expand(part, origin, elf) for part in elf.rpath]
        folders += self.library_path + [_expand(part, origin, elf) for part in elf.runpath]
        for folder in folders:
            path = os.path.join(folder, name)
            if self._fits(path, elf.kind):
                return path
        for path in self.cache().get(name, ()):
            full = self._inside(path)
            if self._fits(full, elf.kind):
                return full
        for folder in self.standard(elf.kind[1]):
            if name in self._listing(folder):
                path = os.path.join(folder, name)
                if self._fits(path, elf.kind):
                    return path
        return None

    def cache(self) -> Dict[str, List[str]]:
        """Return the loader's cache: library -> paths; empty where there is none (musl, NixOS)."""
        if self._cache is None:
            try:
                with open(self._inside("/etc/ld.so.cache"), "rb") as stream:
                    self._cache = parse_cache(stream.read(8 << 20))
            except (OSError, struct.error, ValueError, OverflowError):
                self._cache = {}
        return self._cache

    def standard(self, machine: int) -> Iterator[str]:
        """Yield the folders that the loader searches without being told: glibc's, Debian's multiarch, and musl's."""
        triplet = MULTIARCH.get(machine)
        for folder in ("/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"):
            if triplet and folder in ("/lib", "/usr/lib"):
                yield self._inside("%s/%s" % (folder, triplet))
            yield self._inside(folder)

    def _inside(self, path: str) -> str:
        return path if self.root == "/" else os.path.join(self.root, path.lstrip("/"))

    def _listing(self, folder: str) -> Set[str]:
        if folder not in self._offered:
            try:
                self._offered[folder] = set(os.listdir(folder))
            except OSError:
                self._offered[folder] = set()
        return self._offered[folder]

    def _fits(self, path: str, kind: Tuple[int, int]) -> bool:
        if path not in self._kinds:
            self._kinds[path] = _kind(path)
        return self._kinds[path] == kind


def _kind(path: str) -> Optional[Tuple[int, int]]:
    try:
        with open(path, "rb") as stream:
            head = stream.read(20)
    except OSError:
        return None
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return None
    return 64 if head[4] == 2 else 32, struct.unpack_from("<H" if head[5] == 1 else ">H", head, 18)[0]


def _expand(part: str, origin: str, elf: Elf) -> str:
    for word, value in (("ORIGIN", origin), ("LIB", "lib64" if elf.kind[0] == 64 else "lib"), ("PLATFORM", "")):
        part = part.replace("${%s}" % word, value).replace("$" + word, value)
    return part


def parse_cache(data: bytes) -> Dict[str, List[str]]:
    """Return library -> paths of an ld.so.cache in its new form (glibc 2.2 and later), also behind the old one."""
    start = data.find(b"glibc-ld.so.cache1.1")
    if start < 0:
        return {}
    count = struct.unpack_from("<I", data, start + 20)[0]
    found: Dict[str, List[str]] = {}
    for number in range(min(count, 100000)):
        _, key, value = struct.unpack_from("<iII", data, start + 48 + number * 24)
        name, path = _cached(data, start + key), _cached(data, start + value)
        if name and path:
            found.setdefault(name, []).append(path)
    return found


def _cached(data: bytes, at: int) -> str:
    end = data.find(b"\0", at)
    return data[at:end].decode("utf-8", "replace") if 0 <= at < end else ""
