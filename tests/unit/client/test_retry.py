"""What is sent again, how often, and with which pauses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.client import Backoff
from airflow_provider_modelarts.client.operation import Operation, Repeat
from airflow_provider_modelarts.exceptions import (
    ConflictError,
    ModelArtsApiError,
    ModelArtsError,
    NotFoundError,
    RequestNotSentError,
    ResponseLostError,
    ServiceUnavailableError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.emulator import Emulator

OK = (200, {"is_success": True, "job_id": 1, "version_id": 2, "status": 8})
MISSING = (400, {"is_success": False, "error_code": "ModelArts.2775"})
LOST = b""
GARBAGE = (200, b"<html>moved</html>")


def failed(status: int, code: str = "") -> Any:
    """Return the reply of a failure."""
    return status, {"error_message": "no", "error_code": code} if code else b""


# ---- reading


@pytest.mark.parametrize(
    "fault",
    [LOST, GARBAGE, *(failed(status) for status in (408, 429, 500, 502, 503, 504))],
    ids=["lost", "garbage", "408", "429", "500", "502", "503", "504"],
)
def test_get_succeeds_at_the_fifth_attempt(
    serve: Callable[..., Any], make_client: Callable[..., Any], fault: Any
) -> None:
    """A GET is tried at least five times on every passing fault."""
    server = serve(fault, fault, fault, fault, OK)

    assert make_client(server.url).get_job_version(1, 2).status == 8
    assert len(server.requests) == 5


@pytest.mark.parametrize("kind", ["reset", "lost_answer", "truncate", "garbage"])
def test_get_survives_a_broken_connection(
    emulator: Emulator, emulated: Callable[..., Any], kind: str
) -> None:
    """A GET is repeated after every way in which a connection breaks."""
    ((job, version),) = emulator.add_jobs(1)
    emulator.inject("get_job_version", kind, times=4)

    assert emulated().get_job_version(job, version).status == 10
    assert len(emulator.requests("get_job_version")) == 5


def test_get_is_repeated_while_nobody_listens(make_client: Callable[..., Any]) -> None:
    """A refused connection is tried as often as any other fault."""
    pauses: list[float] = []
    client = make_client("http://no-such-host.invalid", sleep=pauses.append)

    with pytest.raises(RequestNotSentError):
        client.get_job_version(1, 2)

    assert len(pauses) == Backoff().attempts - 1 >= 4


@pytest.mark.parametrize("status", [500, 503, 429])
def test_lasting_fault_is_raised_as_it_is(
    serve: Callable[..., Any], make_client: Callable[..., Any], status: int
) -> None:
    """After the last attempt the service's own error comes out."""
    server = serve(failed(status, "ModelArts.0010"))

    with pytest.raises(ModelArtsApiError, match=rf"said: no \(HTTP {status} ModelArts.0010\)"):
        make_client(server.url).get_job_version(1, 2)

    assert len(server.requests) == Backoff().attempts


@pytest.mark.parametrize(
    "refusal",
    [
        *(failed(status) for status in (400, 403, 404, 405, 409, 413)),
        failed(400, "ModelArts.2775"),
        failed(409, "ModelArts.2796"),
        (200, {"is_success": False, "error_code": "ModelArts.0105"}),
    ],
    ids=["400", "403", "404", "405", "409", "413", "no job", "state", "flag"],
)
def test_refusal_is_not_repeated(
    serve: Callable[..., Any], make_client: Callable[..., Any], refusal: Any
) -> None:
    """What the service refuses is asked once."""
    server = serve(refusal, OK)

    with pytest.raises(ModelArtsApiError):
        make_client(server.url).get_job_version(1, 2)

    assert len(server.requests) == 1


def test_state_that_changed_meanwhile_is_read_again(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """ModelArts.2878 asks for another look."""
    server = serve(failed(409, "ModelArts.2878"), OK)

    assert make_client(server.url).get_job_version(1, 2).status == 8


# ---- pauses


def pauses_of(client_for: Callable[..., Any], server: Any, **settings: Any) -> list[float]:
    """Return the pauses of a GET that goes on until it works."""
    pauses: list[float] = []
    client_for(server.url, sleep=pauses.append, **settings).get_job_version(1, 2)
    return pauses


@pytest.mark.parametrize("asked", ["17", "Fri, 31 Dec 2999 23:59:59 GMT"], ids=["seconds", "date"])
def test_retry_after_is_honoured(
    serve: Callable[..., Any], make_client: Callable[..., Any], asked: str
) -> None:
    """No pause is shorter than what the service asks for, nor longer than five minutes."""
    server = serve((429, b"", {"Retry-After": asked}), OK)

    (pause,) = pauses_of(make_client, server)

    assert pause == (17 if asked == "17" else 300)


def test_retry_after_of_a_503_is_honoured(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """A service that is down may say for how long, too."""
    server = serve((503, b"", {"Retry-After": "9"}), OK)

    assert pauses_of(make_client, server) == [9]


def test_pauses_grow_up_to_a_cap(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Each pause lies below the doubled one before, and never above the maximum."""
    server = serve(*[failed(500)] * 11, OK)
    backoff = Backoff(attempts=12, initial=1.0, maximum=8.0)

    pauses = pauses_of(make_client, server, backoff=backoff)

    assert len(pauses) == 11
    assert all(0 <= p <= min(2**n, 8) for n, p in enumerate(pauses))


def test_pauses_are_jittered(serve: Callable[..., Any], make_client: Callable[..., Any]) -> None:
    """Two clients that fail together do not come back together."""
    runs = [pauses_of(make_client, serve(*[failed(500)] * 5, OK)) for _ in range(2)]

    assert runs[0] != runs[1]


# ---- creating


@pytest.fixture
def create(make_client: Callable[..., Any], config: dict[str, Any]) -> Callable[..., Any]:
    """Return a function that creates a job, or a version, at a server."""

    def go(server: Any, what: str = "job") -> Any:
        client = make_client(server.url)
        if what == "job":
            return client.create_training_job({"job_name": "job", "config": config})
        body = {"config": {**config, "pre_version_id": 1}}
        return client.create_job_version(1, body)

    return go


each_creation = pytest.mark.parametrize("what", ["job", "version"])


@each_creation
@pytest.mark.parametrize(
    "fault",
    [
        LOST,
        GARBAGE,
        (200, {"is_success": True}),
        *(failed(status) for status in (408, 500, 502, 503, 504)),
        failed(503, "ModelArts.4302"),
        failed(500, "APIG.0613"),
    ],
    ids=["lost", "garbage", "no ids", "408", "500", "502", "503", "504", "4302", "0613 as 500"],
)
def test_creation_of_unknown_fate_is_never_repeated(
    serve: Callable[..., Any], create: Callable[..., Any], what: str, fault: Any
) -> None:
    """Where the job may exist the caller must look before anything is sent again."""
    server = serve(fault, OK)

    with pytest.raises((ResponseLostError, ServiceUnavailableError)):
        create(server, what)

    assert len(server.requests) == 1


@each_creation
@pytest.mark.parametrize(
    "fault",
    [
        failed(429),
        failed(429, "APIG.0308"),
        failed(503, "APIG.0613"),
        failed(503, "APIGW.0613"),
        failed(503, "ModelArts.4700"),
    ],
    ids=["429", "APIG.0308", "APIG.0613", "APIGW.0613", "4700"],
)
def test_creation_is_repeated_where_nothing_was_done(
    serve: Callable[..., Any], create: Callable[..., Any], what: str, fault: Any
) -> None:
    """What was refused before any work is sent again, and creates once."""
    server = serve(fault, fault, OK)

    assert create(server, what).job_id == 1
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "refusal",
    [*(failed(status) for status in (400, 403, 404, 409)), failed(409, "ModelArts.2878")],
    ids=["400", "403", "404", "409", "2878"],
)
def test_refused_creation_is_not_repeated(
    serve: Callable[..., Any], create: Callable[..., Any], refusal: Any
) -> None:
    """A refusal is the answer."""
    server = serve(refusal, OK)

    with pytest.raises(ModelArtsApiError):
        create(server)

    assert len(server.requests) == 1


def test_creation_is_repeated_while_nobody_listens(
    make_client: Callable[..., Any], config: dict[str, Any]
) -> None:
    """Where no connection came about nothing can have been created."""
    pauses: list[float] = []
    client = make_client("http://no-such-host.invalid", sleep=pauses.append)

    with pytest.raises(RequestNotSentError):
        client.create_training_job({"job_name": "job", "config": config})

    assert len(pauses) == Backoff().attempts - 1


@pytest.mark.parametrize("fault", ["lost_answer", "truncate", "garbage"])
def test_lost_answer_leaves_exactly_one_job(
    emulator: Emulator, emulated: Callable[..., Any], config: dict[str, Any], fault: str
) -> None:
    """The job whose creation was lost on the way back exists once."""
    emulator.inject("create_training_job", fault)

    with pytest.raises(ResponseLostError):
        emulated().create_training_job({"job_name": "job", "config": config})

    assert [job.job_name for job in emulator.jobs()] == ["job"]


# ---- deleting


def delete(client: Any, what: str) -> None:
    """Delete a job or a version."""
    if what == "job":
        client.delete_training_job(1)
    else:
        client.delete_job_version(1, 2)


each_deletion = pytest.mark.parametrize("what", ["job", "version"])


@each_deletion
@pytest.mark.parametrize(
    "gone",
    [MISSING, failed(404, "ModelArts.2775"), failed(400, "ModelArts.0102")],
    ids=["2775", "404", "0102"],
)
@pytest.mark.parametrize("fault", [LOST, failed(500), failed(504)], ids=["lost", "500", "504"])
def test_deletion_that_was_lost_has_worked_when_nothing_is_left(
    serve: Callable[..., Any], make_client: Callable[..., Any], what: str, gone: Any, fault: Any
) -> None:
    """An object missing on a repetition means that the lost attempt has deleted it."""
    server = serve(fault, gone)

    delete(make_client(server.url), what)

    assert [seen.method for seen in server.requests] == ["DELETE", "DELETE"]


@each_deletion
@pytest.mark.parametrize("fault", [LOST, failed(404)], ids=["lost", "404"])
def test_deletion_is_not_done_because_a_page_says_404(
    serve: Callable[..., Any], make_client: Callable[..., Any], what: str, fault: Any
) -> None:
    """The request is sent again until the service itself answers."""
    server = serve(fault, failed(404), failed(410), OK)

    delete(make_client(server.url), what)

    assert [seen.method for seen in server.requests] == ["DELETE"] * 4


@each_deletion
@pytest.mark.parametrize("before", [[], [failed(429)]], ids=["at once", "after 429"])
def test_deletion_of_what_never_was_is_an_error(
    serve: Callable[..., Any], make_client: Callable[..., Any], what: str, before: list[Any]
) -> None:
    """An object missing counts as done only where an earlier attempt may have deleted it."""
    server = serve(*before, MISSING)

    with pytest.raises(NotFoundError):
        delete(make_client(server.url), what)


# ---- the decision itself


@pytest.mark.parametrize("repeat", list(Repeat), ids=lambda repeat: repeat.value)
@pytest.mark.parametrize(
    ("error", "always", "harmless"),
    [
        (RequestNotSentError("x"), True, True),
        (ThrottledError("x", http_status=429), True, True),
        (ResponseLostError("x"), False, True),
        (ServiceUnavailableError("x", http_status=503), False, True),
        (NotFoundError("x", http_status=400), False, False),
        (ConflictError("x", http_status=409), False, False),
        (ModelArtsError("x"), False, False),
        (ValueError("x"), False, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_repetition_follows_from_error_and_operation(
    error: Exception, always: bool, harmless: bool, repeat: Repeat
) -> None:
    """An unknown fate forbids repetition only where doing it twice does harm."""
    from airflow_provider_modelarts.client.retry import may_repeat

    expected = always if repeat is Repeat.ASK_FIRST else harmless

    assert may_repeat(error, repeat) is expected


def test_programming_error_is_not_hidden(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """An error that is not ours comes out at once."""
    server = serve(OK)

    def parse(data: Any) -> Any:
        return data["nonsense"]

    with pytest.raises(KeyError):
        make_client(server.url).call(Operation("x", "GET", "/x", parse))

    assert len(server.requests) == 1


def test_client_in_haste_ends_soon_whatever_the_service_asks_for(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Two attempts with a short pause between, although ``Retry-After`` says a minute."""
    pauses: list[float] = []
    server = serve((429, b"", {"Retry-After": "60"}))
    client = make_client(server.url, sleep=pauses.append, timeout=7.0)

    hasty = client.in_haste(2.5)
    with pytest.raises(ThrottledError):
        hasty.get_job_version(1, 2)
    hasty.close()

    assert len(server.requests) == 2
    assert pauses == [1.0]
    assert (hasty.config.timeout, client.in_haste(60).config.timeout) == (2.5, 7.0)
