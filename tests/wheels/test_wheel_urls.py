"""Every real address that public lock files name is what the matrix makes of its version, Python and platform."""

from urllib.parse import unquote, urlsplit

import pytest
from conftest import ROOT

from doctor.wheels.choose import choose
from doctor.wheels.matrix import load
from doctor.wheels.tags import platform_of_tag
from doctor.wheels.target import Target

MATRIX = load()
ROWS = [
    line.split()
    for line in (ROOT / "tests" / "wheels" / "data" / "urls.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def test_there_are_212_of_them_and_32_are_free_threaded():
    assert len(ROWS) == 212
    assert sum("t-" in unquote(url).rsplit("-", 1)[0][-2:] + "-" for url, _ in ROWS) == 32


@pytest.mark.parametrize("url, sha256", ROWS, ids=[unquote(url).rsplit("/", 1)[1][:-4] for url, _ in ROWS])
def test_reproduced(url, sha256):
    place = urlsplit(url).path[len("/whl/") :]
    variant, filename = place.split("/")
    filename = unquote(filename)
    name, version, _, abi, tag = filename[:-4].split("-")
    python = "3." + abi.rstrip("m")[3:]
    target = Target.described(platform_of_tag(tag), MATRIX, python)
    choice = choose(MATRIX, ["%s==%s+%s" % (name, version.partition("+")[0], variant)], target)
    wheel = choice.wheel(name)
    assert wheel.filename == filename and wheel.version == version
    assert wheel.url == "https://download.pytorch.org/whl/" + place
    assert wheel.sha256 == sha256
    assert set(target.tags()) & {"-".join(filename[:-4].split("-")[2:])}
