"""NVIDIA hardware and driver, from several sources whose disagreements are kept.

NVML is asked in a child process, because a driver can hang; `nvidia-smi` where it is installed; the rest are files:
the kernel module's `/proc/driver/nvidia`, the PCI bus in sysfs, WSL's own folder.
"""

import json
import os
import re
import sys
import tempfile
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from ..facts import Gpu, Nvidia, NvidiaSource, Unknown
from ..gpu_chips import capability_of_device
from ..patterns import lazy
from ..record import replace
from . import run

#: A cold driver without the persistence daemon takes seconds for each card.
TIMEOUT_S = 15.0

NVIDIA_VENDOR = "0x10de"
WSL_LIBRARIES = "usr/lib/wsl/lib"
QUERY = "name,compute_cap,memory.total,memory.used,driver_version"
LIBRARY_NOT_FOUND = 12
MIB = 1 << 20


class Asked(NamedTuple):
    """Children that are under way."""

    root: str
    nvml: Optional[run.Running]
    #: file that the NVML child writes
    answer: str
    smi: Optional[run.Running]
    smi_query: Optional[run.Running]

    def kill(self) -> None:
        for running in (self.nvml, self.smi, self.smi_query):
            if running is not None:
                running.kill()
        _remove(self.answer)


def start(root: str = "/") -> Asked:
    """Start the children and return at once."""
    if sys.platform == "darwin":  # no NVIDIA driver since macOS 10.14
        return Asked(root, None, "", None, None)
    handle, answer = tempfile.mkstemp(prefix="doctor-", suffix=".json", dir=run.scratch())
    os.close(handle)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "remote", "nvml.py")
    nvml = run.start([sys.executable, "-B", "-S", script, answer], TIMEOUT_S)
    smi = _find_smi()
    if smi is None:
        return Asked(root, nvml, answer, None, None)
    query = [smi, "--query-gpu=" + QUERY, "--format=csv,noheader,nounits"]
    return Asked(root, nvml, answer, run.start([smi], TIMEOUT_S), run.start(query, TIMEOUT_S))


def finish(asked: Asked) -> Union[Nvidia, None, Unknown]:
    """Return what all sources say together; None when they agree that there is neither card nor driver."""
    files = probe_files(asked.root)
    sources: List[NvidiaSource] = []
    if asked.nvml is not None:
        ran = asked.nvml.result()
        sources.append(parse_nvml(_read(asked.answer), ran))
        _remove(asked.answer)
    if asked.smi is not None and asked.smi_query is not None:
        sources.append(parse_smi(asked.smi.result(), asked.smi_query.result()))
    return merge(sources, files)


# ---------------------------------------------------------------- NVML


def parse_nvml(text: str, ran: run.Ran) -> NvidiaSource:
    """Return what the NVML child wrote; whatever it had said before a hang or a crash counts."""
    driver = library = cuda = error = None
    code: Optional[int] = None
    gpus: List[Gpu] = []
    done = False
    for line in text.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue  # the child died while it was writing this line
        if not isinstance(said, dict):
            continue
        if "driver" in said:
            driver = said["driver"] or None
            # 12.550.54.15: a CUDA number, then the version of the library itself
            library = (said.get("nvml") or "").partition(".")[2] or None
            cuda = cuda_version(said.get("cuda"))
        if said.get("gpu"):
            gpus.append(
                Gpu(
                    name=said["gpu"],
                    compute_capability=said.get("compute_capability"),
                    memory_total_bytes=said.get("memory_total_bytes"),
                    memory_used_bytes=said.get("memory_used_bytes"),
                    processes=tuple(said.get("processes") or ()),
                )
            )
        if said.get("error"):
            error, code = said["error"], said.get("code")
        done = done or bool(said.get("done"))
    if not done and error is None:
        error = _ending(ran)
    return NvidiaSource(
        name="nvml", driver=driver, cuda=cuda, gpus=tuple(gpus), error=error, error_code=code, library=library
    )


def cuda_version(number: object) -> Optional[str]:
    """Return 12.4 for NVML's 12040; None for 0 and anything that is no number."""
    if not isinstance(number, int) or number <= 0:
        return None
    return "%d.%d" % (number // 1000, number % 1000 // 10)


def _ending(ran: run.Ran) -> str:
    """Return why a child ended before it was done."""
    if ran.error:
        return "did not start: %s" % ran.error
    if ran.timed_out:
        return "no answer within %d s" % TIMEOUT_S
    if ran.signal:
        return "crashed with signal %d" % ran.signal
    lines = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
    return "crashed with exit status %s%s" % (ran.returncode, ": " + lines[-1][:200] if lines else "")


# ---------------------------------------------------------------- nvidia-smi


def _find_smi() -> Optional[str]:
    found = run.which("nvidia-smi")
    if found:
        return found
    places = ["/usr/lib/wsl/lib/nvidia-smi"]
    if sys.platform == "win32":
        program_files = os.environ.get("ProgramFiles", "C:\\Program Files")
        places = [os.path.join(program_files, "NVIDIA Corporation", "NVSMI", "nvidia-smi.exe")]
    return next((place for place in places if os.path.isfile(place)), None)


#: The driver's own number; NVIDIA-SMI's is that of the tool, which differs under WSL and in containers.
_DRIVER = lazy(r"(?:Driver|KMD) Version\s*:\s*(\d+(?:\.\d+)+)")
#: Since driver 610 the label says UMD: the user-mode part decides what can run.
_CUDA = lazy(r"CUDA(?: UMD)? Version\s*:\s*(\d+\.\d+)")
#: A card's first line: index, name, persistence or driver model, then its bus id (rows of processes have none).
_ROW = lazy(r"^\|\s+\d+\s+(\S.*?)\s+(?:On|Off|N/A|WDDM|TCC|MCDM)\s*\|\s+[0-9A-Fa-f]{4,8}:", re.MULTILINE)
_MEMORY = lazy(r"\|\s*(\d+)\s*MiB\s*/\s*(\d+)\s*MiB\s*\|")
_FAILURES = lazy(
    r"^.*(?:has failed because|Failed to initialize NVML|No devices were found|GPU access blocked|GPU is lost"
    r"|Unable to determine the device handle|Unknown Error|couldn't communicate).*$",
    re.MULTILINE,
)
_MISMATCH = lazy(r"Driver/library version mismatch|RM has detected an NVML/RM version mismatch")


def parse_smi(table: run.Ran, query: Optional[run.Ran] = None) -> NvidiaSource:
    """Return what ``nvidia-smi`` says: its table for driver and CUDA, its query for the cards."""
    text = table.stdout
    driver, cuda = _DRIVER.search(text), _CUDA.search(text)
    gpus = parse_smi_query(query.stdout) if query is not None and query.returncode == 0 else ()
    if not gpus:
        gpus = parse_smi_table(text)
    if driver is None and not gpus:
        said = _FAILURES.search(text) or _FAILURES.search(table.stderr)
        if said is not None:
            error = said.group().strip()
            code = 18 if _MISMATCH.search(error) else None
        else:
            code = None
            error = _ending(table) if not table.ok else "its output holds no driver version"
        return NvidiaSource(name="nvidia-smi", error=error, error_code=code)
    return NvidiaSource(
        name="nvidia-smi",
        driver=driver.group(1) if driver else (_query_driver(query.stdout) if query is not None else None),
        cuda=cuda.group(1) if cuda else None,
        gpus=gpus,
    )


def parse_smi_query(text: str) -> Tuple[Gpu, ...]:
    """Return the cards of ``--query-gpu`` (name, compute_cap, memory.total, memory.used, driver_version)."""
    gpus = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) != 5 or not re.match(r"\d+\.\d+", cells[4]):
            continue  # noise around the table
        capability = cells[1] if re.match(r"\d+\.\d+$", cells[1]) else None
        total, used = _mib(cells[2]), _mib(cells[3])
        gpus.append(Gpu(name=cells[0], compute_capability=capability, memory_total_bytes=total, memory_used_bytes=used))
    return tuple(gpus)


def _query_driver(text: str) -> Optional[str]:
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 5 and re.match(r"\d+(?:\.\d+)+$", cells[4]):
            return cells[4]
    return None


def parse_smi_table(text: str) -> Tuple[Gpu, ...]:
    """Return the cards of the plain table, as old tools and pasted text show them; long names end in ``...``."""
    names = [" ".join(name.split()) for name in _ROW.findall(text)]
    memory = _MEMORY.findall(text)
    gpus = []
    for index, name in enumerate(names):
        used, total = memory[index] if index < len(memory) else (None, None)
        gpus.append(
            Gpu(
                name=name,
                memory_total_bytes=int(total) * MIB if total else None,
                memory_used_bytes=int(used) * MIB if used else None,
            )
        )
    return tuple(gpus)


def _mib(cell: str) -> Optional[int]:
    match = re.match(r"(\d+)(?:\s*MiB)?$", cell)
    return int(match.group(1)) * MIB if match else None


# ---------------------------------------------------------------- files


class Files(NamedTuple):
    """What lies on disk and in the kernel's own file systems.

    ``library`` is the version of the installed driver library; it is there also when no module could be loaded.
    """

    proc: Optional[NvidiaSource]
    sysfs: Optional[NvidiaSource]
    kernel_module: Optional[str]
    libcuda: Tuple[str, ...]
    dxg: Optional[bool]
    library: Optional[str] = None


def probe_files(root: str = "/") -> Files:
    """Return what the files of a system (or of a recorded tree) say about NVIDIA hardware and driver."""
    library = _library_version(root)
    proc = _read_proc(root, library)
    cards, module = _read_sysfs(root)
    sysfs = NvidiaSource(name="sysfs", gpus=cards) if cards else None
    wsl = os.path.isdir(os.path.join(root, "usr/lib/wsl")) or "microsoft" in _text(root, "proc/version").lower()
    dxg = os.path.exists(os.path.join(root, "dev/dxg")) if wsl else None
    return Files(proc, sysfs, module, _find_libcuda(root), dxg, library)


def _read_proc(root: str, library: Optional[str]) -> Optional[NvidiaSource]:
    text = _text(root, "proc/driver/nvidia/version")
    driver = parse_module_version(text)
    if driver is None:
        return None
    folder = os.path.join(root, "proc/driver/nvidia/gpus")
    gpus = []
    for name in _listed(folder):
        match = re.search(r"^Model:\s*(\S.*?)\s*$", _text(folder, os.path.join(name, "information")), re.MULTILINE)
        if match:
            gpus.append(Gpu(name=match.group(1)))
    return NvidiaSource(name="proc", driver=driver, gpus=tuple(gpus), library=library)


def parse_module_version(text: str) -> Optional[str]:
    """Return the version of the loaded module from ``/proc/driver/nvidia/version``, closed or open flavour."""
    match = re.search(r"Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)", text)
    return match.group(1) if match else None


def _read_sysfs(root: str) -> Tuple[Tuple[Gpu, ...], Optional[str]]:
    """Return NVIDIA's display controllers on the PCI bus, and the module that holds the first of them."""
    folder = os.path.join(root, "sys/bus/pci/devices")
    found = []
    module = None
    for address in _listed(folder):
        place = os.path.join(folder, address)
        if _text(place, "vendor").strip().lower() != NVIDIA_VENDOR:
            continue
        if not _text(place, "class").strip().lower().startswith("0x03"):
            continue
        device = _text(place, "device").strip().lower()
        if not re.match(r"0x[0-9a-f]{4}$", device):
            continue
        found.append(device[2:])
        link = os.path.join(place, "driver")
        if module is None and os.path.islink(link):
            module = os.path.basename(os.readlink(link))
    if not found:
        return (), None
    names = _pci_names(root, found)
    gpus = tuple(
        Gpu(name=names.get(device, "10de:" + device), compute_capability=capability_of_device(int(device, 16)))
        for device in found
    )
    return gpus, module


def _pci_names(root: str, devices: Sequence[str]) -> Dict[str, str]:
    """Return the names of NVIDIA device ids from the system's PCI id list; {} when it has none."""
    for place in ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids", "usr/share/pci.ids"):
        text = _text(root, place, limit=1 << 22)
        start_at = text.find("\n10de  ")
        if start_at < 0:
            continue
        end = re.compile(r"\n[0-9a-f]{4}  ").search(text, start_at + 1)
        block = text[start_at : end.start() if end else len(text)]
        names = {}
        for device in devices:
            match = re.search(r"^\t%s  (.+)$" % device, block, re.MULTILINE)
            if match:
                inside = re.search(r"\[(.+)\]", match.group(1))
                names[device] = "NVIDIA " + (inside.group(1) if inside else match.group(1)).strip()
        return names
    return {}


def _library_folders(root: str) -> List[str]:
    """Return where the loader looks for the driver's libraries, LD_LIBRARY_PATH first."""
    folders = [part for part in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if part] if root == "/" else []
    folders += [
        os.path.join(root, part)
        for part in (
            WSL_LIBRARIES,
            "usr/lib/x86_64-linux-gnu",
            "usr/lib/aarch64-linux-gnu",
            "usr/lib/x86_64-linux-gnu/nvidia/current",
            "usr/lib64",
            "usr/lib",
            "usr/local/nvidia/lib64",
            "usr/local/cuda/compat",
        )
    ]
    return folders


def _find_libcuda(root: str) -> Tuple[str, ...]:
    found: Dict[str, str] = {}
    for folder in _library_folders(root):
        path = os.path.join(folder, "libcuda.so.1")
        if os.path.exists(path):
            found.setdefault(os.path.realpath(path), path)
    return tuple(found.values())


def _library_version(root: str) -> Optional[str]:
    """Return the version of the installed NVML library by the name of its file: libnvidia-ml.so.550.54.15."""
    for folder in _library_folders(root):
        path = os.path.join(folder, "libnvidia-ml.so.1")
        if os.path.exists(path):
            match = re.search(r"\.so\.(\d+(?:\.\d+)+)$", os.path.realpath(path))
            return match.group(1) if match else None
    return None


# ---------------------------------------------------------------- all together


def merge(sources: Sequence[NvidiaSource], files: Files) -> Union[Nvidia, None, Unknown]:
    """Return one section made of all sources; disagreements are kept as sentences."""
    asked = [
        replace(source, library=files.library) if source.name == "nvml" and source.library is None else source
        for source in sources
    ]
    every = asked + [source for source in (files.proc, files.sysfs) if source is not None]
    answering = [source for source in every if source.name in ("nvml", "nvidia-smi") and source.gpus]
    driver = _first(source.driver for source in every)
    gpus: Tuple[Gpu, ...] = answering[0].gpus if answering else ()
    if not gpus and files.proc is not None and files.libcuda and _only_tools_missing(sources):
        gpus = files.proc.gpus  # the module shows the cards, and only the tools to ask it are missing
    if len(answering) > 1:
        gpus = _filled(gpus, answering[1].gpus)
    pci = tuple(gpu.name for gpu in files.sysfs.gpus) if files.sysfs is not None else ()
    heard = [source for source in every if source.error is None or source.error_code != LIBRARY_NOT_FOUND]
    if not gpus and not driver and not pci and not files.dxg and not files.libcuda:
        silent = [source for source in heard if source.error]
        if not silent:
            return None
        if all(source.error is not None and source.error.startswith(("no answer", "crashed")) for source in silent):
            return Unknown("; ".join("%s: %s" % (source.name, source.error) for source in silent))
    return Nvidia(
        driver=driver,
        cuda=_first(source.cuda for source in every),
        gpus=gpus,
        sources=tuple(every),
        pci=pci,
        disagreements=tuple(_disagreements(every)),
        kernel_module=files.kernel_module,
        libcuda=files.libcuda,
        dxg=files.dxg,
    )


def _only_tools_missing(sources: Sequence[NvidiaSource]) -> bool:
    """Tell whether NVML was not asked at all, rather than asked and refused."""
    return all(
        source.error_code == LIBRARY_NOT_FOUND or "pynvml cannot be imported" in (source.error or "")
        for source in sources
    )


def _filled(gpus: Tuple[Gpu, ...], others: Tuple[Gpu, ...]) -> Tuple[Gpu, ...]:
    """Return the cards with what only the second source knows put in, where both list the same cards."""
    if [gpu.name for gpu in gpus] != [gpu.name for gpu in others]:
        return gpus
    return tuple(
        Gpu(
            name=gpu.name,
            compute_capability=gpu.compute_capability or other.compute_capability,
            memory_total_bytes=gpu.memory_total_bytes or other.memory_total_bytes,
            memory_used_bytes=other.memory_used_bytes if gpu.memory_used_bytes is None else gpu.memory_used_bytes,
            processes=gpu.processes,
        )
        for gpu, other in zip(gpus, others)
    )


def _disagreements(sources: Sequence[NvidiaSource]) -> List[str]:
    found = []
    for what in ("driver", "cuda"):
        said = [(source.name, getattr(source, what)) for source in sources if getattr(source, what)]
        if len({value for _, value in said}) > 1:
            found.append("%s: %s" % (what, ", ".join("%s says %s" % pair for pair in said)))
    counts = [(source.name, len(source.gpus)) for source in sources if source.gpus]
    if len({count for _, count in counts}) > 1:
        found.append("cards: %s" % ", ".join("%s shows %d" % pair for pair in counts))
    return found


def _first(values) -> Optional[str]:
    return next((value for value in values if value), None)


def _listed(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _text(folder: str, name: str, limit: int = 1 << 16) -> str:
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as stream:
            return stream.read(limit)
    except OSError:
        return ""


def _read(path: str) -> str:
    return _text(os.path.dirname(path), os.path.basename(path)) if path else ""


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
