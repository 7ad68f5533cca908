"""Visualization jobs: wire form, rules, and calls whose answer was lost."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from airflow_provider_modelarts.client import CreateVisualizationJobRequest, Token
from airflow_provider_modelarts.exceptions import (
    ConflictError,
    JobNameExistsError,
    PayloadValidationError,
    ResponseLostError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS = "/v1/0123456789abcdef0123456789abcdef/visualization-jobs"
LOST = b""
DONE = (200, {"is_success": True})
REFUSED = (200, {"is_success": False, "error_code": "ModelArts.0105", "error_message": "no"})
TAKEN = (200, {"is_success": False, "error_code": "ModelArts.0103", "error_message": "taken"})
BODY = {"job_name": "board", "train_url": "/b/out/"}


def created(job_id: int = 10) -> Any:
    """Return the reply to a creation."""
    return 200, {"is_success": True, "job_id": str(job_id), "status": "1"}


def listed(*rows: dict[str, Any]) -> Any:
    """Return the reply with these jobs."""
    found = [{"status": 8, "job_id": n, **BODY, **row} for n, row in enumerate(rows, 1)]
    return 200, {"is_success": True, "jobs": found}


def state(status: int) -> Any:
    """Return the detail of a job, which has no ``is_success``."""
    return 200, {"job_id": 197, "status": status}


def asked(server: Any) -> list[str]:
    """Return method and rest of the path of each request."""
    return [
        f"{seen.method} {seen.target.partition('?')[0].removeprefix(JOBS)}".strip()
        for seen in server.requests
    ]


# ---- wire


def test_published_job_goes_out_as_published(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """Body and answer are those of the API reference; the id is a text of digits."""
    body = sample("create_visualization_job/request")
    server = serve((200, sample("create_visualization_job/200")))

    made = make_client(server.url).create_visualization_job(body)

    assert asked(server) == ["POST"]
    assert json.loads(server.requests[0].body) == body
    assert (made.job_id, made.status, made.service_url) == ("10", 1, None)
    assert made.create_time == 1524189990635


def test_schedule_of_the_sample_goes_out_as_the_table_has_it(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """A list of one is the object."""
    body = sample("create_visualization_job/request-schedule-list")
    server = serve(created())

    make_client(server.url).create_visualization_job(body)

    assert json.loads(server.requests[0].body) == {**body, "schedule": body["schedule"][0]}


def test_published_list_is_read(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """The newest come first, of the configured workspace."""
    server = serve((200, sample("list_visualization_jobs/200")))
    client = make_client(server.url, workspace_id="w1")

    (found,) = client.list_visualization_jobs(search_content="vis", status=1)

    assert (found.job_id, found.job_name, found.status) == ("1", "visualization-job", 1)
    assert (found.train_url, found.duration) == ("/obs/name/", 1502323)
    assert dict(parse_qsl(server.requests[0].target.partition("?")[2])) == {
        "search_content": "vis",
        "status": "1",
        "workspace_id": "w1",
        "sortBy": "create_time",
        "order": "desc",
        "per_page": "100",
        "page": "1",
    }


def test_published_detail_is_read(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """The only answer without ``is_success`` is a success all the same."""
    server = serve((200, sample("get_visualization_job/200")))

    found = make_client(server.url).get_visualization_job("197")

    assert (found.job_id, found.status) == ("197", 7)
    assert found.service_url.endswith("/197/")
    assert asked(server) == ["GET /197"]


@pytest.mark.parametrize(
    ("call", "expected", "body"),
    [
        (lambda c: c.update_visualization_job(7, ""), "PUT /7", {"job_desc": ""}),
        (lambda c: c.delete_visualization_job("7"), "DELETE /7", None),
        (lambda c: c.stop_visualization_job(7), "POST /7/stop", None),
        (lambda c: c.restart_visualization_job(7), "POST /7/restart", None),
    ],
    ids=["update", "delete", "stop", "restart"],
)
def test_other_calls_have_the_documented_form(
    serve: Callable[..., Any],
    make_client: Callable[..., Any],
    call: Any,
    expected: str,
    body: Any,
) -> None:
    """Method, path and body are those of the API reference."""
    server = serve(DONE)

    call(make_client(server.url))

    assert asked(server) == [expected]
    sent = server.requests[0].body
    assert (json.loads(sent) if sent else None) == body


# ---- rules


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"job_name": "a" * 21}, "job_name", "V01"),
        ({"job_name": "a b"}, "job_name", "V01"),
        ({"job_desc": "a" * 257}, "job_desc", "R02"),
        ({"train_url": ...}, "train_url", "V02"),
        ({"train_url": 5}, "train_url", "V02"),
        ({"job_type": "Tensorboard"}, "job_type", "V03"),
        ({"schedule": 4}, "schedule", "V04"),
        ({"schedule": {"type": "stop", "time_unit": "HOURS"}}, "schedule.duration", "V04"),
        (
            {"schedule": {"type": "stop", "time_unit": "HOURS", "duration": 25}},
            "schedule.duration",
            "V04",
        ),
        (
            {"schedule": {"type": "start", "time_unit": "HOURS", "duration": 1}},
            "schedule.type",
            "V04",
        ),
        ({"flavor": "x"}, "flavor", "V05"),
        ({"job_typ": "TensorBoard"}, "job_typ", "R27"),
        ({"config": {}}, "config", "R27"),
    ],
)
def test_broken_rule_is_told_before_anything_is_sent(
    serve: Callable[..., Any],
    make_client: Callable[..., Any],
    changes: dict[str, Any],
    field: str,
    rule: str,
) -> None:
    """Each rule of the request names its field."""
    server = serve(DONE)
    body = {name: value for name, value in {**BODY, **changes}.items() if value is not ...}

    with pytest.raises(PayloadValidationError) as caught:
        make_client(server.url).create_visualization_job(body)

    assert [(v.field, v.rule[-4:-1]) for v in caught.value.violations] == [(field, rule)]
    assert server.requests == []


@pytest.mark.parametrize("job_type", ["TensorBoard", "MindInsight", "tensorboard", "mindinsight"])
@pytest.mark.parametrize("hours", [0, "24"])
def test_both_spellings_and_all_hours_are_fit_to_be_sent(job_type: str, hours: Any) -> None:
    """The bounds belong to what is allowed."""
    schedule = {"type": "stop", "time_unit": "HOURS", "duration": hours}

    request = CreateVisualizationJobRequest.checked(
        {**BODY, "job_type": job_type, "schedule": schedule}
    )

    assert request.to_wire()["schedule"]["duration"] == int(hours)


# ---- lost answers


@pytest.mark.parametrize(
    "there",
    [{}, {"create_time": None}, {"train_url": None}, {"create_time": 15099239923}],
    ids=["same", "no time", "no folder", "odd time"],
)
def test_lost_creation_that_has_worked_is_found(
    serve: Callable[..., Any], make_client: Callable[..., Any], clock: Any, there: dict[str, Any]
) -> None:
    """A job of that name and folder, made since, is the one."""
    now = {"create_time": int(clock() * 1000)}
    server = serve(LOST, listed({"job_name": "board-2"}, {**now, **there}))

    made = make_client(server.url, clock=clock).create_visualization_job(BODY)

    assert made.job_id == "2"
    assert asked(server) == ["POST", "GET"]


@pytest.mark.parametrize(
    "there",
    [{"job_name": "board-2"}, {"train_url": "/b/other/"}, {"create_time": 1_600_000_000_000}],
    ids=["other name", "other folder", "too old"],
)
def test_lost_creation_that_has_not_worked_is_repeated(
    serve: Callable[..., Any], make_client: Callable[..., Any], there: dict[str, Any]
) -> None:
    """What cannot come from the lost request is not taken for it."""
    server = serve(LOST, listed(there), created(11))

    assert make_client(server.url).create_visualization_job(BODY).job_id == "11"
    assert asked(server) == ["POST", "GET", "POST"]


@pytest.mark.parametrize("ahead", [-7200, 7200], ids=["ours is slow", "ours is fast"])
@pytest.mark.parametrize("age", [0, 7200], ids=["new", "old"])
def test_age_of_what_is_found_is_told_by_the_clock_of_the_service(
    serve: Callable[..., Any], make_client: Callable[..., Any], clock: Any, ahead: int, age: int
) -> None:
    """Two clocks that differ by hours hide nothing, and make nothing new that is old."""
    status, body = listed({"create_time": int((clock() - age) * 1000)})
    answer = status, body, {"Date": formatdate(clock(), usegmt=True)}
    server = serve(LOST, answer, created(11))
    clock.advance(ahead)

    client = make_client(server.url, Token("a-token"), clock=clock)

    assert client.create_visualization_job(BODY).job_id == ("11" if age else "1")


def test_taken_name_is_told_at_once(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Where nothing was lost the first refusal comes out."""
    server = serve(TAKEN)

    with pytest.raises(JobNameExistsError):
        make_client(server.url).create_visualization_job(BODY)

    assert asked(server) == ["POST"]


@pytest.mark.parametrize(
    ("verb", "effect", "none"),
    [("stop", (9, 12, 10, 11), (8,)), ("restart", (1, 7, 8), (12, 9))],
    ids=["stop", "restart"],
)
def test_lost_request_is_repeated_only_without_effect(
    serve: Callable[..., Any],
    make_client: Callable[..., Any],
    verb: str,
    effect: tuple[int, ...],
    none: tuple[int, ...],
) -> None:
    """The state is read first: it tells whether the lost request has worked."""
    for status in effect:
        server = serve(LOST, state(status))
        getattr(make_client(server.url), f"{verb}_visualization_job")(7)
        assert asked(server) == [f"POST /7/{verb}", "GET /7"]
    for status in none:
        server = serve(LOST, state(status), DONE)
        getattr(make_client(server.url), f"{verb}_visualization_job")(7)
        assert asked(server) == [f"POST /7/{verb}", "GET /7", f"POST /7/{verb}"]


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_request_in_the_wrong_state_is_a_conflict(
    serve: Callable[..., Any], make_client: Callable[..., Any], verb: str
) -> None:
    """The service's refusal comes out, and is not tried again."""
    server = serve(REFUSED)

    with pytest.raises(ConflictError):
        getattr(make_client(server.url), f"{verb}_visualization_job")(7)

    assert asked(server) == [f"POST /7/{verb}"]


def test_detail_without_a_status_is_no_answer(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """In a list an odd row is read all the same; a detail without status is of no use."""
    row = {"job_id": 1, "status": "odd"}
    server = serve((200, {"jobs": [row]}))

    assert [job.status for job in make_client(server.url).list_visualization_jobs()] == [0]
    with pytest.raises(ResponseLostError, match="status"):
        make_client(serve((200, row)).url).get_visualization_job(1)
