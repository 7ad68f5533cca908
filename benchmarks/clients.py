"""How each provider is set up, waits and submits, as its documentation tells.

Imported in the providers' own environments, so only functions import what is not Python's own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    MakeTrigger = Callable[[int, float], Any]
    """Makes the trigger that waits for a job, looking at it every so many seconds."""
    Submit = Callable[[str], Any]
    """Starts a training of this name and returns without waiting for its end."""


def connections(port: int) -> dict[str, str]:
    """Return the environment variables by which each provider finds the stand-in."""
    host, url = "127.0.0.1", f"http://127.0.0.1:{port}"
    login = {"login": "access-key", "password": "secret-key"}
    aws = {"region_name": "eu-central-1", "endpoint_url": url}
    found: dict[str, dict[str, Any]] = {
        "MODELARTS_DEFAULT": {
            "conn_type": "modelarts",
            "host": url,
            **login,
            "extra": {"project_id": "0123456789abcdef"},
        },
        "AWS_DEFAULT": {"conn_type": "aws", **login, "extra": aws},
        "DATABRICKS_DEFAULT": {
            "conn_type": "databricks",
            "schema": "http",
            "host": host,
            "port": port,
            "extra": {"token": "token"},
        },
    }
    return {f"AIRFLOW_CONN_{name}": json.dumps(fields) for name, fields in found.items()}


# ---- waiting


def ours() -> MakeTrigger:
    """Wait by ``TrainingJobTrigger``: all waits of a connection share their looks."""
    from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger

    return lambda job_id, interval: TrainingJobTrigger(job_id, job_id, poll_interval=interval)


def ours_unshared() -> MakeTrigger:
    """Wait by the same trigger, but with a watcher for each."""
    from airflow_provider_modelarts.client.polling import Patience
    from airflow_provider_modelarts.client.watcher import Watcher
    from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook
    from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger

    class Alone(TrainingJobTrigger):
        async def _wait(self) -> int:
            client = await ModelArtsHook.aget_client(self.modelarts_conn_id)
            patience = Patience(interval=self.poll_interval)
            return await Watcher(client).ended(self.job_id, self.version_id, patience)

    return lambda job_id, interval: Alone(job_id, job_id, poll_interval=interval)


def sagemaker() -> MakeTrigger:
    """Wait by what ``SageMakerTrainingOperator`` defers to."""
    from airflow.providers.amazon.aws.triggers.sagemaker import SageMakerTrigger

    return lambda job_id, interval: SageMakerTrigger(
        job_name=f"training-{job_id}", job_type="Training", waiter_delay=int(interval)
    )


def databricks() -> MakeTrigger:
    """Wait by what ``DatabricksSubmitRunOperator`` defers to."""
    from airflow.providers.databricks.triggers.databricks import DatabricksExecutionTrigger

    return lambda job_id, interval: DatabricksExecutionTrigger(
        run_id=job_id,
        databricks_conn_id="databricks_default",
        polling_period_seconds=int(interval),
    )


TRIGGERS: dict[str, Callable[[], MakeTrigger]] = {
    "ours": ours,
    "ours-unshared": ours_unshared,
    "sagemaker": sagemaker,
    "databricks": databricks,
}


# ---- submitting


class Store(dict[str, Any]):
    """Stands in for the state store that Airflow keeps for a task instance."""

    def set(self, key: str, value: Any, **_retention: Any) -> None:
        """Keep a value."""
        self[key] = value


class TaskInstance:
    """What an operator sees of its task instance."""

    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    task_id = "train"
    try_number = 1
    max_tries = 0
    map_index = -1
    stats_tags: dict[str, str] = {}  # noqa: RUF012 - an attribute of Airflow's

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep nothing."""

    def xcom_pull(self, **_which: Any) -> Any:
        """Return nothing."""


def run_operator(task: Any) -> None:
    """Run an operator as a task's process does."""
    from airflow.providers.common.compat.sdk import DAG

    task.dag = DAG("benchmark", schedule=None)
    context = {"ti": TaskInstance(), "task": task, "params": {}, "task_state_store": Store()}
    task.render_template_fields(context)
    task.execute(context)


_CONFIG = {
    "worker_server_num": 1,
    "app_url": "/bucket/code/",
    "boot_file_url": "/bucket/code/train.py",
    "engine_id": 1,
    "spec_id": 1,
    "data_url": "/bucket/data/",
    "train_url": "/bucket/out/",
}
_TRAINING = {
    "AlgorithmSpecification": {
        "TrainingImage": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/image:1",
        "TrainingInputMode": "File",
    },
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
    "RoleArn": "arn:aws:iam::123456789012:role/training",
    "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
}


def ours_operator() -> Submit:
    """Submit by ``CreateTrainingJobOperator``."""
    from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator

    return lambda name: run_operator(
        CreateTrainingJobOperator(task_id="train", job_name=name, config=dict(_CONFIG))
    )


def ours_client() -> Submit:
    """Submit by the API client alone."""
    from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook

    return lambda name: (
        ModelArtsHook().get_conn().create_training_job({"job_name": name, "config": dict(_CONFIG)})
    )


def sagemaker_operator() -> Submit:
    """Submit by ``SageMakerTrainingOperator``."""
    from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator

    return lambda name: run_operator(
        SageMakerTrainingOperator(
            task_id="train",
            config={"TrainingJobName": name, **_TRAINING},
            wait_for_completion=False,
            print_log=False,
        )
    )


def databricks_operator() -> Submit:
    """Submit by ``DatabricksSubmitRunOperator``."""
    from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator

    return lambda name: run_operator(
        DatabricksSubmitRunOperator(
            task_id="train",
            json={
                "run_name": name,
                "existing_cluster_id": "0923-164208-meows279",
                "notebook_task": {"notebook_path": "/Users/someone/train"},
            },
            wait_for_termination=False,
        )
    )


SUBMITS: dict[str, Callable[[], Submit]] = {
    "ours": ours_operator,
    "ours-client": ours_client,
    "sagemaker": sagemaker_operator,
    "databricks": databricks_operator,
}
