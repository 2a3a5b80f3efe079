"""Collects the facts: children first, files while they run; each probe has a time limit, none can stop the rest."""

import os
import threading
import time
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

from .. import facts as f
from ..model import DoctorError
from ..text import Text
from . import python as target_python

#: Longest that one file probe may take; a dead network mount answers never.
FILE_PROBE_S = 5.0

SILENT = Text("--project {path} does not answer.", "--project {path} 没有响应。")


class Wanted(NamedTuple):
    """What is to be collected."""

    python: Optional[str] = None
    project: Optional[str] = None
    quick: bool = False
    network: bool = False
    mirror: Optional[str] = None
    files: Tuple[str, ...] = ()
    #: sections that somebody will read; None = all
    sections: Optional[FrozenSet[type]] = None
    #: modules asked for beside the usual ones, looked for in other interpreters
    modules: Tuple[str, ...] = ()


class Collector:
    """The probes of one run."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.timings: Dict[str, float] = {}
        #: folder that stands for / in file probes: a recorded tree, in tests
        self.root = os.environ.get("DOCTOR_ROOT", "/")
        self._sections: Dict[type, Any] = {}
        self.choice = target_python.choose_python(wanted.python)
        self._asked = target_python.start(self.choice)
        self._trials: Any = self._start("trials", f.Trials) if not wanted.quick else None
        self._gpu: Any = self._start("gpu", f.Nvidia)

    def _wants(self, *sections: type) -> bool:
        return self.wanted.sections is None or any(section in self.wanted.sections for section in sections)

    def _start(self, name: str, section: type) -> Any:
        if not self._wants(section):
            return None
        if name == "trials":
            from . import trials

            return trials.start(self.choice.executable)
        from . import gpu

        return gpu.start(root=self.root)

    def finish(self) -> f.Facts:
        """Return all facts.

        Raises DoctorError (exit 3) when the target Python does not work; nothing else is allowed to stop the run.
        """
        try:
            return self._finish()
        except BaseException:  # also Ctrl-C
            self.kill()
            raise

    def _finish(self) -> f.Facts:
        began = time.monotonic()
        self._machine()
        python = target_python.finish(self._asked)
        self._sections[f.Python] = python
        self._note("python", began)
        self._environment(python)
        if self._wants(f.Nvidia):
            self._guard("nvidia", self._finish_gpu, f.Nvidia)
        if self._wants(f.Trials):
            if self._trials is None:
                self._sections[f.Trials] = f.Unknown("not tried with --quick")
            else:
                self._guard("trials", self._finish_trials, f.Trials)
        return f.Facts(self._sections)

    def kill(self) -> None:
        """Stop the children of a collection that nobody will read, and take their files away."""
        for asked in (self._asked, self._trials, self._gpu):
            if asked is not None:
                asked.kill()

    # ------------------------------------------------------------ the machine

    def _machine(self) -> None:
        from . import apt, board, host, memory, swap, toolkit

        root = self.root
        self._file("host", lambda: host.probe_host(root), f.Host)
        self._file("cpu", lambda: host.probe_cpu(root), f.Cpu)
        self._file("clock", lambda: host.probe_clock(root), f.Clock)
        self._file("limits", host.probe_limits, f.Limits)
        self._file("environ", host.probe_environ, f.Environ)
        self._file("memory", lambda: memory.probe_memory(root), f.Memory)
        self._file("swap", lambda: swap.probe_swap(root), f.Swap)
        self._file("board", lambda: board.probe_board(root), f.Board)
        self._file("apt", lambda: apt.probe_apt(root), f.Apt)
        self._file("toolkit", lambda: toolkit.probe_toolkit(root), f.Toolkit)

    def _environment(self, python: f.Python) -> None:
        from . import builds, fingerprint, interpreters, native, pipconfig, storage, whereabouts

        folders = _in_search_order(python)
        wanted = self.wanted
        self._file("distributions", lambda: target_python.probe_distributions(folders), f.Distributions)
        self._files("builds", lambda: builds.probe_builds(folders), (f.Torch, f.Torchvision, f.Torchaudio))
        self._file("fingerprint", lambda: fingerprint.probe_fingerprint(folders), f.Fingerprint)
        self._file("pip", lambda: pipconfig.probe_pip(python, root=self.root), f.PipConfig)
        here = os.getcwd()
        try:
            root = _within(FILE_PROBE_S, lambda: whereabouts.find_project(wanted.project, here, python, wanted.files))
        except TimeoutError:
            if wanted.project:
                raise DoctorError(SILENT, None, 2, path=wanted.project)
            root = here  # everything about it will say the same: no answer
        places = (root or here, python.prefix)
        self._file("storage", lambda: storage.probe_storage(*places, root=self.root), f.Storage)
        self._file("project", lambda: _project(root, python, wanted), f.Project)
        self._file("native", lambda: native.probe_native(folders, quick=wanted.quick), f.NativeModules)
        repository = self._sections.get(f.Project)
        modules = wanted.modules + tuple(repository.imports if isinstance(repository, f.Project) else ())
        self._file(
            "interpreters", lambda: interpreters.probe_interpreters(python, modules, self.root, root), f.Interpreters
        )
        if wanted.network:
            from . import network

            self._file("network", lambda: network.probe_network(f.Facts(self._sections), wanted.mirror), f.Network)
        else:
            self._sections[f.Network] = f.Unknown("asked only with --network")

    def _finish_gpu(self) -> Any:
        from . import gpu

        return gpu.finish(self._gpu)

    def _finish_trials(self) -> Any:
        from . import trials

        return trials.finish(self._trials)

    # ------------------------------------------------------------ one probe at a time

    def _note(self, name: str, began: float) -> None:
        self.timings[name] = round(time.monotonic() - began, 4)

    def _guard(self, name: str, probe: Callable[[], Any], section: type) -> None:
        began = time.monotonic()
        try:
            self._sections[section] = probe()
        except Exception as error:  # a probe must not stop the run; what went wrong becomes the reason
            self._sections[section] = f.Unknown("the probe failed: %s: %s" % (type(error).__name__, error))
        self._note(name, began)

    def _file(self, name: str, probe: Callable[[], Any], section: type) -> None:
        self._files(name, lambda: (probe(),), (section,))

    def _files(self, name: str, probe: Callable[[], Tuple[Any, ...]], sections: Tuple[type, ...]) -> None:
        """Run a file probe in a thread of its own; one that does not answer in time leaves its sections unknown."""
        if not self._wants(*sections):
            return
        began = time.monotonic()
        try:
            values = _within(FILE_PROBE_S, probe)
        except TimeoutError:
            values = tuple(f.Unknown("no answer within %d s" % FILE_PROBE_S) for _ in sections)
        except Exception as error:  # a probe must not stop the run; what went wrong becomes the reason
            values = tuple(f.Unknown("the probe failed: %s: %s" % (type(error).__name__, error)) for _ in sections)
        self._note(name, began)
        for section, value in zip(sections, values):
            self._sections[section] = value


def _in_search_order(python: f.Python) -> Tuple[str, ...]:
    """Return the folders with packages as the target looks through them: PYTHONPATH and the user's own come first."""
    places = {path: number for number, path in reversed(list(enumerate(python.sys_path)))}
    return tuple(sorted(python.site_packages, key=lambda path: places.get(path, len(places))))


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns, or raise what it raises; raises TimeoutError when it takes longer.

    It goes on in a thread that nobody waits for: what reads from a dead network mount cannot be stopped.
    """
    done: List[Any] = []
    failed: List[Exception] = []

    def body() -> None:
        try:
            done.append(work())
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError
    return done[0]


def _project(root: Optional[str], python: f.Python, wanted: Wanted) -> Any:
    if root is None:
        return None
    from .project import probe_project

    return probe_project(root, python, wanted)


_early: Optional[Collector] = None


def start_early(wanted: Wanted) -> None:
    """Start the children before anything else is imported; ``begin`` takes them over when it wants the same."""
    global _early
    _early = Collector(wanted)


def abandon() -> None:
    """Stop what was started early and was not taken over."""
    global _early
    early, _early = _early, None
    if early is not None:
        early.kill()


def begin(wanted: Wanted) -> Collector:
    """Return a collector whose children are under way."""
    global _early
    early, _early = _early, None
    if early is not None:
        same = early.wanted._replace(files=(), modules=(), mirror=None, network=False, project=None)
        if same == wanted._replace(files=(), modules=(), mirror=None, network=False, project=None):
            early.wanted = wanted
            return early
        early.kill()
    return Collector(wanted)
