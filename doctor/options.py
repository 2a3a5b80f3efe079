"""What can be typed: the commands, their arguments and options, with their help in both languages."""

from typing import Any, NamedTuple, Optional, Tuple

from .text import Text

FORMATS = ("console", "json", "markdown", "requirements")
INSTALLERS = ("pip", "uv")
#: stands for the values of an option or argument that takes codes of checks
CODES = ("CODE",)


class Option(NamedTuple):
    """One option."""

    name: str
    flags: Tuple[str, ...]
    help: Text
    #: what stands for its value in the help; None = a switch
    metavar: Optional[str] = None
    default: Any = None
    #: may be given several times
    repeatable: bool = False
    #: what its value can be, for completion
    values: Tuple[str, ...] = ()


class Argument(NamedTuple):
    """What stands beside the options."""

    name: str
    metavar: str
    help: Text
    required: bool = False
    several: bool = True
    values: Tuple[str, ...] = ()


class Command(NamedTuple):
    """One command."""

    name: str
    #: for the list of commands, and the first sentence of its own help
    short: Text
    more: Text
    options: Tuple[Option, ...] = ()
    argument: Optional[Argument] = None
    #: what follows the argument belongs to it, options too
    passes_on: bool = False


ABOUT = Text(
    "Says why PyTorch, torchvision, numpy or a Raspberry Pi set-up will break, and repairs it safely.",
    "找出 PyTorch、torchvision、numpy 或树莓派环境会在哪里出错，并安全地修好它。",
)
START = Text("Start with `doctor check` in your project's folder.", "请先在项目目录里运行 `doctor check`。")
VERSION = Text("Show the version and the date of the wheel matrix.", "显示版本号和 wheel 表的日期。")

# ---------------------------------------------------------------- the options of every command

SHARED = (
    Option(
        "python",
        ("--python",),
        Text(
            "The Python to examine (default: the active environment's, else the one that runs doctor).",
            "要检查的 Python（默认：当前激活的环境，否则是运行 doctor 的 Python）。",
        ),
        "PATH",
    ),
    Option(
        "project",
        ("--project",),
        Text(
            "The repository to be trained (default: the current folder, if it looks like one).",
            "要训练的代码仓库（默认：当前目录，如果它像一个项目）。",
        ),
        "DIR",
    ),
    Option(
        "assume_driver",
        ("--assume-driver",),
        Text(
            "Judge as if this NVIDIA driver were installed, e.g. 531.68.",
            "假定装的是这个版本的 NVIDIA 驱动，例如 531.68。",
        ),
        "VERSION",
    ),
    Option(
        "assume_gpu",
        ("--assume-gpu",),
        Text(
            'Judge as if this card were attached: "GeForce RTX 3060" or sm_61; repeatable.',
            '假定装的是这块显卡："GeForce RTX 3060" 或 sm_61，可重复。',
        ),
        "NAME",
        repeatable=True,
    ),
    Option("no_gpu", ("--no-gpu",), Text("Judge as if there were no NVIDIA GPU.", "假定没有 NVIDIA 显卡。")),
    Option(
        "format",
        ("--format",),
        Text(
            "console, json or markdown; requirements where wheels are printed.",
            "console、json 或 markdown；输出 wheel 的命令还支持 requirements。",
        ),
        "FORMAT",
        "console",
        values=FORMATS,
    ),
    Option("json", ("--json",), Text("Short for --format json.", "等同于 --format json。")),
    Option("lang", ("--lang",), Text("Language of the report.", "报告的语言。"), "en|zh", values=("en", "zh")),
    Option(
        "mirror",
        ("--mirror",),
        Text(
            "Take wheels from a mirror: tuna, aliyun, ustc, sjtu, nju or a URL.",
            "从镜像下载 wheel：tuna、aliyun、ustc、sjtu、nju 或网址。",
        ),
        "NAME|URL",
        values=("tuna", "aliyun", "ustc", "sjtu", "nju"),
    ),
    Option("offline", ("--offline",), Text("Use no network at all.", "完全不使用网络。")),
    Option(
        "verbose",
        ("--verbose", "-v"),
        Text("Say more: every skipped check, every rejected build.", "输出更多：每个跳过的检查、每个被排除的构建。"),
    ),
)

# ---------------------------------------------------------------- the commands and their own options

ONLY = Option(
    "only",
    ("--only",),
    Text("Run just this check; repeatable.", "只运行这一项检查，可重复。"),
    "CODE",
    repeatable=True,
    values=CODES,
)
IGNORE = Option(
    "ignore",
    ("--ignore",),
    Text("Leave this check out; repeatable.", "忽略这一项检查，可重复。"),
    "CODE",
    repeatable=True,
    values=CODES,
)
FROM = Option(
    "from_file",
    ("--from",),
    Text(
        "Judge a saved bundle or a pasted collect_env dump instead of this machine.",
        "不看本机，而是根据保存的信息包或粘贴的 collect_env 输出来判断。",
    ),
    "FILE",
)
JUDGING = (
    Option("quick", ("--quick",), Text("Read files only; import nothing.", "只读取文件，不做导入试验。")),
    Option(
        "network",
        ("--network",),
        Text(
            "Also ask whether the index, the wheel host and GitHub can be reached.",
            "同时检查软件源、wheel 站点和 GitHub 能否连上。",
        ),
    ),
    ONLY,
    IGNORE,
    Option("strict", ("--strict",), Text("Exit 1 for warnings too.", "有警告时也以状态 1 退出。")),
    FROM,
    Option(
        "save",
        ("--save",),
        Text("Save what was found out as a bundle, without private data.", "把收集到的信息保存成文件，不含隐私数据。"),
        "FILE",
    ),
)

#: another machine, in pip's words
DESCRIBED = (
    Option(
        "python_version",
        ("--python-version",),
        Text("Of the described target; 3.13t is free-threaded.", "目标机器的 Python 版本；3.13t 表示无 GIL 版。"),
        "X.Y",
    ),
    Option(
        "platform",
        ("--platform",),
        Text(
            "Describe a target: win_amd64, linux_x86_64, linux_aarch64, linux_armv7l, macosx_arm64.",
            "描述目标平台：win_amd64、linux_x86_64、linux_aarch64、linux_armv7l、macosx_arm64。",
        ),
        "TAG",
        values=("win_amd64", "linux_x86_64", "linux_aarch64", "linux_armv7l", "macosx_arm64"),
    ),
    Option("abi", ("--abi",), Text("ABI tag, e.g. cp313t.", "ABI 标签，例如 cp313t。"), "TAG"),
    Option("glibc", ("--glibc",), Text("glibc of the described target.", "目标机器的 glibc 版本。"), "X.Y"),
)

CHECK = Command(
    "check",
    Text("Before training: what will break here, and how to fix it.", "训练之前：哪里会出错，怎么修。"),
    Text("Looks at the machine, the target Python and the project.", "检查这台机器、目标 Python 和项目。"),
    JUDGING,
    Argument("files", "[FILE]...", Text("Narrow the source scan to these files.", "只扫描这些源文件。")),
)
PI = Command(
    "pi",
    Text("The same on a Raspberry Pi, and the wheels that fit it.", "在树莓派上做同样的检查，并给出合适的 wheel。"),
    Text(
        "Board, ABI, swap and sources come first. With --platform only the wheels, for a Pi that is described.",
        "先看板子、ABI、swap 和软件源。加 --platform 时只为所描述的树莓派给出 wheel。",
    ),
    JUDGING + DESCRIBED,
    Argument(
        "requirements",
        "[REQ]...",
        Text(
            "Packages wanted, e.g. opencv-python onnxruntime==1.9.1.",
            "想装的包，例如 opencv-python onnxruntime==1.9.1。",
        ),
    ),
)
FIX = Command(
    "fix",
    Text("Print the plan that repairs the environment, or apply it.", "给出修复方案，或执行它。"),
    Text(
        "--apply carries it out and proves that it worked; if not, everything is put back.",
        "加 --apply 才会执行，执行后验证，不行就全部恢复原状。",
    ),
    (
        Option("apply", ("--apply",), Text("Carry the plan out.", "执行方案。")),
        Option(
            "source",
            ("--source",),
            Text("With --apply: also rewrite the project's source.", "与 --apply 合用：同时改写项目源码。"),
        ),
        Option(
            "system",
            ("--system",),
            Text("With --apply, as root: also run system commands.", "与 --apply 合用（需 root）：同时执行系统命令。"),
        ),
        Option("yes", ("--yes",), Text("Do not ask before each system command.", "执行系统命令前不再逐条询问。")),
        Option(
            "keep",
            ("--keep",),
            Text(
                "Keep the result even when the check afterwards is not satisfied.", "即使修复后的检查不通过也保留结果。"
            ),
        ),
        Option("undo", ("--undo",), Text("Put back what the last fix changed.", "撤销上一次修复。")),
        Option("history", ("--history",), Text("List the fixes made here.", "列出在这里做过的修复。")),
        Option("forget", ("--forget",), Text("Delete old snapshots to free their space.", "删除旧快照，释放空间。")),
        Option(
            "venv",
            ("--venv",),
            Text("Make a virtual environment here first and mend that.", "先在这里新建虚拟环境，再修复它。"),
            "DIR",
        ),
        Option(
            "installer",
            ("--installer",),
            Text("What installs the wheels.", "用什么安装 wheel。"),
            "pip|uv",
            "pip",
            values=INSTALLERS,
        ),
        ONLY,
        IGNORE,
        FROM._replace(
            help=Text(
                "Plan for a saved bundle (never with --apply).", "为保存的信息包给出方案（不能与 --apply 合用）。"
            )
        ),
    ),
)
WHEELS = Command(
    "wheels",
    Text("Which wheels fit this machine, or a described one.", "查出适合本机或所描述机器的 wheel。"),
    Text("Works offline; -v explains every build that was rejected.", "离线可用；-v 说明每个构建被排除的原因。"),
    DESCRIBED
    + (
        Option(
            "online",
            ("--online",),
            Text("Confirm that the files exist and get their sha256.", "联网确认文件存在并取得 sha256。"),
        ),
        FROM,
    ),
    Argument(
        "requirements",
        "REQ...",
        Text(
            'Packages, with versions if wanted: torch torchvision "torch>=2.3".',
            '包名，可带版本：torch torchvision "torch>=2.3"。',
        ),
        required=True,
    ),
)
EXPLAIN = Command(
    "explain",
    Text("The cause and the fix of an error text, a log, or a code.", "解释报错文本、日志或代码：原因和修复办法。"),
    Text(
        "Also reads collect_env dumps. It judges only the text, unless --here is given.",
        "也能读 collect_env 输出。除非加 --here，否则只看文本本身。",
    ),
    (Option("here", ("--here",), Text("Also use this machine's facts.", "同时参考本机的情况。")),),
    Argument(
        "what",
        "[FILE|-|CODE]",
        Text("A file, - for standard input, or a code.", "文件、-（标准输入）或代码。"),
        several=False,
        values=CODES,
    ),
)
RUN = Command(
    "run",
    Text("Quick check, then the command; explains a failure.", "先快速检查，再运行命令；失败时解释原因。"),
    Text("The command runs unchanged, and its exit status is passed on.", "命令原样运行，退出状态原样返回。"),
    (
        Option(
            "force",
            ("--force",),
            Text("Run even when the check finds errors.", "检查发现错误也照样运行。"),
        ),
    ),
    Argument("argv", "-- CMD...", Text("The command, after --.", "要运行的命令，写在 -- 之后。"), required=True),
    passes_on=True,
)
CHECKS = Command(
    "checks",
    Text("List every code with its severity and one line.", "列出所有检查代码、级别和一句说明。"),
    Text("", ""),
)

COMMANDS = (CHECK, PI, FIX, WHEELS, EXPLAIN, RUN, CHECKS)
NAMES = tuple(command.name for command in COMMANDS)


def flags_of(name: Optional[str]) -> Tuple[str, ...]:
    """Return every option of a command; for none, those that stand before one."""
    own = next((command.options for command in COMMANDS if command.name == name), ())
    return tuple(flag for option in own + SHARED for flag in option.flags if flag.startswith("--"))
