"""``sign`` against vectors made with the vendor's own signer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_modelarts.auth.signing import canonical_request, sign, string_to_sign

VECTORS = json.loads(
    (Path(__file__).parents[2] / "samples" / "signing-vectors.json").read_text(encoding="utf-8")
)["vectors"]
each_vector = pytest.mark.parametrize("vector", VECTORS, ids=[v["name"] for v in VECTORS])
URL = "https://modelarts.eu-de.otc.t-systems.com/v1/p/training-jobs"
DATE = "20240102T030405Z"


def signed(url: str = URL, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
    """Sign a GET with dummy keys."""
    return sign("GET", url, headers or {}, body, "AKEXAMPLE", "SKEXAMPLE", DATE)


def covered(vector: dict[str, Any]) -> dict[str, str]:
    """Return the headers that the vector's signature covers, names in lower case."""
    host = vector["url"].split("/")[2]
    return {
        **{name.lower(): value for name, value in vector["headers"].items()},
        "host": host,
        "x-sdk-date": vector["sdk_date"],
    }


@each_vector
def test_authorization_equals_vendors(vector: dict[str, Any]) -> None:
    """The Authorization header is the one that the vendor's signer makes."""
    headers = sign(
        vector["method"],
        vector["url"],
        vector["headers"],
        vector["body"].encode(),
        vector["access_key"],
        vector["secret_key"],
        vector["sdk_date"],
    )

    assert headers["Authorization"] == vector["expected_authorization"]


@each_vector
def test_canonical_request_equals_vendors(vector: dict[str, Any]) -> None:
    """The canonical request is the vendor's, byte for byte."""
    text = canonical_request(
        vector["method"], vector["url"], covered(vector), vector["body"].encode()
    )

    assert text == vector["expected_canonical_request"]


@each_vector
def test_string_to_sign_equals_vendors(vector: dict[str, Any]) -> None:
    """The string to sign is the vendor's."""
    text = string_to_sign(vector["expected_canonical_request"], vector["sdk_date"])

    assert text == vector["expected_string_to_sign"]


def test_vectors_are_complete() -> None:
    """All twelve published vectors are under test."""
    assert len({vector["name"] for vector in VECTORS}) == 12


def test_returned_headers_are_those_to_add() -> None:
    """Host, X-Sdk-Date and Authorization are returned, and nothing the caller has given."""
    headers = signed(headers={"Content-Type": "application/json"})

    assert headers.keys() == {"Host", "X-Sdk-Date", "Authorization"}
    assert headers["X-Sdk-Date"] == DATE


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/v1", "example.com"),
        ("https://example.com:31943/v1", "example.com:31943"),
        ("https://user:word@example.com:31943/v1", "example.com:31943"),
        ("https://[::1]:8443/v1", "[::1]:8443"),
    ],
    ids=["plain", "port", "userinfo", "ipv6"],
)
def test_host_has_port_and_no_userinfo(url: str, host: str) -> None:
    """The Host to send is that of the URL with its explicit port, without a user's name."""
    assert signed(url)["Host"] == host


def test_names_with_underscore_are_not_signed() -> None:
    """A header with '_' in its name changes nothing, as with the vendor's signer."""
    headers = signed(headers={"X_Trace_Id": "1"})

    assert headers == signed()
    assert "x_trace_id" not in headers["Authorization"]


@pytest.mark.parametrize("name", ["content-type", "CONTENT-TYPE", "Content-Type"])
def test_case_of_header_names_is_without_effect(name: str) -> None:
    """Header names are signed in lower case, however they are written."""
    headers = signed(headers={name: "application/json"})

    assert headers == signed(headers={"content-type": "application/json"})
    assert "SignedHeaders=content-type;host;x-sdk-date" in headers["Authorization"]


def test_header_values_are_stripped_at_the_ends_only() -> None:
    """Blanks around a value do not count, blanks inside do."""
    plain = signed(headers={"X-A": "b c"})

    assert signed(headers={"X-A": "  b c "}) == plain
    assert signed(headers={"X-A": "b  c"}) != plain


@pytest.mark.parametrize(
    "change",
    [
        {"url": f"{URL}?a=1"},
        {"url": URL.replace("training-jobs", "Training-jobs")},
        {"headers": {"X-Project-Id": "p"}},
        {"body": b"{}"},
    ],
    ids=["query", "path", "header", "body"],
)
def test_every_part_is_covered(change: dict[str, Any]) -> None:
    """Another query, path, header or body has another signature."""
    assert signed(**change)["Authorization"] != signed()["Authorization"]


def test_order_of_query_is_without_effect() -> None:
    """Pairs are sorted by code point before they are signed, capitals first."""
    one, other = signed(f"{URL}?b=1&a=2&B=3"), signed(f"{URL}?B=3&b=1&a=2")

    assert one == other


def test_semicolon_stays_in_the_path() -> None:
    """``;`` belongs to the path: cutting it off would sign another one."""
    assert "/v1/a%3Bb/" in canonical_request("GET", "https://h/v1/a;b", {}, b"")
