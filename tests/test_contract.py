"""What holds for every check, and for every sentence in two languages."""

import ast
import re
import string
from pathlib import Path

import pytest
from conftest import ROOT, load_cases

from doctor.facts import Project
from doctor.registry import FAMILIES, all_checks, code_of

CHECKS = all_checks()
CASES = Path(__file__).parent / "cases"
HEADINGS = {
    "en": ["What it checks", "Why it matters", "Example", "Fix"],
    "zh": ["检查什么", "为什么重要", "示例", "修复"],
}
CHINESE = re.compile("[\u4e00-\u9fff]")
#: an ASCII comma, semicolon, question or exclamation mark right after a Chinese character
HALF_WIDTH = re.compile("[\u4e00-\u9fff][,;?!](?=\\s|$|[\u4e00-\u9fff])")


def contract():
    """Return code -> (family, kinds, severity) of ``codes.txt``."""
    rows = {}
    for line in (Path(__file__).parent / "codes.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            family, code, kinds, severity = line.split()
            assert code not in rows, "%s stands twice in codes.txt" % code
            rows[code] = (family, kinds, severity)
    return rows


CONTRACT = contract()
each = pytest.mark.parametrize("check", CHECKS, ids=[check.code for check in CHECKS])


def placeholders(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_codes_are_exactly_those_of_the_contract():
    given = {check.code for check in CHECKS}
    assert sorted(given - set(CONTRACT)) == []
    assert sorted(set(CONTRACT) - given) == []


def test_every_file_registers_the_code_of_its_name():
    folder = ROOT / "doctor" / "checks"
    files = {
        (path.parent.name, code_of("x." + path.stem))
        for family in FAMILIES
        for path in (folder / family).glob("*.py")
        if not path.name.startswith("_")
    }
    assert files == {(check.family, check.code) for check in CHECKS}


@each
def test_family_kinds_and_ceiling(check):
    family, kinds, severity = CONTRACT[check.code]
    assert check.family == family
    assert check.severity == severity
    assert bool(check.run) == ("F" in kinds or "S" in kinds)
    assert bool(check.signatures) == ("T" in kinds)
    if "S" in kinds:
        assert Project in check.needs


@each
def test_pages_have_the_four_headings(check):
    for lang in ("en", "zh"):
        page = check.explain.zh if lang == "zh" else check.explain.en
        found = [line[3:].strip() for line in page.splitlines() if line.startswith("## ")]
        assert found == HEADINGS[lang], lang
        for part in re.split(r"(?m)^## .*$", page)[1:]:
            assert part.strip(), "an empty part in the %s page" % lang
    assert not CHINESE.search(check.explain.en)
    assert CHINESE.search(check.explain.zh)


@each
def test_sentences_have_equal_placeholders(check):
    texts = {"summary": check.summary, "message": check.message, "cause": check.cause}
    for number, signature in enumerate(check.signatures):
        if signature.cause:
            texts["signature %d" % number] = signature.cause
    for name, text in texts.items():
        assert placeholders(text.en) == placeholders(text.zh), name
        assert text.en.strip() and text.zh.strip(), name
    assert not placeholders(check.summary.en)


@each
def test_signatures_compile(check):
    for signature in check.signatures:
        for pattern in (signature.pattern,) + tuple(signature.requires) + tuple(signature.unless):
            re.compile(pattern)
        assert signature.confidence in ("high", "medium", "low")
        assert set(signature.outranks) <= set(CONTRACT), signature.outranks
    assert set(check.after) <= set(CONTRACT), check.after


@each
def test_a_case_file_finds_is_quiet_and_skips(check):
    if check.run is None:
        return
    path = CASES / (check.code.replace("-", "_") + ".json")
    if not path.exists():
        path = CASES / (check.code + ".json")
    assert path.exists(), "tests/cases/%s.json is missing" % check.code
    assert {"found", "ok", "skipped"} <= {case["expect"] for case in load_cases(path)}


def test_case_files_belong_to_a_check():
    stray = [path.name for path in CASES.glob("*.json") if path.stem.replace("_", "-") not in CONTRACT]
    assert stray == []


# ---------------------------------------------------------------- every Text in the package


def _texts():
    for path in sorted((ROOT / "doctor").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
                given = dict(zip(("en", "zh"), node.args))
                given.update({keyword.arg: keyword.value for keyword in node.keywords})
                words = {lang: _constant(value) for lang, value in given.items()}
                if words.get("en") is not None and words.get("zh") is not None:
                    yield "%s:%d" % (path.relative_to(ROOT).as_posix(), node.lineno), words["en"], words["zh"]


def _constant(node):
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, str) else None


TEXTS = list(_texts())


def test_there_are_texts():
    assert len(TEXTS) > 2 * len(CHECKS)


def test_every_text_has_equal_placeholders():
    wrong = [where for where, en, zh in TEXTS if placeholders(en) != placeholders(zh)]
    assert wrong == []


def test_every_text_is_written_in_its_own_language():
    wrong = [where for where, en, zh in TEXTS if CHINESE.search(en)]
    for where, en, zh in TEXTS:
        words = re.sub(r"\{[^}]*\}", "", en)
        if re.search(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}", words) and not CHINESE.search(zh):
            wrong.append(where)
    assert wrong == []


def test_chinese_uses_chinese_punctuation():
    wrong = [where for where, en, zh in TEXTS if HALF_WIDTH.search(zh)]
    wrong += [check.code for check in CHECKS if HALF_WIDTH.search(re.sub(r"`[^`]*`", "`", check.explain.zh))]
    assert wrong == []
