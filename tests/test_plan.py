"""Findings -> plan: what is merged, what is refused and why, and in which order the steps stand."""

import pytest

from doctor.facts import Distribution, Distributions, Facts, Host, Python
from doctor.model import (
    Edit,
    Finding,
    Install,
    KeepOne,
    Manual,
    MendTorch,
    NotDone,
    Reinstall,
    Remove,
    Rewrite,
    System,
    Wheel,
)
from doctor.plan import (
    accepts,
    automatic,
    build,
    index_pair,
    join_specifiers,
    requirement_of,
    satisfiable,
    step_ids,
    typed,
)
from doctor.text import Text, plain
from doctor.wheels.repair import Mended

PYTHON = "/venv/bin/python"
TEXT = plain("text")


def wheel(name, version="1.0", url=None):
    return Wheel(name, version, "%s-%s-py3-none-any.whl" % (name, version), url, None, "package index")


def mended(*wheels, **given):
    return Mended(wheels=tuple(wheels), reason=TEXT, **given)


class Shop:
    """Stands in for the choice of wheels: notes what it was asked for and has everything but what is sold out."""

    def __init__(self, sold_out=(), torch=(), removes=(), not_done=()):
        self.asked = []
        self.sold_out = sold_out
        self.torch = torch
        self.rest = {"removes": tuple(removes), "not_done": tuple(not_done)}

    def pick(self, matrix, facts, name, specifier):
        self.asked.append(name + specifier)
        if name in self.sold_out:
            return mended(not_done=(NotDone("", plain("sold out")),))
        return mended(wheel(name))

    def mend(self, matrix, facts, cuda, pins):
        self.asked.append(("torch set", cuda, pins))
        return mended(*self.torch, **self.rest)


class NoCard(Shop):
    """Has a torch set, but none that reaches the card."""

    def mend(self, matrix, facts, cuda, pins):
        super().mend(matrix, facts, cuda, pins)
        return mended(not_done=(NotDone("", plain("no build")),)) if cuda else mended(wheel("torchvision"))


def facts(**installed):
    items = tuple(Distribution(name, version, "/sp", name + ".dist-info") for name, version in installed.items())
    return Facts({Python: Python(executable=PYTHON, version="3.11.7"), Distributions: Distributions(items)})


def found(code, *remedies, **given):
    severity = given.pop("severity", "error")
    return Finding(params=given, remedies=tuple(remedies), severity=severity, code=code, title=TEXT, cause=TEXT)


def plan(findings, shop=None, known=None, wanted=()):
    shop = shop or Shop()
    return build(findings, known or facts(), None, wanted, shop.mend, shop.pick)


def rows(made):
    return [(step.kind, step.safety, step.fixes) for step in made.steps]


def test_nothing_found_is_an_empty_plan():
    made = plan([])
    assert made.steps == () and made.not_done == () and made.safe_steps == ()


def test_steps_are_numbered_and_stand_in_the_order_that_can_be_taken_back():
    findings = [
        found("by-hand", Manual(TEXT)),
        found("system", System(TEXT, (("apt-get", "install", "x"), ("true",)), ("/etc/x",))),
        found("source", Rewrite((Edit("a.py", 1, 0, "np.int", "int"),), TEXT)),
        found("package", Install("numpy", "<2")),
    ]
    made = plan(findings)
    assert [step.id for step in made.steps] == [1, 2, 3, 4]
    assert rows(made) == [
        ("pip", "safe", ("package",)),
        ("source", "unsafe", ("source",)),
        ("system", "unsafe", ("system",)),
        ("manual", "manual", ("by-hand",)),
    ]
    assert made.safe_steps == made.steps[:1]
    assert made.steps[2].commands == (("apt-get", "install", "x"), ("true",)) and made.steps[2].argv is None
    assert made.steps[2].files == ("/etc/x",)


def test_wishes_for_one_distribution_become_one():
    shop = Shop()
    made = plan([found("a", Install("numpy", "<2")), found("b", Install("numpy", ">=1.20"))], shop)
    assert shop.asked == ["numpy<2,>=1.20"]
    assert rows(made) == [("pip", "safe", ("a", "b"))]


def test_the_graver_wish_wins_and_the_other_says_why_it_is_not_done():
    shop = Shop()
    findings = [found("later", Install("numpy", ">=2"), severity="warning"), found("first", Install("numpy", "<2"))]
    made = plan(findings, shop)
    assert shop.asked == ["numpy<2"]
    assert [(item.code, item.params["wanted"], item.params["other"]) for item in made.not_done] == [
        ("later", ">=2", "<2")
    ]


def test_a_wish_about_a_member_of_the_set_becomes_its_pin():
    shop = Shop(torch=(wheel("torchvision", "0.16.0"),))
    made = plan([found("requirement-unmet", Install("torchvision", "<0.17"))], shop)
    assert shop.asked == [("torch set", False, ("torchvision<0.17",))]
    assert rows(made) == [("pip", "safe", ("requirement-unmet",))]


def test_a_newer_pip_comes_before_the_files_that_it_must_read():
    made = plan([found("a", Install("numpy")), found("b", Install("pip", ">=19.3"))])
    assert [step.wheels[0].name for step in made.steps] == ["pip", "numpy"]


def test_the_kept_one_of_several_is_installed_after_all_are_gone():
    known = facts(**{"opencv-python": "4.9", "opencv-python-headless": "4.9"})
    keep = KeepOne(("opencv-python", "opencv-python-headless", "gone"), "opencv-python==4.9.0.80")
    shop = Shop()
    made = plan([found("opencv-conflict", keep), found("numpy2-abi", Install("opencv-python", ">=4.10"))], shop, known)
    assert made.steps[0].removes == ("opencv-python", "opencv-python-headless")
    assert shop.asked == ["opencv-python>=4.10"]  # the need of another finding beats "as it is now"
    assert made.steps[1].fixes == ("opencv-conflict", "numpy2-abi")


def test_overlapping_conflicts_are_one():
    first = KeepOne(("a", "b"), "a==1")
    second = KeepOne(("b", "c"), "c==1")
    made = plan([found("x", first), found("y", second)])
    assert made.steps[0].removes == ("a", "b", "c")
    assert [step.wheels[0].name for step in made.steps[1:]] == ["a"]


def test_nothing_is_removed_when_the_one_to_keep_is_not_to_be_had():
    made = plan([found("x", KeepOne(("a", "b"), "a==1"))], Shop(sold_out=("a",)))
    assert made.steps == ()
    assert [(item.code, item.reason.en) for item in made.not_done] == [("x", "sold out")]


def test_the_torch_set_moves_in_one_step_and_takes_wishes_along():
    shop = Shop(torch=(wheel("torch", "2.1.0+cu121"), wheel("numpy", "1.26.4")))
    findings = [
        found("torch-cpu-build", MendTorch(cuda=True)),
        found("numpy2-abi", Install("numpy", "<2")),
        found("torchvision-version-mismatch", Install("torchvision", "")),
        found("metadata-corrupt", Reinstall("torch")),
    ]
    made = plan(findings, shop, facts(torch="2.1.0", numpy="2.0"))
    assert shop.asked == [("torch set", True, ("numpy<2", "torchvision"))]
    (step,) = made.steps
    assert set(step.fixes) == {item.code for item in findings}
    assert [item.name for item in step.wheels] == ["torch", "numpy"]


def test_a_numpy_of_the_set_that_does_not_serve_is_asked_for_by_itself():
    shop = Shop(torch=(wheel("numpy", "2.1"),))
    plan([found("a", MendTorch()), found("b", Install("numpy", "<2"))], shop)
    assert shop.asked[1:] == ["numpy<2"]


def test_a_set_that_nothing_fits_is_not_done_with_a_reason():
    made = plan([found("driver-too-old", MendTorch(cuda=True))])
    assert made.steps == ()
    assert [(item.code, item.params) for item in made.not_done] == [("driver-too-old", {"what": "torch"})]


def test_a_member_that_cannot_be_had_is_named_beside_the_rest():
    shop = Shop(torch=(wheel("torchvision"),), not_done=(NotDone("", plain("no torchaudio")),))
    made = plan([found("torchaudio-mismatch", MendTorch())], shop)
    assert len(made.steps) == 1
    assert [(item.code, item.reason.en) for item in made.not_done] == [("torchaudio-mismatch", "no torchaudio")]


def test_partners_without_a_file_are_removed_with_the_set():
    made = plan([found("a", MendTorch())], Shop(torch=(wheel("torch"),), removes=("torchaudio",)))
    assert [step.removes for step in made.steps] == [("torchaudio",), ()]


def test_putting_back_the_same_version_forces_it():
    known = facts(requests="1.0")
    shop = Shop()
    made = plan([found("metadata-corrupt", Reinstall("requests"))], shop, known)
    assert shop.asked == ["requests==1.0"]
    assert made.steps[0].argv == (PYTHON, "-m", "pip", "install", "--force-reinstall", "--no-deps", "requests==1.0")
    other = plan([found("numpy2-abi", Install("requests"))], shop, facts(requests="2.0"))
    assert other.steps[0].argv == (PYTHON, "-m", "pip", "install", "--no-deps", "requests==1.0")


def test_what_is_new_brings_its_dependencies():
    assert plan([found("a", Install("numpy"))]).steps[0].argv == (PYTHON, "-m", "pip", "install", "numpy==1.0")


def test_leftovers_and_distributions_are_removed_once():
    findings = [found("a", Remove(("x",), ("/sp/~x",))), found("b", Remove(("x",), ("/sp/~x",)))]
    made = plan(findings)
    assert [(step.removes, step.removes_paths, step.fixes) for step in made.steps] == [
        (("x",), (), ("a", "b")),
        ((), ("/sp/~x",), ("a", "b")),
    ]


def test_edits_are_one_step_and_each_place_is_edited_once():
    same = Edit("a.py", 3, 4, "np.int", "int")
    findings = [
        found("a", Rewrite((same, Edit("b.py", 1, 0, "x", "y")), TEXT)),
        found("b", Rewrite((same, Edit("a.py", 1, 0, "p", "q")), TEXT)),
        found("c", Rewrite((Edit("a.py", 3, 4, "np.int", "float"),), TEXT)),
    ]
    made = plan(findings)
    (step,) = made.steps
    assert [(edit.file, edit.line) for edit in step.edits] == [("a.py", 1), ("a.py", 3), ("b.py", 1)]
    assert step.files == ("a.py", "b.py")
    assert [(item.code, item.params["new"], item.params["other"]) for item in made.not_done] == [("c", "float", "int")]


def test_the_same_command_or_advice_of_two_findings_stands_once():
    system = System(TEXT, (("apt-get", "install", "libgl1"),))
    advice = Manual(Text("Reboot {host}.", "重启 {host}。"))
    findings = [found("a", system, advice, host="pi"), found("b", system, advice, host="pi")]
    made = plan(findings + [found("c", advice, host="other")])
    assert [(step.kind, step.fixes) for step in made.steps] == [
        ("system", ("a", "b")),
        ("manual", ("a", "b")),
        ("manual", ("c",)),
    ]
    assert made.steps[0].argv == ("apt-get", "install", "libgl1")


@pytest.mark.parametrize(
    "remedy, argv",
    [
        (Install("numpy", "<2"), ("install", "numpy<2")),
        (Reinstall("numpy", "1.26.4"), ("install", "--force-reinstall", "--no-deps", "numpy==1.26.4")),
        (Remove(("x", "y")), ("uninstall", "-y", "x", "y")),
        (MendTorch(), ("install", "torch==1.0")),
    ],
)
def test_a_note_changes_nothing_and_shows_the_command(remedy, argv):
    note = found("a", remedy, severity="note")
    made = plan([note], Shop(torch=(wheel("torch"),)))
    assert rows(made) == [("manual", "manual", ("a",))]
    assert made.steps[0].argv == (PYTHON, "-m", "pip") + argv
    assert not automatic(note)


def test_a_note_that_was_asked_for_by_name_is_carried_out():
    made = plan([found("a", Install("numpy"), severity="note")], wanted=("a",))
    assert rows(made) == [("pip", "safe", ("a",))]


def test_a_finding_without_remedy_is_listed_as_not_done():
    made = plan([found("a"), found("b", severity="note")])
    (left,) = made.not_done
    assert left.code == "a" and all(left.reason.render(lang, left.params) for lang in ("en", "zh"))


@pytest.mark.parametrize(
    "specifier, possible",
    [
        ("", True),
        (">=2,<2", False),
        ("<2,>=1.26", True),
        ("==1.26.4,<2", True),
        ("==1.26.4,>=2", False),
        ("==2.1.*,<2.1.1", True),
        (">1,<1.0.1", True),
        ("===1.0+local", True),
        ("===1.0,>=2", False),
        ("!=1.0,==1.0", False),
        ("~=1.4,<1.5", True),
        (">2,<2.0.1", True),
        ("==2.1.0+cu121,>=2.1", True),
        ("<0.1", True),
        (">=2.0rc1,<2", False),
    ],
)
def test_whether_a_version_could_exist(specifier, possible):
    assert satisfiable(specifier) is possible


def test_small_things():
    assert join_specifiers("<2", " >=1 , <2", "") == "<2,>=1"
    assert accepts("<2", "2.0rc1") is False and accepts(">=1", "1.5b1") is True
    assert typed(wheel("torch", "2", "https://h.example.org/torch-2.whl#sha256=0")).startswith("https://")
    assert typed(wheel("onnxruntime", "1.9.1", "https://h.example.org/o.whl_np1195")).endswith("none-any.whl")
    assert requirement_of(wheel("pip", ">=19.3")) == "pip>=19.3" and requirement_of(wheel("pip", "")) == "pip"


def test_each_finding_of_one_code_shows_its_own_steps():
    edit = Edit("a.py", 3, 4, "np.int", "int")
    by_hand = Text("Change {what}.", "改 {what}。")
    findings = [
        found("other-env", Install("scipy")),
        found("other-env", Install("requests"), Manual(by_hand), what="a.py"),
        found("other-env", Manual(by_hand), what="b.py"),
        found("other-env", Rewrite((edit,), TEXT)),
        found("other-env", System(TEXT, (("apt-get", "install", "x"),))),
        found("other-env", MendTorch()),
        found("other-env", KeepOne(("opencv-python", "opencv-python-headless"), "opencv-python==4")),
        found("other-env", Remove((), ("/sp/~orch",))),
        found("other-env"),
    ]
    made = plan(findings, Shop(torch=(wheel("torch"), wheel("torchvision"))), facts(scipy="1"))
    kinds = {
        step.id: (step.kind, tuple(sorted({one.name for one in step.wheels} | set(step.removes))))
        for step in made.steps
    }
    shown = [[kinds[number] for number in step_ids(made, finding)] for finding in findings]
    assert shown[0] == [("pip", ("scipy",))]
    assert shown[1] == [("pip", ("requests",)), ("manual", ())]
    assert shown[2] == [("manual", ())] and step_ids(made, findings[2]) != step_ids(made, findings[1])[1:]
    assert [kind for kind, _ in shown[3] + shown[4]] == ["source", "system"]
    assert shown[5] == [("pip", ("torch", "torchvision"))]
    assert all("opencv-python" in names for _, names in shown[6]) and shown[6]
    assert len(shown[7]) == 1
    assert shown[8] == []
    assert typed(wheel("scipy", ">=1.7,<2")) == "scipy>=1.7,<2"


def test_a_step_names_what_it_touches():
    made = plan([
        found("a", KeepOne(("x", "y"), "x==1")),
        found("b", Remove((), ("/sp/~z",))),
        found("c", System(TEXT, (("true",),), ("/etc/x",))),
    ])  # fmt: skip
    assert [step.touches for step in made.steps] == [("/sp/~z",), ("x", "y"), ("x",), ("/etc/x",)]
    assert made.download_bytes is None and made.disk_bytes is None, "nobody looked"


def test_without_facts_about_the_python_the_command_says_python():
    shop = Shop()
    made = build([found("a", Install("numpy"))], Facts(), None, (), shop.mend, shop.pick)
    assert made.steps[0].argv[0] == "python"


def test_the_pair_of_the_index_is_the_newest_that_it_has(matrix):
    python = Python(PYTHON, "3.11.7", abi="cp311", platform="linux_x86_64")
    target = Facts({Python: python, Host: Host("linux", "x86_64", libc="glibc", libc_version="2.36")})
    newest = [part.split("==") for part in index_pair(target, matrix).split()]
    assert [name for name, _ in newest] == ["torch", "torchvision"]
    assert matrix.goes_with(newest[0][1], *newest[1])
    older = index_pair(target, matrix, lambda name, version: ("torch", version) != ("torch", newest[0][1]))
    assert older != index_pair(target, matrix) and older is not None
    assert index_pair(target, matrix, lambda name, version: False) is None


def test_what_does_not_need_the_card_is_mended_when_no_build_reaches_it():
    shop = NoCard()
    made = plan([found("card", MendTorch(cuda=True)), found("pair", MendTorch())], shop)
    assert shop.asked == [("torch set", True, ()), ("torch set", False, ())]
    assert [(step.fixes, [item.name for item in step.wheels]) for step in made.steps] == [(("pair",), ["torchvision"])]
    assert [item.code for item in made.not_done] == ["card"]
    alone = plan([found("card", MendTorch(cuda=True))], NoCard())
    assert not alone.steps and [item.code for item in alone.not_done] == ["card"]


def test_as_a_requirements_file():
    from doctor.render.requirements import render_plan

    asset = Wheel(
        "onnxruntime", "1.9.1", "onnxruntime-1.9.1-cp37-none.whl", "https://h.example.org/o.whl_np1195", None, ""
    )
    torch = Wheel("torch", "2.1.0+cpu", "torch.whl", "https://h.example.org/torch.whl", "0" * 64, "")
    shop = Shop(torch=(torch, wheel("numpy", "1.26.4"), wheel("scipy", ">=1.7"), asset), removes=("torchaudio",))
    lines = render_plan(plan([found("a", MendTorch())], shop), "en").splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "torch @ https://h.example.org/torch.whl#sha256=" + "0" * 64,
        "numpy==1.26.4",
        "scipy>=1.7",
        "./onnxruntime-1.9.1-cp37-none.whl",
    ]
    assert "torchaudio" in lines[1] and "https://h.example.org/o.whl_np1195" in lines[-2]
