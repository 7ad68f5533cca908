"""What IAM may answer: refusals, passing faults, incomplete answers, another project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.auth.credentials import Password, Token
from airflow_provider_modelarts.client import Backoff
from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
    RequestNotSentError,
    ResponseLostError,
    ServiceUnavailableError,
    ThrottledError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.emulator import Emulator

PROJECT = "0123456789abcdef0123456789abcdef"
HOUR = 3600.0
OK = (200, {"is_success": True, "status": 8})
REFUSED = (401, {"error_msg": "decrypt token fail", "error_code": "APIG.0301"})


def tokens_sent(server: Any) -> list[str]:
    """Return the token of each API call, and "login" for each token request."""
    return [seen.headers.get("x-auth-token", "login") for seen in server.requests]


# ---- what IAM may answer


def test_wrong_password_is_tried_once_by_all_threads_together(
    in_threads: Callable[..., Any], emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """Waiting threads share the refusal, since wrong passwords lock the user."""
    client = emulated("password", password="wrong-word")

    errors = in_threads(16, lambda: list(client.list_training_jobs()))

    assert {type(error) for error in errors} == {AuthenticationError}
    assert all("domain_name" in str(error) and "wrong-word" not in str(error) for error in errors)
    assert len({id(error) for error in errors}) == 16
    assert len(emulator.requests("iam_token")) == 1


def test_refused_login_names_all_that_it_can_be_about(scripted: Callable[..., Any]) -> None:
    """Keystone answers an unknown project or a missing role as it does a wrong password."""
    body = {"error": {"message": "The request you have made requires authentication."}}
    client, _ = scripted((401, body))

    with pytest.raises(AuthenticationError) as caught:
        client.get_job_version(1, 2)

    for field in ("login", "password", "domain_name", "project_id", "project_name"):
        assert field in caught.value.hint


def test_refused_login_is_tried_again_after_a_minute(
    issued: Callable[..., Any], scripted: Callable[..., Any], clock: Any
) -> None:
    """A refusal is not remembered for ever: a mended account works without a restart."""
    client, server = scripted((401, {"error": {"message": "no"}}), issued(), OK)
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            client.get_job_version(1, 2)
        clock.advance(20)

    client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login", "login", "tok-1"]


@pytest.mark.parametrize("status", [400, 403, 404])
def test_other_refusals_of_a_login_are_not_repeated(
    scripted: Callable[..., Any], status: int
) -> None:
    """What IAM refuses for good is asked once."""
    client, server = scripted((status, {"error": {"code": status, "message": "no"}}))

    for _ in range(2):
        with pytest.raises(Exception, match="POST /v3/auth/tokens: .* \\(HTTP"):
            client.get_job_version(1, 2)

    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_fault_of_iam_is_waited_out(
    issued: Callable[..., Any], scripted: Callable[..., Any], status: int
) -> None:
    """A token request changes nothing and is repeated like any other reading call."""
    fault = (status, {"error": {"code": status, "message": "later", "title": "x"}})
    client, server = scripted(fault, fault, fault, fault, issued(), OK)

    assert client.get_job_version(1, 2).status == 8
    assert tokens_sent(server) == ["login"] * 5 + ["tok-1"]


@pytest.mark.parametrize("status", [429, 503])
def test_lasting_fault_of_iam_ends_after_the_usual_attempts(
    scripted: Callable[..., Any], status: int
) -> None:
    """The attempts of the login are not multiplied by those of the call that needs it."""
    client, server = scripted((status, b""))

    with pytest.raises((ThrottledError, ServiceUnavailableError)):
        client.get_job_version(1, 2)

    assert len(server.requests) == Backoff().attempts


def test_unreachable_iam_is_named(
    make_client: Callable[..., Any], serve: Callable[..., Any]
) -> None:
    """The error says that it was the token request which did not get through."""
    server = serve(OK)
    who = Password("user", "the-password", "domain", "http://no-such-iam.invalid", PROJECT)

    with pytest.raises(RequestNotSentError, match="POST http://no-such-iam.invalid/v3/auth/tokens"):
        make_client(server.url, who, backoff=Backoff(attempts=1)).get_job_version(1, 2)

    assert server.requests == []


@pytest.mark.parametrize(
    ("spoil", "missing"),
    [
        (lambda token, headers: headers.pop("X-Subject-Token"), "header X-Subject-Token"),
        (lambda token, headers: token.pop("expires_at"), "token.expires_at"),
        (lambda token, headers: token.update(expires_at="soon"), "token.expires_at"),
        (lambda token, headers: token.update(expires_at=None), "token.expires_at"),
        (lambda token, headers: token.pop("project"), "token.project.id"),
        (lambda token, headers: token.update(project=None), "token.project.id"),
        (lambda token, headers: token.clear(), "token.expires_at, token.project.id"),
    ],
    ids=["header", "end", "odd end", "null end", "project", "null project", "all"],
)
def test_incomplete_answer_of_iam_names_what_is_missing(
    issued: Callable[..., Any],
    scripted: Callable[..., Any],
    spoil: Callable[..., Any],
    missing: str,
) -> None:
    """A 201 without token, end or project says so, and where to look."""
    status, body, headers = issued()
    spoil(body["token"], headers)
    client, _ = scripted((status, body, headers))

    with pytest.raises(ResponseLostError, match=f"HTTP 201 without {missing}.*'IAM endpoint'"):
        client.get_job_version(1, 2)


@pytest.mark.parametrize(
    "life", [{}, {"issued_at": None}, {"issued_at": "x"}], ids=["-", "null", "odd"]
)
def test_token_without_time_of_issue_is_used(
    issued: Callable[..., Any], scripted: Callable[..., Any], clock: Any, life: dict[str, Any]
) -> None:
    """Then the life is reckoned from the local clock."""
    status, body, headers = issued("tok-1")
    del body["token"]["issued_at"]
    body["token"] |= life | {"expires_at": "2999-01-01T00:00:00.000000Z"}
    client, server = scripted((status, body, headers), OK)

    client.get_job_version(1, 2)
    clock.advance(24 * HOUR)
    client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login", "tok-1", "tok-1"]


@pytest.mark.parametrize(
    ("wanted", "got", "message"),
    [
        (
            {"project_id": PROJECT},
            {"project": "another"},
            r"id 'another', but 'Project ID' \(extra project_id\)",
        ),
        ({"project_id": "", "project_name": "eu-nl"}, {}, "name 'eu-de', but .* is 'eu-nl'"),
    ],
    ids=["id", "name"],
)
def test_token_of_another_project_is_refused(
    issued: Callable[..., Any], scripted: Callable[..., Any], wanted: Any, got: Any, message: str
) -> None:
    """A token that IAM made for another project than asked for is not used."""
    client, server = scripted(issued(**got), OK, **wanted)

    with pytest.raises(ConfigurationError, match=message):
        client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login"]


def test_project_of_path_and_token_differ(
    emulator: Emulator, make_client: Callable[..., Any]
) -> None:
    """A ready token of another project is a refusal that names project_id, without repetition."""
    client = make_client(emulator.url, Token(emulator.issue_token()), project_id="f" * 32)

    with pytest.raises(PermissionDeniedError, match=r"\(extra project_id\) of the connection"):
        list(client.list_training_jobs())

    assert len(emulator.requests()) == 1


def test_password_is_not_in_any_error(scripted: Callable[..., Any]) -> None:
    """An IAM that echoes the login does not get the password into the message."""
    client, _ = scripted((400, {"error": {"message": "bad user/the-password"}}))

    with pytest.raises(Exception, match=r"bad user/\*\*\*") as caught:
        client.get_job_version(1, 2)

    assert "the-password" not in f"{caught.value} {caught.value!r}"
