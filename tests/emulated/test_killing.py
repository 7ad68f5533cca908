"""Who ends a task decides what becomes of its training; only the state that Airflow tells is faked."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout
from urllib3.connection import HTTPConnection

from airflow_provider_modelarts import killing
from airflow_provider_modelarts.exceptions import TrainingJobCanceledError
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from tests.emulated.instances import RUNNING, STOPPED, Instance, status

if TYPE_CHECKING:
    from collections.abc import Callable


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


@pytest.mark.parametrize("state", ["failed", "success", "skipped", "restarting"])
def test_task_ended_by_its_user_stops_its_training(kill, emulator, instance, state) -> None:
    """Marked failed, marked successful, cleared: Airflow's record says so, and the job is stopped."""

    def how(task: CreateTrainingJobOperator) -> None:
        instance.state = state
        task.on_kill()

    assert kill(how) in STOPPED
    assert len(emulator.requests("stop_job_version")) == 1


@pytest.mark.parametrize(
    "state",
    [
        None,
        *("up_for_retry", "scheduled", "queued", "deferred", "up_for_reschedule", "removed"),
        *("upstream_failed", "awaiting_input", "a_later_state"),
    ],
)
def test_worker_that_was_taken_for_dead_leaves_the_training_alone(kill, instance, state) -> None:
    """Airflow goes on with the task in another process, which waits for the same training.

    A scheduler that finds the tasks of a dead one unsets their state while their workers live.
    """

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
