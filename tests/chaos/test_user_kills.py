"""A user marks tasks failed or clears them: their trainings end, and nobody else's do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demo.generation import installed_version
from tests.chaos.dags.points import WITH_SUPERVISOR
from tests.chaos.run import COMPLETED

if TYPE_CHECKING:
    from tests.chaos.stack import ChaosStack

pytestmark = pytest.mark.chaos

DAGS = pytest.mark.parametrize(
    "dag_id", ["jobs_sync", "jobs_deferrable", "twins_sync", "twins_deferrable"]
)
STUCK = pytest.mark.not_on(
    "3.0.",
    "a task cleared while it runs",
    "Airflow 3.0 leaves it `restarting` for good (Airflow issue 55045)",
)
LIMIT = (
    "Airflow 2 tells nobody that a user has marked a task which has no process"
    if installed_version() < (3, 0)
    else ""
)
"""Why some books need not balance."""
COUNT = 6
KILLED = (0, 2, 3)


@DAGS
def test_task_is_marked_failed(stack: ChaosStack, books: Any, dag_id: str) -> None:
    """The training of a task that is marked failed ends."""
    run = stack.launch(dag_id, COUNT)
    run.wait_for_waiting()
    run.end_by_user(*KILLED)
    run.finish()

    row = books(f"{dag_id}: marked failed by a user", run, killed=len(KILLED))
    assert row.expected == COUNT


@pytest.mark.parametrize(
    "dag_id",
    [
        pytest.param("jobs_sync", marks=STUCK),
        "jobs_deferrable",
        pytest.param("twins_sync", marks=STUCK),
        "twins_deferrable",
    ],
)
def test_task_is_cleared(stack: ChaosStack, books: Any, dag_id: str) -> None:
    """The training of a task that is cleared ends, and it trains anew."""
    run = stack.launch(dag_id, COUNT)
    run.wait_for_waiting()
    versions = run.results("modelarts_version")
    run.stopped_by_user.update(versions[index] for index in KILLED)
    run.clear(*KILLED)
    run.wait_for_stops()
    run.wait_for_waiting()
    run.finish()

    row = books(f"{dag_id}: cleared by a user", run, killed=len(KILLED))
    assert row.expected == COUNT + len(KILLED)


def test_task_is_marked_failed_while_it_submits(stack: ChaosStack, books: Any) -> None:
    """The request is out and its answer has not come when the user ends the task."""
    stack.spoil("create_training_job", "slow", when="after", delay=4, times=None)
    run = stack.launch("jobs_sync", len(KILLED))
    stack.wait(lambda: len(run.trainings()) == len(KILLED), "all requests to be out")
    run.failed_by_user.update(range(len(KILLED)))
    run.stopped_by_user.update(training.version_id for training in run.trainings())
    for index in range(len(KILLED)):
        run.mark(index, "failed")
    run.wait_for_stops()
    stack.emulator("DELETE", "faults")
    run.finish()

    books("jobs_sync: marked failed while the request is out", run, killed=len(KILLED))


def test_task_is_cleared_while_no_triggerer_runs(stack: ChaosStack, books: Any) -> None:
    """Nobody is told of the clear, so the next try of the task ends its earlier training itself."""
    stack.components["triggerer"].terminate()
    run = stack.launch("jobs_deferrable", COUNT)
    run.wait_for_deferred()
    versions = run.results("modelarts_version")
    run.stopped_by_user.update(versions[index] for index in KILLED)
    run.clear(*KILLED)
    run.wait_for_stops()
    stack.revive("triggerer")
    run.wait_for_waiting()
    run.finish()

    books("jobs_deferrable: cleared while no triggerer runs", run, killed=len(KILLED) + 1)


@pytest.mark.parametrize("state", ["failed", "success", "skipped"])
def test_task_is_marked_while_no_triggerer_runs(stack: ChaosStack, books: Any, state: str) -> None:
    """No process of the task is there to be told; the listener in Airflow's API server is."""
    stack.components["triggerer"].terminate()
    run = stack.launch("jobs_deferrable", COUNT)
    run.wait_for_deferred()
    run.end_by_user(*KILLED, state=state)
    stack.revive("triggerer")
    run.finish()

    case = f"jobs_deferrable: marked {state} while no triggerer runs"
    row = books(case, run, killed=len(KILLED) + 1, limit=LIMIT)
    assert (row.expected, row.doubled, row.lost, row.stopped) == (COUNT, 0, 0, 0)


def test_task_is_marked_failed_after_its_host_was_lost(stack: ChaosStack, books: Any) -> None:
    """Airflow has not yet noticed that nothing runs any more."""
    point = f"{WITH_SUPERVISOR}status read"
    run = stack.launch("jobs_sync", len(KILLED), [[point]] * len(KILLED))
    run.wait_for_kills()
    run.end_by_user(*range(len(KILLED)))
    run.finish()

    case = "jobs_sync: marked failed after its host was lost"
    row = books(case, run, killed=len(KILLED), limit=LIMIT)
    assert (row.doubled, row.lost, row.stopped) == (0, 0, 0)
    stack.revive("scheduler")  # LocalExecutor never gives the slot of a dead worker back


def test_finished_task_is_marked_failed(stack: ChaosStack, books: Any) -> None:
    """A task that did not wait was done: its training is another task's concern."""
    run = stack.launch("jobs_created", len(KILLED))
    run.wait_for_states("success")
    for index in range(len(KILLED)):
        run.mark(index, "failed")
    run.finish()

    statuses = {training.status for training in run.trainings()}
    assert statuses == {COMPLETED}
