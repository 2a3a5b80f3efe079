"""The renderers' own words, in both languages."""

from ..text import Text

SEVERITY = {
    "error": Text("error", "错误"),
    "warning": Text("warning", "警告"),
    "note": Text("note", "提示"),
}
WHY = Text("why", "原因")
SEEN = Text("seen", "依据")
FIX = Text("fix", "修复")
PROJECT = Text("project", "项目")
TARGET = Text("target", "目标")
THIS_ONE = Text("the Python that runs doctor", "运行 doctor 的 Python")

HEALTHY = Text("Nothing wrong was found.", "没有发现问题。")
ONLY_NOTES = Text("Nothing needs fixing.", "没有需要修复的问题。")
COUNTS = Text("{checks} checks", "共 {checks} 项检查")
ONE_CHECK = Text("1 check", "共 1 项检查")
SKIPPED = Text("{count} skipped, as something is not known (-v lists them)", "{count} 项因缺少信息而跳过（-v 可列出）")
SKIPPED_HEADING = Text("Skipped", "已跳过")
THROUGH = Text("through {proxy}", "经 {proxy}")
FETCHES = Text(
    "At its start the repository fetches {name} from {url}; put by hand at {place}, nothing is fetched.",
    "仓库启动时会下载 {name}（{url}）；手动放到 {place} 就不再下载。",
)
FETCHED = Text("{name}, which the repository fetches, is there: {place}", "仓库要下载的 {name} 已经有了：{place}")
CUT = Text("the project is too large to be read in full (-v)", "项目太大，没有全部读完（-v 可查看）")
UNREAD_HEADING = Text("Not read in the project", "项目中没有读取的部分")
CRASHED_HEADING = Text("These checks failed themselves; please report it", "以下检查自身出错，请反馈给我们")
SUMMARY = Text(
    "Errors: {errors}, warnings: {warnings}, notes: {notes}.", "错误 {errors} 个，警告 {warnings} 个，提示 {notes} 个。"
)
IGNORED = Text("ignored: {codes}", "已忽略：{codes}")
NEXT_APPLY = Text("Next: {command}", "下一步：{command}")
UNDO_IT = Text("(it can be undone: doctor fix --undo)", "（可以撤销：doctor fix --undo）")
NOTHING_TO_DO = Text("Nothing to do.", "没有需要做的事。")
STEP_RUNS = {
    "pip": Text("safe: only this environment changes, and it can be undone", "安全：只改动这个环境，可以撤销"),
    "source": Text("only with --apply --source; can be undone", "加 --apply --source 才执行，可以撤销"),
    "system": Text("only with --apply --system, as root", "以 root 身份加 --apply --system 才执行"),
    "manual": Text("by hand", "手动"),
}
SIZES = Text("{download} to download, {disk} on the disk", "需下载 {download}，占用磁盘 {disk}")
DOWNLOAD = Text("{download} to download; the space on the disk is not known", "需下载 {download}；占用磁盘大小未知")
SHA_UNKNOWN = Text("sha256 not known in advance", "事先不知道 sha256")
RESULT = {
    "nothing-to-do": Text("Nothing to do.", "没有需要做的事。"),
    "planned": Text(
        "Nothing was changed. Carry it out with: doctor fix --apply", "尚未改动任何东西。执行方案：doctor fix --apply"
    ),
    "applied": Text("Done and verified.", "已完成并通过验证。"),
    "rolled-back": Text("It did not work; everything was put back.", "没有成功；一切已恢复原状。"),
    "refused": Text("Nothing was changed.", "没有改动任何东西。"),
    "undone": Text("The last fix was undone.", "已撤销上一次修复。"),
}
WHEELS = Text("Wheels that fit", "合适的 wheel")
UNFIT_WHEELS = Text(
    "Wheels that do not fit here, or are not known to; why stands below", "不适合或不能确定适合本机的 wheel，原因见下"
)
NO_WHEELS = Text("No set of wheels fits.", "没有合适的 wheel 组合。")
CANNOT_TELL = Text("Which wheels fit cannot be told.", "无法判断哪些 wheel 合适。")
RULE = Text("chosen by", "选择依据")
ALTERNATIVES = Text("Otherwise", "其他选择")
REJECTED = Text("Rejected", "被排除的构建")
INDEX = Text("package index", "软件源")
PAST = {
    "applied": Text("applied", "已应用"),
    "rolled-back": Text("did not work and was put back", "未成功，已恢复原状"),
    "undone": Text("undone later", "后来已撤销"),
    "interrupted": Text("interrupted", "被中断"),
}
UNDOABLE = Text("can be undone; its snapshot takes {size}", "可以撤销；快照占用 {size}")
FREED = Text("Snapshots deleted; {size} are free again.", "已删除快照，释放 {size}。")
NOTHING_FREED = Text("There is no old snapshot here.", "这里没有旧快照。")
NO_HISTORY = Text("No fix was made in {prefix}.", "在 {prefix} 没有做过修复。")
