"""The command line: parse, call the session, render, return the exit status. No logic, no probing."""

import errno
import inspect
import os
import sys
from typing import Any, Callable, List, NamedTuple, Optional

import typer
from typer.core import TyperCommand, TyperGroup

from . import session
from .model import DoctorError
from .patterns import lazy
from .text import Text, choose_language

_PYTHON = lazy(r"python(?:\d+(?:\.\d+)*)?(?:\.exe)?$")
FORMATS = ("console", "json", "markdown", "requirements")
COMMANDS = ("check", "pi", "fix", "wheels", "explain", "run", "checks")


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
        return session.Request(
            command=command,
            python=self.python,
            project=self.project,
            assume_driver=self.assume_driver,
            assume_gpus=self.assume_gpus,
            no_gpu=self.no_gpu,
            mirror=self.mirror or os.environ.get("DOCTOR_MIRROR"),
            offline=self.offline,
            **more,
        )


# ---------------------------------------------------------------- help in two languages

_CLICK_ZH = (
    ("Usage:", "用法："),
    ("Options:", "选项："),
    ("Commands:", "命令："),
    ("Arguments:", "参数："),
    ("Show this message and exit.", "显示本帮助并退出。"),
    ("Install completion for the current shell.", "为当前 shell 安装命令补全。"),
    (
        "Show completion for the current shell, to copy it or\n                        customize the installation.",
        "显示当前 shell 的补全脚本，可自行复制或修改。",
    ),
)


def _translated(text: str) -> str:
    for english, chinese in _CLICK_ZH:
        text = text.replace(english, chinese)
    return text


class Command(TyperCommand):
    """A command whose help speaks the chosen language."""

    lang = "en"

    def get_help(self, ctx: Any) -> str:
        self._restore_argument_help()
        text = super().get_help(ctx).replace("\\[", "[")  # typer escapes for rich even where rich is not asked
        return _translated(text) if self.lang == "zh" else text

    def _restore_argument_help(self) -> None:
        """Give arguments their help text again: the parser's release 8.5 forgets what typer 0.20 told it."""
        given = inspect.signature(self.callback).parameters if self.callback is not None else {}
        for item in self.params:
            if item.param_type_name == "argument" and item.name in given and not getattr(item, "help", None):
                item.get_help_record = _help_record(item, given[item.name].default.help)  # type: ignore[method-assign]


def _help_record(argument: Any, text: Optional[str]) -> Callable:
    """Return typer's own row for an argument; only while it is made the argument has its text.

    With the text in place for good, the parser would print a section of its own beside typer's.
    """

    def record(ctx: Any) -> Any:
        argument.help = text
        try:
            return type(argument).get_help_record(argument, ctx)
        finally:
            argument.help = None

    return record


class Group(TyperGroup):
    """The group of commands; its help speaks the chosen language and keeps the commands in their order."""

    lang = "en"

    def get_help(self, ctx: Any) -> str:
        text = super().get_help(ctx)
        return _translated(text) if self.lang == "zh" else text

    def list_commands(self, ctx: Any) -> List[str]:
        return list(self.commands)


def build(lang: str, only: Optional[str] = None) -> typer.Typer:
    """Return the command line with its help in ``lang``: all of it, or the one command that is to run.

    Options take time to build, and a command needs only its own.
    """
    wanted = (only,) if only in COMMANDS else COMMANDS

    def say(en: str, zh: str) -> str:
        return zh if lang == "zh" else en

    class LanguageCommand(Command):
        pass

    class LanguageGroup(Group):
        pass

    LanguageCommand.lang = LanguageGroup.lang = lang
    app = typer.Typer(
        cls=LanguageGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=say(
            "Says why PyTorch, torchvision, numpy or a Raspberry Pi set-up will break, and repairs it safely.",
            "找出 PyTorch、torchvision、numpy 或树莓派环境会在哪里出错，并安全地修好它。",
        ),
        epilog=say("Start with `doctor check` in your project's folder.", "请先在项目目录里运行 `doctor check`。"),
    )

    option = typer.Option
    shared_options = [
        (
            "python",
            Optional[str],
            option(
                None,
                "--python",
                metavar="PATH",
                help=say(
                    "The Python to examine (default: the active environment's, else the one that runs doctor).",
                    "要检查的 Python（默认：当前激活的环境，否则是运行 doctor 的 Python）。",
                ),
            ),
        ),
        (
            "project",
            Optional[str],
            option(
                None,
                "--project",
                metavar="DIR",
                help=say(
                    "The repository to be trained (default: the current folder, if it looks like one).",
                    "要训练的代码仓库（默认：当前目录，如果它像一个项目）。",
                ),
            ),
        ),
        (
            "assume_driver",
            Optional[str],
            option(
                None,
                "--assume-driver",
                metavar="VERSION",
                help=say(
                    "Judge as if this NVIDIA driver were installed, e.g. 531.68.",
                    "假定装的是这个版本的 NVIDIA 驱动，例如 531.68。",
                ),
            ),
        ),
        (
            "assume_gpu",
            Optional[List[str]],
            option(
                None,
                "--assume-gpu",
                metavar="NAME",
                help=say(
                    'Judge as if this card were attached: "GeForce RTX 3060" or sm_61; repeatable.',
                    '假定装的是这块显卡："GeForce RTX 3060" 或 sm_61，可重复。',
                ),
            ),
        ),
        (
            "no_gpu",
            bool,
            option(False, "--no-gpu", help=say("Judge as if there were no NVIDIA GPU.", "假定没有 NVIDIA 显卡。")),
        ),
        (
            "format",
            str,
            option(
                "console",
                "--format",
                metavar="FORMAT",
                help=say(
                    "console, json or markdown; requirements where wheels are printed.",
                    "console、json 或 markdown；输出 wheel 的命令还支持 requirements。",
                ),
            ),
        ),
        ("json", bool, option(False, "--json", help=say("Short for --format json.", "等同于 --format json。"))),
        (
            "lang",
            Optional[str],
            option(None, "--lang", metavar="en|zh", help=say("Language of the report.", "报告的语言。")),
        ),
        (
            "mirror",
            Optional[str],
            option(
                None,
                "--mirror",
                metavar="NAME|URL",
                help=say(
                    "Take wheels from a mirror: tuna, aliyun, ustc, sjtu, nju or a URL.",
                    "从镜像下载 wheel：tuna、aliyun、ustc、sjtu、nju 或网址。",
                ),
            ),
        ),
        ("offline", bool, option(False, "--offline", help=say("Use no network at all.", "完全不使用网络。"))),
        (
            "verbose",
            bool,
            option(
                False,
                "--verbose",
                "-v",
                help=say(
                    "Say more: every skipped check, every rejected build.",
                    "输出更多：每个跳过的检查、每个被排除的构建。",
                ),
            ),
        ),
    ]

    def command(name: str, short: str, short_zh: str, en: str = "", zh: str = "", **settings: Any) -> Callable:
        """Add a command whose function takes ``shared`` first; the shared options are added to its own."""

        def register(function: Callable) -> Callable:
            if name not in wanted:
                return function
            own = list(inspect.signature(function).parameters.values())[1:]

            def call(**values: Any) -> int:
                names = [item[0] for item in shared_options]
                common = {key: values.pop(key) for key in names}
                return function(_shared(common, lang), **values)

            parameters = own + [
                inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
                for key, kind, default in shared_options
            ]
            call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
            call.__annotations__ = {item.name: item.annotation for item in parameters}
            call.__name__ = function.__name__
            texts: Any = {"short_help": say(short, short_zh), "help": say(short + " " + en, short_zh + zh)}
            app.command(name, cls=LanguageCommand, **texts, **settings)(call)
            return function

        return register

    quick_option = option(False, "--quick", help=say("Read files only; import nothing.", "只读取文件，不做导入试验。"))
    network_option = option(
        False,
        "--network",
        help=say(
            "Also ask whether the index, the wheel host and GitHub can be reached.",
            "同时检查软件源、wheel 站点和 GitHub 能否连上。",
        ),
    )
    only_option = option(
        None, "--only", metavar="CODE", help=say("Run just this check; repeatable.", "只运行这一项检查，可重复。")
    )
    ignore_option = option(
        None, "--ignore", metavar="CODE", help=say("Leave this check out; repeatable.", "忽略这一项检查，可重复。")
    )
    strict_option = option(False, "--strict", help=say("Exit 1 for warnings too.", "有警告时也以状态 1 退出。"))
    from_option = option(
        None,
        "--from",
        metavar="FILE",
        help=say(
            "Judge a saved bundle or a pasted collect_env dump instead of this machine.",
            "不看本机，而是根据保存的信息包或粘贴的 collect_env 输出来判断。",
        ),
    )
    save_option = option(
        None,
        "--save",
        metavar="FILE",
        help=say(
            "Save what was found out as a bundle, without private data.", "把收集到的信息保存成文件，不含隐私数据。"
        ),
    )

    @app.callback(invoke_without_command=True)
    def main(
        context: typer.Context,
        version: bool = option(
            False,
            "--version",
            help=say("Show the version and the date of the wheel matrix.", "显示版本号和 wheel 表的日期。"),
        ),
    ) -> int:
        if version:
            print(_version())
            raise typer.Exit(0)
        if context.invoked_subcommand is None:
            print(
                say(
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
            )
        return 0

    @command(
        "check",
        "Before training: what will break here, and how to fix it.",
        "训练之前：哪里会出错，怎么修。",
        "Looks at the machine, the target Python and the project.",
        "检查这台机器、目标 Python 和项目。",
    )
    def check(
        shared: Shared,
        files: Optional[List[str]] = typer.Argument(
            None, metavar="[FILE]...", help=say("Narrow the source scan to these files.", "只扫描这些源文件。")
        ),
        quick: bool = quick_option,
        network: bool = network_option,
        only: Optional[List[str]] = only_option,
        ignore: Optional[List[str]] = ignore_option,
        strict: bool = strict_option,
        from_file: Optional[str] = from_option,
        save: Optional[str] = save_option,
    ) -> int:
        _check_files(files)
        request = shared.request(
            "check",
            quick=quick,
            network=network,
            only=tuple(only or ()),
            ignore=tuple(ignore or ()),
            strict=strict,
            from_file=from_file,
            save=save,
            files=tuple(files or ()),
        )
        report = session.judge(request)
        _show(report, shared)
        return report.exit

    @command(
        "pi",
        "The same on a Raspberry Pi, and the wheels that fit it.",
        "在树莓派上做同样的检查，并给出合适的 wheel。",
        "Board, ABI, swap and sources come first.",
        "先看板子、ABI、swap 和软件源。",
    )
    def pi(
        shared: Shared,
        requirements: Optional[List[str]] = typer.Argument(
            None,
            metavar="[REQ]...",
            help=say(
                "Packages wanted, e.g. opencv-python onnxruntime==1.9.1.",
                "想装的包，例如 opencv-python onnxruntime==1.9.1。",
            ),
        ),
        quick: bool = quick_option,
        network: bool = network_option,
        only: Optional[List[str]] = only_option,
        ignore: Optional[List[str]] = ignore_option,
        strict: bool = strict_option,
        from_file: Optional[str] = from_option,
        save: Optional[str] = save_option,
    ) -> int:
        request = shared.request(
            "pi",
            quick=quick,
            network=network,
            only=tuple(only or ()),
            ignore=tuple(ignore or ()),
            strict=strict,
            from_file=from_file,
            save=save,
            requirements=tuple(requirements or ()),
        )
        report = session.pi(request)
        _show(report, shared)
        return report.exit

    @command(
        "fix",
        "Print the plan that repairs the environment, or apply it.",
        "给出修复方案，或执行它。",
        "--apply carries it out and proves that it worked; if not, everything is put back.",
        "加 --apply 才会执行，执行后验证，不行就全部恢复原状。",
    )
    def fix(
        shared: Shared,
        apply: bool = option(False, "--apply", help=say("Carry the plan out.", "执行方案。")),
        source: bool = option(
            False,
            "--source",
            help=say("With --apply: also rewrite the project's source.", "与 --apply 合用：同时改写项目源码。"),
        ),
        system: bool = option(
            False,
            "--system",
            help=say(
                "With --apply, as root: also run system commands.", "与 --apply 合用（需 root）：同时执行系统命令。"
            ),
        ),
        yes: bool = option(
            False, "--yes", help=say("Do not ask before each system command.", "执行系统命令前不再逐条询问。")
        ),
        keep: bool = option(
            False,
            "--keep",
            help=say(
                "Keep the result even when the check afterwards is not satisfied.", "即使修复后的检查不通过也保留结果。"
            ),
        ),
        undo: bool = option(False, "--undo", help=say("Put back what the last fix changed.", "撤销上一次修复。")),
        history: bool = option(False, "--history", help=say("List the fixes made here.", "列出在这里做过的修复。")),
        forget: bool = option(
            False, "--forget", help=say("Delete old snapshots to free their space.", "删除旧快照，释放空间。")
        ),
        venv: Optional[str] = option(
            None,
            "--venv",
            metavar="DIR",
            help=say("Make a virtual environment here first and mend that.", "先在这里新建虚拟环境，再修复它。"),
        ),
        installer: str = option(
            "pip", "--installer", metavar="pip|uv", help=say("What installs the wheels.", "用什么安装 wheel。")
        ),
        only: Optional[List[str]] = only_option,
        ignore: Optional[List[str]] = ignore_option,
        from_file: Optional[str] = option(
            None,
            "--from",
            metavar="FILE",
            help=say(
                "Plan for a saved bundle (never with --apply).", "为保存的信息包给出方案（不能与 --apply 合用）。"
            ),
        ),
    ) -> int:
        from .fix.options import Options

        _one_of("--installer", installer, ("pip", "uv"))
        options = Options(
            apply=apply,
            source=source,
            system=system,
            yes=yes,
            keep=keep,
            installer=installer,
            venv=venv,
            mirror=shared.mirror or os.environ.get("DOCTOR_MIRROR"),
            offline=shared.offline,
            lang=lang,
        )
        request = shared.request("fix", only=tuple(only or ()), ignore=tuple(ignore or ()), from_file=from_file)
        if from_file and (apply or undo or history or forget or venv):
            raise DoctorError(
                Text(
                    "--from only plans: it cannot be combined with --apply, --undo, --history, --forget or --venv.",
                    "--from 只能给出方案，不能与 --apply、--undo、--history、--forget、--venv 合用。",
                ),
                exit=2,
            )
        if undo or history or forget:
            return _past_fixes(shared, undo, history)
        report = session.fix(request, options, _progress(shared))
        _show(report, shared)
        return report.fix.exit

    @command(
        "wheels",
        "Which wheels fit this machine, or a described one.",
        "查出适合本机或所描述机器的 wheel。",
        "Works offline; -v explains every build that was rejected.",
        "离线可用；-v 说明每个构建被排除的原因。",
    )
    def wheels(
        shared: Shared,
        requirements: List[str] = typer.Argument(
            ...,
            metavar="REQ...",
            help=say(
                'Packages, with versions if wanted: torch torchvision "torch>=2.3".',
                '包名，可带版本：torch torchvision "torch>=2.3"。',
            ),
        ),
        python_version: Optional[str] = option(
            None,
            "--python-version",
            metavar="X.Y",
            help=say(
                "Of the described target; 3.13t is free-threaded.", "目标机器的 Python 版本；3.13t 表示无 GIL 版。"
            ),
        ),
        platform: Optional[str] = option(
            None,
            "--platform",
            metavar="TAG",
            help=say(
                "Describe a target: win_amd64, linux_x86_64, linux_aarch64, linux_armv7l, macosx_arm64.",
                "描述目标平台：win_amd64、linux_x86_64、linux_aarch64、linux_armv7l、macosx_arm64。",
            ),
        ),
        abi: Optional[str] = option(
            None, "--abi", metavar="TAG", help=say("ABI tag, e.g. cp313t.", "ABI 标签，例如 cp313t。")
        ),
        glibc: Optional[str] = option(
            None, "--glibc", metavar="X.Y", help=say("glibc of the described target.", "目标机器的 glibc 版本。")
        ),
        online: bool = option(
            False,
            "--online",
            help=say("Confirm that the files exist and get their sha256.", "联网确认文件存在并取得 sha256。"),
        ),
        from_file: Optional[str] = from_option,
    ) -> int:
        return _wheels(
            shared,
            requirements=requirements,
            python_version=python_version,
            platform=platform,
            abi=abi,
            glibc=glibc,
            online=online,
            from_file=from_file,
        )

    @command(
        "explain",
        "The cause and the fix of an error text, a log, or a code.",
        "解释报错文本、日志或代码：原因和修复办法。",
        "Also reads collect_env dumps. It judges only the text, unless --here is given.",
        "也能读 collect_env 输出。除非加 --here，否则只看文本本身。",
    )
    def explain(
        shared: Shared,
        what: Optional[str] = typer.Argument(
            None,
            metavar="[FILE|-|CODE]",
            help=say("A file, - for standard input, or a code.", "文件、-（标准输入）或代码。"),
        ),
        here: bool = option(False, "--here", help=say("Also use this machine's facts.", "同时参考本机的情况。")),
    ) -> int:
        return _explain(shared, what, here)

    @command(
        "run",
        "Quick check, then the command; explains a failure.",
        "先快速检查，再运行命令；失败时解释原因。",
        "The command runs unchanged, and its exit status is passed on.",
        "命令原样运行，退出状态原样返回。",
        context_settings={"allow_interspersed_args": False},
    )
    def run(
        shared: Shared,
        argv: List[str] = typer.Argument(
            ..., metavar="-- CMD...", help=say("The command, after --.", "要运行的命令，写在 -- 之后。")
        ),
        force: bool = option(
            False, "--force", help=say("Run even when the check finds errors.", "检查发现错误也照样运行。")
        ),
    ) -> int:
        return _run(shared, argv, force)

    @command("checks", "List every code with its severity and one line.", "列出所有检查代码、级别和一句说明。")
    def checks(shared: Shared) -> int:
        from .render import reference

        _write(reference.render_checks(shared.format, lang))
        return 0

    return app


# ---------------------------------------------------------------- the commands' own steps


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
    choice = session.wheels(request, **asked)
    if shared.format == "json":
        from .render import json as renderer

        _write(renderer.dump(choice.to_json(shared.lang)))
    elif shared.format == "requirements":
        from .wheels.command import requirements_file

        _write(requirements_file(choice))
    elif shared.format == "markdown":
        from .render import markdown

        _write(markdown.render_choice(choice, shared.lang))
    else:
        from .render import console

        console.print_choice(choice, shared.lang, shared.verbose)
    return choice.exit


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
    explained, plan = session.explain(shared.request("explain"), what or "-", here)
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
        status = build(lang, arguments[0] if arguments else None)(
            args=arguments, prog_name="doctor", standalone_mode=False
        )
        return status if isinstance(status, int) else 0
    except DoctorError as error:
        hint = error.hint.render(lang, error.params) if error.hint else None
        return _fail(command, error.exit, error.message.render(lang, error.params), hint, arguments, lang)
    except typer.Abort:
        return 130
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error of the option parser, whose classes are not ours to import
            message, hint = _usage(error, lang)
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
    message = Text("The doctor itself failed: {kind}: {detail}", "doctor 自身出错：{kind}: {detail}")
    hint = Text(
        "Nothing more was done. Please report it, with the output of the same command under DOCTOR_DEBUG=1.",
        "没有再做任何操作。请反馈给我们，并附上设置 DOCTOR_DEBUG=1 后同一命令的输出。",
    )
    return message.render(lang, params), hint.render(lang)


_TAKE_VALUE = ("--python", "--project", "--assume-driver", "--assume-gpu", "--format", "--lang", "--mirror")
_FLAGS = ("--no-gpu", "--json", "--offline", "--verbose", "-v")


def _command_first(arguments: List[str]) -> List[str]:
    """Return the arguments with shared options that stand before the command (``doctor --lang zh check``) after it."""
    leading = 0
    while leading < len(arguments):
        name, separator, _ = arguments[leading].partition("=")
        if name in _TAKE_VALUE:
            leading += 1 if separator else 2
        elif name in _FLAGS:
            leading += 1
        else:
            break
    if leading == 0:
        return arguments
    if leading >= len(arguments) or arguments[leading].startswith("-"):
        return arguments[leading:]  # `doctor --lang zh --help`: the language is chosen already
    return [arguments[leading]] + arguments[:leading] + arguments[leading + 1 :]


def _usage(error: Any, lang: str) -> tuple:
    """Return the message and hint for a usage error of the option parser."""
    message = error.format_message().rstrip()
    hint = None
    kind = type(error).__name__
    near = list(getattr(error, "possibilities", None) or [])
    if kind == "NoSuchOption":
        name = error.option_name
        message = Text("There is no option {name}.", "没有 {name} 这个选项。").render(lang, {"name": name})
        if near:
            hint = Text("Did you mean {near}?", "你是不是想用 {near}？").render(
                lang, {"near": " / ".join(sorted(near))}
            )
    elif message.startswith("No such command"):
        name = message.split("'")[1]
        from difflib import get_close_matches

        near = get_close_matches(name, COMMANDS, 2, 0.5)
        message = Text("There is no command {name}.", "没有 {name} 这个命令。").render(lang, {"name": name})
        if near:
            hint = Text("Did you mean {near}?", "你是不是想用 {near}？").render(lang, {"near": " / ".join(near)})
    if hint is None:
        hint = Text("`doctor --help` shows what there is.", "`doctor --help` 可以查看所有用法。").render(lang)
    return message, hint


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
