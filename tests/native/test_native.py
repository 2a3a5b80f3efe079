"""What the compiled modules of an environment say, on made environments."""

import base64
import hashlib
import sys

import pytest
from lab.shared_objects import library, linux

from doctor.facts import Facts, from_json, to_json
from doctor.probes.native import probe_native


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


def put(path, data=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def numpy(site, major):
    put(site / "numpy" / ("_core" if major == 2 else "core") / "__init__.py")


OLD = b"..numpy.core._multiarray_umath\0.."
NEW = b"..numpy._core._multiarray_umath\0..numpy.core._multiarray_umath\0.."


def abi(section):
    return {item.distribution: item.numpy_abi for item in section.items}


@pytest.mark.parametrize("data, expected", [(OLD, "1"), (NEW, "2"), (b"nothing", None), (b"", None)])
def test_numpy_generation_by_the_marker(site, data, expected):
    numpy(site, 2)
    put(site / "pandas" / "_libs" / "lib.cpython-311-x86_64-linux-gnu.so", data)
    assert abi(probe_native([str(site)], root=str(site))) == {"pandas": expected}


def test_with_numpy_1_nobody_asks(site):
    numpy(site, 1)
    put(site / "pandas" / "_libs" / "lib.so", OLD)
    assert abi(probe_native([str(site)], root=str(site))) == {"pandas": None}


def test_a_package_without_a_row_of_its_own(site):
    numpy(site, 2)
    put(site / "lap" / "_lapjv.cpython-311-x86_64-linux-gnu.so", OLD)
    put(site / "fine" / "_x.so", NEW)
    put(site / "alone.cpython-311-x86_64-linux-gnu.so", OLD)
    assert abi(probe_native([str(site)], root=str(site))) == {"alone": "1", "lap": "1"}
    assert abi(probe_native([str(site)], quick=True, root=str(site))) == {}


def test_whose_opencv_this_is(site):
    numpy(site, 2)
    put(site / "cv2" / "cv2.abi3.so", OLD)
    put(site / "opencv_contrib_python_headless-4.9.0.80.dist-info" / "RECORD")
    assert abi(probe_native([str(site)], root=str(site))) == {"opencv-contrib-python-headless": "1"}


@linux
def test_a_missing_library_and_one_that_is_bundled(site):
    bundled = site / "opencv_python.libs"
    library(bundled, "ghost")
    library(bundled, "inner", ["ghost"], ["-Wl,-rpath,$ORIGIN"])
    put(site / "cv2" / "x")
    module = library(bundled, "cv2", ["inner"], ["-Wl,-rpath,$ORIGIN/../opencv_python.libs"])
    module.rename(site / "cv2" / "cv2.abi3.so")
    (item,) = probe_native([str(site)], root=str(site)).items
    assert item.missing_libraries == ()
    assert item.glibc
    (bundled / "libghost.so").unlink()
    # the library that is missing is asked for by a bundled one, not by the module itself
    (item,) = probe_native([str(site)], root=str(site)).items
    assert item.missing_libraries == ("libghost.so",)


@linux
def test_what_other_packages_load_first_is_not_missing(site):
    folder = site / "torch" / "lib"
    library(folder, "c10")
    module = library(folder, "vision", ["c10"])
    put(site / "torchvision" / "x")
    module.rename(site / "torchvision" / "_C.so")
    (item,) = [one for one in probe_native([str(site)], root=str(site)).items if one.distribution == "torchvision"]
    assert item.missing_libraries == ()


@pytest.mark.skipif(sys.platform == "win32", reason="the folders of an environment lie elsewhere on Windows")
def test_openmp_copies(site):
    put(site / "torch" / "lib" / "libgomp-a34b3233.so.1", b"gomp")
    put(site / "sklearn" / ".dylibs" / "libomp.dylib", b"omp")
    put(site / "mkl_thing.libs" / "libiomp5.so", b"one")
    prefix = site.parent.parent.parent
    put(prefix / "lib" / "libiomp5.so", b"two")
    # what lies beside the runtime and is none
    for name in ("libiomp5_db.so", "libomptarget.so", "libomptarget.rtl.x86_64.so", "libiompstubs5.so"):
        put(prefix / "lib" / name, b"x")
    found = probe_native([str(site)], root=str(site)).openmp
    assert {kind: len(paths) for kind, paths in found.items()} == {"libgomp": 1, "libiomp5": 2, "libomp": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="the folders of an environment lie elsewhere on Windows")
def test_links_to_one_file_are_one_copy(site):
    first = put(site / "a" / "lib" / "libiomp5.so", b"one")
    (site / "b" / "lib").mkdir(parents=True)
    (site / "b" / "lib" / "libiomp5.so").symlink_to(first)
    assert len(probe_native([str(site)], root=str(site)).openmp["libiomp5"]) == 1


def record(site, name, files):
    """Write a dist-info whose RECORD lists these files with the hashes of these contents."""
    rows = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        rows.append("%s,sha256=%s,%d" % (path, digest, len(data)))
    rows.append("%s.dist-info/RECORD,," % name)
    put(site / (name + ".dist-info") / "RECORD", "\n".join(rows).encode())


def owners(section):
    return {item.distribution: (item.files, item.missing, item.changed) for item in section.ownership}


def test_whose_files_were_overwritten(site):
    shared = {"cv2/__init__.py": b"same", "cv2/config.py": b"gui-", "cv2/cv2.so": b"with windows"}
    headless = {"cv2/__init__.py": b"same", "cv2/config.py": b"less", "cv2/cv2.so": b"without any window"}
    record(site, "opencv_python-4.9.0.80", shared)
    record(site, "opencv_python_headless-4.9.0.80", headless)
    for path, data in headless.items():
        put(site / path, data)
    found = owners(probe_native([str(site)], root=str(site)))
    assert found["opencv-python-headless"] == (3, (), ())
    # one differs in size; the other only in content, which both claim
    assert found["opencv-python"] == (3, (), ("cv2/config.py", "cv2/cv2.so"))


def test_files_that_an_uninstall_took_along(site):
    record(site, "opencv_python-4.9.0.80", {"cv2/__init__.py": b"a", "cv2/cv2.so": b"b"})
    put(site / "cv2" / "qt" / "fonts" / "x.ttf")
    assert owners(probe_native([str(site)], root=str(site))) == {
        "opencv-python": (2, ("cv2/__init__.py", "cv2/cv2.so"), ())
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cv2/../../../etc/passwd,sha256=x,3\n",
        "cv2/a.py\n",
        '"cv2/a,b.py",sha256=x,1\n',
        "cv2/a.py,md5=x,1\n",
        "\0\0",
    ],
)
def test_odd_records(site, text):
    put(site / "opencv_python-4.9.0.80.dist-info" / "RECORD", text.encode())
    section = probe_native([str(site)], root=str(site))
    assert "passwd" not in str(section.ownership)


def test_nothing_there(tmp_path):
    section = probe_native([str(tmp_path / "none")])
    assert (section.items, dict(section.openmp), section.ownership) == ((), {}, ())
    facts = Facts({type(section): section})
    assert from_json(to_json(facts)) == facts
