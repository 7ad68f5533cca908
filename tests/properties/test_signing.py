"""``sign`` against the vendor's own signer as the oracle, and its signatures against the emulator."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_modelarts.auth.signing import DATE_FORMAT, sign
from airflow_provider_modelarts.transport import build_url

pytest.importorskip("huaweicloudsdkcore", reason="the vendor's SDK belongs to the dev extra only")

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator import Emulator

METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "get"])
TEXTS = st.text(max_size=8) | st.text("aB/ +&=?#%;~*:@_-.,é\U0001f600", max_size=8)
# As it stands in a URL: escapes of any bytes, of slashes too, and characters that need none.
PATHS = st.lists(
    st.sampled_from(
        [*"/abAB09-._~;:@!$&'()*+,=", "%2F", "%20", "%C3%A9", "%ff", "%", "%zz", "%25"]
    ),
    max_size=12,
).map(lambda parts: "/" + "".join(parts))
QUERIES = st.lists(st.tuples(TEXTS | st.sampled_from("ab"), TEXTS), max_size=5)
BODIES = st.just(b"") | st.binary(max_size=40) | TEXTS.map(str.encode)
# The vendor's signer writes the date anew, and years before 1000 with fewer digits.
DATES = st.datetimes(min_value=datetime(1000, 1, 1)).map(lambda date: date.strftime(DATE_FORMAT))  # noqa: DTZ001
KEYS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20)
# Two names that differ in case only cannot both be sent. X-Sdk-Content-Sha256 replaces the hash of
# the body, and with a type other than JSON the vendor's signer adds it by itself: section
# "UNSIGNED-PAYLOAD" of its guide, which ModelArts, with JSON only, has no use for.
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,10}", fullmatch=True).filter(
    lambda name: (
        name.lower()
        not in {"host", "x-sdk-date", "authorization", "content-type", "x-sdk-content-sha256"}
    )
)
VALUES = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12)
HEADERS = st.builds(
    lambda headers, known: headers | known,
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "Content-Type": st.sampled_from(["application/json", "application/json;charset=utf8"]),
            "X-Project-Id": KEYS,
            "X-Security-Token": KEYS.map("  {} ".format) | KEYS,
        },
    ),
).filter(lambda headers: len({name.lower() for name in headers}) == len(headers))


@dataclass(frozen=True)
class Call:
    """What is signed: a request, its keys and its date; the path as in a URL, the query decoded."""

    method: str
    host: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    keys: tuple[str, str]
    date: str

    def signed_by_vendor(self) -> Any:
        """Return the request as the vendor's SDK would send it."""
        request = SdkRequest(
            method=self.method,
            schema="http",
            host=self.host,
            resource_path=self.path,
            query_params=list(self.query),
            header_params={**self.headers, "X-Sdk-Date": self.date},
            body=self.body,
        )
        return Signer(BasicCredentials(*self.keys)).sign(request)


CALLS = st.builds(
    Call,
    method=METHODS,
    host=st.just("modelarts.eu-de.otc.t-systems.com:8443"),
    path=PATHS,
    query=QUERIES,
    headers=HEADERS,
    body=BODIES,
    keys=st.tuples(KEYS, KEYS),
    date=DATES,
)


@given(call=CALLS)
def test_signature_is_the_vendors(call: Call) -> None:
    """Whatever is asked, with whatever headers and body, both sign the same."""
    url = build_url(f"https://{call.host}", call.path, call.query)

    ours = sign(call.method, url, call.headers, call.body, *call.keys, call.date)

    vendors = call.signed_by_vendor().header_params
    assert ours["Authorization"] == vendors["Authorization"]
    assert ours["Host"] == vendors["Host"]


def call_to(emulator: Emulator, method: str, path: str, secret_key: str = "", **parts: Any) -> Call:
    """Return a call to the emulator, dated now, with its keys."""
    who = emulator.identity
    return Call(
        method,
        emulator.url.removeprefix("http://"),
        f"/v1/{who.project_id}/training-jobs{path}",
        **{"query": [], "headers": {}, "body": b"", **parts},
        keys=(who.access_key, secret_key or who.secret_key),
        date=time.strftime(DATE_FORMAT, time.gmtime()),
    )


def send(call: Call) -> requests.Response:
    """Send a call with the vendor's signature."""
    signed = call.signed_by_vendor()
    url = f"http://{call.host}{signed.uri}"
    return requests.request(
        call.method, url, headers=signed.header_params, data=call.body, timeout=20
    )


@given(
    job=st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=8),
    query=QUERIES,
    headers=st.dictionaries(
        NAMES, st.text(st.characters(codec="ascii", categories=["L", "N", "P"])), max_size=3
    ),
    body=BODIES,
)
def test_emulator_accepts_what_the_vendor_signs(
    running: Emulator,
    job: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
) -> None:
    """The emulator's check, written apart from both, finds the vendor's signature right."""
    assume(job not in {".", ".."})  # an HTTP library would resolve these before it sends
    path = f"/{quote(job, safe='')}/versions"
    headers = {**headers, "Content-Type": "application/json"}

    answer = send(call_to(running, "POST", path, query=query, headers=headers, body=body))

    # Authentic, although nonsense: refused for its job id or its body, not for its signature.
    assert answer.status_code == 400, answer.text
    assert "APIG.0301" not in answer.text


def test_emulator_refuses_what_the_vendor_signs_with_another_key(running: Emulator) -> None:
    """The test above could fail."""
    answer = send(call_to(running, "GET", "", secret_key="another"))

    assert answer.status_code == 401
    assert "verify aksk signature fail" in answer.text
