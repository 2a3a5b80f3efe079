"""The program's entry: starts the probes' children before the heavy imports, then hands over to the command line."""

import gc
import sys
from typing import List, Optional


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
        if name in ("--help", "--from", "--only", "--undo", "--history", "--forget", "--venv"):
            return
        if name == "--python":
            python = value or (arguments[number + 1] if number + 1 < len(arguments) else None)
    from .probes.collect import Wanted, start_early

    try:
        start_early(Wanted(python=python, quick="--quick" in arguments))
    except Exception:  # the session meets the same trouble again and reports it in its own words
        return


def main() -> None:
    """Run the doctor on ``sys.argv`` and exit with its status."""
    arguments = sys.argv[1:]
    gc.disable()  # a short run ends before its garbage matters; collecting costs a start a twentieth
    try:
        _start_probes(arguments)
        from .cli import run

        status = run(arguments)
    except KeyboardInterrupt:
        status = 130
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has gone (`doctor check | head`): nothing is left to say
        sys.stderr.close()
    gc.freeze()  # or the interpreter's last collection walks everything once more: a tenth of a run
    sys.exit(status)


if __name__ == "__main__":
    main()
