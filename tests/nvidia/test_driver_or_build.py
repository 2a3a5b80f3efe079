"""When a newer driver is offered beside another build, and what the chain says of a card that is only assumed."""

import json

import pytest

from doctor.assume import assume
from doctor.checks.gpu.driver_too_old import driver_too_old
from doctor.facts import Facts, Gpu, Host, Nvidia, NvidiaSource, Torch, to_json
from doctor.model import Manual
from doctor.render.chain import links
from doctor.session import Request, judge
from doctor.wheels.matrix import load

MATRIX = load()


def facts(build, cuda, driver, name, cc, system="linux"):
    machine = "x86_64" if system == "linux" else "AMD64"
    return Facts(
        {
            Host: Host(system=system, machine=machine),
            Nvidia: Nvidia(driver=driver, gpus=(Gpu(name, cc),)),
            Torch: Torch(version=build, cuda=cuda),
        }
    )


@pytest.mark.parametrize(
    "case, helps",
    [
        (("2.9.1+cu130", "13.0", "531.68", "NVIDIA GeForce RTX 3060", "8.6"), True),
        (("2.9.1+cu130", "13.0", "531.68", "NVIDIA GeForce GTX 1060 6GB", "6.1"), False),  # it has no code for the card
        (("2.1.0+cu121", "12.1", "470.82.01", "Tesla K80", "3.7"), False),  # the driver would drop the card
        (("1.13.1+cu117", "11.7", "440.33", "Tesla K80", "3.7", "windows"), True),
        (("2.1.0+cu121", "12.1", "470.82.01", "a card of tomorrow", None), True),
    ],
)
def test_a_newer_driver_is_offered_only_where_it_helps(case, helps):
    (finding,) = driver_too_old(facts(*case), MATRIX)
    assert any(isinstance(remedy, Manual) for remedy in finding.remedies) is helps


def test_the_driver_of_an_assumed_card_is_unknown_not_none():
    bare = Facts({Host: Host(system="linux", machine="x86_64"), Nvidia: None})
    assert links(bare, (), "en")[0].state == "none"
    assert links(assume(bare, MATRIX, gpus=["RTX 3060"]), (), "en")[0].state == "unknown"
    assert links(assume(bare, MATRIX, driver="552.22"), (), "en")[0].state == "ok"


def test_a_driver_whose_halves_differ_is_not_called_missing_too(tmp_path):
    refused = NvidiaSource("nvml", error="Driver/library version mismatch", error_code=18)
    state = Nvidia(sources=(refused,), pci=("10de:2504",))
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps(to_json(facts("2.9.1+cu128", "12.8", None, "", None).replace(state))))
    found = {item.code for item in judge(Request(from_file=str(bundle))).findings}
    assert "driver-library-mismatch" in found and "driver-missing" not in found
