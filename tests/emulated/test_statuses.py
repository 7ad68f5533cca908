"""Every status code through the sensor and an operator that waits, in a worker and deferred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_modelarts.client import polling
from airflow_provider_modelarts.exceptions import (
    StatusUnknownError,
    TrainingJobCanceledError,
    TrainingJobFailedError,
)
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED = [3, 5, 6, 11, 14, 16, 17, 21, 22]
CANCELED = [12, 13]
GOES_ON = [0, 1, 2, 4, 7, 8, 9, 15, 18, 19, 20]
NOT_DOCUMENTED = [23, 77, 4_000_000_000]

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
TASKS = pytest.mark.parametrize("kind", ["sensor", "operator"])


@pytest.fixture
def waiting(client: Any, emulator: Any, config: dict[str, Any], job_run: Any) -> Callable[..., Any]:
    """Return a function that makes a task which waits for a job that passes through statuses."""

    def make(kind: str, *statuses: int, deferrable: bool) -> Any:
        emulator.set_transitions("reads", sequence=list(statuses), reads=1)
        options: dict[str, Any] = {"task_id": "wait", "deferrable": deferrable}
        if kind == "operator":
            return CreateTrainingJobOperator(
                **options,
                job_name="job",
                config=config,
                wait_for_completion=True,
                poll_interval=0.01,
            )
        made = client.create_training_job({"job_name": "job", "config": config})
        ids = {"job_id": made.job_id, "version_id": made.version_id}
        return TrainingJobSensor(**options, **ids, poke_interval=0.01)

    return make


def test_these_are_all_codes() -> None:
    """No documented code is left out here."""
    assert sorted([*FAILED, *CANCELED, *GOES_ON, 10]) == list(range(23))


@TASKS
@MODES
@pytest.mark.parametrize("status", GOES_ON)
def test_status_on_the_way_is_waited_at(
    waiting, run_task, kind: str, deferrable: bool, status: int
) -> None:
    """Only 10 is success."""
    assert run_task(waiting(kind, 8, status, 10, deferrable=deferrable))["status"] == 10


@TASKS
@MODES
@pytest.mark.parametrize("status", [*FAILED, *CANCELED])
def test_bad_end_is_an_error_of_its_class(
    waiting, run_task, kind: str, deferrable: bool, status: int
) -> None:
    """A sensor fails for good, an operator so that a retry trains anew."""
    with pytest.raises((AirflowFailException, TrainingJobFailedError)) as caught:
        run_task(waiting(kind, 8, status, deferrable=deferrable))

    error = caught.value
    if kind == "sensor":
        assert type(error) is AirflowFailException
        error = error.__cause__
    expected = TrainingJobCanceledError if status in CANCELED else TrainingJobFailedError
    assert type(error) is expected
    assert error.status == status


@TASKS
@MODES
@pytest.mark.parametrize("status", NOT_DOCUMENTED)
def test_status_that_no_table_has_is_waited_at_with_one_warning(
    waiting,
    run_task,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    deferrable: bool,
    status: int,
) -> None:
    """The set of codes has grown before."""
    task = waiting(kind, *[status] * 6, 10, deferrable=deferrable)

    assert run_task(task)["status"] == 10
    told = [
        r.levelname
        for r in caplog.records
        if f"{status} (a status that this release does not know)" in r.getMessage()
    ]
    assert told.count("WARNING") == 1


@TASKS
@MODES
def test_state_that_stays_unknown_ends_the_wait(
    waiting, run_task, kind: str, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 0 is no reason to wait for ever; the error leaves so that Airflow retries."""
    monkeypatch.setattr(polling, "SILENCE_LIMIT", 0.05)
    deferrals: list[TaskDeferred] = []

    with pytest.raises(StatusUnknownError, match="may still run"):
        run_task(waiting(kind, 8, *[0] * 200, 10, deferrable=deferrable), deferrals=deferrals)

    assert len(deferrals) == deferrable
