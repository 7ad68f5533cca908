"""What the tests of the API server ask of the emulator."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models import xcom

if TYPE_CHECKING:
    from collections.abc import Callable

AIRFLOW_3 = pytest.mark.skipif(
    not hasattr(xcom, "XComModel"), reason="Airflow 2 does not tell listeners what a user does"
)
STOPPED = (9, 12)
RUNNING = 8


def status_of(emulator: Any) -> int:
    """Return the status of the one version."""
    (job,) = emulator.jobs()
    return int(job.versions[-1].status)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; whether it comes is what counts, not when."""
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    pytest.fail("it never came")
