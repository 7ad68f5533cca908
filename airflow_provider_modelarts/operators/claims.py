"""Claims: how a task tells other tasks which version is its own, as an XCom.

Versions carry no name, so those with the same payload look alike. Tasks of one DAG, in whatever run,
read each other's claims before one of them takes a version for its own after a lost answer. Nothing
here locks: a task shows its claim, looks who else shows one, and then either withdraws it or settles
it, so that of two tasks at least one sees the other, whatever their clocks say; one that does neither
for :data:`LOOKS` looks counts as dead.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.exceptions import ModelArtsError
from airflow_provider_modelarts.text import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.plans import Made

CLAIM: Final = "modelarts_version"
"""Key of the XCom."""

SETTLING: Final = 1.0
"""Seconds between showing a claim and each look at others'; whose answer came sooner need not look."""

LOOKS: Final = 15
"""How often a task looks for what becomes of another's claim; then that task counts as dead."""

MOST_RUNS: Final = 100
"""How many other runs of the DAG are asked for claims; those with unfinished tasks come first."""

_GRACE: Final = timedelta(hours=1)
"""By which the clocks of Airflow's own machines may differ; it only bounds what is read."""

_NEVER_STARTED: Final = frozenset({None, "skipped", "upstream_failed", "removed"})
_FINISHED: Final = frozenset({"success", "failed"})


class XComClaims:
    """The claims of one DAG's tasks.

    :param context: the task's context.
    :param rivals: tasks of the DAG that start trainings, this one included.
    :param since: epoch seconds before which no version that matters can have been claimed.
    :param details: put into each claim of this task.
    """

    def __init__(
        self, context: Context, rivals: Sequence[str], *, since: float = 0.0, **details: Any
    ) -> None:
        self._instance: Any = context["ti"]
        self._rivals = rivals
        self._since = since
        self._details = details
        self._me = [
            getattr(self._instance, "run_id", None),
            self._instance.task_id,
            getattr(self._instance, "map_index", -1),
        ]
        self._mine: dict[str, Any] = {}

    def intend(self, what: Mapping[str, Any]) -> None:
        """Show what is about to be created, for the API server, which outlives this process."""
        self._show({**self._unnamed(), "intent": dict(what)})

    def withdraw(self) -> None:
        """Show that nothing was created after all."""
        self._show(self._unnamed())

    def _unnamed(self) -> dict[str, Any]:
        return {"version_id": None, "own": True, "by": self._me, **self._details}

    def push(self, made: Made, *, since: float, own: bool) -> None:
        """Claim a version for this task."""
        self._show(
            {
                "job_id": made.job_id,
                "version_id": made.version_id,
                "own": own,
                "since": since,
                "settled": not since,
                "by": self._me,
                **self._details,
            }
        )

    def _show(self, claim: dict[str, Any]) -> None:
        self._mine = strict_json(claim)
        self._instance.xcom_push(key=CLAIM, value=self._mine)

    def taken(self) -> set[int]:
        """Return the versions that other tasks claim as their own."""
        return {int(claim["version_id"]) for claim in self._others()}

    def holds(self, answered_in: float = math.inf) -> bool:
        """Whether the version is this task's; it may take a moment.

        A claim that is settled holds, and of the others the earlier one. Where the other's is the
        later one, its task may have looked before this one's was there: it settles it or withdraws it.

        :param answered_in: seconds from the request to this claim, where the service has answered.
            Another task that has claimed the version meanwhile has yet to look, if they are few.
        """
        if not self._rivals or answered_in < SETTLING:
            return True
        for _ in range(LOOKS):
            time.sleep(SETTLING)
            others = [c for c in self._others() if c["version_id"] == self._mine["version_id"]]
            if any(c.get("settled") or _rank(c) < _rank(self._mine) for c in others):
                self._show({**self._mine, "version_id": None})
                return False
            if not others:
                break
        self._show({**self._mine, "settled": True})
        return True

    def _others(self) -> list[dict[str, Any]]:
        """Return other tasks' claims to versions of their own.

        A claim of this task's earlier try is not among them: Airflow has wiped it.
        """
        values = [*self._of_run(None), *self._of_other_runs()]
        claims = [value for value in values if isinstance(value, dict)]
        return [
            claim
            for claim in claims
            if claim.get("own") and claim.get("version_id") is not None and claim["by"] != self._me
        ]

    def _of_run(self, run_id: str | None) -> Iterable[Any]:
        """Yield what rivals have pushed in this run (None) or another one."""
        where = {} if run_id is None else {"run_id": run_id}
        for task_id in self._rivals:
            value = self._instance.xcom_pull(task_ids=task_id, key=CLAIM, **where)
            # A mapped task gives a sequence, lazy in Airflow 2.
            yield from [value] if value is None or isinstance(value, dict) else value

    def _of_other_runs(self) -> Iterable[Any]:
        if hasattr(self._instance, "get_task_states"):  # Airflow 3
            for run_id in self._other_runs():
                yield from self._of_run(run_id)
        elif hasattr(self._instance, "get_dagrun"):  # Airflow 2 reads its database, of all DAGs
            yield from _in_database(self._since)

    def _other_runs(self) -> list[str]:
        """Return runs in which a rival has started, those that go on first, then the latest."""
        if not self._rivals:
            return []
        states: dict[str, dict[str, Any]] = self._instance.get_task_states(
            dag_id=self._instance.dag_id, task_ids=list(self._rivals)
        )
        started = {
            run_id: seen
            for run_id, tasks in states.items()
            if run_id != self._me[0] and (seen := set(tasks.values()) - _NEVER_STARTED)
        }
        # A run id ends in the moment it stands for.
        latest = sorted(started, key=lambda run_id: run_id.rpartition("__")[2], reverse=True)
        return sorted(latest, key=lambda run_id: started[run_id] <= _FINISHED)[:MOST_RUNS]


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


def _rank(claim: dict[str, Any]) -> tuple[float, str, str, int]:
    run_id, task_id, index = claim["by"]
    return claim["since"], str(run_id), task_id, index


def _in_database(since: float) -> list[Any]:
    from airflow.models.xcom import XCom
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.query(XCom).filter(
            XCom.key == CLAIM, XCom.timestamp >= datetime.fromtimestamp(since, UTC) - _GRACE
        )
        return [row.value for row in rows]
