"""Odd text and numbers in the service's answers: nothing they touch fails, and nobody else's task."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.client.status import JobStatus
from airflow_provider_modelarts.exceptions import ModelArtsApiError
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor
from tests.emulated.conftest import fire

if TYPE_CHECKING:
    from airflow_provider_modelarts.client import CreatedJob

CONTROLS = [chr(code) for code in (*range(32), 127, 0x9B, 0x2028)]


def assert_fit(value: Any) -> None:
    """A value goes through Airflow's encoders, and no text in it moves a terminal."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    assert text.encode()
    assert len(text) < 64 * 1024
    assert not any(control in text for control in CONTROLS)


@pytest.fixture
def sensor(client: Any, completed_job: CreatedJob) -> Any:
    """Return a function that makes a sensor of a completed version."""

    def make(**kwargs: Any) -> TrainingJobSensor:
        ids = {"job_id": completed_job.job_id, "version_id": completed_job.version_id}
        return TrainingJobSensor(task_id="wait", poke_interval=0.02, **{**ids, **kwargs})

    return make


def body_of(emulator: Any, job: CreatedJob, **changes: Any) -> bytes:
    """Return the detail of a version with fields as no service should send them, in raw JSON."""
    fields = {
        "is_success": True,
        "job_id": job.job_id,
        "version_id": job.version_id,
        "status": 10,
        "job_name": "job",
    }
    parts = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
    parts += [f"{json.dumps(name)}: {raw}" for name, raw in changes.items()]
    return ("{" + ", ".join(parts) + "}").encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    "changes",
    [
        {"job_name": '"half \\ud83d"'},
        {"job_name": '"torn \udcc3"'},
        {"version_name": '"\\u001b[2Jgone\\u0007"'},
        {"job_name": '"raw \n\r\x1b"'},
        {"train_url": '"/bucket/\\ud83d/\\u202e"'},
        {"duration": "1" + "0" * 5000},
        {"duration": "1e999"},
        {"model_metric_list": '{"accuracy": NaN, "f1": Infinity, "loss": -Infinity}'},
        {"model_metric_list": '"{\\"accuracy\\": NaN, \\"n\\": 99999999999999999999}"'},
        {"model_metric_list": '{"\\ud83d": ["\\ud83d"]}'},
        {"model_metric_list": json.dumps({"rows": [{"image": "x" * 250}] * 5000})},
        {"log_url": json.dumps("/b/" + "x" * 500_000)},
    ],
    ids="-".join,
)
@pytest.mark.parametrize("deferrable", [False, True])
def test_completed_training_is_a_success_whatever_its_texts(
    sensor, emulator, run_task, completed_job, changes: dict[str, str], deferrable: bool
) -> None:
    """The result is strict JSON of bounded size."""
    body = body_of(emulator, completed_job, **changes)
    emulator.inject("get_job_version", kind="status", status=200, body=body, times=None)

    result = run_task(sensor(deferrable=deferrable))

    assert result["status"] == 10
    assert_fit(result)


def test_metrics_that_are_too_large_say_what_is_left_out(
    sensor, emulator, run_task, completed_job, logged
) -> None:
    """In the result and in the log, and where all of it can be read."""
    metrics = {"accuracy": 0.9, "rows": [{"image": "x" * 250}] * 5000}
    body = body_of(emulator, completed_job, model_metric_list=json.dumps(metrics))
    emulator.inject("get_job_version", kind="status", status=200, body=body, times=None)

    result = run_task(sensor())

    assert result["metrics"]["accuracy"] == 0.9
    assert "bytes are too many for a result" in result["metrics"]["left_out"]
    assert f"get_job_version({completed_job.job_id}" in logged()


ODD_ERRORS = [
    rb'{"error_code": "ModelArts.0101", "error_msg": "cut \ud83d"}',
    rb'{"error_code": "ModelArts.0101", "error_msg": "a\nb\u001b[2J", "request_id": "\ud83d"}',
    b'{"error_code": "ModelArts.0101", "error_msg": "' + b"x" * 3_000_000 + b'"}',
    b'{"error_code": "ModelArts.0101", "error_msg": "torn \xc3 raw \x1b\r\n"}',
]


@pytest.mark.parametrize("body", ODD_ERRORS, ids=["half", "controls", "large", "torn"])
def test_refusal_in_odd_words_reaches_the_task_as_one_line(
    sensor, emulator, client, completed_job, body: bytes
) -> None:
    """By the trigger's event too, which Airflow's encoder must be able to write."""
    emulator.set_status(completed_job.job_id, completed_job.version_id, JobStatus.RUNNING)
    emulator.inject("get_job_version", kind="status", status=400, body=body, times=None)

    with pytest.raises(ModelArtsApiError) as caught:
        client.get_job_version(completed_job.job_id, completed_job.version_id)
    for text in (str(caught.value), caught.value.error_code, caught.value.request_id):
        assert_fit(text)
    assert len(str(caught.value)) < 1_200

    assert_fit(fire(_Deferred(_trigger(completed_job))))


def _trigger(job: CreatedJob) -> Any:
    from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger

    return TrainingJobTrigger(job.job_id, job.version_id, poll_interval=0.01)


class _Deferred:
    def __init__(self, trigger: Any) -> None:
        self.trigger = trigger


def test_log_file_with_an_odd_name_does_not_hide_the_failure(
    client, config, emulator, run_task, logged
) -> None:
    """The failure of the training leaves the task, and the log is shown."""
    emulator.set_transitions("immediate", status=JobStatus.FAILED)
    names = rb'{"is_success": true, "log_file_list": ["\ud800\u001b.log"]}'
    emulator.inject("list_log_files", kind="status", status=200, body=names, times=None)
    content = (
        b'{"is_success": true, "content": "torn \xc3\\r10%\\r100%\\nraw \x1b end", "lines": 2}'
    )
    emulator.inject("get_log", kind="status", status=200, body=content, times=None)
    task = CreateTrainingJobOperator(
        task_id="train", job_name="job", config=config, wait_for_completion=True
    )

    with pytest.raises(Exception, match="ended with status 11"):
        run_task(task)

    told = logged()
    assert "| 100%" in told
    assert "| raw \\x1b end" in told


@pytest.mark.parametrize(
    "odd", [b'"torn \xc3"', b'"raw \x1b"', rb'"\ud83d"'], ids=["torn", "raw", "half"]
)
def test_odd_byte_in_a_foreign_job_refuses_no_creation(
    client, config, emulator, run_task, odd: bytes
) -> None:
    """The list of jobs is read to see whether the name is free."""
    rows = b'{"is_success": true, "jobs": [{"job_id": 1, "job_name": "other", "job_desc": ' + odd
    rows += b'}, {"job_name": "without an id"}], "job_total_count": 2}'
    emulator.inject("list_training_jobs", kind="status", status=200, body=rows, times=None)

    result = run_task(CreateTrainingJobOperator(task_id="train", job_name="job", config=config))

    assert result["job_name"] == "job"


def test_name_in_odd_letters_is_refused_before_anything_is_sent(
    client, config, emulator, run_task
) -> None:
    """Half of an emoji is no letter of a name, and does not break the request either."""
    task = CreateTrainingJobOperator(task_id="train", job_name="a\ud83d", config=config)

    with pytest.raises(AirflowFailException, match="text without half characters"):
        run_task(task)

    assert emulator.requests("create_training_job") == []
