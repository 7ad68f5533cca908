"""How long a service asks to wait."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, formatdate
from typing import Any

import pytest

from airflow_provider_modelarts.exceptions import ModelArtsApiError
from airflow_provider_modelarts.failures import decode, parse_retry_after
from airflow_provider_modelarts.transport import Response


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-7", None),
        ("soon", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999999", None),
        ("1.5", None),
        ("²", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 +99999999", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
)
def test_retry_after_in_seconds_or_not_at_all(value: str | None, seconds: float | None) -> None:
    """Seconds are read; nonsense is none, a moment in the past is no wait."""
    assert parse_retry_after(value) == seconds


@pytest.mark.parametrize("zone", [UTC, None], ids=["GMT", "no zone"])
def test_retry_after_as_date(zone: Any) -> None:
    """An HTTP date becomes the seconds until then."""
    moment = datetime.now(UTC) + timedelta(seconds=100)
    text = format_datetime(moment, usegmt=True)

    seconds = parse_retry_after(text if zone else text.replace(" GMT", ""))

    assert seconds is not None
    assert 90 < seconds <= 100


def test_retry_after_is_part_of_the_error() -> None:
    """The error carries what the service asked for."""

    def error(**headers: str) -> ModelArtsApiError:
        with pytest.raises(ModelArtsApiError) as caught:
            decode(Response(429, headers, b""), "GET /v1/{project_id}/x")
        return caught.value

    assert error(**{"retry-after": "7"}).retry_after == 7.0
    assert error().retry_after is None


@pytest.mark.parametrize("ahead", [-7200, 0, 7200])
def test_retry_after_as_date_is_by_the_clock_of_the_server(ahead: int) -> None:
    """Date and Retry-After of one answer are compared with each other."""
    now = time.time() + ahead

    seconds = parse_retry_after(formatdate(now + 30, usegmt=True), formatdate(now, usegmt=True))

    assert seconds == 30.0
