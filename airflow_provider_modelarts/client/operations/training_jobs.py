"""Calls on training jobs and their versions; no I/O here.

Pages of the ModelArts API reference, chapter "Training Jobs": 0045 create, 0046 list, 0053 delete,
0050 create a version, 0049 list versions, 0047 version details, 0048 delete a version, 0051 stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.client.models.job import (
    CreatedJob,
    CreatedVersion,
    JobSummary,
    JobVersion,
)
from airflow_provider_modelarts.client.operations.operation import Operation, Repeat
from airflow_provider_modelarts.exceptions import ResponseLostError

if TYPE_CHECKING:
    from collections.abc import Mapping

_JOBS: Final = "/training-jobs"

MAX_PER_PAGE: Final = 1000
MAX_SEARCH: Final = 64


def create_training_job(body: Mapping[str, Any]) -> Operation[CreatedJob]:
    """Create a job and, unless told otherwise, its first version."""
    with_version = body["config"].get("create_version", True)
    return Operation(
        "create_training_job",
        "POST",
        _JOBS,
        CreatedVersion.from_wire if with_version else CreatedJob.from_wire,
        body=body,
        repeat=Repeat.ASK_FIRST,
    )


def create_job_version(job_id: int, body: Mapping[str, Any]) -> Operation[CreatedJob]:
    """Start a new version of a job."""
    # The published sample has a slash at the end of the path, the URI section has none.
    return Operation(
        "create_job_version",
        "POST",
        f"{_JOBS}/{job_id}/versions",
        CreatedVersion.from_wire,
        body=body,
        repeat=Repeat.ASK_FIRST,
    )


def list_training_jobs(
    *, page: int, per_page: int, filters: Mapping[str, str]
) -> Operation[list[JobSummary]]:
    """One page of jobs, counted from 1, newest first."""
    query = {
        **filters,
        "sortBy": "create_time",  # the default, by name, lets rows move between pages
        "order": "desc",
        "per_page": str(per_page),
        "page": str(page),
    }
    return Operation(
        "list_training_jobs",
        "GET",
        _JOBS,
        lambda data: [JobSummary.from_wire(row) for row in _rows(data, "jobs")],
        query=tuple(query.items()),
    )


def list_job_versions(job_id: int, *, page: int, per_page: int) -> Operation[list[JobVersion]]:
    """One page of a job's versions, counted from 1 (0 would switch paging off)."""
    return Operation(
        "list_job_versions",
        "GET",
        f"{_JOBS}/{job_id}/versions",
        lambda data: _versions(data, job_id),
        query=(("per_page", str(per_page)), ("page", str(page))),
    )


def get_job_version(job_id: int, version_id: int) -> Operation[JobVersion]:
    """Read one version."""
    return Operation(
        "get_job_version",
        "GET",
        f"{_JOBS}/{job_id}/versions/{version_id}",
        lambda data: JobVersion.from_wire({**data, "job_id": job_id, "version_id": version_id}),
    )


def stop_job_version(job_id: int, version_id: int) -> Operation[None]:
    """Ask for a version to be stopped; 9 and then 12 follow."""
    return Operation(
        "stop_job_version",
        "POST",
        f"{_JOBS}/{job_id}/versions/{version_id}/stop",
        _nothing,
        repeat=Repeat.ASK_FIRST,
    )


def delete_job_version(job_id: int, version_id: int) -> Operation[None]:
    """Start the deletion of a version."""
    return Operation(
        "delete_job_version",
        "DELETE",
        f"{_JOBS}/{job_id}/versions/{version_id}",
        _nothing,
        repeat=Repeat.ABSENT_IS_DONE,
    )


def delete_training_job(job_id: int) -> Operation[None]:
    """Start the deletion of a job with all its versions."""
    return Operation(
        "delete_training_job",
        "DELETE",
        f"{_JOBS}/{job_id}",
        _nothing,
        repeat=Repeat.ABSENT_IS_DONE,
    )


def _nothing(data: Mapping[str, Any]) -> None:  # noqa: ARG001 - these answers say nothing more
    return None


def _versions(data: Mapping[str, Any], job_id: int) -> list[JobVersion]:
    """Read version rows; job id, name and description stand beside the list, not in it."""
    job = {"job_id": job_id} | {key: data.get(key) for key in ("job_name", "job_desc")}
    return [JobVersion.from_wire({**row, **job}) for row in _rows(data, "versions")]


def _rows(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the list of rows; null counts as empty, anything else is not an answer."""
    rows = data.get(key, ...)
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        msg = f"the answer has no list {key!r}"
        raise ResponseLostError(msg)
    return rows
