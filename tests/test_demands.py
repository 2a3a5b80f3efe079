"""Markers and version ranges that are judged without ``packaging`` are judged as ``packaging`` does."""

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from doctor import demands
from doctor.wheels.versions import matches

HERE = {
    "extra": "",
    "sys_platform": "linux",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "os_name": "posix",
}
NUMBER = st.lists(st.integers(0, 4), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
CLAUSE = st.tuples(
    st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~="]), NUMBER, st.sampled_from(["", "", ".*"])
).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.lists(CLAUSE, min_size=1, max_size=3).map(",".join), NUMBER, st.sampled_from(["", "+cu121", "rc1", ".post1"]))
def test_ranges(text, version, tail):
    try:
        wanted = SpecifierSet(text).contains(version + tail, prereleases=True)
    except InvalidSpecifier:
        return
    assert matches(text, version + tail) == wanted


VERSION_TERM = st.builds(
    "{} {} '{}'".format,
    st.sampled_from(["python_version", "python_full_version"]),
    st.sampled_from(["<", ">", "<=", ">=", "==", "!="]),
    st.sampled_from(["2.7", "3.9", "3.11", "3.11.7", "3.12"]),
)
TEXT_TERM = st.builds(
    '{} {} "{}"'.format,
    st.sampled_from(["sys_platform", "platform_machine", "platform_system", "os_name", "extra"]),
    st.sampled_from(["==", "!="]),
    st.sampled_from(["linux", "win32", "x86_64", "Linux", "posix", "cublas", ""]),
)
MARKER = st.recursive(
    VERSION_TERM | TEXT_TERM,
    lambda inner: st.one_of(
        st.builds("{} and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("({})".format, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(MARKER)
def test_markers(text):
    wanted = demands.demand("numpy; " + text, HERE) is not None
    assert wanted == Marker(text).evaluate(dict(HERE))


def test_a_marker_that_nobody_can_read_rules_out():
    assert demands.demand("numpy; nonsense", HERE) is None
    assert demands.demand("numpy; python_version in '3.10 3.11'", HERE) is not None
