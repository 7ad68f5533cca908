"""Operators and the sensor for visualization jobs, against the emulator."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from airflow_provider_modelarts.exceptions import (
    JobNameExistsError,
    NotFoundError,
    VisualizationJobFailedError,
    WaitTimeoutError,
)
from airflow_provider_modelarts.operators.visualization_job import (
    CreateVisualizationJobOperator,
    GetVisualizationJobOperator,
    ListVisualizationJobsOperator,
    RestartVisualizationJobOperator,
    StopVisualizationJobOperator,
    UpdateVisualizationJobOperator,
)
from airflow_provider_modelarts.sensors.visualization_job import VisualizationJobSensor

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED = [3, 5, 6, 10, 11, 12, 13, 14, 16, 17, 21, 22]
GOES_ON = [0, 1, 2, 4, 7, 9, 15, 18, 19, 20, 77]


@pytest.fixture
def create(run_task: Any, client: Any) -> Callable[..., Any]:
    """Return a function that runs the operator which creates one."""

    def run(**options: Any) -> Any:
        defaults = {"task_id": "t", "job_name": "board", "train_url": "/bucket/out/"}
        return run_task(CreateVisualizationJobOperator(**{**defaults, **options}))

    return run


def status_of(client: Any, job_id: Any) -> int:
    """Return what the service says."""
    return client.get_visualization_job(job_id).status


# ---- creating


def test_job_is_created_with_what_was_given(create, emulator, client) -> None:
    """The result is plain JSON; what was left out stays out."""
    made = create(
        job_type="MindInsight", job_desc="{{ 'see' }}", stop_after_hours="{{ 2 + 2 }}", retries=1
    )

    assert json.loads(json.dumps(made)) == made
    assert made["job_id"] == client.find_visualization_job("board").job_id
    (request,) = emulator.requests("create_visualization_job")
    assert json.loads(request.body) == {
        "job_name": "board",
        "train_url": "/bucket/out/",
        "job_type": "MindInsight",
        "schedule": {"type": "stop", "time_unit": "HOURS", "duration": 4},
        "job_desc": "see",
    }


def test_created_job_can_be_waited_for(create, client) -> None:
    """Then the result has its address."""
    made = create(wait_until_ready=True, poll_interval=0.05)

    assert made["status"] == 8
    assert made["service_url"]


def test_wait_for_a_job_ends_in_time(create) -> None:
    """``execution_timeout`` bounds it."""
    with pytest.raises(WaitTimeoutError):
        create(
            wait_until_ready=True,
            poll_interval=0.05,
            execution_timeout=timedelta(seconds=0.2),
        )


@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_answer_makes_one_job(create, client, emulator, when: str) -> None:
    """Whether the lost request has worked or not, there is one job in the end."""
    emulator.inject("create_visualization_job", "lost_answer", when=when, times=1)

    made = create()

    assert [job.job_id for job in client.list_visualization_jobs()] == [made["job_id"]]


def test_repeated_task_finds_its_own_job(create, client) -> None:
    """A retry returns what the try before has made."""
    first = create()

    assert create()["job_id"] == first["job_id"]
    assert len(list(client.list_visualization_jobs())) == 1


def test_repeated_task_restarts_its_job_where_it_has_ended(create, client, emulator) -> None:
    """Who asks for a board again wants one that runs."""
    first = create()
    emulator.set_visualization_status(first["job_id"], 12)

    again = create(wait_until_ready=True, poll_interval=0.05)

    assert (again["job_id"], again["status"]) == (first["job_id"], 8)


def test_name_of_another_output_is_taken(create) -> None:
    """A board over something else is not this task's."""
    create()

    with pytest.raises(AirflowFailException, match="board") as caught:
        create(train_url="/bucket/other/")

    assert isinstance(caught.value.__cause__, JobNameExistsError)


def test_broken_rules_come_at_once_before_anything_is_sent(create, emulator) -> None:
    """Name, kind and hours are checked after rendering."""
    with pytest.raises(AirflowFailException, match="3 problems") as caught:
        create(job_name="a" * 21, job_type="Board", stop_after_hours=25)

    assert "schedule.duration" in str(caught.value)
    assert emulator.requests() == []


# ---- stop, restart, update, read


def test_job_is_stopped_and_restarted(emulator, run_task, client, logged) -> None:
    """What has happened already is no error."""
    (job_id,) = emulator.add_visualization_jobs(1)

    run_task(StopVisualizationJobOperator(task_id="t", job_id=str(job_id)))
    assert status_of(client, job_id) in (9, 12)
    emulator.set_visualization_status(job_id, 12)
    run_task(StopVisualizationJobOperator(task_id="t", job_id=job_id))
    assert "it is 12 KILLED" in logged()

    result = run_task(RestartVisualizationJobOperator(task_id="t", job_id=job_id))
    assert result["job_id"] == str(job_id)
    assert result["status"] in (1, 7, 8)
    run_task(RestartVisualizationJobOperator(task_id="t", job_id=job_id))
    assert "No need to restart" in logged()
    assert len(emulator.requests("restart_visualization_job")) == 2


@pytest.mark.parametrize(
    ("operation", "task", "status"),
    [
        ("stop_visualization_job", StopVisualizationJobOperator, 8),
        ("restart_visualization_job", RestartVisualizationJobOperator, 12),
    ],
)
def test_lost_answer_is_settled_by_reading_the_state(
    emulator, run_task, client, operation: str, task: Any, status: int
) -> None:
    """The request is not sent again once it has shown its effect."""
    (job_id,) = emulator.add_visualization_jobs(1, status=status)
    emulator.inject(operation, "lost_answer", when="after", times=1)

    run_task(task(task_id="t", job_id=job_id))

    assert len(emulator.requests(operation)) == 1


@pytest.mark.parametrize(
    "task",
    [
        StopVisualizationJobOperator,
        RestartVisualizationJobOperator,
        GetVisualizationJobOperator,
        VisualizationJobSensor,
    ],
)
def test_unknown_job_is_an_error_for_good(client, run_task, task: Any) -> None:
    """A wrong id is not mended by a retry."""
    with pytest.raises(AirflowFailException) as caught:
        run_task(task(task_id="t", job_id="404"))

    assert isinstance(caught.value.__cause__, NotFoundError)


def test_job_is_described_read_and_listed(emulator, run_task, client) -> None:
    """Description, detail and list; all plain JSON."""
    (job_id,) = emulator.add_visualization_jobs(1, prefix="a")
    emulator.add_visualization_jobs(2, status=12, prefix="b")

    run_task(UpdateVisualizationJobOperator(task_id="t", job_id=job_id, job_desc="see here"))
    read = run_task(GetVisualizationJobOperator(task_id="t", job_id=job_id))
    stopped = run_task(ListVisualizationJobsOperator(task_id="t", status=12, search_content="b"))
    first = run_task(ListVisualizationJobsOperator(task_id="t", limit=1))

    assert (read["job_id"], read["job_desc"]) == (str(job_id), "see here")
    assert [row["status"] for row in stopped] == [12, 12]
    assert len(first) == 1
    assert json.loads(json.dumps([read, stopped])) == [read, stopped]


# ---- the sensor


@pytest.fixture
def sensor(emulator: Any, client: Any) -> Callable[..., VisualizationJobSensor]:
    """Return a function that makes a sensor for a job in a status."""

    def make(status: int, **options: Any) -> VisualizationJobSensor:
        (job_id,) = emulator.add_visualization_jobs(1, status=status)
        defaults = {"task_id": "t", "job_id": job_id, "poke_interval": 0.02}
        return VisualizationJobSensor(**{**defaults, **options})

    return make


def test_sensor_ends_when_the_job_is_ready(create, run_task, client) -> None:
    """The result has the address."""
    made = create()
    task = VisualizationJobSensor(task_id="t", job_id=made["job_id"], poke_interval=0.05)

    found = run_task(task)

    assert (found["job_id"], found["status"]) == (made["job_id"], 8)
    assert found["service_url"]


@pytest.mark.parametrize("status", FAILED)
def test_sensor_fails_for_good_where_the_job_has_ended(sensor, run_task, status: int) -> None:
    """A board has no natural end, so each end is a failure of the wait."""
    with pytest.raises(AirflowFailException, match="Restart it") as caught:
        run_task(sensor(status))

    cause = caught.value.__cause__
    assert isinstance(cause, VisualizationJobFailedError)
    assert cause.status == status


@pytest.mark.parametrize("status", GOES_ON)
def test_sensor_waits_at_every_other_status(sensor, status: int) -> None:
    """States on the way, and those that no table has."""
    task = sensor(status)

    assert [task.poke({}).is_done for _ in range(2)] == [False, False]


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_sensor_in_a_new_process_for_each_look_ends_when_it_is_ready(
    sensor, emulator, mode: str
) -> None:
    """Nothing but the id is needed to go on, as after a reschedule."""
    task = sensor(7, mode=mode)
    assert task.poke({}).is_done is False
    emulator.set_visualization_status(task.job_id, 8)

    again = VisualizationJobSensor(task_id="t", job_id=task.job_id, mode=mode)

    assert again.poke({}).is_done is True


def test_sensor_ends_in_time(sensor, run_task) -> None:
    """``timeout`` means what it means for any sensor."""
    with pytest.raises(AirflowSensorTimeout):
        run_task(sensor(7, timeout=0.1))


def test_soft_failure_is_a_skip(sensor, run_task) -> None:
    """``soft_fail`` keeps Airflow's meaning."""
    with pytest.raises(AirflowSkipException):
        run_task(sensor(12, soft_fail=True))
