"""The program's entry: starts the probes' children before the heavy imports, then hands over to the command line."""

import os
import sys


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


if __name__ == "__main__" and sys.path[:1] == [_here()]:
    # ``python -m`` looks into the current folder first: a random.py there must be found, not imported
    del sys.path[0]

import gc  # noqa: E402
from typing import List, Optional  # noqa: E402


def _start_probes(arguments: List[str]) -> None:
    """Start the children that ``check``, ``pi`` and ``fix`` will want, while typer is still to be imported.

    This only saves time: the session starts for itself whatever is not under way, or is not what it wants.
    """
    if not arguments or arguments[0] not in ("check", "pi", "fix"):
        return
    if "--" in arguments:
        arguments = arguments[: arguments.index("--")]
    python: Optional[str] = None
    for number, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name in ("--help", "--from", "--only", "--undo", "--history", "--forget", "--venv", "--platform"):
            return
        if name == "--python":
            python = value or (arguments[number + 1] if number + 1 < len(arguments) else None)
    from .probes.collect import Wanted, start_early

    try:
        start_early(Wanted(python=python, quick="--quick" in arguments))
    except Exception:  # the session meets the same trouble again and reports it in its own words
        return


def _open_streams() -> None:
    """Give the program the streams that it was started without (``doctor check >&-``)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))


def main() -> None:
    """Run the doctor on ``sys.argv`` and exit with its status."""
    arguments = sys.argv[1:]
    _open_streams()
    if sys.warnoptions:  # PYTHONWARNINGS=error is meant for the user's own program, not for the libraries of this one
        import warnings

        warnings.simplefilter("ignore")
    gc.disable()  # a short run ends before its garbage matters; collecting costs a start a twentieth
    status = 0
    try:
        _start_probes(arguments)
        from .cli import run

        status = run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = 130
    except OSError as error:
        # What is left in the buffer must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):  # `doctor check | head`: the reader has gone, and wants no more
            sys.stderr.write("doctor: standard output: %s\n" % (error.strerror or error))
            status = 3
    collect = sys.modules.get("doctor.probes.collect")
    if collect is not None:
        collect.abandon()
    gc.freeze()  # or the interpreter's last collection walks everything once more: a tenth of a run
    sys.exit(status)


if __name__ == "__main__":
    main()
