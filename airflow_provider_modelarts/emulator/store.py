"""Jobs and versions in SQLite: rows in, rows out, no rules."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import statuses
from airflow_provider_modelarts.emulator.database import TABLES
from airflow_provider_modelarts.emulator.transitions import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_modelarts.emulator.database import Database
    from airflow_provider_modelarts.emulator.listing import JobFilter

Row = sqlite3.Row

# What a caller may sort by; the value is the SQL behind it.
SORT_KEYS = {
    "job_name": "jobs.name",
    "job_desc": "jobs.description",
    "status": "COALESCE(newest.status, 0)",
    "duration": "COALESCE(newest.end_time, :now) - newest.start_time",
    "version_count": "jobs.version_count",
    "create_time": "jobs.create_time",
}
_NEWEST = "LEFT JOIN versions AS newest ON newest.id = jobs.newest_version"


class Store:
    """All SQL about jobs and versions."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # ------------------------------------------------------------------ jobs
    def add_job(
        self, project_id: str, workspace_id: str, name: str, description: str, now_ms: int
    ) -> int:
        """Insert a job and return its id; the name must be free."""
        with self.database.transaction() as sql:
            cursor = sql.execute(
                "INSERT INTO jobs (project_id, workspace_id, name, description, create_time, resource_id) "
                "VALUES (?, ?, ?, ?, ?, 'job' || lower(hex(randomblob(4))))",
                (project_id, workspace_id, name, description, now_ms),
            )
            return int(cursor.lastrowid or 0)

    def name_taken(self, project_id: str, name: str) -> bool:
        """Return whether the project has a job of that name."""
        with self.database.reading() as sql:
            found = sql.execute(
                "SELECT 1 FROM jobs WHERE project_id = ? AND name = ?", (project_id, name)
            )
            return found.fetchone() is not None

    def job(self, project_id: str, job_id: int) -> Row | None:
        """Return one job of the project."""
        with self.database.reading() as sql:
            found: Row | None = sql.execute(
                "SELECT * FROM jobs WHERE id = ? AND project_id = ?", (job_id, project_id)
            ).fetchone()
            return found

    def all_jobs(self) -> list[Row]:
        """Return every job of every project, oldest first."""
        with self.database.reading() as sql:
            return sql.execute("SELECT * FROM jobs ORDER BY id").fetchall()

    def describe(self, job_id: int, description: str) -> None:
        """Change a job's description."""
        with self.database.transaction() as sql:
            sql.execute("UPDATE jobs SET description = ? WHERE id = ?", (description, job_id))

    def delete_job(self, job_id: int) -> None:
        """Delete a job; its versions go with it."""
        with self.database.transaction() as sql:
            sql.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def list_jobs(self, wanted: JobFilter, now_ms: int) -> tuple[int, list[Row]]:
        """Return the number of matching jobs and one page of them, each with its newest version."""
        where = ["jobs.project_id = :project", "jobs.workspace_id = :workspace"]
        if wanted.status is not None:
            where.append("COALESCE(newest.status, 0) = :status")
        if wanted.listing.search:
            # The vendor calls it a fuzzy search: part of the name, and case does not count.
            where.append("instr(lower(jobs.name), lower(:search)) > 0")
        values = {
            "project": wanted.project_id,
            "workspace": wanted.workspace_id,
            "status": wanted.status,
            "search": wanted.listing.search,
            "now": now_ms,
            "limit": wanted.listing.limit,
            "offset": wanted.listing.offset,
        }
        condition = " AND ".join(where)
        join = _NEWEST if wanted.status is not None else ""
        order = "DESC" if wanted.listing.descending else "ASC"
        with self.database.reading() as sql:
            counting = f"SELECT count(*) FROM jobs {join} WHERE {condition}"  # noqa: S608 - fixed texts
            total = sql.execute(counting, values).fetchone()[0]
            rows = sql.execute(
                f"SELECT jobs.*, newest.id AS version_id, newest.status, newest.start_time, "  # noqa: S608
                f"newest.end_time, newest.mode, newest.plan FROM jobs {_NEWEST} WHERE {condition} "
                f"ORDER BY {wanted.listing.sort_by} {order}, jobs.id {order} LIMIT :limit OFFSET :offset",
                values,
            ).fetchall()
        return int(total), rows

    # -------------------------------------------------------------- versions
    def add_version(
        self,
        job_id: int,
        config: Mapping[str, Any],
        plan: Plan,
        now: float,
        due: float | None = None,
    ) -> Row:
        """Insert the next version of a job, in the first status of its plan."""
        now_ms = int(now * 1000)
        status = plan.first
        volumes = config.get("volumes")
        kept = {
            key: value for key, value in config.items() if key not in {"volumes", "create_version"}
        }
        with self.database.transaction() as sql:
            sql.execute(
                "UPDATE jobs SET versions_made = versions_made + 1, version_count = version_count + 1 WHERE id = ?",
                (job_id,),
            )
            (made,) = sql.execute(
                "SELECT versions_made FROM jobs WHERE id = ?", (job_id,)
            ).fetchone()
            # A version is never derived from 0: that only stands for "no version yet".
            cursor = sql.execute(
                "INSERT INTO versions (job_id, name, pre_version_id, status, create_time, start_time, end_time, "
                "config, volumes, mode, plan, plan_start, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job_id,
                    f"V{made:04d}",
                    config.get("pre_version_id") or None,
                    status,
                    now_ms,
                    now_ms if status in statuses.STARTED else None,
                    now_ms if status in statuses.FINAL else None,
                    json.dumps(kept),
                    json.dumps(volumes) if volumes else None,
                    plan.mode,
                    None if plan.mode == "immediate" else json.dumps(plan.as_dict()),
                    now,
                    due,
                ),
            )
            version_id = int(cursor.lastrowid or 0)
            sql.execute("UPDATE jobs SET newest_version = ? WHERE id = ?", (version_id, job_id))
            return self._version(sql, version_id)

    @staticmethod
    def _version(sql: sqlite3.Connection, version_id: int) -> Row:
        row: Row = sql.execute("SELECT * FROM versions WHERE id = ?", (version_id,)).fetchone()
        return row

    def version(self, job_id: int, version_id: int) -> Row | None:
        """Return one version of a job."""
        with self.database.reading() as sql:
            found: Row | None = sql.execute(
                "SELECT * FROM versions WHERE id = ? AND job_id = ?", (version_id, job_id)
            ).fetchone()
            return found

    def version_by_id(self, version_id: int) -> Row | None:
        """Return one version."""
        with self.database.reading() as sql:
            return self._version(sql, version_id)

    def versions(self, job_id: int, limit: int = -1, offset: int = 0) -> list[Row]:
        """Return versions of a job, oldest first."""
        with self.database.reading() as sql:
            return sql.execute(
                "SELECT * FROM versions WHERE job_id = ? ORDER BY id LIMIT ? OFFSET ?",
                (job_id, limit, offset),
            ).fetchall()

    def all_versions(self) -> list[Row]:
        """Return every version, oldest first."""
        with self.database.reading() as sql:
            return sql.execute("SELECT * FROM versions ORDER BY id").fetchall()

    def delete_version(self, job_id: int, version_id: int) -> None:
        """Delete one version; the newest of the rest becomes the job's newest."""
        with self.database.transaction() as sql:
            sql.execute("DELETE FROM versions WHERE id = ?", (version_id,))
            sql.execute(
                "UPDATE jobs SET version_count = version_count - 1, "
                "newest_version = (SELECT max(id) FROM versions WHERE job_id = jobs.id) WHERE id = ?",
                (job_id,),
            )

    def live(self, mode: str) -> list[Row]:
        """Return the versions of a mode that still have something before them, oldest first."""
        with self.database.reading() as sql:
            return sql.execute(
                "SELECT * FROM versions WHERE mode = ? AND plan IS NOT NULL ORDER BY id", (mode,)
            ).fetchall()

    def live_ids(self, mode: str) -> set[int]:
        """Return the ids of the versions of a mode that still have something before them."""
        with self.database.reading() as sql:
            found = sql.execute(
                "SELECT id FROM versions WHERE mode = ? AND plan IS NOT NULL", (mode,)
            )
            return {int(row[0]) for row in found}

    def due(self, mode: str, now: float, limit: int = -1) -> list[Row]:
        """Return the versions of a mode whose next step is due, the longest waiting first."""
        with self.database.reading() as sql:
            return sql.execute(
                "SELECT * FROM versions WHERE mode = ? AND due <= ? ORDER BY due, id LIMIT ?",
                (mode, now, limit),
            ).fetchall()

    def next_due(self, mode: str) -> float | None:
        """Return when the next step of a mode is due."""
        with self.database.reading() as sql:
            found: float | None = sql.execute(
                "SELECT min(due) FROM versions WHERE mode = ? AND due IS NOT NULL", (mode,)
            ).fetchone()[0]
            return found

    def move(
        self,
        version_id: int,
        status: int,
        now_ms: int,
        *,
        due: float | None = None,
        done: bool = False,
    ) -> None:
        """Set a status, keep the times in step with it and the next due time; ``done`` ends the plan."""
        with self.database.transaction() as sql:
            sql.execute(
                "UPDATE versions SET status = :status, due = :due, "
                "start_time = CASE WHEN :started THEN COALESCE(start_time, :now) ELSE start_time END, "
                "end_time = CASE WHEN :final THEN COALESCE(end_time, :now) ELSE NULL END, "
                "plan = CASE WHEN :done THEN NULL ELSE plan END WHERE id = :id",
                {
                    "status": status,
                    "due": due,
                    # A version stopped while it waited never started.
                    "started": status in statuses.STARTED
                    and status not in {statuses.KILLING, statuses.KILLED},
                    "final": status in statuses.FINAL,
                    "now": now_ms,
                    "done": done,
                    "id": version_id,
                },
            )

    def undue(self, version_id: int) -> None:
        """Take a version off the timetable."""
        with self.database.transaction() as sql:
            sql.execute("UPDATE versions SET due = NULL WHERE id = ?", (version_id,))

    def replan(self, version_id: int, plan: Plan, now: float, due: float | None) -> None:
        """Give a version another plan, counted from now."""
        with self.database.transaction() as sql:
            sql.execute(
                "UPDATE versions SET mode = ?, plan = ?, plan_start = ?, reads = 0, due = ? WHERE id = ?",
                (plan.mode, json.dumps(plan.as_dict()), now, due, version_id),
            )

    def plan_text(self, version_id: int) -> str:
        """Return the stored plan of a version that has one."""
        with self.database.reading() as sql:
            return str(
                sql.execute("SELECT plan FROM versions WHERE id = ?", (version_id,)).fetchone()[0]
            )

    def count_read(self, version_id: int) -> int:
        """Count one read of a version and return how often it was read."""
        with self.database.transaction() as sql:
            sql.execute("UPDATE versions SET reads = reads + 1 WHERE id = ?", (version_id,))
            return int(
                sql.execute("SELECT reads FROM versions WHERE id = ?", (version_id,)).fetchone()[0]
            )

    def set_metrics(self, version_id: int, metrics: Mapping[str, Any]) -> None:
        """Keep what the training reported."""
        with self.database.transaction() as sql:
            sql.execute(
                "UPDATE versions SET metrics = ? WHERE id = ?", (json.dumps(metrics), version_id)
            )

    def set_end_time(self, version_id: int, end_ms: int) -> None:
        """Set when a version really ended, which may be before it was noticed."""
        with self.database.transaction() as sql:
            sql.execute(
                "UPDATE versions SET end_time = max(?, COALESCE(start_time, 0)) WHERE id = ?",
                (end_ms, version_id),
            )

    # -------------------------------------------------------------- in bulk
    def add_synthetic(
        self, entries: Sequence[tuple[str, str, str, str, int, int]]
    ) -> list[tuple[int, int]]:
        """Insert jobs of one version each without running anything; returns job and version ids.

        :param entries: project, workspace, name, description, status and creation time in ms.
        """
        made = []
        with self.database.transaction():
            for project_id, workspace_id, name, description, status, created in entries:
                job_id = self.add_job(project_id, workspace_id, name, description, created)
                plan = Plan("immediate", ((status, 0.0),))
                version = self.add_version(job_id, {"worker_server_num": 1}, plan, created / 1000)
                made.append((job_id, int(version["id"])))
        return made

    def wipe(self) -> None:
        """Delete everything that is kept; ids go on counting, so that none ever comes twice."""
        with self.database.transaction() as sql:
            for table in TABLES:
                sql.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
