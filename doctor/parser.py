"""The option parser, made from the declarations in options.py; its help speaks the chosen language."""

import inspect
from typing import Any, Callable, Dict, List, Optional, Union

import typer
from typer.core import TyperCommand, TyperGroup

from . import options as o
from .text import Text

#: what the parser itself says in a help
_PARSERS_WORDS = (
    ("Usage:", "用法："),
    ("Options:", "选项："),
    ("Commands:", "命令："),
    ("Arguments:", "参数："),
    ("[OPTIONS]", "[选项]"),
    ("[COMMAND] [ARGS]...", "命令 [参数]..."),
    ("COMMAND [ARGS]...", "命令 [参数]..."),  # as older releases write it
    ("[required]", "[必填]"),
    ("[default: ", "[默认："),
    ("Show this message and exit.", "显示本帮助并退出。"),
    ("Install completion for the current shell.", "为当前 shell 安装命令补全。"),
    (
        "Show completion for the current shell, to copy it or\n                        customize the installation.",
        "显示当前 shell 的补全脚本，可自行复制或修改。",
    ),
)


def _translated(text: str, lang: str) -> str:
    for english, chinese in _PARSERS_WORDS if lang == "zh" else ():
        text = text.replace(english, chinese)
    return text


class _Command(TyperCommand):
    """A command whose help speaks the chosen language."""

    lang = "en"

    def get_help(self, ctx: Any) -> str:
        self._restore_argument_help()
        text = super().get_help(ctx).replace("\\[", "[")  # typer escapes for rich even where rich is not asked
        return _translated(text, self.lang)

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


class _Group(TyperGroup):
    """The group of commands; its help speaks the chosen language and keeps the commands in their order."""

    lang = "en"

    def get_help(self, ctx: Any) -> str:
        return _translated(super().get_help(ctx), self.lang)

    def list_commands(self, ctx: Any) -> List[str]:
        return list(self.commands)


def build(
    lang: str, answer: Callable[[str, Dict[str, Any]], int], alone: Callable[[bool], None], only: Optional[str] = None
) -> typer.Typer:
    """Return the parser: all commands, or ``only`` the one that is to run, as options take time to build.

    It calls ``answer`` with the name of the command and the values of its options, by name; ``alone``, with whether
    --version was given, when there is no command.
    """
    group, command = type("Group", (_Group,), {"lang": lang}), type("Command", (_Command,), {"lang": lang})
    app = typer.Typer(
        cls=group,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=o.ABOUT.render(lang),
        epilog=o.START.render(lang),
    )

    @app.callback(invoke_without_command=True)
    def main(
        context: typer.Context, version: bool = typer.Option(False, "--version", help=o.VERSION.render(lang))
    ) -> int:
        if version or context.invoked_subcommand is None:
            alone(version)
            raise typer.Exit(0)
        return 0

    for item in o.COMMANDS:
        if only not in o.NAMES or item.name == only:
            _add(app, item, lang, answer, command)
    return app


def _add(app: typer.Typer, item: o.Command, lang: str, answer: Callable, cls: Any) -> None:
    def call(**values: Any) -> int:
        return answer(item.name, values)

    parameters = [_parameter(item.argument, lang)] if item.argument is not None else []
    parameters += [_parameter(option, lang) for option in item.options + o.SHARED]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.command(
        item.name,
        cls=cls,
        short_help=item.short.render(lang),
        help=item.short.render(lang) + ("" if lang == "zh" else " ") + item.more.render(lang),
        context_settings={"allow_interspersed_args": False} if item.passes_on else None,
    )(call)


def _parameter(item: Union[o.Option, o.Argument], lang: str) -> inspect.Parameter:
    """Return an option or argument as the parser wants it: a parameter of a function."""
    settings: Dict[str, Any] = {"metavar": item.metavar, "help": item.help.render(lang)}
    if item.values:
        settings["autocompletion"] = _completion(item.values)
    if isinstance(item, o.Argument):
        kind: Any = List[str] if item.several else str
        given = typer.Argument(... if item.required else None, **settings)
        kind = kind if item.required else Optional[kind]
    elif item.metavar is None:
        kind, given = bool, typer.Option(False, *item.flags, help=settings["help"])
    else:
        given = typer.Option(item.default, *item.flags, **settings)
        kind = Optional[List[str]] if item.repeatable else str if item.default is not None else Optional[str]
    return inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=given, annotation=kind)


def _completion(values: Any) -> Callable[[str], List[str]]:
    def complete(incomplete: str) -> List[str]:
        known = values
        if values == o.CODES:
            from .registry import all_checks

            known = [check.code for check in all_checks()]
        return [value for value in known if value.startswith(incomplete)]

    return complete


# ---------------------------------------------------------------- what was typed wrongly


def usage(error: Any, command: Optional[str], lang: str) -> tuple:
    """Return the message and the hint for an error of the parser, whose classes are not ours to import."""
    said = error.format_message().rstrip()
    kind = type(error).__name__
    hint = _HELP.render(lang, {"command": " " + command if command in o.NAMES else ""})
    if kind == "NoSuchOption":
        near = _near(error.option_name, o.flags_of(command))
        return _NO_OPTION.render(lang, {"name": error.option_name}), _did_you_mean(near, lang) or hint
    if kind == "MissingParameter" and getattr(error, "param", None) is not None:
        name = error.param.metavar or error.param.name
        return _MISSING.render(lang, {"name": name}), hint
    if kind == "BadOptionUsage" and "requires" in said:
        return _NO_VALUE.render(lang, {"name": error.option_name}), hint
    if kind == "BadOptionUsage":
        return _NO_VALUE_WANTED.render(lang, {"name": error.option_name}), hint
    if said.startswith("No such command"):
        name = said.split("'")[1]
        return _NO_COMMAND.render(lang, {"name": name}), _did_you_mean(_near(name, o.NAMES), lang) or hint
    if said.startswith("Got unexpected extra argument"):
        return _TOO_MUCH.render(lang, {"words": said[said.find("(") + 1 : said.rfind(")")]}), hint
    return said, hint


def _near(name: str, known: Any) -> List[str]:
    from difflib import get_close_matches

    return get_close_matches(name, known, 2, 0.65)


def _did_you_mean(near: List[str], lang: str) -> Optional[str]:
    return _MEANT.render(lang, {"near": " / ".join(near)}) if near else None


_NO_OPTION = Text("There is no option {name}.", "没有 {name} 这个选项。")
_NO_COMMAND = Text("There is no command {name}.", "没有 {name} 这个命令。")
_MISSING = Text("{name} is missing.", "缺少 {name}。")
_NO_VALUE = Text("{name} needs a value.", "{name} 后面需要一个值。")
_NO_VALUE_WANTED = Text("{name} takes no value.", "{name} 不接受值。")
_TOO_MUCH = Text("This is more than the command takes: {words}", "这个命令不需要这些参数：{words}")
_MEANT = Text("Did you mean {near}?", "你是不是想用 {near}？")
_HELP = Text("`doctor{command} --help` shows what there is.", "`doctor{command} --help` 可以查看所有用法。")
