"""What Airflow lets a task remember between its tries, and what it tells of them.

Airflow 3.3 and newer keep a state store for each task instance, which all its tries share. Before
that nothing survives a try: XComs are wiped when the next one starts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.plans import Attempt, Store

KEY: Final = "modelarts_submission"
CLEARED: Final = "modelarts_cleared"
"""Key under which the API server keeps the last try of a task that was cleared."""
RETENTION: Final = timedelta(days=3650)  # as long as the DAG run; Airflow deletes it with the run


class TaskStateStore:
    """The state store of a task instance, Airflow 3.3 and newer."""

    durable = True

    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def load(self) -> Mapping[str, Any] | None:
        """Return the record of an earlier try, or None."""
        record = self._accessor.get(KEY)
        return record if isinstance(record, dict) else None

    def save(self, record: Mapping[str, Any]) -> None:
        """Replace the record."""
        self._accessor.set(KEY, dict(record), retention=RETENTION)


class NoStore:
    """Stands in before Airflow 3.3: a try knows only what it has done itself."""

    durable = False

    def load(self) -> Mapping[str, Any] | None:
        """Return None: nothing survives."""
        return None

    def save(self, record: Mapping[str, Any]) -> None:
        """Do nothing."""


def store_of(context: Context) -> Store:
    """Return the store that this Airflow has."""
    accessor = context.get("task_state_store")
    return NoStore() if accessor is None else TaskStateStore(accessor)


def attempt_of(context: Context, retries: int) -> Attempt:
    """Return which attempt this is.

    A clear raises ``max_tries`` to the number of tries made so far plus the retries, which tells a
    cleared task from a retried one. Not so a clear of a running task whose worker has died, or whose
    process Airflow ends otherwise than it meant to; of these the API server has left a note.
    """
    from airflow_provider_modelarts.plans import Attempt

    instance: Any = context["ti"]
    number = getattr(instance, "try_number", 1)
    noted = _cleared_at(context)
    generation = max(
        0, getattr(instance, "max_tries", retries) - retries, noted if noted < number else 0
    )
    return Attempt(
        generation=generation,
        is_first=number <= generation + 1,
        since=_run_start(context),
    )


def _cleared_at(context: Context) -> int:
    accessor: Any = context.get("task_state_store")
    note = None if accessor is None else accessor.get(CLEARED)
    number = note.get("try_number") if isinstance(note, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else 0


def _run_start(context: Context) -> float:
    """Return a moment before which nothing of this run can have been made.

    The start of a run is set anew when it is cleared; its logical date is not.
    """
    run: Any = context.get("dag_run")
    dates: Iterable[Any] = (getattr(run, name, None) for name in ("start_date", "logical_date"))
    return min((d.timestamp() for d in dates if isinstance(d, datetime)), default=0.0)
