"""The fingerprint of an environment: says whether facts taken before still describe it."""

import os
import time
from typing import Iterable, Sequence, Union

from ..facts import Fingerprint, Unknown


def probe_fingerprint(site_packages: Sequence[str]) -> Union[Fingerprint, Unknown]:
    """Return the fingerprint of these site-packages folders; unknown when one of them cannot be read."""
    try:
        return Fingerprint(digest=_digest(site_packages), taken_s=time.time())
    except OSError as error:
        return Unknown("%s: %s" % (error.filename, error.strerror))


def unchanged(taken: Fingerprint, site_packages: Sequence[str]) -> bool:
    """Tell whether an environment is still as it was when the fingerprint was taken; False when it cannot be read."""
    try:
        return _digest(site_packages) == taken.digest
    except OSError:
        return False


def _digest(site_packages: Iterable[str]) -> str:
    # Names show what came, went or was renamed by hand; the times of the metadata folders show what was put back in
    # place. The time of site-packages itself says nothing: the first import of a single-file module changes it.
    import zlib

    crc, adler = 0, 1
    for folder in site_packages:
        try:
            with os.scandir(folder) as entries:
                rows = sorted(_row(entry) for entry in entries if entry.name != "__pycache__")
        except FileNotFoundError:
            rows = []
        text = ("%d\n%s\n" % (len(rows), "\n".join(rows))).encode("utf-8", "surrogateescape")
        crc, adler = zlib.crc32(text, crc), zlib.adler32(text, adler)
    return "%08x%08x" % (crc, adler)


def _row(entry: "os.DirEntry") -> str:
    if not entry.name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link")):
        return entry.name
    return "%s %d" % (entry.name, entry.stat().st_mtime_ns)
