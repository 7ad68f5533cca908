"""IAM: password login, scopes, tokens and projects."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_modelarts.emulator import Emulator
from tests.emulator.conftest import KEYS

TOKENS = "/v3/auth/tokens?nocatalog=true"


def login(scope: Any = None, **user: Any) -> dict[str, Any]:
    """Return a login body; ``user`` overrides fields of the user."""
    who = {
        "name": "emulator-user",
        "password": KEYS.password,
        "domain": {"name": "emulator-domain"},
        **user,
    }
    auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": who}}}
    if scope is not None:
        auth["scope"] = scope
    return {"auth": auth}


@pytest.mark.parametrize(
    "project",
    [
        {"name": "eu-de"},
        {"id": "0123456789abcdef0123456789abcdef"},
        {"name": "eu-de", "domain": {"name": "emulator-domain"}},
    ],
    ids=["name", "id", "name-and-domain"],
)
def test_login_gives_a_project_token(caller: Any, project: Any) -> None:
    """A project scope by id or name gives 201, the token in the header and the project in the body."""
    reply = caller.call("POST", TOKENS, login({"project": project}), headers={})
    token = reply.json()["token"]

    assert reply.status_code == 201
    assert reply.headers["X-Subject-Token"].startswith("MII")
    assert reply.headers["X-IAM-Trace-Id"]
    assert token["project"]["id"] == caller.emulator.identity.project_id
    assert token["project"]["domain"]["name"] == "emulator-domain"
    assert "catalog" not in token
    jobs = caller.call(
        "GET", "/training-jobs", headers={"X-Auth-Token": reply.headers["X-Subject-Token"]}
    )
    assert jobs.json()["is_success"] is True


def test_token_times_have_six_decimals(caller: Any) -> None:
    """Times are UTC with microseconds and Z, a day apart."""
    token = caller.call("POST", TOKENS, login(), headers={}).json()["token"]
    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"

    assert re.fullmatch(form, token["expires_at"])
    issued, expires = (
        datetime.strptime(token[name], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        for name in ("issued_at", "expires_at")
    )
    assert expires - issued == timedelta(hours=24)


def test_catalogue_comes_unless_declined(caller: Any) -> None:
    """Without nocatalog the answer carries the endpoints."""
    token = caller.call("POST", "/v3/auth/tokens", login(), headers={}).json()["token"]

    assert token["catalog"][0]["type"] == "modelarts"


@pytest.mark.parametrize("scope", [None, {"domain": {"name": "emulator-domain"}}])
def test_token_without_project_is_no_use_for_modelarts(caller: Any, scope: Any) -> None:
    """An unscoped or account-wide token is issued, lists projects, and is refused by ModelArts."""
    reply = caller.call("POST", TOKENS, login(scope), headers={})
    headers = {"X-Auth-Token": reply.headers["X-Subject-Token"]}

    assert reply.status_code == 201
    assert "project" not in reply.json()["token"]
    assert caller.call("GET", "/v3/projects", headers=headers).status_code == 200
    jobs = caller.call("GET", "/training-jobs", headers=headers)
    assert (jobs.status_code, jobs.json()["error_code"]) == (401, "ModelArts.0212")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (login(password="wrong"), 401),
        (login(name="nobody"), 401),
        (login(domain={"name": "elsewhere"}), 401),
        (login({"project": {"name": "eu-nl"}}), 401),
        (login({"project": {"id": "f" * 32}}), 401),
        (login({"project": {"name": "eu-de", "domain": {"name": "elsewhere"}}}), 401),
        (login({"domain": {"name": "elsewhere"}}), 401),
        (login(domain={}), 400),
        (login(password=None), 400),
        (login({"project": {}}), 400),
        (login("eu-de"), 400),
        ({}, 400),
        ([], 400),
        ({"auth": {"identity": {"methods": ["token"], "password": {"user": {}}}}}, 400),
    ],
)
def test_login_is_refused_in_the_iam_shape(caller: Any, body: Any, status: int) -> None:
    """Wrong credentials and unknown scopes are 401, malformed bodies 400, in IAM's own shape."""
    reply = caller.call("POST", TOKENS, body, headers={})

    assert reply.status_code == status
    error = reply.json()["error"]
    assert (error["code"], error["title"]) == (
        status,
        {400: "Bad Request", 401: "Unauthorized"}[status],
    )
    assert error["message"]


def test_login_without_json_is_refused(caller: Any) -> None:
    """A body that is not JSON is a bad request."""
    assert caller.call("POST", TOKENS, data=b"\xff{", headers={}).status_code == 400


def test_token_expires_by_the_clock(new_caller: Any) -> None:
    """After its configured lifetime a token is refused as broken, and a new login helps."""
    with Emulator(transitions={"mode": "immediate"}, token_lifetime=60) as emulator:
        caller = new_caller(emulator)
        assert caller.call("GET", "/training-jobs").status_code == 200
        emulator.shift_clock(61)
        late = caller.call("GET", "/training-jobs")
        caller.forget_token()
        renewed = caller.call("GET", "/training-jobs")

    assert late.status_code == 401
    assert "decrypt token fail" in late.json()["error_msg"]
    assert renewed.status_code == 200


def test_expire_tokens_ends_all_tokens(caller: Any) -> None:
    """The control call ends every token issued so far, and only those."""
    caller.call("GET", "/training-jobs")
    caller.emulator.expire_tokens()

    assert caller.call("GET", "/training-jobs").status_code == 401
    caller.forget_token()
    assert caller.call("GET", "/training-jobs").status_code == 200


def test_projects_are_found_by_name(caller: Any, signer: Any) -> None:
    """The project list filters by exact name, with a signature or a token."""
    url = f"{caller.emulator.url}/v3/projects?name=eu-de"
    signed = caller.session.get(url, headers=signer("GET", url)).json()
    none = caller.call("GET", "/v3/projects?name=eu").json()

    assert [(p["id"], p["name"]) for p in signed["projects"]] == [
        (caller.emulator.identity.project_id, "eu-de")
    ]
    assert none["projects"] == []
    assert caller.call("GET", "/v3/projects", headers={}).status_code == 401


def test_projects_keep_their_jobs_apart(new_caller: Any, code: Any) -> None:
    """A token is good for its own project only, and jobs of another project are not seen."""
    other = "a" * 32
    identity = replace(KEYS, other_projects={"eu-de_team": other})
    with Emulator(identity=identity, transitions={"mode": "immediate"}) as emulator:
        caller = new_caller(emulator)
        job_id, _ = caller.create()
        foreign = caller.call("GET", f"/v1/{other}/training-jobs")
        body = login({"project": {"name": "eu-de_team"}})
        token = caller.call("POST", TOKENS, body, headers={}).headers["X-Subject-Token"]
        headers = {"X-Auth-Token": token}
        listed = caller.call("GET", f"/v1/{other}/training-jobs", headers=headers).json()
        path = f"/v1/{other}/training-jobs/{job_id}/versions"
        missing = caller.call("GET", path, headers=headers)

    assert (foreign.status_code, foreign.json()["error_code"]) == (403, "ModelArts.0210")
    assert listed["jobs"] == []
    assert missing.json()["error_code"] == "ModelArts.2775"
