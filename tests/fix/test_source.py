"""Rewriting source: only code, only the right names, bytes otherwise untouched; kept and put back."""

import os

import pytest

from doctor.facts import Facts, Project
from doctor.fix import source
from doctor.fix.journal import Journal
from doctor.model import DoctorError, Edit, Step
from doctor.text import Text


def everywhere(text, old="np.int", new="int", file="train.py"):
    """Return an edit for each place where the letters stand, right or wrong."""
    edits = []
    for number, line in enumerate(text.splitlines(), 1):
        column = line.find(old)
        while column >= 0:
            edits.append(Edit(file, number, column, old, new))
            column = line.find(old, column + 1)
    return edits


HEAD = "import numpy as np\n"


@pytest.mark.parametrize(
    "line, after",
    [
        ("x = a.astype(np.int)", "x = a.astype(int)"),
        ("x = np.int(1) + np.int(2)", "x = int(1) + int(2)"),
        ("x = np.int32(1) + np.int_(2)", None),
        ("x = my_np.int", None),
        ("x = self.np.int", None),
        ("x = 'np.int'  # np.int", None),
        ('x = """np.int\nnp.int"""', None),
        ("x = {np.int: 'np.int'}", "x = {int: 'np.int'}"),
        ("中文 = np.int('中文')", "中文 = int('中文')"),
        ("def f(np):\n    return np.int", None),
        (
            "def f():\n    np = g()\n    return np.int\ny = np.int",
            "def f():\n    np = g()\n    return np.int\ny = int",
        ),
        ("f = lambda np: np.int", None),
        ("def f(x: np.int = np.int(1)): pass", "def f(x: int = int(1)): pass"),
    ],
)
def test_only_code_is_rewritten(line, after):
    text = HEAD + line + "\n"
    done = source.rewrite(text, everywhere(text))
    assert done.text == HEAD + (line if after is None else after) + "\n"
    assert len(done.done) + len(done.left) == len(everywhere(text))


def test_a_module_name_that_is_rebound_is_left_alone():
    text = "import numpy as np\nnp = fake\nx = np.int\n"
    done = source.rewrite(text, everywhere(text))
    assert done.text == text and "another thing" in done.left[0][1]


def test_a_changed_file_is_left_alone():
    text = HEAD + "x = np.int\n"
    done = source.rewrite(text, [Edit("train.py", 2, 3, "np.int", "int"), Edit("train.py", 99, 0, "np.int", "int")])
    assert done.text == text and [why for _, why in done.left] == ["the file has changed"] * 2


def test_insertions_and_overlaps():
    text = "import torch\nm = torch.load(path)\n"
    edit = Edit("train.py", 2, 19, ")", ", weights_only=False)")
    overlapping = Edit("train.py", 2, 15, "path)", "other)")
    done = source.rewrite(text, [edit])
    assert done.text == "import torch\nm = torch.load(path, weights_only=False)\n"
    assert len(source.rewrite(text, [edit, overlapping]).done) == 1


def test_source_of_another_python_is_left_alone():
    with pytest.raises(SyntaxError):
        source.rewrite("print 'np.int'\nx = np.int\n", [Edit("a", 2, 4, "np.int", "int")])


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    return root


def step(*edits):
    return Step(1, "source", "unsafe", None, Text("", ""), edits=tuple(edits), files=tuple({e.file for e in edits}))


def prepared(project, *edits):
    return source.prepare(step(*edits), Facts({Project: Project(str(project))}))


@pytest.mark.parametrize(
    "data",
    [
        HEAD.encode() + b"x = np.int\n",
        HEAD.encode() + b"x = np.int",
        HEAD.replace("\n", "\r\n").encode() + b"x = np.int\r\ny = 1\n",
        b"\xef\xbb\xbf" + HEAD.encode() + b"x = np.int\n",
        "# -*- coding: gbk -*-\nimport numpy as np; s = '中文'; x = np.int\n".encode("gbk"),
        "# coding: latin-1\nimport numpy as np; s = 'é'; x = np.int\n".encode("latin-1"),
    ],
)
def test_encodings_and_line_ends_are_kept(project, data, tmp_path):
    path = project / "train.py"
    path.write_bytes(data)
    os.chmod(str(path), 0o755)
    text, _ = source.decode(data)
    change = prepared(project, *everywhere(text))
    journal = Journal(str(tmp_path), "1")
    os.makedirs(journal.folder)
    (record,) = change.keep(journal)
    change.apply()
    assert path.read_bytes() == data.replace(b"np.int", b"int")
    assert os.stat(str(path)).st_mode & 0o777 == 0o755
    assert "-" in change.diff and "+++ b/train.py" in change.diff
    assert source.put_back(record, journal.folder) is None
    assert path.read_bytes() == data and os.stat(str(path)).st_mode & 0o777 == 0o755
    assert source.put_back(record, journal.folder) is None  # twice does no harm


def test_what_was_edited_since_is_kept_aside(project, tmp_path):
    path = project / "train.py"
    path.write_text(HEAD + "x = np.int\n")
    change = prepared(project, *everywhere(path.read_text()))
    journal = Journal(str(tmp_path), "1")
    os.makedirs(journal.folder)
    (record,) = change.keep(journal)
    change.apply()
    path.write_text(HEAD + "x = int  # mine\n")
    assert source.put_back(record, journal.folder) == str(path)
    assert path.read_text() == HEAD + "x = np.int\n"
    (kept,) = os.listdir(os.path.join(journal.folder, "changed-since"))
    with open(os.path.join(journal.folder, "changed-since", kept)) as file:
        assert "# mine" in file.read()


@pytest.mark.parametrize("name", ["../outside.py", "linked/outside.py"])
def test_files_outside_the_project_are_refused(project, tmp_path, name):
    (tmp_path / "outside.py").write_text(HEAD + "x = np.int\n")
    os.symlink(str(tmp_path), str(project / "linked"))
    with pytest.raises(DoctorError):
        prepared(project, Edit(name, 2, 4, "np.int", "int"))
    assert "np.int" in (tmp_path / "outside.py").read_text()


def test_a_file_that_cannot_be_read_as_source_is_said(project):
    (project / "a.py").write_bytes(b"\xff\xfe\x00 np.int\n")
    change = prepared(project, Edit("a.py", 1, 4, "np.int", "int"))
    assert change.changes == [] and len(change.left) == 1
