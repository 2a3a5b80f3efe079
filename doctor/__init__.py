"""Says why PyTorch, torchvision, numpy or a Raspberry Pi set-up will break, and repairs it safely.

Importing this package costs almost nothing; everything else is imported when it is used.
"""

from .version import __version__

__all__ = ["__version__", "require"]


def require(project=None):
    """Stop the program here when something at error level would break it.

    Meant for the first lines of a training script: it looks at the Python that runs the script and at the project (a
    folder; by default the current one), reading files only. Raises SystemExit(1) after printing the findings on stderr.
    When the doctor itself cannot work, it says so in one line and lets the program go on.
    """
    import sys

    try:
        from .session import guard

        findings = guard(project)
    except Exception as error:
        print("doctor.require(): %s" % error, file=sys.stderr)
        return
    if findings:
        from .text import choose_language

        lang = choose_language()
        for finding in findings:
            print("✗ %s  %s" % (finding.title.render(lang, finding.params), finding.code), file=sys.stderr)
            print("  %s" % finding.cause.render(lang, finding.params), file=sys.stderr)
        more = "显示修复方案" if lang == "zh" else "shows the repair"
        print("doctor fix --python %s   (%s)" % (sys.executable, more), file=sys.stderr)
        raise SystemExit(1)
