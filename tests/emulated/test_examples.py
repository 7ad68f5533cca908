"""The example DAGs parse without a network, and the smallest one runs on the emulator."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.operators import training_job

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["smallest", "train_and_refine", "saved_set_and_board"])
def test_example_parses_without_a_connection(repo: Path, name: str) -> None:
    """Nothing is looked up and nothing is asked while a DAG file is parsed."""
    found = runpy.run_path(str(repo / "example_dags" / f"{name}.py"))

    assert found


def test_smallest_dag_trains(
    repo: Path, client: Any, emulator: Any, run_task: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The DAG of the README is accepted by the service and waited for."""
    made: list[Any] = []

    class Kept(training_job.CreateTrainingJobOperator):
        """The file keeps no reference to its task, so it is kept here."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            made.append(self)

    monkeypatch.setattr(training_job, "CreateTrainingJobOperator", Kept)
    runpy.run_path(str(repo / "example_dags" / "smallest.py"))

    result = run_task(made[0], run_id="manual__2026-11-22T10:00:00+00:00")

    assert result["status"] == 10
    assert result["job_name"].startswith("digits-manual__2026-11-22T100000")
    assert len(emulator.jobs()) == 1
