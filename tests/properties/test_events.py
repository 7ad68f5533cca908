"""Trigger events cross two processes and a database; what comes back is read or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_modelarts.events import EventStatus, JobEvent
from airflow_provider_modelarts.exceptions import ModelArtsError
from airflow_provider_modelarts.text import one_line
from tests.properties import shapes

STATUSES = st.sampled_from(get_args(EventStatus))
EVENTS = st.builds(
    JobEvent,
    status=STATUSES,
    job_id=st.integers(),
    version_id=st.integers(),
    job_status=st.none() | st.integers(),
    message=shapes.texts,
    retryable=st.booleans(),
    end_time=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    cancel_on_kill=st.booleans(),
)
FIELDS = [*JobEvent.__dataclass_fields__, "from_the_future"]


@given(event=EVENTS)
def test_event_comes_back_as_it_went(event: JobEvent) -> None:
    """Through strict JSON, in which its message is one line of bounded length."""
    payload = json.dumps(event.to_payload(), allow_nan=False, ensure_ascii=False).encode()

    assert JobEvent.from_payload(json.loads(payload)) == replace(
        event, message=one_line(event.message)
    )


PAYLOADS = (
    shapes.values
    | shapes.objects(*FIELDS, of=STATUSES | st.integers() | shapes.values)
    | shapes.spoiled(EVENTS.map(JobEvent.to_payload))
)


@settings(max_examples=4 * settings().max_examples)
@given(payload=PAYLOADS)
def test_any_payload_is_an_event_or_an_error_of_ours(payload: Any) -> None:
    """What another release, or another program, has put there ends in one clear error."""
    try:
        event = JobEvent.from_payload(payload)
    except ModelArtsError:
        return
    assert str(JobEvent.from_payload(event.to_payload())) == str(event)  # "nan" equals itself here
