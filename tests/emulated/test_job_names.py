"""Names that always fit: rendered as Airflow renders them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_modelarts.job_names import unique_job_name
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator

RUN = "manual__2026-11-22T10:00:00+00:00"
RUNS = [
    RUN,
    "asset_triggered__2026-11-22T10:00:00.123456+00:00_ab12cd34",
    "scheduled__2026-11-22T10:00:00+00:00",
    "x" * 250,
    "run with blanks/and~tildes ñ 训练",
    "-",
]


def rendered(
    name: str,
    run_id: str = RUN,
    index: int = -1,
    task_id: str = "train",
    dag_id: str = "dag",
    **options: Any,
) -> str:
    """Return the name of a task in a run."""
    dag = DAG(dag_id, schedule=None, **options)
    task = CreateTrainingJobOperator(task_id=task_id, job_name=name, config={}, dag=dag)
    from tests.emulated.conftest import macros

    instance = SimpleNamespace(map_index=index)
    task.render_template_fields(
        {"task": task, "run_id": run_id, "ti": instance, "macros": macros()}
    )
    return str(task.job_name)


@pytest.mark.parametrize("run_id", RUNS, ids=lambda run: run[:20])
@pytest.mark.parametrize("prefix", ["digits", "", "x" * 100, "odd name: ä/"])
@pytest.mark.parametrize("native", [True, False])
def test_name_fits(prefix: str, run_id: str, native: bool) -> None:
    """64 characters of the service's alphabet, with the start of the prefix in front."""
    name = rendered(unique_job_name(prefix), run_id, render_template_as_native_obj=native)

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)
    assert name.startswith(re.sub(r"[^A-Za-z0-9_-]", "-", prefix)[:24])


def test_name_is_its_own_for_each_run_and_map_index_and_the_same_for_each_try() -> None:
    """Runs that differ only where the name is cut have different names."""
    template = unique_job_name("digits")
    names = [
        *(rendered(template, run_id) for run_id in (*RUNS, "x" * 249 + "y")),
        *(rendered(template, index=index) for index in range(3)),
        rendered(template, task_id="other"),
        rendered(template, dag_id="other"),
    ]

    assert len(set(names)) == len(names)
    assert rendered(template) == names[0]
    assert names[0].startswith("digits-manual__2026-11-22T1000")


def test_job_without_an_output_folder_is_warned_about(client, config, run_task, logged) -> None:
    """The tables allow it, and the run fails at the service; a job without a version runs nothing."""
    del config["train_url"]

    def create(name: str, **fields: Any) -> CreateTrainingJobOperator:
        return CreateTrainingJobOperator(task_id="a", job_name=name, config=config | fields)

    run_task(create("empty", create_version=False))
    assert "train_url" not in logged()

    run_task(create("job"))
    assert "config.train_url = missing: expected for a training, which fails without" in logged()
