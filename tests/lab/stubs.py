"""Compiles the stand-ins for the NVIDIA driver's libraries."""

import subprocess
from pathlib import Path

from conftest import need_tool

LAB = Path(__file__).resolve().parent
LIBRARIES = {"nvml_stub.c": "libnvidia-ml.so.1", "cuda_stub.c": "libcuda.so.1"}


def compile_stubs(folder, *sources):
    """Compile these sources into a folder, which belongs on LD_LIBRARY_PATH; return the folder."""
    for source in sources:
        library = Path(str(folder)) / LIBRARIES[source]
        subprocess.run([need_tool("gcc"), "-shared", "-fPIC", "-o", str(library), str(LAB / source)], check=True)
    return folder
