"""Deletions that are waited for, against the emulator."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.exceptions import DeletionFailedError, WaitTimeoutError
from airflow_provider_modelarts.operators.training_job import (
    DeleteJobVersionOperator,
    DeleteTrainingJobOperator,
)
from airflow_provider_modelarts.operators.visualization_job import DeleteVisualizationJobOperator

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = pytest.mark.parametrize("kind", ["job", "version", "visualization job"])


@pytest.fixture
def deletion(client: Any, emulator: Any, config: dict[str, Any]) -> Callable[..., Any]:
    """Return a function that makes a task which deletes something that is there."""

    def make(kind: str, **options: Any) -> Any:
        options = {"task_id": "t", "wait_for_completion": True, "poll_interval": 0.02} | options
        if kind == "visualization job":
            (job_id,) = emulator.add_visualization_jobs(1)
            return DeleteVisualizationJobOperator(job_id=job_id, **options)
        made = client.create_training_job({"job_name": "job", "config": config})
        if kind == "job":
            return DeleteTrainingJobOperator(job_id=made.job_id, **options)
        return DeleteJobVersionOperator(job_id=made.job_id, version_id=made.version_id, **options)

    return make


def looks(emulator: Any) -> int:
    """Return how often the service was asked what is still there."""
    return len([r for r in emulator.requests() if r.method == "GET"])


@KINDS
def test_deletion_is_waited_for(deletion, emulator, run_task, logged, kind: str) -> None:
    """The task ends when the thing is gone."""
    task = deletion(kind)
    emulator.set_deletions(delay=0.3)

    run_task(task)

    assert looks(emulator) > 1
    assert "It is gone" in logged()


@KINDS
def test_deletion_is_only_begun_by_default(deletion, emulator, run_task, kind: str) -> None:
    """Nothing is read where nothing is waited for."""
    task = deletion(kind, wait_for_completion=False)
    emulator.set_deletions(delay=60)

    run_task(task)

    assert looks(emulator) == 0


@KINDS
def test_deletion_that_fails_is_an_error_that_may_be_retried(
    deletion, emulator, run_task, kind: str
) -> None:
    """Status 6 is the service's word for it."""
    task = deletion(kind)
    emulator.set_deletions(delay=0.1, fails=True)

    with pytest.raises(DeletionFailedError, match="status 6"):
        run_task(task)


@KINDS
def test_execution_timeout_bounds_the_wait(deletion, emulator, run_task, kind: str) -> None:
    """The wait ends by itself, with the last status in the message."""
    task = deletion(kind, execution_timeout=timedelta(seconds=0.3))
    emulator.set_deletions(delay=60)

    with pytest.raises(WaitTimeoutError, match="The limit is execution_timeout = "):
        run_task(task)


@KINDS
def test_failed_looks_do_not_end_the_wait(deletion, emulator, run_task, kind: str) -> None:
    """A fault while looking is looked through."""
    task = deletion(kind)
    emulator.set_deletions(delay=0.1)
    for operation in ("list_job_versions", "get_job_version", "get_visualization_job"):
        emulator.inject(operation, "reset", times=1)

    run_task(task)

    assert looks(emulator) > 1


def test_job_without_versions_is_waited_for_too(client, emulator, run_task, config) -> None:
    """Its row in the list tells that it is still there."""
    settings = config | {"create_version": False}
    made = client.create_training_job({"job_name": "bare", "config": settings})
    emulator.set_deletions(delay=0.3)

    run_task(
        DeleteTrainingJobOperator(
            task_id="t", job_id=made.job_id, wait_for_completion=True, poll_interval=0.02
        )
    )

    assert emulator.jobs() == []
    assert len(emulator.requests("list_training_jobs")) > 1


def test_what_is_gone_is_not_waited_for(client, emulator, run_task, logged) -> None:
    """A retry finds nothing to do."""
    run_task(DeleteVisualizationJobOperator(task_id="t", job_id="404", wait_for_completion=True))

    assert "Nothing to delete" in logged()
    assert looks(emulator) == 0


def test_id_that_is_none_is_refused(client, run_task) -> None:
    """What is no number was never an id."""
    with pytest.raises(AirflowFailException, match="job_id"):
        run_task(DeleteVisualizationJobOperator(task_id="t", job_id="board"))


def test_interval_is_checked_when_the_dag_is_parsed() -> None:
    """It is never templated."""
    with pytest.raises(ValueError, match="poll_interval is 0"):
        DeleteTrainingJobOperator(task_id="t", job_id=1, poll_interval=0)
