"""Starts, finds, stops and kills the processes of one run; knows nothing of jobs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import supervisor
from airflow_provider_modelarts.emulator.launch import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long a supervisor may take to show up before it counts as lost.
CLAIM_TIMEOUT = 10.0


@dataclass
class Run:
    """One version's processes, this emulator's or an earlier one's.

    :param child: process id of the supervisor when this very process started it.
    """

    folder: Path
    child: int | None = None
    child_gone: bool = False
    signalled: bool = False

    def __post_init__(self) -> None:
        self._since = time.monotonic()

    def start(self, spec: dict[str, Any]) -> None:
        """Start a supervisor in a session of its own, so that it outlives this process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / "spec.draft"
        draft.write_text(json.dumps(spec), encoding="utf-8")
        draft.replace(self.folder / supervisor.SPEC)
        # -I and -S: neither this process' settings nor installed packages have a say.
        command = [
            sys.executable,
            "-I",
            "-S",
            str(Path(supervisor.__file__).resolve()),
            str(self.folder),
        ]
        with (
            (self.folder / "supervisor.log").open("ab") as log,
            Path(os.devnull).open("rb") as nothing,
        ):
            files = [
                (os.POSIX_SPAWN_DUP2, nothing.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
            ]
            # posix_spawn and not Popen: nobody waits for the child when the emulator ends before it.
            self.child = os.posix_spawn(
                command[0], command, environment(), file_actions=files, setsid=True, setsigmask=[]
            )
        self._since = time.monotonic()

    @property
    def claimed(self) -> bool:
        """Return whether a supervisor took this run up, ever."""
        return (self.folder / supervisor.CLAIM).exists()

    def result(self) -> dict[str, Any] | None:
        """Return how the run ended, or None while it has not."""
        return _read(self.folder / supervisor.RESULT)

    def alive(self) -> bool:
        """Return whether the supervisor is there, or may still show up."""
        self.collected()
        claim = _read(self.folder / supervisor.CLAIM)
        if claim is None:
            young = time.monotonic() - self._since < CLAIM_TIMEOUT
            return young and not self.child_gone
        return bool(supervisor.process_start(int(claim["pid"])) == claim["start"])

    def collected(self) -> bool:
        """Return whether no zombie of ours is left; collects one."""
        if self.child is not None and not self.child_gone:
            self._reap()
        return self.child is None or self.child_gone

    def _reap(self) -> None:
        assert self.child is not None  # noqa: S101 - the caller checked
        try:
            self.child_gone = os.waitpid(self.child, os.WNOHANG)[0] == self.child
        except ChildProcessError:
            self.child_gone = True

    def stop(self) -> None:
        """Ask for an orderly end: SIGTERM to the workers, SIGKILL after the grace period."""
        claim = _read(self.folder / supervisor.CLAIM)
        if claim is not None and supervisor.process_start(int(claim["pid"])) == claim["start"]:
            _signal(int(claim["pid"]), signal.SIGTERM)
            self.signalled = True

    def kill(self) -> None:
        """Kill everything of this run at once: the supervisor first, then all that is in its session."""
        claim = _read(self.folder / supervisor.CLAIM)
        leader = self.child if claim is None else int(claim["pid"])
        if leader is None:
            return
        ours = claim is None or supervisor.process_start(leader) in {claim["start"], None}
        if ours and not (claim is None and self.child_gone):
            # Another process under the same id would have another start, and no session of this id can
            # arise while members of ours are left.
            for _ in range(3):
                for pid in {leader, *_session(leader)}:
                    _signal(pid, signal.SIGKILL)
        if self.child is not None and not self.child_gone:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.child, 0)
            self.child_gone = True

    def remove(self) -> None:
        """Delete the run folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _session(leader: int) -> Iterator[int]:
    """Yield the processes of a session (Linux; elsewhere only the leader is known)."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        fields = text[text.rindex(")") + 2 :].split()
        if fields[3] == str(leader) and fields[0] not in {"Z", "X"}:
            yield int(entry.parent.name)
