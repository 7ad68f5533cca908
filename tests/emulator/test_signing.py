"""The signature check: the vendor's vectors, and every reason to refuse."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_modelarts.emulator import Emulator, signing
from tests.emulator.conftest import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

VECTORS = [
    "get-no-query",
    "get-trailing-slash",
    "get-query-space-unicode",
    "get-query-repeated-keys",
    "get-query-empty-values",
    "get-query-special-chars",
    "post-json-project-id",
    "post-json-unicode-charset",
    "put-json-non-default-port",
    "delete-empty-body",
    "get-security-token",
    "get-path-encoded",
]


@pytest.mark.parametrize("name", VECTORS)
def test_vector_verifies(name: str, sample: Callable[[str], Any]) -> None:
    """Each signature made by the vendor's SDK is found right, from its header alone."""
    vector = next(v for v in sample("signing-vectors")["vectors"] if v["name"] == name)
    parts = urlsplit(vector["url"])
    sent = signing.parse_authorization(vector["expected_authorization"])
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    headers |= {"host": parts.netloc, "x-sdk-date": vector["sdk_date"]}

    assert sent is not None
    canonical = signing.canonical_request(
        vector["method"],
        parts.path,
        parts.query,
        headers,
        sent.signed_headers,
        vector["body"].encode(),
    )

    assert canonical == vector["expected_canonical_request"]
    assert sent.access_key == vector["access_key"]
    expected = signing.expected_signature(canonical, vector["sdk_date"], vector["secret_key"])
    assert sent.signature == expected


def test_vectors_are_all_listed(sample: Callable[[str], Any]) -> None:
    """No vector of the file is left out of the test above."""
    assert [vector["name"] for vector in sample("signing-vectors")["vectors"]] == VECTORS


def test_signed_call_is_accepted(caller: Any, signer: Any) -> None:
    """A rightly signed request with a query, a body and a project header passes."""
    url = f"{caller.emulator.url}{caller.project}/training-jobs?per_page=5&order=asc"
    headers = signer("GET", url, headers={"X-Project-Id": caller.emulator.identity.project_id})

    assert caller.session.get(url, headers=headers).json()["is_success"] is True


def test_body_is_covered_by_the_signature(caller: Any, signer: Any, code: Any) -> None:
    """A body changed after signing is refused; the reply shows the server's canonical request."""
    url = f"{caller.emulator.url}{caller.project}/training-jobs"
    headers = signer("POST", url, b'{"job_name": "a"}')

    reply = caller.session.post(url, data=b'{"job_name": "b"}', headers=headers)

    assert reply.status_code == 401
    assert reply.json()["error_code"] == "APIG.0301"
    shown = f"verify aksk signature fail, canonicalRequest:POST|{caller.project}/training-jobs/||"
    assert shown in reply.json()["error_msg"]
    assert reply.json()["request_id"] == reply.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"secret_key": "wrong"}, "verify aksk signature fail, canonicalRequest:GET|"),
        ({"access_key": "STRANGER"}, "Get secretKey failed,ak:STRANGER,err:ak not exist"),
        ({"at": time.time() - 60 * 60}, "signature expired, signature time:"),
        ({"at": time.time() + 60 * 60}, "server time:"),
        ({"names": ("x-sdk-date",)}, "header not signed or not sent:host"),
        ({"names": ("host",)}, "header not signed or not sent:x-sdk-date"),
        ({"names": ("host", "x-none", "x-sdk-date")}, "not sent:x-none"),
        ({"headers": {"x-security-token": "stray"}}, "security token"),
    ],
    ids=["secret", "key", "old", "future", "no-host", "no-date", "unsent", "stray-token"],
)
def test_signature_is_refused(caller: Any, signer: Any, changes: dict[str, Any], text: str) -> None:
    """Each flaw of a signature is refused by the gateway, with its own message."""
    url = f"{caller.emulator.url}{caller.project}/training-jobs"

    reply = caller.session.get(url, headers=signer("GET", url, **changes))

    assert reply.status_code == 401
    assert reply.json()["error_code"] == "APIG.0301"
    assert text in reply.json()["error_msg"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic Zm9vOmJhcg=="},
        {"X-Auth-Token": "MIInothing"},
        {"X-Auth-Token": ""},
    ],
    ids=["none", "basic", "unknown-token", "empty-token"],
)
def test_missing_or_foreign_credentials_are_refused(caller: Any, headers: Any) -> None:
    """Without credentials the emulator knows, the gateway refuses."""
    reply = caller.call("GET", "/training-jobs", headers=headers)

    assert reply.status_code == 401
    assert reply.json()["error_code"] == "APIG.0301"


def test_shifted_clock_makes_a_signature_too_old(caller: Any, signer: Any) -> None:
    """The allowed skew is measured against the server's clock."""
    url = f"{caller.emulator.url}{caller.project}/training-jobs"
    caller.emulator.shift_clock(14 * 60)
    assert caller.session.get(url, headers=signer("GET", url)).status_code == 200

    caller.emulator.shift_clock(2 * 60)

    assert caller.session.get(url, headers=signer("GET", url)).status_code == 401


def test_project_header_must_match_the_path(caller: Any, signer: Any) -> None:
    """A signed X-Project-Id of another project is refused by the service."""
    url = f"{caller.emulator.url}{caller.project}/training-jobs"

    reply = caller.session.get(url, headers=signer("GET", url, headers={"x-project-id": "other"}))

    assert reply.status_code == 403
    assert reply.json()["error_code"] == "ModelArts.0210"


def test_unknown_project_in_the_path_is_refused(caller: Any, signer: Any) -> None:
    """A key is good for the projects of its account only."""
    url = f"{caller.emulator.url}/v1/ffff/training-jobs"

    reply = caller.session.get(url, headers=signer("GET", url))

    assert (reply.status_code, reply.json()["error_code"]) == (403, "ModelArts.0210")


def test_temporary_key_needs_its_security_token(new_caller: Any, signer: Any) -> None:
    """With a temporary key, a missing or wrong security token is refused and the right one passes."""
    identity = replace(KEYS, security_token="session-token")
    with Emulator(identity=identity, transitions={"mode": "immediate"}) as emulator:
        session = new_caller(emulator).session
        url = f"{emulator.url}/v1/{identity.project_id}/training-jobs"
        statuses = [
            session.get(url, headers=signer("GET", url, headers=headers)).status_code
            for headers in ({}, {"x-security-token": "x"}, {"x-security-token": "session-token"})
        ]

    assert statuses == [401, 401, 200]
