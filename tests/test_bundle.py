"""Bundles: nothing private is saved, the same findings come back, and a hostile file is one clear line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, load_cases
from schema import validate_bundle

from doctor import bundle
from doctor.bundle import Identity, document, hidden, hider, load, save
from doctor.facts import (
    Environ,
    Facts,
    Host,
    Interpreters,
    OtherPython,
    PipConfig,
    Python,
    Setting,
    Stage,
    Trials,
    Unknown,
    encode,
    from_json,
    to_json,
)
from doctor.model import DoctorError
from doctor.registry import all_checks, diagnose

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
WHO = Identity(homes=("/home/zhangsan",), users=("zhangsan",), hosts=("gpu-box-7.lab.example",))
SECRETS = ("zhangsan", "lisi", "gpu-box-7", "hunter2", "t0k3n-abcdef", "hf_abcdefghijklmnopqrstuvwx", "glpat-")


def private_facts():
    """Facts that hold something private in every kind of field."""
    home = "/home/zhangsan"
    return Facts(
        {
            Host: Host("linux", "x86_64"),
            Python: Python(
                executable=home + "/ml/bin/python",
                version="3.10.13",
                prefix=home + "/ml",
                site_packages=(home + "/ml/lib/python3.10/site-packages",),
                sys_path=("/data/zhangsan/libs", "/home/lisi/shared"),
                pip="23.0",
            ),
            Environ: Environ(
                {
                    "HTTPS_PROXY": "http://zhangsan:hunter2@proxy.example.org:3128",
                    "PYTHONPATH": home + "/libs:/data/zhangsan/more",
                }
            ),
            PipConfig: PipConfig(
                (
                    Setting(
                        "index-url", "https://__token__:hunter2@pkg.example.org/simple", home + "/.config/pip/pip.conf"
                    ),
                    Setting("find-links", "https://pkg.example.org/f?token=t0k3n-abcdef", "environment PIP_FIND_LINKS"),
                    Setting(
                        "extra-index-url", "http://glpat-abcdefghij0123456789@git.example.org/simple", "/etc/pip.conf"
                    ),
                )
            ),
            Trials: Trials(
                (
                    Stage(
                        "torch",
                        "failed",
                        "ImportError",
                        'File "%s/ml/x.py" on gpu-box-7 (zhangsan@gpu-box-7): hf_abcdefghijklmnopqrstuvwx' % home,
                        data={"file": home + "/ml/torch/__init__.py", "tries": [{"path": "C:\\Users\\lisi\\x"}]},
                    ),
                )
            ),
            Interpreters: Unknown("%s/.pyenv cannot be read on gpu-box-7.lab.example" % home),
        }
    )


def test_nothing_private_is_saved(tmp_path):
    path = tmp_path / "bundle.json"
    save(private_facts(), str(path), WHO)
    text = path.read_text(encoding="utf-8")
    assert [word for word in SECRETS if word in text] == []
    loaded = load(str(path))
    python = loaded.need(Python)
    assert python.executable == "~/ml/bin/python"
    # what belongs together still does
    assert python.site_packages[0].startswith(python.prefix + "/")
    assert loaded.need(PipConfig).get("index-url").value == "https://pkg.example.org/simple"
    assert loaded.need(Environ).get("HTTPS_PROXY") == "http://proxy.example.org:3128"


def test_other_peoples_folders_get_a_word_each():
    hide = hider(WHO)
    assert hide("/home/lisi/a:/home/wangwu/b:/home/lisi/c") == "/home/user1/a:/home/user2/b:/home/user1/c"
    assert hide("C:\\Users\\LiSi\\x") == "C:\\Users\\user1\\x"
    assert hide("/home/zhangsan2/x") == "/home/user3/x"


@pytest.mark.parametrize(
    "who",
    [
        Identity(),
        Identity(("/root",), ("root",), ("localhost",)),
        Identity(("/",), ("pi",), ("raspberrypi",)),
        Identity(("C:\\",), ("numpy",), ("torch",)),
    ],
)
def test_names_that_say_nothing_are_left_alone(who):
    text = (
        "/usr/lib/python3/dist-packages numpy torch raspberrypi,4-model-b http://apt.example.org/raspberrypi/ pi 3.10"
    )
    assert hider(who)(text) == text


def test_a_home_of_windows_in_every_spelling():
    hide = hider(Identity(("C:\\Users\\张三",), ("张三",), ("DESKTOP-1A2B3C4",)))
    assert hide("C:\\Users\\张三\\venv\\python.exe") == "~\\venv\\python.exe"
    assert hide("C:/Users/张三/venv") == "~/venv"
    assert hide("\\\\DESKTOP-1A2B3C4\\share") == "\\\\host\\share"


def test_a_saved_bundle_has_the_stated_form():
    validate_bundle(document(private_facts(), WHO))


def without_names(findings):
    """Return findings as JSON types with everything hidden that a bundle hides; people's numbers do not count."""
    plain = [{"code": f.code, "severity": f.severity, "params": encode(f.params)} for f in findings]
    return re.sub(r"\buser\d+\b", "user", json.dumps(hidden(plain, hider(WHO)), sort_keys=True))


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_saved_and_loaded_facts_give_the_same_findings(path, tmp_path, matrix):
    checks = [check for check in all_checks() if check.code == path.stem.replace("_", "-")]
    for number, case in enumerate(load_cases(path)):
        facts = from_json(case["facts"])
        file = tmp_path / ("%d.json" % number)
        save(facts, str(file), WHO)
        validate_bundle(json.loads(file.read_text(encoding="utf-8")))
        before, after = (diagnose(checks, given, matrix) for given in (facts, load(str(file))))
        assert [outcome.status for outcome in after[0]] == [outcome.status for outcome in before[0]] == [case["expect"]]
        assert without_names(after[1]) == without_names(before[1])


def test_findings_about_private_places_only_differ_in_them(tmp_path, matrix):
    facts = private_facts()
    save(facts, str(tmp_path / "b.json"), WHO)
    before, after = (diagnose(all_checks(), given, matrix)[1] for given in (facts, load(str(tmp_path / "b.json"))))
    assert {finding.code for finding in before} >= {"pip-index-insecure"}
    assert [(f.code, f.severity) for f in after] == [(f.code, f.severity) for f in before]


def test_absent_and_unknown_survive(tmp_path):
    from doctor.facts import Nvidia, Torch

    facts = Facts({Torch: None, Nvidia: Unknown("nvidia-smi: no answer")})
    save(facts, str(tmp_path / "b.json"), WHO)
    loaded = load(str(tmp_path / "b.json"))
    assert loaded.state(Torch) is None
    assert loaded.state(Nvidia) == Unknown("nvidia-smi: no answer")
    assert loaded.state(Host) == Unknown("not looked at")


def test_a_report_is_read_like_a_bundle(tmp_path):
    inside = to_json(Facts({Host: Host("linux", "x86_64")}))
    (tmp_path / "r.json").write_text(json.dumps({"schema": 1, "command": "check", "facts": inside}), encoding="utf-8")
    assert load(str(tmp_path / "r.json")).need(Host).machine == "x86_64"


def test_a_windows_console_writes_utf_16(tmp_path):
    (tmp_path / "b.json").write_text(json.dumps(document(private_facts(), WHO)), encoding="utf-16")
    assert load(str(tmp_path / "b.json")).need(Host).system == "linux"


def test_what_a_newer_doctor_added_is_passed_over(tmp_path):
    data = document(private_facts(), WHO)
    data["dreams"] = {"electric": "sheep"}
    data["host"]["mood"] = "fine"
    (tmp_path / "b.json").write_text(json.dumps(data), encoding="utf-8")
    assert load(str(tmp_path / "b.json")).need(Host).system == "linux"


def test_control_characters_do_not_reach_a_terminal(tmp_path):
    data = {"host": {"system": "linux", "machine": "\x1b[2J\x07x86\ud800", "distro": "de\nbian"}}
    (tmp_path / "b.json").write_text(json.dumps(data), encoding="utf-8")
    host = load(str(tmp_path / "b.json")).need(Host)
    assert host.machine == "\ufffd[2J\ufffdx86\ufffd"
    host.machine.encode("utf-8")


GOOD = {"system": "linux", "machine": "x86_64"}
HOSTILE = {
    "empty": b"",
    "binary": bytes(range(256)) * 20,
    "not JSON": b"{'host': 1}",
    "cut off": b'{"host": {"system": "lin',
    "a list": b"[]",
    "a text": b'"host"',
    "a number": b"{}",
    "another object": b'{"name": "left-pad", "version": "1.0.0"}',
    "wrong type of a field": json.dumps({"host": dict(GOOD, root="yes")}).encode(),
    "wrong type of a section": b'{"host": "linux"}',
    "missing field": b'{"host": {"system": "linux"}}',
    "list where an object belongs": b'{"environ": {"variables": []}}',
    "text in a list of objects": b'{"storage": {"places": ["/"]}}',
    "reason that is no text": b'{"host": {"unknown": 5}}',
    "facts that are no object": b'{"schema": 1, "facts": []}',
    "a driver that is no number": b'{"nvidia": {"driver": "abc.def"}}',
    "a capability that is no number": b'{"nvidia": {"gpus": [{"name": "GTX 1060", "compute_capability": "sm"}]}}',
    "a CUDA that is no number": b'{"torch": {"version": "2.1.0", "cuda": "+cu121"}}',
    "a Python without a minor number": b'{"python": {"executable": "/usr/bin/python3", "version": "3"}}',
    "a libc that is no number": json.dumps({"host": dict(GOOD, libc_version="None")}).encode(),
    "schema of another kind": json.dumps({"schema": "1", "host": GOOD}).encode(),
    "schema of a newer doctor": json.dumps({"schema": 999, "host": GOOD}).encode(),
    "schema that is true": json.dumps({"schema": True, "host": GOOD}).encode(),
    "not a number": b'{"clock": {"now_s": NaN}}',
    "infinite": b'{"clock": {"now_s": 1e999}}',
    "a number of a thousand digits": b'{"memory": {"total_bytes": ' + b"9" * 1000 + b', "available_bytes": 1}}',
    "deep": b'{"trials": ' + b'{"stages": [' * 50 + b"1" + b"]}" * 50 + b"}",
    "very deep": b"[" * 200000,
    "deep inside a field of any type": b'{"trials": {"stages": [{"name": "torch", "status": "ok", "data": {"a": '
    + b"[" * 300
    + b"]" * 300
    + b"}}]}}",
}
PLACES = {
    "wrong type of a field": "host.root",
    "text in a list of objects": "storage.places[0]",
    "list where an object belongs": "environ.variables",
    "schema of another kind": "schema",
    "a driver that is no number": "nvidia.driver",
    "a capability that is no number": "nvidia.gpus[0].compute_capability",
    "a CUDA that is no number": "torch.cuda",
    "a Python without a minor number": "python.version",
    "a libc that is no number": "host.libc_version",
    "a number of a thousand digits": "memory.total_bytes",
}


#: what a value is called is what a person calls it, not what Python does
WORDS = {
    "wrong type of a field": "true or false is wanted, not a text",
    "wrong type of a section": "an object is wanted",
    "missing field": "host: missing machine",
    "reason that is no text": "a text is wanted, not a whole number",
    "a list": "not a list",
}


@pytest.mark.parametrize("name", sorted(WORDS))
def test_the_message_says_in_words_what_is_wrong(tmp_path, name):
    path = tmp_path / "bundle.json"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(DoctorError) as error:
        bundle.load(str(path))
    assert WORDS[name] in error.value.params["detail"]


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_file_is_one_clear_line(tmp_path, name):
    path = tmp_path / "b.json"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(DoctorError) as raised:
        load(str(path))
    assert raised.value.exit == 2
    for lang in ("en", "zh"):
        line = raised.value.message.render(lang, raised.value.params)
        assert "\n" not in line and len(line) < 400 + len(str(path))
        assert str(path) in line
        assert PLACES.get(name, "") in line


def test_a_huge_file_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "MOST_BYTES", 1000)
    (tmp_path / "b.json").write_bytes(b" " * 2000 + b"{}")
    with pytest.raises(DoctorError) as raised:
        load(str(tmp_path / "b.json"))
    assert raised.value.exit == 2


@pytest.mark.parametrize("name", ["missing.json", ".", "a\0b"])
def test_a_path_that_cannot_be_read(tmp_path, name):
    with pytest.raises(DoctorError) as raised:
        load(os.path.join(str(tmp_path), name))
    assert raised.value.exit == 2


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(DoctorError) as raised:
        save(private_facts(), str(tmp_path / "no" / "such" / "b.json"), WHO)
    assert raised.value.exit == 2


def test_the_stated_schema_is_that_of_the_code():
    ran = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "make_schema.py"), "--check"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("path", CASES, ids=[path.stem for path in CASES])
def test_the_facts_of_every_case_have_the_stated_form(path):
    for case in load_cases(path):
        validate_bundle(dict({"schema": 1, "doctor": "0"}, **case["facts"]))


def test_the_schema_refuses_what_the_reader_refuses():
    bad = document(Facts({Interpreters: Interpreters((OtherPython("/usr/bin/python3", "3.11", "system"),))}), WHO)
    bad["interpreters"]["items"][0]["version"] = 3.11
    with pytest.raises(AssertionError):
        validate_bundle(bad)
