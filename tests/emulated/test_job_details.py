"""Operators that read, list and describe, against the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.operators.catalogue import (
    ListBuiltInAlgorithmsOperator,
    ListEnginesOperator,
    ListResourceSpecsOperator,
)
from airflow_provider_modelarts.operators.job_details import (
    GetJobVersionOperator,
    ListJobVersionsOperator,
    ListTrainingJobsOperator,
    ShowTrainingLogOperator,
    UpdateTrainingJobOperator,
)

if TYPE_CHECKING:
    from airflow_provider_modelarts.client import CreatedJob


@pytest.fixture
def job(client: Any, config: dict[str, Any]) -> CreatedJob:
    """A completed job whose parameters hold something that is nobody else's business."""
    settings = config | {"parameter": {"API_KEY": "very-secret"}, "log_url": "/bucket/log/"}
    return client.create_training_job({"job_name": "job", "config": settings})


def test_description_is_changed(job, client, run_task) -> None:
    """The service shows the new text, which may come from a template; an empty one is fine."""
    for text, shown in (("{{ ds }} nightly", "2026-01-01 nightly"), ("", None)):
        task = UpdateTrainingJobOperator(task_id="t", job_id="{{ job_id }}", job_desc=text)

        assert run_task(task, ds="2026-01-01", job_id=str(job.job_id)) is None

        assert next(client.list_training_jobs()).job_desc == shown


def test_description_that_is_too_long_is_refused(job, emulator, run_task) -> None:
    """Nothing is sent, and no retry is worth it."""
    task = UpdateTrainingJobOperator(task_id="t", job_id=job.job_id, job_desc="x" * 257)

    with pytest.raises(AirflowFailException, match="at most 256 characters"):
        run_task(task)

    assert emulator.requests("update_training_job") == []


def test_version_is_described_as_plain_json_without_secrets(job, run_task) -> None:
    """The XCom has what was set, but neither parameters nor command."""
    task = GetJobVersionOperator(task_id="t", job_id=job.job_id, version_id=str(job.version_id))

    found = run_task(task)

    assert json.loads(json.dumps(found)) == found
    assert (found["job_id"], found["version_id"], found["status"]) == (
        job.job_id,
        job.version_id,
        10,
    )
    assert (found["train_url"], found["spec_id"]) == ("/bucket/out/", 1)
    assert "very-secret" not in json.dumps(found)
    assert not {"parameter", "user_command"} & found.keys()


def test_version_that_does_not_exist_is_an_error_for_good(job, run_task) -> None:
    """Asking again would not make it."""
    with pytest.raises(AirflowFailException, match="NotFoundError"):
        run_task(GetJobVersionOperator(task_id="t", job_id=job.job_id, version_id=404))


def test_jobs_are_listed_by_name_status_and_number(emulator, client, run_task) -> None:
    """Filters narrow the list, the limit ends it, and no more is asked for than needed."""
    emulator.add_jobs(3, prefix="a")
    running = emulator.add_jobs(2, status=8, prefix="b")
    emulator.add_jobs(1, prefix="b", workspace_id="w1")

    def names(**options: Any) -> list[str]:
        found = run_task(ListTrainingJobsOperator(task_id="t", **options))
        assert json.loads(json.dumps(found)) == found
        return [row["job_name"] for row in found]

    assert len(names()) == 5
    assert len(names(limit=2)) == 2
    assert emulator.requests("list_training_jobs")[-1].query.endswith("per_page=2&page=1")
    assert len(names(search_content="b", limit=None)) == len(running)
    assert len(names(status="8")) == len(running)
    assert len(names(workspace_id="w1")) == 1


@pytest.mark.parametrize("limit", [0, -1, True])
def test_limit_that_is_none_is_refused_when_the_dag_is_parsed(limit: Any) -> None:
    """It is never templated."""
    with pytest.raises(ValueError, match="limit is"):
        ListTrainingJobsOperator(task_id="t", limit=limit)


def test_versions_are_listed_without_secrets(job, client, config, run_task) -> None:
    """Each version of the job comes, with its id."""
    later = client.create_job_version(
        job.job_id, {"config": config | {"pre_version_id": job.version_id}}
    )

    found = run_task(ListJobVersionsOperator(task_id="t", job_id=job.job_id))

    assert {row["version_id"] for row in found} == {job.version_id, later.version_id}
    assert "very-secret" not in json.dumps(found)


def test_end_of_the_log_is_shown(job, emulator, run_task, logged) -> None:
    """The last lines stand in the task's log; the names of the files are the result."""
    emulator.add_log_lines(job.job_id, job.version_id, [f"epoch {n}" for n in range(1, 10)])
    task = ShowTrainingLogOperator(
        task_id="t", job_id=job.job_id, version_id=job.version_id, lines=3
    )

    names = run_task(task)

    text = logged()
    assert len(names) == 1
    assert names[0] in text
    assert [f"| epoch {n}" in text for n in (6, 7, 8, 9)] == [False, True, True, True]


@pytest.mark.parametrize("fault", ["list_log_files", "get_log"])
def test_log_that_cannot_be_read_is_no_error(job, emulator, run_task, logged, fault: str) -> None:
    """One line says why, and the task goes on."""
    emulator.add_log_lines(job.job_id, job.version_id, ["epoch 1"])
    emulator.inject(fault, "status", status=500, times=10)

    run_task(ShowTrainingLogOperator(task_id="t", job_id=job.job_id, version_id=job.version_id))

    assert "cannot be shown" in logged()


@pytest.mark.parametrize("lines", [0, 501, True])
def test_number_of_lines_is_checked_when_the_dag_is_parsed(lines: Any) -> None:
    """The service gives 1 to 500."""
    with pytest.raises(ValueError, match="lines is"):
        ShowTrainingLogOperator(task_id="t", job_id=1, version_id=2, lines=lines)


def test_catalogue_is_listed(client, run_task) -> None:
    """Ids for a config can be looked up in a DAG."""
    algorithms = run_task(ListBuiltInAlgorithmsOperator(task_id="t", limit=None))
    engines = run_task(ListEnginesOperator(task_id="t"))
    specs = run_task(ListResourceSpecsOperator(task_id="t"))
    fitting = run_task(ListResourceSpecsOperator(task_id="t", engine_id=engines[0]["engine_id"]))
    found = run_task(
        ListBuiltInAlgorithmsOperator(task_id="t", search_content=algorithms[-1]["model_name"])
    )

    assert all(row["model_id"] and row["model_name"] for row in algorithms)
    assert all(row["engine_id"] and row["engine_name"] for row in engines)
    assert all(row["spec_id"] and row["max_num"] for row in specs)
    assert {row["spec_id"] for row in fitting} <= {row["spec_id"] for row in specs}
    assert algorithms[-1] in found
    assert json.loads(json.dumps([algorithms, engines, specs])) == [algorithms, engines, specs]


def test_status_may_be_a_name(client, emulator, run_task, completed_job) -> None:
    """As the messages write it."""
    found = run_task(ListTrainingJobsOperator(task_id="list", status="COMPLETED"))
    none = run_task(ListTrainingJobsOperator(task_id="none", status="running"))

    assert [row["job_id"] for row in found] == [completed_job.job_id]
    assert none == []
