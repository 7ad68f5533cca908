"""The process of a task dies at every point that matters, once or again and again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.dags.points import CREATION, DEFERRAL, END, RESUME, WITH_SUPERVISOR

if TYPE_CHECKING:
    from tests.chaos.stack import ChaosStack

pytestmark = pytest.mark.chaos

RETRIED = pytest.mark.not_on(
    "3.0.",
    "the process of a task killed alone",
    "Airflow 3.0 fails a task whose process was killed for good, whatever its retries",
)
DAGS = pytest.mark.parametrize(
    "dag_id",
    [f"{kind}_{wait}" for kind in ("jobs", "versions", "twins") for wait in ("sync", "deferrable")],
)


def all_points(dag_id: str) -> tuple[str, ...]:
    """Return the points that a task of this DAG passes."""
    return CREATION + (DEFERRAL + RESUME if dag_id.endswith("deferrable") else END)


def gauntlet(dag_id: str, index: int) -> list[str]:
    """Return all points at which one task can die in a row.

    Once the request is out, a retry adopts what it has made and reads no other answer; once the
    training has ended, a retry neither defers nor resumes.
    """
    request = ("request sent", "answer read")[index % 2]
    last = (RESUME if dag_id.endswith("deferrable") else END)[index % 2]
    either = {*RESUME, *END, "request sent", "answer read"} - {request, last}
    return [point for point in all_points(dag_id) if point not in either]


@RETRIED
@DAGS
def test_every_task_dies_once(stack: ChaosStack, books: Any, dag_id: str) -> None:
    """Each of the mapped tasks dies at a point of its own."""
    kills = [[point] for point in all_points(dag_id)]
    run = stack.launch(dag_id, len(kills), kills)
    run.wait_for_kills()
    run.wait_for_waiting()
    run.finish()

    row = books(f"{dag_id}: each task killed once, at its own point", run)
    assert sorted(row.points) == sorted(all_points(dag_id))


@RETRIED
@DAGS
def test_tasks_die_again_and_again(stack: ChaosStack, books: Any, dag_id: str) -> None:
    """Each task dies at all points, try after try.

    Of twins, one that died before its request may take what the lost request of another has made,
    which then makes its own: the books balance, but the first never gets as far as a request.
    """
    kills = [gauntlet(dag_id, index) for index in range(6)]
    run = stack.launch(dag_id, len(kills), kills)
    run.wait_for_kills()
    run.wait_for_waiting()
    run.finish()

    row = books(f"{dag_id}: each task killed at all points in a row", run)
    missed = Counter(point for plan in kills for point in plan) - row.points
    avoidable = {"request sent", "answer read"} if dag_id.startswith("twins") else set()
    assert missed.keys() <= avoidable


@RETRIED
@DAGS
def test_all_die_around_the_request(stack: ChaosStack, books: Any, dag_id: str) -> None:
    """All tasks die between request and record at once, half of them before anything was sent."""
    kills = [["after intent"], ["request sent"], ["answer read"], ["before made"]] * 3
    run = stack.launch(dag_id, len(kills), kills)
    run.wait_for_kills()
    run.wait_for_waiting()
    run.finish()

    row = books(f"{dag_id}: all killed together around the request", run)
    assert row.points.total() == len(kills)


@RETRIED
@pytest.mark.parametrize("dag_id", ["twins_sync", "twins_deferrable", "twins_created"])
def test_runs_with_one_payload_die(stack: ChaosStack, books: Any, dag_id: str) -> None:
    """Tasks of two runs make the same version of one job at the same time, and most of them die."""
    kills = [["after intent"], ["request sent"], ["request sent"], ["before made"], ["after made"]]
    first = stack.launch(dag_id, 6, kills)
    second = stack.launch(dag_id, 6, kills, beside=first)
    for run in (first, second):
        run.wait_for_kills()
    for run in (first, second):
        run.finish()

    row = books(f"{dag_id}: two runs with one payload, killed around the request", first, second)
    assert row.tasks == 12


@DAGS
def test_host_is_lost(stack: ChaosStack, books: Any, dag_id: str) -> None:
    """The supervising process dies too, so nobody reports the death."""
    kills = [
        [WITH_SUPERVISOR + point]
        for point in ("after intent", "request sent", "before made", "status read")
    ]
    run = stack.launch(dag_id, len(kills), kills)
    run.wait_for_kills()
    run.wait_for_waiting()
    run.finish()

    row = books(f"{dag_id}: worker killed with its supervisor", run)
    assert row.points.total() == len(kills)
    stack.revive("scheduler")  # LocalExecutor never gives the slot of a dead worker back
