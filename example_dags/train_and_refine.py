"""Train on ModelArts, look at the result, train a better version of the same job, and compare the two.

What belongs to a place and not to the DAG comes from the extras of connection ``modelarts_default``, which only this
example reads: ``obs_root`` (URL below which the buckets lie: ``file:///...`` for the emulator, ``s3://aws_conn_id@``
for OBS, which speaks S3), ``bucket``, ``spec_id`` and ``engine_id``. So the same file runs on both, unedited.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, dag, get_current_context, task

from airflow_provider_modelarts.job_names import unique_job_name
from airflow_provider_modelarts.operators.training_job import (
    CreateJobVersionOperator,
    CreateTrainingJobOperator,
)
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

CONN_ID = "modelarts_default"
CODE = Path(__file__).parent / "digits" / "train.py"
FIRST_LEARNING_RATE = 0.0005
EPOCHS = 30


def place() -> dict[str, Any]:
    """Return where this DAG works: the connection's extras."""
    return {"bucket": "modelarts-demo", **BaseHook.get_connection(CONN_ID).extra_dejson}


def stored(path: str) -> ObjectStoragePath:
    """Return ``/bucket/key``, as ModelArts writes it, as a path that Python can read and write."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    root = str(place()["obs_root"])
    return ObjectStoragePath(f"{root}{'' if root.endswith(('/', '@')) else '/'}{path.lstrip('/')}")


def name_of_run(dag_id: str, run_id: str) -> str:
    """Return the name of a folder, a different one for each DAG run."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", run_id)[:40]
    return f"digits-{readable}-{hashlib.sha256(f'{dag_id} {run_id}'.encode()).hexdigest()[:8]}"


def faster_learning_rate(learning_rate: float, losses: list[float]) -> float:
    """Return the learning rate that the curve of a training's loss asks for.

    A curve that still falls at the end belongs to steps that were too small. While they are, the loss shrinks
    exponentially with rate times epochs, so its logarithm tells how much larger they must be to leave a hundredth of
    it. A loss that grew, or is no number any more, belongs to steps that were too large.
    """
    first, before, last = losses[0], losses[-max(2, len(losses) // 4)], losses[-1]
    if not math.isfinite(last) or last > first:
        return learning_rate / 10
    if last > 0.95 * before:
        return learning_rate  # it has come to rest: another rate promises nothing
    factor = math.log(0.01) / math.log(last / first)
    return float(f"{learning_rate * min(max(factor, 1.5), 20):.2g}")


def comparison(versions: list[dict[str, Any]]) -> str:
    """Return the table of all versions, the best one marked."""
    best = max(versions, key=lambda version: version["accuracy"])
    lines = ["     version  learning rate  epochs  accuracy  f1 score  duration"]
    for version in versions:
        mark = "best" if version is best else ""
        lines.append(
            f"{mark:4} {version['version']:7}  {version['learning_rate']:13g}  {version['epochs']:6d}  "
            f"{version['accuracy']:8.4f}  {version['f1_score']:8.4f}  {version['seconds']:6.1f} s"
        )
    return "\n".join(lines)


@dag(
    dag_id="train_and_refine",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=10)},
    tags=["modelarts", "example"],
    doc_md=__doc__,
)
def train_and_refine() -> None:
    """Create a training job, wait for it, create a better version of it, wait for that, compare."""

    @task
    def prepare_data() -> dict[str, str]:
        """Write the digits and the training code to object storage; return where everything lies."""
        import io

        import numpy as np
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        context = get_current_context()
        name = name_of_run(context["dag"].dag_id, context["run_id"])
        folder = f"/{place()['bucket']}/train-and-refine/{name}"
        digits = load_digits()
        parts = train_test_split(
            (digits.data / 16).astype("float32"),
            digits.target,
            test_size=0.25,
            random_state=7,
            stratify=digits.target,
        )
        content = io.BytesIO()
        names = ("train_images", "test_images", "train_labels", "test_labels")
        np.savez_compressed(content, **dict(zip(names, parts, strict=True)))
        for path, data in {
            f"{folder}/data/digits.npz": content.getvalue(),
            f"{folder}/code/train.py": CODE.read_bytes(),
        }.items():
            target = stored(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return {
            "app_url": f"{folder}/code/",
            "boot_file_url": f"{folder}/code/train.py",
            "data_url": f"{folder}/data/",
            "first_output": f"{folder}/first/",
            "refined_output": f"{folder}/refined/",
            "log_url": f"{folder}/log/",
        }

    prepared = prepare_data()

    # [START train]
    train = CreateTrainingJobOperator(
        task_id="train",
        job_name=unique_job_name("digits"),
        job_desc="Handwritten digits, from DAG {{ dag.dag_id }}",
        config={
            "app_url": prepared["app_url"],
            "boot_file_url": prepared["boot_file_url"],
            "data_url": prepared["data_url"],
            "train_url": prepared["first_output"],
            "log_url": prepared["log_url"],
            "parameter": {"learning_rate": FIRST_LEARNING_RATE, "epochs": EPOCHS},
            "worker_server_num": 1,
            "spec_id": "{{ conn.modelarts_default.extra_dejson.spec_id }}",
            "engine_id": "{{ conn.modelarts_default.extra_dejson.engine_id | default(1) }}",
        },
    )
    # [END train]

    # [START wait]
    wait_for_training = TrainingJobSensor(
        task_id="wait_for_training",
        job_id="{{ ti.xcom_pull(task_ids='train')['job_id'] }}",
        version_id="{{ ti.xcom_pull(task_ids='train')['version_id'] }}",
        deferrable=True,
        poke_interval=5,
        timeout=3600,
    )
    # [END wait]
    train >> wait_for_training

    @task
    def choose_parameter(trained: dict[str, Any]) -> float:
        """Read the first version's learning curve and pick the next learning rate from it."""
        metrics = json.loads(stored(f"{trained['train_url']}metrics.json").read_text())
        chosen = faster_learning_rate(
            metrics["learning_rate"], [point["loss"] for point in metrics["curve"]]
        )
        print(
            f"accuracy {metrics['accuracy']:.4f} at {metrics['learning_rate']:g}; next learning rate: {chosen:g}"
        )
        return chosen

    chosen = choose_parameter(wait_for_training.output)

    # [START refine]
    refine = CreateJobVersionOperator(
        task_id="refine",
        job_id="{{ ti.xcom_pull(task_ids='train')['job_id'] }}",
        pre_version_id="{{ ti.xcom_pull(task_ids='train')['version_id'] }}",
        inherit_config=True,
        config={"parameter": {"learning_rate": chosen}, "train_url": prepared["refined_output"]},
    )
    # [END refine]

    wait_for_refined = TrainingJobSensor(
        task_id="wait_for_refined",
        job_id="{{ ti.xcom_pull(task_ids='refine')['job_id'] }}",
        version_id="{{ ti.xcom_pull(task_ids='refine')['version_id'] }}",
        deferrable=True,
        poke_interval=5,
        timeout=3600,
    )
    refine >> wait_for_refined

    @task
    def compare(trained: dict[str, Any], refined: dict[str, Any]) -> dict[str, Any]:
        """Print a table of both versions, the better one marked, and hand it on."""
        versions = []
        for outcome in (trained, refined):
            metrics = json.loads(stored(f"{outcome['train_url']}metrics.json").read_text())
            row = {key: metrics[key] for key in ("learning_rate", "epochs", "accuracy", "f1_score")}
            versions.append(
                {"version": outcome["version_name"], **row, "seconds": outcome["duration"] / 1000}
            )
        table = comparison(versions)
        print(table)
        return {"versions": versions, "table": table}

    compare(wait_for_training.output, wait_for_refined.output)


train_and_refine()
