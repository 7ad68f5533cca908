"""Project tokens: one for all threads, renewed before its end and once after a refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.auth.credentials import Password
from airflow_provider_modelarts.emulator import Emulator
from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = "0123456789abcdef0123456789abcdef"
HOUR = 3600.0
OK = (200, {"is_success": True, "status": 8})
REFUSED = (401, {"error_msg": "decrypt token fail", "error_code": "APIG.0301"})


def tokens_sent(server: Any) -> list[str]:
    """Return the token of each API call, and "login" for each token request."""
    return [seen.headers.get("x-auth-token", "login") for seen in server.requests]


@pytest.fixture
def short_lived() -> Iterator[Emulator]:
    """An emulator whose tokens live for ten minutes."""
    with Emulator(transitions={"mode": "immediate"}, token_lifetime=600) as server:
        yield server


# ---- the request


@pytest.mark.parametrize(
    ("project_id", "project_name", "scope"),
    [
        (PROJECT, "", {"id": PROJECT}),
        ("", "eu-de", {"name": "eu-de", "domain": {"name": "domain"}}),
        (PROJECT, "eu-de", {"id": PROJECT}),
    ],
    ids=["id", "name", "both"],
)
def test_token_is_asked_for_one_project(
    issued: Callable[..., Any],
    scripted: Callable[..., Any],
    project_id: str,
    project_name: str,
    scope: Any,
) -> None:
    """Method, path, body and scope are the documented ones; a name goes with its domain."""
    client, server = scripted(issued(), OK, project_id=project_id, project_name=project_name)

    client.get_job_version(1, 2)

    login, call = server.requests
    assert (login.method, login.target) == ("POST", "/v3/auth/tokens?nocatalog=true")
    assert login.headers["content-type"] == "application/json;charset=utf8"
    user = {"name": "user", "password": "the-password", "domain": {"name": "domain"}}
    assert json.loads(login.body) == {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": scope},
        }
    }
    assert call.target.startswith(f"/v1/{PROJECT}/")
    assert call.headers["x-auth-token"] == "tok-1"
    assert "authorization" not in call.headers


@pytest.mark.parametrize("scope", ["id", "name"])
def test_login_works_with_the_emulated_service(
    emulator: Emulator, emulated: Callable[..., Any], scope: str
) -> None:
    """A project given by id or by name alone is enough to call the API."""
    where = {"project_id": "", "project_name": "eu-de"} if scope == "name" else {}
    ((job, version),) = emulator.add_jobs(1)

    found = emulated("password", **where).get_job_version(job, version)

    assert (found.job_id, found.version_id) == (job, version)


# ---- one token for all


def test_many_threads_share_one_token_request(
    in_threads: Callable[..., Any], emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """Sixteen threads that start at once log in once."""
    client = emulated("password")
    emulator.inject("iam_token", "slow", delay=0.1)

    errors = in_threads(16, lambda: list(client.list_training_jobs()))

    assert errors == [None] * 16
    assert len(emulator.requests("iam_token")) == 1
    assert len({r.headers["x-auth-token"] for r in emulator.requests("list_training_jobs")}) == 1


def test_many_threads_renew_an_expired_token_once(
    in_threads: Callable[..., Any], emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """Only the token that failed is dropped, so that late threads do not drop the new one."""
    client = emulated("password")
    list(client.list_training_jobs())
    emulator.expire_tokens()

    errors = in_threads(16, lambda: list(client.list_training_jobs()))

    assert errors == [None] * 16
    assert len(emulator.requests("iam_token")) == 2


def test_late_401_does_not_drop_the_new_token(
    issued: Callable[..., Any], scripted: Callable[..., Any]
) -> None:
    """A 401 for a token that was replaced meanwhile makes no further login."""
    client, server = scripted(issued("tok-1"), OK, issued("tok-2"), OK)
    client.get_job_version(1, 2)
    client._auth.renew({"X-Auth-Token": "tok-1"})
    client.get_job_version(1, 2)

    client._auth.renew({"X-Auth-Token": "tok-1"})
    client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login", "tok-1", "login", "tok-2", "tok-2"]


# ---- its life


@pytest.mark.parametrize(
    ("hours", "kept", "renewed"),
    [
        (24, 24 * HOUR - 301, 24 * HOUR - 299),
        (1, HOUR - 301, HOUR - 299),
        (0.1, 179, 181),
    ],
    ids=["a day", "an hour", "six minutes"],
)
def test_token_is_renewed_before_its_end(
    issued: Callable[..., Any],
    scripted: Callable[..., Any],
    clock: Any,
    hours: float,
    kept: float,
    renewed: float,
) -> None:
    """Renewal comes five minutes before the end, and at half of a short life."""
    client, server = scripted(issued("tok-1", hours=hours), OK, OK, issued("tok-2"), OK)
    client.get_job_version(1, 2)

    clock.advance(kept)
    client.get_job_version(1, 2)
    clock.advance(renewed - kept)
    client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login", "tok-1", "tok-1", "login", "tok-2"]


@pytest.mark.parametrize("off", [-10 * 365 * 24 * HOUR, 10 * 365 * 24 * HOUR], ids=["slow", "fast"])
def test_wrong_local_clock_neither_renews_for_ever_nor_keeps_too_long(
    issued: Callable[..., Any], scripted: Callable[..., Any], clock: Any, off: float
) -> None:
    """The life of a token is the difference of the server's own two times."""
    clock.advance(off)
    client, server = scripted(issued("tok-1"), OK, OK, issued("tok-2"), OK)

    client.get_job_version(1, 2)
    client.get_job_version(1, 2)
    clock.advance(24 * HOUR)
    client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login", "tok-1", "tok-1", "login", "tok-2"]


def test_token_without_any_life_left_is_used_for_its_call(
    issued: Callable[..., Any], scripted: Callable[..., Any]
) -> None:
    """A token that ends at once still serves the call it was fetched for, once."""
    client, server = scripted(issued("tok-1", hours=0), OK, issued("tok-2"), OK)

    client.get_job_version(1, 2)
    client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login", "tok-1", "login", "tok-2"]


def test_long_wait_outlives_many_tokens(
    short_lived: Emulator, make_client: Callable[..., Any], clock: Any
) -> None:
    """With ten-minute tokens an hour of polling meets no 401."""
    who = short_lived.identity
    credentials = Password(who.user, who.password, who.domain, short_lived.url, who.project_id)
    client = make_client(short_lived.url, credentials, project_id=who.project_id, clock=clock)

    for _ in range(60):
        list(client.list_training_jobs())
        clock.advance(60)
        short_lived.shift_clock(60)

    assert {r.status for r in short_lived.requests("list_training_jobs")} == {200}
    assert 10 <= len(short_lived.requests("iam_token")) <= 13


# ---- 401


def test_refused_token_is_renewed_once_and_the_call_repeated(
    issued: Callable[..., Any], scripted: Callable[..., Any]
) -> None:
    """A token that IAM has withdrawn early is replaced, and the caller notices nothing."""
    client, server = scripted(issued("tok-1"), REFUSED, issued("tok-2"), OK)

    assert client.get_job_version(1, 2).status == 8
    assert tokens_sent(server) == ["login", "tok-1", "login", "tok-2"]


def test_creation_is_repeated_after_a_401(
    emulator: Emulator, emulated: Callable[..., Any], config: dict[str, Any]
) -> None:
    """A 401 comes before any work, so even a creation is sent again with a new token."""
    client = emulated("password")
    list(client.list_training_jobs())
    emulator.expire_tokens()

    client.create_training_job({"job_name": "job", "config": config})

    assert [r.status for r in emulator.requests("create_training_job")] == [401, 200]
    assert len(emulator.jobs()) == 1


def test_second_401_is_final(issued: Callable[..., Any], scripted: Callable[..., Any]) -> None:
    """A fresh token that is refused too is the result, and the hint names the project."""
    client, server = scripted(issued("tok-1"), REFUSED, issued("tok-2"), REFUSED)

    with pytest.raises(AuthenticationError, match="A fresh token was refused too"):
        client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login", "tok-1", "login", "tok-2"]


@pytest.mark.parametrize("code", ["0112", "0207", "0212", "4117", "4901", "6201", "6203"])
def test_401_about_the_account_asks_for_no_new_token(
    issued: Callable[..., Any], scripted: Callable[..., Any], code: str
) -> None:
    """Where policy, scope or account is refused another token of the user fares no better."""
    refusal = (401, {"error_message": "no", "error_code": f"ModelArts.{code}"})
    client, server = scripted(issued("tok-1"), refusal)

    with pytest.raises(AuthenticationError):
        client.get_job_version(1, 2)

    assert tokens_sent(server) == ["login", "tok-1"]
