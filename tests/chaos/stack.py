"""A real Airflow beside the emulator, with handles on everything that can be broken."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from demo.generation import installed_version
from demo.processes import Component, command_lines, wait_for
from demo.stack import Stack
from tests.chaos.dags import points
from tests.chaos.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tests.chaos.postgres import Postgres

DAGS = Path(__file__).parent / "dags"
GENEROUS = 600.0
"""Seconds after which something hangs; nothing is timed by it."""

RUNS_UNTIL_TOLD = {"mode": "time", "sequence": [[8, 0]]}
"""Versions run until a test ends them, so that no case depends on how fast this machine is."""

_WORKERS = ("airflow worker", "airflow task")
"""How the titles of such processes begin."""

_RUNS_A_TASK = re.compile(r"airflow (worker -- [0-9a-f]{8}-|task runner)")
"""Titles of processes while they run a task."""

# Should the emulator, just restarted, take a request before it is told the above: a training that ends by itself.
_BOOT_FILE = "import time\ntime.sleep(5)\n"

_SETTINGS = {
    # Death is noticed in seconds instead of minutes.
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
    "TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "12",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "300",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
}
_SETTINGS_AIRFLOW2 = {
    "SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "30",
    "SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "3",
    "SCHEDULER__JOB_HEARTBEAT_SEC": "2",
    "SCHEDULER__DAG_DIR_LIST_INTERVAL": "300",
    "SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "300",
}
"""The same by the names of Airflow 2."""


class ChaosStack(Stack):
    """A throw-away Airflow whose tasks and components are killed.

    :param folder: where everything is written.
    :param postgres: the database, if not SQLite.
    :param parallelism: how many tasks run at a time; one that waits in a worker counts.
    :param progress: called with one line for each step of the start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        postgres: Postgres | None = None,
        parallelism: int = 16,
        progress: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self.markers = folder / "markers"
        self.markers.mkdir(parents=True)
        settings = {**_SETTINGS, "CORE__PARALLELISM": str(parallelism)}
        if installed_version() < (3, 0):
            settings |= _SETTINGS_AIRFLOW2
        extra = {f"AIRFLOW__{name}": value for name, value in settings.items()}
        database = postgres.environment() if postgres else {}
        super().__init__(
            folder,
            dags_folder=DAGS,
            extra_env={**extra, **database, points.FOLDER: str(self.markers)},
            progress=progress,
        )
        # The database is made before the extra settings are added.
        self._base_env = {**self._base_env, **database}
        self._postgres = postgres
        self._http = requests.Session()
        self._http.trust_env = False

    def start(self) -> None:
        """Start everything, and have trainings run until they are told to end."""
        code = self.storage / "bucket" / "code"
        code.mkdir(parents=True)
        (code / "train.py").write_text(_BOOT_FILE, encoding="utf-8")
        super().start()
        self.emulator("PUT", "transitions", RUNS_UNTIL_TOLD)
        for dag_id in ("jobs_sync", "twins_created"):  # the first and the last of one file
            self.wait_for_dag(dag_id)

    # ---- the service

    def emulator(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call a control path of the emulator and return its JSON."""
        url = f"{self.emulator_url}/_emulator/{path}"
        headers = self.emulator_headers
        answer = self._http.request(method, url, json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def requests(self, operation: str) -> int:
        """Return how many requests of this kind have come."""
        return int(self.emulator("GET", f"requests?operation={operation}&limit=1")["total"])

    def spoil(self, operation: str, kind: str, **details: Any) -> None:
        """Order a fault."""
        self.emulator("POST", "faults", {"operation": operation, "kind": kind, **details})

    def restart_emulator(self) -> None:
        """Start the emulator again after a kill; its state file has kept the jobs."""
        self.components["emulator"].restart()
        self._wait(self._emulator_answers, GENEROUS, "the emulator to come back")
        self.emulator("PUT", "transitions", RUNS_UNTIL_TOLD)

    def _emulator_answers(self) -> bool:
        try:
            self.emulator("GET", "health")
        except requests.RequestException:
            return False
        return True

    # ---- runs

    def launch(
        self,
        dag_id: str,
        count: int,
        kills: Sequence[Sequence[str]] = (),
        *,
        beside: Run | None = None,
    ) -> Run:
        """Start a run with so many trainings, of which the first die at these points.

        :param beside: a run that makes versions of the same job.
        """
        tag = f"{dag_id.replace('_', '-')}-{uuid.uuid4().hex[:8]}"
        base: int | None = None
        if beside is not None and beside.base is not None:
            tag, base = beside.tag, beside.base
            items = [str(base)] * count
        elif not dag_id.startswith("jobs"):
            made = self.emulator("POST", "jobs", {"count": 1, "prefix": tag})["jobs"][0]
            base = int(made["job_id"])
            items = [str(base)] * count
        else:
            items = [f"{tag}-{index}" for index in range(count)]
        plans = [list(kills[index]) if index < len(kills) else [] for index in range(count)]
        run_id = self.api.trigger(dag_id, {"items": items, "kills": plans})
        return Run(self, dag_id, run_id, tag, base, plans)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until this holds; a component that died by itself ends the wait."""
        self._wait(condition, GENEROUS, what)

    # ---- processes

    def kill(self, name: str) -> None:
        """End a component like a power cut, and wait until nothing is left of it."""
        component = self.components[name]
        component.kill()
        if component.process is not None:
            component.process.wait()

    def kill_alone(self, name: str) -> None:
        """End the main process of a component; its children live on."""
        component = self.components[name]
        assert component.process is not None
        component.stopped_on_purpose = True
        component.process.kill()
        component.process.wait()

    def replace(self, name: str) -> None:
        """Start a component again beside what is left of it, and wait until it counts as healthy."""
        known = len(self.jobs(name))
        self.components[name].start()
        self.wait(lambda: len(self.jobs(name)) > known, f"another {name} to start")

    def second(self, name: str) -> Component:
        """Start another instance of a component and return it once it counts as healthy."""
        first = self.components[name]
        other = Component(
            f"{name}-2", first.argv, first.env, first.cwd, self.logs / f"{name}-2.log"
        )
        self.components[other.name] = other
        known = len(self.jobs(name))
        other.start()
        self.wait(lambda: len(self.jobs(name)) > known, f"a second {name} to start")
        return other

    def drop(self, component: Component) -> None:
        """End an additional component for good."""
        component.terminate()
        self.components.pop(component.name, None)

    def revive(self, name: str) -> None:
        """Start a component again and wait until all is healthy."""
        self.components[name].restart()
        self.wait(self._healthy, f"{name} to come back")

    def jobs(self, name: str) -> dict[int, datetime]:
        """Return all instances of this component that Airflow has ever seen: id and last heartbeat."""
        kind = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob"}[name]
        rows = self.select("SELECT id, latest_heartbeat FROM job WHERE job_type = %s", kind)
        return dict(rows)

    def select(self, query: str, *arguments: object) -> list[Any]:
        """Look into Airflow's database for what its API does not tell."""
        assert self._postgres is not None, "only on PostgreSQL"
        return self._postgres.rows(query, *arguments)

    def workers(self) -> list[int]:
        """Return the processes that run tasks, and those that supervise them."""
        lines = command_lines(self.components["scheduler"].pids())
        return [pid for pid, line in lines.items() if line.startswith(_WORKERS)]

    def tasks_in_workers(self) -> list[int]:
        """Return the processes that run a task at this moment."""
        lines = command_lines(self.components["scheduler"].pids())
        return [pid for pid, line in lines.items() if _RUNS_A_TASK.search(line)]

    def freeze_scheduler(self) -> list[int]:
        """Freeze the main process of the scheduler, and return it.

        Not in the middle of a transaction, whose locks would keep others from its tasks.
        """
        process = self.components["scheduler"].process
        assert process is not None
        locked = (
            "SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'"
            " AND state_change < now() - interval '0.3 seconds'"
        )

        def between() -> bool:
            freeze([process.pid])
            time.sleep(0.5)
            if not self.select(locked):
                return True
            thaw([process.pid])
            return False

        self.wait(between, "the scheduler to be between two transactions")
        return [process.pid]

    def is_dead(self, job: int) -> bool:
        """Whether Airflow takes an instance of a component for dead."""
        return bool(self.select("SELECT id FROM job WHERE id = %s AND state = 'failed'", job))

    def mend(self) -> None:
        """Bring everything back to how it was started, whatever a case has left."""
        for name in [name for name in self.components if name.endswith("-2")]:
            self.drop(self.components[name])
        for name, component in self.components.items():
            if not component.once and not component.alive:
                if name == "emulator":
                    self.restart_emulator()
                else:
                    self.revive(name)
        self.emulator("DELETE", "faults")


def freeze(pids: Sequence[int]) -> None:
    """Stop these processes as a starved machine would."""
    _signal(pids, signal.SIGSTOP)


def thaw(pids: Sequence[int]) -> None:
    """Let these processes go on."""
    _signal(pids, signal.SIGCONT)


def end(pids: Sequence[int]) -> None:
    """End these processes like a power cut."""
    _signal(pids, signal.SIGKILL)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


__all__ = ["ChaosStack", "end", "freeze", "thaw", "wait_for"]
