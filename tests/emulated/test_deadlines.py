"""Deadlines, and triggers that fail: the training decides, not the machinery; against the emulator."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_modelarts.exceptions import TrainingJobFailedError, WaitTimeoutError
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client import CreatedJob

RUNNING = 8
STOPPED = (9, 12)
MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])
FAILED_TRIGGER = {"error": "Trigger failure", "traceback": ["Traceback\n", "ImportError: gone\n"]}


@pytest.fixture
def create(client: Any, config: dict[str, Any]) -> Callable[..., CreateTrainingJobOperator]:
    """Return a function that makes an operator which waits with a short interval."""

    def make(**kwargs: Any) -> CreateTrainingJobOperator:
        defaults = {"job_name": "job", "config": config, "poll_interval": 0.01}
        return CreateTrainingJobOperator(
            **{"task_id": "task", "wait_for_completion": True, **defaults, **kwargs}
        )

    return make


@pytest.fixture
def job(client: Any, config: dict[str, Any], emulator: Any) -> CreatedJob:
    """A job that runs."""
    emulator.set_transitions("immediate", status=RUNNING)
    return client.create_training_job({"job_name": "job", "config": config})


def status(emulator: Any) -> int:
    """Return the status of the one version."""
    return emulator.jobs()[0].versions[0].status


@MODES
@pytest.mark.parametrize("limit", [0.1, timedelta(seconds=0.1)], ids=["seconds", "timedelta"])
def test_max_wait_ends_the_wait_and_the_training(
    create, emulator, run_task, deferrable: bool, limit: Any
) -> None:
    """The deadline means the same in both modes, and the job is stopped with the task."""
    emulator.set_transitions("immediate", status=RUNNING)

    with pytest.raises(WaitTimeoutError, match="8 RUNNING"):
        run_task(create(deferrable=deferrable, max_wait=limit))

    assert status(emulator) in STOPPED


@MODES
def test_deadline_leaves_the_training_where_the_author_says_so(
    create, emulator, run_task, deferrable: bool
) -> None:
    """With ``cancel_on_kill=False`` only the wait ends."""
    emulator.set_transitions("immediate", status=RUNNING)

    with pytest.raises(WaitTimeoutError):
        run_task(create(deferrable=deferrable, max_wait=0.1, cancel_on_kill=False))

    assert status(emulator) == RUNNING


def test_execution_timeout_holds_while_deferred(create, emulator, run_task) -> None:
    """Airflow does not enforce it in the triggerer, so it travels as an end time."""
    emulator.set_transitions("immediate", status=RUNNING)

    with pytest.raises(WaitTimeoutError):
        run_task(create(deferrable=True, execution_timeout=timedelta(seconds=0.2)))

    assert status(emulator) in STOPPED


def test_last_look_wins_over_the_deadline(create, emulator, run_task) -> None:
    """A job that completed meanwhile is a success, and nothing is stopped."""
    emulator.set_transitions("immediate", status=RUNNING)

    def complete(_: TaskDeferred) -> None:
        emulator.set_status(
            emulator.jobs()[0].job_id, emulator.jobs()[0].versions[0].version_id, 10
        )

    task = create(deferrable=True, max_wait=0.2, poll_interval=30)

    assert run_task(task, between=complete)["status"] == 10
    assert emulator.requests("stop_job_version") == []


def test_operator_whose_trigger_fails_waits_on_in_the_worker(create, emulator, logged) -> None:
    """A trigger that cannot be loaded is not a job that failed."""
    emulator.set_transitions("reads", sequence=[8, 8, 8, 10], reads=1)
    task = create(deferrable=True)
    context = context_of(task)
    with pytest.raises(TaskDeferred):
        task.execute(context)

    result = task.resume_execution("__fail__", FAILED_TRIGGER, context)

    assert result["status"] == 10
    assert len(emulator.jobs()[0].versions) == 1
    assert "ImportError: gone" in logged()


def test_operator_whose_trigger_fails_reports_a_failed_training(create, emulator) -> None:
    """What the service says decides, also then."""
    emulator.set_transitions("reads", sequence=[8, 11], reads=1)
    task = create(deferrable=True)
    context = context_of(task)
    with pytest.raises(TaskDeferred):
        task.execute(context)

    with pytest.raises(TrainingJobFailedError):
        task.resume_execution("__fail__", None, context)


def test_operator_without_a_claim_says_so(create, job) -> None:
    """If nothing tells which version it was, nothing is guessed."""
    task = create(deferrable=True)

    with pytest.raises(AirflowFailException, match="not on record"):
        task.resume_execution("__fail__", None, context_of(task))


def test_sensor_whose_trigger_fails_waits_on_in_the_worker(job, emulator) -> None:
    """The same for the sensor."""
    task = sensor(job)
    emulator.set_status(job.job_id, job.version_id, 10)

    assert task.resume_execution("__fail__", FAILED_TRIGGER, context_of(task))["status"] == 10


def test_sensor_whose_trigger_fails_keeps_its_timeout(job) -> None:
    """Waiting in the worker ends too."""
    task = sensor(job, timeout=0.1)

    with pytest.raises(AirflowSensorTimeout):
        task.resume_execution("__fail__", FAILED_TRIGGER, context_of(task))


@pytest.mark.parametrize("rule", ["soft_fail", "never_fail"])
def test_sensor_whose_trigger_fails_skips_where_it_says_so(job, emulator, rule: str) -> None:
    """``soft_fail`` and ``never_fail`` hold on this way too."""
    task = sensor(job, **{rule: True})
    emulator.set_status(job.job_id, job.version_id, 11)

    with pytest.raises(AirflowSkipException):
        task.resume_execution("__fail__", FAILED_TRIGGER, context_of(task))


def sensor(job: CreatedJob, **kwargs: Any) -> TrainingJobSensor:
    """Make a deferrable sensor for a job."""
    ids = {"job_id": job.job_id, "version_id": job.version_id}
    return TrainingJobSensor(
        task_id="task", deferrable=True, **{"poke_interval": 0.01, **ids, **kwargs}
    )


def context_of(task: Any) -> dict[str, Any]:
    """Return the context of a first try, the same for its resumption."""
    return {"ti": Instance(), "task": task}


class Instance:
    """A task instance that keeps XComs."""

    task_id, map_index, try_number, max_tries = "task", -1, 1, 0
    start_date = None

    def __init__(self) -> None:
        self._xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value."""
        self._xcoms[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        """Return the value that was kept."""
        return self._xcoms.get(key)

    def get_first_reschedule_date(self, context: Any) -> None:
        """There was no earlier start."""
