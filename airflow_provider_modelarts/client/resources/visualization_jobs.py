"""Visualization jobs: TensorBoard or MindInsight over the output of a training.

Pages of the ModelArts API reference: 0064 create, 0065 list, 0066 details, 0067 change the
description, 0068 delete, 0069 stop, 0070 restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_modelarts.client.caller import Caller
from airflow_provider_modelarts.client.ids import checked_id
from airflow_provider_modelarts.client.models.answer import rows_of
from airflow_provider_modelarts.client.models.payload import DescriptionRequest
from airflow_provider_modelarts.client.models.visualization_job import (
    CreateVisualizationJobRequest,
    VisualizationJob,
    VisualizationJobDetail,
)
from airflow_provider_modelarts.client.operation import (
    Operation,
    Repeat,
    accepted,
    newest_first,
)
from airflow_provider_modelarts.client.ownership import CLOCK_SKEW
from airflow_provider_modelarts.client.status import JobStatus, has_ended, stop_shows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_JOBS: Final = "/visualization-jobs"
_MILLISECONDS: Final = 10**12
"""A time below this is not in epoch milliseconds, as one of the published samples."""


class VisualizationJobs(Caller):
    """The part of the client that deals with visualization jobs."""

    def create_visualization_job(
        self, request: CreateVisualizationJobRequest | Mapping[str, Any]
    ) -> VisualizationJob:
        """Start a visualization job.

        When the answer is lost the job is looked for by name, output folder and time, and the
        request repeated only where it is not there.

        :param request: a request model, or a mapping with ``job_name``, ``train_url`` and so on,
            which is validated first.
        :raises PayloadValidationError: the mapping breaks documented rules.
        :raises JobNameExistsError: the name is taken.
        """
        body = CreateVisualizationJobRequest.checked(request).to_wire()
        began = self._clock()

        def made() -> VisualizationJob | None:
            job = self.find_visualization_job(body["job_name"])
            if job is None or job.train_url not in (None, body["train_url"]):
                return None
            since = (self.service_time(began) - CLOCK_SKEW) * 1000
            known = job.create_time is not None and job.create_time >= _MILLISECONDS
            return None if known and (job.create_time or 0) < since else job

        operation = Operation(
            "create_visualization_job",
            "POST",
            _JOBS,
            VisualizationJob.from_wire,
            body=body,
            repeat=Repeat.ASK_FIRST,
        )
        return self._call_asking_first(operation, made)

    def list_visualization_jobs(
        self,
        *,
        search_content: str = "",
        status: int | None = None,
        workspace_id: str | None = None,
        per_page: int = 100,
    ) -> Iterator[VisualizationJob]:
        """Iterate over visualization jobs, newest first; parameters as for training jobs."""
        filters = self._job_filters(search_content, status, workspace_id)
        return self._pages(
            lambda page: Operation(
                "list_visualization_jobs",
                "GET",
                _JOBS,
                rows_of("jobs", VisualizationJob.from_wire),
                query=filters + newest_first(page, per_page),
            ),
            per_page,
            lambda row: row.job_id,
        )

    def find_visualization_job(self, job_name: str) -> VisualizationJob | None:
        """Return the visualization job with exactly this name, the newest of several, or None."""
        found = self.list_visualization_jobs(search_content=job_name)
        return next((row for row in found if row.job_name == job_name), None)

    def get_visualization_job(self, job_id: int | str) -> VisualizationJobDetail:
        """Read one visualization job."""
        return self.call(
            Operation(
                "get_visualization_job",
                "GET",
                _path(job_id),
                lambda data: VisualizationJobDetail.from_wire({**data, "job_id": job_id}),
            )
        )

    def update_visualization_job(self, job_id: int | str, job_desc: str) -> None:
        """Change the description of a visualization job.

        :param job_desc: at most 256 characters; may be empty.
        :raises PayloadValidationError: it is longer.
        """
        body = DescriptionRequest.checked({"job_desc": job_desc}).to_wire()
        path = _path(job_id)
        self.call(Operation("update_visualization_job", "PUT", path, accepted, body=body))

    def delete_visualization_job(self, job_id: int | str) -> None:
        """Start the deletion of a visualization job."""
        path = _path(job_id)
        repeat = Repeat.ABSENT_IS_DONE
        self.call(Operation("delete_visualization_job", "DELETE", path, accepted, repeat=repeat))

    def stop_visualization_job(self, job_id: int | str) -> None:
        """Ask for a visualization job to be stopped, in the way of ``stop_job_version``.

        :raises ConflictError: it cannot be stopped, mostly because it has ended.
        """

        def stopping() -> Literal[True] | None:
            return stop_shows(self.get_visualization_job(job_id).status)

        path, repeat = _path(job_id, "/stop"), Repeat.ASK_FIRST
        operation = Operation("stop_visualization_job", "POST", path, accepted, repeat=repeat)
        self._call_asking_first(operation, stopping)

    def restart_visualization_job(self, job_id: int | str) -> None:
        """Start a visualization job that has ended again.

        :raises ConflictError: it cannot be restarted, mostly because it runs.
        """

        def starting() -> Literal[True] | None:
            status = self.get_visualization_job(job_id).status
            return True if not has_ended(status) and status != JobStatus.KILLING else None

        path, repeat = _path(job_id, "/restart"), Repeat.ASK_FIRST
        operation = Operation("restart_visualization_job", "POST", path, accepted, repeat=repeat)
        self._call_asking_first(operation, starting)


def _path(job_id: int | str, rest: str = "") -> str:
    return f"{_JOBS}/{checked_id(job_id, 'job_id')}{rest}"
