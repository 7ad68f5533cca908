"""A task instance whose state a test decides, and what became of its training."""

from __future__ import annotations

from typing import Any

STOPPED = (9, 12)
RUNNING = 8


class Instance:
    """A task instance whose state Airflow has on record."""

    dag_id, task_id, run_id, map_index = "dag", "train", "run", -1
    try_number, max_tries = 1, 0

    def __init__(self) -> None:
        self.state: str | None = "running"

    def current_state(self) -> str | None:
        """Answer as Airflow 2 does."""
        return self.state

    def xcom_push(self, key: str, value: Any) -> None:
        """Take a value."""


def status(emulator: Any) -> int:
    """Return the status of the one version."""
    return emulator.jobs()[0].versions[0].status
