"""A user marks tasks failed or clears them: their trainings end, and nobody else's do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demo.generation import installed_version
from tests.chaos.dags.points import WITH_SUPERVISOR
from tests.chaos.run import COMPLETED

if TYPE_CHECKING:
    from tests.chaos.run import Run
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


@pytest.mark.parametrize(
    ("when", "delay"), [("after", 4), ("after", 8), ("before", 8), ("before", 30)]
)
def test_task_is_marked_failed_while_it_submits(
    stack: ChaosStack, books: Any, when: str, delay: int
) -> None:
    """The request is out when the user ends the task; its answer, or even the training, comes later.

    Airflow gives a process 5 seconds after the user's mark.
    """
    run = submitting(stack, when, delay)
    run.failed_by_user.update(range(len(KILLED)))
    for index in range(len(KILLED)):
        run.mark(index, "failed")
    stack.wait(lambda: len(run.trainings()) == len(KILLED), "all trainings to appear")
    run.stopped_by_user.update(training.version_id for training in run.trainings())
    run.wait_for_stops()
    stack.emulator("DELETE", "faults")
    run.finish()

    case = f"jobs_sync: marked failed while the request is out, slow by {delay} s {when} its effect"
    books(case, run, killed=len(KILLED))


@STUCK
@pytest.mark.parametrize(("when", "delay"), [("after", 8), ("before", 8), ("before", 30)])
def test_task_is_cleared_while_it_submits(
    stack: ChaosStack, books: Any, when: str, delay: int
) -> None:
    """The next try finds what the interrupted request makes, stops it, and trains anew."""
    run = submitting(stack, when, delay)
    stack.emulator("DELETE", "faults")
    run.clear(*range(len(KILLED)))
    stack.wait(lambda: len(run.trainings()) == 2 * len(KILLED), "all tasks to train anew")
    by_job: dict[int, list[int]] = {}
    for training in run.trainings():
        by_job.setdefault(training.job_id, []).append(training.version_id)
    run.stopped_by_user.update(min(versions) for versions in by_job.values())
    run.wait_for_stops()
    run.finish()

    case = f"jobs_sync: cleared while the request is out, slow by {delay} s {when} its effect"
    row = books(case, run, killed=len(KILLED))
    assert row.expected == 2 * len(KILLED)


def submitting(stack: ChaosStack, when: str, delay: int) -> Run:
    """Return a run whose tasks all wait for the answer to their creation."""
    operation = "create_training_job"
    sent = stack.requests(operation)
    stack.spoil(operation, "slow", when=when, delay=delay, times=len(KILLED))
    run = stack.launch("jobs_sync", len(KILLED))
    stack.wait(lambda: stack.requests(operation) == sent + len(KILLED), "all requests to be out")
    return run


@pytest.mark.not_on(
    "2.",
    "a task cleared after its host was lost",
    "Airflow 2 tells neither the next try nor anybody else of the clear",
)
@STUCK
def test_task_is_cleared_after_its_host_was_lost(stack: ChaosStack, books: Any) -> None:
    """Airflow still takes it for running; what it has is stopped, and it trains anew."""
    point = f"{WITH_SUPERVISOR}status read"
    run = stack.launch("jobs_sync", len(KILLED), [[point]] * len(KILLED))
    run.wait_for_kills()
    run.stopped_by_user.update(run.results("modelarts_version").values())
    run.clear(*range(len(KILLED)))
    run.wait_for_stops()
    run.wait_for_waiting()
    stack.wait(lambda: len(run.trainings()) == 2 * len(KILLED), "all tasks to train anew")
    run.finish()

    row = books("jobs_sync: cleared after its host was lost", run, killed=len(KILLED))
    assert row.expected == 2 * len(KILLED)
    stack.revive("scheduler")  # LocalExecutor never gives the slot of a dead worker back


def test_deferred_task_is_cleared_in_a_full_pool(stack: ChaosStack, books: Any) -> None:
    """Its next try gets no slot; the training ends all the same."""
    run = stack.launch("jobs_deferrable", COUNT)
    run.wait_for_waiting()
    versions = run.results("modelarts_version")
    run.stopped_by_user.update(versions[index] for index in KILLED)
    stack.api.set_slots("default_pool", 0)
    try:
        run.clear(*KILLED)
        run.wait_for_stops()
        states = {index: task.state for index, task in run.tasks().items()}
        assert {states[index] for index in KILLED} <= {"none", "scheduled"}, states
    finally:
        stack.api.set_slots("default_pool", 128)
    run.wait_for_waiting()
    run.finish()

    row = books("jobs_deferrable: cleared in a full pool", run, killed=len(KILLED))
    assert row.expected == COUNT + len(KILLED)


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
