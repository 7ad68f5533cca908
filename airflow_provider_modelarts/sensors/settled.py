"""Where a sensor keeps the version that it has settled on, so that it never moves to another one.

Airflow wipes the XComs of a task instance whenever a process of it starts, after a reschedule as well
as for a retry, on every line from 2.11 to 3.3; it keeps them only where a deferral is resumed. The
task state store of Airflow 3.3 and newer outlives all of these. Before that nothing outlives a
reschedule.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

KEY: Final = "modelarts_awaited"
"""Key in the state store, or of the XCom."""

_RETENTION: Final = timedelta(days=3650)  # as long as the DAG run; Airflow deletes it with the run

log = logging.getLogger(__name__)


class SettledVersion:
    """The version that one task instance waits for, as it is on record.

    A retry goes on with the version of the try before; a cleared sensor settles anew, as its training
    may have been made anew. What tells of a clear is ``max_tries`` of the task instance, or
    ``clear_number`` of its run where a running task was cleared.

    :param context: the task's context.
    :param job_id: the job it belongs to; a version of another job does not count.
    """

    def __init__(self, context: Context, job_id: int) -> None:
        self._instance: Any = context["ti"]
        self._store: Any = context.get("task_state_store")
        self._job_id = job_id
        run = context.get("dag_run")
        self._try = getattr(self._instance, "try_number", 1)
        self._clears = [
            getattr(self._instance, "max_tries", 0),
            getattr(run, "clear_number", 0),
        ]

    def load(self) -> int | None:
        """Return the version of this try, or of the one before it if nobody has cleared the task."""
        record = None if self._store is None else self._store.get(KEY)
        if not isinstance(record, dict) or record.get("job_id") != self._job_id:
            return None
        if self._try != record.get("try") and self._clears != record.get("clears"):
            return None
        return _version(record)

    def load_resumed(self) -> int | None:
        """Return the version of a try that was deferred and goes on."""
        found = self.load()
        if found is not None:
            return found
        index = getattr(self._instance, "map_index", -1)
        record = self._instance.xcom_pull(
            task_ids=self._instance.task_id, key=KEY, map_indexes=index
        )
        if not isinstance(record, dict) or record.get("job_id") != self._job_id:
            return None
        return _version(record)

    def keep(self, version_id: int, *, deferrable: bool) -> bool:
        """Put the version on record; return whether the record outlives this process.

        :param deferrable: a deferral is the only end of the process that has to be outlived.
        """
        record = {
            "job_id": self._job_id,
            "version_id": version_id,
            "try": self._try,
            "clears": self._clears,
        }
        if self._store is not None and self._saved(record):
            return True
        if deferrable:
            self._instance.xcom_push(key=KEY, value=record)
        return deferrable

    def _saved(self, record: dict[str, Any]) -> bool:
        from airflow.sdk.exceptions import AirflowRuntimeError

        try:
            self._store.set(KEY, record, retention=_RETENTION)
        except AirflowRuntimeError as error:
            log.warning("Airflow's task state store has not taken the version: %s", error)
            return False
        return True


def _version(record: dict[str, Any]) -> int | None:
    found = record.get("version_id")
    return found if isinstance(found, int) else None
