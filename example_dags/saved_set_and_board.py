"""Train from a saved parameter set, look at the log, and open a TensorBoard over the output for a while.

Like ``train_and_refine``, it takes ``bucket`` and ``spec_id`` from the extras of connection ``modelarts_default``; the
algorithm is one of the service's own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_modelarts.job_names import unique_job_name
from airflow_provider_modelarts.operators.job_details import ShowTrainingLogOperator
from airflow_provider_modelarts.operators.saved_config import CreateSavedConfigOperator
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.operators.visualization_job import (
    CreateVisualizationJobOperator,
    StopVisualizationJobOperator,
)
from airflow_provider_modelarts.sensors.visualization_job import VisualizationJobSensor

EXTRA = "conn.modelarts_default.extra_dejson"
FOLDER = f"/{{{{ {EXTRA}.get('bucket', 'modelarts-demo') }}}}/saved-set-and-board"
RUN = "{{ run_id | replace(':', '-') | replace('+', '-') | replace('.', '-') }}"
ALGORITHM = 4


def result(task_id: str, key: str) -> str:
    """Return a template for one entry of what a task has returned."""
    return f"{{{{ ti.xcom_pull(task_ids='{task_id}')['{key}'] }}}}"


with DAG(
    "saved_set_and_board",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    tags=["modelarts", "example"],
    doc_md=__doc__,
):
    save = CreateSavedConfigOperator(
        task_id="save",
        config_name="saved-set-and-board",
        config={
            "model_id": ALGORITHM,
            "spec_id": f"{{{{ {EXTRA}.get('spec_id', 1) }}}}",
            "worker_server_num": 1,
            "data_url": f"{FOLDER}/data/",
            "parameter": {"batch_size": 4},
        },
    )
    train = CreateTrainingJobOperator(
        task_id="train",
        job_name=unique_job_name("board"),
        from_saved_config="saved-set-and-board",
        config={"train_url": f"{FOLDER}/{RUN}/", "parameter": {"lr": 0.0001}},
        validate_against_service=True,
        wait_for_completion=True,
        deferrable=True,
    )
    show_log = ShowTrainingLogOperator(
        task_id="show_log",
        job_id=result("train", "job_id"),
        version_id=result("train", "version_id"),
    )
    board = CreateVisualizationJobOperator(
        task_id="board",
        job_name="board-" + result("train", "job_id"),
        train_url=result("train", "train_url"),
        stop_after_hours=2,
    )
    ready = VisualizationJobSensor(
        task_id="ready", job_id=result("board", "job_id"), poke_interval=5, timeout=600
    )
    stop = StopVisualizationJobOperator(task_id="stop", job_id=result("board", "job_id"))

    save >> train >> show_log
    train >> board >> ready >> stop
