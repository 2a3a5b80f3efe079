"""The program in one sentence: collect facts, diagnose, choose, plan, report; then apply, verify, roll back."""

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import facts as f
from .model import ERROR, SEVERITIES, WARNING, DoctorError, Finding, Outcome, Plan
from .registry import Check, all_checks, diagnose
from .text import Text


class Request(NamedTuple):
    """What the user asked for, whatever the command."""

    command: str = "check"
    python: Optional[str] = None
    project: Optional[str] = None
    quick: bool = False
    network: bool = False
    only: Tuple[str, ...] = ()
    ignore: Tuple[str, ...] = ()
    strict: bool = False
    #: a bundle or a pasted dump to judge instead of this machine
    from_file: Optional[str] = None
    save: Optional[str] = None
    files: Tuple[str, ...] = ()
    #: requirements named on the command line (``doctor pi REQ…``)
    requirements: Tuple[str, ...] = ()
    assume_driver: Optional[str] = None
    assume_gpus: Tuple[str, ...] = ()
    no_gpu: bool = False
    mirror: Optional[str] = None
    offline: bool = False


class Report:
    """What a run has to say; the renderers turn it into text."""

    def __init__(
        self,
        command: str,
        facts: f.Facts,
        outcomes: List[Outcome],
        findings: List[Finding],
        plan: Plan,
        timings: Optional[Mapping[str, float]] = None,
        because: str = "",
        strict: bool = False,
        ignored: Tuple[str, ...] = (),
    ) -> None:
        self.command = command
        self.facts = facts
        self.outcomes = outcomes
        self.findings = findings
        self.plan = plan
        #: seconds by probe
        self.timings = dict(timings or {})
        #: where the target came from: --python, VIRTUAL_ENV, CONDA_PREFIX, ``this one`` or the file
        self.because = because
        #: warnings count as errors in the exit status
        self.strict = strict
        #: options to repeat in the next command, so that it means the same target: ``--python …``
        self.repeat: Tuple[str, ...] = ()
        #: codes that --ignore silenced and that were found
        self.ignored = ignored
        #: what the user should know about this run itself: an old matrix, an interrupted fix
        self.notices: List[Tuple[Text, Mapping[str, Any]]] = []
        #: wheels that fit, for ``doctor pi``
        self.choice: Any = None
        #: result of ``doctor fix``
        self.fix: Any = None

    @property
    def status(self) -> str:
        """``ok``, ``warning`` or ``error``, by the worst finding."""
        worst = {finding.severity for finding in self.findings}
        return ERROR if ERROR in worst else WARNING if WARNING in worst else "ok"

    @property
    def exit(self) -> int:
        if self.status == ERROR or (self.strict and self.status == WARNING):
            return 1
        return 0


def judge(request: Request) -> Report:
    """Collect the facts (or read them from a file), run the checks and make the plan.

    Raises DoctorError: exit 2 for an unknown code or unreadable input, 3 when the target Python does not work.
    """
    checks = _selected(request)
    if request.network and request.offline:
        raise DoctorError(Text("--network contradicts --offline.", "--network 与 --offline 互相矛盾。"), exit=2)
    collector = None
    if request.from_file is None:
        collector = _collector(request, checks)
        facts = collector.finish()
    else:
        facts = _read_facts(request.from_file)
    matrix = _matrix()
    if request.mirror and request.command != "run":
        from .wheels.mirrors import find

        find(matrix, request.mirror)  # a mistyped mirror is said now, not when the plan is carried out
    facts = _assumed(request, facts, matrix)
    outcomes, findings = diagnose(checks, facts, matrix)
    findings, ignored = _settle(request, checks, findings)
    from .plan import build

    report = Report(
        command=request.command,
        facts=facts,
        outcomes=outcomes,
        findings=findings,
        plan=build(findings, facts, matrix, wanted=request.only),
        timings=collector.timings if collector else None,
        because=collector.choice.because if collector else request.from_file or "",
        strict=request.strict,
        ignored=ignored,
    )
    report.repeat = repeated(request)
    _notices(report, matrix, collector.choice if collector else None)
    if request.save:
        from .bundle import save

        save(facts, request.save)
    return report


def pi(request: Request) -> Report:
    """Judge a Raspberry Pi and choose the wheels that fit it.

    Raises DoctorError (exit 2) on a machine that is no Raspberry Pi, and for a requirement that is none.
    """
    from .wheels.pi.told import pi_set
    from .wheels.wishes import read_wishes

    if request.requirements:
        read_wishes(_matrix(), request.requirements)  # a mistyped one is said now, not when everything was looked at
    report = judge(request)
    board = report.facts.maybe(f.Board)
    if board is None or not board.raspberry_pi:
        raise DoctorError(
            Text("This machine is not a Raspberry Pi.", "这台机器不是树莓派。"),
            Text(
                "`doctor check` examines it; `doctor pi --from bundle.json` judges a Pi from its bundle, and "
                "`doctor pi --platform linux_armv7l --python-version 3.11` names the wheels for one.",
                "检查本机请用 `doctor check`；`doctor pi --from bundle.json` 可以根据树莓派保存的信息来判断，"
                "`doctor pi --platform linux_armv7l --python-version 3.11` 给出适合它的 wheel。",
            ),
            exit=2,
        )
    report.choice = pi_set(_matrix(), report.facts, request.requirements)
    return report


def described_pi(request: Request, **described: Any) -> Report:
    """Return a report that holds nothing but the wheels for a Raspberry Pi that is described in pip's words.

    Raises DoctorError (exit 2) for words that nobody knows.
    """
    from .record import replace
    from .wheels.pi.told import pi_set
    from .wheels.target import Target

    if described["platform"] is None or request.from_file is not None:
        raise DoctorError(
            Text(
                "--python-version, --abi and --glibc describe a Pi together with --platform, and without --from.",
                "--python-version、--abi、--glibc 要与 --platform 一起描述树莓派，且不能与 --from 合用。",
            ),
            exit=2,
        )
    platform = described.pop("platform")
    target = Target.described(platform, _matrix(), no_gpu=True, **described)
    if target.arch not in ("armv6l", "armv7l", "aarch64"):
        raise DoctorError(
            Text("{platform} is not the platform of a Raspberry Pi.", "{platform} 不是树莓派的平台。"),
            Text(
                "It is linux_armv7l, linux_aarch64 or linux_armv6l.",
                "应为 linux_armv7l、linux_aarch64 或 linux_armv6l。",
            ),
            exit=2,
            platform=platform,
        )
    report = Report("pi", f.Facts(), [], [], Plan())
    report.choice = pi_set(_matrix(), replace(target, board="Raspberry Pi"), request.requirements)
    return report


def wanted(request: Request, checks: Sequence[Check] = ()) -> "Any":
    """Return what the probes must collect for this request."""
    from .probes.collect import Wanted

    sections = None
    if request.only and request.command != "fix":  # a plan, and its fingerprint, need more than the checks ask for
        sections = frozenset(section for item in checks for section in item.needs) | {f.Python}
        if request.command == "pi":
            sections |= {f.Board, f.Host, f.Cpu, f.Distributions}
    return Wanted(
        python=request.python,
        project=request.project,
        quick=request.quick,
        network=request.network,
        mirror=request.mirror,
        files=request.files,
        sections=sections,
        modules=request.requirements,
    )


def repeated(request: Request) -> Tuple[str, ...]:
    """Return the options that the next command needs to mean the same target."""
    options: List[str] = []
    for name, value in (("--python", request.python), ("--project", request.project), ("--from", request.from_file)):
        if value:
            options += [name, value]
    if request.assume_driver:
        options += ["--assume-driver", request.assume_driver]
    for card in request.assume_gpus:
        options += ["--assume-gpu", card]
    return tuple(options + (["--no-gpu"] if request.no_gpu else []))


def _collector(request: Request, checks: Sequence[Check]) -> Any:
    from .probes import collect

    return collect.begin(wanted(request, checks))


def _selected(request: Request) -> List[Check]:
    """Return the checks to run.

    Raises DoctorError (exit 2) for a code that does not exist, with the nearest that do.
    """
    checks = all_checks()
    codes = [item.code for item in checks]
    for code in request.only + request.ignore:
        if code not in codes:
            raise unknown_code(code, codes)
    if request.only:
        checks = [item for item in checks if item.code in request.only]
    return checks


def unknown_code(code: str, codes: Sequence[str]) -> DoctorError:
    """Return the error for a mistyped code, with the nearest codes as its hint."""
    from difflib import get_close_matches

    near = get_close_matches(code, codes, 3, 0.5)
    hint = (
        Text("Did you mean {near}?", "你是不是想用 {near}？")
        if near
        else Text("`doctor checks` lists every code.", "`doctor checks` 会列出所有代码。")
    )
    return DoctorError(
        Text("There is no check called {code}.", "没有名为 {code} 的检查项。"),
        hint,
        exit=2,
        code=code,
        near=" / ".join(near),
    )


def _read_facts(path: str) -> f.Facts:
    from .bundle import load

    return load(path, _matrix())


_loaded: Any = None


def _matrix() -> Any:
    """Return the matrix, loaded once a run."""
    global _loaded
    if _loaded is None:
        from .wheels.matrix import load

        _loaded = load()
    return _loaded


def _assumed(request: Request, facts: f.Facts, matrix: Any) -> f.Facts:
    if request.assume_driver is None and not (request.assume_gpus or request.no_gpu):
        return facts
    from .assume import assume

    return assume(facts, matrix, driver=request.assume_driver, gpus=request.assume_gpus, no_gpu=request.no_gpu)


def _settle(
    request: Request, checks: Sequence[Check], findings: Sequence[Finding]
) -> Tuple[List[Finding], Tuple[str, ...]]:
    """Return the findings to report, worst first, and the codes that --ignore silenced.

    A finding whose cause another finding, at least as grave, already names (``Check.after``) is left out.
    """
    found = {finding.code for finding in findings}
    graves: Dict[str, int] = {}
    for finding in findings:
        if finding.code not in request.ignore:
            grave = SEVERITIES.index(str(finding.severity))
            graves[finding.code] = min(grave, graves.get(finding.code, grave))
    after = {item.code: item.after for item in checks}
    order = {item.code: number for number, item in enumerate(checks)}
    kept = [
        finding
        for finding in findings
        if finding.code not in request.ignore
        and not any(
            graves.get(code, len(SEVERITIES)) <= SEVERITIES.index(str(finding.severity)) for code in after[finding.code]
        )
    ]
    board = {item.code for item in checks if item.family == "pi"} if request.command == "pi" else set()
    kept.sort(
        key=lambda finding: (
            SEVERITIES.index(str(finding.severity)),
            finding.code not in board,  # on a Pi the board's own troubles come first
            order[finding.code],
        )
    )
    return kept, tuple(code for code in request.ignore if code in found)


def _notices(report: Report, matrix: Any, choice: Any) -> None:
    """Note what the user should know of this run itself; ``choice`` is the live target, None for a file's facts."""
    python = report.facts.maybe(f.Python)
    if choice is not None and choice.gone is not None:
        report.notices.append((_GONE, {"folder": choice.gone}))
    if choice is not None and python is not None:
        from .fix import interrupted

        left = interrupted(python.prefix)
        if left is not None:
            report.notices.append(
                (
                    Text(
                        "A fix was interrupted here. `{command}` puts the environment back.",
                        "上一次修复被中断。`{command}` 可以把环境恢复原状。",
                    ),
                    {"command": "doctor fix --undo --python " + python.executable},
                )
            )
    if report.because == "this one":
        from .probes.python import is_tools_own

        if python is not None and is_tools_own(python.prefix):
            report.notices.append((_TOOLS_OWN, {}))
    if choice is not None:
        from .probes.namesake import other_doctor

        script = other_doctor()
        if script is not None:
            report.notices.append((_NAMESAKE, {"script": script}))
    config = report.facts.state(f.PipConfig)
    if isinstance(config, f.Unknown) and config.reason.endswith(f.PIP_STOPS):
        report.notices.append((_PIP_STOPS, {"reason": config.reason[: -len(f.PIP_STOPS)]}))
    import datetime

    if matrix.age_days(datetime.date.today()) > 90:
        report.notices.append(
            (
                Text(
                    "The wheel matrix is of {date}; newer builds may exist.",
                    "wheel 表的日期是 {date}，可能已有更新的构建。",
                ),
                {"date": matrix.date},
            )
        )


_TOOLS_OWN = Text(
    "This is the environment that pipx or uvx made for the doctor itself. Activate yours, or name its Python: --python "
    ".venv/bin/python",
    "这是 pipx 或 uvx 为 doctor 自己创建的环境。请先激活你的环境，或指定它的 Python：--python .venv/bin/python",
)
_PIP_STOPS = Text(
    "Every pip command fails here: {reason}. Mend that file first.",
    "这里的 pip 命令都会失败：{reason}。请先改好这个文件。",
)
_GONE = Text(
    "The environment that is active here, {folder}, has no Python: another one was examined. `deactivate` ends that.",
    "当前激活的环境 {folder} 里没有 Python，因此检查的是另一个。用 `deactivate` 可以退出它。",
)
_NAMESAKE = Text(
    "{script} belongs to the package env-doctor. Type `torch-doctor` or `python -m doctor` for this program.",
    "{script} 属于软件包 env-doctor。要运行本程序，请输入 `torch-doctor` 或 `python -m doctor`。",
)


def fix(request: Request, options: Any, progress: Any = None) -> Report:
    """Judge, plan and, when asked to, carry the plan out; ``report.fix`` holds what became of it.

    With ``options.venv`` a new virtual environment is the target; a dry run says so and plans for the old one.
    """
    from .fix import apply, make_venv, planned, preview

    if options.venv and options.apply:
        made = make_venv(judge(request).facts, options.venv)
        request = request._replace(python=made)
    report = judge(request)
    if options.venv and not options.apply:
        report.notices.append((_WOULD_MAKE_VENV, {"folder": options.venv}))
    if not options.apply:
        refusal = None
        if request.from_file is None:
            report.plan, said, refusal = preview(report.plan, report.facts, options, _matrix())
            report.notices += said
        report.fix = planned(report.plan, report.findings, report.facts, refusal)
        return report

    def check_again() -> Tuple[f.Facts, List[Finding]]:
        again = judge(request._replace(save=None))
        return again.facts, again.findings

    try:
        report.fix = apply(report.plan, report.facts, options, check_again, progress, report.findings, _matrix())
    finally:
        if progress is not None:
            progress.close()
    report.plan = report.fix.plan or report.plan  # with what the new wheels turned out to need
    return report


_WOULD_MAKE_VENV = Text(
    "With --apply a virtual environment is made in {folder} first, and the fix goes there.",
    "加 --apply 时会先在 {folder} 新建虚拟环境，修复只在其中进行。",
)


class Past:
    """What ``fix --undo``, ``--history`` and ``--forget`` have to say."""

    def __init__(
        self, prefix: str, fix: Any = None, history: Sequence[Any] = (), freed_bytes: Optional[int] = None
    ) -> None:
        self.prefix = prefix
        #: result of --undo
        self.fix = fix
        self.history = tuple(history)
        #: by --forget; None for the others
        self.freed_bytes = freed_bytes

    @property
    def exit(self) -> int:
        return self.fix.exit if self.fix is not None else 0


def past_fixes(request: Request, undo: bool, history: bool, progress: Any = None) -> Past:
    """Undo, list or (when neither) forget the fixes made in the target environment.

    Raises DoctorError (exit 3) when the target Python does not work or its journal cannot be trusted.
    """
    from . import fix as past
    from .probes import python

    prefix = python.finish(python.start(python.choose_python(request.python))).prefix
    if undo:
        return Past(prefix, fix=past.undo(prefix, progress))
    if history:
        return Past(prefix, history=past.history(prefix))
    return Past(prefix, freed_bytes=past.forget(prefix))


#: what a choice of wheels depends on
_OF_WHEELS = (f.Python, f.Host, f.Cpu, f.Board, f.Nvidia, f.Distributions, f.Torch)


def wheels(request: Request, online: bool = False, **described: Any) -> Any:
    """Return the choice of wheels for this machine, for a described one (``platform``), or for a bundle's.

    Raises DoctorError: exit 2 for words that nobody knows, 3 when the target Python does not work.
    """
    from .wheels.command import run

    facts = None
    if described.get("platform") is None:
        if request.from_file is not None:
            facts = _read_facts(request.from_file)
        else:
            from .probes import collect

            wanted_facts = wanted(request)._replace(quick=True, sections=frozenset(_OF_WHEELS))
            facts = collect.begin(wanted_facts).finish()
    return run(
        request.requirements,
        driver=request.assume_driver,
        gpus=request.assume_gpus,
        no_gpu=request.no_gpu,
        online=online,
        offline=request.offline,
        mirror=request.mirror,
        facts=facts,
        matrix=_matrix(),
        **described,
    )


def explain(request: Request, source: str, here: bool) -> Tuple[Any, Plan]:
    """Return the diagnoses of a file (``-``: standard input) and the plan that cures them.

    Raises DoctorError (exit 2) when the file cannot be read. Judges only the text; with ``here`` this machine's facts
    fill in what it leaves open.
    """
    import sys

    facts = judge(request._replace(quick=True)).facts if here else None
    if source == "-":
        return explain_text(sys.stdin.buffer, facts)
    try:
        with open(source, "rb") as stream:
            return explain_text(stream, facts)
    except OSError as error:
        raise DoctorError(
            Text("{path} cannot be read: {reason}", "{path} 无法读取：{reason}"),
            exit=2,
            path=source,
            reason=error.strerror or str(error),
        )


def explain_text(text: Any, here: Optional[f.Facts] = None) -> Tuple[Any, Plan]:
    """Return the diagnoses of a text or a stream of bytes, and the plan that cures them."""
    from .explain import explain as read
    from .plan import build

    matrix = _matrix()
    explained = read(text, matrix, here)
    return explained, build([item.finding() for item in explained.diagnoses], explained.facts, matrix)


def no_such_input(name: str) -> DoctorError:
    """Return the error for something that is neither a file nor a code."""
    from difflib import get_close_matches

    near = get_close_matches(name, [item.code for item in all_checks()], 3, 0.5)
    hint = Text("Did you mean {near}?", "你是不是想用 {near}？") if near else None
    return DoctorError(
        Text("{name} is neither a file nor a code.", "{name} 既不是文件，也不是代码。"),
        hint,
        exit=2,
        name=name,
        near=" / ".join(near),
    )


def guard(project: Optional[str] = None) -> List[Finding]:
    """Return what would stop a training script that runs in this very Python; reads files only."""
    import sys

    return only_errors(judge(Request(python=sys.executable, project=project, quick=True)))


def only_errors(report: Report) -> List[Finding]:
    """Return the findings at error level."""
    return [finding for finding in report.findings if finding.severity == ERROR]
