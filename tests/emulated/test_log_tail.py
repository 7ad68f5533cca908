"""The end of a failed training's log in the task's log; it never decides how the task ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts import waiting
from airflow_provider_modelarts.exceptions import TrainingJobFailedError
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED_TASK = (AirflowFailException, TrainingJobFailedError)

TASKS = pytest.mark.parametrize("kind", ["sensor", "operator"])
MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])


@pytest.fixture
def ended(client: Any, emulator: Any, config: dict[str, Any]) -> Callable[..., Any]:
    """Return a function that makes a task which waits for a training that writes lines and ends."""

    def make(kind: str, lines: list[str], status: int = 11, *, deferrable: bool = False) -> Any:
        config["log_url"] = "/bucket/log/"
        emulator.set_transitions("reads", sequence=[8, 8, status], reads=1)
        made = client.create_training_job({"job_name": "job", "config": config})
        if lines:
            emulator.add_log_lines(made.job_id, made.version_id, lines)
        options: dict[str, Any] = {"task_id": "wait", "deferrable": deferrable}
        if kind == "sensor":
            ids = {"job_id": made.job_id, "version_id": made.version_id}
            return TrainingJobSensor(**options, **ids, poke_interval=0.01)
        return CreateTrainingJobOperator(
            **options,
            job_name="job",
            config=config,
            if_exists="attach",
            wait_for_completion=True,
            poll_interval=0.01,
        )

    return make


@TASKS
@MODES
def test_last_lines_of_a_failed_training_are_shown(
    ended, run_task, caplog: pytest.LogCaptureFixture, kind: str, deferrable: bool
) -> None:
    """Fifty lines at most, long ones shortened, once."""
    lines = [*(f"epoch {n:03}" for n in range(1, 100)), "x" * 5000 + "end"]

    caplog.set_level("INFO")
    with pytest.raises(FAILED_TASK):
        run_task(ended(kind, lines, deferrable=deferrable))

    shown = [r.getMessage() for r in caplog.records if r.getMessage().startswith("| ")]
    assert shown[:-1] == [f"| epoch {n:03}" for n in range(51, 100)]
    assert shown[-1] == "| " + "x" * 1000


@TASKS
@pytest.mark.parametrize("status", [10, 12])
def test_log_of_other_ends_is_left_alone(ended, run_task, emulator, kind: str, status: int) -> None:
    """Who stopped a training knows why it ended."""
    task = ended(kind, ["epoch 1"], status)
    try:
        run_task(task)
    except FAILED_TASK:
        assert status == 12

    assert emulator.requests("list_log_files") == []


@TASKS
@MODES
@pytest.mark.parametrize("operation", ["list_log_files", "get_log"])
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 404}, {"kind": "garbage"}])
def test_log_that_cannot_be_read_changes_nothing(
    ended,
    run_task,
    emulator,
    logged,
    kind: str,
    deferrable: bool,
    operation: str,
    fault: dict[str, Any],
) -> None:
    """The training has failed, and that is what is told."""
    task = ended(kind, ["epoch 1"], deferrable=deferrable)
    emulator.inject(operation, **{"kind": "status", "times": 10, **fault})

    with pytest.raises(FAILED_TASK, match="ended with status 11 FAILED"):
        run_task(task)

    assert "cannot be shown" in logged()


def test_slow_log_does_not_hold_the_task(
    ended, run_task, emulator, logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up long before it comes, and what is told is the error of the training."""
    monkeypatch.setattr(waiting, "LOG_LIMIT", 0.2)
    task = ended("sensor", ["epoch 1"])
    emulator.inject("list_log_files", "slow", delay=5, times=10)

    with pytest.raises(AirflowFailException, match="ended with status 11 FAILED"):
        run_task(task)

    assert len(emulator.requests("list_log_files")) == 2
    assert "cannot be shown" in logged()


def test_training_without_a_log_is_told_so(ended, run_task, emulator, logged) -> None:
    """One that failed before it wrote anything has none."""
    emulator.inject("list_log_files", "status", status=204)

    with pytest.raises(AirflowFailException):
        run_task(ended("sensor", []))

    assert "has no log" in logged()
