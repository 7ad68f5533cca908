"""``JobEvent`` as it is read back; round trips and odd payloads are in ``tests/properties``."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_modelarts.events import JobEvent
from airflow_provider_modelarts.exceptions import ModelArtsError


@pytest.mark.parametrize(
    "change",
    [
        {"status": "done"},
        {"job_id": None},
        {"job_id": "ten"},
        {"version_id": float("inf")},
        {"job_status": [8]},
        {"end_time": 10**400},
    ],
    ids=["status", "null", "text", "infinity", "list", "too large"],
)
def test_event_that_cannot_be_read_is_an_error_of_ours(change: dict[str, Any]) -> None:
    """A payload of another program, or one that was damaged, is told as such."""
    payload = {"status": "success", "job_id": 1, "version_id": 2, **change}

    with pytest.raises(ModelArtsError, match="Not an event of TrainingJobTrigger"):
        JobEvent.from_payload(payload)
