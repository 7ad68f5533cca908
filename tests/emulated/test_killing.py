"""Who ends a task decides what becomes of its training; only the state that Airflow tells is faked."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout, TaskDeferred
from airflow.triggers.base import BaseTrigger
from asgiref.sync import async_to_sync
from urllib3.connection import HTTPConnection

from airflow_provider_modelarts import killing
from airflow_provider_modelarts.exceptions import TrainingJobCanceledError
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client import CreatedJob

STOPPED = (9, 12)
RUNNING = 8


class Instance:
    """A task instance whose state Airflow has on record."""

    dag_id, task_id, run_id, map_index = "dag", "train", "run", -1
    try_number, max_tries = 1, 0

    def __init__(self) -> None:
        self.state: str | None = "running"

    def current_state(self) -> str | None:
        """Answer as Airflow 2 does."""
        return self.state

    def xcom_push(self, key: str, value: Any) -> None:
        """Take a value."""


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Instance:
    """A task instance, as the installed Airflow tells of it."""
    found = Instance()
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    except ImportError:
        return found

    def states(**asked: Any) -> dict[str, Any]:
        assert asked["run_ids"] == ["run"]
        index = found.map_index
        key = found.task_id if index < 0 else f"{found.task_id}_{index}"
        return {"run": {key: found.state}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", states)
    return found


@pytest.fixture
def kill(
    client: Any, config: dict[str, Any], emulator: Any, instance: Instance
) -> Callable[..., int]:
    """Return a function that runs a task, kills it while it waits, and returns its job's status.

    ``how`` is called from another thread, as a task is executed in the main thread only.
    """
    emulator.set_transitions("immediate", status=RUNNING)

    def run(how: Callable[[CreateTrainingJobOperator], None], **kwargs: Any) -> int:
        defaults = {"job_name": "job", "config": config, "poll_interval": 0.02}
        task = CreateTrainingJobOperator(
            **{"task_id": "train", "wait_for_completion": True, **defaults, **kwargs}
        )
        found: list[int] = []

        def end() -> None:
            while not emulator.requests("get_job_version"):
                threading.Event().wait(0.01)
            try:
                how(task)
            finally:
                found.append(status(emulator))
                version = emulator.jobs()[0].versions[0]
                emulator.set_status(emulator.jobs()[0].job_id, version.version_id, 12)

        thread = threading.Thread(target=end)
        thread.start()
        with pytest.raises(TrainingJobCanceledError):
            task.execute({"ti": instance})
        thread.join()
        return found[0]

    return run


def status(emulator: Any) -> int:
    """Return the status of the one version."""
    return emulator.jobs()[0].versions[0].status


@pytest.mark.parametrize("state", ["failed", "success", "restarting", None])
def test_task_ended_by_its_user_stops_its_training(kill, emulator, instance, state) -> None:
    """Marked failed, marked successful, cleared: Airflow's record says so, and the job is stopped."""

    def how(task: CreateTrainingJobOperator) -> None:
        instance.state = state
        task.on_kill()

    assert kill(how) in STOPPED
    assert len(emulator.requests("stop_job_version")) == 1


@pytest.mark.parametrize("state", ["up_for_retry", "scheduled", "queued", "deferred"])
def test_worker_that_was_taken_for_dead_leaves_the_training_alone(kill, instance, state) -> None:
    """Airflow goes on with the task in another process, which waits for the same training."""

    def how(task: CreateTrainingJobOperator) -> None:
        instance.state = state
        task.on_kill()

    assert kill(how) == RUNNING


def test_evicted_worker_leaves_the_training_alone(kill, emulator, logged) -> None:
    """SIGTERM while the task is still ``running`` on record is not the user's doing."""
    assert kill(lambda task: task.on_kill()) == RUNNING

    assert emulator.requests("stop_job_version") == []
    assert "the training goes on" in logged()


def test_unknown_state_leaves_the_training_alone(kill, instance, monkeypatch) -> None:
    """When Airflow does not answer in time, the job lives."""
    never = threading.Event()
    monkeypatch.setattr(killing, "STATE_LIMIT", 0.05)

    def ask(**_: Any) -> dict[str, Any]:
        never.wait(5)
        return {}

    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", ask)
    except ImportError:
        instance.current_state = ask

    assert kill(lambda task: task.on_kill()) == RUNNING
    never.set()


def test_kept_alive_where_the_author_says_so(kill, instance) -> None:
    """``cancel_on_kill=False`` wins over everything."""
    instance.state = "failed"

    assert kill(lambda task: task.on_kill(), cancel_on_kill=False) == RUNNING


def test_timeout_of_the_task_stops_its_training(kill) -> None:
    """``execution_timeout`` ends a task that is still ``running`` on record, and its job with it."""

    def how(task: CreateTrainingJobOperator) -> None:
        try:
            raise AirflowTaskTimeout
        except AirflowTaskTimeout:
            task.on_kill()

    assert kill(how) in STOPPED


def test_foreign_job_is_never_stopped(kill, client, config, instance) -> None:
    """A job that was only attached to belongs to somebody else."""
    client.create_training_job({"job_name": "job", "config": config})
    instance.state = "failed"

    assert kill(lambda task: task.on_kill(), if_exists="attach") == RUNNING


def test_task_killed_while_it_submits_stops_what_it_has_made(
    client, config, emulator, instance
) -> None:
    """A kill between request and answer is remembered until the id is known."""
    emulator.set_transitions("immediate", status=RUNNING)
    task = CreateTrainingJobOperator(task_id="train", job_name="job", config=config)
    pushed = instance.xcom_push

    def die(key: str, value: Any) -> None:
        pushed(key, value)
        instance.state = "failed"
        task.on_kill()

    instance.xcom_push = die

    with pytest.raises(Exception, match="killed while it submitted"):
        task.execute({"ti": instance})

    assert status(emulator) in STOPPED


class TerminatedError(BaseException):
    """What Airflow 2 raises out of whatever the task is doing, once ``on_kill`` has returned."""


@pytest.fixture
def interrupted(
    client: Any, config: dict[str, Any], emulator: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[int]]:
    """Return a function that ends a task once an operation was processed, and returns the statuses.

    ``how`` is called in the midst of the request and returns what is raised out of it.
    """
    emulator.set_transitions("immediate", status=RUNNING)
    answered = HTTPConnection.getresponse

    def run(
        operation: str, how: Callable[[CreateTrainingJobOperator], BaseException], **kwargs: Any
    ) -> list[int]:
        task = CreateTrainingJobOperator(task_id="train", job_name="job", config=config, **kwargs)
        ended: list[BaseException] = []

        def die(connection: HTTPConnection) -> Any:
            answer = answered(connection)
            if emulator.requests(operation) and not ended:
                ended.append(how(task))
                raise ended[0]
            return answer

        monkeypatch.setattr(HTTPConnection, "getresponse", die)
        with pytest.raises((TerminatedError, AirflowTaskTimeout)):
            task.execute({"ti": Instance()})
        return [version.status for job in emulator.jobs() for version in job.versions]

    return run


@pytest.mark.parametrize("operation", ["list_training_jobs", "create_training_job"])
def test_task_killed_out_of_a_request_stops_what_it_has_made(
    interrupted, instance, operation: str
) -> None:
    """Airflow 2 does not let a task go on after ``on_kill``, so it never reads the answer."""

    def kill(task: CreateTrainingJobOperator) -> BaseException:
        instance.state = "failed"
        task._context = {"ti": instance}
        task.on_kill()
        return TerminatedError()

    statuses = interrupted(operation, kill)

    assert len(statuses) == (operation == "create_training_job")
    assert all(status in STOPPED for status in statuses)


@pytest.mark.parametrize(("cancel_on_kill", "expected"), [(True, STOPPED), (False, (RUNNING,))])
def test_task_whose_time_is_over_in_mid_request_stops_what_it_has_made(
    interrupted, cancel_on_kill: bool, expected: tuple[int, ...]
) -> None:
    """``execution_timeout`` strikes while the answer is awaited; Airflow calls ``on_kill`` too late."""
    timeout = interrupted(
        "create_training_job", lambda _: AirflowTaskTimeout(), cancel_on_kill=cancel_on_kill
    )

    assert len(timeout) == 1
    assert timeout[0] in expected


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


@pytest.mark.parametrize("state", ["failed", "success", None])
@pytest.mark.parametrize("index", [-1, 3], ids=["plain", "mapped"])
def test_deferred_task_ended_by_its_user_stops_its_training(
    trigger, emulator, instance, state, index: int
) -> None:
    """The state is no longer ``deferred``: somebody acted."""
    instance.map_index = index
    waiting_trigger = trigger()
    instance.state = state

    end(waiting_trigger, emulator)

    assert status(emulator) in STOPPED


@pytest.mark.parametrize("state", ["deferred", "scheduled", "queued", "running", "up_for_retry"])
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


def test_sensor_trigger_never_stops_anything(trigger, emulator, instance) -> None:
    """A trigger without ``cancel_on_kill`` only looks."""
    waiting_trigger = trigger(cancel_on_kill=False)
    instance.state = "failed"

    end(waiting_trigger, emulator)

    assert status(emulator) == RUNNING


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
