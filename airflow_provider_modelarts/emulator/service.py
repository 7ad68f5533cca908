"""The training service without HTTP: rules of state, defaults, transitions on read."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_modelarts.emulator import (
    catalogue,
    codes,
    refusals,
    rules,
    statuses,
    transitions,
)
from airflow_provider_modelarts.emulator.errors import ServiceError
from airflow_provider_modelarts.emulator.transitions import Plan, Transitions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_modelarts.emulator.clock import Clock
    from airflow_provider_modelarts.emulator.deletions import Deletions
    from airflow_provider_modelarts.emulator.listing import JobFilter
    from airflow_provider_modelarts.emulator.settings import Settings
    from airflow_provider_modelarts.emulator.store import Row, Store

# Kinds of things that can be deleted.
JOB, VERSION = "job", "version"


class Runs(Protocol):
    """What the service asks of whoever runs the training code."""

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuse a config that cannot be run; :raises ServiceError: with the vendor's code."""

    def first_due(self) -> float:
        """Return when a version created now takes its next step."""

    def wake(self, *, deleted: bool = False) -> None:
        """Look at the state again: something was created, stopped or deleted."""

    def reset(self) -> None:
        """Kill everything that runs and forget it; returns when done."""


@dataclass(frozen=True)
class Created:
    """A new job, with its first version unless none was asked for."""

    job: Row
    version: Row | None


class TrainingService:
    """Jobs and versions of all projects.

    :param runs: runs the training code of versions in mode ``run``.
    """

    def __init__(
        self, settings: Settings, store: Store, clock: Clock, runs: Runs, deletions: Deletions
    ) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.runs = runs
        self.deletions = deletions
        self.transitions = Transitions(transitions.parse(settings.transitions))
        # Reads move versions on, so that reading and counting must not interleave.
        self._lock = threading.RLock()

    # ------------------------------------------------------------------ jobs
    def create_job(self, project_id: str, payload: Any) -> Created:
        """Create a job and, unless ``create_version`` is false, its first version."""
        rules.check_create_job(payload)
        config, name = payload["config"], payload["job_name"]
        self._check_catalogue(config)
        with self._lock:
            if self.store.name_taken(project_id, name):
                raise refusals.name_taken(self.settings, name)
            plan = self.transitions.current
            with_version = config.get("create_version", True)
            if with_version and plan.mode == "run":
                self.runs.check(config)
            with self.store.database.transaction():
                job_id = self.store.add_job(
                    project_id,
                    payload.get("workspace_id", "0"),
                    name,
                    payload.get("job_desc", ""),
                    self.clock.now_ms(),
                )
                version = self._start_version(job_id, config, plan) if with_version else None
            created = Created(self._job(project_id, job_id), version)
        self.runs.wake()
        return created

    def _check_catalogue(self, config: Mapping[str, Any]) -> None:
        if self.settings.strict_catalogue:
            catalogue.check(config, "config.")

    def list_jobs(self, wanted: JobFilter) -> tuple[int, list[Row]]:
        """Return the number of matching jobs and one page of them; a read of each newest version."""
        with self._lock:
            self.advance_by_time()
            total, rows = self.store.list_jobs(wanted, self.clock.now_ms())
            self._count_reads([(row["version_id"], row["mode"], row["plan"]) for row in rows])
        return total, rows

    def update_job(self, project_id: str, job_id: int, description: str) -> None:
        """Change a job's description."""
        with self._lock:
            self._job(project_id, job_id)
            self.store.describe(job_id, description)

    def delete_job(self, project_id: str, job_id: int) -> None:
        """Start to delete a job with its versions; processes end soon after it is gone."""
        with self._lock:
            self._job(project_id, job_id)
            self.deletions.ask(self, JOB, job_id)

    def _job(self, project_id: str, job_id: int) -> Row:
        job = self.store.job(project_id, job_id)
        if job is None:
            raise ServiceError(codes.JOB_MISSING, f"The training job {job_id} does not exist.")
        return job

    # -------------------------------------------------------------- versions
    def create_version(self, project_id: str, job_id: int, payload: Any) -> Created:
        """Start a new version of a job."""
        rules.check_create_version(payload)
        config = payload["config"]
        self._check_catalogue(config)
        with self._lock:
            job = self._job(project_id, job_id)
            previous = config["pre_version_id"]
            # A job without versions has none to derive from; 0 then stands for "none".
            first = previous == 0 and job["newest_version"] is None
            if not first and self.store.version(job_id, previous) is None:
                raise ServiceError(
                    codes.INVALID_PARAMETER,
                    f"Invalid parameter, error: config.pre_version_id {previous} is not a version of job {job_id}",
                )
            plan = self.transitions.current
            if plan.mode == "run":
                self.runs.check(config)
            with self.store.database.transaction():
                if payload.get("job_desc"):
                    self.store.describe(job_id, payload["job_desc"])
                version = self._start_version(job_id, config, plan)
            created = Created(self._job(project_id, job_id), version)
        self.runs.wake()
        return created

    def _start_version(self, job_id: int, config: Mapping[str, Any], plan: Plan) -> Row:
        now = self.clock.now()
        due = None
        if plan.mode == "run":
            due = self.runs.first_due()
        elif plan.mode == "time":
            # A first status with a delay holds from the start all the same: there is none before it.
            _, following = plan.at(0.0, self.settings.time_scale)
            due = None if following is None else now + following
        return self.store.add_version(job_id, config, plan, now, due)

    def list_versions(
        self, project_id: str, job_id: int, limit: int, offset: int
    ) -> tuple[Row, list[Row]]:
        """Return a job and one page of its versions; a read of each."""
        with self._lock:
            job = self._job(project_id, job_id)
            self.advance_by_time()
            rows = self.store.versions(job_id, limit, offset)
            self._count_reads([(row["id"], row["mode"], row["plan"]) for row in rows])
        return job, rows

    def get_version(self, project_id: str, job_id: int, version_id: int) -> tuple[Row, Row]:
        """Return a job and one of its versions; a read of it."""
        with self._lock:
            self.advance_by_time()
            job, version = self._version(project_id, job_id, version_id)
            self._count_reads([(version["id"], version["mode"], version["plan"])])
        return job, version

    def look_up_version(self, project_id: str, job_id: int, version_id: int) -> tuple[Row, Row]:
        """Return a job and one of its versions without counting as a read."""
        with self._lock:
            self.advance_by_time()
            return self._version(project_id, job_id, version_id)

    def delete_version(self, project_id: str, job_id: int, version_id: int) -> None:
        """Start to delete one version; its processes end soon after it is gone."""
        with self._lock:
            self._version(project_id, job_id, version_id)
            self.deletions.ask(self, VERSION, version_id)

    def stop_version(self, project_id: str, job_id: int, version_id: int) -> None:
        """Ask for a version to be stopped: 9 now, 12 later."""
        with self._lock:
            self.advance_by_time()
            _, version = self._version(project_id, job_id, version_id)
            status = version["status"]
            if status in statuses.FINAL:
                raise refusals.wrong_state(self.settings, "stop", status)
            if status == statuses.KILLING:
                return
            if version["mode"] == "run" and version["plan"] is not None:
                # The runner ends the processes, or finds that there are none yet.
                self.store.move(version_id, statuses.KILLING, self.clock.now_ms(), due=time.time())
            else:
                self._replan_for_stop(version)
        self.runs.wake()

    def _replan_for_stop(self, version: Row) -> None:
        mode = version["mode"] if version["plan"] is not None else "immediate"
        plan = transitions.stopped(Plan(mode))
        now, version_id = self.clock.now(), version["id"]
        if plan.mode == "immediate":
            self.store.move(version_id, plan.first, self.clock.now_ms(), done=True)
            return
        due = None
        if plan.mode == "time":
            _, following = plan.at(0.0, self.settings.time_scale)
            due = None if following is None else now + following
        self.store.move(version_id, plan.first, self.clock.now_ms())
        self.store.replan(version_id, plan, now, due)

    def _version(self, project_id: str, job_id: int, version_id: int) -> tuple[Row, Row]:
        return self._job(project_id, job_id), self.any_version(job_id, version_id)

    # ------------------------------------------------------------- deletions
    def catch_up(self) -> None:
        """Carry out the deletions that are due."""
        for kind in (JOB, VERSION):
            self.deletions.carry_out(self, kind)

    def remove(self, kind: str, thing_id: int) -> None:
        """Delete a job or a version for good."""
        with self._lock:
            if kind == JOB:
                self.store.delete_job(thing_id)
            elif (version := self.store.version_by_id(thing_id)) is not None:
                self.store.delete_version(version["job_id"], thing_id)
        self.runs.wake(deleted=True)

    def keep(self, kind: str, thing_id: int) -> None:
        """Show at the versions concerned that a deletion failed."""
        with self._lock:
            found = (
                self.store.versions(thing_id)
                if kind == JOB
                else [self.store.version_by_id(thing_id)]
            )
            for version in found:
                if version is not None:
                    self._force(version, statuses.DELETE_FAILED)
        self.runs.wake()

    # ----------------------------------------------------------- transitions
    def _count_reads(self, seen: list[tuple[int | None, str | None, str | None]]) -> None:
        """Move versions of mode ``reads`` on, after the caller has taken what they showed."""
        reading = [
            version_id for version_id, mode, plan in seen if version_id and mode == "reads" and plan
        ]
        if not reading:
            return
        with self.store.database.transaction():
            for version_id in reading:
                plan = transitions.from_text(self.store.plan_text(version_id))
                count = self.store.count_read(version_id)
                status, last = plan.after_reads(count)
                self.store.move(version_id, status, self.clock.now_ms(), done=last)

    def advance_by_time(self) -> None:
        """Move versions of mode ``time`` to where the server's clock says they are."""
        with self._lock:
            now = self.clock.now()
            due = self.store.due("time", now)
            if not due:
                return
            with self.store.database.transaction():
                for version in due:
                    self._advance_by_time(version, now)

    def _advance_by_time(self, version: Row, now: float) -> None:
        plan, start = transitions.from_text(version["plan"]), version["plan_start"]
        # Step by step, so that start and end times are those of the plan, however late it is looked at.
        for status, reached in plan.due_steps(start, now, self.settings.time_scale):
            self.store.move(version["id"], status, int(reached * 1000))
        status, following = plan.at(now - start, self.settings.time_scale)
        due = None if following is None else start + following
        self.store.move(version["id"], status, int(now * 1000), due=due, done=following is None)

    # --------------------------------------------------------------- control
    def set_status(self, job_id: int, version_id: int, status: int) -> None:
        """Force a version's status; a final one, or any in another mode than ``run``, ends its plan."""
        with self._lock:
            self._force(self.any_version(job_id, version_id), status)
        self.runs.wake()

    def any_version(self, job_id: int, version_id: int) -> Row:
        """Return one version of a job of any project; :raises ServiceError: when there is none."""
        version = self.store.version(job_id, version_id)
        if version is None:
            # No code of its own is documented for a missing version.
            raise ServiceError(
                codes.JOB_MISSING,
                f"The version {version_id} of training job {job_id} does not exist.",
            )
        return version

    def _force(self, version: Row, status: int) -> None:
        keep = version["mode"] == "run" and status not in statuses.FINAL
        due = version["due"] if keep else None
        self.store.move(version["id"], status, self.clock.now_ms(), due=due, done=not keep)

    def reset(self) -> None:
        """Forget everything and return to the settings of the start."""
        with self._lock:
            self.store.wipe()
            self.transitions.reset()
        self.runs.reset()
        self.clock.reset()

    def add_jobs(
        self,
        count: int,
        status: int = statuses.COMPLETED,
        prefix: str = "job",
        workspace_id: str = "0",
        project_id: str | None = None,
    ) -> list[tuple[int, int]]:
        """Add jobs of one version each that never ran; returns job and version ids."""
        now = self.clock.now_ms()
        project = project_id or self.settings.identity.project_id
        with self._lock:
            start = len(self.store.all_jobs())
            entries = [
                (
                    project,
                    workspace_id,
                    f"{prefix}-{start + index:05d}",
                    "",
                    status,
                    now - count + index,
                )
                for index in range(count)
            ]
            taken = [name for _, _, name, *_ in entries if self.store.name_taken(project, name)]
            if taken:
                raise refusals.name_taken(self.settings, taken[0])
            return self.store.add_synthetic(entries)
