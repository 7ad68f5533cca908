"""Starts the measured processes and the stand-in, each with an environment of nothing but its own."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from benchmarks.clients import connections
from benchmarks.peers import REPO
from demo.processes import free_port, tail, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ANSWER_TIME: Final = 0.05
"""Seconds that the stand-in takes for each answer."""


class ChildError(RuntimeError):
    """A measured process failed; the message has its last words."""


class Child:
    """A module of ours running under some interpreter; ended with the ``with``.

    :param python: the interpreter.
    :param arguments: the module of ``benchmarks`` and, after the file for its notes, its arguments.
    :param variables: added to its environment.
    """

    def __init__(
        self, python: Path, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> None:
        self._python, self._arguments = python, arguments
        self._variables = dict(variables or {})

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._notes, self._log = folder / "notes", folder / "log"
        module, *arguments = self._arguments
        with self._log.open("wb") as sink:
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                [str(self._python), "-m", f"benchmarks.{module}", str(self._notes), *arguments],
                cwd=REPO,
                env=_environment(folder) | self._variables,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._folder.cleanup()

    def notes(self) -> dict[str, Any]:
        """Return what it has noted so far."""
        if not self._notes.exists():
            return {}
        found: dict[str, Any] = json.loads(self._notes.read_text(encoding="utf-8"))
        return found

    def check(self) -> None:
        """Raise if it has failed."""
        if self.process.poll():
            words = " ".join(tail(self._log, 3).split())
            message = f"{' '.join(self._arguments)} failed: {words[-300:]}"
            raise ChildError(message)

    def result(self, limit: float) -> dict[str, Any]:
        """Wait for its end and return its notes.

        :raises subprocess.TimeoutExpired: it takes more seconds than that.
        """
        self.process.wait(limit)
        self.check()
        return self.notes()


def _environment(home: Path) -> dict[str, str]:
    """Return the caller's environment without any Airflow setting, and with a home to throw away."""
    # Compiled modules are kept, as they are where Airflow really runs.
    unwanted = ("AIRFLOW_", "PYTHONDONTWRITEBYTECODE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    env |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "AIRFLOW_HOME": str(home)}
    # What each provider writes about every look is not counted.
    return env | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}


class Standin:
    """The stand-in of all services, in a process of its own."""

    def __enter__(self) -> Self:
        self.port = free_port()
        module = [sys.executable, "-m", "benchmarks.standin"]
        options: Sequence[str] = ("--port", str(self.port), "--answer-time", str(ANSWER_TIME))
        self._process = subprocess.Popen([*module, *options], cwd=REPO)  # noqa: S603 - our own module
        wait_for(self._answers, 30, "the stand-in to start")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which every provider finds it."""
        return connections(self.port)

    def call(self, what: str, **told: Any) -> dict[str, Any]:
        """Tell or ask it something."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", f"/control/{what}", json.dumps(told))
            answer: dict[str, Any] = json.load(connection.getresponse())
        finally:
            connection.close()
        return answer

    def requests(self) -> int:
        """Return how many requests it has had since it was last reset."""
        return sum(self.call("state")["requests"].values())

    def _answers(self) -> bool:
        try:
            self.call("state")
        except OSError:
            return False
        return True


def pause(seconds: float, child: Child) -> None:
    """Let a measured process run for so long."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        child.check()
        time.sleep(min(0.5, left))
