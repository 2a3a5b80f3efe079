"""What a repository will fetch by itself when it starts, read from its source: fonts, weights, checkpoints.

Only what the source states is named: the address it would ask and the place where it looks before it downloads.
"""

import os
import re
import sys
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ..facts import StartDownload

#: files of a repository that hold such code, and how much of them is read
FOLDERS = ("", "utils", "models", "yolov5/utils", "tools", "src")
MOST_FILES = 120
MOST_CHARACTERS = 300000

_FONT_FUNCTION = re.compile(r"def check_font\(.{0,2000}?(https?://[^\s\"'{]+/)(?:\{|[\"']\s*\+)", re.DOTALL)
_FONT_NAME = re.compile(r"(?:FONT\s*=\s*|def check_font\(\s*font\s*=\s*)[\"']([\w.-]+\.(?:ttf|otf|ttc))[\"']")
_CONFIG_FOLDER = re.compile(
    r"def user_config_dir\(\s*dir\s*=\s*[\"']([\w.-]+)[\"']\s*,\s*env_var\s*=\s*[\"'](\w+)[\"']"
)
_ASSETS = re.compile(
    r"def attempt_download(?:_asset)?\([^)]*?repo\s*(?::\s*str\s*)?=\s*[\"']([\w.-]+/[\w.-]+)[\"']"
    r"(?:[^)]*?release\s*(?::\s*str\s*)?=\s*[\"']([\w.-]+)[\"'])?",
    re.DOTALL,
)
_WEIGHTS = re.compile(r"[\"']--weights[\"'][^\n]*?default\s*=\s*\[?\s*(?:ROOT\s*/\s*)?[\"']([\w./-]+\.pt)[\"']")
_YOLO = re.compile(r"\b(?:YOLO|RTDETR|SAM|YOLOWorld)\(\s*(?:model\s*=\s*)?[\"']([\w.-]+\.pt)[\"']")
_CHECKPOINT = re.compile(
    r"\b(?:load_state_dict_from_url|model_zoo\.load_url|load_url)\(\s*(?:url\s*=\s*)?[\"'](https?://[^\"'\s]+)"
)


def find_downloads(
    project: str,
    site_packages: Sequence[str] = (),
    environ: Optional[Mapping[str, str]] = None,
    home: Optional[str] = None,
) -> List[StartDownload]:
    """Return the files that this repository will try to download when it starts, each once."""
    environ = os.environ if environ is None else environ
    home = home or os.path.expanduser("~")
    texts = dict(_sources(project))
    everything = "\n".join(texts.values())
    found: Dict[str, StartDownload] = {}
    for item in (
        list(_fonts(everything, project, environ, home))
        + list(_weights(texts, everything, project))
        + list(_ultralytics(everything, project, site_packages))
        + list(_checkpoints(everything, environ, home))
    ):
        found.setdefault(item.put_at, item)
    return list(found.values())


def _sources(project: str) -> Iterator:
    count = 0
    for folder in FOLDERS:
        base = os.path.join(project, folder) if folder else project
        try:
            names = sorted(name for name in os.listdir(base) if name.endswith(".py"))
        except OSError:
            continue
        for name in names:
            count += 1
            if count > MOST_FILES:
                return
            text = _read(os.path.join(base, name))
            if text:
                yield (folder + "/" + name if folder else name), text


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(MOST_CHARACTERS)
    except OSError:
        return ""


def _config_folder(home: str) -> str:
    """Return the folder of an operating system for programs' settings, as these repositories choose it."""
    parts = {"win32": ("AppData", "Roaming"), "darwin": ("Library", "Application Support")}
    return os.path.join(home, *parts.get(sys.platform, (".config",)))


def _fonts(everything: str, project: str, environ: Mapping[str, str], home: str) -> Iterator[StartDownload]:
    function = _FONT_FUNCTION.search(everything)
    if function is None:
        return
    name = next(iter(_FONT_NAME.findall(everything)), "Arial.ttf")
    said = _CONFIG_FOLDER.search(everything)
    folder = os.path.join(_config_folder(home), said.group(1) if said else "Ultralytics")
    if said and environ.get(said.group(2)):
        folder = environ[said.group(2)]
    put_at = os.path.join(folder, name)
    present = os.path.exists(put_at) or os.path.exists(os.path.join(project, name))
    yield StartDownload(name, function.group(1) + name, put_at, present)


def _weights(texts: Mapping[str, str], everything: str, project: str) -> Iterator[StartDownload]:
    """Yield the weights that scripts in the repository's own folder load by default."""
    assets = _ASSETS.search(everything)
    if assets is None:
        return
    offered = _offered(everything[assets.end() :])
    for path in sorted(texts):
        if "/" in path:
            continue
        for weights in _WEIGHTS.findall(texts[path]):
            if not offered.match(weights.rpartition("/")[2]):
                continue  # only what the release holds is fetched; of other names it says that they are missing
            put_at = os.path.join(project, *[part for part in weights.split("/") if part not in (".", "..", "")])
            name = weights.rpartition("/")[2]
            yield StartDownload(name, _asset(assets.group(1), assets.group(2), name), put_at, os.path.exists(put_at))


def _offered(rest: str) -> Any:
    """Return a pattern for the weights that ``attempt_download`` knows, by the names in its body: "
    "``yolov5{size}.pt``."""
    body = re.split(r"\n(?:def|class) ", rest[:6000], maxsplit=1)[0]
    names = re.findall(r"[\"']([\w{}.-]+\.pt)[\"']", body)
    patterns = [".*".join(map(re.escape, re.split(r"\{[^}]*\}", name))) for name in names]
    return re.compile("(?:%s)$" % "|".join(patterns or [".*"]))


def _asset(repository: str, tag: Optional[str], name: str) -> str:
    where = "download/" + tag if tag and tag != "latest" else "latest/download"
    return "https://github.com/%s/releases/%s/%s" % (repository, where, name)


def _ultralytics(everything: str, project: str, site_packages: Sequence[str]) -> Iterator[StartDownload]:
    """Yield the weights that the ultralytics package fetches; its own source says from which release."""
    names = list(dict.fromkeys(_YOLO.findall(everything)))
    if not names or not re.search(r"^\s*(?:from|import)\s+ultralytics\b", everything, re.MULTILINE):
        return
    package = (_read(os.path.join(folder, "ultralytics", "utils", "downloads.py")) for folder in site_packages)
    assets = next((match for match in map(_ASSETS.search, package) if match), None)
    for name in names:
        put_at = os.path.join(project, name)
        url = _asset(assets.group(1) if assets else "ultralytics/assets", assets.group(2) if assets else None, name)
        yield StartDownload(name, url, put_at, os.path.exists(put_at))


def _checkpoints(everything: str, environ: Mapping[str, str], home: str) -> Iterator[StartDownload]:
    """Yield what torch.hub puts into its cache."""
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache")
    hub = os.path.join(environ.get("TORCH_HOME") or os.path.join(cache, "torch"), "hub", "checkpoints")
    for url in dict.fromkeys(_CHECKPOINT.findall(everything)):
        name = url.partition("?")[0].rstrip("/").rpartition("/")[2]
        put_at = os.path.join(hub, name)
        yield StartDownload(name, url, put_at, os.path.exists(put_at))
