"""Turns an HTTP answer into data or into the one error that says what went wrong.

A call failed when the HTTP status is 300 or above, when the body has ``is_success: false``, or when
it has an ``error_code``. The class of the error follows from status and code together, since several
codes mean different things under different statuses ("Error Codes" in the ModelArts API reference).

Only a code of that reference is a verdict. The service reports a missing job as HTTP 400 with a
code; a 404 without one is a page of something in front of the service and says nothing about the
job. Statuses alone count only where they do not depend on the job: 401, 408, 429 and 5xx.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    JobNameExistsError,
    ModelArtsApiError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    ServiceUnavailableError,
    ThrottledError,
    UnexpectedResponseError,
    UnreadableResponseError,
)
from airflow_provider_modelarts.masking import SCANNED, scrub
from airflow_provider_modelarts.text import one_line, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_modelarts.secret import Secret
    from airflow_provider_modelarts.transport import Response

_ErrorType = type[ModelArtsApiError]

# What these mean does not depend on a code: who asks, how often, and how long it took.
_BY_STATUS: Final[dict[int, _ErrorType]] = {
    401: AuthenticationError,
    408: ServiceUnavailableError,
    429: ThrottledError,
}

# IAM has a form of failure without a code, of which the status is the verdict. A 404 is about the
# login, never about a job.
_BY_IAM_STATUS: Final[dict[int, _ErrorType]] = {
    400: InvalidRequestError,
    403: PermissionDeniedError,
    404: InvalidRequestError,
    409: InvalidRequestError,
}

# Missing objects, quotas and permissions come as HTTP 400; a failure in the body of a 200 has its
# code alone. Codes without prefix are ModelArts codes.
_BY_CODE: Final[dict[str, _ErrorType]] = {
    code: error
    for error, codes in {
        JobNameExistsError: "0103 2751",
        NotFoundError: "0015 0102 2775 2780 2781 2782 2783 2819 2820 2836 2890 4311 4312 4352 4353 7005",
        QuotaExceededError: "0116 0118 2759 2760 2761 2793 2815 2833 2845 APIG.0501",
        PermissionDeniedError: "0108 0112 0204 1003 2771 2784 2785 2786 2837 2838 2891 3000 4106 4116 "
        "4118 4310 7002 APIG.0302 APIG.0306 APIG.0310 APIG.0502 APIG.0802",
        AuthenticationError: "0201 0202 0203 0205 0206 0207 0208 0212 4117 4201 4901 6201 6203 "
        "APIG.0301 APIG.0305 APIG.0307",
        ConflictError: "0105 2701 2796 2813 2878 6357 7004",
        InvalidRequestError: "0101 0104 0107 0210 0806 0901 2605 2606 2607 2608 2702 2757 2758 "
        "2763 2764 2767 2773 2776 2777 2787 2788 2789 2790 2791 2792 2802 2803 2806 2810 2811 "
        "2816 2818 2825 2830 2832 2840 2886 2887 2889 4104 4105 4313 4315 APIG.0101 APIG.0201",
        ThrottledError: "2799 4206 6101 APIG.0308",
        ServiceUnavailableError: "0010 1002 2700 2703 2704 2800 2950 2951 2952 2953 2954 2955 2956 2957 "
        "2958 2959 4205 4302 4503 4700 6100 7008 APIG.0202 APIG.0203 APIG.0601 APIG.0610 APIG.0613",
    }.items()
    for code in codes.split()
}

# Where the status alone, or the code alone, would mislead.
_BY_STATUS_AND_CODE: Final[dict[tuple[int, str], _ErrorType]] = {
    (403, "0203"): AuthenticationError,  # invalid token
    (403, "0206"): AuthenticationError,  # invalid key pair
    (403, "2784"): AuthenticationError,  # invalid token
    (403, "2701"): ConflictError,
    (403, "2702"): InvalidRequestError,
    (403, "2703"): ServiceUnavailableError,  # pool network not ready
}

_HINTS: Final[dict[str, str]] = {
    "2785": "Authorise ModelArts once in its console (global configuration)",
    "2786": "'Project ID' (extra project_id) of the connection is not the one the credentials are for",
    "0210": "'Project ID' (extra project_id) of the connection is not the one the credentials are for",
    "4901": "Let ModelArts access OBS: authorise it in its console (global configuration)",
    "APIG.0101": "No ModelArts API at this address; check 'ModelArts endpoint' (host) of the connection",
}

# Reasons that the gateway gives for a 401 only in words.
_WORDED_HINTS: Final[tuple[tuple[str, str], ...]] = (
    ("signature expired", "The clock of this machine is off by more than 15 minutes; set it right"),
    (
        "ak not exist",
        "The access key id in 'Access key or IAM user' (login) of the connection does not exist",
    ),
    ("reach the limit", "The access key is locked for 5 minutes after too many wrong signatures"),
    (
        "verify aksk signature fail",
        "The secret access key in 'Secret key or password' (password) of the connection does not fit the key in "
        "'Access key or IAM user' (login)",
    ),
)

_MESSAGE_LIMIT = 600
_ID_LIMIT = 100
_REDIRECTS = range(300, 400)


def decode(
    response: Response,
    operation: str,
    secrets: Iterable[str | Secret] = (),
    *,
    from_iam: bool = False,
) -> dict[str, Any]:
    """Return the JSON object of a successful answer; HTTP 204, which has none, says success.

    :param response: what the server sent.
    :param operation: what was asked, for messages.
    :param secrets: texts that must not appear in an error, in case the server echoes them.
    :param from_iam: IAM was asked, whose own form of failure counts without a code.
    :raises ModelArtsApiError: the answer tells of a failure; the subclass says which.
    :raises UnreadableResponseError: the answer says success but cannot be read.
    """
    if response.status == 204:
        return {"is_success": True}
    body = _json_object(response.body)
    data = body or {}
    failed = (
        response.status >= 300
        or str(data.get("is_success")).lower() == "false"
        or bool(data.get("error_code"))
    )
    if failed:
        error = _error(response, data, operation, secrets, from_iam=from_iam)
        del body, data  # a traceback shows local variables, and these may repeat our secrets
        raise error
    if body is None and response.body.strip():
        msg = (
            f"{operation}: HTTP {response.status}, but the answer is not a JSON object: "
            f"{_excerpt(response.body, secrets)}"
        )
        raise UnreadableResponseError(msg)
    return data


def parse_retry_after(value: str | None, date: str | None = None) -> float | None:
    """Return the seconds of a ``Retry-After`` header, given as seconds or as an HTTP date.

    :param date: the ``Date`` header of the same answer: a date is by the server's clock, not by ours.
    """
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    until = parse_date(value)
    if until is None:
        return None
    return max(0.0, until - (parse_date(date) or time.time()))


def parse_date(value: str | None) -> float | None:
    """Return the epoch seconds of an HTTP date, or None if it is none."""
    try:
        date = parsedate_to_datetime(value or "")
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        data = parse_json(body)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _error(
    response: Response,
    data: Mapping[str, Any],
    operation: str,
    secrets: Iterable[str | Secret],
    *,
    from_iam: bool,
) -> ModelArtsApiError:
    code, message = _code_and_message(data)
    request_id = str(
        data.get("request_id")
        or response.headers.get("x-request-id")
        or response.headers.get("x-iam-trace-id")
        or ""
    )
    if response.status in _REDIRECTS:
        message = f"redirected to {response.headers.get('location', 'nowhere')!r}"
    short = code.removeprefix("ModelArts.").replace("APIGW.", "APIG.")
    error_type = _error_type(response.status, short)
    if from_iam and error_type is UnexpectedResponseError and _in_iam_form(data, code):
        error_type = _BY_IAM_STATUS.get(response.status, error_type)
    return error_type(
        one_line(scrub(message, secrets), _MESSAGE_LIMIT)
        or _excerpt(response.body, secrets)
        or "no message given",
        error_code=one_line(scrub(code, secrets), _ID_LIMIT),
        http_status=response.status,
        request_id=one_line(scrub(request_id, secrets), _ID_LIMIT),
        operation=operation,
        retry_after=parse_retry_after(
            response.headers.get("retry-after"), response.headers.get("date")
        ),
        hint=_hint(response.status, short, message),
    )


def _code_and_message(data: Mapping[str, Any]) -> tuple[str, str]:
    """Read the three shapes of a failure: service, gateway, IAM."""
    inner = data.get("error")
    if isinstance(inner, Mapping):
        return str(inner.get("error_code") or ""), str(
            inner.get("message") or inner.get("title") or ""
        )
    message = data.get("error_message") or data.get("error_msg") or data.get("message") or ""
    return str(data.get("error_code") or ""), str(message)


def _error_type(status: int, code: str) -> _ErrorType:
    """Return the verdict of a status and a code (without the prefix ``ModelArts.``)."""
    if (status, code) in _BY_STATUS_AND_CODE:
        return _BY_STATUS_AND_CODE[status, code]
    if status >= 500:
        return ServiceUnavailableError
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    # The pages rarely say which status comes with a code, so any below 500 may.
    verdict = _BY_CODE.get(code, UnexpectedResponseError)
    known = verdict is not UnexpectedResponseError
    return PermissionDeniedError if status == 403 and known else verdict


def _in_iam_form(data: Mapping[str, Any], code: str) -> bool:
    """Whether a failure is in one of IAM's own forms, unlike a page of a gateway in front of it."""
    return isinstance(data.get("error"), Mapping) or code.startswith("IAM.")


def _hint(status: int, code: str, message: str) -> str:
    if status in _REDIRECTS:
        return "Redirects are not followed with credentials; set 'host' to the final address"
    for words, hint in _WORDED_HINTS:
        if words in message:
            return hint
    return _HINTS.get(code, "")


def _excerpt(body: bytes, secrets: Iterable[str | Secret]) -> str:
    """Return the start of a body, masked before blanks are joined and the rest is cut off."""
    text = scrub(body[: 4 * SCANNED].decode(errors="replace"), secrets)
    return one_line(" ".join(text.split()), _MESSAGE_LIMIT)
