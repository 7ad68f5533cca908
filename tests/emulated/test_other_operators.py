"""Operators that stop and delete, against the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.operators.training_job import (
    DeleteJobVersionOperator,
    DeleteTrainingJobOperator,
    StopJobVersionOperator,
)

if TYPE_CHECKING:
    from airflow_provider_modelarts.client import CreatedJob


@pytest.fixture
def job(client: Any, config: dict[str, Any]) -> CreatedJob:
    """A job that has completed."""
    return client.create_training_job({"job_name": "job", "config": config})


def test_running_version_is_stopped(job, emulator, run_task) -> None:
    """The service is asked once; ids may be text."""
    emulator.set_status(job.job_id, job.version_id, 8)
    task = StopJobVersionOperator(
        task_id="stop", job_id=str(job.job_id), version_id=str(job.version_id)
    )

    assert run_task(task) is None

    assert len(emulator.requests("stop_job_version")) == 1
    assert emulator.jobs()[0].versions[0].status in (9, 12)


def test_ended_version_is_left_as_it_is(job, emulator, run_task, logged) -> None:
    """Stopping what has completed is no error."""
    task = StopJobVersionOperator(task_id="stop", job_id=job.job_id, version_id=job.version_id)

    run_task(task)

    assert "it is 10 COMPLETED (finished) already" in logged()


def test_unknown_version_cannot_be_stopped(job, run_task) -> None:
    """A wrong id is an error that a retry cannot mend."""
    task = StopJobVersionOperator(task_id="stop", job_id=job.job_id, version_id=404)

    with pytest.raises(AirflowFailException, match="404"):
        run_task(task)


def test_lost_answer_to_a_stop_is_settled_by_reading_the_state(job, emulator, run_task) -> None:
    """The stop is not sent again once it has shown its effect."""
    emulator.set_status(job.job_id, job.version_id, 8)
    emulator.inject("stop_job_version", "lost_answer", when="after", times=1)
    task = StopJobVersionOperator(task_id="stop", job_id=job.job_id, version_id=job.version_id)

    run_task(task)

    assert len(emulator.requests("stop_job_version")) == 1


def test_version_and_job_are_deleted(job, emulator, run_task, client, config) -> None:
    """Deletion of a version leaves the job, deletion of a job leaves nothing."""
    second = client.create_job_version(
        job.job_id, {"config": config | {"pre_version_id": job.version_id}}
    )

    run_task(
        DeleteJobVersionOperator(task_id="version", job_id=job.job_id, version_id=second.version_id)
    )
    assert len(emulator.jobs()[0].versions) == 1
    run_task(DeleteTrainingJobOperator(task_id="job", job_id=job.job_id))

    assert emulator.jobs() == []


def test_deleting_what_is_gone_is_fine(job, run_task, logged) -> None:
    """A retry after a lost answer finds nothing left to delete."""
    run_task(DeleteTrainingJobOperator(task_id="job", job_id=job.job_id))

    run_task(DeleteTrainingJobOperator(task_id="again", job_id=job.job_id))
    run_task(DeleteJobVersionOperator(task_id="version", job_id=job.job_id, version_id=1))

    assert logged().count("Nothing to delete") >= 2
