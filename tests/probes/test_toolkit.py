"""CUDA toolkits: by their files, by nvcc, by CUDA_HOME, and libraries that LD_LIBRARY_PATH brings in."""

import json
import os
import sys

import pytest

from doctor.probes import toolkit

NVCC = """nvcc: NVIDIA (R) Cuda compiler driver
Copyright (c) 2005-2023 NVIDIA Corporation
Built on Fri_Nov__3_17:16:49_PDT_2023
Cuda compilation tools, release 12.3, V12.3.103
Build cuda_12.3.r12.3/compiler.33492891_0
"""
CUDNN = "#define CUDNN_MAJOR 8\n#define CUDNN_MINOR 9\n#define CUDNN_PATCHLEVEL 7\n"


def put(root, path, text=""):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def install(root, path, version):
    put(root, path + "/version.json", json.dumps({"cuda": {"name": "CUDA SDK", "version": version}}))
    put(root, path + "/bin/nvcc")
    return root / path


def test_none(tmp_path):
    assert toolkit.probe_toolkit(str(tmp_path), {}) is None


def test_what_nvcc_says():
    assert toolkit.parse_nvcc(NVCC) == "12.3"
    assert toolkit.parse_nvcc("command not found") is None


def test_several_toolkits_one_of_them_linked(tmp_path):
    install(tmp_path, "usr/local/cuda-12.3", "12.3.1")
    install(tmp_path, "usr/local/cuda-11.8", "11.8.0")
    os.symlink("cuda-12.3", str(tmp_path / "usr/local/cuda"))
    found = toolkit.probe_toolkit(str(tmp_path), {})
    assert [(item.version, os.path.basename(item.path)) for item in found.installs] == [
        ("12.3", "cuda-12.3"),
        ("11.8", "cuda-11.8"),
    ]
    assert found.nvcc == "12.3"


@pytest.mark.parametrize(
    "path, text, version",
    [
        ("version.txt", "CUDA Version 10.2.89\n", "10.2"),
        ("include/cuda.h", "#define CUDA_VERSION 13000\n", "13.0"),
        ("version.json", "{ no json", None),
    ],
)
def test_other_places_of_the_version(tmp_path, path, text, version):
    put(tmp_path, "opt/cuda/" + path, text)
    found = toolkit.probe_toolkit(str(tmp_path), {})
    assert (found.installs[0].version if found else None) == version


def test_cuda_home_is_kept_as_written(tmp_path):
    home = str(install(tmp_path, "somewhere/toolkit", "12.1.0")) + "/"
    found = toolkit.probe_toolkit(str(tmp_path), {"CUDA_HOME": home})
    assert (found.cuda_home, found.installs[0].path, found.installs[0].version) == (home, home, "12.1")


def test_cuda_home_without_a_toolkit_is_told(tmp_path):
    found = toolkit.probe_toolkit(str(tmp_path), {"CUDA_PATH": str(tmp_path / "gone")})
    assert (found.cuda_home, found.installs) == (str(tmp_path / "gone"), ())


def test_cudnn_by_its_header(tmp_path):
    put(tmp_path, "usr/include/cudnn_version.h", CUDNN)
    found = toolkit.probe_toolkit(str(tmp_path), {})
    assert list(found.cudnn.values()) == ["8.9.7"]


def test_libraries_on_the_path(tmp_path):
    for name in ("libnvJitLink.so", "libnvJitLink.so.12", "libnvJitLink.so.12.1.105", "libother.so.1", "libcudnn.so.8"):
        put(tmp_path, "extra/" + name)
    path = "%s::%s" % (tmp_path / "extra", tmp_path / "gone")
    found = toolkit.probe_toolkit(str(tmp_path), {"LD_LIBRARY_PATH": path})
    assert sorted(os.path.basename(item) for item in found.library_path) == [
        "libcudnn.so.8",
        "libnvJitLink.so.12.1.105",
    ]


def test_a_script_that_starts_nvcc_is_looked_through(tmp_path):
    home = install(tmp_path, "opt/toolkit", "12.3.1")
    put(tmp_path, "bin/nvcc", '#!/bin/sh\nexec %s/bin/nvcc "$@"\n' % home).chmod(0o755)
    found = toolkit.probe_toolkit("/", {"PATH": str(tmp_path / "bin")})
    assert found.nvcc == "12.3"  # the file itself is empty: nothing was started


@pytest.mark.skipif(os.name == "nt", reason="only on POSIX: a script stands in for nvcc")
@pytest.mark.parametrize("text, version", [(NVCC, "12.3"), ("Segmentation fault", None)])
def test_a_wrapper_called_nvcc_is_asked(tmp_path, text, version):
    script = put(tmp_path, "bin/nvcc", "#!%s\nprint(%r)\n" % (sys.executable, text))
    script.chmod(0o755)
    found = toolkit.probe_toolkit("/", {"PATH": str(tmp_path / "bin")})
    assert (found.nvcc if found else None) == version
