"""DAGs of the chaos tests: any number of mapped trainings, jobs, versions or twins of one version.

The configuration of a run gives ``items`` (a job name or a job id for each map index) and ``kills``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import points
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_modelarts.operators.training_job import (
    CreateJobVersionOperator,
    CreateTrainingJobOperator,
)

points.install()

PATIENT: dict[str, Any] = {"retries": 25, "retry_delay": timedelta(seconds=1)}
CONFIG = {
    "worker_server_num": 1,
    "app_url": "/bucket/code/",
    "boot_file_url": "/bucket/code/train.py",
    "engine_id": 1,
    "spec_id": 1,
    "data_url": "/bucket/data/",
    "train_url": "/bucket/out/",
}


# Versions carry no name: where mapped tasks send the same payload, only bookkeeping can tell whose is whose.
OF_ITS_OWN = {"parameter": {"index": "{{ ti.map_index }}"}}
KINDS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "jobs": (CreateTrainingJobOperator, "job_name", CONFIG),
    "versions": (CreateJobVersionOperator, "job_id", CONFIG | OF_ITS_OWN),
    "twins": (CreateJobVersionOperator, "job_id", CONFIG),
}
WAITING: dict[str, dict[str, Any]] = {
    "sync": {"wait_for_completion": True, "deferrable": False},
    "deferrable": {"wait_for_completion": True, "deferrable": True},
    "created": {"wait_for_completion": False},
}


def make(kind: str, waiting: str) -> DAG:
    """Return a DAG whose task ``train`` is mapped over what the run's configuration names."""
    operator, item, config = KINDS[kind]
    with DAG(
        f"{kind}_{waiting}",
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        max_active_tasks=64,
    ) as dag:

        @task(**PATIENT)
        def plan(dag_run: Any = None) -> list[str]:
            return list(dag_run.conf["items"])

        mapped: Any = operator.partial(
            task_id="train", config=config, poll_interval=2, **PATIENT, **WAITING[waiting]
        )
        mapped.expand(**{item: plan()})
    return dag


for _kind in KINDS:
    for _waiting in WAITING:
        globals()[f"{_kind}_{_waiting}"] = make(_kind, _waiting)
