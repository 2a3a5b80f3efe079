"""What one source says: imports, removed names through aliases, guards, torch.load, notebooks, odd files."""

import json
import sys

import pytest

from doctor.probes.source import scan, scan_native, scan_notebook


def uses(text, path="a.py"):
    return scan(text.encode("utf-8"), path).uses


def names(text):
    return [(use.name, use.where.line) for use in uses(text) if "guard" not in use.detail]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("import numpy as np\nx = np.int(3)\n", [("numpy.int", 2)]),
        ("import numpy\nx = numpy.float\n", [("numpy.float", 2)]),
        ("import numpy as N\nx = N.bool\n", [("numpy.bool", 2)]),
        ("from numpy import int as i\n", [("numpy.int", 1)]),
        ("def f():\n    import numpy as np\n    return np.float_(1)\n", [("numpy.float_", 3)]),
        ("import numpy as np\ndef f(x: np.int = np.float(1)): pass\n", [("numpy.int", 2), ("numpy.float", 2)]),
        ("import numpy as np\nprint(f'{np.int(3)}')\n", [("numpy.int", 2)]),
        ("import numpy as np\nx = np.int32(1) + np.float64(2) + np.int_(3)\n", []),
        ("import numpy as np\n# np.int\nx = 'np.int'\n", []),
        ("import numpy as np\ndef f(np):\n    return np.int\n", []),
        ("class np:\n    int = 3\nx = np.int\n", []),
        ("import torch\nx = torch.zeros(3).int().float().bool().long()\n", []),
        ("import tensorflow as np\nx = np.int\n", []),
        ("from PIL import Image\nim.resize(s, Image.ANTIALIAS)\n", [("PIL.Image.ANTIALIAS", 2)]),
        ("import PIL.Image\nx = PIL.Image.ANTIALIAS\n", [("PIL.Image.ANTIALIAS", 2)]),
        ("from PIL.Image import ANTIALIAS\n", [("PIL.Image.ANTIALIAS", 1)]),
        ("from PIL import Image\nx = Image.LANCZOS\n", []),
        ("from torch._six import string_classes\n", [("torch._six.string_classes", 1)]),
        ("import torch\nx = torch._six.string_classes\n", [("torch._six", 2)]),
        ("import torch\nx = torch.eig(a)\n", [("torch.eig", 2)]),
        ("import torch\nx = torch.linalg.eig(a)\n", []),
        ("from collections import Mapping, OrderedDict\n", [("collections.Mapping", 1)]),
        ("import collections\nx = collections.Iterable\n", [("collections.Iterable", 2)]),
        ("from collections.abc import Mapping\n", []),
        ("from typing import Iterable\n", []),
        ("import pkg_resources as pkg\n", [("pkg_resources", 1)]),
        ("import imp\nimport distutils.version\n", [("imp", 1), ("distutils.version", 2)]),
        ("from scipy.misc import imread, imresize\n", [("scipy.misc.imread", 1), ("scipy.misc.imresize", 1)]),
        ("from scipy import misc\nx = misc.imread(p)\n", [("scipy.misc.imread", 2)]),
        ("import sklearn.utils.linear_assignment_ as la\n", [("sklearn.utils.linear_assignment_", 1)]),
        ("from skimage.measure import (\n    compare_ssim,\n    label)\n", [("skimage.measure.compare_ssim", 1)]),
        ("import time\nx = time.clock()\n", [("time.clock", 2)]),
        ("from . import imp\nfrom .distutils import x\n", []),
    ],
)  # fmt: skip
def test_removed_names(text, expected):
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np\nif hasattr(np, 'int'):\n    x = np.int\n",
        "import numpy as np\nx = np.int if hasattr(np, 'int') else int\n",
        "import numpy as np\nif np.__version__ < '1.24':\n    x = np.int\nelse:\n    x = int\n",
        "import numpy as np\ntry:\n    x = np.int\nexcept AttributeError:\n    x = int\n",
        "try:\n    from collections.abc import Mapping\nexcept ImportError:\n    from collections import Mapping\n",
        "try:\n    import torch._six\nexcept ModuleNotFoundError:\n    pass\n",
        "import numpy as np\nok = hasattr(np, 'float') and np.float\n",
        "import numpy as np\ntry:\n    x = np.float\nexcept:\n    x = float\n",
    ],
)
def test_a_guarded_use_says_so(text):
    assert names(text) == []
    assert [use for use in uses(text) if use.detail.get("guard")]


def test_a_handler_around_a_whole_program_guards_nothing():
    body = "".join("    step%d()\n" % n for n in range(9))
    assert names("import numpy as np\ntry:\n%s    x = np.int\nexcept Exception as e:\n    print(e)\n" % body) == [
        ("numpy.int", 12)
    ]


def test_where_a_rewrite_would_go():
    (use,) = uses("import numpy as np\nπ = 'ü'; x = np.int(π)\n")
    assert (use.where.line, use.detail["column"], use.detail["source"], use.detail["after"]) == (2, "13", "np.int", "(")
    line = "π = 'ü'; x = np.int(π)"
    assert line[13 : 13 + len("np.int")] == "np.int"


def test_a_file_with_its_own_int_is_left_to_hands():
    (use,) = uses("import numpy as np\ndef int(x): return x\ny = np.int(3)\n")
    assert use.detail["rebound"] == "int"


def test_moving_a_whole_import_line():
    uses_found = uses("from collections import Mapping, Sequence\n")
    assert uses_found[0].detail == {"column": "5", "source": "collections", "module": "collections.abc"}
    assert uses("from collections import Mapping, OrderedDict\n")[0].detail == {}


def test_pillow_methods_by_their_receiver():
    text = "from PIL import ImageFont, ImageDraw\nimport os\n"
    assert [n for n, _ in names(text + "w, h = font.getsize(label)\n")] == ["PIL.ImageFont.FreeTypeFont.getsize"]
    assert [n for n, _ in names(text + "w, h = self.font.getsize(label)\n")] == ["PIL.ImageFont.FreeTypeFont.getsize"]
    made = text + "f = ImageFont.truetype('a.ttf')\nw, h = f.getsize(label)\nd = ImageDraw.Draw(im)\nd.textsize(t)\n"
    assert [n for n, _ in names(made)] == ["PIL.ImageFont.FreeTypeFont.getsize", "PIL.ImageDraw.ImageDraw.textsize"]
    assert names(text + "n = os.path.getsize(p)\nm = file.getsize()\n") == []
    assert names("w = font.getsize(label)\n") == []


def load(text):
    found = [use for use in uses("import torch\n" + text) if use.name == "torch.load"]
    return [(use.detail["weights_only"], use.detail.get("whole")) for use in found]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("x = torch.load(p)\n", [("absent", None)]),
        ("x = torch.load(p, weights_only=False)\n", [("False", None)]),
        ("x = torch.load(p, **given)\n", []),
        ("x = torch.load(p)['model'].float().state_dict()\n", [("absent", "yes")]),
        ("ckpt = torch.load(p)\nm = ckpt['model'].float().fuse().eval()\n", [("absent", "yes")]),
        ("m = torch.load(p)\nm.eval()\n", [("absent", "yes")]),
        ("ckpt = torch.load(p)\nm.load_state_dict(ckpt['model'])\n", [("absent", None)]),
        ("ckpt = torch.load(p)\nw = ckpt['w'].float()\n", [("absent", None)]),
        ("ckpt = torch.load(p)\nckpt = other()\nckpt['model'].eval()\n", [("absent", None)]),
    ],
)
def test_torch_load(text, expected):
    assert load(text) == expected


def test_torch_load_by_its_own_name():
    (use,) = uses("from torch import load\nx = load(p)\n")
    assert use.name == "torch.load"
    assert uses("import json\nx = json.load(p)\n") == ()


@pytest.mark.skipif(sys.version_info < (3, 8), reason="Python 3.7 does not say where a call ends")
@pytest.mark.parametrize(
    "call, insert",
    [
        ("torch.load(p)", ", weights_only=False"),
        ("torch.load(p, )", " weights_only=False"),
        ("torch.load(\n  p\n)", ", weights_only=False"),
        ("torch.load(\n  p,\n)", "weights_only=False"),
        ("torch.load(\n  p,  # a comment\n)", None),
    ],
)
def test_where_weights_only_would_go(call, insert):
    (use,) = uses("import torch\nx = %s\n" % call)
    assert use.detail.get("insert") == insert
    if insert:
        lines = ("import torch\nx = %s\n" % call).split("\n")
        number, column = int(use.detail["end_line"]) - 1, int(use.detail["end_column"])
        assert lines[number][column] == ")"
        lines[number] = lines[number][:column] + insert + lines[number][column:]
        (again,) = uses("\n".join(lines))
        assert again.detail["weights_only"] == "False"


YOLO = """import torch
def build_targets(p, targets):
    gain = torch.ones(7, device=targets.device){cast}
    for i in range(3):
        gain[2:6] = torch.tensor(p[i].shape)[[3, 2, 3, 2]]
        gij = (targets - 0.5).long()
        gi, gj = gij.T
        indices.append((gj.clamp_(0, gain[3] - 1), gi.clamp_(0, {limit} - 1)))
"""


def test_yolo_loss():
    found = uses(YOLO.format(cast="", limit="gain[2]"))
    assert [(use.name, use.detail["source"]) for use in found] == [
        ("torch.Tensor.clamp_", "gain[3]"),
        ("torch.Tensor.clamp_", "gain[2]"),
    ]
    assert uses(YOLO.format(cast=".long()", limit="gain[2]")) == ()
    assert [use.detail["source"] for use in uses(YOLO.format(cast="", limit="shape[2]"))] == ["gain[3]"]


def test_what_is_wanted_of_onnxruntime_and_opencv():
    text = (
        "import onnxruntime, cv2\ns = onnxruntime.InferenceSession(p, providers=['CUDAExecutionProvider'])\n"
        "cv2.imshow('a', b)\n"
    )
    assert names(text) == [("onnxruntime.CUDAExecutionProvider", 2), ("cv2.imshow", 3)]
    assert names("import onnxruntime\nx = 'CUDAExecutionProvider' in y\n") == []


def test_imports():
    text = (
        "import os, torch as t\nfrom numpy.linalg import norm\nimport a.b.c\n"
        "def f():\n    import wandb\n    import torch\n"
        "try:\n    import thop\nexcept ImportError:\n    pass\nfrom . import own\n"
    )
    found = scan(text.encode(), "a.py")
    assert {name: line.line for name, line in found.imports.items()} == {
        "os": 1, "torch": 1, "numpy.linalg": 2, "a.b.c": 3, "wandb": 5, "thop": 8,
    }  # fmt: skip
    assert found.lazy == {"wandb", "thop"}


@pytest.mark.parametrize(
    "data",
    [
        b"import numpy as np\nprint np.int\n",
        b"import numpy as np\nx = np.int(\n",
        b"\xff\xfeimport numpy",
        b"import numpy as np\n\x00np.int\n",
        b"import numpy as np\n" + b"(" * 5000 + b"np.int" + b")" * 5000,
        b"\xef\xbb\xbfimport numpy as np\nx = np.int\n"[:20],
        b"",
        b"# -*- coding: nonsense -*-\nimport numpy as np\nx = np.int\n",
    ],
)
def test_odd_files_do_no_harm(data):
    scan(data, "a.py")


def test_python_2_is_named():
    assert scan(b"import numpy as np\nprint 'x', np.int\n", "a.py").broken.startswith("Python 2")


def test_encodings_and_line_ends():
    text = "# -*- coding: gbk -*-\r\nimport numpy as np\r\ns = '中文'; x = np.int\r\n"
    (use,) = scan(text.encode("gbk"), "a.py").uses
    assert (use.where.line, use.detail["column"]) == (3, "14")
    (use,) = scan(b"\xef\xbb\xbfimport numpy as np\nx = np.int\n", "a.py").uses
    assert use.where.text == "x = np.int"


def notebook(*cells, **more):
    return json.dumps(dict({"cells": list(cells), "nbformat": 4}, **more), indent=1).encode()


def cell(*lines, kind="code"):
    return {"cell_type": kind, "source": [line + "\n" for line in lines[:-1]] + list(lines[-1:]), "outputs": []}


def test_notebooks():
    data = notebook(
        cell("np.int is gone", kind="markdown"),
        cell("!pip install numpy", "%matplotlib inline", "import numpy as np"),
        cell("%%bash", "np.int"),
        cell("this is ( no Python"),
        cell("for i in x:", "    !echo $i", "y = np.int(3)"),
    )
    found = scan_notebook(data, "n.ipynb")
    assert [use.name for use in found.uses] == ["numpy.int"]
    (use,) = found.uses
    assert "np.int(3)" in data.decode().split("\n")[use.where.line - 1]
    assert "column" not in use.detail


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"not json", b'{"cells": 3}', b'{"cells": [3, {"cell_type": "code"}]}']
)
def test_odd_notebooks_do_no_harm(data):
    assert scan_notebook(data, "n.ipynb").uses == ()


def test_generated_protobuf_code():
    old = b"from google.protobuf import descriptor as _descriptor\nX = _descriptor.FieldDescriptor(\n  name='a')\n"
    assert [use.name for use in scan(old, "x_pb2.py").uses] == ["google.protobuf.generated"]
    new = (
        b"from google.protobuf import descriptor_pool\nDESCRIPTOR = descriptor_pool.Default().AddSerializedFile(b'')\n"
    )
    assert scan(new, "x_pb2.py").uses == ()


def test_cuda_builds():
    text = b"from torch.utils.cpp_extension import BuildExtension, CUDAExtension\nx = CUDAExtension('a', ['a.cu'])\n"
    assert scan(text, "setup.py").builds_cuda
    assert not scan(b"WORDS = 'CUDAExtension('\n", "a.py").builds_cuda


NATIVE = b"""#include <torch/extension.h>
#include <THC/THC.h>
  #  include "THC/THCAtomics.cuh"
#define CHECK_CUDA(x) AT_CHECK(x.type().is_cuda(), #x)
//#define CHECK_CUDA(x) AT_CHECK(x.is_cuda(), #x)
 * AT_CHECK( in a comment
int f() { return 1; }  // AT_CHECK(x)
"""


def test_what_torchs_cpp_interface_no_longer_has():
    found = scan_native(NATIVE, "src/roi.cu")
    assert [(use.name, use.where.line) for use in found] == [("THC", 2), ("THC", 3), ("AT_CHECK", 4)]
    assert all("guard" not in use.detail for use in found)
    shim = b"#ifndef AT_CHECK\n#define AT_CHECK TORCH_CHECK\n#endif\n" + NATIVE
    assert all(use.detail["guard"] == "condition" for use in scan_native(shim, "src/roi.cu"))
    assert scan_native(b"\xff\xfe\x00", "x.c") == ()
