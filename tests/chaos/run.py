"""One DAG run of the chaos tests: what its tasks do, and what the service has of them."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from demo.airflow_api import FINAL_RUN_STATES, TaskState
from demo.processes import DemoError, wait_for
from tests.chaos.dags import points

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.chaos.stack import ChaosStack

TASK: Final = "train"
RUNNING: Final = 8
COMPLETED: Final = 10
STOPPED: Final = frozenset({9, 12, 13})
LIVE: Final = frozenset({1, 2, 4, 7, 8, 15, 18, 19, 20, 23, 24, 25})

_FORGOTTEN: Final = 90.0
"""Seconds after which a training that a user has killed and that still runs counts as an orphan."""


def _is_early(point: str) -> bool:
    """Whether a point is passed while the training still runs."""
    return point.removeprefix(points.WITH_SUPERVISOR) not in points.AFTER_TRAINING


@dataclass(frozen=True)
class Training:
    """One version at the service."""

    job_id: int
    job_name: str
    version_id: int
    status: int


@dataclass
class Run:
    """A run in progress.

    :param tag: begin of the names of its jobs.
    :param base: job whose versions it makes, where it makes versions.
    :param plans: for each map index the points at which it dies.
    """

    stack: ChaosStack
    dag_id: str
    run_id: str
    tag: str
    base: int | None
    plans: list[list[str]]
    stopped_by_user: set[int] = field(default_factory=set)
    """Versions whose task a user has killed."""
    failed_by_user: set[int] = field(default_factory=set)
    """Map indexes of tasks that a user has marked failed, successful or skipped."""

    # ---- what is there

    def tasks(self) -> dict[int, TaskState]:
        """Return the mapped task instances by their index."""
        rows = self.stack.api.tasks(self.dag_id, self.run_id)
        return {row.map_index: row for row in rows if row.task_id == TASK and row.map_index >= 0}

    def trainings(self) -> list[Training]:
        """Return what the service has of this run."""
        return [
            Training(job["job_id"], job["job_name"], version["version_id"], version["status"])
            for job in self.stack.emulator("GET", "jobs")["jobs"]
            if job["job_name"].startswith(self.tag)
            for version in job["versions"][0 if self.base is None else 1 :]
        ]

    def results(self, key: str = "return_value") -> dict[int, int]:
        """Return the version that each task has handed on, by map index."""
        found = {}
        for index in range(len(self.plans)):
            value = self.stack.api.xcom(self.dag_id, self.run_id, TASK, key, index)
            # A claim that was withdrawn names no version.
            if isinstance(value, dict) and value["version_id"] is not None:
                found[index] = int(value["version_id"])
        return found

    def kills(self) -> list[str]:
        """Return the points at which tasks of this run have died."""
        stem = points.marker_name(self.run_id, TASK, 0, "").rpartition("~0~")[0]
        names = [path.name for path in self.stack.markers.iterdir()]
        return sorted(name.rpartition("~")[2] for name in names if name.startswith(f"{stem}~"))

    def final(self) -> bool:
        """Whether the run has ended."""
        return self.stack.api.run_state(self.dag_id, self.run_id) in FINAL_RUN_STATES

    # ---- what is awaited

    def wait_for_kills(self) -> None:
        """Return once every task has died as often as it can before its training ends.

        A task that took another's training for its own never reaches all of its points; the wait
        then ends when nothing has died for a while, and the books tell.
        """
        wanted = sum(_is_early(point) for plan in self.plans for point in plan)
        seen, since = -1, 0.0

        def died() -> bool:
            nonlocal seen, since
            count = sum(map(_is_early, self.kills()))
            if count != seen:
                seen, since = count, time.monotonic()
            return count >= wanted or time.monotonic() - since > _FORGOTTEN

        self._wait(died, f"{wanted} kills")

    def wait_for_states(self, *states: str, but: Collection[int] = ()) -> None:
        """Return once every task is in one of these states."""
        self._wait(
            lambda: self._count(states, but) == len(self.plans) - len(but),
            f"all tasks to be {' or '.join(states)}",
        )

    def wait_for_deferred(self) -> None:
        """Return once every task is deferred, whether or not a triggerer has its trigger."""
        self.wait_for_states("deferred")
        self._wait_for_claims()

    def wait_for_waiting(self) -> None:
        """Return once every task waits for its training, in a worker or in the triggerer."""
        if not self.dag_id.endswith("deferrable"):
            self.wait_for_states("running")
            self._wait_for_claims()
            return
        self.wait_for_deferred()
        self._wait(
            lambda: all(map(self._trigger_has_started, self.tasks().values())),
            "all triggers to be started",
        )

    def _wait_for_claims(self) -> None:
        self._wait(
            lambda: len(self.results("modelarts_version")) == len(self.plans),
            "all tasks to know their version",
        )

    def _trigger_has_started(self, task: TaskState) -> bool:
        """Whether a log says so, as Airflow's API does not tell."""
        parts = (f"dag_id={self.dag_id}", f"run_id={self.run_id}", f"task_id={TASK}")
        folder = self.stack.home.joinpath("logs", *parts, f"map_index={task.map_index}")
        logs = folder.glob(f"attempt={task.try_number}.log.trigger.*")
        if any(" starting" in log.read_text(errors="replace") for log in logs):
            return True
        # Airflow 2 says it in the log of the triggerer itself.
        words = f"trigger {self.dag_id}/{self.run_id}/{TASK}/{task.map_index}/{task.try_number} (ID"
        logs = self.stack.logs.glob("triggerer*.log")
        return any(words in log.read_text(errors="replace") for log in logs)

    def wait_for_retry(self) -> None:
        """Return once every task waits again, in a worker and in a later try."""

        def again() -> bool:
            tasks = self.tasks().values()
            return all(task.try_number > 1 and task.state == "running" for task in tasks)

        self._wait(again, "all tasks to be tried again")

    def wait_for_death(self) -> None:
        """Return once Airflow takes no task for running any more."""
        self._wait(
            lambda: all(task.state != "running" for task in self.tasks().values()),
            "all tasks to be taken for dead",
        )

    def wait_for_stops(self) -> None:
        """Return once what a user has killed ends, or is certainly forgotten; the books say which."""

        def stopped() -> bool:
            statuses = {t.version_id: t.status for t in self.trainings()}
            return all(statuses[version] in STOPPED for version in self.stopped_by_user)

        with contextlib.suppress(DemoError):
            wait_for(stopped, _FORGOTTEN, "trainings to stop")

    def finish(self) -> None:
        """Let all trainings end well, those included that are still made, and wait for the run."""

        def ended() -> bool:
            self.complete(but=self.stopped_by_user)
            return self.final()

        self.stack.wait(ended, f"run {self.run_id} of {self.dag_id} to end; {self.describe()}")

    def complete(self, but: Collection[int] = ()) -> None:
        """Let the trainings end well that run now, but not these versions."""
        for training in self.trainings():
            if training.status in LIVE and training.version_id not in but:
                self.stack.emulator(
                    "PUT",
                    f"jobs/{training.job_id}/versions/{training.version_id}",
                    {"status": COMPLETED},
                )

    def _count(self, states: Collection[str], but: Collection[int]) -> int:
        tasks = self.tasks()
        return sum(t.state in states for index, t in tasks.items() if index not in but)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        def met() -> bool:
            return condition() or self.final()

        self.stack.wait(met, f"{what} in run {self.run_id} of {self.dag_id}")

    # ---- what a user does

    def mark(self, index: int, state: str) -> None:
        """Mark one task."""
        self.stack.api.mark(self.dag_id, self.run_id, TASK, index, state)

    def end_by_user(self, *indexes: int, state: str = "failed") -> None:
        """Mark tasks, and return once their trainings have been stopped."""
        versions = self.results("modelarts_version")
        self.stopped_by_user.update(versions[index] for index in indexes)
        self.failed_by_user.update(indexes)
        for index in indexes:
            self.mark(index, state)
        self.wait_for_stops()

    def clear(self, *indexes: int) -> None:
        """Clear tasks, as the button does."""
        self.stack.api.clear(self.dag_id, self.run_id, TASK, indexes)

    def describe(self) -> str:
        """Return tasks and trainings in one line, for messages."""
        tasks = {i: f"{t.state}/{t.try_number}" for i, t in sorted(self.tasks().items())}
        return f"tasks {tasks}; trainings {self.trainings()}; results {self.results()}"
