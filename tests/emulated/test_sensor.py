"""``TrainingJobSensor`` against the emulator, in each of its modes."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_modelarts.exceptions import (
    ModelArtsError,
    NotFoundError,
    TrainingJobCanceledError,
    TrainingJobFailedError,
)
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client import CreatedJob

RESULT_KEYS = {
    "job_id",
    "version_id",
    "job_name",
    "version_name",
    "status",
    "duration",
    "train_url",
    "log_url",
    "metrics",
}
MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["poke", "deferrable"])


@pytest.fixture
def start(client: Any, config: dict[str, Any], emulator: Any) -> Callable[..., CreatedJob]:
    """Return a function that creates a job which passes through the given statuses."""

    def make(*statuses: int) -> CreatedJob:
        if statuses:
            emulator.set_transitions("reads", sequence=list(statuses), reads=1)
        return client.create_training_job({"job_name": "job", "config": config})

    return make


@pytest.fixture
def sensor() -> Callable[..., TrainingJobSensor]:
    """Return a function that makes a sensor with a short interval."""

    def make(job: CreatedJob, **kwargs: Any) -> TrainingJobSensor:
        defaults = {"job_id": job.job_id, "version_id": job.version_id, "poke_interval": 0.01}
        return TrainingJobSensor(**{"task_id": "wait", **defaults, **kwargs})

    return make


@MODES
def test_completed_version_is_returned(start, sensor, run_task, deferrable: bool) -> None:
    """The sensor ends at status 10 with the documented result."""
    job = start(1, 2, 4, 7, 8, 15, 18, 19, 20, 8, 10)

    result = run_task(sensor(job, deferrable=deferrable))

    assert result.keys() == RESULT_KEYS
    assert result["status"] == 10
    assert result["job_id"] == job.job_id
    assert result["version_id"] == job.version_id
    assert result["train_url"] == "/bucket/out/"


@MODES
@pytest.mark.parametrize("status", [3, 5, 6, 11, 14, 16, 17, 21, 22])
def test_failed_version_fails_the_task_for_good(
    start, sensor, run_task, deferrable: bool, status: int
) -> None:
    """Each failure status ends in an error that Airflow does not retry."""
    job = start(8, status)

    with pytest.raises(AirflowFailException, match="log of the training") as caught:
        run_task(sensor(job, deferrable=deferrable))

    cause = caught.value.__cause__
    assert type(cause) is TrainingJobFailedError
    assert (cause.job_id, cause.version_id, cause.status) == (job.job_id, job.version_id, status)


@MODES
@pytest.mark.parametrize("status", [12, 13])
def test_stopped_version_is_a_failure_of_its_own_class(
    start, sensor, run_task, deferrable: bool, status: int
) -> None:
    """Stopped is not success."""
    job = start(8, status)

    with pytest.raises(AirflowFailException) as caught:
        run_task(sensor(job, deferrable=deferrable))

    assert isinstance(caught.value.__cause__, TrainingJobCanceledError)
    assert caught.value.__cause__.status == status


@MODES
def test_undocumented_status_is_waited_at_with_one_warning(
    start, sensor, run_task, logged, deferrable: bool
) -> None:
    """A status that no table has does not end the wait."""
    job = start(8, 77, 77, 10)

    result = run_task(sensor(job, deferrable=deferrable))

    assert result["status"] == 10
    assert "77 (a status that this release does not know)" in logged()


@MODES
def test_newest_version_is_waited_for_by_default(
    start, sensor, run_task, client, config, deferrable: bool
) -> None:
    """Without ``version_id`` the newest version at the start is meant."""
    job = start()
    second = client.create_job_version(
        job.job_id, {"config": config | {"pre_version_id": job.version_id}}
    )

    result = run_task(sensor(job, version_id=None, deferrable=deferrable))

    assert result["version_id"] == second.version_id


def test_version_chosen_at_the_start_stays_although_a_newer_one_comes(
    start, sensor, run_task, client, config
) -> None:
    """A version created while the task is deferred is not waited for."""
    job = start(8, 8, 10)

    def add_version(_: TaskDeferred) -> None:
        client.create_job_version(
            job.job_id, {"config": config | {"pre_version_id": job.version_id}}
        )

    result = run_task(sensor(job, version_id=None, deferrable=True), between=add_version)

    assert result["version_id"] == job.version_id


def test_sensor_defers_once_without_a_worker(start, sensor, run_task) -> None:
    """A deferrable sensor gives its worker back and holds no secret in the trigger's arguments."""
    job = start(1, 8, 8, 10)
    deferrals: list[TaskDeferred] = []

    run_task(sensor(job, deferrable=True), deferrals=deferrals)

    (deferral,) = deferrals
    _, kwargs = deferral.trigger.serialize()
    assert kwargs.keys() == {
        "job_id",
        "version_id",
        "modelarts_conn_id",
        "poll_interval",
        "end_time",
        "cancel_on_kill",
    }


@MODES
def test_timeout_ends_the_wait(start, sensor, run_task, deferrable: bool) -> None:
    """``timeout`` means the same in both modes, and is an ``AirflowSensorTimeout``."""
    job = start(*[8] * 500)

    with pytest.raises(AirflowSensorTimeout):
        run_task(sensor(job, deferrable=deferrable, timeout=0.1))


def test_last_look_wins_over_the_timeout(start, sensor, run_task, emulator) -> None:
    """A job that completed while the deadline passed is a success."""
    job = start(*[8] * 500)

    def complete(_: TaskDeferred) -> None:
        emulator.set_status(job.job_id, job.version_id, 10)

    deferrals: list[TaskDeferred] = []
    result = run_task(
        sensor(job, deferrable=True, timeout=0.2, poke_interval=30),
        deferrals=deferrals,
        between=complete,
    )

    assert len(deferrals) == 1
    assert result["status"] == 10


@MODES
@pytest.mark.parametrize("rule", ["soft_fail", "never_fail"])
@pytest.mark.parametrize("statuses", [(11,), (8, 8, 11)], ids=["at once", "later"])
def test_failed_version_is_a_skip_where_the_sensor_says_so(
    start, sensor, run_task, deferrable: bool, rule: str, statuses: tuple[int, ...]
) -> None:
    """``soft_fail`` and ``never_fail`` keep Airflow's meaning, before a deferral and after it."""
    job = start(*statuses)

    with pytest.raises(AirflowSkipException):
        run_task(sensor(job, deferrable=deferrable, **{rule: True}))


@MODES
def test_unknown_job_fails_for_good(start, sensor, run_task, deferrable: bool) -> None:
    """An id that does not exist is not waited for."""
    job = start()

    with pytest.raises(AirflowFailException, match="project_id and workspace_id") as caught:
        run_task(sensor(job, job_id=404404, deferrable=deferrable))

    assert isinstance(caught.value.__cause__, NotFoundError)


@MODES
def test_job_without_version_fails_for_good(
    client, config, sensor, run_task, deferrable: bool
) -> None:
    """A job that was created without a version has nothing to wait for."""
    job = client.create_training_job(
        {"job_name": "empty", "config": config | {"create_version": False}}
    )

    with pytest.raises(AirflowFailException, match="no version to wait for"):
        run_task(sensor(job, version_id=None, deferrable=deferrable))


@MODES
def test_failed_looks_do_not_end_the_wait(
    start, sensor, run_task, emulator, deferrable: bool
) -> None:
    """Broken answers in the middle of a wait are outlived."""
    job = start(8, 8, 8, 10)
    emulator.inject("get_job_version", "garbage", skip=1, times=2)

    result = run_task(sensor(job, deferrable=deferrable))

    assert result["status"] == 10


def test_event_of_another_job_is_refused(start, sensor, run_task) -> None:
    """A task that was cleared meanwhile does not take an old event for its own."""
    job = start(10)
    event = {"status": "success", "job_id": job.job_id + 1, "version_id": job.version_id}

    with pytest.raises(AirflowFailException, match=f"waits for job_id {job.job_id}"):
        sensor(job, deferrable=True).execute_complete({}, event=event)


@pytest.mark.parametrize(
    "event",
    [None, {}, "success", {"status": "done", "job_id": 1, "version_id": 1}],
    ids=["none", "empty", "text", "unknown status"],
)
def test_event_that_is_not_ours_fails_loudly(start, sensor, event: Any) -> None:
    """Nothing is taken for success that is not."""
    with pytest.raises(AirflowFailException, match="Not an event of TrainingJobTrigger"):
        sensor(start(10), deferrable=True).execute_complete({}, event=event)


def test_error_event_that_can_be_outlived_leads_to_another_look(start, sensor) -> None:
    """A trigger that gave up says nothing about the job: the status is read, and waiting goes on."""
    job = start(8, 8, 10)
    event = {
        "status": "error",
        "job_id": job.job_id,
        "version_id": job.version_id,
        "message": "no answer",
        "retryable": True,
    }

    with pytest.raises(TaskDeferred):
        sensor(job, deferrable=True).execute_complete({}, event=event)


def test_error_event_that_nothing_can_mend_fails_for_good(start, sensor) -> None:
    """A trigger without a usable connection is not sent again and again."""
    job = start(8, 8, 10)
    event = {
        "status": "error",
        "job_id": job.job_id,
        "version_id": job.version_id,
        "message": "ConfigurationError: no connection",
        "retryable": False,
    }

    with pytest.raises(AirflowFailException, match="no connection") as caught:
        sensor(job, deferrable=True).execute_complete({}, event=event)

    assert isinstance(caught.value.__cause__, ModelArtsError)


def test_end_time_survives_the_deferral(start, sensor) -> None:
    """A resumed task goes on with the deadline of its first start."""
    job = start(8, 8, 10)
    end_time = time.time() + 1000
    event = {
        "status": "error",
        "job_id": job.job_id,
        "version_id": job.version_id,
        "retryable": True,
        "end_time": end_time,
    }

    with pytest.raises(TaskDeferred) as caught:
        sensor(job, deferrable=True, timeout=timedelta(days=1)).execute_complete({}, event=event)

    assert caught.value.trigger.end_time == end_time


def test_every_id_parameter_is_templated() -> None:
    """Ids and connection can come from a template."""
    assert set(TrainingJobSensor.template_fields) == {"job_id", "version_id", "modelarts_conn_id"}


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_sensor_that_is_ended_says_that_the_training_goes_on(
    client, config, emulator, run_task, logged, monkeypatch, mode: str
) -> None:
    """Whoever marks it failed may think that the training ends with it."""
    emulator.set_transitions("immediate", status=8)
    job = client.create_training_job({"job_name": "job", "config": config})
    sensor = TrainingJobSensor(
        task_id="wait",
        job_id=job.job_id,
        version_id=job.version_id,
        deferrable=False,
        poke_interval=0.02,
        mode=mode,
    )

    sensor.on_kill()
    assert "goes on" not in logged()
    sensor.poke({})
    sensor.on_kill()

    assert (
        f"goes on. To stop it, run a task with StopJobVersionOperator(job_id={job.job_id}"
        in logged()
    )
    assert emulator.jobs()[0].versions[0].status == 8
