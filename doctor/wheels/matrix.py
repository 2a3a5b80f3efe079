"""The wheel matrix: what builds exist and what they need, read from wheel_matrix.yaml.

The YAML is for people. What is loaded is a JSON form of it, keyed by the YAML's sha256: made when the wheel of this
program is built, else kept in the user's cache folder. PyYAML is imported only when neither fits.
"""

import datetime
import json
import os
import re
import sys
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ..model import Wheel
from .tags import (
    capability,
    cuda_of,
    fits_python,
    for_python,
    general,
    glibc_of_tag,
    platform_of,
    platform_of_tag,
    python_key,
    split_python,
    universal,
    variant_of,
)
from .versions import key, local, matches, public

SCHEMA = 1
NAME = "wheel_matrix"
PARTNERS = ("torchvision", "torchaudio")
TRIO = ("torch",) + PARTNERS
#: said of files whose address is whatever pip is configured with
PACKAGE_INDEX = "package index"
DOWNLOAD = "download.pytorch.org"


class MatrixError(Exception):
    """The matrix cannot be used: ``file:line: what is wrong``."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__("%s:%d: %s" % (file, line, problem))
        self.file = file
        self.line = line
        self.problem = problem


# ---------------------------------------------------------------- loading


def load(overlay: Optional[str] = None) -> "Matrix":
    """Return the matrix that belongs to this program, with the user's own YAML file laid over it when one is given.

    Raises MatrixError, also when the file is missing.
    """
    path = _find()
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise MatrixError(path, 0, "cannot be read: %s" % (error.strerror or error))
    digest = checksum(raw)
    data = _read_json(os.path.splitext(path)[0] + ".json", digest)
    if data is None:
        cached = os.path.join(cache_folder(), "%s-%s.json" % (NAME, digest))
        data = _read_json(cached, digest)
        if data is None:
            data = parse(raw, path)
            _write_json(cached, digest, data)
    if overlay is not None:
        try:
            with open(overlay, "rb") as file:
                own = file.read()
        except OSError as error:
            raise MatrixError(overlay, 0, "cannot be read: %s" % (error.strerror or error))
        data = parse(own, overlay, below=data)
    return Matrix(data)


def _find() -> str:
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    inside = os.path.join(package, NAME + ".yaml")
    return inside if os.path.exists(inside) else os.path.join(os.path.dirname(package), NAME + ".yaml")


def cache_folder() -> str:
    """Return the folder for this user's cached files; it need not exist."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(os.path.expanduser("~"), "AppData", "Local")
    elif sys.platform == "darwin":
        base = os.path.join(os.path.expanduser("~"), "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "torch-doctor")


def checksum(raw: bytes) -> str:
    """Return what tells an edited YAML from the one a JSON form was made of; ``hashlib`` would cost a start 5 ms."""
    import zlib

    return "%08x-%d" % (zlib.crc32(raw), len(raw))


def json_form(raw: bytes, data: Mapping[str, Any]) -> str:
    """Return the JSON form of the matrix: the YAML's checksum on the first line, then the data."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return "%s\n%s\n" % (checksum(raw), text)


def _read_json(path: str, digest: str) -> Optional[Dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            if file.readline().strip() != digest:
                return None
            data = json.load(file)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _write_json(path: str, digest: str, data: Mapping[str, Any]) -> None:
    """Keep the JSON form for the next start; a folder that cannot be written only means a slower next start."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        partial = "%s.%d" % (path, os.getpid())
        with open(partial, "w", encoding="utf-8") as file:
            file.write("%s\n" % digest)
            json.dump(data, file, separators=(",", ":"), ensure_ascii=False)
        os.replace(partial, path)
        folder, kept = os.path.split(path)
        for name in os.listdir(folder):
            if name.startswith(NAME + "-") and name != kept:  # of an earlier state of the YAML
                os.unlink(os.path.join(folder, name))
    except OSError:
        pass


def parse(raw: bytes, name: str, below: Optional[Mapping[str, Any]] = None) -> Dict[str, Any]:
    """Return the data of a YAML text, laid over ``below`` when that is given; raises MatrixError with file and line."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        reader = loader(raw)
        try:
            data = reader.get_single_data()
        finally:
            reader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise MatrixError(name, mark.line + 1 if mark else 0, problem)
    if not isinstance(data, dict):
        raise MatrixError(name, 1, "not a mapping")
    data = _plain(data)
    whole = data if below is None else _laid_over(below, data)
    from .schema import first_problem

    found = first_problem(whole)
    if found is not None:
        where, problem = found
        raise MatrixError(name, _line_of(raw, where), "%s: %s" % (".".join(str(part) for part in where), problem))
    return whole


def _plain(value: Any) -> Any:
    """Return the value with text keys only, as JSON will give it back."""
    if isinstance(value, dict):
        return {_text(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return value


def _text(name: Any) -> str:
    return name if isinstance(name, str) else str(name).lower() if isinstance(name, bool) else str(name)


def _laid_over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        merged = dict(below)
        for name, item in above.items():
            merged[name] = _laid_over(below[name], item) if name in below else item
        return merged
    return above


def _line_of(raw: bytes, where: Iterable[Any]) -> int:
    """Return the line (from 1) on which the thing at this path, or the last part of the path that is there, starts."""
    import yaml

    node = yaml.compose(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    line = node.start_mark.line + 1
    for part in where:
        child = None
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == str(part):
                    child, line = value, name.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is None:
            break
        node = child
    return line


# ---------------------------------------------------------------- what is asked of it


class Build(NamedTuple):
    """One build of a torch release for one system."""

    #: 2.9.0
    version: str
    #: cpu, cu130, rocm6.4, xpu
    variant: str
    #: ``linux_x86_64``, ``linux_aarch64``, ``win_amd64``, ``macosx_arm64`` …
    platform: str
    #: 13.0; None for a CPU, ROCm or XPU build
    cuda: Optional[str]
    #: compute capabilities with machine code and with PTX; None when not known
    sass: Optional[Tuple[str, ...]] = None
    ptx: Tuple[str, ...] = ()
    #: the file is known to exist, not only planned
    confirmed: bool = True

    @property
    def name(self) -> str:
        return "torch %s %s" % (self.version, self.variant)

    @property
    def known(self) -> bool:
        """The compute capabilities are known."""
        return self.sass is not None

    @property
    def span(self) -> str:
        """``7.5…12.0``, for messages."""
        if not self.sass:
            return "?"
        return self.sass[0] if len(self.sass) == 1 else "%s…%s" % (self.sass[0], self.sass[-1])


class Served(NamedTuple):
    """Whether a build has code for a card: True, False, or None when that is not known."""

    answer: Optional[bool]
    #: sass, ptx, or empty
    how: str
    reason: str


class Partners(NamedTuple):
    """Releases that go with a torch release, the preferred one last."""

    torchvision: Tuple[str, ...]
    torchaudio: Tuple[str, ...]


class IndexFile(NamedTuple):
    """One wheel of the package index, or of a community's page, and what it needs."""

    package: str
    version: str
    filename: str
    url: Optional[str]
    sha256: Optional[str]
    #: where it comes from, for people: package index, piwheels.org, github.com/PINTO0309 …
    source: str
    #: interpreter, ABI and platform tags
    python: str
    abi: str
    platforms: Tuple[str, ...]
    #: lowest glibc it is known to run on; None when not known
    glibc: Optional[str] = None
    #: PEP 440 range of numpy; empty = any
    numpy: str = ""
    yanked: bool = False
    #: why it does not work although it fits, from the facts
    broken: Optional[str] = None
    #: the row itself, for what else it says (needs_apt, built_with_numpy, os, note)
    row: Mapping[str, Any] = {}

    def wheel(self) -> Wheel:
        return Wheel(self.package, self.version, self.filename, self.url, self.sha256, self.source)


class Matrix:
    """Answers from the matrix. ``None`` always means: the matrix does not know."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self._releases: Mapping[str, Any] = data["torch"]["releases"]
        self._tables: Dict[str, Any] = {}
        self._names: Optional[Dict[str, Optional[str]]] = None
        self._homes: Optional[Dict[Tuple[str, str], List[str]]] = None
        self._rules: Dict[Tuple[str, ...], Optional[Mapping[str, Any]]] = {}
        self._order: Optional[Tuple[str, ...]] = None
        self._files: Dict[Tuple[Any, ...], Tuple[IndexFile, ...]] = {}
        self._pi: Optional[Tuple[IndexFile, ...]] = None
        self._offers: Dict[Tuple[str, str], Mapping[str, Tuple[Tuple[str, str], ...]]] = {}
        self._builds: Dict[Tuple[str, str], Tuple[Build, ...]] = {}
        self._first_toolkit: Dict[str, Optional[str]] = {}
        self._toolkits: Optional[List[Tuple[int, int, Tuple[int, int], Optional[Tuple[int, int]]]]] = None
        self._served: Dict[Tuple[Any, ...], Served] = {}
        self._floors: Dict[Tuple[str, str, bool], Optional[str]] = {}
        self._runs: Dict[Tuple[str, str, str], Optional[str]] = {}

    # ------------------------------------------------------------ the matrix itself

    @property
    def date(self) -> str:
        """Return the day of its facts, e.g. 2026-11-22."""
        return str(self.data["date"])

    def age_days(self, today: datetime.date) -> int:
        year, month, day = (int(part) for part in self.date.split("-"))
        return (today - datetime.date(year, month, day)).days

    def stale(self, today: datetime.date) -> bool:
        """Return whether it is so old that newer builds may well exist."""
        return self.age_days(today) > int(self.data.get("stale_after_days", 90))

    def table(self, path: str) -> Any:
        """Return a part of the matrix by its dotted path, e.g. ``pi_os.boards``; None when there is none."""
        if path not in self._tables:
            value: Any = self.data
            for part in path.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            self._tables[path] = value
        return self._tables[path]

    # ------------------------------------------------------------ drivers

    def minimum_driver(self, cuda: str, system: str, minor_compatibility: bool = True) -> Optional[str]:
        """Return the oldest driver that runs a build of this CUDA version.

        With ``minor_compatibility`` any driver of the CUDA major's first branch will do; without, the driver that
        supports this very toolkit (PTX needs that). ``system`` is the one the driver belongs to: windows inside WSL.
        """
        asked = (cuda, system, minor_compatibility)
        if asked not in self._floors:
            self._floors[asked] = self._floor(cuda, system, minor_compatibility)
        return self._floors[asked]

    def _floor(self, cuda: str, system: str, minor_compatibility: bool) -> Optional[str]:
        column = "windows_min" if system == "windows" else "linux_min"
        wanted = ".".join(cuda.split(".")[:2])
        if minor_compatibility and capability(wanted)[0] >= 11:
            for row in self.table("drivers.minor_version_compat") or ():
                if str(row["cuda_major"]) == wanted.split(".")[0] and (wanted == "11.0") == (
                    "11.0 only" in str(row.get("applies_to", ""))
                ):
                    return str(row[column])
        floors = [
            row[column]
            for row in self.table("drivers.toolkit_full_support") or ()
            if row["cuda"] == wanted and row.get(column)
        ]
        if floors:
            return min(floors, key=key)
        # Windows drivers are no longer bundled with toolkits from 13.0 on: the branch that reports this version
        for row in self.table("drivers.branch_reports") or ():
            if row["cuda"] == wanted:
                majors = row["windows_majors"] if system == "windows" else [row["branch"]]
                return str(min(majors))
        return None

    def driver_cuda(self, driver: str, system: str) -> Optional[str]:
        """Return the CUDA version that a driver reports, e.g. 12.4 for 552.22; None when it is older than the table."""
        try:
            major = key(driver)[0][0]
        except ValueError:
            return None
        best: Optional[Tuple[int, str]] = None
        for row in self.table("drivers.branch_reports") or ():
            first = min(row["windows_majors"]) if system == "windows" else row["branch"]
            if first <= major and (best is None or first > best[0]):
                best = (first, row["cuda"])
        return best[1] if best else None

    def runs(self, driver: str, cuda: str, system: str) -> Optional[str]:
        """Return how a driver runs a CUDA version: ``direct``, ``minor`` (minor-version compatibility), or None."""
        asked = (driver, cuda, system)
        if asked not in self._runs:
            self._runs[asked] = self._judge_driver(driver, cuda, system)
        return self._runs[asked]

    def _judge_driver(self, driver: str, cuda: str, system: str) -> Optional[str]:
        floor = self.minimum_driver(cuda, system)
        if floor is None or key(driver) < key(floor):
            return None
        if "." not in driver:  # a branch: what its drivers report
            reported = self.driver_cuda(driver, system)
            return "direct" if reported and capability(reported) >= capability(cuda) else "minor"
        exact = self.minimum_driver(cuda, system, minor_compatibility=False)
        return "direct" if exact is not None and key(driver) >= key(exact) else "minor"

    def last_driver_branch(self, cc: str) -> Optional[int]:
        """Return the last driver branch that serves a compute capability; None when none has ended it."""
        for row in self.table("drivers.gpu_generation_last_driver") or ():
            if cc in row["cc"]:
                return int(row["last_branch"])
        return None

    # ------------------------------------------------------------ cards

    def compute_capability(self, gpu_name: str) -> Optional[str]:
        """Return the compute capability of a card by its name (or ``sm_61``); None when unknown or ambiguous."""
        text = " ".join(gpu_name.split())
        match = re.match(r"(?:sm_?|compute_?)(\d+)(\d)[af]?$", text, re.IGNORECASE) or re.match(r"(\d+)\.(\d)$", text)
        if match:
            found = "%d.%s" % (int(match.group(1)), match.group(2))
            return found if found in self.capabilities else None
        for name in _spellings(text):
            exact = self._by_name()
            if name.lower() in exact:
                return exact[name.lower()]
        for name in _spellings(text):
            for row in self.table("gpus.patterns") or ():
                if re.search(_WHOLE_WORDS % row["re"], name, re.IGNORECASE):
                    return str(row["cc"])
        return None

    def ambiguous_gpu(self, gpu_name: str) -> Tuple[str, ...]:
        """Return the compute capabilities that one name stands for, when it stands for several."""
        wanted = {name.lower() for name in _spellings(" ".join(gpu_name.split()))}
        for row in self.table("gpus.ambiguous_names") or ():
            if row["name"].lower() in wanted:
                return tuple(row["cc"])
        return ()

    @property
    def capabilities(self) -> Tuple[str, ...]:
        """Every compute capability that a known card has, lowest first."""
        found = set(self.table("gpus.chips") or ())
        for row in self.table("gpus.patterns") or ():
            found.add(str(row["cc"]))
        return tuple(sorted(found, key=capability))

    def _by_name(self) -> Dict[str, Optional[str]]:
        if self._names is None:
            names: Dict[str, Optional[str]] = {}
            for cc, group in (self.table("gpus.exact_names_by_cc") or {}).items():
                names.update((name.lower(), cc) for name in group)
            for row in self.table("gpus.ambiguous_names") or ():
                names[row["name"].lower()] = None
            self._names = names
        return self._names

    def nearest_gpus(self, name: str, count: int = 3) -> Tuple[str, ...]:
        """Return the names of known cards that read most like this one, best first."""
        import difflib

        if re.match(r"(?i)(sm|compute)_?\d", name):
            codes = {"sm_" + cc.replace(".", ""): cc for cc in self.capabilities}
            return tuple(difflib.get_close_matches("sm_" + re.sub(r"\D", "", name), list(codes), count, 0.6))
        wanted = _spellings(" ".join(name.split()))[0].lower().replace("geforce ", "")
        # what every card of the family has in its name would make all of them look near
        family = r"^(?:geforce )?(?:[gr]tx |gt )?" if wanted[:1].isdigit() else "^geforce "
        known: Dict[str, str] = {}
        for group in (self.table("gpus.exact_names_by_cc") or {}).values():
            for entry in group:
                model = re.match(r".*?\d{3,}", entry)  # GeForce GTX 1060 of GeForce GTX 1060 3GB
                for one in {entry, model.group() if model else entry}:
                    known[re.sub(family, "", one.lower())] = one
        near = difflib.get_close_matches(wanted, list(known), 2 * count, 0.6)
        near = near or difflib.get_close_matches(wanted, list(known), 2 * count, 0.3)
        return tuple([known[one] for one in near if self.compute_capability(known[one])][:count])

    def first_toolkit(self, cc: str) -> Optional[str]:
        """Return the first CUDA toolkit that knows a compute capability."""
        if cc not in self._first_toolkit:
            rows = self.table("gpus.cc_toolkit_range") or ()
            wanted = (cc, cc.split(".")[0] + ".x")
            self._first_toolkit[cc] = next((row["first"] for row in rows if row["cc"] in wanted), None)
        return self._first_toolkit[cc]

    def serves(self, build: Build, cc: str, direct: bool = True) -> Served:
        """Return whether a build has code for a compute capability.

        ``direct`` = the driver supports the build's own toolkit, without which it cannot compile the build's PTX.
        """
        asked = (build.sass, build.ptx, build.cuda, cc, direct)  # many releases share one list
        if asked not in self._served:
            self._served[asked] = self._judge_code(build, cc, direct)
        return self._served[asked]

    def _judge_code(self, build: Build, cc: str, direct: bool) -> Served:
        card = capability(cc)
        if build.sass is None:
            if build.cuda is not None and not self._makes_code(build.cuda, card):
                return Served(False, "", "compute-capability: CUDA %s makes no code for %s" % (build.cuda, cc))
            return Served(None, "", "arch-list: not known")
        for code in build.sass:
            if capability(code)[0] == card[0] and capability(code)[1] <= card[1]:
                return Served(True, "sass", "sm_%s runs on %s" % (code.replace(".", ""), cc))
        for code in build.ptx:
            if capability(code) > card:
                continue
            first = self.first_toolkit(cc)
            if first is None or build.cuda is None or capability(first) > capability(build.cuda):
                return Served(False, "", "compute-capability: CUDA %s does not know %s" % (build.cuda, cc))
            if not direct:
                return Served(False, "", "ptx: the driver does not support CUDA %s directly" % build.cuda)
            return Served(True, "ptx", "PTX of %s is compiled for %s" % (code, cc))
        return Served(False, "", "compute-capability: %s not in %s" % (cc, build.span))

    def _makes_code(self, cuda: str, card: Tuple[int, int]) -> bool:
        """Return whether a CUDA toolkit can compile for this capability or for one whose code runs on it."""
        this = capability(cuda)
        return any(
            major == card[0] and minor <= card[1] and first <= this and (last is None or this <= last)
            for major, minor, first, last in self._ranges()
        )

    def _ranges(self) -> List[Tuple[int, int, Tuple[int, int], Optional[Tuple[int, int]]]]:
        """Return (major, minor, first CUDA, last CUDA) by capability; a row for a whole major counts as minor 0."""
        if self._toolkits is None:
            self._toolkits = []
            for row in self.table("gpus.cc_toolkit_range") or ():
                major, _, minor = row["cc"].partition(".")
                last = capability(row["last"]) if row["last"] is not None else None
                code = (int(major), 0 if minor == "x" else int(minor))
                self._toolkits.append(code + (capability(row["first"]), last))
        return self._toolkits

    # ------------------------------------------------------------ torch releases and builds

    @property
    def torch_releases(self) -> Tuple[str, ...]:
        """Every torch release of the matrix, newest first."""
        if self._order is None:
            self._order = tuple(sorted(self._releases, key=key, reverse=True))
        return self._order

    def release(self, version: str) -> Optional[Mapping[str, Any]]:
        """Return the row of a torch release, by its version with or without local part."""
        return self._releases.get(public(version))

    def builds(self, version: str, platform: str) -> Tuple[Build, ...]:
        """Return the builds of a release for pip's platform word; unconfirmed ones too."""
        asked = (version, platform)
        if asked not in self._builds:
            row = self._releases.get(version)
            self._builds[asked] = tuple(self._rows(version, row, platform)) if row else ()
        return self._builds[asked]

    def _rows(self, version: str, row: Mapping[str, Any], platform: str) -> Iterator[Build]:
        system = {"linux_x86_64": "linux", "win_amd64": "windows", "linux_aarch64": "aarch64"}.get(platform)
        if system is None:
            if platform.startswith("macosx") and self.pythons(version, platform):
                yield Build(version, "cpu", platform, None, ())
            return
        for variant, item in row["variants"].items():
            if variant == "cpu" and system == "aarch64":
                if self.pythons(version, platform):
                    yield Build(version, variant, platform, None, ())
                continue
            exists = item.get(system, False)
            if exists is False:
                continue
            archs = (item.get("arch") or {}).get(system)
            sass = ptx = None
            if archs is not None:
                sass = tuple(arch.replace("+PTX", "") for arch in archs)
                ptx = tuple(arch.replace("+PTX", "") for arch in archs if arch.endswith("+PTX"))
            yield Build(
                version,
                variant,
                platform,
                cuda_of(variant),
                () if variant == "cpu" else sass,
                ptx or (),
                exists is True,
            )

    def has_variant(self, partner: str, version: str, variant: str, platform: str) -> Optional[bool]:
        """Return whether a partner was built in a variant: as the torch it was made for; None when that is not known.

        None too where the build of that torch is only planned, and for torch itself.
        """
        homes = self.torch_for(partner, version)
        if not homes:
            return None
        found = [build for build in self.builds(homes[0], general(platform)) if build.variant == variant]
        return bool(found) and (found[0].confirmed or None)

    def build(
        self, torch_version: str, system: str, cuda: Optional[str] = None, machine: str = "x86_64"
    ) -> Optional[Build]:
        """Return the build of an installed torch (2.1.0+cu121, or 2.1.0 and cuda 12.1); None when the matrix has none.

        A version without local part and without ``cuda`` is a CPU build only where the caller says so: pass 2.1.0+cpu.
        """
        variant = local(torch_version) or (variant_of(cuda) if cuda else None)
        if variant is None:
            return None
        platform = platform_of(system, machine)
        found = [item for item in self.builds(public(torch_version), platform or "") if item.variant == variant]
        return found[0] if found else None

    def pythons(self, torch_version: str, platform: str) -> Tuple[str, ...]:
        """Return the interpreter tags (cp310, cp313t) that a torch release has files for on a platform."""
        row = self._releases.get(public(torch_version))
        if row is None:
            return ()
        if row.get("tags") is None:
            return tuple(row["pythons"]) if platform in ("linux_x86_64", "win_amd64") else ()
        found: List[str] = []
        for tag, pythons in row["tags"].items():
            if platform_of_tag(tag) == platform:
                found.extend(pythons)
        for extra in self.table("torch.files.index_only") or ():
            if extra["torch"] == public(torch_version) and platform in extra["platforms"]:
                found.extend(extra["pythons"])
        return tuple(found)

    def partners(self, torch_version: str) -> Optional[Partners]:
        """Return the torchvision and torchaudio releases that go with a torch release; None for an unknown release."""
        row = self.release(torch_version)
        if row is None:
            return None
        also = row.get("torchvision_also_allowed") or ()
        vision = [version for version in also if version not in row["torchvision"]] + list(row["torchvision"])
        return Partners(tuple(vision), tuple(row.get("torchaudio") or ()))

    def goes_with(self, torch_version: str, package: str, version: str) -> Optional[bool]:
        """Return whether a torchvision or torchaudio release belongs to a torch release."""
        stable = self.table("torch.stable_torchvision")
        torch, other = public(torch_version), public(version)
        if package == "torchvision" and stable and key(other) >= key(stable["since"]):
            return matches(stable["requires_torch"], torch)
        partners = self.partners(torch)
        if partners is not None:
            mine = getattr(partners, package)
            if other in mine:
                return True
            if package == "torchaudio" and not mine and other == self.table("torch.last_torchaudio.version"):
                return None  # it names no torch, and there is no partner release
            return False
        homes = self.torch_for(package, other)
        return False if homes else None

    def torch_for(self, package: str, version: str) -> Tuple[str, ...]:
        """Return the torch releases that a partner goes with: the one it was built for first, then newest first."""
        if self._homes is None:
            self._homes = {}
            for torch in self.torch_releases:
                partners = self.partners(torch)
                for name in PARTNERS:
                    for release in getattr(partners, name):
                        homes = self._homes.setdefault((name, release), [])
                        homes.insert(0 if release in self._releases[torch][name] else len(homes), torch)
        return tuple(self._homes.get((package, public(version)), ()))

    def index_cuda(self, torch_version: str, platform: str) -> Optional[str]:
        """Return the CUDA of the package index's own wheel: ``12.1``, ``cpu``, or None when there is no such wheel."""
        row = self.release(torch_version)
        if row is None or row.get("index_cuda") is None:
            return None
        if not any(platform_of_tag(tag) == platform for tag in row["tags"]):
            return None
        column = {"linux_x86_64": "linux_x86_64", "linux_aarch64": "linux_aarch64"}.get(platform)
        return str(row["index_cuda"].get(column) or "cpu")

    def onnxruntime_cuda(self, version: str) -> Optional[Tuple[str, str]]:
        """Return the CUDA and cuDNN majors that a release of onnxruntime-gpu loads; None when not known."""
        rows = self.table("index_files.onnxruntime_gpu") or ()
        if not rows or key(version) < key(rows[0]["since"]):
            return None
        row = _row_at([dict(row, version=row["since"]) for row in rows], version)
        return (str(row["cuda"]), str(row["cudnn"])) if row is not None else None

    def newest_toolkit(self, major: str) -> str:
        """Return the newest CUDA toolkit of a major version: 12.9 for 12."""
        rows = self.table("drivers.toolkit_full_support") or ()
        known = [row["cuda"] for row in rows if row["cuda"].split(".")[0] == major]
        return max(known, key=capability) if known else major + ".0"

    def makes_code(self, cuda: str, cc: str) -> bool:
        """Return whether a CUDA toolkit can compile for a compute capability, or for one whose code runs on it."""
        return self._makes_code(cuda, capability(cc))

    def toolkit_span(self, cuda: str) -> Optional[str]:
        """Return the lowest and the highest capability that a CUDA toolkit compiles for: ``5.0…9.0``."""
        this = capability(cuda)
        served = sorted(row[:2] for row in self._ranges() if row[2] <= this and (row[3] is None or this <= row[3]))
        return "%d.%d…%d.%d" % (served[0] + served[-1]) if served else None

    def pins(self, torch_version: str) -> Optional[Mapping[str, Any]]:
        """Return what the index's wheel of a release pins: cuda, when, pins {nvidia-…: ==…}; None when not known."""
        found = (self.table("torch_pins.releases") or {}).get(public(torch_version))
        return found

    # ------------------------------------------------------------ files

    def file(self, package: str, version: str, variant: str, platform: str, python: str) -> Optional[Wheel]:
        """Return the file of download.pytorch.org for one interpreter tag (cp310, cp313t); None when there is none.

        Whether a torch release has the variant at all is for the caller to know (``builds``); its partners have the
        variants of the torch that they were built for.
        """
        rule = self._rule(package, version, variant, platform)
        if rule is None or self.has_variant(package, version, variant, platform) is False:
            return None
        tags = self._tags(package, version, platform, python, rule.get("tag"))
        if tags is None:
            return None
        full = "%s+%s" % (version, variant) if rule["local"] else version
        filename = "%s-%s-%s.whl" % (package, full, "-".join(tags))
        folder = rule["folder"].replace("{variant}", variant)
        place = folder + "/" if folder else ""
        base = self.table("torch.files.base")
        known = (self.table("hashes.files") or {}).get(place + filename)
        url = base + place + filename.replace("+", "%2B")
        return Wheel(package, full, filename, url, known[0] if known else None, DOWNLOAD)

    def glibc_floor(self, package: str, version: str, variant: str, platform: str) -> Optional[str]:
        """Return the glibc that a file of download.pytorch.org needs; None outside Linux."""
        rule = self._rule(package, version, variant, platform)
        return rule.get("glibc") if rule else None

    def _rule(self, package: str, version: str, variant: str, platform: str) -> Optional[Mapping[str, Any]]:
        asked = (package, version, variant, platform)
        if asked not in self._rules:
            self._rules[asked] = self._first_rule(package, version, variant, platform)
        return self._rules[asked]

    def _first_rule(self, package: str, version: str, variant: str, platform: str) -> Optional[Mapping[str, Any]]:
        this = key(version)
        platform = general(platform)
        kind = "cuda" if cuda_of(variant) else re.sub(r"[\d.]+$", "", variant)
        for rule in self.table("torch.files.rules") or ():
            if package not in rule.get("packages", (package,)) or platform not in rule.get("platforms", (platform,)):
                continue
            if variant not in rule.get("variants", (variant,)) and kind not in rule["variants"]:
                continue
            if this < key(rule.get("since", "0")) or ("before" in rule and this >= key(rule["before"])):
                continue
            return rule
        return None

    def _tags(
        self, package: str, version: str, platform: str, python: str, tag: Optional[str]
    ) -> Optional[Tuple[str, str, str]]:
        """Return interpreter, ABI and platform tag of a file; None when the release has none for this interpreter."""
        listed = self._listed(package, version, platform)
        if listed is None:
            return None
        found = None
        for place, pythons in listed:
            for spelt in pythons:
                if fits_python(spelt, python):
                    found = (spelt, place)
        if found is None:
            return None
        spelt, place = found
        interpreter, abi = split_python(spelt)
        none = self.table("torch.files.abi_none")
        if (
            platform.startswith("macosx")
            and package == none["package"]
            and key(version) < key(none["before"])
            and not abi.endswith("t")
            and python_key(interpreter) < key(none["below_python"])[0]
        ):
            abi = "none"
        return interpreter, abi, tag or place or platform

    def _listed(self, package: str, version: str, platform: str) -> Optional[List[Tuple[str, List[str]]]]:
        """Return (platform tag, interpreter tags) of a trio release's files on a platform, from the index's listing."""
        wanted = general(platform)
        extra: List[str] = []
        torches = [version] if package == "torch" else list(self.torch_for(package, version))
        for row in self.table("torch.files.index_only") or ():
            if row["torch"] in torches and wanted in row["platforms"]:
                extra.extend(row["pythons"])
        if package == "torch":
            release = self._releases.get(version)
            if release is None:
                return None
            tags = release.get("tags")
            if tags is None:
                return [("", list(release["pythons"]))] if wanted in ("linux_x86_64", "win_amd64") else None
        else:
            tags = (self.table("index_files.packages.%s" % package) or {}).get(version)
            if tags is None:  # the LTS releases are not on the package index
                known = [self._releases[torch] for torch in torches]
                pythons = known[0].get("pythons") if known else None
                return [("", list(pythons))] if pythons and wanted in ("linux_x86_64", "win_amd64") else None
        found = [(place, list(pythons)) for place, pythons in tags.items() if platform_of_tag(place) == wanted]
        if extra:
            found.append(("", extra))
        return found or None

    def index_file(self, package: str, version: str, platform: str, python: str) -> Optional[Wheel]:
        """Return the package index's own file of torch, torchvision or torchaudio: a plain version and no address."""
        if package == "torch" and (self.release(version) or {}).get("tags") is None:
            return None
        tags = self._tags(package, version, platform, python, None)
        if tags is None:
            return None
        filename = "%s-%s-%s.whl" % (package, version, "-".join(tags))
        return Wheel(package, version, filename, None, None, PACKAGE_INDEX)

    def knows(self, package: str) -> bool:
        """Return whether the matrix can choose a file for this distribution."""
        return package in TRIO or package in (self.table("index_files.packages") or ()) or package in self.packages

    @property
    def packages(self) -> Tuple[str, ...]:
        """Every distribution that the matrix can choose a file for."""
        found = set(TRIO) | set(self.table("index_files.packages") or ())
        found.update(file.package for file in self._pi_rows())
        return tuple(sorted(found))

    def files(
        self, package: str, python: Optional[str] = None, platform: Optional[str] = None
    ) -> Tuple[IndexFile, ...]:
        """Return the wheels of a distribution on the package index and on the Pi pages, newest first.

        With ``python`` (cp310, cp313t) and ``platform``: only those for them, whatever glibc they need. For torch,
        torchvision and torchaudio: the community's wheels only; their own builds are ``builds``.
        """
        asked = (package, python, platform)
        if asked not in self._files:
            arm = platform is None or platform.startswith(("linux_aarch", "linux_arm"))
            found = [file for file in self._pi_rows() if file.package == package] if arm else []
            if python is not None and platform is not None:
                found = [
                    file
                    for file in found
                    if for_python(file.python, file.abi, python)
                    and any(platform_of_tag(tag) in (platform, "any") for tag in file.platforms)
                ]
            if package not in TRIO:
                names = {file.filename for file in found}
                listed = self._listed_files(package, python, platform)
                found.extend(file for file in listed if file.filename not in names)
            found.sort(key=lambda file: file.filename)
            found.sort(key=lambda file: file.sha256 is None)
            found.sort(key=lambda file: key(file.version), reverse=True)
            self._files[asked] = tuple(found)
        return self._files[asked]

    def _listed_files(self, package: str, wanted: Optional[str], platform: Optional[str]) -> Iterator[IndexFile]:
        stem = package.replace("-", "_")
        for version, places in ((self.table("index_files.packages") or {}).get(package) or {}).items():
            for place, pythons in places.items():
                if platform is not None and platform_of_tag(place) != platform and not universal(place, platform):
                    continue
                for spelt in pythons:
                    python, abi = split_python(spelt)
                    if wanted is not None and not for_python(python, abi, wanted):
                        continue
                    filename = "%s-%s-%s-%s-%s.whl" % (stem, version, python, abi, place)
                    numpy = self.numpy_needs(package, version, python if wanted is None else wanted)
                    yield IndexFile(
                        package,
                        version,
                        filename,
                        None,
                        None,
                        PACKAGE_INDEX,
                        python,
                        abi,
                        tuple(place.split(".")),
                        glibc_of_tag(place),
                        numpy,
                        self._yanked(package, version),
                    )

    def offers(self, package: str, platform: str) -> Mapping[str, Tuple[Tuple[str, str], ...]]:
        """Return the wheels on a platform of every release: version -> (interpreter tag as listed, platform tag).

        The releases of the package index and of PyTorch, without the community's; empty for an unknown distribution.
        The platform tag is empty where only the interpreters are listed.
        """
        if (package, platform) not in self._offers:
            listed = self.table("index_files.packages.%s" % package) or {}
            versions = self.torch_releases if package == "torch" else tuple(listed)
            found = {}
            for version in versions:
                if package in TRIO:
                    places = self._listed(package, version, platform) or []
                else:
                    places = [
                        (place, pythons)
                        for place, pythons in listed[version].items()
                        if platform_of_tag(place) == platform or universal(place, platform)
                    ]
                found[version] = tuple((python, place) for place, pythons in places for python in pythons)
            self._offers[package, platform] = found
        return self._offers[package, platform]

    def _yanked(self, package: str, version: str) -> bool:
        return package.startswith("opencv") and version in (self.table("pi_wheels.opencv.yanked_on_pypi") or {})

    def _pi_rows(self) -> Tuple[IndexFile, ...]:
        if self._pi is None:
            self._pi = tuple(self._pi_files())
        return self._pi

    def _pi_files(self) -> Iterator[IndexFile]:
        """Yield the wheels of pi_wheels: piwheels, community pages, files of the package index with a sha256."""
        block = self.table("pi_wheels") or {}
        released = {row["codename"]: row["glibc"] for row in self.table("pi_os.releases") or ()}
        seen = set()
        for group, part in block.items():
            if not isinstance(part, dict) or group == "derived_sets":
                continue
            for name, rows in part.items():
                if not isinstance(rows, list):
                    continue
                for row in rows:
                    file = self._pi_file(group, name, part, row, released)
                    if file is not None and (file.filename, file.url) not in seen:
                        seen.add((file.filename, file.url))
                        yield file

    def _pi_file(
        self, group: str, name: str, part: Mapping[str, Any], row: Any, released: Mapping[str, str]
    ) -> Optional[IndexFile]:
        if not isinstance(row, dict) or "version" not in row or not (row.get("url") or row.get("file")):
            return None
        url: Optional[str] = row.get("url")
        filename = row.get("save_as") or row.get("file") or str(url).rsplit("/", 1)[1].replace("%2B", "+")
        parts = filename[:-4].split("-")
        if not filename.endswith(".whl") or len(parts) != 5:
            return None
        package = (
            row.get("package") or (part.get("%s_common" % name) or {}).get("package") or parts[0].replace("_", "-")
        )
        if package in TRIO and not url:
            return None  # the index's own builds are judged by the torch block
        python, abi, place = parts[2:]
        glibc = row.get("glibc_floor") or row.get("os_glibc") or glibc_of_tag(place)
        for measured in part.get("measured") or ():
            if measured["file"] == filename and key(measured["glibc"]) > key(glibc or "0"):
                glibc = measured["glibc"]
        if glibc is None and row.get("built_on") and row.get("measured") is None:
            glibc = released.get(row["built_on"])
        note = str(row.get("note") or "")
        return IndexFile(
            package,
            str(row["version"]),
            filename,
            url,
            row.get("sha256"),
            _source_of(url),
            python,
            abi,
            tuple(place.split(".")),
            glibc,
            self._pi_numpy(package, row, python),
            self._yanked(package, row["version"]),
            note if re.search(r"\bimport fails\b|must be renamed", note) else None,
            row,
        )

    def _pi_numpy(self, package: str, row: Mapping[str, Any], python: str) -> str:
        floor = str(row.get("numpy_requires") or "")
        found = list(re.findall(r"[<>=!~]=?\s*[\d.]+", floor)) if "extra" not in floor else []
        minimum = re.match(r"([\d.]+)", str(row.get("numpy_runtime_min") or ""))
        if minimum:
            found.append(">=" + minimum.group(1))
        if "numpy_requires" in row or minimum:
            # built with numpy 1.x, all of them: none was built after numpy 2 came out
            return ",".join(found + ["<2"])
        return "" if package in ("numpy",) + TRIO else self.numpy_needs(package, str(row["version"]), python)

    # ------------------------------------------------------------ numpy

    def numpy_limit(self, package: str, version: str, system: str) -> Optional[str]:
        """Return the range of numpy that a release's compiled code runs with (``<2``); None when no limit is known."""
        rows: Any = ()
        if package == "torch":
            for row in self.table("numpy.torch") or ():
                platforms = row.get("platforms")
                if not row.get("numpy") or row["versions"] == "all":
                    continue
                if (platforms == "all" or system in str(platforms)) and matches(row["versions"], public(version)):
                    return str(row["numpy"])
            return None
        if package.startswith("opencv-"):
            rows = self.table("numpy.opencv_python")
        elif package in ("onnxruntime", "onnxruntime-gpu"):
            rows = self.table("numpy.onnxruntime")
        elif package == "tflite-runtime":
            return "<2"
        row = _row_at(rows or (), version)
        return str(row["needs"]).replace("numpy", "") if row is not None and row.get("needs") else None

    def numpy_needs(self, package: str, version: str, python: str) -> str:
        """Return the whole range of numpy for a release: what its code runs with and what its METADATA asks for."""
        found = []
        limit = self.numpy_limit(package, version, "")
        if limit:
            found.append(limit)
        if package.startswith("opencv-"):
            row = _row_at(self.table("numpy.opencv_python") or (), version)
            declared = str((row or {}).get("declared_upper") or "")
            for clause in declared.split("|"):
                wanted, _, marker = clause.strip().partition(";")
                older = python_key(python) < (3, 9)
                if wanted and (("<" in marker) == older):
                    found.append(wanted.replace("numpy", "").strip())
            if key(version) >= key("4.13") and python_key(python) >= (3, 9):
                found.append(">=2")
        elif package in ("onnxruntime", "onnxruntime-gpu"):
            row = _row_at(self.table("numpy.onnxruntime") or (), version)
            found.extend(re.findall(r"[<>=!]=?\s*[\d.]+", str((row or {}).get("requires") or "")))
        return ",".join(part.replace(" ", "") for part in found)

    def removed_numpy_names(self) -> Dict[str, Mapping[str, Any]]:
        """Return names that some numpy no longer has: ``numpy.int`` -> {removed_in, returned_in, replace, note}."""
        rows = self.table("numpy.removed_aliases") or ()
        return {row["name"].replace("np.", "numpy.", 1): row for row in rows}


#: a card's pattern as whole words: no 1060zz, no 30900, but the letters that NVIDIA itself puts behind a number
_WHOLE_WORDS = r"(?<![A-Za-z0-9])(?:%s)(?:MX?|Xm?|DX?|st|[cstH]|(?<=-\d)\d\d)?(?![A-Za-z0-9])"


def _spellings(name: str) -> List[str]:
    """Return a card's name without NVIDIA's own, and with the family it may have been written without."""
    text = re.sub(r"(?i)\bnvidia\b|\(r\)|\(tm\)|®|™|\bgraphics\b$", "", name)
    text = " ".join(text.split())
    text = re.sub(r"(?i)\b(gtx|rtx|gt)\s*(?=\d)", r"\1 ", text)
    text = re.sub(r"(?i)^mx\s+(?=\d)", "MX", text)
    text = re.sub(r"(?i)\b(gtx|rtx) ?(\d{3,4})(ti|super)\b", r"\1 \2 \3", text)
    known = re.match(r"(?i)(geforce|quadro|tesla|titan|grid|rtx a|rtx pro)", text)
    return [text] if known else [text, "GeForce " + text]


def _row_at(rows: Iterable[Mapping[str, Any]], version: str) -> Optional[Mapping[str, Any]]:
    """Return the row of this version, or of the nearest one below it; the first row for one older than all."""
    best = first = None
    for row in rows:
        if first is None or key(row["version"]) < key(first["version"]):
            first = row
        if key(row["version"]) <= key(version) and (best is None or key(row["version"]) > key(best["version"])):
            best = row
    return best if best is not None else first


def _source_of(url: Optional[str]) -> str:
    if not url:
        return PACKAGE_INDEX
    match = re.match(r"https://(?:www\.)?([^/]+)/([^/]+)", url)
    if match is None:
        return url
    return "%s/%s" % match.groups() if match.group(1) == "github.com" else match.group(1)
