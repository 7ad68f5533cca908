"""Visualization jobs without HTTP: what they are, how they move on, who may do what when.

A job moves with the server's clock: 1, 7, 8, and where a schedule says so later 9 and 12. Nothing is run.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import codes, refusals, statuses, transitions
from airflow_provider_modelarts.emulator.errors import ServiceError
from airflow_provider_modelarts.emulator.transitions import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_modelarts.emulator.clock import Clock
    from airflow_provider_modelarts.emulator.database import Database
    from airflow_provider_modelarts.emulator.deletions import Deletions
    from airflow_provider_modelarts.emulator.listing import JobFilter
    from airflow_provider_modelarts.emulator.settings import Settings

Row = sqlite3.Row

KIND = "visualization"
QUOTA = 100
# Seconds, before the factor of the settings.
WAITING_AFTER, RUNNING_AFTER, KILLED_AFTER = 0.5, 1.0, 1.0


class VisualizationJobs:
    """The visualization jobs of all projects."""

    def __init__(
        self, settings: Settings, database: Database, clock: Clock, deletions: Deletions
    ) -> None:
        self.settings = settings
        self._database = database
        self._clock = clock
        self._deletions = deletions

    # ------------------------------------------------------------------ jobs
    def create(self, project_id: str, body: Mapping[str, Any]) -> Row:
        """Create a job from a checked body and start it."""
        with self._database.transaction() as sql:
            count = self._count(sql, project_id)
            if self._name_taken(sql, project_id, body["job_name"]):
                raise refusals.name_taken(self.settings, body["job_name"])
            if count >= QUOTA:
                raise ServiceError(
                    codes.QUOTA, f"The quota of {QUOTA} visualization jobs is used up."
                )
            return self._add(sql, project_id, "0", body, self._start_plan(body))

    def select(self, wanted: JobFilter) -> list[Row]:
        """Return all jobs of a workspace, or those in one status."""
        with self._database.reading() as sql:
            return sql.execute(
                "SELECT * FROM visualization_jobs WHERE project_id = ?1 AND workspace_id = ?2 "
                "AND (?3 IS NULL OR status = ?3)",
                (wanted.project_id, wanted.workspace_id, wanted.status),
            ).fetchall()

    def count(self, project_id: str) -> int:
        """Return how many jobs count against the project's quota."""
        with self._database.reading() as sql:
            return self._count(sql, project_id)

    def get(self, project_id: str, job_id: int) -> Row:
        """Return one job; :raises ServiceError: when there is none."""
        with self._database.reading() as sql:
            found: Row | None = sql.execute(
                "SELECT * FROM visualization_jobs WHERE id = ? AND project_id = ?",
                (job_id, project_id),
            ).fetchone()
        if found is None:
            raise _missing(job_id)
        return found

    def describe(self, project_id: str, job_id: int, description: str) -> None:
        """Change a job's description."""
        with self._database.transaction() as sql:
            self.get(project_id, job_id)
            sql.execute(
                "UPDATE visualization_jobs SET description = ? WHERE id = ?", (description, job_id)
            )

    def delete(self, project_id: str, job_id: int) -> None:
        """Start to delete a job."""
        self.get(project_id, job_id)
        self._deletions.ask(self, KIND, job_id)

    def stop(self, project_id: str, job_id: int) -> None:
        """Stop a job: 9 now, 12 later; :raises ServiceError: when it has ended."""
        with self._database.transaction() as sql:
            job = self.get(project_id, job_id)
            if job["status"] in statuses.FINAL:
                raise refusals.wrong_state(self.settings, "stop", job["status"])
            if job["status"] != statuses.KILLING:
                self._follow(sql, job, Plan("time", self._stop_steps(0.0)))

    def restart(self, project_id: str, job_id: int) -> None:
        """Start a job again; :raises ServiceError: when it has not ended."""
        with self._database.transaction() as sql:
            job = self.get(project_id, job_id)
            if job["status"] not in statuses.FINAL:
                raise refusals.wrong_state(self.settings, "restart", job["status"])
            # A second run has times of its own.
            sql.execute(
                "UPDATE visualization_jobs SET start_time = NULL, end_time = NULL WHERE id = ?",
                (job_id,),
            )
            self._follow(sql, job, self._start_plan(json.loads(job["body"])))

    # ----------------------------------------------------------- transitions
    def catch_up(self) -> None:
        """Do what is due by the server's clock: status changes, then deletions."""
        now, due = self._clock.now(), "SELECT * FROM visualization_jobs WHERE due <= ?"
        with self._database.reading() as sql:
            waiting = sql.execute(due, (now,)).fetchone() is not None
        if waiting:
            with self._database.transaction() as sql:
                for job in sql.execute(due, (now,)).fetchall():
                    self._advance(sql, job, now)
        self._deletions.carry_out(self, KIND)

    def remove(self, kind: str, thing_id: int) -> None:  # noqa: ARG002 - there is one kind here
        """Delete a job for good."""
        with self._database.transaction() as sql:
            sql.execute("DELETE FROM visualization_jobs WHERE id = ?", (thing_id,))

    def keep(self, kind: str, thing_id: int) -> None:  # noqa: ARG002
        """Show that a deletion failed."""
        with self._database.transaction() as sql:
            self._end_plan(sql, thing_id)
            self._move(sql, thing_id, statuses.DELETE_FAILED, self._clock.now_ms())

    def _start_plan(self, body: Mapping[str, Any]) -> Plan:
        scale = self.settings.time_scale
        steps = (
            (statuses.INIT, 0.0),
            (statuses.WAITING, WAITING_AFTER * scale),
            (statuses.RUNNING, RUNNING_AFTER * scale),
        )
        hours = _scheduled_hours(body)
        # Hours are the user's, not a delay of the emulator: the factor does not shorten them.
        stop = self._stop_steps(hours * 3600.0 + RUNNING_AFTER * scale) if hours else ()
        return Plan("time", (*steps, *stop))

    def _stop_steps(self, after: float) -> tuple[tuple[int, float], ...]:
        killed = after + KILLED_AFTER * self.settings.time_scale
        return ((statuses.KILLING, after), (statuses.KILLED, killed))

    def _follow(self, sql: sqlite3.Connection, job: Row, plan: Plan) -> None:
        """Give a job another plan, counted from now."""
        now = self._clock.now()
        sql.execute(
            "UPDATE visualization_jobs SET plan = ?, plan_start = ? WHERE id = ?",
            (json.dumps(plan.as_dict()), now, job["id"]),
        )
        following = sql.execute("SELECT * FROM visualization_jobs WHERE id = ?", (job["id"],))
        self._advance(sql, following.fetchone(), now)

    def _advance(self, sql: sqlite3.Connection, job: Row, now: float) -> None:
        """Take every step until now, so that the times are those of the plan however late one looks."""
        plan, start = transitions.from_text(job["plan"]), job["plan_start"]
        for status, reached in plan.due_steps(start, now, 1.0):
            self._move(sql, job["id"], status, int(reached * 1000))
        _, following = plan.at(now - start, 1.0)
        due = None if following is None else start + following
        sql.execute("UPDATE visualization_jobs SET due = ? WHERE id = ?", (due, job["id"]))

    @staticmethod
    def _move(sql: sqlite3.Connection, job_id: int, status: int, now_ms: int) -> None:
        sql.execute(
            "UPDATE visualization_jobs SET status = :status, "
            "start_time = CASE WHEN :running THEN COALESCE(start_time, :now) ELSE start_time END, "
            "end_time = CASE WHEN :final THEN COALESCE(end_time, :now) ELSE NULL END WHERE id = :id",
            {
                "status": status,
                "running": status == statuses.RUNNING,
                "final": status in statuses.FINAL,
                "now": now_ms,
                "id": job_id,
            },
        )

    @staticmethod
    def _end_plan(sql: sqlite3.Connection, job_id: int) -> None:
        sql.execute("UPDATE visualization_jobs SET due = NULL WHERE id = ?", (job_id,))

    # --------------------------------------------------------------- control
    def set_status(self, job_id: int, status: int) -> None:
        """Force a job's status; it then stays there until it is stopped or restarted."""
        with self._database.transaction() as sql:
            if not sql.execute(
                "SELECT 1 FROM visualization_jobs WHERE id = ?", (job_id,)
            ).fetchone():
                raise _missing(job_id)
            self._end_plan(sql, job_id)
            self._move(sql, job_id, status, self._clock.now_ms())

    def add(
        self, count: int, status: int, prefix: str, workspace_id: str, project_id: str
    ) -> list[int]:
        """Add jobs that stay in one status; returns their ids. The quota does not count here."""
        made = []
        with self._database.transaction() as sql:
            first = self._count(sql, project_id)
            for index in range(first, first + count):
                body = {"job_name": f"{prefix}-{index:05d}", "train_url": "/bucket/out/"}
                if self._name_taken(sql, project_id, body["job_name"]):
                    raise refusals.name_taken(self.settings, body["job_name"])
                plan = Plan("time", ((status, 0.0),))
                made.append(int(self._add(sql, project_id, workspace_id, body, plan)["id"]))
        return made

    # ------------------------------------------------------------------- SQL
    def _add(
        self,
        sql: sqlite3.Connection,
        project_id: str,
        workspace_id: str,
        body: Mapping[str, Any],
        plan: Plan,
    ) -> Row:
        cursor = sql.execute(
            "INSERT INTO visualization_jobs (project_id, workspace_id, name, description, create_time, "
            "resource_id, body, status, plan_start) VALUES (?, ?, ?, ?, ?, lower(hex(randomblob(16))), ?, ?, 0)",
            (
                project_id,
                workspace_id,
                body["job_name"],
                body.get("job_desc", ""),
                self._clock.now_ms(),
                json.dumps(body),
                plan.first,
            ),
        )
        job = self.get(project_id, int(cursor.lastrowid or 0))
        self._follow(sql, job, plan)
        # As it was made: without delays the next read finds it further on.
        return job

    @staticmethod
    def _count(sql: sqlite3.Connection, project_id: str) -> int:
        found = sql.execute(
            "SELECT count(*) FROM visualization_jobs WHERE project_id = ?", (project_id,)
        )
        return int(found.fetchone()[0])

    @staticmethod
    def _name_taken(sql: sqlite3.Connection, project_id: str, name: str) -> bool:
        found = sql.execute(
            "SELECT 1 FROM visualization_jobs WHERE project_id = ? AND name = ?", (project_id, name)
        )
        return found.fetchone() is not None


def _missing(job_id: int) -> ServiceError:
    return refusals.missing("visualization job", job_id)


def _scheduled_hours(body: Mapping[str, Any]) -> int:
    """Return after how many hours a job stops by itself; 0 is taken to mean never.

    The table calls the schedule an object, the sample sends a list of one.
    """
    schedule = body.get("schedule")
    if isinstance(schedule, list):
        (schedule,) = schedule
    return int(schedule["duration"]) if schedule else 0
