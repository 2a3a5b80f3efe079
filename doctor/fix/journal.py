"""The write-ahead record of a fix: one JSON object a line, on disk before the next thing happens."""

import json
import os
import shutil
import time
from typing import Any, Dict, List, Optional

from ..model import DoctorError
from ..text import Text
from .state import ACTIVE, settle, trust

SCHEMA = 1
#: room kept for the journal itself, so that a fix that fills the disk can still be taken back
RESERVE, RESERVE_BYTES = "reserve", 1 << 17


def checkpoint(name: str) -> None:
    """Mark a place where a crash must be survivable; tests put one here."""


class Journal:
    """One fix: its folder ``<state>/fixes/<id>`` with ``journal.jsonl``, the snapshot and the installer's logs."""

    def __init__(self, state: str, id: str) -> None:
        self.state = state
        self.id = id
        self.folder = os.path.join(state, "fixes", id)
        self.path = os.path.join(self.folder, "journal.jsonl")

    @classmethod
    def begin(cls, state: str, **data: Any) -> "Journal":
        """Open a new journal and mark it as under way."""
        fixes = os.path.join(state, "fixes")
        if not os.path.isdir(fixes):
            os.mkdir(fixes, 0o700)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        number = 0
        while True:
            journal = cls(state, stamp + ("-%d" % number if number else ""))
            try:
                os.mkdir(journal.folder, 0o700)
                break
            except FileExistsError:
                number += 1
        settle(fixes)
        try:
            write_atomically(os.path.join(journal.folder, RESERVE), b"\0" * RESERVE_BYTES)
            journal.write("begin", schema=SCHEMA, **data)
            journal.mark_active()
        except BaseException:  # Ctrl-C as well
            journal.mark_finished()
            shutil.rmtree(journal.folder, ignore_errors=True)  # it has done nothing yet
            raise
        return journal

    def write(self, event: str, **data: Any) -> None:
        """Append one record; it is on disk when this returns."""
        checkpoint("before " + event)
        data.update(event=event, time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        line = json.dumps(data, ensure_ascii=True, sort_keys=True) + "\n"
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(self.path, flags, 0o600)
        try:
            if os.fstat(handle).st_size:
                os.lseek(handle, -1, os.SEEK_END)
                if os.read(handle, 1) != b"\n":
                    line = "\n" + line  # a crash cut the last record off
            os.write(handle, line.encode("ascii"))
            os.fsync(handle)
        finally:
            os.close(handle)
        checkpoint("after " + event)

    def read(self) -> List[Dict[str, Any]]:
        """Return the records; a line that a crash cut off is left out: what it announces never began.

        Raises DoctorError when the journal is not owned by the current user or root, or holds something else.
        """
        for path, directory in ((self.state, True), (self.folder, True), (self.path, False)):
            try:
                trust(path, directory)
            except OSError as error:
                raise DoctorError(UNREADABLE, path=self.path, detail=error.strerror or str(error))
        records: List[Dict[str, Any]] = []
        try:
            with open(self.path, encoding="ascii", errors="replace") as file:
                lines = file.readlines()
        except OSError as error:
            raise DoctorError(UNREADABLE, path=self.path, detail=error.strerror or str(error))
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if not isinstance(record, dict):
                raise DoctorError(UNREADABLE, path=self.path, detail="not a record")
            records.append(record)
        return records

    def find(self, event: str) -> Optional[Dict[str, Any]]:
        """Return the last record of this event, or None."""
        return next((record for record in reversed(self.read()) if record.get("event") == event), None)

    def mark_active(self) -> None:
        """Make this the fix that is under way."""
        write_atomically(os.path.join(self.state, ACTIVE), (self.id + "\n").encode("ascii"))

    def use_reserve(self) -> None:
        """Give the journal room to write on a full disk."""
        try:
            os.unlink(os.path.join(self.folder, RESERVE))
        except FileNotFoundError:
            pass

    def mark_finished(self) -> None:
        """No fix is under way any more."""
        checkpoint("before finished")
        try:
            os.unlink(os.path.join(self.state, ACTIVE))
        except FileNotFoundError:
            pass
        settle(self.state)
        checkpoint("after finished")


def all_journals(state: str) -> List[Journal]:
    """Return the journals in a state folder, oldest first."""
    try:
        names = sorted(os.listdir(os.path.join(state, "fixes")))
    except OSError:
        return []
    journals = [Journal(state, name) for name in names]
    return [journal for journal in journals if os.path.lexists(journal.path)]


def write_atomically(path: str, data: bytes, mode: int = 0o600) -> None:
    """Put a new file in place of ``path``: readers see the old one or the new one, never a part."""
    temporary = "%s.%d.new" % (path, os.getpid())
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(handle)
    os.replace(temporary, path)
    settle(os.path.dirname(path))


UNREADABLE = Text("The journal {path} cannot be read: {detail}.", "无法读取修复日志 {path}：{detail}。")
