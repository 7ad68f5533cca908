"""Triggerers are killed, stopped, doubled and frozen while tasks are deferred to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.stack import freeze, thaw

if TYPE_CHECKING:
    from tests.chaos.run import Run
    from tests.chaos.stack import ChaosStack

pytestmark = pytest.mark.chaos

COUNT = 8


def deferred(stack: ChaosStack) -> list[Run]:
    """Return two runs, one of jobs and one of versions, whose tasks are all deferred."""
    runs = [stack.launch(dag_id, COUNT) for dag_id in ("jobs_deferrable", "versions_deferrable")]
    for run in runs:
        run.wait_for_waiting()
    return runs


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_triggerer_is_replaced(stack: ChaosStack, books: Any, how: str) -> None:
    """The only triggerer goes, three times, and another one takes over what it had."""
    triggerer = stack.components["triggerer"]
    runs = deferred(stack)
    for _again in range(3):
        stack.kill("triggerer") if how == "killed" else triggerer.terminate()
        stack.revive("triggerer")
        stack.wait(lambda: _carried(stack, runs), "the triggers to be taken over")
    for run in runs:
        run.finish()

    books(f"triggerer {how} and replaced", *runs, killed=3)


def test_one_of_two_triggerers_is_killed(stack: ChaosStack, books: Any) -> None:
    """The other one takes over its triggers."""
    other = stack.second("triggerer")
    runs = deferred(stack)
    stack.kill("triggerer")
    for run in runs:
        run.finish()
    books("two triggerers, one killed", *runs, killed=1)
    stack.revive("triggerer")
    stack.drop(other)


def test_frozen_triggerer_comes_back(stack: ChaosStack, books: Any) -> None:
    """A triggerer that was taken for dead finds its triggers with another one, and stops nothing."""
    runs = deferred(stack)
    (frozen,) = _carriers(runs)
    stack.second("triggerer")
    pids = stack.components["triggerer"].pids()
    freeze(pids)
    try:
        stack.wait(
            lambda: frozen not in (now := _carriers(runs)) and bool(now),
            "the other triggerer to take over",
        )
    finally:
        thaw(pids)
    for _again in range(3):  # the first heartbeats may have been on their way before the thaw
        _wait_for_heartbeat(stack, frozen)
    for run in runs:
        run.finish()
    books("two triggerers, one frozen until it is taken for dead", *runs, killed=1)
    stack.drop(stack.components["triggerer-2"])


def _carriers(runs: list[Run]) -> set[int]:
    """Return the triggerers that have the triggers of these runs."""
    query = (
        "SELECT trigger.triggerer_id FROM task_instance"
        " JOIN trigger ON trigger.id = task_instance.trigger_id"
        " WHERE task_instance.dag_id = %s AND task_instance.run_id = %s"
    )
    rows = [row for run in runs for row in run.stack.select(query, run.dag_id, run.run_id)]
    return {job_id for (job_id,) in rows if job_id is not None}


def _carried(stack: ChaosStack, runs: list[Run]) -> bool:
    """Whether all triggers are with the triggerer that started last."""
    return _carriers(runs) == {max(stack.jobs("triggerer"))}


def _wait_for_heartbeat(stack: ChaosStack, job_id: int) -> None:
    seen = stack.jobs("triggerer")[job_id]
    stack.wait(lambda: stack.jobs("triggerer")[job_id] > seen, "the frozen triggerer to go on")
