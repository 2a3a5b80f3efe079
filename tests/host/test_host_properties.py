"""Whatever stands in a file, probes and the bundle reader answer; they never raise anything else."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doctor import bundle
from doctor.facts import SECTIONS, Facts
from doctor.model import DoctorError
from doctor.probes import host, memory, pipconfig, storage
from doctor.probes.swap import parse_paging_files
from doctor.secrets import without_credentials

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LINES = st.lists(st.text(st.characters(blacklist_categories=("Cs",)), max_size=60), max_size=8).map("\n".join)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted({name for cls in SECTIONS.values() for name in cls.record_fields})


@QUICK
@given(LINES)
def test_parsers_of_the_machine(text):
    host.parse_os_release(text)
    host.parse_cpuinfo(text)
    host.parse_sysctl(text)
    host.parse_fake_hwclock(text)
    list(memory.parse_cgroup(text))
    storage.parse_mounts(text)
    try:
        pipconfig.parse_pip_config(text.encode("utf-8", "replace"), "f")
    except pipconfig.Malformed:
        pass
    parse_paging_files(text.splitlines())


@QUICK
@given(st.text(st.sampled_from("abc:/@.?=&-_~*%# \\[]tokenhp0123"), max_size=60))
def test_removing_credentials_twice_changes_nothing_more(text):
    once = without_credentials(text)
    assert without_credentials(once) == once


@QUICK
@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10),
    st.text("ABCDEFGHJKLMNPQRSTUVWXYZ!$&()+,;:~.-", min_size=8, max_size=20),
    st.sampled_from(
        (
            "https://%s:%s@pkg.example.org/simple",
            "%s:%s@proxy.example.org:3128",
            "git+https://%s:%s@h.example.org/a.git@v1",
        )
    ),
)
def test_no_password_survives(user, password, form):
    assert password not in without_credentials(form % (user, password))


@QUICK
@given(
    st.dictionaries(
        st.sampled_from(sorted(SECTIONS)),
        st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4) | VALUES,
        max_size=3,
    )
)
def test_any_json_is_facts_or_one_clear_error(tmp_path, data):
    path = tmp_path / "b.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    try:
        facts = bundle.load(str(path))
    except DoctorError as error:
        assert error.exit == 2
        assert "\n" not in error.message.render("zh", error.params)
    else:
        assert isinstance(facts, Facts)
        bundle.save(facts, str(path))
        bundle.load(str(path))


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes_are_facts_or_one_clear_error(tmp_path, data):
    path = tmp_path / "b.json"
    path.write_bytes(data)
    try:
        bundle.load(str(path))
    except DoctorError as error:
        assert error.exit == 2
