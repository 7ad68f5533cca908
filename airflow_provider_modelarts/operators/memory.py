"""What Airflow lets a task remember between its tries, and what it tells of them.

Airflow 3.3 and newer keep a state store for each task instance, which all its tries share. Before
that nothing survives a try: XComs are wiped when the next one starts.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.exceptions import ModelArtsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.plans import Attempt, Made, Store

KEY: Final = "modelarts_submission"
CLAIM: Final = "modelarts_version"
"""XCom by which a task tells other tasks of its run which version is its own."""

SETTLING: Final = 1.0
"""Seconds that other tasks have to show an earlier claim to a version that is about to be adopted."""

_RETENTION: Final = timedelta(days=3650)  # as long as the DAG run; Airflow deletes it with the run


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
        self._accessor.set(KEY, dict(record), retention=_RETENTION)


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
    cleared task from a retried one.
    """
    from airflow_provider_modelarts.plans import Attempt

    instance: Any = context["ti"]
    generation = max(0, getattr(instance, "max_tries", retries) - retries)
    return Attempt(
        generation=generation,
        is_first=getattr(instance, "try_number", 1) <= generation + 1,
        since=_run_start(context),
    )


def _run_start(context: Context) -> float:
    """Return a moment before which nothing of this run can have been made.

    The start of a run is set anew when it is cleared; its logical date is not.
    """
    run: Any = context.get("dag_run")
    dates: Iterable[Any] = (getattr(run, name, None) for name in ("start_date", "logical_date"))
    return min((d.timestamp() for d in dates if isinstance(d, datetime)), default=0.0)


class XComClaims:
    """Claims as XComs of the DAG run, by which tasks of a run settle whose a version is.

    :param context: the task's context.
    :param rivals: tasks of the DAG that start trainings, this one included.
    """

    def __init__(self, context: Context, rivals: Sequence[str]) -> None:
        self._instance: Any = context["ti"]
        self._me = [self._instance.task_id, getattr(self._instance, "map_index", -1)]
        alone = len(rivals) <= 1 and self._me[1] in (None, -1)
        self._rivals = () if alone else rivals
        self._mine: dict[str, Any] = {}

    def push(self, made: Made, *, since: float, own: bool) -> None:
        """Claim a version for this task."""
        self._mine = {
            "job_id": made.job_id,
            "version_id": made.version_id,
            "own": own,
            "since": since,
            "by": self._me,
        }
        self._instance.xcom_push(key=CLAIM, value=self._mine)

    def taken(self) -> set[int]:
        """Return the versions that other tasks claim as their own."""
        return {int(claim["version_id"]) for claim in self._others()}

    def holds(self) -> bool:
        """Whether this task's claim is the earliest, once others had time to show theirs."""
        if not self._rivals:
            return True
        time.sleep(SETTLING)
        earlier = [
            claim
            for claim in self._others()
            if claim["version_id"] == self._mine["version_id"] and _rank(claim) < _rank(self._mine)
        ]
        return not earlier

    def _others(self) -> list[dict[str, Any]]:
        """Return other tasks' claims to versions of their own.

        A claim of this task's earlier try is not among them: Airflow has wiped it.
        """
        found: list[Any] = []
        for task_id in self._rivals:
            value = self._instance.xcom_pull(task_ids=task_id, key=CLAIM)
            # A mapped task gives a sequence, lazy in Airflow 2.
            found += [value] if value is None or isinstance(value, dict) else value
        claims = [value for value in found if isinstance(value, dict)]
        return [
            claim
            for claim in claims
            if claim.get("own") and claim.get("version_id") is not None and claim["by"] != self._me
        ]


def _rank(claim: dict[str, Any]) -> tuple[float, str, int]:
    task_id, index = claim["by"]
    return claim["since"], task_id, index


def claim_of_this_try(context: Context) -> tuple[int, int, bool]:
    """Return job, version, and whether it is this task's own, as this try has claimed them.

    :raises ModelArtsError: it has claimed none.
    """
    instance: Any = context["ti"]
    index = getattr(instance, "map_index", -1)
    claimed = instance.xcom_pull(task_ids=instance.task_id, key=CLAIM, map_indexes=index)
    if not isinstance(claimed, dict) or claimed.get("version_id") is None:
        msg = "The trigger has failed, and which version it waited for is not on record"
        raise ModelArtsError(msg)
    return int(claimed["job_id"]), int(claimed["version_id"]), bool(claimed.get("own", True))
