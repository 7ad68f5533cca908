"""Emulator and Airflow as one context manager: up and healthy inside the ``with``, without a trace after it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from demo.airflow_api import NotReachableError, send_json
from demo.generation import installed
from demo.metadata import MetadataDb
from demo.processes import (
    Component,
    ComponentDiedError,
    DemoError,
    all_pids,
    command_lines,
    free_port,
    processes_in_sessions,
    processes_with_marker,
    tail,
    wait_for,
)
from demo.settings import USER, Credentials, airflow_environment, base_environment, connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

EXAMPLE_DAGS = Path(__file__).resolve().parent.parent / "example_dags"

# Generous: a loaded two-core machine needs minutes for what takes an idle one half a minute.
_START_TIMEOUT = 300.0


class Stack:
    """A throw-away Airflow beside a ModelArts emulator, all of it below one folder.

    :param folder: where everything is written: database, logs, the emulator's buckets. Made when missing; must not
        hold an earlier stack.
    :param dags_folder: what the DAG processor reads; the repository's example DAGs by default.
    :param extra_env: added to the environment of Airflow's processes, last.
    :param emulator_args: added to the command line of the emulator.
    :param progress: called with one line for each step of the start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        dags_folder: Path = EXAMPLE_DAGS,
        extra_env: Mapping[str, str] | None = None,
        emulator_args: Sequence[str] = (),
        progress: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.id = uuid.uuid4().hex
        self.folder = folder.resolve()
        self.home = self.folder / "airflow"
        self.storage = self.folder / "obs"
        self.logs = self.folder / "logs"
        self.dags_folder = dags_folder.resolve()
        self.credentials = Credentials()
        self.emulator_url = ""
        self.emulator_connection: dict[str, Any] = {}
        self.generation = installed()
        self.components: dict[str, Component] = {}
        self.database = MetadataDb(self.home / "airflow.db", self.generation.in_titles)
        self._progress = progress
        self._extra_env = dict(extra_env or {})
        self._emulator_args = tuple(emulator_args)
        self._base_env = base_environment(self.id)
        self._port = free_port()
        url = f"http://127.0.0.1:{self._port}"
        self.api = self.generation.api(url, USER, self.credentials.password)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            # An exception in __enter__ skips __exit__; Ctrl-C during the slow start is the likeliest one.
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # Starting

    def start(self) -> None:
        """Start everything and return once all of it is healthy."""
        for folder in (self.home, self.storage, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        # The emulator's log shows its keys, and who has them runs code as this user.
        self.folder.chmod(0o700)
        commands = self.generation.prepare(self.home, self.credentials)
        self._progress("starting the ModelArts emulator and making Airflow's database")
        self._start_emulator()
        settings = self.generation.settings(self.home, self._port, self.credentials)
        env = {
            **self._base_env,
            **airflow_environment(self.home, self.dags_folder, self.credentials, settings),
        }
        migration = self._add("db-migrate", ["-m", "airflow", "db", "migrate"], env, once=True)
        self._wait_for_emulator()
        self._wait_for_end(migration)
        for command in commands:
            name = "-".join(command[:2])
            self._wait_for_end(self._add(name, ["-m", "airflow", *command], env, once=True))
        env["AIRFLOW_CONN_MODELARTS_DEFAULT"] = connection(self.emulator_connection, self.storage)
        env.update(self._extra_env)
        self._progress("starting " + ", ".join(self.generation.components))
        for name in self.generation.components:
            # Both would open a log server on all interfaces; the web server reads the files itself.
            options = ["--skip-serve-logs"] if name in {"scheduler", "triggerer"} else []
            self._add(name, ["-m", "airflow", name, *options], env)
        self._wait(self._healthy, _START_TIMEOUT, "Airflow to become healthy")
        self._progress(f"Airflow is healthy at {self.api.url}")

    def wait_for_dag(self, dag_id: str, timeout: float = _START_TIMEOUT) -> None:
        """Return once Airflow knows this DAG; a DAG file that cannot be imported ends the wait at once."""
        self._wait(lambda: self._dag_is_there(dag_id), timeout, f"DAG {dag_id!r} to be parsed")

    def emulator_call(self, path: str) -> Any:
        """GET a path of the emulator, such as ``/_emulator/jobs``, and return its JSON."""
        return send_json("GET", self.emulator_url + path, headers=self.emulator_headers)

    @property
    def emulator_headers(self) -> dict[str, str]:
        """What its control calls need."""
        return {"X-Emulator-Token": self.emulator_connection["extra"]["emulator_token"]}

    def airflow_pids(self) -> list[int]:
        """Pids of all processes of Airflow, those that run tasks included."""
        return processes_in_sessions(
            session
            for name in self.generation.components
            if name in self.components
            for session in self.components[name].sessions
        )

    def check(self) -> None:
        """Raise ``ComponentDiedError`` with the end of its log when a process ended that nobody stopped."""
        for component in self.components.values():
            if component.once or component.alive or component.stopped_on_purpose:
                continue
            message = (
                f"{component.name} ended by itself with status {component.exit_status}; "
                f"the end of its log {component.log}:\n{tail(component.log, 30)}"
            )
            raise ComponentDiedError(message)

    def _add(
        self, name: str, arguments: Sequence[str], env: Mapping[str, str], *, once: bool = False
    ) -> Component:
        argv = [sys.executable, *arguments]
        component = Component(name, argv, env, self.home, self.logs / f"{name}.log", once=once)
        self.components[name] = component
        component.start()
        return component

    def _start_emulator(self) -> None:
        ready = self.folder / "emulator.json"
        arguments = {
            "--port": str(free_port()),
            "--storage": str(self.storage),
            "--state": str(self.folder / "emulator.db"),
            "--ready-file": str(ready),
        }
        flat = [part for pair in arguments.items() for part in pair]
        module = ["-m", "airflow_provider_modelarts.emulator"]
        self._add(
            "emulator",
            [*module, *flat, "--stop-jobs-on-exit", *self._emulator_args],
            self._base_env,
        )

    def _wait_for_emulator(self) -> None:
        ready = self.folder / "emulator.json"
        self._wait(ready.exists, 60, "the emulator to start")
        told = json.loads(ready.read_text(encoding="utf-8"))
        self.emulator_url, self.emulator_connection = str(told["url"]), told["connection"]

    def _wait_for_end(self, command: Component) -> None:
        self._wait(lambda: not command.alive, _START_TIMEOUT, f"{command.name} to end")
        if command.exit_status != 0:
            message = (
                f"{command.name} failed; the end of its log {command.log}:\n{tail(command.log, 30)}"
            )
            raise DemoError(message)

    def _wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        def checked() -> bool:
            self.check()
            return condition()

        wait_for(checked, timeout, what)

    def _healthy(self) -> bool:
        try:
            health = self.api.health()
        except NotReachableError:
            return False
        behind = set(self.generation.components) - {self.generation.web}
        return all(health.get(name.replace("-", "_")) == "healthy" for name in behind)

    def _dag_is_there(self, dag_id: str) -> bool:
        if self.api.has_dag(dag_id):
            return True
        if errors := self.api.import_errors():
            listing = "\n".join(f"{file}:\n{trace}" for file, trace in errors.items())
            message = f"Airflow cannot import a DAG file:\n{listing}"
            raise DemoError(message)
        return False

    # Stopping

    def stop(self) -> None:
        """End every process, last started first; a second Ctrl-C does not leave half of them behind."""
        with _uninterrupted():
            for component in reversed(self.components.values()):
                # Asked all at once, waited for one by one: the emulator last, so that no task sees it vanish.
                if component.name != "emulator":
                    component.ask_to_stop()
            for component in reversed(self.components.values()):
                # The emulator gives its trainings five seconds to end; a triggerer takes that long for nothing.
                component.terminate(patience=20 if component.name == "emulator" else 3)
            self._sweep()

    def leftovers(self) -> list[int]:
        """Pids that belong to this stack and still live; empty after :meth:`stop`.

        Trainings have a session of their own and none of our environment; their command lines name our folder.
        """
        sessions = {
            session for component in self.components.values() for session in component.sessions
        }
        ours = f"{self.folder}/"
        trainings = {
            pid
            for pid, line in command_lines(all_pids()).items()
            if line.startswith(sys.executable) and ours in line
        }
        return sorted(
            {*processes_in_sessions(sessions), *processes_with_marker(self.id), *trainings}
            - {os.getpid()}
        )

    def _sweep(self) -> None:
        """End what left its session, such as a training whose emulator was killed."""
        deadline = time.monotonic() + 10
        while (pids := self.leftovers()) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)


class _uninterrupted:  # noqa: N801 - reads as a word in the with statement
    """Ignores the polite signals for a while; does nothing outside the main thread, which alone may set handlers."""

    _signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __enter__(self) -> None:
        self._previous: dict[signal.Signals, Any] = {}
        with contextlib.suppress(ValueError):
            for number in self._signals:
                self._previous[number] = signal.signal(number, signal.SIG_IGN)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
