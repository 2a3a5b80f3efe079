"""The set for a board as ``doctor pi`` and ``doctor wheels`` tell it: wheels, warnings, ways out; pure."""

import re
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence, Set, Tuple

from ...model import Wheel
from ...pi_os import NEWEST, RELEASES
from ...text import Text
from ..answer import Alternative, Choice, Rejected, Said
from ..choose import choose
from ..matrix import TRIO, Matrix
from ..target import Target
from ..versions import key, matches, public
from ..wishes import read_wishes
from .boards import ArmTarget, numbers, of_target, target_of_facts
from .catalogue import OPENCV, Build, illegal_torch, tags_version
from .fitting import Judged
from .sets import Solved, asked_for, solve

#: Libraries of the compiler's runtime: their packages have the same name on every release.
RUNTIME = ("libatomic1", "libgomp1")


def pi_set(matrix: Matrix, source: Any, requests: Sequence[str] = ()) -> Choice:
    """Return the wheels for a board, given its facts or a Target: the usual set, or what is asked for.

    Raises DoctorError: 2 for a request that is none or a project nobody knows, 3 when the Python is unknown.
    """
    described = isinstance(source, Target)
    target = source if described else Target.from_facts(source, matrix)
    ordered = requests and any(wish.variant for wish in read_wishes(matrix, requests).values())
    if ordered and target.arch == "aarch64":
        return choose(matrix, requests, target)  # +cpu: a file of download.pytorch.org, like everywhere else
    return choose_on_arm(matrix, requests, target, None if described else target_of_facts(source))


def choose_on_arm(
    matrix: Matrix,
    requests: Sequence[str],
    target: Target,
    arm: Optional[ArmTarget] = None,
    installed: Optional[Mapping[str, str]] = None,
) -> Choice:
    """Return the choice for a 32-bit ARM target or a Raspberry Pi, in the form of :func:`..choose.choose`.

    ``arm`` is the same target with what only a machine's facts tell; ``installed``: name -> version of what stays.
    """
    if arm is None:
        arm = of_target(target, (installed or {}).get("numpy"))
    solved = solve(matrix, arm, requests)
    chosen = solved.chosen if not solved.missing else ()
    apt = apt_packages(chosen, arm)
    return Choice(
        target=target,
        rule=Said(RULE if chosen else NOTHING, {"platform": arm.platform, "python": arm.tag}),
        wheels=tuple(wheel(build) for build in chosen),
        fits=solved.fits,
        warnings=tuple(_warnings(matrix, arm, solved, chosen, apt, requests)),
        alternatives=tuple(_alternatives(matrix, arm, solved, chosen, requests)),
        rejected=tuple(
            Rejected("%s %s (%s)" % (item.build.name, item.build.version, _asset(item.build)), item.reasons)
            for item in solved.rejected
        ),
        needs_apt=apt,
        asked=tuple(read_wishes(matrix, requests)) if requests else (),
    )


RULE = Text(
    "newest build known to fit this Python, board and glibc; files for a newer system and withdrawn ones come last",
    "选择已知适合该 Python、板子和 glibc 的最新构建；为更新系统构建的文件和已撤回的版本排在最后",
)
NOTHING = Text("no file fits {python} on {platform}", "没有适合 {platform} 上 {python} 的文件")


def _warnings(
    matrix: Matrix,
    target: ArmTarget,
    solved: Solved,
    chosen: Sequence[Build],
    apt: Sequence[str],
    requests: Sequence[str],
) -> Iterator[Said]:
    """Yield what has to be known before these files are installed, the gravest first."""
    for build in chosen:
        for said in _about(build, solved.judged[build.name]):
            yield said
    if target.glibc is None:
        yield Said(NO_GLIBC, {})
    if target.machine == "armv6l":
        yield Said(ARMV6, {})
    if solved.clash:
        yield Said(CLASH, {"claims": "; ".join(solved.clash)})
    specifiers = {wish.name: asked_for(wish) for wish in read_wishes(matrix, requests).values()} if requests else {}
    # what everybody looks for is named even when only the usual set was asked for; ARMV6 has said it already
    sought = () if target.machine == "armv6l" else ("torch", "onnxruntime")
    for name in solved.missing + tuple(name for name in solved.absent if name in sought):
        yield _no_wheel(matrix, target, name, specifiers.get(name, ""))
    known = RELEASES.get(target.codename)
    opencv = next((name for name in solved.missing + solved.absent if name in OPENCV), None)
    if opencv is not None and known is not None and known.opencv and target.abi == known.abi:
        version = known.opencv.partition("+")[0]
        yield Said(OPENCV_OTHERWISE, {"name": opencv, "codename": known.codename, "version": version})
    if solved.numpy_unknown and "numpy" not in solved.missing:
        yield _numpy_to_find(target, solved.numpy)
    elif solved.keeps_numpy and chosen:
        yield Said(NUMPY_KEPT, {"version": target.numpy, "range": solved.numpy or "any"})
    if apt:
        # piwheels' lists of OpenCV's libraries are known for two releases only, and not as a whole
        partly = any(build.name in OPENCV and build.publisher == "piwheels" for build in chosen)
        yield Said(APT_PARTLY if partly else APT, {"packages": " ".join(apt)})
    old = _needs_pip(chosen, target)
    if old:
        ceiling = known.newest_pip if known and known.newest_pip and target.abi == known.abi else None
        wanted = "'pip<=%s'" % ceiling if ceiling else "pip"
        yield Said(PIP_TOO_OLD, {"pip": target.pip, "needed": old, "wanted": wanted})


#: projects that take another's place: the other three that hold cv2, and the two names of one runtime
STAND_INS = dict(
    {name: tuple(other for other in OPENCV if other != name) for name in OPENCV},
    **{"tflite-runtime": ("ai-edge-litert",), "ai-edge-litert": ("tflite-runtime",)},
)


def _no_wheel(matrix: Matrix, target: ArmTarget, name: str, specifier: str) -> Said:
    """Say that there is no file of a project, and what there is instead: another version, project or system."""
    params = {"name": name + specifier, "python": target.tag, "platform": target.platform}
    for other in (name,) + STAND_INS.get(name, ()):
        found = _first(matrix, other, target)
        if found is not None:
            text = OTHER_VERSION if other == name else OTHER_PROJECT
            return Said(text, dict(params, other=other, version=found.version))
    if target.machine == "armv7l":
        python = NEWEST.python.rpartition(".")[0]
        wider = target._replace(
            python=python, abi=NEWEST.abi, platform="linux_aarch64", glibc=NEWEST.glibc, codename=NEWEST.codename
        )
        for other in (name,) + STAND_INS.get(name, ()):
            found = _first(matrix, other, wider)
            if found is not None:
                return Said(NO_WHEEL_32, dict(params, other=other, version=found.version))
    return Said(NO_WHEEL, params)


def _first(matrix: Matrix, name: str, target: ArmTarget) -> Optional[Build]:
    """Return the build that is taken when only the project is named, or None."""
    return next((build for build in solve(matrix, target, [name]).chosen if build.name == name), None)


def _numpy_to_find(target: ArmTarget, wanted: str) -> Said:
    """Say how to get a numpy of which no file is listed: pip may find it at piwheels, and apt has one."""
    known = RELEASES.get(target.codename)
    offered = known.numpy.partition(":")[2].partition("-")[0].partition("+")[0] if known and known.numpy else ""
    if known is not None and offered and target.abi == known.abi and matches(wanted, offered):
        return Said(NUMPY_FROM_APT, {"range": wanted, "version": offered})
    return Said(NUMPY_RANGE, {"range": wanted})


def _about(build: Build, judged: Judged) -> Iterator[Said]:
    params = {
        "name": build.name,
        "version": build.version,
        "publisher": build.publisher,
        "filename": build.file.filename,
    }
    for reason in judged.reasons:
        yield Said(ORDERED, dict(params, reason=reason))
    if build.replaced_by is not None:
        if build.replaced_by:
            yield Said(WITHDRAWN_FOR, dict(params, other=build.replaced_by))
        else:
            yield Said(WITHDRAWN, params)
    if build.community:
        yield Said(COMMUNITY if build.file.sha256 else COMMUNITY_UNCHECKED, params)
    asset = _asset(build)
    if asset != build.file.filename:
        yield Said(SAVE_AS, dict(params, asset=asset))
    if judged.doubt == 2:
        yield Said(NEWER_OS, dict(params, os=build.os))
    elif judged.doubt == 1:
        yield Said(UNMEASURED, params)


def _asset(build: Build) -> str:
    """Return the name under which the file lies at its address."""
    url = build.file.url
    return url.rsplit("/", 1)[1].replace("%2B", "+") if url else build.file.filename


def _needs_pip(chosen: Iterable[Build], target: ArmTarget) -> Optional[str]:
    """Return the pip that is needed to read the platform tags of the chosen files, when the installed one is older."""
    if not target.pip or not re.match(r"\d", target.pip):
        return None
    needed = ""
    for build in chosen:
        tags = build.file.platforms
        if any(tag.startswith(("linux_", "any")) for tag in tags):
            continue
        lowest = "19.3" if any(tag.startswith("manylinux2014") for tag in tags) else "20.3"
        needed = max(needed, lowest, key=lambda text: numbers(text))
    return needed if needed and numbers(target.pip) < numbers(needed) else None


def _alternatives(
    matrix: Matrix, target: ArmTarget, solved: Solved, chosen: Sequence[Build], requests: Sequence[str]
) -> Iterator[Alternative]:
    kept = {"numpy"} if solved.keeps_numpy else set()
    if any(build.file.url and not build.file.sha256 for build in chosen if build.name not in kept):
        checked = solve(matrix, target, requests, usable=lambda build: bool(build.file.sha256))
        needed = {build.name for build in chosen} - {"torch"} - ({"numpy"} if checked.keeps_numpy else set())
        if checked.fits and needed <= {build.name for build in checked.chosen}:
            yield Alternative(Said(CHECKED), tuple(wheel(build) for build in checked.chosen))
    torch = next((build for build in chosen if build.name == "torch"), None)
    if torch is not None and target.machine == "aarch64" and target.pi:
        trio = [build.name for build in chosen if build.name in TRIO]
        described = Target.described(
            target.platform, matrix, target.python, target.abi, glibc=target.glibc, no_gpu=True
        )
        newer = choose(matrix, trio, described)
        found = newer.wheel("torch")
        if newer.fits and found is not None and key(public(found.version)) > key(torch.version):
            if target.lse or public(found.version) not in illegal_torch(matrix):
                yield Alternative(Said(CPU_TORCH, {"version": public(found.version)}), newer.wheels)


ORDERED = Text(
    "{name} {version} was ordered, but it does not fit: {reason}",
    "{name} {version} 是指定的版本，但不合适：{reason}",
)
WITHDRAWN_FOR = Text(
    "{name} {version} was withdrawn from the package index in favour of {other}; {publisher} still has the file.",
    "{name} {version} 已从包索引撤回，由 {other} 取代；{publisher} 仍保留该文件。",
)
WITHDRAWN = Text(
    "{name} {version} was withdrawn from the package index; {publisher} still has the file.",
    "{name} {version} 已从包索引撤回；{publisher} 仍保留该文件。",
)
COMMUNITY = Text(
    "{name} {version} is built and published by {publisher}, not by the project; its sha256 is known and is checked.",
    "{name} {version} 由 {publisher} 构建并发布，不是官方版本；已知其 sha256，会进行校验。",
)
COMMUNITY_UNCHECKED = Text(
    "{name} {version} is built and published by {publisher}, not by the project; its sha256 is not known.",
    "{name} {version} 由 {publisher} 构建并发布，不是官方版本；其 sha256 未知。",
)
SAVE_AS = Text(
    "{asset} has to be saved as {filename}, or pip refuses the name.",
    "{asset} 必须另存为 {filename}，否则 pip 会拒绝该文件名。",
)
NEWER_OS = Text(
    "{name} {version} was built on {os}, which is newer than this system; nobody measured which libc it needs.",
    "{name} {version} 是在比本系统更新的 {os} 上构建的，没有人测量过它需要的 libc。",
)
UNMEASURED = Text(
    "Nobody measured which libc {name} {version} needs; it may fail to load.",
    "没有人测量过 {name} {version} 需要的 libc，可能无法加载。",
)
NO_GLIBC = Text(
    "No glibc was given, so none was checked: add --glibc (2.28 on buster, 2.31 on bullseye, 2.36 on bookworm).",
    "没有给出 glibc 版本，因此未作检查：请加 --glibc（buster 为 2.28，bullseye 为 2.31，bookworm 为 2.36）。",
)
ARMV6 = Text(
    "ARMv6: wheels for armv7l do not run here, and nobody publishes torch, onnxruntime or tflite for it. "
    "apt has python3-numpy and python3-opencv.",
    "ARMv6：armv7l 的 wheel 不能在此运行，也没有人发布过 torch、onnxruntime 或 tflite。"
    "apt 里有 python3-numpy 和 python3-opencv。",
)
NO_WHEEL = Text(
    "No wheel of {name} is known for {python} on {platform}.",
    "没有已知的适用于 {platform} 上 {python} 的 {name} wheel。",
)
NO_WHEEL_32 = Text(
    "No wheel of {name} is known for {python} on {platform}; on a 64-bit system (Pi 3 and later) there is "
    "{other} {version}.",
    "没有已知的适用于 {platform} 上 {python} 的 {name} wheel；64 位系统（树莓派 3 及以后）上有 {other} {version}。",
)
OTHER_VERSION = Text(
    "No wheel of {name} is known for {python} on {platform}; of {other}, {version} is the one that fits here.",
    "没有已知的适用于 {platform} 上 {python} 的 {name} wheel；{other} 在这里合适的是 {version}。",
)
OTHER_PROJECT = Text(
    "No wheel of {name} is known for {python} on {platform}; {other} {version} takes its place and fits.",
    "没有已知的适用于 {platform} 上 {python} 的 {name} wheel；可以改用合适的 {other} {version}。",
)
CLASH = Text(
    "No versions of these go together: {claims}.",
    "这些要求无法同时满足：{claims}。",
)
NUMPY_RANGE = Text(
    "The set needs numpy {range}, of which no file is listed for this Python; try, in the venv: "
    "python -m pip install --only-binary=:all: 'numpy{range}'",
    "这组包需要 numpy {range}，表中没有适合该 Python 的文件；可在虚拟环境中尝试："
    "python -m pip install --only-binary=:all: 'numpy{range}'",
)
NUMPY_FROM_APT = Text(
    "The set needs numpy {range}, of which no file is listed for this Python; apt's {version} fits: "
    "sudo apt install python3-numpy, and a venv made with --system-site-packages",
    "这组包需要 numpy {range}，表中没有适合该 Python 的文件；apt 的 {version} 合适：sudo apt install python3-numpy，"
    "并用 --system-site-packages 创建虚拟环境",
)
OPENCV_OTHERWISE = Text(
    "piwheels may have a newer {name} than is recorded here: python -m pip install --only-binary=:all: {name}. "
    "For the Python of {codename}, apt has OpenCV {version}: sudo apt install python3-opencv, and a venv made with "
    "--system-site-packages",
    "piwheels 上可能有比这里记录的更新的 {name}：python -m pip install --only-binary=:all: {name}。"
    "对 {codename} 自带的 Python，apt 有 OpenCV {version}：sudo apt install python3-opencv，"
    "并用 --system-site-packages 创建虚拟环境",
)
NUMPY_KEPT = Text(
    "The installed numpy {version} serves the set ({range}).",
    "已安装的 numpy {version} 满足要求（{range}）。",
)
APT = Text(
    "System libraries it needs: sudo apt install {packages}",
    "需要的系统库：sudo apt install {packages}",
)
APT_PARTLY = Text(
    "System libraries it needs, as far as recorded: sudo apt install {packages}",
    "需要的系统库（已知的部分）：sudo apt install {packages}",
)
PIP_TOO_OLD = Text(
    "pip {pip} cannot read these file names, {needed} can; first, in the venv: python -m pip install -U {wanted}",
    "pip {pip} 不能识别这些文件名（需要 {needed}）；请先在虚拟环境中执行：python -m pip install -U {wanted}",
)
CHECKED = Text("every file should have a known sha256", "希望每个文件都有已知的 sha256")
CPU_TORCH = Text(
    "a newer torch is needed: {version} as CPU build of download.pytorch.org",
    "需要更新的 torch：download.pytorch.org 的 CPU 构建 {version}",
)


def wheel(build: Build) -> Wheel:
    """Return a build as the report shows it."""
    source = build.publisher
    if build.community:
        source = "%s (community build, not official)" % build.publisher
    elif build.publisher == "piwheels":
        source = "piwheels.org"
    version = tags_version(build.file.filename) or build.version
    return Wheel(build.name, version, build.file.filename, build.file.url, build.file.sha256, source)


def apt_packages(chosen: Iterable[Build], target: ArmTarget) -> Tuple[str, ...]:
    """Return the apt packages whose libraries the chosen builds load, as they are called on the target's release."""
    found: Set[str] = set()
    for build in chosen:
        same = not target.codename or not build.os or build.os == target.codename
        found.update(package for package in build.apt if same or package in RUNTIME)
    return tuple(sorted(found))
