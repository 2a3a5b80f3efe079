"""Shared objects made by gcc, for tests of what reads them."""

import subprocess
import sys

import pytest
from conftest import need_tool

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ELF files are made by Linux's gcc")


def library(folder, name, needs=(), options=()):
    """Compile a shared object that needs others of the same folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / (name + ".c")
    source.write_text(
        "#include <math.h>\ndouble %s_f(double x) { return pow(x, 3.0) + %s; }\n"
        % (name, " + ".join("%s_f(x)" % n for n in needs) or "0")
    )
    if needs:
        source.write_text("".join("double %s_f(double);\n" % n for n in needs) + source.read_text())
    target = folder / ("lib%s.so" % name)
    command = [
        need_tool("gcc"),
        "-shared",
        "-fPIC",
        "-o",
        str(target),
        str(source),
        "-Wl,-soname,lib%s.so" % name,
        "-L" + str(folder),
    ]
    subprocess.run(command + ["-l" + n for n in needs] + ["-lm"] + list(options), check=True)
    return target
