"""Credentials that are replaced while tasks wait, at the service and in the connection."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.triggers.base import BaseTrigger

from airflow_provider_modelarts.client.status import JobStatus
from airflow_provider_modelarts.exceptions import AuthenticationError, TrainingJobCanceledError
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook
from airflow_provider_modelarts.operators.training_job import (
    CreateTrainingJobOperator,
    DeleteJobVersionOperator,
)
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger
from tests.conftest import CONN_VARIABLE
from tests.emulated.instances import STOPPED, status
from tests.emulated.waits import run, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AUTH_TYPES = ["aksk", "password", "token"]
each_type = pytest.mark.parametrize("auth_type", AUTH_TYPES)


class Rotation:
    """Replaces key, password and tokens of the emulator, and what the connection has of them."""

    def __init__(self, emulator: Any, monkeypatch: pytest.MonkeyPatch, auth_type: str) -> None:
        self._emulator, self._monkeypatch, self._auth_type = emulator, monkeypatch, auth_type

    def at_the_service(self) -> None:
        """Refuse what was good so far."""
        old = self._emulator.identity
        self._emulator.rotate(secret_key=f"{old.secret_key}-new", password=f"{old.password}-new")
        self._emulator.expire_tokens()

    def in_the_connection(self) -> None:
        """Put in what is good now."""
        value = json.dumps(self._emulator.connection(self._auth_type))
        self._monkeypatch.setenv(CONN_VARIABLE, value)

    def no_connection(self) -> None:
        """Take it away: so Airflow tells of a database that does not answer."""
        self._monkeypatch.delenv(CONN_VARIABLE)

    def both(self) -> None:
        """Do both; a wait that is refused in between finds no connection, and tries again."""
        self.no_connection()
        self.at_the_service()
        self.in_the_connection()


@pytest.fixture
def rotation(
    connect: Callable[..., Any], emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Rotation]]:
    """Return a function that defines the connection and returns what can replace its credentials."""
    before = emulator.identity

    def define(auth_type: str = "aksk") -> Rotation:
        connect(auth_type)
        return Rotation(emulator, monkeypatch, auth_type)

    yield define
    emulator.rotate(secret_key=before.secret_key, password=before.password)


def when_polled(emulator: Any, work: Callable[[], None]) -> threading.Thread:
    """Do something in a thread once the service has been asked for a status."""

    def wait() -> None:
        while not emulator.requests("get_job_version"):
            threading.Event().wait(0.01)
        work()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


# ---- in the triggerer


async def events_of(triggers: list[TrainingJobTrigger]) -> list[dict[str, Any]]:
    """Run triggers side by side and return the one event of each."""

    async def event(trigger: TrainingJobTrigger) -> dict[str, Any]:
        (found,) = [event.payload async for event in trigger.run()]
        return found

    return await asyncio.gather(*map(event, triggers))


def waiting_for(ids: list[tuple[int, int]]) -> list[TrainingJobTrigger]:
    """Return a trigger for each version."""
    return [TrainingJobTrigger(*pair, poll_interval=0.05) for pair in ids]


@each_type
@pytest.mark.parametrize("count", [1, 5], ids=["single", "shared"])
def test_deferred_waits_go_on_with_new_credentials(
    rotation, emulator, auth_type: str, count: int
) -> None:
    """All that share their polls move on together, and the trainings are seen to their end."""
    rotated = rotation(auth_type)
    ids = emulator.add_jobs(count, status=JobStatus.RUNNING)

    async def main() -> list[dict[str, Any]]:
        waits = asyncio.ensure_future(events_of(waiting_for(ids)))
        await until(lambda: len(emulator.requests()) > 0)
        rotated.both()
        for pair in ids:
            emulator.set_status(*pair, JobStatus.COMPLETED)
        return await waits

    assert [event["status"] for event in run(main)] == ["success"] * count


@each_type
def test_connection_that_cannot_be_read_for_a_while_is_waited_for(
    rotation, emulator, caplog, auth_type: str
) -> None:
    """A database that does not answer at that moment ends no wait."""
    caplog.set_level("INFO")
    rotated = rotation(auth_type)
    ids = emulator.add_jobs(3, status=JobStatus.COMPLETED)

    async def main() -> list[dict[str, Any]]:
        await ModelArtsHook.aget_client("modelarts_default")  # what the triggerer knows already
        rotated.no_connection()
        rotated.at_the_service()
        waits = asyncio.ensure_future(events_of(waiting_for(ids)))
        await until(lambda: "cannot read the connection anew" in caplog.text)
        assert not waits.done()
        rotated.in_the_connection()
        return await waits

    assert [event["status"] for event in run(main)] == ["success"] * 3


def test_wait_ends_when_the_connection_has_nothing_better(rotation, emulator, run_task) -> None:
    """The connection is read anew, once in the triggerer and once in the task, then it is over."""
    rotated = rotation()
    (pair,) = emulator.add_jobs(1, status=JobStatus.RUNNING)
    task = TrainingJobSensor(
        task_id="wait", job_id=pair[0], version_id=pair[1], poke_interval=0.05, deferrable=True
    )

    with pytest.raises(AirflowFailException, match="AuthenticationError") as caught:
        run_task(task, between=lambda _: rotated.at_the_service())

    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert len(emulator.requests("get_job_version")) == 3


def test_new_credentials_that_are_wrong_too_end_the_wait(rotation, emulator) -> None:
    """Only good ones go on."""
    rotated = rotation()
    ids = emulator.add_jobs(1, status=JobStatus.RUNNING)

    async def main() -> list[dict[str, Any]]:
        waits = asyncio.ensure_future(events_of(waiting_for(ids)))
        await until(lambda: len(emulator.requests()) > 0)
        rotated.both()
        rotated.at_the_service()
        return await waits

    (event,) = run(main)

    assert event["status"] == "error"
    assert "AuthenticationError" in event["message"]


def test_ended_trigger_stops_with_new_credentials(rotation, emulator, instance, config) -> None:
    """Those that the wait has used may have been replaced since its last poll."""
    rotated = rotation()
    emulator.set_transitions("immediate", status=JobStatus.RUNNING)
    job = ModelArtsHook().get_conn().create_training_job({"job_name": "job", "config": config})
    trigger = TrainingJobTrigger(job.job_id, job.version_id, poll_interval=60, cancel_on_kill=True)
    trigger._task_instance = instance
    if not hasattr(BaseTrigger, "on_kill"):
        trigger.task_instance = instance

    async def main() -> None:
        task = asyncio.ensure_future(anext(trigger.run()))
        await until(lambda: trigger._client is not None)
        rotated.both()
        instance.state = "failed"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if hasattr(BaseTrigger, "on_kill"):
            await trigger.on_kill()

    run(main)

    assert status(emulator) in STOPPED


# ---- in a worker


@each_type
def test_poking_sensor_goes_on_with_new_credentials(
    rotation, emulator, run_task, auth_type: str
) -> None:
    """The worker reads the connection anew, too."""
    rotated = rotation(auth_type)
    (pair,) = emulator.add_jobs(1, status=JobStatus.RUNNING)

    def rotate() -> None:
        rotated.both()
        emulator.set_status(*pair, JobStatus.COMPLETED)

    thread = when_polled(emulator, rotate)
    ids = {"job_id": pair[0], "version_id": pair[1]}
    result = run_task(TrainingJobSensor(task_id="wait", poke_interval=0.02, **ids))
    thread.join()

    assert result["status"] == JobStatus.COMPLETED


def test_wait_for_a_deletion_goes_on_with_new_credentials(
    rotation, emulator, run_task, config
) -> None:
    """The same for what is being deleted."""
    rotated = rotation("token")  # a signature would not outlive the shift of the clock
    job = ModelArtsHook().get_conn().create_training_job({"job_name": "job", "config": config})
    emulator.set_deletions(delay=3600)

    def rotate() -> None:
        rotated.both()
        emulator.shift_clock(2 * 3600)

    thread = when_polled(emulator, rotate)
    ids = {"job_id": job.job_id, "version_id": job.version_id}
    options = {"wait_for_completion": True, "poll_interval": 0.02}
    run_task(DeleteJobVersionOperator(task_id="t", **ids, **options))
    thread.join()


def test_killed_operator_stops_with_new_credentials(rotation, emulator, instance, config) -> None:
    """A user ends the task just after its credentials were replaced."""
    rotated = rotation()
    emulator.set_transitions("immediate", status=JobStatus.RUNNING)
    task = CreateTrainingJobOperator(
        task_id="train", job_name="job", config=config, wait_for_completion=True, poll_interval=0.5
    )
    found: list[int] = []

    def kill() -> None:
        rotated.both()
        instance.state = "failed"
        task.on_kill()
        found.append(status(emulator))
        job = emulator.jobs()[0]
        emulator.set_status(job.job_id, job.versions[0].version_id, JobStatus.KILLED)

    thread = when_polled(emulator, kill)
    with pytest.raises(TrainingJobCanceledError):
        task.execute({"ti": instance})
    thread.join()

    assert found[0] in STOPPED
