"""Make wheel_matrix.yaml from folders of fact files, or validate the one there is.

    python scripts/build_matrix.py FACTS…      writes wheel_matrix.yaml and validates it
    python scripts/build_matrix.py --check     validates only

FACTS is a folder with torch_releases.yaml, cuda_drivers.yaml and so on; ``scripts/facts`` is always read as well.
The result is sorted and stable: the same facts give the same bytes.
"""

import argparse
import os
import sys
from typing import Any, Dict, List

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TARGET = os.path.join(ROOT, "wheel_matrix.yaml")
sys.path.insert(0, ROOT)

HEADER = """\
# The wheel matrix: which builds of PyTorch and its companions exist, what they need, and how their files are called.
#
# Every block names its source and the date it was read. Unknown = null; nothing here is guessed. Rows can be edited by
# hand: `python scripts/build_matrix.py --check` validates the file and names file and line of what is wrong.
# Rules stand instead of rows where a rule is exact: file names (torch.files), drivers of a CUDA major
# (drivers.minor_version_compat), GPU names (gpus.patterns).
"""

WIDTH = 110


def flow(value: Any) -> str:
    """Return a value in YAML's one-line form."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, sort_keys=False, allow_unicode=True)
    return text[:-5].rstrip() if text.endswith("\n...\n") else text.strip()


def emit(value: Any, indent: int, lines: List[str], one_line_rows: bool = True) -> None:
    """Append a mapping in block form: short values and rows of lists stand on one line each."""
    pad = "  " * indent
    for key, item in value.items():
        name = flow(key)
        if not isinstance(item, (dict, list)) or not item or len(pad + name + flow(item)) < WIDTH:
            lines.append("%s%s: %s" % (pad, name, flow(item)))
        elif isinstance(item, dict):
            if _is_row(item):
                lines.append("%s%s: %s" % (pad, name, flow(item)))
            else:
                lines.append("%s%s:" % (pad, name))
                emit(item, indent + 1, lines)
        elif all(not isinstance(entry, (dict, list)) for entry in item) and all(len(str(e)) < 60 for e in item):
            lines.append("%s%s:" % (pad, name))
            _emit_wrapped(item, indent + 1, lines)
        else:
            lines.append("%s%s:" % (pad, name))
            lines.extend("%s  - %s" % (pad, flow(entry)) for entry in item)


def _is_row(item: Dict[Any, Any]) -> bool:
    """A mapping whose values are plain or short reads best as one row, however long."""
    return (
        all(not isinstance(value, dict) or len(flow(value)) < 160 for value in item.values())
        and len(flow(item)) < 620
        and any(key in item for key in ("cuda", "rocm", "linux", "macosx_11_0_arm64", "manylinux1_x86_64"))
    )


def _emit_wrapped(items: List[Any], indent: int, lines: List[str]) -> None:
    """Append a list of short words as one flow list over several lines."""
    pad = "  " * indent
    row = pad + "["
    for number, entry in enumerate(items):
        word = flow(entry) + ("]" if number == len(items) - 1 else ", ")
        if len(row) + len(word) > WIDTH + 8:
            lines.append(row.rstrip())
            row = pad + " "
        row += word
    lines.append(row)


# ---------------------------------------------------------------- facts -> blocks


def read(folders: List[str], name: str) -> Any:
    for folder in folders:
        path = os.path.join(folder, name + ".yaml")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return yaml.safe_load(file)
    raise SystemExit("no %s.yaml in %s" % (name, ", ".join(folders)))


def torch_block(facts: Any, names: Any) -> Dict[str, Any]:
    releases = {}
    for version, row in facts["releases"].items():
        release = {
            "date": row.get("date"),
            "requires_python": row.get("requires_python"),
            "torchvision": row["torchvision"],
        }
        if row.get("torchvision_also_allowed"):
            release["torchvision_also_allowed"] = row["torchvision_also_allowed"]
        release["torchaudio"] = row.get("torchaudio") or []
        pypi = row.get("pypi")
        release["index_cuda"] = (
            {key: cuda for key, cuda in pypi["default_cuda"].items() if cuda is not None} if pypi else None
        )
        if pypi:
            release["tags"] = pypi["tags"]
        else:
            release["pythons"] = row["pythons"]
            release["note"] = row["note"]
        release["variants"] = {name: variant(item) for name, item in row["variants"].items()}
        release["src"] = row["src"]
        releases[version] = release
    return {
        "date": facts["as_of"],
        "source": names["source"],
        "sources": facts["sources"],
        "legend": {
            "torchvision, torchaudio": "releases whose wheel pins exactly this torch; the last is preferred",
            "index_cuda": "CUDA of the package index's own wheel, by platform; not named = CPU build; null = not there",
            "tags": "platform tag -> interpreter tags of the files on the package index (t = free-threaded)",
            "variants": "folder of download.pytorch.org; linux (x86_64), windows, aarch64; null = not confirmed",
            "arch": "compute capabilities compiled in; +PTX has PTX too; null = not known",
        },
        "files": {key: names[key] for key in ("base", "same_host", "rules", "abi_none", "index_only")},
        "last_torchaudio": {"version": "2.11.0", "note": "names no torch; there is no later release", "source": "pypi"},
        "stable_torchvision": {"since": "0.29.1", "requires_torch": ">=2.14.0", "source": "pypi"},
        "macos": facts["macos"],
        "cxx11_abi": facts["cxx11_abi"],
        "numpy": facts["numpy"],
        "releases": releases,
    }


def variant(item: Dict[str, Any]) -> Dict[str, Any]:
    """Return a build row without what its name or a rule already says."""
    kept = {key: item[key] for key in ("rocm", "linux", "windows", "aarch64") if key in item}
    arch = {system: archs for system, archs in (item.get("arch") or {}).items() if archs is not None}
    for system, capability in (item.get("ptx") or {}).items():
        if capability is not None and arch.get(system):
            arch[system] = [a for a in arch[system] if a != capability] + [capability + "+PTX"]
    if arch:
        kept["arch"] = {system: [a for a in archs if a + "+PTX" not in archs] for system, archs in arch.items()}
    for key in ("arch_src", "unadvertised", "variant_src"):
        if key in item:
            kept[key] = item[key]
    return kept


def hashes_block(facts: Any) -> Dict[str, Any]:
    by_name = {}
    for row in facts["wheels"]:
        name = row["url"].rsplit("/", 1)[1].replace("%2B", "+")
        folder = row["url"].split("/whl/", 1)[1].rsplit("/", 1)[0]
        by_name["%s/%s" % (folder, name)] = [row["sha256"], row["src"]]
    return {
        "date": facts["as_of"],
        "source": "public lock files, hash files and install scripts; the files themselves were not downloaded",
        "sources": facts["sources"],
        "not_found": facts["not_found"],
        "files": by_name,
    }


def build(folders: List[str]) -> Dict[str, Any]:
    drivers = read(folders, "cuda_drivers")
    gpus = read(folders, "gpu_compute_capability")
    pins = read(folders, "cuda_pip_runtime")
    numpy = read(folders, "numpy_compat")
    index = read(folders, "index_files")
    pi_os, pi_wheels, mirrors = (read(folders, name) for name in ("pi_os", "pi_wheels", "mirrors"))
    torch = read(folders, "torch_releases")
    for row in pi_wheels["torch"]["kumatea_armv7l"]:  # said once for all of them, in kumatea_notes
        row.update(os="buster", os_glibc="2.28")
    for name in [key for key in drivers if key.startswith("uv_backend") or key in ("uv_note", "intel_xpu")]:
        del drivers[name]
    return {
        "schema": 1,
        "date": torch["as_of"],
        "stale_after_days": 90,
        "drivers": dated(drivers, "see sources; each row names its own"),
        "gpus": dated(gpus, "see sources"),
        "torch": torch_block(torch, read(folders, "file_names")),
        "torch_pins": dated(pins, pins["source"]),
        "numpy": dated(numpy, "see sources; each row names its own"),
        "index_files": dated(index, index["source"]),
        "pi_os": dated(pi_os, "see the source of each part"),
        "pi_wheels": dated(pi_wheels, "see the source of each part"),
        "mirrors": dated(mirrors, "see the source of each part"),
        "hashes": hashes_block(read(folders, "wheel_urls")),
    }


def dated(facts: Dict[str, Any], source: str) -> Dict[str, Any]:
    """Return the block with its date and source first."""
    date = facts.get("as_of") or facts.get("gathered") or facts["date"]
    rest = {key: value for key, value in facts.items() if key not in ("as_of", "gathered", "date", "source", "schema")}
    return {"date": date, "source": facts.get("source") or source, **rest}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("facts", nargs="*", help="folders with fact files")
    parser.add_argument("--check", action="store_true", help="validate wheel_matrix.yaml only")
    options = parser.parse_args()
    if options.facts:
        lines: List[str] = []
        data = build(options.facts + [os.path.join(HERE, "facts")])
        for key, value in data.items():
            if isinstance(value, dict):
                lines.append("")
            emit({key: value}, 0, lines)
        with open(TARGET, "w", encoding="utf-8", newline="\n") as file:
            file.write(HEADER + "\n".join(lines) + "\n")
    elif not options.check:
        parser.error("give the fact folders, or --check")
    from doctor.wheels.matrix import MatrixError, parse

    try:
        with open(TARGET, "rb") as file:
            parse(file.read(), "wheel_matrix.yaml")
    except MatrixError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
