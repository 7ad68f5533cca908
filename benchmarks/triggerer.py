"""(e) A real triggerer with a thousand deferred tasks, on PostgreSQL."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import requests

from benchmarks.measure import raise_file_limit
from benchmarks.peers import REPO
from demo.processes import wait_for
from demo.stack import Stack
from tests.chaos.postgres import Postgres, binaries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DAG_ID: Final = "many_waits"
BLOCKED: Final = re.compile(r"async thread was blocked for ([\d.]+) seconds")
"""What Airflow's triggerer logs when its loop stood still for 0.2 seconds."""

_RUNS_UNTIL_TOLD: Final = {"mode": "time", "sequence": [[8, 0]]}
_LIMIT: Final = 900.0


def missing() -> str:
    """Return what is not here that this benchmark needs; empty: nothing."""
    if binaries() is None:
        return "not run: there is no PostgreSQL server here (Debian: apt-get install postgresql)"
    if not all(importlib.util.find_spec(name) for name in ("psycopg2", "asyncpg")):
        return "not run: extra bench is not installed (`make bench` installs it)"
    return ""


def measure(*, quick: bool) -> dict[str, Any]:
    """Return the figures, or what is missing."""
    if words := missing():
        return {"missing": words}
    raise_file_limit()
    count, interval, resumed = (100, 5.0, 4) if quick else (1000, 10.0, 20)
    with contextlib.ExitStack() as rooms:
        folder = rooms.enter_context(tempfile.TemporaryDirectory(prefix="bench-airflow-"))
        postgres = rooms.enter_context(Postgres())
        stack = rooms.enter_context(_Stack(Path(folder), postgres.environment(), count))
        return _measured(stack, count, interval, resumed)


def _measured(stack: _Stack, count: int, interval: float, resumed: int) -> dict[str, Any]:
    stack.wait_for_dag(DAG_ID)
    idle = stack.busy(10)
    versions = stack.emulator("POST", "jobs", {"count": count, "status": 8})["jobs"]
    airflow = _loaded(stack, "airflow", versions, interval)
    stack.begin_anew()
    ours = _loaded(stack, "ours", versions, interval)

    for version in versions:
        path = f"jobs/{version['job_id']}/versions/{version['version_id']}"
        stack.emulator("PUT", path, {"status": 10})
    ended = time.monotonic()
    stack.until(lambda: stack.tasks("state = 'deferred'") == 0, "all triggers to fire")
    fired_seconds = time.monotonic() - ended

    stack.sql(f"UPDATE task_instance SET state = 'success' WHERE map_index >= {resumed}")  # noqa: S608
    stack.api.call("PATCH", f"/dags/{DAG_ID}", {"is_paused": False})
    unpaused = time.monotonic()
    stack.until(lambda: stack.tasks("state != 'success'") == 0, "tasks to be resumed")
    return {
        "count": count,
        "interval": interval,
        "idle": idle,
        "airflow": airflow,
        "ours": ours,
        "fired_seconds": fired_seconds,
        "resumed": resumed,
        "resumed_seconds": time.monotonic() - unpaused,
    }


def _loaded(
    stack: _Stack, whose: str, versions: list[dict[str, int]], interval: float
) -> dict[str, Any]:
    """Start a trigger for each version, Airflow's own or ours, and watch the triggerer for five intervals."""
    body: dict[str, Any] = {"logical_date": None, "conf": {}}
    run_id = stack.api.call("POST", f"/dags/{DAG_ID}/dagRuns", body)["dag_run_id"]
    known, noted = stack.triggers_started(), len(stack.blocked())
    cpu = stack.cpu()
    began = stack.defer(run_id, whose, interval, versions)
    stack.until(lambda: stack.triggers_started() == known + len(versions), "triggers to be started")
    start = {"start_seconds": time.monotonic() - began, "start_cpu": stack.cpu() - cpu}
    blocked_start = stack.blocked()[noted:]

    stack.emulator("DELETE", "requests")
    busy = stack.busy(5 * interval)
    return start | {
        "busy": busy,
        "requests": stack.emulator("GET", "requests")["total"] / 5,
        "memory": stack.memory(),
        "blocked_start": blocked_start,
        "blocked_waiting": stack.blocked()[noted + len(blocked_start) :],
    }


class _Stack(Stack):
    """A throw-away Airflow on PostgreSQL beside the emulator.

    :param folder: where everything is written.
    :param database: settings of the database.
    :param count: over how many trainings the DAG's task is mapped.
    """

    def __init__(self, folder: Path, database: Mapping[str, str], count: int) -> None:
        super().__init__(folder, dags_folder=Path(__file__).parent / "dags")
        settings = {**database, "BENCH_WAITS": str(count), "PYTHONPATH": str(REPO)}
        self._base_env = {**self._base_env, **settings}
        self._address = database["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
        self._http = requests.Session()
        self._http.trust_env = False

    def start(self) -> None:
        """Start everything; trainings run until they are told to end."""
        super().start()
        self.emulator("PUT", "transitions", _RUNS_UNTIL_TOLD)

    def emulator(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call a control path of the emulator and return its JSON."""
        url = f"{self.emulator_url}/_emulator/{path}"
        headers = self.emulator_headers
        answer = self._http.request(method, url, json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def defer(
        self, run_id: str, whose: str, interval: float, versions: list[dict[str, int]]
    ) -> float:
        """Make every task of the run wait for one of these versions; return when (monotonic)."""
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.deferring", DAG_ID, run_id, whose, str(interval)],
            input=json.dumps(versions),
            text=True,
            check=True,
            env=dict(self.components["triggerer"].env),
            cwd=REPO,
            stdout=subprocess.PIPE,
        )
        return float(done.stdout.split()[-1])

    def begin_anew(self) -> None:
        """End all tasks and start the triggerer again."""
        self.sql("UPDATE task_instance SET state = 'success'")
        triggerers = "SELECT count(*) FROM job WHERE job_type = 'TriggererJob'"
        known = self.sql(triggerers)
        self.components["triggerer"].restart()
        self.until(lambda: self.sql(triggerers) > known, "the triggerer to start again")
        self.until(lambda: self.sql("SELECT count(*) FROM trigger") == 0, "old triggers to go")

    def sql(self, statement: str) -> int:
        """Run a statement and return the number in its first row, or of the rows it changed."""
        import psycopg2

        with contextlib.closing(psycopg2.connect(self._address)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return int(cursor.fetchone()[0] if cursor.description else cursor.rowcount)

    def tasks(self, condition: str) -> int:
        """Return how many task instances there are of which this holds."""
        return self.sql(f"SELECT count(*) FROM task_instance WHERE {condition}")  # noqa: S608

    def triggers_started(self) -> int:
        """Return how many triggers have a log of their own, which begins when they do."""
        return sum(1 for _ in (self.home / "logs").rglob("*.log.trigger.*"))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for this."""
        wait_for(condition, _LIMIT, what)

    # ---- the triggerer's processes

    def _triggerer(self) -> list[psutil.Process]:
        return [psutil.Process(pid) for pid in self.components["triggerer"].pids()]

    def cpu(self) -> float:
        """Return the seconds of CPU that the triggerer has used, supervisor and runner together."""
        times = [process.cpu_times() for process in self._triggerer()]
        return sum(float(time.user + time.system) for time in times)

    def busy(self, seconds: float) -> float:
        """Return the part of one core that the triggerer uses in the next seconds."""
        began, cpu = time.monotonic(), self.cpu()
        time.sleep(seconds)
        return (self.cpu() - cpu) / (time.monotonic() - began)

    def memory(self) -> int:
        """Return the bytes in memory of all its processes."""
        return sum(int(process.memory_info().rss) for process in self._triggerer())

    def blocked(self) -> list[float]:
        """Return for how many seconds its loop stood still, as far as it has noticed."""
        log = self.components["triggerer"].log.read_text(encoding="utf-8", errors="replace")
        return [float(seconds) for seconds in BLOCKED.findall(log)]
