"""What holds for every driver, card, Python and platform."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.utils import parse_wheel_filename
from packaging.version import InvalidVersion, Version

from doctor.wheels import versions
from doctor.wheels.choose import choose
from doctor.wheels.matrix import Matrix, load
from doctor.wheels.target import Card, Target

MATRIX = load()
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

PLATFORMS = st.sampled_from(["linux_x86_64", "win_amd64", "linux_aarch64"])
PYTHONS = st.sampled_from(["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t"])
DRIVERS = st.sampled_from(
    "390.157 418.39 440.33 450.80.02 452.39 470.57.02 511.23 520.61.05 525.60.13 528.33 531.68 535.54.03 552.22 "
    "560.35.03 570.26 572.61 575.51.03 580.65.06 581.2 590.48.01 595.45.04 610.57.04".split()
)
CODES = st.sampled_from([cc for cc in MATRIX.capabilities if cc[0] != "2"])
GLIBCS = st.one_of(st.none(), st.sampled_from(["2.17", "2.27", "2.28", "2.31", "2.36", "2.41"]))


def described(platform, python, driver, codes, glibc=None):
    gpus = ["sm_" + code.replace(".", "") for code in codes]
    glibc = glibc if platform.startswith("linux") else None
    return Target.described(platform, MATRIX, python, driver=driver, gpus=gpus, glibc=glibc)


def fitting(target):
    """Every CUDA build that the chooser would take if the newer ones did not exist."""
    choice = choose(MATRIX, ["torch"], target)
    builds = {item.build for item in choice.rejected if item.reasons[0].startswith("order:")}
    if choice.fits:
        builds.add("torch " + choice.wheel("torch").version.replace("+", " "))
    return {build for build in builds if " cu" in build}


@QUICK
@given(PLATFORMS, PYTHONS, DRIVERS, DRIVERS, st.lists(CODES, min_size=1, max_size=2))
def test_a_newer_driver_never_loses_a_cuda_build(platform, python, one, other, codes):
    older, newer = sorted((one, other), key=versions.key)
    assert fitting(described(platform, python, older, codes)) <= fitting(described(platform, python, newer, codes))


@QUICK
@given(PLATFORMS, PYTHONS, DRIVERS, CODES, CODES)
def test_a_second_card_never_adds_builds(platform, python, driver, code, second):
    alone = fitting(described(platform, python, driver, [code]))
    assert fitting(described(platform, python, driver, [code, second])) <= alone


@QUICK
@given(PLATFORMS, PYTHONS, DRIVERS, CODES, GLIBCS)
def test_every_file_parses_and_its_tags_are_the_targets(platform, python, driver, code, glibc):
    target = described(platform, python, driver, [code], glibc)
    tags = set(target.tags())
    choice = choose(MATRIX, ["torch", "torchvision"], target)
    for wheel in choice.wheels:
        name, version, _, own = parse_wheel_filename(wheel.filename)
        assert (name, str(version)) == (wheel.name, str(Version(wheel.version)))
        assert {str(tag) for tag in own} & tags
        assert wheel.url is None or wheel.url.endswith(wheel.filename.replace("+", "%2B"))


@QUICK
@given(PLATFORMS, PYTHONS, DRIVERS, CODES, st.randoms())
def test_the_order_of_rows_does_not_matter(platform, python, driver, code, chance):
    target = described(platform, python, driver, [code])
    shuffled = Matrix(mixed(MATRIX.data, chance))
    mine, other = (choose(matrix, ["torch", "torchvision"], target) for matrix in (MATRIX, shuffled))
    assert mine.wheels == other.wheels and mine.fits == other.fits
    assert {item.build for item in mine.rejected} == {item.build for item in other.rejected}


def mixed(data, chance):
    """The matrix with its releases, builds, tags and driver rows in another order."""

    def shuffled(mapping):
        items = list(mapping.items())
        chance.shuffle(items)
        return dict(items)

    torch = dict(data["torch"])
    torch["releases"] = shuffled(
        {
            version: dict(
                row, variants=shuffled(row["variants"]), **({"tags": shuffled(row["tags"])} if "tags" in row else {})
            )
            for version, row in torch["releases"].items()
        }
    )
    drivers = dict(data["drivers"])
    for name in ("toolkit_full_support", "minor_version_compat", "branch_reports", "gpu_generation_last_driver"):
        drivers[name] = random.Random(chance.random()).sample(drivers[name], len(drivers[name]))
    return dict(data, torch=torch, drivers=drivers)


@QUICK
@given(st.lists(CODES, min_size=1, max_size=4))
def test_what_serves_a_card_directly_serves_it_by_machine_code_or_ptx(codes):
    for code in codes:
        for release in MATRIX.torch_releases[:8]:
            for build in MATRIX.builds(release, "linux_x86_64"):
                served = MATRIX.serves(build, code, direct=False)
                assert not (served.answer is True and MATRIX.serves(build, code, direct=True).answer is not True)
                assert served.reason


NUMBERS = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(str(part) for part in parts))
SUFFIXES = st.sampled_from(["", "", "", "a1", "b2", "rc1", ".post1", ".dev3", "rc1.dev2", "+cu121", "+git1a"])
VERSIONS = st.tuples(NUMBERS, SUFFIXES).map("".join)


@settings(max_examples=300, deadline=None)
@given(VERSIONS, VERSIONS)
def test_versions_order_as_pep_440_says(a, b):
    public = [Version(Version(text).public) for text in (a, b)]
    assert (versions.key(a) < versions.key(b)) is (public[0] < public[1])
    assert (versions.key(a) == versions.key(b)) is (public[0] == public[1])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "~="]), NUMBERS, VERSIONS)
def test_ranges_hold_as_pep_440_says(operator, bound, version):
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        wanted = SpecifierSet(operator + bound)
    except InvalidSpecifier:
        return
    assert versions.matches(operator + bound, version) is wanted.contains(version, prereleases=True)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=12))
def test_nonsense_is_no_version(text):
    try:
        Version(text)
    except InvalidVersion:
        if "!" not in text:
            assert not versions.is_version(text) or text.strip().lower().startswith("v")


def test_a_card_of_unknown_capability_is_never_served():
    target = Target.described("linux_x86_64", MATRIX, "3.11", driver="580.95.05", gpus=["sm_86"])
    from doctor.record import replace

    odd = replace(target, gpus=(Card("Something New", None),))
    assert choose(MATRIX, ["torch"], odd).wheels == ()
