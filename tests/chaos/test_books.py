"""The books themselves: what is wrong must show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from demo.airflow_api import TaskState
from tests.chaos.books import Row, balance
from tests.chaos.run import Training


@dataclass
class FakeRun:
    """A finished run of two tasks."""

    states: tuple[str, str] = ("success", "success")
    owned: tuple[int, int] = (1, 2)
    statuses: dict[int, int] = field(default_factory=lambda: {1: 10, 2: 10})
    stopped_by_user: set[int] = field(default_factory=set)
    failed_by_user: set[int] = field(default_factory=set)
    dag_id = run_id = tag = "fake"
    plans: tuple[list[str], ...] = ([], [])

    def trainings(self) -> list[Training]:
        """Return its versions."""
        return [Training(1, "job", version, status) for version, status in self.statuses.items()]

    def tasks(self) -> dict[int, TaskState]:
        """Return its task instances."""
        return {i: TaskState("train", state, 1, i) for i, state in enumerate(self.states)}

    def results(self) -> dict[int, int]:
        """Return what its tasks have handed on."""
        return dict(enumerate(self.owned))

    def kills(self) -> list[str]:
        """Nothing was killed."""
        return []

    def describe(self) -> str:
        """Describe it."""
        return "two tasks"


def entered(**changes: Any) -> Row:
    """Return the row of one such run."""
    row = Row("case", "none")
    row.add(FakeRun(**changes))  # type: ignore[arg-type]
    return row


def test_one_training_for_each_task_balances() -> None:
    assert entered().balanced


@pytest.mark.parametrize(
    ("column", "changes"),
    [
        ("doubled", {"statuses": {1: 10, 2: 10, 3: 10}}),
        ("lost", {"statuses": {1: 10}}),
        ("lost", {"owned": (1, 1)}),
        ("lost", {"states": ("success", "failed")}),
        ("stopped", {"statuses": {1: 10, 2: 12}}),
        ("running", {"statuses": {1: 10, 2: 8}}),
    ],
)
def test_what_is_wrong_shows(column: str, changes: dict[str, Any]) -> None:
    row = entered(**changes)

    assert getattr(row, column) == 1
    assert not row.balanced


def test_training_of_a_task_that_a_user_has_failed_must_end() -> None:
    by_user = {"states": ("success", "failed"), "stopped_by_user": {2}, "failed_by_user": {1}}

    assert entered(statuses={1: 10, 2: 12}, **by_user).balanced
    assert entered(statuses={1: 10, 2: 8}, **by_user).running == 1


def test_imbalance_is_told_with_details() -> None:
    with pytest.raises(AssertionError, match="two tasks"):
        balance(Row("case", "none"), [FakeRun(owned=(1, 1))])  # type: ignore[list-item]


def test_known_limit_is_entered_with_its_reason() -> None:
    row = balance(Row("case", "none"), [FakeRun(owned=(1, 1))], limit="why")  # type: ignore[list-item]

    assert (row.lost, row.doubled, row.remark) == (1, 1, "why")


def test_versions_that_two_runs_have_made_of_one_job_count_once() -> None:
    made = dict.fromkeys((1, 2, 3, 4), 10)
    runs = [FakeRun(owned=owned, statuses=made) for owned in ((1, 2), (3, 4))]

    row = balance(Row("case", "none"), runs)  # type: ignore[arg-type]

    assert (row.expected, row.found) == (4, 4)
