"""Names that always fit: rendered by Airflow, taken by the service."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_modelarts.job_names import unique_job_name
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator

LONG = "asset_triggered__2026-11-27T19:57:48.123456+00:00_" + "x" * 200


@pytest.fixture
def name_of(client: Any, config: dict[str, Any], run_task: Any) -> Any:
    """Return a function that runs a task and returns the name its job was given."""

    def run(prefix: str, run_id: str = LONG, index: int = -1, task_id: str = "train") -> str:
        task = CreateTrainingJobOperator(
            task_id=task_id,
            job_name=unique_job_name(prefix),
            config=config,
            if_exists="new_version",
        )
        instance = _Instance(index)
        return run_task(task, run_id=run_id, ti=instance)["job_name"]

    return run


class _Instance:
    start_date, try_number, max_tries, task_id = None, 1, 0, "train"

    def __init__(self, index: int) -> None:
        self.map_index = index

    def xcom_push(self, key: str, value: Any) -> None:
        """Take a value."""


def test_name_fits_however_long_the_run_id_is(name_of) -> None:
    """64 characters of the allowed alphabet, the prefix cut where it must be."""
    for prefix in ("", "digits", "p" * 100):
        name = name_of(prefix)
        assert re.fullmatch(r"[A-Za-z0-9_-]{16,64}", name)
        assert name.startswith(prefix[:47])


def test_name_is_that_of_one_task_instance(name_of) -> None:
    """The same in a retry; another one in another run, task or map index."""
    assert name_of("digits") == name_of("digits")

    names = [
        name_of("digits", run_id=run_id, index=index, task_id=task_id)
        for run_id in ("a", "b")
        for index in (-1, 0, 1)
        for task_id in ("train", "other")
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("prefix", ["a b", "{{ ds }}", "ä", "a/b", None, 7])
def test_prefix_that_no_name_can_have_is_refused(prefix: Any) -> None:
    """While the DAG file is parsed, not in a run."""
    with pytest.raises(ValueError, match="prefix is"):
        unique_job_name(prefix)
