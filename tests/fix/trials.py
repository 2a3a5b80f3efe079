"""Fixes cut short by kill -9, at every checkpoint and at random moments, then undone: nothing may be lost.

    python tests/fix/trials.py --count 500

Every trial copies the same broken environment, kills one doctor with SIGKILL (sometimes together with the installer it
started, sometimes the undoing of an earlier trial too), runs the next one, and compares every file by path, mode and
sha256 with the state before or with the verified state after.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import toy  # noqa: E402


class Lab:
    """One index, one broken environment, and what a fix of it takes."""

    def __init__(self, folder, server, index, python=sys.executable):
        self.folder = str(folder)
        self.simple = server.simple
        self.template = toy.make_env(os.path.join(self.folder, "template"), index, python, with_pip=True)
        self.before = toy.manifest(self.template)
        self.number = 0
        self._fixed = None
        downloads = os.path.join(self.folder, "cache", "torch-doctor", "wheels")
        shutil.copytree(os.path.join(index.folder, "simple"), downloads)

    def copy(self):
        """Return a fresh copy of the environment."""
        self.number += 1
        env = os.path.join(self.folder, "env-%d" % self.number)
        shutil.copytree(self.template, env, symlinks=True)
        return env

    def start(self, what, env, *options):
        environ = dict(os.environ, XDG_CACHE_HOME=os.path.join(self.folder, "cache"), XDG_STATE_HOME=self.folder)
        command = [sys.executable, toy.__file__, what, env, self.simple, "--files", *options]
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "universal_newlines": True}
        return subprocess.Popen(command, env=environ, start_new_session=True, **quiet)

    def run(self, what, env, *options):
        process = self.start(what, env, *options)
        said, errors = process.communicate()
        return process.returncode, said, errors

    def checkpoints(self, what, env):
        """Return the names of the checkpoints that this passes."""
        _, said, errors = self.run(what, env, "--count")
        assert said, errors
        return json.loads(said)["checkpoints"]

    def settled(self, env):
        """Undo until there is nothing more to undo; return what differs from before and how the last one ended."""
        for _ in range(20):
            status, said, errors = self.run("undo", env)
            if status == 0 and json.loads(said)["result"] == "nothing-to-do":
                return toy.difference(self.before, toy.manifest(env)), ""
            if status not in (0, 3):
                return {"undo": (status, errors[-2000:])}, errors
            if status == 3:
                time.sleep(0.3)  # the installer of a killed doctor still holds the lock
        return {"undo": (status, said)}, errors

    def lost_at(self, number):
        """Kill a fix at a checkpoint; return what its undoing does not bring back, and whether it was killed."""
        env = self.copy()
        status, _, _ = self.run("apply", env, "--kill-at", str(number))
        lost, _ = self.settled(env)
        shutil.rmtree(env)
        return lost, status == -signal.SIGKILL

    def fixed(self):
        """Return a well-fixed environment; always at the same place, because a journal belongs to one."""
        env = os.path.join(self.folder, "fixed")
        if self._fixed is None:
            shutil.copytree(self.template, env, symlinks=True)
            status, _, errors = self.run("apply", env)
            assert status == 0, errors
            self._fixed = env + "-kept"
            os.rename(env, self._fixed)
        shutil.rmtree(env, ignore_errors=True)
        subprocess.run(["cp", "-a", self._fixed, env], check=True)  # keeps the hard links of the snapshot
        return env

    def lost_in_undo_at(self, number):
        """Kill the undoing of a good fix at a checkpoint; return what the next one does not bring back."""
        env = self.fixed()
        status, _, _ = self.run("undo", env, "--kill-at", str(number))
        lost, _ = self.settled(env)
        return lost, status == -signal.SIGKILL

    def lost_at_random(self, chance, longest_s):
        """Kill a fix, and perhaps its undoing, at random moments; return what is not brought back, and a label."""
        env = self.copy()
        label = self._kill("apply", env, chance, longest_s)
        if label == "finished":
            after = toy.facts_of(env)
            assert not toy.judge(after), "a fix that ended well left findings"
        while chance.random() < 0.3:
            label += ", undo " + self._kill("undo", env, chance, 0.4)
        lost, _ = self.settled(env)
        shutil.rmtree(env)
        return lost, label

    def _kill(self, what, env, chance, longest_s):
        process = self.start(what, env)
        whole_group = chance.random() < 0.5
        try:
            process.communicate(timeout=chance.uniform(0, longest_s))
            return "finished" if process.returncode == 0 else "exit %d" % process.returncode
        except subprocess.TimeoutExpired:
            children = descendants(process.pid) if whole_group else []
            process.kill()
            for child in children:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.communicate()
            return "killed with its children" if whole_group else "killed"


def descendants(pid):
    """Return the processes that a process started (Linux)."""
    found = []
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            for child in file.read().split():
                found += [int(child), *descendants(int(child))]
    except OSError:
        pass
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=500, help="trials in all; every checkpoint is always tried once")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    counts, failures, began = Counter(), [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        index = toy.make_index(os.path.join(folder, "index"))
        with index.serve() as server:
            toy.point_pip_at(server.simple)
            lab = Lab(folder, server, index)
            env = lab.copy()
            started = time.monotonic()
            fixing = lab.checkpoints("apply", env)
            longest_s = time.monotonic() - started
            shutil.rmtree(env)
            undoing = lab.checkpoints("undo", lab.fixed())
            plan = [("fix", n) for n in range(1, len(fixing) + 1)] + [("undo", n) for n in range(1, len(undoing) + 1)]
            plan += [("random", n) for n in range(max(0, options.count - len(plan)))]
            for kind, number in plan:
                if kind == "random":
                    lost, label = lab.lost_at_random(chance, longest_s)
                else:
                    lost, killed = (lab.lost_at if kind == "fix" else lab.lost_in_undo_at)(number)
                    label = "%s: killed at a checkpoint" % kind if killed else "%s: not killed" % kind
                counts[label] += 1
                if lost:
                    failures.append((kind, number, label, lost))
                    print("LOST", kind, number, label, lost, flush=True)
    print("%d trials in %.0f s, seed %d, Python %s" % (sum(counts.values()), time.monotonic() - began, options.seed,
                                                      sys.version.split()[0]))  # fmt: skip
    for label, count in sorted(counts.items()):
        print("%5d  %s" % (count, label))
    print("%d trials in which a file differed" % len(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
