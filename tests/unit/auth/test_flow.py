"""What goes over the wire for each kind of credentials, seen by a raw server."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.auth.credentials import AccessKey, Password, Token
from airflow_provider_modelarts.auth.flow import SignatureFlow
from airflow_provider_modelarts.auth.signing import sign
from airflow_provider_modelarts.client import ClientConfig
from airflow_provider_modelarts.client.operation import Operation
from airflow_provider_modelarts.exceptions import AuthenticationError
from airflow_provider_modelarts.transport import Request, Response, Transport, build_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROJECT = "0123456789abcdef0123456789abcdef"
SECRETS = ("the-secret-key", "the-password", "the-ready-token", "the-security-token")
OK = (200, {"is_success": True, "status": 8})
TOKEN = (
    201,
    {
        "token": {
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "expires_at": "2026-01-02T00:00:00.000000Z",
            "project": {"id": PROJECT, "name": "eu-de"},
        }
    },
    {"X-Subject-Token": "the-issued-token"},
)


def key(security_token: str = "") -> AccessKey:
    """Return an access key, with a security token a temporary one."""
    return AccessKey("AKEXAMPLE", "the-secret-key", security_token)


def expected_signature(seen: Any, server: Any) -> str:
    """Sign again what the server has seen, by the names that the client says it has signed."""
    names = re.search(r"SignedHeaders=([^,]+)", seen.headers["authorization"])[1].split(";")
    given = {n: seen.headers[n] for n in names if n not in ("host", "x-sdk-date")}
    date = seen.headers["x-sdk-date"]
    url = f"http://{seen.headers['host']}{seen.target}"
    headers = sign(seen.method, url, given, seen.body, "AKEXAMPLE", "the-secret-key", date)
    return headers["Authorization"]


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ((), "/v1/a"),
        ((("name", "my job"),), "/v1/a?name=my%20job"),
        ((("name", "Tränen"),), "/v1/a?name=Tr%C3%A4nen"),
        ((("b", "1+1"), ("a", "x/y~z"), ("c", "")), "/v1/a?b=1%2B1&a=x%2Fy~z&c="),
    ],
    ids=["none", "blank", "umlaut", "special"],
)
def test_query_is_signed_as_sent(serve: Callable[..., Any], query: Any, target: str) -> None:
    """The signature fits the target on the wire, in which a blank is %20 and never '+'."""
    server = serve(OK)
    flow = SignatureFlow(key(), PROJECT)

    Transport().send(Request("GET", build_url(server.url, "/v1/a", query)), flow.headers)

    (seen,) = server.requests
    assert seen.target == target
    assert seen.headers["authorization"] == expected_signature(seen, server)


def test_host_is_signed_and_sent_with_port(serve: Callable[..., Any]) -> None:
    """Host goes out once, with the port that is part of the signature."""
    server = serve(OK)
    flow = SignatureFlow(key(), PROJECT)

    Transport().send(Request("GET", f"{server.url}/v1/a"), flow.headers)

    (seen,) = server.requests
    assert seen.raw.lower().count(b"\r\nhost:") == 1
    assert seen.headers["host"] == server.host


def test_default_port_is_signed_as_sent(make_client: Callable[..., Any]) -> None:
    """With an explicit default port the Host that is sent is still the one that was signed."""
    request = Request("GET", "https://example.com:443/v1/a")

    headers = SignatureFlow(key(), PROJECT).headers(request)

    date = headers["X-Sdk-Date"]
    again = sign(
        "GET",
        f"https://{headers['Host']}/v1/a",
        {"X-Project-Id": PROJECT},
        b"",
        "AKEXAMPLE",
        "the-secret-key",
        date,
    )
    assert headers["Authorization"] == again["Authorization"]


@pytest.mark.parametrize("token", ["", "the-security-token"], ids=["permanent", "temporary"])
def test_body_and_meaningful_headers_are_signed(
    serve: Callable[..., Any], make_client: Callable[..., Any], token: str
) -> None:
    """Body, content type, project and security token are covered by the signature."""
    server = serve(OK)
    body = {"job_desc": "Tränen čeština"}

    make_client(server.url, key(token)).call(Operation("x", "PUT", "/a", dict, body=body))

    (seen,) = server.requests
    names = "content-type;host;x-project-id;x-sdk-date"
    names = names.replace("x-sdk-date", "x-sdk-date;x-security-token") if token else names
    assert f"SignedHeaders={names}," in seen.headers["authorization"]
    assert seen.headers["authorization"] == expected_signature(seen, server)
    assert seen.headers["x-project-id"] == PROJECT
    assert seen.headers.get("x-security-token", "") == token
    assert json.loads(seen.body) == body


def test_each_attempt_is_signed_anew(
    serve: Callable[..., Any], make_client: Callable[..., Any], clock: Any
) -> None:
    """A repetition carries the date and signature of its own time."""
    server = serve((503, b""), (500, b""), OK)
    client = make_client(server.url, key(), clock=clock, sleep=lambda seconds: clock.advance(7))

    client.get_job_version(1, 2)

    dates = [seen.headers["x-sdk-date"] for seen in server.requests]
    signatures = {seen.headers["authorization"] for seen in server.requests}
    assert len(dates) == len(set(dates)) == len(signatures) == 3


@pytest.mark.parametrize(
    "words",
    [
        "Incorrect IAM authentication information: verify aksk signature fail",
        "Incorrect IAM authentication information: decrypt token fail",
        "AK access failed to reach the limit,forbidden",
    ],
    ids=["signature", "token", "locked"],
)
def test_signed_call_is_never_repeated_after_401(
    serve: Callable[..., Any], make_client: Callable[..., Any], words: str
) -> None:
    """One request is all, since a few failed signatures lock the key."""
    server = serve((401, {"error_msg": words, "error_code": "APIG.0301"}))

    with pytest.raises(AuthenticationError):
        make_client(server.url, key()).get_job_version(1, 2)

    assert len(server.requests) == 1


def test_ready_token_is_not_renewed(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """A refused ready token is one request, and the error says that a new one is needed."""
    server = serve((401, {"error_msg": "decrypt token fail", "error_code": "APIG.0301"}))

    with pytest.raises(AuthenticationError, match="put a new one there"):
        make_client(server.url, Token("the-ready-token")).get_job_version(1, 2)

    assert [seen.headers["x-auth-token"] for seen in server.requests] == ["the-ready-token"]


@pytest.mark.parametrize("kind", ["aksk", "password", "token"])
def test_netrc_neither_adds_nor_replaces_credentials(
    serve: Callable[..., Any],
    make_client: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    """An entry for the host in .netrc stays unused, in the token request too."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password netrc-word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = serve(*([TOKEN] if kind == "password" else []), OK)
    credentials = {
        "aksk": key(),
        "password": Password("user", "the-password", "domain", server.url, PROJECT),
        "token": Token("the-ready-token"),
    }[kind]

    make_client(server.url, credentials).get_job_version(1, 2)

    sent = [seen.headers.get("authorization", "") for seen in server.requests]
    scheme = "SDK-HMAC-SHA256" if kind == "aksk" else ""
    assert len(sent) == (2 if kind == "password" else 1)
    assert all(header.partition(" ")[0] == scheme for header in sent)


@pytest.mark.parametrize("kind", ["aksk", "token"])
def test_credentials_do_not_follow_a_redirect(
    serve: Callable[..., Any], make_client: Callable[..., Any], kind: str
) -> None:
    """The host that a redirect names never hears of us, and the error names it."""
    other = serve(OK)
    server = serve((307, b"", {"Location": f"{other.url}/v1/stolen"}))
    credentials = key() if kind == "aksk" else Token("the-ready-token")

    with pytest.raises(Exception, match=f"redirected to '{other.url}/v1/stolen'"):
        make_client(server.url, credentials).get_job_version(1, 2)

    assert len(server.requests) == 1
    assert other.requests == []


@pytest.mark.parametrize(
    "thing",
    [
        key("the-security-token"),
        Password("user", "the-password", "domain", "https://iam", "p"),
        Token("the-ready-token"),
        ClientConfig("https://m", Password("u", "the-password", "d", "https://iam", "p")),
        ClientConfig("https://m", key("the-security-token")),
        Request("POST", "https://iam", {"X-Auth-Token": "the-ready-token"}, b"the-password"),
        Response(201, {"x-subject-token": "the-ready-token"}, b"the-password"),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_repr_shows_no_secret(thing: object) -> None:
    """What may end in a log or a traceback with local variables hides its secrets."""
    text = f"{thing!r} {thing!s}"

    assert not [secret for secret in SECRETS if secret in text]
