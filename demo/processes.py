"""Child processes that never outlive their owner: start, watch, stop, and find what was left behind."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MARKER = "MODELARTS_DEMO_ID"
"""Environment variable whose value all processes of one stack share."""

# Below the range that Linux hands to outgoing connections: a port found free there is still free when, some twenty
# seconds later, the API server gets round to binding it.
_PORTS = range(20_000, 32_000)


class DemoError(RuntimeError):
    """Something the user of the harness should read; the message is all that is shown."""


class ComponentDiedError(DemoError):
    """A process that should be running is not."""


def free_port() -> int:
    """Return a TCP port that nobody listens on at 127.0.0.1."""
    chooser = random.SystemRandom()
    for _ in range(200):
        port = chooser.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = f"found no free port between {_PORTS.start} and {_PORTS.stop} on 127.0.0.1"
    raise DemoError(message)


def wait_for(
    condition: Callable[[], bool], timeout: float, what: str, *, interval: float = 0.25
) -> None:
    """Poll ``condition`` until it holds; ``DemoError`` naming ``what`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            message = f"gave up waiting for {what} after {timeout:.0f} s"
            raise DemoError(message)
        time.sleep(interval)


def tail(path: Path, lines: int = 20) -> str:
    """Return the last lines of a text file, or a remark when there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return f"(no file {path})"
    return "\n".join(text.splitlines()[-lines:]) or "(empty)"


@dataclass
class Component:
    """One named process in a session of its own, writing to one log file.

    :param once: whether it is done when it ends.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    once: bool = False
    process: subprocess.Popen[bytes] | None = None
    stopped_on_purpose: bool = False
    sessions: set[int] = field(default_factory=set)

    def start(self) -> None:
        """Start the process; its log is appended to, so that a restart keeps the story."""
        self.stopped_on_purpose = False
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(  # noqa: S603 - the harness wrote this command line itself
                list(self.argv),
                env=dict(self.env),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                # Ctrl-C on the terminal must reach the harness alone, which then stops the rest in order.
                start_new_session=True,
            )
        self.sessions.add(self.process.pid)

    @property
    def alive(self) -> bool:
        """Whether the main process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def exit_status(self) -> int | None:
        """Exit status of the main process, negative for a signal; None while it runs or before it started."""
        return None if self.process is None else self.process.poll()

    def pids(self) -> list[int]:
        """All processes of this component, children and grandchildren too."""
        return processes_in_sessions(self.sessions)

    def kill(self) -> None:
        """End it like a power cut: SIGKILL to every process at once (for chaos tests)."""
        self.stopped_on_purpose = True
        while self._remaining():
            self._signal(signal.SIGKILL)
            time.sleep(0.01)
        if self.process is not None:
            self.process.wait()  # a zombie is not remaining, but not reaped either

    def restart(self) -> None:
        """Start it again after :meth:`kill` or :meth:`terminate`, ending it first where it still runs."""
        if self.pids():
            self.terminate()
        self.start()

    def ask_to_stop(self) -> None:
        """SIGTERM to the whole session, without waiting."""
        self.stopped_on_purpose = True
        self._signal(signal.SIGTERM)

    def terminate(self, patience: float = 10.0) -> None:
        """Like :meth:`ask_to_stop`, then SIGKILL to what is left after ``patience`` seconds."""
        self.ask_to_stop()
        deadline = time.monotonic() + patience
        while self._remaining() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
        # A session id may be given to a stranger once nobody is left in it.
        self.sessions.intersection_update(self.pids())

    def _remaining(self) -> list[int]:
        if self.process is not None:
            self.process.poll()  # reaps it: a zombie would count as remaining
        return self.pids()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._remaining():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def processes_in_sessions(sessions: Iterable[int]) -> list[int]:
    """Pids of the living members of these sessions, whatever group or parent they have got since."""
    wanted = frozenset(sessions)
    found = []
    for pid in all_pids() if wanted else ():
        with contextlib.suppress(OSError, ValueError):
            # The command name may hold spaces and brackets; the fields after its last bracket are fixed.
            state, _parent, _group, session = _stat_fields(pid)
            if int(session) in wanted and state not in "ZX":
                found.append(pid)
    return found


def processes_with_marker(value: str) -> list[int]:
    """Pids of the living processes (but this one) whose environment names this stack."""
    needle = f"{MARKER}={value}".encode()
    found = []
    for pid in all_pids():
        with contextlib.suppress(OSError, ValueError):
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if pid != os.getpid() and needle in environment and _stat_fields(pid)[0] not in "ZX":
                found.append(pid)
    return found


def command_lines(pids: Iterable[int]) -> dict[int, str]:
    """Command line, or title, of each process that still lives."""
    lines = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
            lines[pid] = raw.replace(b"\0", b" ").decode(errors="replace").strip()
    return lines


def all_pids() -> list[int]:
    """Pids of everything that runs here."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat_fields(pid: int) -> tuple[str, str, str, str]:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    state, parent, group, session = text.rpartition(")")[2].split()[:4]
    return state, parent, group, session
