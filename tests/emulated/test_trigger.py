"""``TrainingJobTrigger`` against the emulator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook, reset_caches
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger
from tests.emulated.waits import gate

if TYPE_CHECKING:
    from airflow_provider_modelarts.client import CreatedJob

PATH = "airflow_provider_modelarts.triggers.training_job.TrainingJobTrigger"


@pytest.fixture
def job(client: Any, config: dict[str, Any]) -> CreatedJob:
    """A job that has completed."""
    return client.create_training_job({"job_name": "job", "config": config})


def events_of(trigger: TrainingJobTrigger) -> list[dict[str, Any]]:
    """Run a trigger to its end and return the payloads of its events."""

    async def collect() -> list[dict[str, Any]]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())


def test_stored_form_is_this_one_for_ever() -> None:
    """A trigger stored by this release must load in the next: path and arguments are fixed."""
    trigger = TrainingJobTrigger(10, 20, "conn", poll_interval=5.5, end_time=1795400000.0)

    assert trigger.serialize() == (
        PATH,
        {
            "job_id": 10,
            "version_id": 20,
            "modelarts_conn_id": "conn",
            "poll_interval": 5.5,
            "end_time": 1795400000.0,
            "cancel_on_kill": False,
        },
    )


def test_arguments_of_other_releases_are_accepted() -> None:
    """Missing arguments have defaults, and unknown ones of a newer release are passed over."""
    trigger = TrainingJobTrigger(job_id=1, version_id=2, from_the_future=True)

    _, kwargs = trigger.serialize()

    assert TrainingJobTrigger(**kwargs).serialize() == trigger.serialize()


def test_completed_version_gives_one_success_event(job) -> None:
    """The event carries ids, status and a message, all plain JSON."""
    (event,) = events_of(TrainingJobTrigger(job.job_id, job.version_id, poll_interval=0.01))

    assert json.loads(json.dumps(event)) == event
    assert event["status"] == "success"
    assert event["job_id"] == job.job_id
    assert event["version_id"] == job.version_id
    assert event["job_status"] == 10
    assert event["message"]


@pytest.mark.parametrize("status", [11, 12])
def test_failed_version_gives_a_failed_event(job, emulator, status: int) -> None:
    """A version that failed or was stopped is no error of the wait."""
    emulator.set_status(job.job_id, job.version_id, status)

    (event,) = events_of(TrainingJobTrigger(job.job_id, job.version_id, poll_interval=0.01))

    assert event["status"] == "failed"
    assert event["job_status"] == status


def test_unknown_job_gives_an_error_event_that_is_final(job) -> None:
    """What no waiting can mend is said so, without a traceback of the triggerer."""
    (event,) = events_of(TrainingJobTrigger(404404, 1, poll_interval=0.01))

    assert event["status"] == "error"
    assert event["job_status"] is None
    assert event["retryable"] is False
    assert "ModelArts.2775" in event["message"]


def test_unusable_connection_gives_an_error_event(connect) -> None:
    """A connection that the triggerer cannot use is named in the event."""
    (event,) = events_of(TrainingJobTrigger(1, 2, "nowhere", poll_interval=0.01))

    assert event["status"] == "error"
    assert event["retryable"] is False
    assert "'nowhere'" in event["message"]


def test_end_of_the_wait_gives_an_error_event(job, emulator) -> None:
    """At its end time the trigger looks once more and gives up."""
    emulator.set_status(job.job_id, job.version_id, 8)
    trigger = TrainingJobTrigger(job.job_id, job.version_id, poll_interval=60, end_time=time.time())

    (event,) = events_of(trigger)

    assert event["status"] == "error"
    assert event["retryable"] is True
    assert "8 RUNNING" in event["message"]


def test_event_holds_no_secret(job, connect) -> None:
    """Even an authentication error does not print what was wrong."""
    connect(password="wrong-secret-key")

    (event,) = events_of(TrainingJobTrigger(job.job_id, job.version_id, poll_interval=0.01))

    assert event["status"] == "error"
    assert "wrong-secret-key" not in json.dumps(event)


@pytest.mark.parametrize("auth_type", ["aksk", "password", "token"])
def test_trigger_uses_every_setting_of_the_connection(connect, auth_type: str) -> None:
    """The client of a trigger equals that of the operator, field by field."""
    connect(auth_type, extra={"timeout": 7, "verify": "false", "workspace_id": "ws"})
    in_task = ModelArtsHook().get_conn().config
    reset_caches()

    in_trigger = asyncio.run(ModelArtsHook.aget_client("modelarts_default")).config

    assert asdict(in_trigger) == asdict(in_task)
    assert in_trigger.timeout == 7
    assert in_trigger.verify is False


def test_connection_is_looked_up_once_for_many_triggers(connect, monkeypatch) -> None:
    """A second trigger of the process reuses what the first has looked up."""
    connect()
    first = asyncio.run(ModelArtsHook.aget_client("modelarts_default"))
    monkeypatch.delenv("AIRFLOW_CONN_MODELARTS_DEFAULT")

    second = asyncio.run(ModelArtsHook.aget_client("modelarts_default"))

    assert second is first


def test_triggers_that_start_together_look_the_connection_up_once(connect, monkeypatch) -> None:
    """Airflow's channel for look-ups is one for all triggers of a process."""
    from airflow.providers.common.compat import connection as airflow_connection

    connect()
    found = ModelArtsHook.get_connection("modelarts_default")
    asked: list[str] = []

    async def look_up(conn_id: str, hook: Any) -> Any:
        asked.append(conn_id)
        await asyncio.sleep(0.01)
        return found

    async def extra(connection: Any) -> dict[str, Any]:
        return connection.extra_dejson

    monkeypatch.setattr(airflow_connection, "get_async_connection", look_up)
    monkeypatch.setattr(airflow_connection, "get_async_extra_dejson", extra)
    reset_caches()

    async def main() -> list[Any]:
        return await asyncio.gather(
            *(ModelArtsHook.aget_client("modelarts_default") for _ in range(100))
        )

    assert len({id(client) for client in asyncio.run(main())}) == 1
    assert asked == ["modelarts_default"]


def test_look_up_outlives_the_trigger_that_began_it(connect, monkeypatch) -> None:
    """In 3.0 and 3.1 an answer of Airflow that nobody reads any more ends the triggerer."""
    from airflow.providers.common.compat import connection as airflow_connection

    connect()
    found = ModelArtsHook.get_connection("modelarts_default")
    steps: list[str] = []

    async def look_up(conn_id: str, hook: Any) -> Any:
        steps.append("asked")
        await asyncio.sleep(0.01)
        steps.append("answered")
        return found

    monkeypatch.setattr(airflow_connection, "get_async_connection", look_up)
    reset_caches()

    async def main() -> Any:
        first, second = (
            asyncio.ensure_future(ModelArtsHook.aget_client("modelarts_default")) for _ in range(2)
        )
        while not steps:  # noqa: ASYNC110 - the first has an import to do in a thread
            await asyncio.sleep(0.001)
        first.cancel()
        return await second

    assert asyncio.run(main()) is not None
    assert steps == ["asked", "answered"]


def test_event_loop_is_not_blocked_by_a_slow_service(job, client) -> None:
    """While an answer is awaited the loop goes on turning."""
    answers = gate(client, "get_job_version")

    async def main() -> str:
        events = TrainingJobTrigger(job.job_id, job.version_id, poll_interval=0.01).run()
        event = asyncio.ensure_future(anext(events))
        for _ in range(20):
            await asyncio.sleep(0.01)
        answers.set()
        return (await event).payload["status"]

    assert asyncio.run(main()) == "success"


LOAD_AND_FIRE = """
import asyncio, sys, threading
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger

class Watch:
    def find_spec(self, name, path=None, target=None):
        where = "loop" if threading.current_thread() is threading.main_thread() else "thread"
        print(where, name, file=sys.__stdout__)

async def main():
    sys.meta_path.insert(0, Watch())
    async for event in TrainingJobTrigger(%d, %d, poll_interval=0.01).run():
        print("event", event.payload["status"], file=sys.__stdout__)

asyncio.run(main())
"""


def test_client_is_loaded_outside_the_event_loop(connect, emulator) -> None:
    """The first trigger of a process does not hold up the others while Python reads its modules."""
    connect()
    (ids,) = emulator.add_jobs(1, status=10)
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOAD_AND_FIRE % ids],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = set(run.stdout.splitlines())

    assert "event success" in lines
    assert "thread airflow_provider_modelarts.client.client" in lines
    for heavy in ("client.client", "client.models.job", "transport"):
        assert f"loop airflow_provider_modelarts.{heavy}" not in lines
