"""From status and code to the class of the error: the table of the API reference."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    JobNameExistsError,
    ModelArtsApiError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ResponseLostError,
    ServiceUnavailableError,
    ThrottledError,
    UnexpectedResponseError,
)
from airflow_provider_modelarts.failures import decode
from airflow_provider_modelarts.transport import Response

AUTH, DENIED, MISSING, TAKEN, CONFLICT, QUOTA, CALLER, THROTTLED, FAULT, UNDECIDED = (
    AuthenticationError,
    PermissionDeniedError,
    NotFoundError,
    JobNameExistsError,
    ConflictError,
    QuotaExceededError,
    InvalidRequestError,
    ThrottledError,
    ServiceUnavailableError,
    UnexpectedResponseError,
)

# Class, HTTP status and codes that come with it; codes without prefix are ModelArts codes.
TABLE = [
    (TAKEN, 200, "0103"),
    (TAKEN, 400, "0103 2751"),
    (CONFLICT, 200, "0105"),
    (CONFLICT, 400, "0105 6357 7004"),
    (CONFLICT, 403, "2701"),
    (CONFLICT, 409, "2796 2813 2878"),
    (CALLER, 200, "0101 0104 2758 2788"),
    (CALLER, 400, "0101 0104 0107 0210 0901 2605 2606 2607 2608 2757 2758 2763 2764 2767 2773"),
    (CALLER, 400, "2787 2788 2789 2790 2791 2792 2802 2806 2810 2811 2816 2825 2830 2832 2840"),
    (CALLER, 400, "2886 2887 2889 4105 4313 4315 APIG.0201"),
    (CALLER, 400, "0806 2818"),
    (CALLER, 403, "2702"),
    (CALLER, 404, "APIG.0101"),
    (CALLER, 405, "2803"),
    (CALLER, 413, "4104 APIG.0201"),
    (CALLER, 414, "APIG.0201"),
    (CALLER, 494, "APIG.0201"),
    (AUTH, 401, "0112 0201 0202 0203 0204 0205 0206 0207 0208 0212 4117 4201 4901 6201 6203"),
    (AUTH, 401, "APIG.0301 APIGW.0301 APIG.0305 APIG.0307"),
    (AUTH, 403, "0203 0206 2784"),
    (DENIED, 400, "0204 1003 2771 2837 2838 2891 4106 7002"),
    (DENIED, 403, "0108 0112 0210 2785 3000 4116 4118 4310"),
    (DENIED, 403, "APIG.0302 APIG.0306 APIG.0310 APIG.0802 APIGW.0302"),
    (DENIED, 404, "2786"),
    (DENIED, 405, "APIG.0502"),
    (QUOTA, 200, "0116 2815"),
    (QUOTA, 400, "0116 0118 2759 2760 2761 2793 2815 2833 2845"),
    (QUOTA, 405, "APIG.0501"),
    (MISSING, 200, "2775 0102"),
    (MISSING, 400, "0102 2775 2780 2781 2782 2783 2819 2820 4311 4312 4352 4353 7005"),
    (MISSING, 404, "0015 2836 2890"),
    (MISSING, 404, "2775 0102"),  # undocumented with this status, but the service's code
    (THROTTLED, 429, "2799 4206 6101 APIG.0308 APIGW.0308 IAM.0012"),
    (FAULT, 400, "1002"),
    (FAULT, 403, "2703"),
    (FAULT, 408, "4205 6100"),
    (FAULT, 500, "0010 2700 2704 2800 2950 2951 2952 2953 2954 2955 2956 2957 2958 2959"),
    (FAULT, 500, "4302 7008 APIG.0201 APIG.0601"),
    (FAULT, 502, "APIG.0201 APIG.0202 APIG.0610"),
    (FAULT, 503, "4302 4700 APIG.0613"),
    (FAULT, 504, "4503 APIG.0201 APIG.0203"),
]
PAIRS = [
    (status, code if "." in code else f"ModelArts.{code}", error)
    for error, status, codes in TABLE
    for code in codes.split()
]


def answer(status: int, body: Any, **headers: str) -> Response:
    """Return an answer; a body that is no bytes is JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {n.replace("_", "-"): v for n, v in headers.items()}, content)


def failure(response: Response, secrets: tuple[str, ...] = ()) -> ModelArtsApiError:
    """Decode an answer that tells of a failure, and return the error."""
    with pytest.raises(ModelArtsApiError) as caught:
        decode(response, "GET /v1/{project_id}/x", secrets)
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "error"), PAIRS, ids=[f"{status}-{code}" for status, code, _ in PAIRS]
)
def test_class_follows_from_status_and_code(
    status: int, code: str, error: type[ModelArtsApiError]
) -> None:
    """Each documented pair of status and code has its class, and keeps both."""
    body = {"is_success": False, "error_message": "what went wrong", "error_code": code}

    found = failure(answer(status, body))

    assert type(found) is error
    assert (found.http_status, found.error_code) == (status, code)
    assert found.error_message == "what went wrong"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, UNDECIDED) for status in (301, 302, 303, 304, 307, 308)),
        *((status, UNDECIDED) for status in (400, 402, 403, 404, 405, 406, 407, 409, 410)),
        *((status, UNDECIDED) for status in (413, 414, 418, 421, 425, 451, 494, 499)),
        (401, AUTH),
        (429, THROTTLED),
        *((status, FAULT) for status in (408, 500, 501, 502, 503, 504, 520, 599)),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>oops</html>",
        {"error_code": "ModelArts.9999"},
        {"error_code": "GW.404", "error_msg": "no route"},
        {"is_success": False, "error_message": "no"},
        {"error": {"code": 404, "message": "not found"}},
        {"error_code": 404},
    ],
    ids=["-", "html", "code", "other code", "no code", "form of iam", "number"],
)
def test_without_a_known_code_no_status_is_a_verdict_on_the_job(
    status: int, error: type[ModelArtsApiError], body: Any
) -> None:
    """It decides only where it depends on no job: who asks, how often, and faults."""
    found = failure(answer(status, body))

    assert type(found) is error
    assert found.retryable is (error is not AUTH)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, CALLER), (403, DENIED), (404, CALLER), (409, CALLER), (401, AUTH), (302, UNDECIDED)],
)
@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 404, "message": "no", "title": "Not Found"}},
        {"error_code": "IAM.0004", "error_msg": "no"},
    ],
    ids=["keystone", "code"],
)
def test_iam_needs_no_known_code(status: int, error: type[ModelArtsApiError], body: Any) -> None:
    """Its own form of failure counts by its status, and is never about a missing job."""
    with pytest.raises(ModelArtsApiError) as caught:
        decode(answer(status, body), "POST /v3/auth/tokens", from_iam=True)

    assert type(caught.value) is error


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_page_in_front_of_iam_is_no_verdict_of_iam(status: int) -> None:
    """A gateway can stand there, too."""
    with pytest.raises(UnexpectedResponseError):
        decode(answer(status, b"<html>oops</html>"), "POST /v3/auth/tokens", from_iam=True)


@pytest.mark.parametrize(
    "body",
    [
        {"is_success": False},
        {"is_success": "false"},
        {"is_success": False, "error_code": "ModelArts.9999"},
        {"error_code": "ModelArts.9999", "error_message": "no"},
        {"is_success": True, "error_code": "ModelArts.9999"},
    ],
    ids=["flag", "flag as text", "flag and code", "code", "code against flag"],
)
def test_failure_in_the_body_of_a_200_is_one(body: dict[str, Any]) -> None:
    """A call has failed when is_success is false or there is an error code, whatever the status."""
    error = failure(answer(200, body))

    assert error.http_status == 200
    assert error.error_code == body.get("error_code", "")


def test_answer_without_content_says_success() -> None:
    """HTTP 204 cannot carry ``is_success``."""
    assert decode(answer(204, b""), "DELETE /x") == {"is_success": True}


@pytest.mark.parametrize(
    "body",
    [
        {"is_success": True, "error_code": None, "error_msg": None},
        {"is_success": True, "error_code": ""},
        {"a": 1},
        b"",
        b"  \n",
    ],
    ids=["nulls", "empty code", "no flag", "no body", "blank body"],
)
def test_success_is_returned(body: Any) -> None:
    """Without any sign of a failure the object is returned; no body counts as an empty one."""
    data = decode(answer(200, body), "GET /x")

    assert data == (body if isinstance(body, dict) else {})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error_message": "one", "error_msg": "two"}, "one"),
        ({"error_msg": "two"}, "two"),
        ({"error_message": "", "error_msg": "two"}, "two"),
        ({"error_message": None, "error_msg": "two"}, "two"),
        ({"message": "three"}, "three"),
        ({"error": {"code": 401, "message": "four", "title": "Unauthorized"}}, "four"),
        ({"error": {"code": 401, "title": "Unauthorized"}}, "Unauthorized"),
        ({"error": "five"}, '{"error": "five"}'),
        (b"<html> <b>502</b>\n Bad </html>", "<html> <b>502</b> Bad </html>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[1, 2]", "[1, 2]"),
        (b"", "no message given"),
    ],
    ids=[
        "both keys",
        "old key",
        "empty",
        "null",
        "gateway",
        "iam",
        "iam title",
        "odd",
        "html",
        "binary",
        "list",
        "nothing",
    ],
)
def test_message_is_found_in_every_shape(body: Any, message: str) -> None:
    """Service, gateway, IAM and proxies tell their reason differently; all are read."""
    assert failure(answer(502, body)).error_message == message


def test_long_page_of_a_proxy_is_shortened() -> None:
    """No more than an excerpt of a foreign body ends in the log."""
    error = failure(answer(502, b"x" * 10_000))

    assert len(error.error_message) < 1000
    assert error.error_message.endswith("…")


@pytest.mark.parametrize(
    "body",
    [b'{"a": 1', b"<html></html>", b"[]", b'"text"', b"null", b"[" * 100_000],
    ids=["cut off", "html", "list", "text", "null", "deep"],
)
def test_unreadable_success_is_a_lost_answer(body: bytes) -> None:
    """A 200 without a JSON object may be a success that nobody can read."""
    with pytest.raises(ResponseLostError, match="HTTP 200, but the answer is not a JSON object"):
        decode(answer(200, body), "POST /x")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_an_error_that_names_the_target(status: int) -> None:
    """Redirects are not followed; whoever set up the connection learns where it should point."""
    error = failure(answer(status, b"", location="https://elsewhere/"))

    assert type(error) is UNDECIDED
    assert "redirected to 'https://elsewhere/'" in str(error)
    assert "set 'host' to the final address" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"error_msg": "bad token tok-1 and word-2"},
        {"error": {"message": "bad token tok-1 and word-2"}},
        b"<p>bad token tok-1 and word-2</p>",
        {"error_code": "tok-1", "request_id": "word-2", "error_msg": "bad token tok-1 and word-2"},
    ],
    ids=["gateway", "iam", "html", "code and id"],
)
@pytest.mark.parametrize("status", [401, 502])
def test_echoed_secrets_are_masked(status: int, body: Any) -> None:
    """What the server repeats of our secrets does not get into the error."""
    error = failure(answer(status, body), ("tok-1", "", "word-2"))

    assert "bad token *** and ***" in str(error)
    assert "tok-1" not in str(error)
    assert "word-2" not in str(error)


def test_echoed_secret_in_unreadable_success_is_masked() -> None:
    """The excerpt of an answer that cannot be read is masked too."""
    with pytest.raises(ResponseLostError, match="is not a JSON object: see [*]{3}"):
        decode(answer(200, b"see tok-1"), "GET /x", ["tok-1"])


def test_echoed_secret_in_redirect_is_masked() -> None:
    """A redirect that carries the token in its address does not print it."""
    error = failure(answer(302, b"", location="https://h/?token=tok-1"), ("tok-1",))

    assert "token=***" in str(error)


def test_echoed_signature_is_masked() -> None:
    """A server that shows our Authorization header shows it without the signature."""
    words = "got SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=0123456789abcdef"

    error = failure(answer(401, {"error_msg": words}))

    assert "Signature=***" in str(error)
    assert "0123456789abcdef" not in str(error)


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ({"request_id": "a"}, {"x_request_id": "b"}, "a"),
        ({}, {"x_request_id": "b", "x_iam_trace_id": "c"}, "b"),
        ({}, {"x_iam_trace_id": "c"}, "c"),
        ({}, {}, ""),
    ],
    ids=["body", "header", "iam header", "none"],
)
def test_request_id_is_found(body: Any, headers: dict[str, str], expected: str) -> None:
    """The id for the vendor's support comes from the body or from either header."""
    assert failure(answer(500, body, **headers)).request_id == expected


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (401, {"error_msg": "signature expired, signature time:1"}, "clock of this machine"),
        (401, {"error_msg": "Get secretKey failed,ak:A,err:ak not exist"}, "does not exist"),
        (401, {"error_msg": "AK access failed to reach the limit,forbidden"}, "locked for 5 min"),
        (401, {"error_msg": "verify aksk signature fail"}, "secret access key"),
        (403, {"error_code": "ModelArts.2785"}, "Authorise ModelArts once"),
        (
            403,
            {"error_code": "ModelArts.0210"},
            "'Project ID' (extra project_id) of the connection",
        ),
        (404, {"error_code": "APIGW.0101"}, "No ModelArts API at this address"),
        (401, {"error_code": "ModelArts.4901"}, "access OBS"),
    ],
    ids=["clock", "unknown key", "locked", "secret", "unauthorised", "project", "api", "obs"],
)
def test_known_reason_brings_its_own_remedy(status: int, body: Any, hint: str) -> None:
    """Where the cause is known the error says what to do about it."""
    assert hint in str(failure(answer(status, body)))
