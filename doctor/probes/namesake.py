"""Another program that answers to ``doctor`` here."""

import os
import sys
from typing import Optional

from . import run

#: what the script, or the launcher that pip makes of it on Windows, imports
_ENV_DOCTOR = b"env_doctor"
_MOST_BYTES = 1 << 20


def other_doctor(path: Optional[str] = None) -> Optional[str]:
    """Return the script ``doctor`` of the package env-doctor where that is what a shell would start here, or None.

    That is the first one on PATH, or beside the Python that runs this: there the package installed later took the name.
    """
    beside = os.path.join(os.path.dirname(sys.executable), "doctor")
    for script in (run.which("doctor", path), beside):
        if script is None:
            continue
        try:
            with open(script, "rb") as stream:
                if _ENV_DOCTOR in stream.read(_MOST_BYTES):
                    return script
        except OSError:
            pass
    return None
