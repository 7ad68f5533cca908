"""A ``TrainingJobSensor`` without ``version_id`` stays with the version it has settled on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    DAG,
    AirflowFailException,
    AirflowSensorTimeout,
    TaskDeferred,
)

from airflow_provider_modelarts.sensors.settled import KEY
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor
from tests.emulated.conftest import TaskInstance

try:
    from airflow.sdk.exceptions import AirflowRescheduleException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowRescheduleException

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client import CreatedJob


class Store:
    """Airflow's task state store, which all processes of a task instance share."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value."""
        return self.values.get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Keep a value, as JSON."""
        self.values[key] = json.loads(json.dumps(value))


class BrokenStore(Store):
    """One whose API server takes nothing."""

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Fail as the task SDK does."""
        from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
        from airflow.sdk.execution_time.comms import ErrorResponse

        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))


class Processes:
    """Starts processes of one sensor as Airflow does: XComs are wiped unless a deferral is resumed."""

    def __init__(self, job: CreatedJob, store: Store | None, **kwargs: Any) -> None:
        self._kwargs = {"job_id": job.job_id, "poke_interval": 0.05, "retries": 3, **kwargs}
        self.instance = TaskInstance()
        self.instance.max_tries = 3
        self.run = SimpleNamespace(clear_number=0)
        self.context: dict[str, Any] = {"ti": self.instance, "dag_run": self.run}
        if store is not None:
            pytest.importorskip("airflow.sdk")  # Airflow 2 has no such store
            self.context["task_state_store"] = store

    def _sensor(self) -> TrainingJobSensor:
        task = TrainingJobSensor(task_id="task", **self._kwargs)
        task.dag = DAG("test", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
        return task

    def start(self) -> Any:
        """Run a new process: the first, a reschedule, or a retry."""
        self.instance.xcoms.clear()
        return self._sensor().execute(self.context)

    def poke(self) -> Any:
        """Run one poke in a new process."""
        self.instance.xcoms.clear()
        return self._sensor().poke(self.context).xcom_value

    def resume(self, method: str, arguments: dict[str, Any]) -> Any:
        """Resume the deferred task in a new process."""
        return self._sensor().resume_execution(method, arguments, self.context)

    def retry(self) -> None:
        """Make what follows the next try."""
        self.instance.try_number += 1


@pytest.fixture
def start(client: Any, config: dict[str, Any], emulator: Any) -> Callable[..., CreatedJob]:
    """Return a function that creates a job whose versions pass through statuses, default: run on."""

    def make(*statuses: int) -> CreatedJob:
        emulator.set_transitions("reads", sequence=list(statuses or (8,)), reads=1)
        return client.create_training_job({"job_name": "job", "config": config})

    return make


@pytest.fixture
def add_version(client: Any, config: dict[str, Any]) -> Callable[[CreatedJob], int]:
    """Return a function that makes a newer version."""

    def make(job: CreatedJob) -> int:
        request = {"config": config | {"pre_version_id": job.version_id}}
        return client.create_job_version(job.job_id, request).version_id

    return make


@pytest.fixture(params=[-600, 0, 600], ids=["slow clock", "same clock", "fast clock"])
def _skewed(request: pytest.FixtureRequest, emulator: Any) -> None:
    """The service's clock differs from ours."""
    emulator.shift_clock(request.param)


@pytest.mark.usefixtures("_skewed")
def test_reschedule_keeps_the_version_in_the_state_store(start, add_version, emulator) -> None:
    """Each poke is a new process; a version that came after the first is passed over."""
    job = start()
    wait = Processes(job, Store(), mode="reschedule")

    with pytest.raises(AirflowRescheduleException):
        wait.start()
    add_version(job)
    with pytest.raises(AirflowRescheduleException):
        wait.start()
    emulator.set_status(job.job_id, job.version_id, 10)

    assert wait.start()["version_id"] == job.version_id


@pytest.mark.usefixtures("_skewed")
def test_newest_version_is_meant_whatever_the_clocks_say(start, add_version) -> None:
    """A version made a moment before the sensor starts is the newest, although its clock is ahead."""
    job = start(10)
    newer = add_version(job)

    assert Processes(job, Store(), mode="reschedule").start()["version_id"] == newer


@pytest.mark.parametrize("kind", [None, BrokenStore], ids=["no store", "store that fails"])
def test_reschedule_without_a_record_waits_in_the_worker(
    start, logged, kind: type[Store] | None
) -> None:
    """Where no record outlives the process, the process goes on until the version has ended."""
    job = start(8, 8, 10)
    wait = Processes(job, kind and kind(), mode="reschedule")

    assert wait.poke()["version_id"] == job.version_id
    assert "in this worker instead of rescheduling" in logged()


def test_stay_in_the_worker_ends_with_the_timeout(start) -> None:
    """``timeout`` keeps its meaning there."""
    wait = Processes(start(), None, mode="reschedule", timeout=0.1)

    with pytest.raises(AirflowSensorTimeout):
        wait.poke()


@pytest.mark.parametrize("store", [None, Store(), BrokenStore()], ids=["none", "store", "broken"])
def test_failed_trigger_leads_back_to_the_same_version(
    start, add_version, emulator, store: Store | None
) -> None:
    """The version is read from the record, and a newer one is passed over."""
    job = start()
    wait = Processes(job, store, deferrable=True)
    with pytest.raises(TaskDeferred):
        wait.start()
    add_version(job)
    emulator.set_status(job.job_id, job.version_id, 10)

    result = wait.resume("__fail__", {"error": "Trigger failure"})

    assert result["version_id"] == job.version_id


def test_failed_trigger_without_a_record_fails(start) -> None:
    """In doubt no other version is taken."""
    wait = Processes(start(10), None, deferrable=True)

    with pytest.raises(AirflowFailException, match="set version_id"):
        wait.resume("__fail__", {"error": "Trigger failure"})


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_retry_keeps_the_version(start, add_version, mode: str) -> None:
    """The next try goes on with what the first one waited for."""
    job = start(10)
    wait = Processes(job, Store(), mode=mode)
    wait.poke()
    add_version(job)
    wait.retry()

    assert wait.poke()["version_id"] == job.version_id


@pytest.mark.parametrize("which", ["ended", "running"])
def test_cleared_sensor_settles_anew(start, add_version, which: str) -> None:
    """Whoever clears the sensor wants what is newest then, as its training may have been made anew."""
    job = start(10)
    wait = Processes(job, Store())
    wait.poke()
    newer = add_version(job)
    if which == "ended":  # Airflow raises max_tries
        wait.instance.max_tries += 1
    else:  # and of a task that runs only the run's count of clears
        wait.run.clear_number += 1
    wait.retry()

    assert wait.poke()["version_id"] == newer


def test_clear_of_another_task_does_not_move_a_rescheduled_sensor(start, add_version) -> None:
    """It counts the run's clears, but the same try goes on with its version."""
    job = start(10)
    wait = Processes(job, Store(), mode="reschedule")
    wait.poke()
    add_version(job)
    wait.run.clear_number += 1

    assert wait.poke()["version_id"] == job.version_id


@pytest.mark.parametrize(
    "record",
    [None, "text", {}, {"job_id": 1}, {"job_id": None, "version_id": "x"}],
    ids=["null", "text", "empty", "another job", "no version"],
)
def test_record_that_makes_no_sense_counts_as_none(start, record: Any) -> None:
    """A record of another release does not end a wait."""
    job = start(10)
    store = Store()
    store.values[KEY] = record

    assert Processes(job, store).poke()["version_id"] == job.version_id
