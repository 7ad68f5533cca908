"""Who ends a trigger decides what becomes of its training; only the state that Airflow tells is faked."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.triggers.base import BaseTrigger
from asgiref.sync import async_to_sync

from airflow_provider_modelarts import killing
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.triggers import training_job
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger
from tests.emulated.instances import RUNNING, STOPPED, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client import CreatedJob
    from tests.emulated.instances import Instance


@pytest.fixture
def job(client: Any, config: dict[str, Any], emulator: Any) -> CreatedJob:
    """A job that runs."""
    emulator.set_transitions("immediate", status=RUNNING)
    return client.create_training_job({"job_name": "job", "config": config})


@pytest.fixture
def trigger(job: CreatedJob, instance: Instance) -> Callable[..., TrainingJobTrigger]:
    """Return a function that makes a trigger which belongs to the deferred task instance."""

    def make(**kwargs: Any) -> TrainingJobTrigger:
        found = TrainingJobTrigger(
            job.job_id, job.version_id, poll_interval=0.01, **{"cancel_on_kill": True, **kwargs}
        )
        found._task_instance = instance
        if not hasattr(BaseTrigger, "on_kill"):
            found.task_instance = instance
        instance.state = "deferred"
        return found

    return make


def end(trigger: TrainingJobTrigger, emulator: Any) -> None:
    """Let a trigger look once, cancel it, and call ``on_kill`` as Airflow 3.3 does."""

    async def main() -> None:
        events = trigger.run()
        task = asyncio.ensure_future(anext(events))
        while not emulator.requests("get_job_version"):  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if hasattr(BaseTrigger, "on_kill"):
            await trigger.on_kill()

    asyncio.run(main())


@pytest.mark.parametrize(
    "state", ["failed", "success", "skipped", "restarting", None, "scheduled", "queued"]
)
@pytest.mark.parametrize("index", [-1, 3], ids=["plain", "mapped"])
def test_deferred_task_ended_by_its_user_stops_its_training(
    trigger, emulator, instance, state, index: int
) -> None:
    """Somebody acted; a cleared task waits for a slot, perhaps for long, as ``scheduled``."""
    instance.map_index = index
    waiting_trigger = trigger()
    instance.state = state

    end(waiting_trigger, emulator)

    assert status(emulator) in STOPPED


@pytest.mark.parametrize(
    "state", ["deferred", "running", "up_for_retry", "removed", "a_later_state"]
)
def test_trigger_that_moves_leaves_the_training_alone(trigger, emulator, instance, state) -> None:
    """Redistribution, restart and deploy end a trigger too; the task goes on."""
    moved = trigger()
    instance.state = state

    end(moved, emulator)

    assert status(emulator) == RUNNING
    assert emulator.requests("stop_job_version") == []


def test_trigger_that_is_ended_before_its_first_look_stops_the_training(
    trigger, emulator, instance
) -> None:
    """The connection is looked up then, if it has not been yet."""
    fresh = trigger()
    instance.state = "failed"

    asyncio.run(fresh.on_kill())

    assert status(emulator) in STOPPED


def test_trigger_asks_for_the_state_by_way_of_its_own_loop(
    trigger, emulator, instance, monkeypatch
) -> None:
    """In 3.0 and 3.1 a call to Airflow from a loop of its own takes answers meant for the triggerer."""
    loops: list[Any] = []

    async def answer() -> str:
        loops.append(asyncio.get_running_loop())
        return "failed"

    # As the triggerer's way to its supervisor does.
    monkeypatch.setattr(killing, "state_of", lambda _: async_to_sync(answer)())

    async def main() -> bool:
        await trigger().on_kill()
        return loops == [asyncio.get_running_loop()]

    assert asyncio.run(main())
    assert status(emulator) in STOPPED


def test_trigger_that_is_cancelled_again_and_again_does_its_work(
    trigger, emulator, monkeypatch
) -> None:
    """Before 3.3 Airflow cancels a trigger every second; an answer that nobody reads breaks its channel."""
    monkeypatch.delattr(BaseTrigger, "on_kill", raising=False)
    told: list[str] = []
    asked = threading.Event()

    async def answer() -> str:
        asked.set()
        await asyncio.sleep(0.05)
        told.append("failed")
        return "failed"

    monkeypatch.setattr(killing, "state_of", lambda _: async_to_sync(answer)())

    async def main() -> None:
        task = asyncio.ensure_future(anext(trigger().run()))
        while not emulator.requests("get_job_version"):  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.01)
        task.cancel()
        while not asked.is_set():  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.001)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0.001)
        assert task.cancelled()

    asyncio.run(main())

    assert told == ["failed"]
    assert status(emulator) in STOPPED


def test_question_that_is_not_answered_in_time_is_not_given_up(
    trigger, emulator, monkeypatch
) -> None:
    """The training goes on then; the answer, when it comes, still has somebody who reads it."""
    monkeypatch.setattr(training_job, "KILL_LIMIT", 0.01)
    told: list[str] = []

    async def answer() -> str:
        await asyncio.sleep(0.1)
        told.append("failed")
        return "failed"

    monkeypatch.setattr(killing, "state_of", lambda _: async_to_sync(answer)())

    async def main() -> None:
        await trigger().on_kill()
        assert told == []
        while not told:  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.01)

    asyncio.run(main())

    assert status(emulator) == RUNNING


def test_sensor_trigger_never_stops_anything(trigger, emulator, instance, logged) -> None:
    """A trigger without ``cancel_on_kill`` only polls, and says that the training runs on."""
    waiting_trigger = trigger(cancel_on_kill=False)
    instance.state = "failed"

    end(waiting_trigger, emulator)

    assert status(emulator) == RUNNING
    assert "goes on. To stop it, run a task with StopJobVersionOperator(job_id=" in logged()


def test_trigger_that_has_fired_stops_nothing(trigger, emulator, instance) -> None:
    """Its task was resumed, and is ``scheduled`` for that."""

    async def main() -> None:
        fired = trigger(end_time=1.0)
        (event,) = [event async for event in fired.run()]
        assert event.payload["status"] == "error"
        instance.state = "scheduled"
        await fired.on_kill()

    asyncio.run(main())

    assert status(emulator) == RUNNING


@pytest.mark.skipif(
    not hasattr(BaseTrigger, "on_kill"), reason="a question beside others can end the triggerer"
)
def test_airflow_is_asked_once_at_the_start_of_a_triggerer(
    trigger, emulator, instance, monkeypatch
) -> None:
    """The first question takes it many seconds, which are not there when a task is ended."""
    asked: list[Any] = []

    async def answer() -> str:
        asked.append(instance.state)
        return "deferred"

    monkeypatch.setattr(killing, "state_of", lambda _: async_to_sync(answer)())

    async def main() -> None:
        tasks = [asyncio.ensure_future(anext(trigger().run())) for _ in range(2)]
        while not asked or not emulator.requests("get_job_version"):  # noqa: ASYNC110 - another thread's doing
            await asyncio.sleep(0.01)
        assert len(asked) == 1
        emulator.set_status(
            emulator.jobs()[0].job_id, emulator.jobs()[0].versions[0].version_id, 10
        )
        await asyncio.gather(*tasks)

    asyncio.run(main())

    assert len(asked) == 1


def test_airflow_that_cannot_say_what_became_of_the_task_stops_nothing(
    trigger, emulator, monkeypatch, logged
) -> None:
    """The log says what is known, and no more."""

    def fail(_: Any) -> str:
        message = "no such task"
        raise RuntimeError(message)

    monkeypatch.setattr(killing, "state_of", fail)

    asyncio.run(trigger().on_kill())

    assert status(emulator) == RUNNING
    told = logged()
    assert "no such task" in told
    assert "what became of the task is unknown" in told
    assert "goes on" not in told


def test_operator_passes_its_wish_to_the_trigger(client, config, emulator, instance) -> None:
    """``cancel_on_kill`` travels with the deferral, and back with the event."""
    emulator.set_transitions("immediate", status=RUNNING)

    def deferral(**kwargs: Any) -> dict[str, Any]:
        task = CreateTrainingJobOperator(
            task_id="train", config=config, wait_for_completion=True, deferrable=True, **kwargs
        )
        with pytest.raises(TaskDeferred) as caught:
            task.execute({"ti": instance})
        return caught.value.trigger.serialize()[1]

    assert deferral(job_name="a")["cancel_on_kill"] is True
    assert deferral(job_name="b", cancel_on_kill=False)["cancel_on_kill"] is False
    assert deferral(job_name="a", if_exists="attach")["cancel_on_kill"] is False
