"""Reasons not to begin: each is said plainly, with what to do instead, before anything is touched."""

import os
import shutil
import sys
from typing import Collection, Dict, Iterable, List, Sequence, Set

from ..facts import Distribution, Distributions, Facts, Fingerprint, Python
from ..model import DoctorError, Step
from ..text import Text
from .record import Layout
from .state import folder as state_folder

#: what the doctor imports; the rest follows from what these require
OWN_ROOTS = ("torch-doctor", "rich", "packaging", "psutil", "nvidia-ml-py", "requests", "typer", "pyyaml")
#: room that is left free
SPARE_BYTES = 64 << 20


def changed_names(steps: Iterable[Step]) -> Set[str]:
    """Return the distributions that these steps install, replace or remove."""
    return {name for step in steps for name in [*step.removes, *[wheel.name for wheel in step.wheels]]}


def unsuitable_target(facts: Facts, layout: Layout) -> None:
    """Raise DoctorError when this environment as a whole is not the doctor's to change."""
    python = facts.need(Python)
    if python.externally_managed and not python.venv:
        raise DoctorError(MANAGED, MANAGED_HINT, python=python.executable)
    for place in _places(layout):
        owner = os.stat(place)
        if os.name == "posix" and owner.st_uid != os.geteuid():
            raise DoctorError(FOREIGN, FOREIGN_HINT, path=place, owner=_user(owner.st_uid), python=python.executable)
        if not _writable(place):
            raise DoctorError(READ_ONLY, READ_ONLY_HINT, path=place)


def _places(layout: Layout) -> List[str]:
    """Return the folders that a fix writes to and that exist."""
    places = [layout.prefix, *layout.site_packages, layout.scripts]
    return [place for place in dict.fromkeys(places) if os.path.isdir(place)]


def _writable(place: str) -> bool:
    """Return whether a file can be made there; permission bits alone do not know of read-only mounts."""
    import tempfile

    before = os.stat(place)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    except OSError:
        return False
    return True


def _user(uid: int) -> str:
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return str(uid)


def unsuitable_distributions(facts: Facts, layout: Layout, steps: Sequence[Step]) -> None:
    """Raise DoctorError when a distribution to be changed belongs to somebody else."""
    python, installed = facts.need(Python), facts.need(Distributions)
    names = changed_names(steps)
    for item in installed.items:
        if item.name not in names:
            continue
        if _of_conda(item, layout):
            raise DoctorError(CONDA, CONDA_HINT, name=item.name)
        if layout.owns(item):
            continue
        in_user_folder = python.user_site and os.path.realpath(item.location) == os.path.realpath(python.user_site)
        removed = any(item.name in step.removes for step in steps)
        if removed or (in_user_folder and not python.venv):
            raise DoctorError(ELSEWHERE, ELSEWHERE_HINT, name=item.name, path=item.location)


def _of_conda(item: Distribution, layout: Layout) -> bool:
    if item.installer == "conda" and layout.owns(item):
        return True
    try:
        records = os.listdir(os.path.join(layout.prefix, "conda-meta"))
    except OSError:
        return False
    return any(name.rsplit("-", 2)[0] == item.name and name.endswith(".json") for name in records) and (
        item.installer != "pip" and layout.owns(item)
    )


def own_environment(facts: Facts, layout: Layout, names: Collection[str]) -> None:
    """Raise DoctorError when the doctor runs in the target and would change a distribution that it imports itself."""
    if os.path.realpath(sys.prefix) != layout.prefix:
        return
    shared = sorted(set(names) & own_distributions(facts))
    if shared:
        raise DoctorError(OWN, OWN_HINT, names=", ".join(shared), python=facts.need(Python).executable)


def own_distributions(facts: Facts) -> Set[str]:
    """Return the distributions that the doctor needs to run, as installed in the target."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    installed: Dict[str, Distribution] = {item.name: item for item in facts.need(Distributions).items}
    found: Set[str] = set()
    waiting = list(OWN_ROOTS)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for text in installed[name].requires if name in installed else ():
            try:
                wanted = Requirement(text)
            except InvalidRequirement:
                continue
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(wanted.name))
    return found


def outdated_facts(facts: Facts, layout: Layout) -> None:
    """Raise DoctorError when the environment is no longer the one that the plan was made from."""
    from ..probes.fingerprint import unchanged

    taken = facts.maybe(Fingerprint)
    if taken is None or not unchanged(taken, facts.need(Python).site_packages):
        raise DoctorError(OUTDATED, OUTDATED_HINT, path=layout.prefix)


def too_little_space(layout: Layout, needed_bytes: int) -> None:
    """Raise DoctorError when unpacking and the snapshot do not fit on the disk."""
    for place in {layout.prefix, os.path.dirname(state_folder(layout.prefix)), *layout.site_packages}:
        if os.path.isdir(place) and shutil.disk_usage(place).free < needed_bytes + SPARE_BYTES:
            from ..units import size

            free = shutil.disk_usage(place).free
            raise DoctorError(NO_SPACE, NO_SPACE_HINT, path=place, needed=size(needed_bytes), free=size(free))


MANAGED = Text(
    "{python} belongs to the operating system (externally managed): pip must not change it.",
    "{python} 由操作系统管理（externally managed），不应使用 pip 改动。",
)
MANAGED_HINT = Text(
    "Make an environment of your own: `doctor fix --apply --venv .venv --python {python}`.",
    "请建立自己的虚拟环境：`doctor fix --apply --venv .venv --python {python}`。",
)
FOREIGN = Text(
    "{path} belongs to the user {owner}; what doctor changes there would belong to someone else.",
    "{path} 属于用户 {owner}，由当前用户修改会打乱文件归属。",
)
FOREIGN_HINT = Text(
    "Run it as that user (`sudo -u {owner} …`), or make an environment of your own: `doctor fix --apply --venv .venv`.",
    "请以该用户身份运行（`sudo -u {owner} …`），或建立自己的环境：`doctor fix --apply --venv .venv`。",
)
READ_ONLY = Text("{path} cannot be written to.", "{path} 不可写。")
READ_ONLY_HINT = Text(
    "If the disk is mounted read-only, see `doctor explain storage-read-only`; otherwise make an environment of your "
    "own: `doctor fix --apply --venv .venv`.",
    "如果磁盘是只读挂载，请看 `doctor explain storage-read-only`；"
    "否则请建立自己的环境：`doctor fix --apply --venv .venv`。",
)
CONDA = Text(
    "{name} was installed by conda; replacing it with pip would confuse conda.",
    "{name} 由 conda 安装，用 pip 替换会使 conda 的记录混乱。",
)
CONDA_HINT = Text(
    "Change it with conda (`conda install {name}`), or make a virtual environment: `doctor fix --apply --venv .venv`.",
    "请用 conda 修改（`conda install {name}`），或建立虚拟环境：`doctor fix --apply --venv .venv`。",
)
ELSEWHERE = Text(
    "{name} lies outside this environment ({path}), where doctor changes nothing.",
    "{name} 位于该环境之外（{path}），doctor 不会改动那里。",
)
ELSEWHERE_HINT = Text(
    "Make a virtual environment of your own: `doctor fix --apply --venv .venv`.",
    "请建立自己的虚拟环境：`doctor fix --apply --venv .venv`。",
)
OWN = Text(
    "doctor runs in this environment and needs {names} itself, which the plan would change.",
    "doctor 就运行在这个环境里，而方案要改动它自身依赖的 {names}。",
)
OWN_HINT = Text(
    "Run it from outside. In a clone of torch-doctor: `pipx run --spec . torch-doctor fix --apply --python {python}`, "
    "or with an environment of its own: `python -m venv ~/doctor`, `~/doctor/bin/python -m pip install .`, "
    "`~/doctor/bin/doctor fix --apply --python {python}`.",
    "请从环境之外运行。在 torch-doctor 的克隆里：`pipx run --spec . torch-doctor fix --apply --python {python}`；"
    "或为它单独建一个环境：`python -m venv ~/doctor`、`~/doctor/bin/python -m pip install .`、"
    "`~/doctor/bin/doctor fix --apply --python {python}`。",
)
OUTDATED = Text(
    "The environment {path} was changed since doctor looked at it.", "doctor 检查之后，环境 {path} 又发生了变化。"
)
OUTDATED_HINT = Text("Run this again.", "请重新运行。")
NO_SPACE = Text(
    "{path} has {free} free; unpacking and the snapshot need {needed}.", "{path} 剩余 {free}，解压和快照需要 {needed}。"
)
NO_SPACE_HINT = Text(
    "Free some space (`doctor fix --forget` drops old snapshots), then run this again.",
    "请先腾出空间（`doctor fix --forget` 可删除旧快照），再重新运行。",
)
