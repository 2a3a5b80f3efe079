"""The target Python: choosing it, asking it, reading what is installed in it."""

import os
import stat
import subprocess
import sys

import pytest
from conftest import need_python

from doctor.model import DoctorError
from doctor.probes import python as p


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


posix = pytest.mark.skipif(os.name != "posix", reason="only on POSIX systems")


def test_the_running_python_describes_itself():
    found = p.finish(p.start(p.choose_python(sys.executable, {})))
    assert found.version == ".".join(str(part) for part in sys.version_info[:3])
    assert found.prefix == sys.prefix
    assert found.minor == "%d.%d" % sys.version_info[:2]
    assert found.abi.startswith("cp%d%d" % sys.version_info[:2])
    assert found.site_packages and found.pointer_bits in (32, 64)


@posix
def test_order_of_the_target(tmp_path):
    for name in ("venv", "conda"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "bin" / "python").write_text("")
    environ = {"VIRTUAL_ENV": str(tmp_path / "venv"), "CONDA_PREFIX": str(tmp_path / "conda")}
    assert p.choose_python(None, environ)[1:] == ("VIRTUAL_ENV", None)
    del environ["VIRTUAL_ENV"]
    assert p.choose_python(None, environ).executable == str(tmp_path / "conda" / "bin" / "python")
    assert p.choose_python(None, {}) == (sys.executable, "this one", None)
    assert p.choose_python(sys.executable, environ).because == "--python"


def test_a_virtual_env_that_is_gone_is_passed_over(tmp_path):
    gone = str(tmp_path / "gone")
    assert p.choose_python(None, {"VIRTUAL_ENV": gone})[1:] == ("this one", gone)


@pytest.mark.parametrize("mark", ["pipx_metadata.json", "uv-receipt.toml", "archive-v0"])
def test_the_environment_of_pipx_and_uvx_is_not_the_one_that_is_meant(tmp_path, monkeypatch, mark):
    tool = tmp_path / ("archive-v0" if mark == "archive-v0" else "venvs") / "torch-doctor"
    tool.mkdir(parents=True)
    if mark != "archive-v0":
        (tool / mark).write_text("")
    monkeypatch.chdir(str(tmp_path))
    inside = tmp_path / ".venv" / p._names(conda=False)[0][0]
    inside.mkdir(parents=True)
    python = inside / p._names(conda=False)[0][1]
    python.write_text("")
    assert p.choose_python(None, {}).because == "this one"  # not a tool's own: the contract's order
    monkeypatch.setattr(sys, "prefix", str(tool))
    assert p.choose_python(None, {}) == (str(python), ".venv", None)
    python.unlink()
    assert p.choose_python(None, {}) == (sys.executable, "this one", None)
    assert p.is_tools_own(str(tool)) and not p.is_tools_own(str(tmp_path))


@posix
@pytest.mark.parametrize("variable", [None, "VIRTUAL_ENV", "CONDA_PREFIX"])
def test_an_environment_whose_python_was_taken_away_is_exit_3(tmp_path, variable):
    link = tmp_path / "venv" / "bin" / "python"
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "python3.11")
    with pytest.raises(DoctorError) as caught:
        p.choose_python(None if variable else str(link), {variable: str(tmp_path / "venv")} if variable else {})
    assert caught.value.exit == 3
    assert caught.value.params == {"path": str(link), "target": str(tmp_path / "python3.11")}


def test_an_empty_option_is_no_python(tmp_path):
    with pytest.raises(DoctorError) as caught:
        p.choose_python("", {"VIRTUAL_ENV": str(tmp_path)})
    assert caught.value.exit == 3


@posix
@pytest.mark.parametrize(
    "body",
    ["exit 0", "echo noise; exit 1", 'echo \'{"version": 3\' > "$3"', "echo '[]' > \"$3\"", "kill -SEGV $$"],
    ids=["silent", "noisy", "half an answer", "garbage", "segfault"],
)
def test_a_python_that_does_not_answer_is_exit_3(tmp_path, body):
    fake = script(tmp_path / "python", body)
    with pytest.raises(DoctorError) as caught:
        p.finish(p.start(p.choose_python(fake, {})))
    assert caught.value.exit == 3 and "\n" not in str(caught.value)


@posix
def test_a_python_that_hangs_is_exit_3(tmp_path, monkeypatch):
    monkeypatch.setattr(p, "TIMEOUT_S", 1.0)
    with pytest.raises(DoctorError) as caught:
        p.finish(p.start(p.choose_python(script(tmp_path / "python", "sleep 60"), {})))
    assert caught.value.exit == 3


def test_a_directory_and_a_missing_file_are_exit_3(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(DoctorError) as caught:
            p.choose_python(str(path), {})
        assert caught.value.exit == 3


@posix
def test_a_file_that_is_no_program_is_exit_3(tmp_path):
    (tmp_path / "python").write_text("not a program")
    with pytest.raises(DoctorError) as caught:
        p.finish(p.start(p.choose_python(str(tmp_path / "python"), {})))
    assert caught.value.exit == 3


@posix
def test_a_chatty_sitecustomize_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import sys\nprint('hello')\nsys.stderr.write('noise')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = p.finish(p.start(p.choose_python(sys.executable, {})))
    assert found.version.startswith("3.")
    assert any(path.endswith("sitecustomize.py") for path in found.customize)


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_old_pythons_get_a_polite_answer(version, tmp_path):
    path = need_python(version)
    if version == "2.7":
        with pytest.raises(DoctorError) as caught:
            p.finish(p.start(p.choose_python(path, {})))
        assert caught.value.exit == 3 and "2.7" in str(caught.value)
    else:
        assert p.finish(p.start(p.choose_python(path, {}))).abi == "cp36m"


SAID = {
    "version": "3.7.3",
    "implementation": "cpython",
    "soabi": "cpython-37m-arm-linux-gnueabihf",
    "free_threaded": False,
    "platform": "linux-armv7l",
    "pointer_bits": 32,
}


@pytest.mark.parametrize(
    "change, abi, platform",
    [
        ({}, "cp37m", "linux_armv7l"),
        ({"platform": "linux-aarch64"}, "cp37m", "linux_armv7l"),
        ({"platform": "linux-armv8l"}, "cp37m", "linux_armv7l"),
        (
            {
                "version": "3.13.0",
                "soabi": "cpython-313t-x86_64-linux-gnu",
                "platform": "linux-x86_64",
                "pointer_bits": 64,
            },
            "cp313t",
            "linux_x86_64",
        ),
        ({"version": "3.10.1", "soabi": "", "platform": "win-amd64", "pointer_bits": 64}, "cp310", "win_amd64"),
        (
            {
                "version": "3.12.0",
                "soabi": "cpython-312-darwin",
                "platform": "macosx-11.0-universal2",
                "pointer_bits": 64,
                "macos": "14.5",
            },
            "cp312",
            "macosx_14_0_x86_64",
        ),
    ],
)
def test_tags(change, abi, platform):
    said = dict(SAID, **change)
    assert (p.abi_tag(said), p.platform_tag(said)) == (abi, platform)


def dist_info(folder, name, version, metadata=None, record="default", installer="pip"):
    info = folder / ("%s-%s.dist-info" % (name.replace("-", "_"), version))
    info.mkdir(parents=True)
    if metadata is None:
        metadata = "Metadata-Version: 2.1\nName: %s\nVersion: %s\nRequires-Dist: numpy (>=1.2)\n\nName: body\n" % (
            name,
            version,
        )
    if metadata:
        (info / "METADATA").write_text(metadata)
    if record == "default":
        record = "%s/__init__.py,,\n%s/RECORD,,\n" % (name, info.name)
    if record is not None:
        (info / "RECORD").write_text(record)
    if installer:
        (info / "INSTALLER").write_text(installer + "\n")
    return info


def test_distributions_and_their_health(tmp_path):
    for name in ("good", "gone", "bare", "empty", "quiet"):
        if name != "gone":
            (tmp_path / name).mkdir()
            (tmp_path / name / "__init__.py").write_text("")
    dist_info(tmp_path, "good", "1.0")
    dist_info(tmp_path, "gone", "1.0")
    dist_info(tmp_path, "bare", "1.0", metadata="")
    dist_info(tmp_path, "empty", "1.0", record="")
    dist_info(tmp_path, "quiet", "1.0", record=None)
    dist_info(tmp_path, "debian", "1.0", record=None, installer=None)
    (tmp_path / "~umpy").mkdir()
    found = p.probe_distributions([str(tmp_path), str(tmp_path / "missing")])
    health = {item.name: item.health for item in found.items}
    assert health == {
        "good": "ok",
        "gone": "files-missing",
        "bare": "no-metadata",
        "empty": "empty-record",
        "quiet": "no-record",
        "debian": "ok",
    }
    assert found.find("good").requires == ("numpy (>=1.2)",)
    assert [os.path.basename(path) for path in found.leftovers] == ["~umpy"]


def test_a_version_that_cannot_be_compared_is_none(tmp_path):
    for name, version in (("custom", "1.0-local+"), ("words", "unknown"), ("post", "2.8.0.post303")):
        dist_info(tmp_path, name, version, record=None, installer=None)
    found = {item.name: item.version for item in p.probe_distributions([str(tmp_path)]).items}
    assert found == {"custom": None, "words": None, "post": "2.8.0.post303"}


def test_a_name_is_normalised_and_duplicates_are_kept(tmp_path):
    dist_info(tmp_path, "Typing_Extensions", "1.0", record=None, installer=None)
    dist_info(tmp_path, "typing-extensions", "2.0", record=None, installer=None)
    assert [item.version for item in p.probe_distributions([str(tmp_path)]).all("typing-extensions")] == ["1.0", "2.0"]


@pytest.mark.skipif(sys.platform == "win32", reason="only on POSIX systems")
def test_a_venv_is_seen_as_one(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    found = p.finish(p.start(p.choose_python(str(tmp_path / "v" / "bin" / "python"), {})))
    assert found.venv and not found.externally_managed and found.pip is None and found.writable
