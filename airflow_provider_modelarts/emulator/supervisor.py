"""Watches over the processes of one version; runs detached from the emulator, as a program of its own.

It is started by path and uses the standard library only. It outlives an emulator that is killed: the
exit codes go to a file in the run folder, where the next emulator finds them.

Run folder: ``spec.json`` (what to run, by the emulator), ``supervisor.json`` (who runs it, made once),
``result.json`` (how it ended).
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

SPEC, CLAIM, RESULT = "spec.json", "supervisor.json", "result.json"


def process_start(pid: int) -> str | None:
    """Return what tells a process from a later one of the same id; None when it is gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return _process_start_elsewhere(pid) if not Path("/proc/self/stat").exists() else None
    except (ProcessLookupError, PermissionError):
        return None
    # The command in brackets may hold blanks and brackets itself.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def _process_start_elsewhere(pid: int) -> str | None:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    return None if not shown or shown.startswith("Z") else shown.split(None, 1)[1]


def write_once(path: Path, content: dict[str, Any]) -> bool:
    """Write a file that readers see whole; False when it exists already."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content), encoding="utf-8")
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


class Supervisor:
    """Starts the workers of one version, ends them together, and writes down how it went."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec: dict[str, Any] = json.loads((folder / SPEC).read_text(encoding="utf-8"))
        self.workers: list[subprocess.Popen[bytes]] = []
        self.codes: dict[int, int] = {}
        self.stopped = False
        self.kill_at: float | None = None
        self._signals, wakeup = os.pipe()
        for end in (self._signals, wakeup):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)

    def run(self) -> None:
        """Run to the end."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_stop)
        # A terminal's Ctrl-C is for the emulator.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        claim = {"pid": os.getpid(), "start": process_start(os.getpid())}
        if not write_once(self.folder / CLAIM, claim):
            return
        started, error = time.time(), None
        try:
            for index in range(len(self.spec["workers"])):
                self._start(index)
        except (OSError, ValueError) as problem:
            error = str(problem)
            self._end_all()
        self._wait()
        result = {
            "codes": [self.codes.get(index) for index in range(len(self.workers))],
            "stopped": self.stopped,
            "error": error,
            "started": started,
            "ended": time.time(),
        }
        write_once(self.folder / RESULT, result)

    def _start(self, index: int) -> None:
        worker = self.spec["workers"][index]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        log = os.open(worker["log"], flags, 0o644)
        try:
            # One process group for all workers and what they start; the first worker leads it.
            group = self.workers[0].pid if self.workers else 0
            process = subprocess.Popen(  # noqa: S603 - running the user's code is the purpose
                worker["command"],
                cwd=self.spec["cwd"],
                env=self.spec["env"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=group,
            )
        finally:
            os.close(log)
        self.workers.append(process)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # Too late when every worker ended by itself: then their exit codes count.
        if not self.workers or len(self.codes) < len(self.workers):
            self.stopped = True

    def _wait(self) -> None:
        while True:
            self._collect()
            if len(self.codes) == len(self.workers):
                # Helpers the workers left behind end with them.
                self._signal_group(signal.SIGKILL)
                return
            if self.kill_at is None and (self.stopped or any(self.codes.values())):
                self._end_all()
            timeout = None if self.kill_at is None else max(0.0, self.kill_at - time.monotonic())
            if timeout == 0.0:
                self._signal_group(signal.SIGKILL)
                timeout = 0.2
            select.select([self._signals], [], [], timeout)
            self._drain()

    def _drain(self) -> None:
        try:
            while os.read(self._signals, 512):
                pass
        except BlockingIOError:
            return

    def _collect(self) -> None:
        for index, worker in enumerate(self.workers):
            # The leader keeps its id, and thereby the group, until all have been started.
            if index not in self.codes and (code := worker.poll()) is not None:
                self.codes[index] = code

    def _end_all(self) -> None:
        self._signal_group(signal.SIGTERM)
        self.kill_at = time.monotonic() + self.spec["grace"]

    def _signal_group(self, number: signal.Signals) -> None:
        if not self.workers:
            return
        try:
            os.killpg(self.workers[0].pid, number)
        except ProcessLookupError:
            return


if __name__ == "__main__":
    Supervisor(Path(sys.argv[1])).run()
