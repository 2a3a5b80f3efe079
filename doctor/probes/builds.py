"""torch, torchvision and torchaudio as they lie on disk: read from their files, never imported.

An import of torch costs seconds and fails in just the cases that matter; `version.py` names the build that the metadata
leave out. Presence is judged by the folders: a torch that does not work is installed and broken, not absent.
"""

import mmap
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Type, TypeVar, Union

from ..facts import Torch, Torchaudio, Torchvision, Unknown
from ..patterns import lazy
from ..wheels.versions import public

S = TypeVar("S", Torchvision, Torchaudio)

#: Names of shared libraries that a CUDA build of a partner asks for.
CUDA_MARKS = (b"libtorch_cuda", b"torch_cuda.dll", b"libcudart", b"cudart64_")


class Metadata(NamedTuple):
    """What the dist-info (or egg-info) of a package says."""

    version: str
    requires_torch: Optional[str]
    installer: str
    editable: bool


def probe_builds(
    site_packages: Sequence[str],
) -> Tuple[Union[Torch, None, Unknown], Union[Torchvision, None, Unknown], Union[Torchaudio, None, Unknown]]:
    """Return the builds of torch, torchvision and torchaudio found in these folders, first folder first."""
    return (
        probe_torch(site_packages),
        probe_partner(Torchvision, site_packages),
        probe_partner(Torchaudio, site_packages),
    )


def probe_torch(site_packages: Sequence[str]) -> Union[Torch, None, Unknown]:
    """Return the installed torch, with what is missing of it; None when there is neither package nor metadata."""
    folder, names, metadata = _find("torch", site_packages)
    if isinstance(names, Unknown):
        return names
    if folder is None:
        if metadata is None:
            return None
        # An editable install lies elsewhere; anything else has lost its files.
        damage = None if metadata.editable else "the torch folder is missing"
        return Torch(
            version=metadata.version,
            metadata_version=metadata.version,
            cuda=Unknown("torch lies outside site-packages" if metadata.editable else "version.py is missing"),
            damage=damage,
        )
    text = _text(os.path.join(folder, "version.py"))
    said = parse_version(text)
    fallback = metadata.version if metadata is not None else "unknown"
    cuda: Union[str, None, Unknown] = said.cuda
    if said.version is None:
        cuda = Unknown("torch/version.py is missing" if not text else "torch/version.py could not be read")
    libraries = _names(os.path.join(folder, "lib"))
    conda = metadata is None or metadata.installer == "conda"  # conda keeps the libraries in its own lib folder
    cuda_library = None
    if isinstance(cuda, str) and not conda:
        cuda_library = any(re.match(r"(?:lib)?torch_cuda", name) for name in libraries)
    return Torch(
        version=said.version or fallback,
        metadata_version=metadata.version if metadata is not None else None,
        cuda=cuda,
        rocm=said.rocm,
        path=folder,
        cuda_library=cuda_library,
        debug=said.debug,
        damage=_damage(said.version or fallback, names, libraries, text, conda),
    )


def _damage(
    version: str, names: Sequence[str], libraries: Sequence[str], version_text: str, conda: bool
) -> Optional[str]:
    if "__init__.py" not in names:
        return "torch/__init__.py is missing"
    if not version_text:
        return "torch/version.py is missing"
    if not any(re.match(r"_C\..*(?:so|pyd)$", name) for name in names):
        return "torch/_C is missing"
    # since 1.5 libtorch itself is only a shell around libtorch_cpu
    heart = "torch" if re.match(r"1\.[0-4]\.|0\.", version) else "torch_cpu"
    if not conda and not any(re.match(r"(?:lib)?%s\.(?:so|dll|dylib)" % heart, name) for name in libraries):
        return "torch/lib/libtorch_cpu is missing"
    return None


def probe_partner(section: Type[S], site_packages: Sequence[str]) -> Union[S, None, Unknown]:
    """Return the installed torchvision or torchaudio; None when it is not installed."""
    name = section.section_name  # type: ignore[attr-defined]
    folder, names, metadata = _find(name, site_packages)
    if isinstance(names, Unknown):
        return names
    if folder is None and metadata is None:
        return None
    text = _text(os.path.join(folder, "version.py")) if folder is not None else ""
    said = parse_version(text)
    version = said.version or (metadata.version if metadata is not None else None)
    if version is None:
        return None  # a folder without version and metadata is no package
    details: Dict[str, Any] = {
        "version": version,
        "metadata_version": metadata.version if metadata is not None else None,
        "path": folder or "",
        "requires_torch": metadata.requires_torch if metadata is not None else None,
    }
    libraries = _extensions(name, folder, names)
    details["cuda"] = _partner_cuda(version, said, folder, libraries)
    if section is Torchvision:
        own = [os.path.basename(path) for path in libraries]
        details["abi"] = "stable" if any("_C_stable" in item for item in own) else "exact" if own else None
        details["extension"] = bool(own) if folder is not None else None
    return section(**details)


def _extensions(name: str, folder: Optional[str], names: Sequence[str]) -> List[str]:
    """Return the compiled parts that hold a partner's operators, by path."""
    if folder is None:
        return []
    if name == "torchvision":
        return [os.path.join(folder, item) for item in names if re.match(r"_C(?:_stable)?\..*(?:so|pyd|dylib)$", item)]
    places = [(folder, names), (os.path.join(folder, "lib"), _names(os.path.join(folder, "lib")))]
    return [
        os.path.join(place, item)
        for place, items in places
        for item in items
        if re.match(r"(?:lib|_)torchaudio\b.*\.(?:so|pyd|dylib)$", item)
    ]


def _partner_cuda(
    version: str, said: "Said", folder: Optional[str], libraries: Sequence[str]
) -> Union[str, None, Unknown]:
    """Return the CUDA that a partner was built with: by its local version, else by what its library asks for."""
    local = version.partition("+")[2]
    match = re.match(r"cu(\d+)(\d)(?!\d)", local)
    if match:
        return "%s.%s" % match.groups()
    if local.startswith(("cpu", "rocm", "xpu")):
        return None
    if said.cuda:
        return said.cuda
    if folder is None:
        return Unknown("its files are missing")
    if not libraries:
        return Unknown("it has no compiled part")
    for path in libraries:
        marks = _search(path, CUDA_MARKS + (b"libcudart.so.",))
        if marks is None:
            return Unknown("%s could not be read" % os.path.basename(path))
        if marks:
            major = _cudart_major(path)
            return major if major is not None else Unknown("a CUDA build that does not name its CUDA version")
    return None


def _search(path: str, marks: Sequence[bytes]) -> Optional[List[bytes]]:
    """Return which marks stand in a file; None when it cannot be read."""
    try:
        with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return [mark for mark in marks if data.find(mark) >= 0]
    except (OSError, ValueError):
        return None


def _cudart_major(path: str) -> Optional[str]:
    """Return the CUDA version in the name of the runtime library that a file asks for, as far as the name says it."""
    try:
        with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            # libcudart.so.12, libcudart.782fcab0.so.11.0, libcudart-80664282.so.10.2, cudart64_110.dll
            match = re.search(rb"libcudart[.-]?[0-9a-f]{0,8}\.so\.(\d+(?:\.\d+)?)", data)
            if match:
                return match.group(1).decode("ascii").replace("11.0", "11")  # 11.0 is the name in all of CUDA 11
            match = re.search(rb"cudart64_(\d{2})\d?\.dll", data)
            return match.group(1).decode("ascii") if match else None
    except (OSError, ValueError):
        return None


# ---------------------------------------------------------------- version.py and metadata


class Said(NamedTuple):
    """What a version.py says."""

    version: Optional[str]
    cuda: Optional[str]
    rocm: Optional[str]
    debug: bool


_ASSIGNMENT = lazy(
    r"^(__version__|cuda|hip|rocm|debug)[ \t]*(?::[^=\n]+)?=[ \t]*(None|True|False|'[^'\n]*'|\"[^\"\n]*\")",
    re.MULTILINE,
)


def parse_version(text: str) -> Said:
    """Return version, CUDA and ROCm of a version.py, read as text: it is never executed."""
    values = {}
    for name, value in _ASSIGNMENT.findall(text):
        values[name] = None if value in ("None", "False") else True if value == "True" else value[1:-1]
    version = values.get("__version__")
    cuda, rocm = values.get("cuda"), values.get("rocm") or values.get("hip")
    numbers = re.match(r"\d+\.\d+", cuda) if isinstance(cuda, str) else None  # old builds say 10.0.130
    return Said(
        version=version if isinstance(version, str) and re.match(r"\d", version) else None,
        cuda=numbers.group() if numbers else None,
        rocm=".".join(rocm.split(".")[:2]) if isinstance(rocm, str) and re.match(r"\d", rocm) else None,
        debug=values.get("debug") is True,
    )


def _find(
    name: str, site_packages: Sequence[str]
) -> Tuple[Optional[str], Union[List[str], Unknown], Optional[Metadata]]:
    """Return the package's folder with the names in it, and its metadata, in the first site-packages that has either.

    A folder without any Python file of its own is what an uninstall left behind, not the package.
    """
    for place in site_packages:
        try:
            present = os.listdir(place)
        except FileNotFoundError:
            continue
        except OSError as error:
            return None, Unknown("%s: %s" % (place, error.strerror)), None
        folder = os.path.join(place, name)
        names = _names(folder) if name in present else []
        in_use = parse_version(_text(os.path.join(folder, "version.py"))).version if names else None
        metadata = _metadata(name, place, present, in_use)
        whole = "__init__.py" in names or "version.py" in names
        if whole or metadata is not None:
            return (folder if names else None), names, metadata
    return None, [], None


def _metadata(name: str, place: str, present: Sequence[str], in_use: Optional[str]) -> Optional[Metadata]:
    """Return the metadata of a package; of several (a damaged upgrade leaves two) those of the version in use."""
    pattern = re.compile(r"%s-([^-]+)(?:-py[\d.]+)?\.(dist-info|egg-info)$" % name, re.IGNORECASE)
    found = []
    linked = False
    for entry in sorted(present):
        match = pattern.match(entry)
        if match is not None:
            found.append(_read_metadata(os.path.join(place, entry), match.group(1), match.group(2)))
        elif entry == name + ".egg-link" or re.match(r"__editable__\.%s-.*\.pth$" % name, entry):
            linked = True
    if not found:
        return Metadata("unknown", None, "", True) if linked else None
    same = [item for item in found if in_use is not None and public(item.version) == public(in_use)]
    best = (same or found)[-1]
    return best._replace(editable=best.editable or linked)


def _read_metadata(base: str, version: str, kind: str) -> Metadata:
    head = _text(os.path.join(base, "METADATA" if kind == "dist-info" else "PKG-INFO"))
    if not head and kind == "egg-info":
        head = _text(base)  # an old egg-info is a single file
    head = head.split("\n\n", 1)[0]
    said = re.search(r"^Version:[ \t]*(\S+)", head, re.MULTILINE)
    requires = re.search(r"^Requires-Dist:[ \t]*(torch(?![\w.-])[^;\n]*?)[ \t]*(?:;.*)?$", head, re.MULTILINE)
    direct = _text(os.path.join(base, "direct_url.json"))
    return Metadata(
        version=said.group(1) if said else version,
        requires_torch=requires.group(1) if requires else None,
        installer=_text(os.path.join(base, "INSTALLER")).strip(),
        editable=re.search(r'"editable":\s*true', direct) is not None,
    )


def _names(folder: str) -> List[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _text(path: str, limit: int = 1 << 18) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(limit)
    except OSError:
        return ""
