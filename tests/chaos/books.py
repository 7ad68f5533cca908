"""The books: after every case the trainings at the service must equal the tasks that succeeded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.run import COMPLETED, LIVE, STOPPED

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.chaos.run import Run


@dataclass
class Row:
    """One line of the table: what a case has broken, and what was there afterwards.

    :param case: what was done.
    :param database: Airflow's.
    :param killed: how many processes or components were killed, stopped or frozen, or tasks by a user.
    :param spoilt: how many requests were spoilt on the way.
    :param tasks: trainings that were asked for.
    :param expected: those that must be at the service.
    :param found: those that are.
    :param doubled: trainings beyond one for each task.
    :param lost: tasks that did not succeed or whose training is missing or another's.
    :param stopped: healthy trainings that were stopped.
    :param running: trainings that went on after their task.
    """

    case: str
    database: str
    killed: int = 0
    spoilt: int = 0
    tasks: int = 0
    expected: int = 0
    found: int = 0
    doubled: int = 0
    lost: int = 0
    stopped: int = 0
    running: int = 0
    points: Counter[str] = field(default_factory=Counter)
    remark: str = ""
    """Why the books of this case do not balance."""

    @property
    def balanced(self) -> bool:
        """Whether the books balance."""
        wrong = (self.doubled, self.lost, self.stopped, self.running)
        return self.expected == self.found and not any(wrong)

    def add(self, *runs: Run) -> None:
        """Enter finished runs; what they have made in common counts once."""
        trainings = {t.version_id: t for run in runs for t in run.trainings()}
        results: list[int] = []  # of the tasks that have succeeded
        for run in runs:
            states = {index: task.state for index, task in run.tasks().items()}
            others = set(range(len(run.plans))) - run.failed_by_user
            self.tasks += len(run.plans)
            self.lost += sum(states.get(index) != "success" for index in others)
            results += [v for i, v in run.results().items() if states.get(i) == "success"]
            kills = run.kills()
            self.killed += len(kills)
            self.points.update(kills)
        owned = set(results)
        by_user = set().union(*(run.stopped_by_user for run in runs))
        self.expected += len(results) + len(by_user - owned)
        self.found += len(trainings)
        self.doubled += len(trainings.keys() - owned - by_user)
        self.lost += sum(version not in trainings for version in results)
        self.lost += len(results) - len(owned)
        for version_id, training in trainings.items():
            if version_id in by_user:
                self.running += training.status in LIVE or training.status == COMPLETED
            else:
                self.stopped += training.status in STOPPED
                self.running += training.status in LIVE


def balance(row: Row, runs: Collection[Run], limit: str = "") -> Row:
    """Enter these runs.

    :param limit: why the books need not balance.
    :raises AssertionError: with all details where the books do not balance although they must.
    """
    row.add(*runs)
    if not row.balanced and limit:
        row.remark = limit
    elif not row.balanced:
        details = "\n".join(f"{run.dag_id} {run.run_id}: {run.describe()}" for run in runs)
        message = f"the books do not balance: {row}\n{details}"
        raise AssertionError(message)
    return row
