"""The command line: parse, call the session, render, return the exit status. No logic, no probing."""

import errno
import os
import sys
from contextlib import nullcontext
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import session
from .model import DoctorError
from .options import FORMATS, INSTALLERS, SHARED
from .patterns import lazy
from .render.waiting import ASKING, LOOKING, READING, waiting
from .text import Text, choose_language

_PYTHON = lazy(r"python(?:\d+(?:\.\d+)*)?(?:\.exe)?$")


class Shared(NamedTuple):
    """The options that every command takes."""

    python: Optional[str]
    project: Optional[str]
    assume_driver: Optional[str]
    assume_gpus: tuple
    no_gpu: bool
    format: str
    lang: str
    mirror: Optional[str]
    offline: bool
    verbose: bool

    def request(self, command: str, **more: Any) -> session.Request:
        """Return what is asked of the session; lists that the parser made become tuples."""
        own: Dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in more.items()}
        return session.Request(
            command=command,
            python=self.python,
            project=self.project,
            assume_driver=self.assume_driver,
            assume_gpus=self.assume_gpus,
            no_gpu=self.no_gpu,
            mirror=self.mirror or os.environ.get("DOCTOR_MIRROR"),
            offline=self.offline,
            **{name: value for name, value in own.items() if value is not None},
        )


# ---------------------------------------------------------------- the commands


def _answer(name: str, values: Dict[str, Any], lang: str) -> int:
    """Carry out a command with the values of its options, and return the exit status."""
    shared = _shared({option.name: values.pop(option.name) for option in SHARED}, lang)
    return _COMMANDS[name](shared, **values)


def _check(shared: Shared, files: Optional[List[str]], **judging: Any) -> int:
    _check_files(files)
    with waiting(READING if judging["quick"] else LOOKING, shared.lang):
        report = session.judge(shared.request("check", files=files, **judging))
    _show(report, shared)
    return report.exit


def _pi(
    shared: Shared,
    requirements: Optional[List[str]],
    python_version: Optional[str],
    platform: Optional[str],
    abi: Optional[str],
    glibc: Optional[str],
    **judging: Any,
) -> int:
    request = shared.request("pi", requirements=requirements, **judging)
    described = {"python_version": python_version, "platform": platform, "abi": abi, "glibc": glibc}
    if any(described.values()):
        report = session.described_pi(request, **described)
        _show_choice(report.choice, shared, report)
        return report.choice.exit
    with waiting(READING if request.quick else LOOKING, shared.lang):
        report = session.pi(request)
    _show(report, shared)
    return report.exit


def _fix(
    shared: Shared,
    only: Optional[List[str]],
    ignore: Optional[List[str]],
    from_file: Optional[str],
    undo: bool,
    history: bool,
    forget: bool,
    **given: Any,
) -> int:
    from .fix.options import Options

    _one_of("--installer", given["installer"], INSTALLERS)
    request = shared.request("fix", only=only, ignore=ignore, from_file=from_file)
    if from_file and (given["apply"] or undo or history or forget or given["venv"]):
        raise DoctorError(
            Text(
                "--from only plans: it cannot be combined with --apply, --undo, --history, --forget or --venv.",
                "--from 只能给出方案，不能与 --apply、--undo、--history、--forget、--venv 合用。",
            ),
            exit=2,
        )
    if undo or history or forget:
        return _past_fixes(shared, undo, history)
    options = Options(mirror=request.mirror, offline=shared.offline, lang=shared.lang, **given)
    if options.apply:
        report = session.fix(request, options, _progress(shared))
    else:
        with waiting(LOOKING, shared.lang):
            report = session.fix(request, options)
    _show(report, shared)
    return report.fix.exit


def _checks(shared: Shared) -> int:
    from .render import reference

    _write(reference.render_checks(shared.format, shared.lang))
    return 0


def _alone(lang: str, version: bool) -> None:
    """Say the version, or, when nothing at all was asked, what to do next."""
    print(_version() if version else _NOTHING_ASKED.render(lang))


_NOTHING_ASKED = Text(
    "Nothing was asked. Go to your project's folder and type:\n\n"
    "  doctor check            what will break before training starts\n"
    "  doctor fix              the plan that repairs it (changes nothing)\n"
    "  doctor explain LOG      the cause of an error that you already have\n"
    "  doctor --help           everything else",
    "还没有说要做什么。请进入项目目录，输入：\n\n"
    "  doctor check            训练之前，看看哪里会出错\n"
    "  doctor fix              给出修复方案（不改动任何东西）\n"
    "  doctor explain LOG      已经报错了？找出原因\n"
    "  doctor --help           其他用法",
)


def _past_fixes(shared: Shared, undo: bool, history: bool) -> int:
    past = session.past_fixes(shared.request("fix"), undo, history, _progress(shared))
    if shared.format == "json":
        from .render import json as renderer

        _write(renderer.dump(renderer.past_document(past, shared.lang)))
    else:
        from .render import console

        console.print_past(past, shared.lang)
    return past.exit


def _wheels(shared: Shared, requirements: List[str], from_file: Optional[str], **asked: Any) -> int:
    request = shared.request("wheels", from_file=from_file, requirements=tuple(requirements))
    with waiting(ASKING if asked["online"] else READING, shared.lang):
        choice = session.wheels(request, **asked)
    _show_choice(choice, shared)
    return choice.exit


def _show_choice(choice: Any, shared: Shared, report: Any = None) -> None:
    """Print a choice of wheels; as JSON, in the report that it belongs to."""
    if shared.format == "json":
        from .render import json as renderer

        document = choice.to_json if report is None else lambda lang: renderer.report_document(report, lang)
        _write(renderer.dump(document(shared.lang)))
    elif shared.format == "requirements":
        from .wheels.command import requirements_file

        _write(requirements_file(choice))
    elif shared.format == "markdown":
        from .render import markdown

        _write(markdown.render_choice(choice, shared.lang))
    else:
        from .render import console

        console.print_choice(choice, shared.lang, shared.verbose)


def _explain(shared: Shared, what: Optional[str], here: bool) -> int:
    from .render import reference

    if what is not None and what != "-" and not os.path.exists(what):
        page = reference.find(what)
        if page is None:
            raise session.no_such_input(what)
        _write(reference.render_page(page, shared.format, shared.lang))
        return 0
    if what is None and sys.stdin.isatty():
        raise DoctorError(
            Text(
                "Nothing to explain: name a log file, a code, or pipe the text in.",
                "没有可解释的内容：请给出日志文件、代码，或用管道传入文本。",
            ),
            Text(
                "For example: python train.py 2>&1 | doctor explain -", "例如：python train.py 2>&1 | doctor explain -"
            ),
            exit=2,
        )
    source = what or "-"
    # what writes into a pipe may write to the terminal, too
    with waiting(READING, shared.lang) if source != "-" else nullcontext():
        explained, plan = session.explain(shared.request("explain"), source, here)
    if shared.format == "json":
        from .render import explained as renderer
        from .render import json as as_json

        _write(as_json.dump(renderer.document(explained, plan, shared.lang)))
    elif shared.format == "markdown":
        from .render import explained as renderer

        _write(renderer.markdown(explained, plan, shared.lang))
    else:
        from .render import explained as renderer

        renderer.print_explained(explained, plan, shared.lang, shared.verbose)
    return 0


def _run(shared: Shared, argv: List[str], force: bool) -> int:
    """Check quickly, run the command, and explain its failure on standard error."""
    if shared.python is None and _PYTHON.match(os.path.basename(argv[0])):
        shared = shared._replace(python=argv[0])  # the Python that will run is the one to examine
    report = session.judge(shared.request("run", quick=True))
    if report.exit and not force:
        from .render import console

        console.print_report(report, shared.lang, shared.verbose, console.make_console(file=sys.stderr))
        message = Text(
            "Not started: the check found errors. `doctor run --force -- …` runs it all the same.",
            "没有启动：检查发现了错误。`doctor run --force -- …` 可以照样运行。",
        )
        sys.stderr.write(message.render(shared.lang) + "\n")
        return 1
    from .probes.runner import run_command

    status, tail = run_command(argv)
    if status not in (0, 130):
        explained, plan = session.explain_text(tail, report.facts)
        if explained.diagnoses:
            from .render import explained as renderer

            renderer.print_explained(explained, plan, shared.lang, shared.verbose, file=sys.stderr)
    return status


def _version() -> str:
    from .version import __version__
    from .wheels.matrix import load

    return "doctor %s (wheel matrix of %s)" % (__version__, load().date)


_COMMANDS: Dict[str, Callable[..., int]] = {
    "check": _check,
    "pi": _pi,
    "fix": _fix,
    "wheels": _wheels,
    "explain": _explain,
    "run": _run,
    "checks": _checks,
}

# ---------------------------------------------------------------- what they share


def _shared(values: dict, lang: str) -> Shared:
    _one_of("--format", values["format"], FORMATS)
    chosen = "json" if values["json"] else values["format"]
    if values["lang"] is not None:
        _one_of("--lang", values["lang"], ("en", "zh"))
    if values["no_gpu"] and values["assume_gpu"]:
        raise DoctorError(
            Text("--no-gpu and --assume-gpu exclude each other.", "--no-gpu 和 --assume-gpu 不能同时使用。"), exit=2
        )
    return Shared(
        python=values["python"],
        project=values["project"],
        assume_driver=values["assume_driver"],
        assume_gpus=tuple(values["assume_gpu"] or ()),
        no_gpu=values["no_gpu"],
        format=chosen,
        lang=lang,
        mirror=values["mirror"],
        offline=values["offline"],
        verbose=values["verbose"],
    )


def _one_of(option: str, value: str, allowed: tuple) -> None:
    if value not in allowed:
        raise DoctorError(
            Text("{option} {value}: choose one of {allowed}.", "{option} {value}：只能是 {allowed} 之一。"),
            exit=2,
            option=option,
            value=value,
            allowed=", ".join(allowed),
        )


def _check_files(files: Optional[List[str]]) -> None:
    for path in files or ():
        if not os.path.exists(path):
            raise DoctorError(Text("{path}: no such file.", "{path}：没有这个文件。"), exit=2, path=path)


def _write(text: str) -> None:
    """Write a finished report to standard output, whatever its encoding can hold."""
    stream = sys.stdout
    if not text.endswith("\n"):
        text += "\n"
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "replace").decode(encoding))


def _show(report: session.Report, shared: Shared) -> None:
    if shared.format == "json":
        from .render import json as renderer

        _write(renderer.render_report(report, shared.lang))
    elif shared.format == "markdown":
        from .render import markdown

        _write(markdown.render_report(report, shared.lang))
    elif shared.format == "requirements":
        from .render import requirements

        _write(requirements.render_plan(report.plan, shared.lang))
    else:
        from .render import console

        console.print_report(report, shared.lang, shared.verbose)


def _progress(shared: Shared) -> Any:
    from .render.progress import Progress

    return Progress(shared.lang)


# ---------------------------------------------------------------- errors


def _json_wanted(arguments: List[str]) -> bool:
    if "--" in arguments:
        arguments = arguments[: arguments.index("--")]
    return (
        "--json" in arguments
        or "--format=json" in arguments
        or any(first == "--format" and second == "json" for first, second in zip(arguments, arguments[1:]))
    )


def _language(arguments: List[str]) -> str:
    option = None
    for number, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--lang" and number + 1 < len(arguments):
            option = arguments[number + 1]
        elif argument.startswith("--lang="):
            option = argument.partition("=")[2]
    lang = choose_language(option if option in ("en", "zh") else None)
    if lang == "zh":
        try:
            "检查".encode(sys.stdout.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return "en"  # this terminal cannot show Chinese
    return lang


#: what writing to a stream fails with: the reader has gone, the disk behind it is full or damaged
_OF_A_STREAM = (errno.EPIPE, errno.EINVAL, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def run(arguments: List[str]) -> int:
    """Run the command line and return the exit status; every error becomes one clear message."""
    lang = _language(arguments)
    arguments = _command_first(arguments)
    command = next((word for word in arguments if not word.startswith("-")), None)
    try:
        _stand_somewhere()
        from . import parser

        app = parser.build(
            lang,
            lambda name, values: _answer(name, values, lang),
            lambda version: _alone(lang, version),
            only=arguments[0] if arguments else None,
        )
        status = app(args=arguments, prog_name="doctor", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except DoctorError as error:
        hint = error.hint.render(lang, error.params) if error.hint else None
        return _fail(command, error.exit, error.message.render(lang, error.params), hint, arguments, lang)
    except Exception as error:
        if type(error).__name__ == "Abort":
            return 130
        if hasattr(error, "format_message"):  # a usage error of the option parser
            message, hint = parser.usage(error, command, lang)
            return _fail(command, 2, message, hint, arguments, lang)
        if isinstance(error, OSError) and error.filename is None and error.errno in _OF_A_STREAM:
            raise  # standard output takes no more: the caller says so
        message, hint = _own_fault(error, lang)
        return _fail(command, 3, message, hint, arguments, lang)


def _stand_somewhere() -> None:
    """Raise DoctorError (exit 3) when the current folder was deleted: paths cannot be told, children cannot start."""
    try:
        os.getcwd()
    except OSError:
        raise DoctorError(
            Text("The current folder no longer exists.", "当前目录已经不存在。"),
            Text("`cd` into another folder first.", "请先 `cd` 到别的目录。"),
        )


def _own_fault(error: Exception, lang: str) -> tuple:
    """Return the message and hint for a fault of the doctor itself; the traceback is shown with DOCTOR_DEBUG=1."""
    if os.environ.get("DOCTOR_DEBUG"):
        import traceback

        traceback.print_exc()
    params = {"kind": type(error).__name__, "detail": str(error)}
    lacking = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if lacking not in ("", __package__):
        name = {"yaml": "PyYAML", "pynvml": "nvidia-ml-py"}.get(lacking, lacking)
        params.update(name=name, python=sys.executable)
        return NOT_IMPORTED.render(lang, params), NOT_IMPORTED_HINT.render(lang, params)
    message = Text("The doctor itself failed: {kind}: {detail}", "doctor 自身出错：{kind}: {detail}")
    hint = Text(
        "Nothing more was done. Please report it, with the output of the same command under DOCTOR_DEBUG=1.",
        "没有再做任何操作。请反馈给我们，并附上设置 DOCTOR_DEBUG=1 后同一命令的输出。",
    )
    return message.render(lang, params), hint.render(lang)


NOT_IMPORTED = Text(
    "A package that the doctor itself needs cannot be imported: {detail}.", "doctor 自身需要的包无法导入：{detail}。"
)
NOT_IMPORTED_HINT = Text(
    "Install it again: {python} -m pip install --force-reinstall {name}. Or run the doctor from an environment of its "
    "own and name this one: doctor check --python {python}",
    "重新安装它：{python} -m pip install --force-reinstall {name}。也可以在单独的环境中运行 doctor，并指定当前环境："
    "doctor check --python {python}",
)

_TAKE_VALUE = frozenset(flag for option in SHARED if option.metavar is not None for flag in option.flags)
_FLAGS = frozenset(flag for option in SHARED if option.metavar is None for flag in option.flags)


def _command_first(arguments: List[str]) -> List[str]:
    """Return the arguments with shared options that stand before the command (``doctor --lang zh check``) after it.

    Where there is no command, as in ``doctor --lang zh --help``, they have done their work.
    """
    at = 0
    shared: List[str] = []
    asked: List[str] = []
    while at < len(arguments) and arguments[at].startswith("-"):
        name, separator, _ = arguments[at].partition("=")
        length = 2 if name in _TAKE_VALUE and not separator else 1
        group = shared if name in _TAKE_VALUE or name in _FLAGS else asked
        group.extend(arguments[at : at + length])
        at += length
    if asked or at >= len(arguments):
        return asked + arguments[at:]
    return [arguments[at]] + shared + arguments[at + 1 :]


def _fail(
    command: Optional[str], status: int, message: str, hint: Optional[str], arguments: List[str], lang: str
) -> int:
    if _json_wanted(arguments):
        import json

        document = {"schema": 1, "command": command, "error": {"exit": status, "message": message, "hint": hint}}
        _write(json.dumps(document, ensure_ascii=False, indent=1))
    else:
        prefix = "doctor：" if lang == "zh" else "doctor: "
        sys.stderr.write(prefix + message + "\n" + ("  " + hint + "\n" if hint else ""))
    return status
