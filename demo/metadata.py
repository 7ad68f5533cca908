"""Looks into Airflow's metadata database, read only, for what its API does not tell."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.processes import command_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Look:
    """One look at a task instance: its state, the same before and after its processes were counted."""

    task_id: str
    state: str
    worker_processes: int


class MetadataDb:
    """The SQLite file of one throw-away Airflow.

    :param in_titles: SQL for what Airflow writes into the titles of the processes that run a task instance.
    """

    def __init__(self, path: Path, in_titles: str) -> None:
        self.path = path
        self._in_titles = in_titles

    def rows(self, query: str, *arguments: object) -> list[tuple[object, ...]]:
        """Run one SELECT on a connection that is closed at once, so that Airflow's writers never wait for it."""
        uri = f"{self.path.resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
            return [tuple(row) for row in connection.execute(query, arguments)]

    def observe(
        self, dag_id: str, run_id: str, airflow_pids: Callable[[], Iterable[int]]
    ) -> list[Look]:
        """Count the worker processes of each task that runs or waits in the triggerer.

        An instance whose state changed during the look is left out.
        """
        before = self._instances(dag_id, run_id)
        if not before:
            return []
        titles = [line.replace("-", "") for line in command_lines(airflow_pids()).values()]
        after = self._instances(dag_id, run_id)
        return [
            Look(task_id, state, sum(instance in title for title in titles))
            for instance, (task_id, state) in before.items()
            if after.get(instance) == (task_id, state)
        ]

    def _instances(self, dag_id: str, run_id: str) -> dict[str, tuple[str, str]]:
        query = (
            f"SELECT {self._in_titles}, task_id, state FROM task_instance"  # noqa: S608 - our own constant
            " WHERE dag_id = ? AND run_id = ? AND state IN ('running', 'deferred')"
        )
        return {
            str(row[0]).replace("-", ""): (str(row[1]), str(row[2]))
            for row in self.rows(query, dag_id, run_id)
        }
