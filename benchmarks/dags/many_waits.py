"""The DAG of benchmark (e): one mapped, deferrable task."""

from __future__ import annotations

import os

from airflow.sdk import DAG

from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator

with DAG("many_waits", schedule=None, max_active_tasks=64):
    CreateTrainingJobOperator.partial(
        task_id="train",
        config={},
        wait_for_completion=True,
        deferrable=True,
    ).expand(job_name=[f"job-{number}" for number in range(int(os.environ["BENCH_WAITS"]))])
