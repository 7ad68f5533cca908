"""Calls as the service sees them: wire form, paging, search by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from airflow_provider_modelarts.exceptions import (
    JobNameExistsError,
    ModelArtsError,
    PayloadValidationError,
    ResponseLostError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.emulator import Emulator

PROJECT = "0123456789abcdef0123456789abcdef"


def row(job_id: int, name: str = "job") -> dict[str, Any]:
    """Return a row of the job list."""
    return {"job_id": job_id, "job_name": name, "status": 10}


def page(*job_ids: int) -> Any:
    """Return a reply with these jobs."""
    return 200, {"is_success": True, "jobs": [row(job_id) for job_id in job_ids]}


def pages_asked(server: Any) -> list[str]:
    """Return the page numbers that were asked for."""
    return [dict(parse_qsl(seen.target.partition("?")[2]))["page"] for seen in server.requests]


# ---- wire


@pytest.mark.parametrize("name", ["request-dataset", "request-custom-image", "request-volumes"])
def test_published_job_sample_goes_out_as_published(
    emulator: Emulator, emulated: Callable[..., Any], sample: Callable[[str], Any], name: str
) -> None:
    """Method, path, headers and body of a new job are those of the API reference."""
    body = sample(f"create_training_job/{name}")

    created = emulated().create_training_job(body)

    (seen,) = emulator.requests()
    assert (seen.method, seen.path, seen.query) == ("POST", f"/v1/{PROJECT}/training-jobs", "")
    assert seen.headers["content-type"] == "application/json"
    assert {"authorization", "x-sdk-date", "x-project-id"} < seen.headers.keys()
    assert json.loads(seen.body) == body
    assert created.job_name == body["job_name"]


def test_published_version_sample_goes_out_as_published(
    emulator: Emulator, emulated: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """Method, path and body of a new version are those of the API reference."""
    ((job, first),) = emulator.add_jobs(1)
    body = sample("create_job_version/request-dataset")
    body["config"]["pre_version_id"] = first

    created = emulated().create_job_version(job, body)

    (seen,) = emulator.requests()
    assert seen.method == "POST"
    assert seen.path == f"/v1/{PROJECT}/training-jobs/{job}/versions"
    assert seen.headers["content-type"] == "application/json"
    assert json.loads(seen.body) == body
    assert (created.job_id, created.version_name) == (job, "V0002")


@pytest.mark.parametrize(
    "name",
    [
        "request-built-in",
        "request-obs-sources",
        "request-dataset-sources",
        "request-dedicated-pool",
    ],
)
def test_further_samples_are_accepted_and_unchanged(
    emulator: Emulator, emulated: Callable[..., Any], sample: Callable[[str], Any], name: str
) -> None:
    """Every way to name algorithm, input and target reaches the service as written."""
    body = sample(f"create_training_job/{name}")

    emulated().create_training_job(body)

    assert json.loads(emulator.requests()[0].body) == body


@pytest.mark.parametrize("name", ["request-custom-image", "request-built-in"])
def test_further_version_samples_are_accepted_and_unchanged(
    serve: Callable[..., Any],
    make_client: Callable[..., Any],
    sample: Callable[[str], Any],
    name: str,
) -> None:
    """Versions of an image or a built-in algorithm reach the service as written."""
    body = sample(f"create_job_version/{name}")
    server = serve((200, sample("create_job_version/200")))

    created = make_client(server.url).create_job_version(10, body)

    assert json.loads(server.requests[0].body) == body
    assert (created.job_id, created.version_id, created.resource_id) == (10, 10, None)


def test_extra_config_is_merged_last_and_unchecked(
    serve: Callable[..., Any], make_client: Callable[..., Any], config: dict[str, Any]
) -> None:
    """Fields newer than this release go out as given and win over ``config``."""
    server = serve((200, {"is_success": True, "job_id": 1, "version_id": 2, "status": 1}))
    extra = {"spec_id": None, "brand_new": {"a": [1]}}

    make_client(server.url).create_training_job({"job_name": "a", "config": config}, extra)

    assert json.loads(server.requests[0].body) == {"job_name": "a", "config": config | extra}


def test_invalid_payload_is_not_sent(emulator: Emulator, emulated: Callable[..., Any]) -> None:
    """The rules are checked before anything leaves the machine."""
    with pytest.raises(PayloadValidationError):
        emulated().create_training_job({"job_name": "a b", "config": {}})

    assert emulator.requests() == []


@pytest.mark.parametrize("answer", ["0103", "2751"])
def test_taken_name_is_told_by_its_class(
    serve: Callable[..., Any], make_client: Callable[..., Any], config: dict[str, Any], answer: str
) -> None:
    """Both generations of the code mean that the name is taken."""
    body = {"is_success": False, "error_message": "no", "error_code": f"ModelArts.{answer}"}
    server = serve((200 if answer == "0103" else 400, body))

    with pytest.raises(JobNameExistsError):
        make_client(server.url).create_training_job({"job_name": "a", "config": config})


@pytest.mark.parametrize(
    ("call", "method", "path"),
    [
        (lambda c: c.get_job_version(1, 2), "GET", "/training-jobs/1/versions/2"),
        (lambda c: c.stop_job_version(1, 2), "POST", "/training-jobs/1/versions/2/stop"),
        (lambda c: c.delete_job_version(1, 2), "DELETE", "/training-jobs/1/versions/2"),
        (lambda c: c.delete_training_job(1), "DELETE", "/training-jobs/1"),
    ],
    ids=["get", "stop", "delete version", "delete job"],
)
def test_calls_without_body_have_the_documented_path(
    serve: Callable[..., Any], make_client: Callable[..., Any], call: Any, method: str, path: str
) -> None:
    """Method and path are those of the API reference, and there is no body."""
    server = serve((200, {"is_success": True, "status": 8}))

    call(make_client(server.url))

    (seen,) = server.requests
    assert (seen.method, seen.target) == (method, f"/v1/{PROJECT}{path}")
    assert seen.body == b""


def test_description_is_changed_as_published(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """Method, path and body are those of the API reference; too long a text is not sent."""
    body = sample("update_training_job/request")
    server = serve((200, sample("update_training_job/200")))
    client = make_client(server.url)

    client.update_training_job(7, body["job_desc"])
    with pytest.raises(PayloadValidationError, match="job_desc"):
        client.update_training_job(7, "a" * 257)

    (seen,) = server.requests
    assert (seen.method, seen.target) == ("PUT", f"/v1/{PROJECT}/training-jobs/7")
    assert json.loads(seen.body) == body


# ---- paging


@pytest.mark.parametrize("number", [0, 1, 9, 10, 11, 30, 35])
def test_every_job_is_listed_once(
    emulator: Emulator, emulated: Callable[..., Any], number: int
) -> None:
    """All rows of all pages come, whether the last page is empty, short or full."""
    added = emulator.add_jobs(number)

    found = list(emulated().list_training_jobs(per_page=10))

    assert sorted(job.job_id for job in found) == sorted(job for job, _ in added)
    assert len(emulator.requests()) == number // 10 + 1


def test_jobs_are_asked_for_newest_first(emulator: Emulator, emulated: Callable[..., Any]) -> None:
    """Sorting by creation keeps rows in place while jobs are created."""
    list(emulated().list_training_jobs())

    (seen,) = emulator.requests()
    query = dict(parse_qsl(seen.query))
    assert query == {"sortBy": "create_time", "order": "desc", "per_page": "100", "page": "1"}


def test_only_pages_that_are_read_are_asked_for(
    emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """Listing is lazy."""
    emulator.add_jobs(30)

    next(emulated().list_training_jobs(per_page=10))

    assert len(emulator.requests()) == 1


def test_row_that_moves_to_the_next_page_comes_once(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """A job created between two requests shifts rows; none comes twice."""
    server = serve(page(5, 4), page(4, 3), page(2))

    found = [job.job_id for job in make_client(server.url).list_training_jobs(per_page=2)]

    assert found == [5, 4, 3, 2]
    assert pages_asked(server) == ["1", "2", "3"]


def test_server_that_ignores_page_does_not_loop(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """A page with nothing new is the last."""
    server = serve(page(2, 1))

    found = [job.job_id for job in make_client(server.url).list_training_jobs(per_page=2)]

    assert found == [2, 1]
    assert len(server.requests) == 2


@pytest.mark.parametrize("jobs", [None, []], ids=["null", "empty"])
def test_null_list_is_empty(
    serve: Callable[..., Any], make_client: Callable[..., Any], jobs: Any
) -> None:
    """Null counts as no rows."""
    server = serve((200, {"is_success": True, "jobs": jobs}))

    assert list(make_client(server.url).list_training_jobs()) == []


@pytest.mark.parametrize("body", [{}, {"jobs": 1}, {"jobs": [1]}], ids=["none", "number", "rows"])
def test_answer_without_a_list_is_lost(
    serve: Callable[..., Any], make_client: Callable[..., Any], body: Any
) -> None:
    """An answer that is no list of jobs is not taken for an empty one."""
    server = serve((200, {"is_success": True, **body}))

    with pytest.raises(ResponseLostError, match="HTTP 200, but the answer has no list 'jobs'"):
        list(make_client(server.url).list_training_jobs())


@pytest.mark.parametrize("number", [1, 5, 6])
def test_every_version_is_listed_with_its_job(
    serve: Callable[..., Any], make_client: Callable[..., Any], number: int
) -> None:
    """Versions come with the job's id and name, which stand beside the list."""

    def versions(*ids: int) -> Any:
        rows = [{"version_id": n, "status": 10, "job_id": None} for n in ids]
        return 200, {"job_id": 7, "job_name": "a", "job_desc": "b", "versions": rows}

    ids = range(1, number + 1)
    server = serve(*(versions(*ids[n : n + 3]) for n in range(0, 9, 3)))

    found = list(make_client(server.url).list_job_versions(7, per_page=3))

    assert [version.version_id for version in found] == list(ids)
    assert {(version.job_id, version.job_name) for version in found} == {(7, "a")}
    assert pages_asked(server) == [str(n + 1) for n in range(number // 3 + 1)]


def test_list_filters_go_out_only_when_given(
    emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """Name, status and workspace narrow the list, the workspace of the connection by default."""
    list(emulated(workspace_id="w1").list_training_jobs(search_content="my job", status=0))

    query = emulator.requests()[0].query
    assert "search_content=my%20job" in query
    assert dict(parse_qsl(query)).items() >= {("status", "0"), ("workspace_id", "w1")}


def test_given_workspace_wins_over_the_connections(
    emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """A call may look into another workspace."""
    emulator.add_jobs(1, workspace_id="w2")

    assert len(list(emulated(workspace_id="w1").list_training_jobs(workspace_id="w2"))) == 1


# ---- search by name


@pytest.mark.parametrize("name", ["job", "Job", "job-2", "a-job", "j" * 64, "b" * 70])
def test_job_is_found_by_its_exact_name(
    serve: Callable[..., Any], make_client: Callable[..., Any], name: str
) -> None:
    """Among names that contain the wanted one, only the equal one is found."""
    names = ["job", "Job", "job-2", "a-job", "j" * 64, "b" * 64, "b" * 70, "b" * 71]
    rows = [row(number, text) for number, text in enumerate(names)]
    server = serve((200, {"is_success": True, "jobs": rows}))

    found = make_client(server.url).find_training_job(name)

    assert found is not None
    assert found.job_name == name
    search = dict(parse_qsl(server.requests[0].target.partition("?")[2]))["search_content"]
    assert search == name[:64]


def test_name_that_is_only_part_of_another_is_not_found(
    emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """The service searches for parts of names; a part is no match."""
    emulator.add_jobs(3, prefix="my-job")

    assert emulated().find_training_job("my-job") is None


def test_job_on_a_later_page_is_found(emulator: Emulator, emulated: Callable[..., Any]) -> None:
    """The search goes on until the name is found."""
    first = emulator.add_jobs(1, prefix="x")[0][0]
    name = emulator.jobs()[0].job_name
    emulator.add_jobs(150, prefix=f"{name}-more")

    found = emulated().find_training_job(name)

    assert found is not None
    assert found.job_id == first


def test_unreadable_answer_names_the_call(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """The error of an unusable answer says which call it was and what is missing."""
    server = serve((200, {"is_success": True, "job_name": "a"}))

    with pytest.raises(ModelArtsError) as caught:
        make_client(server.url).get_job_version(1, 2)

    assert "GET /v1/{project_id}/training-jobs/1/versions/2: HTTP 200" in str(caught.value)
    assert "status" in str(caught.value)
