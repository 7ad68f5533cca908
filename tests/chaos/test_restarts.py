"""Scheduler, workers, API server and the service itself go away and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.stack import end, freeze, thaw

if TYPE_CHECKING:
    from tests.chaos.run import Run
    from tests.chaos.stack import ChaosStack

pytestmark = pytest.mark.chaos

ALL = ("jobs_sync", "versions_sync", "jobs_deferrable", "versions_deferrable")


def launched(stack: ChaosStack, count: int = 4) -> list[Run]:
    """Return a run of every kind, just started."""
    return [stack.launch(dag_id, count) for dag_id in ALL]


def waiting(stack: ChaosStack) -> list[Run]:
    """Return a run of every kind, all of whose tasks wait for their training."""
    runs = launched(stack)
    for run in runs:
        run.wait_for_waiting()
    return runs


def finish(runs: list[Run]) -> None:
    """Let all end."""
    for run in runs:
        run.finish()


def some_made(stack: ChaosStack, runs: list[Run], more_than: int) -> None:
    """Return once the service has more trainings of these runs than this, or all."""
    wanted = sum(len(run.plans) for run in runs)
    stack.wait(
        lambda: sum(len(run.trainings()) for run in runs) >= min(more_than + 1, wanted),
        f"more than {more_than} trainings",
    )


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_scheduler_goes_with_its_workers(stack: ChaosStack, books: Any, how: str) -> None:
    """Tasks that waited in a worker are tried again and find their training; the others notice nothing."""
    scheduler = stack.components["scheduler"]
    runs = waiting(stack)
    stack.kill("scheduler") if how == "killed" else scheduler.terminate()
    stack.revive("scheduler")
    for run in runs[:2]:
        run.wait_for_retry()
    finish(runs)
    books(f"scheduler and all workers {how} while tasks wait", *runs, killed=1)


def test_scheduler_is_killed_while_tasks_submit(stack: ChaosStack, books: Any) -> None:
    """Again and again, with every worker, wherever they are."""
    runs = launched(stack)
    for made in (1, 6, 11):
        some_made(stack, runs, made)
        stack.kill("scheduler")
        stack.revive("scheduler")
    finish(runs)
    books("scheduler and all workers killed while tasks submit", *runs, killed=3)


def test_one_of_two_schedulers_is_killed(stack: ChaosStack, books: Any) -> None:
    """The other one goes on with what it had."""
    other = stack.second("scheduler")
    runs = launched(stack)
    some_made(stack, runs, 4)
    stack.kill("scheduler")
    for run in runs:
        run.wait_for_waiting()
    finish(runs)
    books("two schedulers, one killed with its workers", *runs, killed=1)
    stack.revive("scheduler")
    stack.drop(other)


@pytest.mark.parametrize("when", ["wait", "submit"])
def test_scheduler_is_killed_alone(stack: ChaosStack, books: Any, when: str) -> None:
    """Its workers live; the next scheduler resets their tasks, whose processes Airflow then ends.

    The DAG is paused, so that the tasks stay without a state while their processes ask for it.
    """
    runs = waiting(stack) if when == "wait" else launched(stack)
    some_made(stack, runs, 5)
    for run in runs:
        stack.api.pause(run.dag_id)
    stack.kill_alone("scheduler")
    left = stack.workers()
    stack.replace("scheduler")
    for run in runs:
        run.wait_for_death()
    stack.wait(lambda: not stack.tasks_in_workers(), "the processes of the tasks to end")
    end(
        left
    )  # idle now, they still hold the dead scheduler's connection to the database, locks and all
    for run in runs:
        stack.api.pause(run.dag_id, paused=False)
    finish(runs)
    books(f"scheduler killed alone while tasks {when}", *runs, killed=1)
    stack.revive("scheduler")


def test_one_of_two_schedulers_is_frozen(stack: ChaosStack, books: Any) -> None:
    """The other one takes over the tasks of its workers, which know nothing of it."""
    runs = waiting(stack)
    job = max(stack.jobs("scheduler"))
    other = stack.second("scheduler")
    frozen = stack.freeze_scheduler()
    try:
        stack.wait(lambda: stack.is_dead(job), "the frozen scheduler to be taken for dead")
        for run in runs[:2]:
            run.wait_for_retry()
    finally:
        thaw(frozen)
    finish(runs)
    books("scheduler frozen alone, beside another", *runs, killed=1)
    stack.revive("scheduler")
    stack.drop(other)


def test_worker_is_frozen_past_its_heartbeat(stack: ChaosStack, books: Any) -> None:
    """A worker that was taken for dead wakes up, is ended by Airflow, and stops no training."""
    runs = [stack.launch(dag_id, 4) for dag_id in ALL[:2]]
    for run in runs:
        run.wait_for_waiting()
    pids = stack.workers()
    freeze(pids)
    try:
        for run in runs:
            run.wait_for_death()
    finally:
        thaw(pids)
    for run in runs:
        run.wait_for_retry()
    finish(runs)
    books("workers frozen until they are taken for dead", *runs, killed=8)


@pytest.mark.not_on("2.", "the API server killed", "tasks reach the database without one")
@pytest.mark.parametrize("how", ["killed", "restarted"])
@pytest.mark.parametrize("when", ["wait", "submit"])
def test_api_server_goes_away(stack: ChaosStack, books: Any, when: str, how: str) -> None:
    """Tasks cannot reach Airflow for a while."""
    runs = waiting(stack) if when == "wait" else launched(stack)
    some_made(stack, runs, 5)
    stack.kill("api-server") if how == "killed" else stack.components["api-server"].terminate()
    stack.revive("api-server")
    finish(runs)
    books(f"API server {how} while tasks {when}", *runs, killed=1)


@pytest.mark.parametrize("when", ["wait", "submit"])
def test_service_is_killed(stack: ChaosStack, books: Any, when: str) -> None:
    """The service goes down and comes back with what it had."""
    runs = waiting(stack) if when == "wait" else launched(stack)
    for made in (1, 6, 11):
        some_made(stack, runs, made)
        stack.kill("emulator")
        stack.restart_emulator()
    finish(runs)
    books(f"ModelArts killed and restarted while tasks {when}", *runs, killed=3)
