"""CUDA toolkits on the machine, cuDNN by its headers, and CUDA libraries that LD_LIBRARY_PATH brings in."""

import json
import os
import re
import sys
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..facts import Toolkit, ToolkitInstall, Unknown
from ..patterns import lazy
from . import run

#: nvcc only prints its version; a toolkit on a dead network mount does not even do that.
TIMEOUT_S = 4.0

_LIBRARY = lazy(
    r"(lib(?:cudnn|cublas|cublasLt|cudart|cufft|curand|cusolver|cusparse|nvJitLink|nvrtc|nccl))\.so((?:\.\d+)*)$"
)


def probe_toolkit(root: str = "/", environ: Optional[Mapping[str, str]] = None) -> Union[Toolkit, None, Unknown]:
    """Return the toolkits, or None when there is none and nothing on LD_LIBRARY_PATH takes its place."""
    environ = os.environ if environ is None else environ
    home = environ.get("CUDA_HOME") or environ.get("CUDA_PATH") or None
    nvcc_path = _nvcc(root, environ)
    compiler = _behind(nvcc_path)
    installs: List[ToolkitInstall] = []
    seen = set()
    for folder in _folders(root, home, compiler):
        real = os.path.realpath(folder)
        if real in seen or not os.path.isdir(folder):
            continue
        seen.add(real)
        version, source = _installed_version(folder)
        if version is not None:
            shown = home if home and os.path.realpath(home) == real else folder
            installs.append(ToolkitInstall(version=version, path=shown, source=source))
    nvcc = None
    if nvcc_path is not None and compiler is not None:
        # The files beside nvcc answer at once; only where there are none has it to be started.
        folder = os.path.dirname(os.path.dirname(compiler))
        nvcc = next((item.version for item in installs if os.path.realpath(item.path) == folder), None)
        if nvcc is None and root == "/":
            nvcc = _ask_nvcc(nvcc_path)
    cudnn = _cudnn(root, [item.path for item in installs])
    library_path = _library_path(environ)
    if not installs and nvcc is None and not home and not cudnn and not library_path:
        return None
    return Toolkit(
        installs=tuple(installs),
        nvcc=nvcc,
        nvcc_path=nvcc_path,
        cuda_home=home,
        cudnn=cudnn,
        library_path=library_path,
    )


def _nvcc(root: str, environ: Mapping[str, str]) -> Optional[str]:
    if root == "/":
        return run.which("nvcc", path=environ.get("PATH"))
    path = os.path.join(root, "usr/local/cuda/bin/nvcc")
    return path if os.path.isfile(path) else None


def _ask_nvcc(path: str) -> Optional[str]:
    """Return what nvcc says of itself; None when it does not run or prints something else."""
    ran = run.run([path, "--version"], TIMEOUT_S)
    return parse_nvcc(ran.stdout) if ran.ok else None


def parse_nvcc(text: str) -> Optional[str]:
    """Return 12.3 from ``Cuda compilation tools, release 12.3, V12.3.107``."""
    match = re.search(r"release (\d+\.\d+)", text)
    return match.group(1) if match else None


def _behind(path: Optional[str]) -> Optional[str]:
    """Return the real file of nvcc: through links, and through a script that only starts another nvcc."""
    if path is None:
        return None
    real = os.path.realpath(path)
    text = _text(real, 4096)
    if text.startswith("#!"):
        for found in re.findall(r"/[^\s'\"$:;]+/bin/nvcc\b", text):
            if os.path.isfile(found):
                return os.path.realpath(found)
    return real


def _folders(root: str, home: Optional[str], compiler: Optional[str]) -> List[str]:
    """Return folders that may hold a toolkit, the most meant first."""
    found = [home] if home else []
    if compiler is not None:
        found.append(os.path.dirname(os.path.dirname(compiler)))
    if sys.platform == "win32":
        program_files = os.environ.get("ProgramFiles", "C:\\Program Files")
        base = os.path.join(program_files, "NVIDIA GPU Computing Toolkit", "CUDA")
        found.extend(os.path.join(base, name) for name in _listed(base) if name.startswith("v"))
        return found
    local = os.path.join(root, "usr/local")
    numbered = sorted(name for name in _listed(local) if re.match(r"cuda-\d", name))
    found.extend(os.path.join(local, name) for name in numbered)
    found.extend(os.path.join(root, name) for name in ("usr/local/cuda", "opt/cuda", "usr/lib/cuda"))
    return found


def _installed_version(folder: str) -> Tuple[Optional[str], str]:
    """Return (version, where it stands) of the toolkit in a folder; (None, "") when it holds none."""
    try:
        said = json.loads(_text(os.path.join(folder, "version.json")))
        return _short(said["cuda"]["version"]), "version.json"
    except (ValueError, KeyError, TypeError):
        pass
    match = re.search(r"CUDA Version (\d+\.\d+)", _text(os.path.join(folder, "version.txt")))
    if match:
        return match.group(1), "version.txt"
    for include in ("include", os.path.join("targets", "x86_64-linux", "include")):
        match = re.search(r"#define CUDA_VERSION (\d+)", _text(os.path.join(folder, include, "cuda.h"), 1 << 16))
        if match:
            number = int(match.group(1))
            return "%d.%d" % (number // 1000, number % 1000 // 10), "cuda.h"
    match = re.search(r"[-v](\d+\.\d+)$", os.path.basename(os.path.realpath(folder)))
    if match and os.path.isdir(os.path.join(folder, "bin")):
        return match.group(1), "folder name"
    return None, ""


def _short(version: str) -> Optional[str]:
    match = re.match(r"\d+\.\d+", version)
    return match.group() if match else None


def _cudnn(root: str, toolkits: Sequence[str]) -> Dict[str, str]:
    """Return cuDNN versions by the folder of their headers."""
    folders = [os.path.join(path, "include") for path in toolkits]
    folders += [os.path.join(root, "usr/include"), os.path.join(root, "usr/include/x86_64-linux-gnu")]
    folders += [os.path.join(root, "usr/include/aarch64-linux-gnu")]
    found: Dict[str, str] = {}
    seen = set()
    for folder in folders:
        for name in ("cudnn_version.h", "cudnn.h"):
            path = os.path.join(folder, name)
            version = parse_cudnn(_text(path))
            if version is not None and os.path.realpath(path) not in seen:
                seen.add(os.path.realpath(path))
                found[folder] = version
                break
    return found


def parse_cudnn(text: str) -> Optional[str]:
    """Return 8.9.7 from the defines of a cuDNN header; None when it has none."""
    parts = [re.search(r"#define CUDNN_%s\s+(\d+)" % name, text) for name in ("MAJOR", "MINOR", "PATCHLEVEL")]
    numbers = [match.group(1) for match in parts if match]
    return ".".join(numbers) if len(numbers) == 3 else None


def _library_path(environ: Mapping[str, str]) -> Tuple[str, ...]:
    """Return the CUDA libraries in folders of LD_LIBRARY_PATH: of each library the name that says its version best."""
    found: Dict[Tuple[str, str], str] = {}
    for folder in environ.get("LD_LIBRARY_PATH", "").split(":"):
        if not folder:
            continue
        for name in _listed(folder):
            match = _LIBRARY.match(name)
            if match is None:
                continue
            known = found.get((folder, match.group(1)), "")
            if len(name) > len(known):
                found[folder, match.group(1)] = name
    return tuple(os.path.join(folder, name) for (folder, _), name in found.items())


def _listed(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _text(path: str, limit: int = 1 << 15) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(limit)
    except OSError:
        return ""
