"""Example code in a docstring imports nothing; code after it does."""

import pytest

from doctor.probes.source import parse_imports


@pytest.mark.parametrize(
    "source, modules",
    [
        ('"""Usage::\n\nimport torch\n"""\nimport numpy\n', ["numpy"]),
        ("PROGRAM = '''\nimport torch\n'''\n", []),
        ('"""It\'s a """\nimport torch\n', ["torch"]),
        ('# an odd """ in a comment\nimport torch\n', ["torch"]),
        ('quotes = \'"""\'\nimport torch\n', ["torch"]),
        ('a = """one"""\nimport torch\nb = """\nimport cv2\n"""\n', ["torch"]),
        ('"""never closed\nimport torch\n', ["torch"]),
    ],
)
def test_only_code_imports(source, modules):
    found, _ = parse_imports(source.encode(), "train.py")
    assert list(found) == modules
