"""The screen: what it says once, and what it leaves to -v."""

import io

import pytest

from doctor.facts import Facts
from doctor.model import WARNING, Finding, Manual, Plan, Step
from doctor.render.console import make_console, print_report
from doctor.session import Report
from doctor.text import Text

CAUSE = Text("It imports {module}.", "它导入 {module}。")
ASK = Manual(Text("Install what is missing.", "请安装缺少的包。"))


def screen(findings, verbose=False):
    step = Step(id=1, kind="manual", safety="manual", argv=None, text=ASK.text, fixes=("module-in-other-env",))
    stream = io.StringIO()
    report = Report("check", Facts({}), [], findings, Plan((step,)))
    print_report(report, "en", verbose, make_console(stream, width=100))
    return stream.getvalue()


def missing(module, cause=CAUSE, code="module-in-other-env"):
    title = Text("{module} is elsewhere.", "{module} 在别处。")
    return Finding(
        code=code,
        severity=WARNING,
        title=title,
        cause=cause,
        params={"module": module},
        evidence=("train.py:1: import %s" % module,),
        remedies=(ASK,),
    )


@pytest.mark.parametrize("verbose, times", [(False, 1), (True, 2)])
def test_findings_of_one_code_share_their_cause_and_fix(verbose, times):
    text = screen([missing("cv2"), missing("yaml")], verbose)
    assert text.count("It imports") == times
    assert text.count("Install what is missing.") == times
    for module in ("cv2", "yaml"):
        assert "%s is elsewhere." % module in text and "import %s" % module in text


def test_another_cause_is_said():
    other = Text("It was moved: {module}.", "{module} 被移走了。")
    text = screen([missing("cv2"), missing("yaml", other)])
    assert "It imports cv2." in text and "It was moved: yaml." in text
