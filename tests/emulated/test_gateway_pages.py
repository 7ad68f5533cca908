"""Pages of something in front of the service: none of them is a verdict on a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.exceptions import NotFoundError, UnexpectedResponseError
from airflow_provider_modelarts.operators.saved_config import DeleteSavedConfigOperator
from airflow_provider_modelarts.operators.training_job import (
    DeleteJobVersionOperator,
    DeleteTrainingJobOperator,
    StopJobVersionOperator,
)
from airflow_provider_modelarts.operators.visualization_job import DeleteVisualizationJobOperator
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor
from tests.emulated.tries import StateStore, versions

if TYPE_CHECKING:
    from collections.abc import Callable

STATUSES = (302, 400, 403, 404, 405, 407, 409, 410, 421, 425, 499)
HTML = "<html><body><h1>Sorry</h1></body></html>"
FOREIGN = {"error_code": "GW-17", "error_msg": "no route"}

each_page = pytest.mark.parametrize("status", STATUSES)
each_deletion = pytest.mark.parametrize("kind", ["job", "version", "visualization job", "saved"])
no_success = pytest.mark.parametrize(
    "body", [HTML, {}, {"is_success": None}, {"login": "https://sso"}], ids=str
)

OPERATIONS = {
    "job": "delete_training_job",
    "version": "delete_job_version",
    "visualization job": "delete_visualization_job",
    "saved": "delete_saved_config",
}


@pytest.fixture
def page(client: Any, emulator: Any) -> Callable[..., None]:
    """Return a function that has a gateway answer calls of an operation with a page; no pauses."""
    client._sleep = lambda _: None

    def inject(operation: str, status: int, *, body: Any = HTML, **order: Any) -> None:
        emulator.inject(operation, "status", **{"status": status, "body": body, "times": 1} | order)

    return inject


@pytest.fixture
def deletion(client: Any, emulator: Any, config: dict[str, Any]) -> Callable[[str], Any]:
    """Return a function that makes a task which deletes something that is there."""

    def make(kind: str) -> Any:
        if kind == "visualization job":
            (job_id,) = emulator.add_visualization_jobs(1)
            return DeleteVisualizationJobOperator(task_id="t", job_id=job_id)
        if kind == "saved":
            client.create_saved_config({"config_name": "set", **config})
            return DeleteSavedConfigOperator(task_id="t", config_name="set")
        made = client.create_training_job({"job_name": "job", "config": config})
        if kind == "job":
            return DeleteTrainingJobOperator(task_id="t", job_id=made.job_id)
        ids = {"job_id": made.job_id, "version_id": made.version_id}
        return DeleteJobVersionOperator(task_id="t", **ids)

    return make


# ---- waiting


@each_page
@pytest.mark.parametrize("deferrable", [False, True], ids=["poke", "deferrable"])
def test_page_does_not_end_a_wait(
    completed_job, emulator, page, run_task, deferrable: bool, status: int
) -> None:
    """A sensor polls again, before and after it has deferred."""
    job = completed_job
    page("get_job_version", status, times=2)
    sensor = TrainingJobSensor(
        task_id="wait",
        job_id=job.job_id,
        version_id=job.version_id,
        poke_interval=0.01,
        deferrable=deferrable,
    )

    assert run_task(sensor)["status"] == 10
    assert len(emulator.requests("get_job_version")) >= 3


@pytest.mark.parametrize("status", [200, 400, 404])
def test_code_that_the_reference_does_not_know_does_not_end_a_wait(
    completed_job, page, run_task, status: int
) -> None:
    """Another's code is no more a verdict than none."""
    job = completed_job
    page("get_job_version", status, body=FOREIGN)
    ids = {"job_id": job.job_id, "version_id": job.version_id}

    result = run_task(TrainingJobSensor(task_id="wait", poke_interval=0.01, **ids))

    assert result["status"] == 10


@each_page
def test_page_does_not_end_the_wait_for_a_deletion(
    client, emulator, page, config, run_task, status: int
) -> None:
    """What is being deleted is not gone because a gateway says 404."""
    made = client.create_training_job({"job_name": "job", "config": config})
    emulator.set_deletions(delay=0.1)
    page("get_job_version", status)
    ids = {"job_id": made.job_id, "version_id": made.version_id}
    options = {"wait_for_completion": True, "poll_interval": 0.02}

    run_task(DeleteJobVersionOperator(task_id="t", **ids, **options))

    with pytest.raises(NotFoundError):
        client.get_job_version(made.job_id, made.version_id)


# ---- submitting


@each_page
def test_retry_does_not_take_its_own_version_for_gone(job_run, emulator, page, status: int) -> None:
    """A look that a gateway has answered ends the try, and nothing is submitted because of it."""
    run = job_run(StateStore())
    first = run.attempt()
    emulator.clear_requests()
    page("get_job_version", status)

    with pytest.raises(UnexpectedResponseError):
        run.attempt()
    again = run.attempt()

    assert again["version_id"] == first["version_id"]
    assert emulator.requests("create_training_job") == []
    assert len(versions(emulator)) == 1


@each_page
def test_page_at_the_look_for_the_name_submits_nothing(
    job_run, emulator, page, status: int
) -> None:
    """Whether the name is free is not known, so nothing is sent."""
    page("list_training_jobs", status)

    with pytest.raises(UnexpectedResponseError):
        job_run(StateStore()).attempt()

    assert emulator.jobs() == []


@each_page
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["job", "version"])
def test_creation_that_a_page_answers_is_looked_for_first(
    job_run, version_run, emulator, page, what: str, when: str, status: int
) -> None:
    """Whatever has become of the request behind the gateway, there is one training."""
    run, operation, before = (
        (version_run(StateStore()), "create_job_version", 1)
        if what == "version"
        else (job_run(StateStore()), "create_training_job", 0)
    )
    if what == "job":
        emulator.reset()
        emulator.set_transitions("immediate")
    page(operation, status, when=when)
    emulator.clear_requests()

    result = run.attempt()

    assert len(emulator.requests(operation)) == (1 if when == "after" else 2)
    assert [v.version_id for v in versions(emulator)][before:] == [result["version_id"]]


# ---- deleting and stopping


@each_page
@each_deletion
def test_deletion_that_a_page_answers_is_repeated(
    deletion, emulator, page, run_task, kind: str, status: int
) -> None:
    """It is over when the service has said so."""
    task = deletion(kind)
    page(OPERATIONS[kind], status)

    run_task(task)

    assert len(emulator.requests(OPERATIONS[kind])) == 2


@each_deletion
def test_deletion_that_only_pages_answer_is_an_error_that_a_retry_may_fix(
    deletion, page, run_task, kind: str
) -> None:
    """Nothing is called deleted because of them."""
    task = deletion(kind)
    page(OPERATIONS[kind], 404, times=None)

    with pytest.raises(UnexpectedResponseError):
        run_task(task)


@no_success
@each_deletion
def test_deletion_counts_only_when_the_service_says_so(
    deletion, emulator, page, run_task, kind: str, body: Any
) -> None:
    """HTTP 200 without ``is_success: true`` comes from a login page, say."""
    task = deletion(kind)
    page(OPERATIONS[kind], 200, body=body)

    run_task(task)

    assert len(emulator.requests(OPERATIONS[kind])) == 2


def test_deletion_at_a_service_without_this_path_is_an_error(deletion, page, run_task) -> None:
    """``ModelArts.2836`` says that the URL is unknown, not that the job is gone."""
    task = deletion("job")
    unknown = {"is_success": False, "error_code": "ModelArts.2836", "error_msg": "no such URL"}
    page("delete_training_job", 404, body=unknown)

    with pytest.raises(AirflowFailException, match=r"ModelArts\.2836"):
        run_task(task)


@pytest.mark.parametrize(("status", "body"), [(404, HTML), (302, ""), (200, HTML), (200, {})])
def test_stop_that_a_page_answers_is_sent_again(
    completed_job, emulator, page, run_task, status: int, body: Any
) -> None:
    """The state is read first; a version that runs on has not been stopped."""
    job = completed_job
    emulator.set_status(job.job_id, job.version_id, 8)
    page("stop_job_version", status, body=body)
    ids = {"job_id": job.job_id, "version_id": job.version_id}

    run_task(StopJobVersionOperator(task_id="t", **ids))

    assert len(emulator.requests("stop_job_version")) == 2
    assert versions(emulator)[0].status in {9, 12}
