"""``doctor wheels``: requirements and a target, this machine or a described one, to the one set that fits."""

from typing import Any, List, Optional, Sequence, Tuple

from ..facts import Facts
from ..model import DoctorError, Wheel
from ..record import replace
from ..text import Text
from .answer import Choice, Said
from .choose import choose
from .matrix import PACKAGE_INDEX, Matrix, load
from .target import Target


def run(
    requirements: Sequence[str],
    python_version: Optional[str] = None,
    platform: Optional[str] = None,
    abi: Optional[str] = None,
    glibc: Optional[str] = None,
    driver: Optional[str] = None,
    gpus: Sequence[str] = (),
    no_gpu: bool = False,
    online: bool = False,
    offline: bool = False,
    mirror: Optional[str] = None,
    facts: Optional[Facts] = None,
    matrix: Optional[Matrix] = None,
) -> Choice:
    """Return the choice for these requirements.

    With ``platform`` the target is described and ``facts`` are not looked at; without, the options replace single
    facts of this machine. Raises DoctorError: 2 for words nobody knows, 3 when neither facts nor a platform is given.
    """
    matrix = matrix or load()
    if platform is not None:
        target = Target.described(platform, matrix, python_version, abi, glibc, driver, gpus, no_gpu)
    elif facts is not None:
        target = Target.from_facts(facts, matrix)
        target = target.changed(matrix, python_version, abi, glibc, driver, gpus, no_gpu)
    else:
        raise DoctorError(
            Text("Neither this machine nor a described one is known.", "既没有本机信息，也没有描述目标机器。")
        )
    if online and offline:
        raise DoctorError(Text("--online contradicts --offline.", "--online 与 --offline 互相矛盾。"), exit=2)
    chosen = None
    if mirror:
        from .mirrors import find

        chosen = find(matrix, mirror)
    choice = _dated(matrix, choose(matrix, requirements, target))
    if online:
        from .index import confirmed

        choice = confirmed(matrix, choice, chosen)
    return through(matrix, choice, chosen) if chosen is not None else choice


def _dated(matrix: Matrix, choice: Choice) -> Choice:
    """Return the choice with a warning when the matrix is so old that newer builds may well exist."""
    import datetime

    if not matrix.stale(datetime.date.today()):
        return choice
    text = Text(
        "The wheel matrix is of {date}; newer builds may exist.", "wheel 表的日期是 {date}，可能已有更新的构建。"
    )
    return replace(choice, warnings=choice.warnings + (Said(text, {"date": matrix.date}),))


def through(matrix: Matrix, choice: Choice, mirror: Any) -> Choice:
    """Return the choice with the addresses of a mirror, saying which files it does not carry."""
    from .mirrors import through as move

    wheels: List[Wheel] = []
    said: List[Said] = []
    for wheel in choice.wheels:
        moved, about = move(matrix, wheel, mirror)
        wheels.append(moved)
        if about is not None and Said(*about) not in said:
            said.append(Said(*about))
    alternatives = tuple(
        item._replace(wheels=tuple(move(matrix, wheel, mirror)[0] for wheel in item.wheels))
        for item in choice.alternatives
    )
    if mirror.pip_index is not None and any(wheel.url is None for wheel in choice.wheels):
        text = Text(
            "Files of the package index come from where pip is configured to look; for this mirror add "
            "--index-url {index}",
            "包索引中的文件由 pip 的配置决定来源；若要使用该镜像，请加上 --index-url {index}",
        )
        said.append(Said(text, {"index": mirror.pip_index}))
    return replace(choice, wheels=tuple(wheels), warnings=choice.warnings + tuple(said), alternatives=alternatives)


def commands(choice: Choice) -> Tuple[Tuple[str, ...], ...]:
    """Return the ready commands, one argv each: downloads of renamed files first, then one ``pip install``.

    The Python is the target's own: outside a venv a plain ``python`` is Python 2 on buster. One that belongs to the
    system makes an environment first.
    """
    if not choice.wheels:
        return ()
    found: List[Tuple[str, ...]] = []
    arguments: List[str] = []
    python = choice.target.executable or "python"
    if choice.target.externally_managed:
        found.append((python, "-m", "venv", "ml"))
        python = "ml/bin/python"
    for wheel in choice.wheels:
        if wheel.url is None:
            arguments.append("%s==%s" % (wheel.name, wheel.version))
        elif renamed(wheel):
            found.append(("curl", "-L", "-o", wheel.filename, wheel.url))
            arguments.append("./" + wheel.filename)
        else:
            arguments.append(wheel.url + ("#sha256=" + wheel.sha256 if wheel.sha256 else ""))
    found.append((python, "-m", "pip", "install") + tuple(arguments))
    return tuple(found)


def renamed(wheel: Wheel) -> bool:
    """Return whether the file lies under another name than pip accepts (``….whl_np1195``)."""
    return wheel.url is not None and not wheel.url.split("#")[0].endswith(".whl")


def requirements_file(choice: Choice) -> str:
    """Return the set as a requirements file that pip and uv read; with hashes when every one of them is known."""
    lines = ["# %s" % choice.rule.render("en")]
    lines.extend("# %s" % said.render("en") for said in choice.warnings)
    hashes = all(wheel.sha256 for wheel in choice.wheels)
    if hashes and choice.wheels:
        lines.append("# every hash is known: pip install --no-deps --require-hashes -r this-file")
    for wheel in choice.wheels:
        if wheel.url is None:
            line = "%s==%s" % (wheel.name, wheel.version)
            if wheel.source != PACKAGE_INDEX:
                lines.append("# from %s" % wheel.source)
        elif renamed(wheel):
            lines.append("# download %s and save it as %s" % (wheel.url, wheel.filename))
            line = "./" + wheel.filename
        else:
            line = "%s @ %s" % (wheel.name, wheel.url)
            if wheel.sha256 and not hashes:
                line += "#sha256=" + wheel.sha256
        lines.append(line + (" --hash=sha256:" + str(wheel.sha256) if hashes else ""))
    return "\n".join(lines) + "\n"
