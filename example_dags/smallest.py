"""The smallest useful DAG: one training job, waited for without occupying a worker."""

from __future__ import annotations

# [START smallest]
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_modelarts.job_names import unique_job_name
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator

with DAG("smallest", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    CreateTrainingJobOperator(
        task_id="train",
        job_name=unique_job_name("digits"),
        config={
            "app_url": "/my-bucket/code/",
            "boot_file_url": "/my-bucket/code/train.py",
            "data_url": "/my-bucket/data/",
            "train_url": "/my-bucket/output/",
            "parameter": {"learning_rate": 0.01},
            "worker_server_num": 1,
            "spec_id": 1,
            "engine_id": 1,
        },
        wait_for_completion=True,
        deferrable=True,
    )
# [END smallest]
