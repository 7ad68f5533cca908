"""Plays the tries of one task: run, retry, clear, and kills at chosen points.

A try that is killed is played by an exception that no code of ours catches, raised where the process
would have died: in the store, before or after the request.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG
from pydantic import JsonValue, TypeAdapter

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


KILLS = pytest.mark.parametrize(
    "point", ["before intent", "after intent", "before made", "after made"]
)


class KilledError(BaseException):
    """The process died here."""


class StateStore:
    """Airflow's task state store, shared by all tries of one task instance; can kill the process."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.kill_at: str | None = None

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value."""
        return self.values.get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        """Keep a value, strict about JSON as Airflow is."""
        TypeAdapter(JsonValue).validate_python(value)
        phase = value.get("phase")
        if self.kill_at == f"before {phase}":
            raise KilledError
        self.values[key] = json.loads(json.dumps(value))
        if self.kill_at == f"after {phase}":
            raise KilledError


class Instance:
    """One try of a task instance; XComs are those of all tasks of the DAG, by run, task and index."""

    dag_id = "test"

    def __init__(
        self, where: tuple[str, str, int], number: int, max_tries: int, xcoms: dict[Any, Any]
    ) -> None:
        self.run_id, self.task_id, self.map_index = self._me = where
        self.try_number, self.max_tries = number, max_tries
        self._xcoms = xcoms
        for key in [key for key in xcoms if key[:3] == where]:
            del xcoms[key]  # Airflow wipes a task's XComs when a try starts

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value for other tasks."""
        self._xcoms[*self._me, key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, key: str, run_id: str | None = None) -> Any:
        """Return the values of all map indexes of a task."""
        wanted = (run_id or self.run_id, task_ids, key)
        return [v for (run, task, _, name), v in self._xcoms.items() if (run, task, name) == wanted]

    def get_task_states(self, dag_id: str, task_ids: list[str]) -> dict[str, dict[str, str]]:
        """Return the states in all runs of the DAG; what has pushed something has started."""
        states: dict[str, dict[str, str]] = {}
        for run, task, index, _ in self._xcoms:
            states.setdefault(run, {})[f"{task}_{index}"] = "running"
        return states


class TaskRun:
    """Runs the tries of one task instance as a scheduler would: run, retry, clear."""

    def __init__(
        self,
        make: Callable[[], Any],
        *,
        store: StateStore | None,
        xcoms: dict[Any, Any] | None = None,
        index: int = -1,
        run_id: str = "manual__1",
    ) -> None:
        self._make, self.store, self.where = make, store, (run_id, make().task_id, index)
        self.xcoms = {} if xcoms is None else xcoms
        self.number = 0
        self.started: datetime | None = None
        self.max_tries = make().retries or 0

    def attempt(self, **changes: Any) -> dict[str, Any]:
        """Run the next try in what would be a new process."""
        self.number += 1
        task = self._make(**changes)
        if not task.has_dag():
            task.dag = DAG("test", schedule=None)
        ti = Instance(self.where, self.number, self.max_tries, self.xcoms)
        context: dict[str, Any] = {"ti": ti, "task": task}
        if self.started is not None:
            context["dag_run"] = SimpleNamespace(start_date=self.started)
        if self.store is not None:
            context["task_state_store"] = self.store
        task.render_template_fields(context)
        return task.execute(context)

    def clear(self) -> None:
        """Clear the task: the tries made so far no longer count."""
        self.max_tries = self.number + (self._make().retries or 0)

    def killed_attempt(self, at: str) -> None:
        """Run a try that dies at this point."""
        assert self.store is not None
        self.store.kill_at = at
        with pytest.raises(KilledError):
            self.attempt()
        self.store.kill_at = None


def versions(emulator: Any) -> list[Any]:
    """Return all versions of the one job at the service."""
    (job,) = emulator.jobs()
    return list(job.versions)
