"""The short form of the proof, for every change: one Airflow on SQLite, a dozen kills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demo.generation import installed_version

if TYPE_CHECKING:
    from tests.chaos.stack import ChaosStack

pytestmark = [
    pytest.mark.chaos_smoke,
    pytest.mark.skipif(
        installed_version() < (3, 0), reason="on SQLite Airflow 2 runs one task at a time"
    ),
]


@pytest.mark.skipif(
    installed_version() == (3, 0), reason="Airflow 3.0 does not retry a task that was killed"
)
def test_worker_dies_around_the_request(small_stack: ChaosStack, books: Any) -> None:
    """Tasks of both kinds die before and after the request, one of each stays healthy."""
    kills = [["after intent", "after made"], ["request sent", "status read"], []]
    runs = [small_stack.launch(dag_id, 3, kills) for dag_id in ("jobs_deferrable",)]
    runs += [small_stack.launch("twins_deferrable", 3, kills)]
    for run in runs:
        run.wait_for_kills()
    for run in runs:
        run.wait_for_waiting()
    small_stack.kill("triggerer")
    small_stack.revive("triggerer")
    for run in runs:
        run.finish()

    row = books("workers and triggerer killed", *runs, killed=1)
    assert row.points.total() == 8


def test_user_ends_deferred_tasks(small_stack: ChaosStack, books: Any) -> None:
    """Two triggers ask at once what has become of their tasks; the triggerer and the third go on."""
    run = small_stack.launch("jobs_deferrable", 3)
    run.wait_for_waiting()
    run.end_by_user(0, 2)
    run.finish()

    row = books("jobs_deferrable: marked failed by a user", run, killed=2)
    assert row.expected == 3
