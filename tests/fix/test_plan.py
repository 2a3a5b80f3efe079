"""Findings to plan: merged, ordered, every conflict and every "no" stated."""

import pytest

from doctor.facts import Distribution, Distributions, Facts, Python
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
from doctor.plan import build, join_specifiers, requirement_of, satisfiable, typed
from doctor.text import Text
from doctor.wheels.repair import Mended

PYTHON = "/env/bin/python"
REASON = Text("{moved}", "{moved}")


def wheel(name, version, url=None):
    filename = "%s-%s-py3-none-any.whl" % (name, version)
    return Wheel(name, version, filename, url, None, "package index")


class Chooser:
    """Stands in for wheels.repair and remembers what it was asked."""

    def __init__(self, *set_wheels, removes=(), not_done=()):
        self.set = Mended(tuple(set_wheels), tuple(removes), REASON, {"moved": "set"}, (), tuple(not_done))
        self.mends = []
        self.picks = []

    def mend(self, matrix, facts, cuda, pins=()):
        self.mends.append((cuda, tuple(pins)))
        return self.set

    def pick(self, matrix, facts, name, specifier=""):
        self.picks.append((name, specifier))
        if name == "nowhere":
            return Mended(not_done=(NotDone("", Text("Nothing fits.", "没有合适的。")),))
        version = specifier.lstrip("=") if specifier.startswith("==") else "1.0"
        return Mended((wheel(name, version),), (), REASON, {"moved": name})


def facts(*installed):
    items = tuple(Distribution(name, version, "/env/site", name + ".dist-info") for name, version in installed)
    return Facts({Python: Python(PYTHON, "3.10.13"), Distributions: Distributions(items)})


def found(code, *remedies, severity="error", **params):
    return Finding(code=code, severity=severity, remedies=remedies, params=params)


def plan(*findings, chooser=None, wanted=(), installed=()):
    chooser = chooser or Chooser(wheel("torchvision", "0.13.1"))
    return build(findings, facts(*installed), None, wanted, chooser.mend, chooser.pick)


def test_no_findings_no_plan():
    assert plan().steps == () and plan().not_done == ()


def test_the_same_version_again_is_forced():
    made = plan(found("torch-broken", Reinstall("torch", "2.1.0")), installed=[("torch", "2.1.0"), ("numpy", "1.26.4")])
    assert made.steps[0].argv[-3:] == ("--force-reinstall", "--no-deps", "torch==2.1.0")
    other = plan(found("numpy2-abi", Install("numpy", "==1.24.4")), installed=[("numpy", "1.26.4")])
    assert "--force-reinstall" not in other.steps[0].argv


def test_the_torch_set_is_mended_once_for_all_who_ask():
    chooser = Chooser(wheel("torch", "2.1.0"), wheel("torchvision", "0.16.0"))
    made = plan(
        found("torchvision-cpu-build", MendTorch(cuda=True)),
        found("torchvision-version-mismatch", MendTorch()),
        chooser=chooser,
    )
    (step,) = made.steps
    assert chooser.mends == [(True, ())]
    assert step.fixes == ("torchvision-cpu-build", "torchvision-version-mismatch")
    assert (step.kind, step.safety, step.id) == ("pip", "safe", 1)
    assert step.argv == (PYTHON, "-m", "pip", "install", "torch==2.1.0", "torchvision==0.16.0")


def test_a_wish_about_a_member_of_the_set_becomes_its_pin():
    chooser = Chooser(wheel("torchvision", "0.16.0"))
    made = plan(found("requirement-unmet", Install("torchvision", "<0.17")), chooser=chooser)
    assert chooser.mends == [(False, ("torchvision<0.17",))] and chooser.picks == []
    assert made.steps[0].fixes == ("requirement-unmet",)


@pytest.mark.parametrize("specifier, merged", [("<2", True), (">=2", False)])
def test_the_sets_own_numpy_serves_who_wanted_numpy(specifier, merged):
    chooser = Chooser(wheel("torch", "2.0"), wheel("numpy", "1.26.4"))
    made = plan(
        found("torch-cpu-build", MendTorch()), found("numpy2-abi", Install("numpy", specifier)), chooser=chooser
    )
    assert chooser.mends == [(False, ("numpy" + specifier,))]
    assert [step.fixes for step in made.steps] == (
        [("torch-cpu-build", "numpy2-abi")] if merged else [("torch-cpu-build",), ("numpy2-abi",)]
    )


def test_several_wishes_for_one_distribution_are_one_step():
    chooser = Chooser()
    made = plan(
        found("a", Install("numpy", "<2")),
        found("b", Install("numpy", ">=1.22")),
        found("c", Reinstall("numpy", "1.26.4")),
        chooser=chooser,
    )
    assert chooser.picks == [("numpy", "<2,>=1.22")]
    assert [step.fixes for step in made.steps] == [("a", "b", "c")]


def test_a_conflict_is_decided_for_the_graver_finding_and_stated():
    chooser = Chooser()
    made = plan(
        found("lesser", Install("numpy", ">=2"), severity="warning"),
        found("graver", Install("numpy", "<2")),
        chooser=chooser,
    )
    assert chooser.picks == [("numpy", "<2")]
    assert [step.fixes for step in made.steps] == [("graver",)]
    (left,) = made.not_done
    assert left.code == "lesser" and left.params == {"name": "numpy", "wanted": ">=2", "other": "<2"}


@pytest.mark.parametrize(
    "specifier, possible",
    [
        ("", True),
        ("<2,>=2", False),
        ("<2,>1.9", True),
        ("==1.26.*,<2", True),
        ("==1.26.*,>=2", False),
        (">=1.2,<1.2.1", True),
        (">2,<2.0.1", True),
        ("~=1.4,<1.5", True),
        ("!=1.0,==1.0", False),
        ("==2.1.0+cu121,>=2.1", True),
        ("===1.0,>=2", False),
        (">=2.0rc1,<2.0", False),
    ],
)
def test_whether_a_range_can_be_met(specifier, possible):
    assert satisfiable(specifier) is possible


def test_joined_ranges_do_not_repeat():
    assert join_specifiers("<2", "", ">=1,<2") == "<2,>=1"


def test_one_owner_is_removed_and_installed_in_two_steps():
    made = plan(
        found(
            "opencv-conflict", KeepOne(("opencv-python", "opencv-python-headless", "gone"), "opencv-python==4.9.0.80")
        ),
        installed=[("opencv-python", "4.9.0.80"), ("opencv-python-headless", "4.8.0.74")],
    )
    first, second = made.steps
    assert first.removes == ("opencv-python", "opencv-python-headless")
    assert first.argv == (PYTHON, "-m", "pip", "uninstall", "-y", "opencv-python", "opencv-python-headless")
    assert [item.version for item in second.wheels] == ["4.9.0.80"]
    assert first.fixes == second.fixes == ("opencv-conflict",)


def test_a_needed_version_outweighs_the_one_that_happens_to_be_there():
    chooser = Chooser()
    made = plan(
        found("opencv-conflict", KeepOne(("opencv-python", "opencv-contrib-python"), "opencv-python==4.9.0.80")),
        found("numpy2-abi", Install("opencv-contrib-python", ">=4.10")),
        chooser=chooser,
    )
    assert chooser.picks == [("opencv-python", ">=4.10")]
    assert made.steps[1].fixes == ("opencv-conflict", "numpy2-abi")
    assert len(made.steps) == 2


def test_overlapping_owners_are_joined():
    made = plan(
        found("opencv-conflict", KeepOne(("a", "b"), "a==1.0")), found("opencv-libgl", KeepOne(("b", "c"), "c==1.0"))
    )
    assert made.steps[0].removes == ("a", "b", "c")
    assert [item.name for item in made.steps[1].wheels] == ["a"] and len(made.steps) == 2


def test_removing_and_leftovers():
    made = plan(
        found("openmp-duplicate", Remove(names=("intel-openmp",))),
        found("metadata-corrupt", Remove(paths=("/env/site/~orch",))),
    )
    assert made.steps[0].removes == ("intel-openmp",) and made.steps[0].safety == "safe"
    assert made.steps[1].removes_paths == ("/env/site/~orch",) and made.steps[1].fixes == ("metadata-corrupt",)


def test_reinstalling_asks_for_the_installed_version():
    chooser = Chooser()
    plan(found("metadata-corrupt", Reinstall("requests")), chooser=chooser, installed=[("requests", "2.31.0")])
    assert chooser.picks == [("requests", "==2.31.0")]


def test_what_cannot_be_had_is_not_done_with_its_reason():
    made = plan(found("a", Install("nowhere")), found("b", severity="warning"), chooser=Chooser())
    assert made.steps == ()
    assert [item.code for item in made.not_done] == ["b", "a"] or [item.code for item in made.not_done] == ["a", "b"]
    assert all(
        item.reason.render("en", item.params) and item.reason.render("zh", item.params) for item in made.not_done
    )


def test_a_set_with_something_missing_says_so():
    chooser = Chooser(wheel("torchvision", "0.16.0"), not_done=[NotDone("", Text("No torchaudio.", "没有。"))])
    made = plan(found("torchaudio-mismatch", MendTorch()), chooser=chooser)
    assert len(made.steps) == 1
    assert [item.code for item in made.not_done] == ["torchaudio-mismatch"]


def test_a_note_changes_nothing_unless_it_was_named():
    note = found("torch-missing", MendTorch(), severity="note")
    (step,) = plan(note).steps
    assert (step.kind, step.safety) == ("manual", "manual") and step.argv[:4] == (PYTHON, "-m", "pip", "install")
    (step,) = plan(note, wanted=["torch-missing"]).steps
    assert (step.kind, step.safety) == ("pip", "safe")


def edit(column, old="np.int", new="int", file="train.py", line=3):
    return Edit(file, line, column, old, new)


def test_edits_are_one_step_and_each_place_is_edited_once():
    rewrite = Text("Rewrite.", "改写。")
    made = plan(
        found("numpy-removed-alias", Rewrite((edit(20), edit(4)), rewrite)),
        found("old-repo-api", Rewrite((edit(20, new="other"), edit(0, file="a.py")), rewrite)),
    )
    (step,) = made.steps
    assert (step.kind, step.safety) == ("source", "unsafe")
    assert [(item.file, item.column) for item in step.edits] == [("a.py", 0), ("train.py", 4), ("train.py", 20)]
    assert step.edits[2].new == "int" and step.files == ("a.py", "train.py")
    assert [item.code for item in made.not_done] == ["old-repo-api"]


def test_system_steps_are_merged_and_never_safe():
    commands = (("apt-get", "install", "-y", "libgl1"),)
    remedy = System(Text("Install libGL.", "安装 libGL。"), commands, ("/etc/x",))
    made = plan(found("opencv-libgl", remedy), found("system-lib-missing", remedy))
    (step,) = made.steps
    assert (step.kind, step.safety, step.argv) == ("system", "unsafe", commands[0])
    assert step.fixes == ("opencv-libgl", "system-lib-missing") and step.files == ("/etc/x",)


def test_manual_steps_are_told_apart_by_what_they_say():
    text = Text("Update the driver to {minimum}.", "请把驱动升级到 {minimum}。")
    made = plan(
        found("driver-too-old", Manual(text), minimum="525"),
        found("driver-missing", Manual(text), minimum="525"),
        found("gpu-arch-unsupported", Manual(text), minimum="580"),
    )
    assert [step.fixes for step in made.steps] == [("driver-too-old", "driver-missing"), ("gpu-arch-unsupported",)]
    assert {step.safety for step in made.steps} == {"manual"} and made.safe_steps == ()


def test_what_can_be_taken_back_comes_first():
    text = Text("x", "x")
    made = plan(
        found("m", Manual(text)),
        found("s", System(text, (("true",),))),
        found("r", Rewrite((edit(0),), text)),
        found("p", Install("numpy")),
    )
    assert [step.kind for step in made.steps] == ["pip", "source", "system", "manual"]
    assert [step.id for step in made.steps] == [1, 2, 3, 4]


def test_a_wheel_as_one_types_it():
    assert typed(wheel("numpy", "1.26.4")) == "numpy==1.26.4"
    assert typed(wheel("scipy", ">=1.7,<2")) == "scipy>=1.7,<2"
    assert requirement_of(wheel("scipy", "")) == "scipy"
    assert typed(wheel("torch", "2.1.0+cu121", "https://x/torch.whl")) == "https://x/torch.whl"
    assert typed(wheel("tf", "2", "https://x/tf.whl_np1195")) == "tf-2-py3-none-any.whl"


def test_without_facts_about_the_python_the_command_says_python():
    made = build([found("a", Install("numpy"))], Facts(), None, (), Chooser().mend, Chooser().pick)
    assert made.steps[0].argv[0] == "python"


def test_the_index_pair(matrix):
    from doctor.facts import Host
    from doctor.plan import index_pair

    target = Facts(
        {
            Python: Python(PYTHON, "3.11.7", abi="cp311", platform="linux_x86_64"),
            Host: Host("linux", "x86_64", libc="glibc", libc_version="2.36"),
        }
    )
    pair = index_pair(target, matrix)
    torch, vision = (part.split("==") for part in pair.split())
    assert torch[0] == "torch" and vision[0] == "torchvision"
    assert matrix.goes_with(torch[1], "torchvision", vision[1])
