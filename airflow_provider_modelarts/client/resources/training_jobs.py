"""Training jobs and their versions.

Pages of the ModelArts API reference, chapter "Training Jobs": 0045 create, 0046 list, 0052 change
the description, 0053 delete, 0050 create a version, 0049 list versions, 0047 version details, 0048
delete a version, 0051 stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_modelarts.client.ids import checked_id, checked_option
from airflow_provider_modelarts.client.models.answer import rows, rows_of
from airflow_provider_modelarts.client.models.job import (
    CreatedJob,
    CreatedVersion,
    JobSummary,
    JobVersion,
)
from airflow_provider_modelarts.client.models.payload import DescriptionRequest
from airflow_provider_modelarts.client.models.request import (
    CreateJobVersionRequest,
    CreateTrainingJobRequest,
)
from airflow_provider_modelarts.client.operation import (
    Operation,
    Repeat,
    accepted,
    given,
    newest_first,
)
from airflow_provider_modelarts.client.resources.catalogue import Catalogue
from airflow_provider_modelarts.client.status import stop_shows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PER_PAGE: Final = 1000
MAX_SEARCH: Final = 64


class TrainingJobs(Catalogue):
    """The part of the client that deals with training jobs and their versions."""

    def create_training_job(
        self,
        request: CreateTrainingJobRequest | Mapping[str, Any],
        extra_config: Mapping[str, Any] | None = None,
    ) -> CreatedJob:
        """Create a job and, unless told otherwise, its first version.

        :param request: a request model, or a mapping with ``job_name``, ``config`` and so on, which
            is validated first; in a mapping a flavor may be named by its ``spec_code`` and an engine
            as ``name/version``.
        :param extra_config: merged into ``config`` last and unchecked.
        :raises PayloadValidationError: the mapping breaks documented rules.
        :raises ResponseLostError, ServiceUnavailableError: the job may exist; look before repeating.
        """
        body = self._checked(CreateTrainingJobRequest, request, extra_config).to_wire(extra_config)
        with_version = body["config"].get("create_version", True)
        answer = CreatedVersion if with_version else CreatedJob
        return self.call(
            Operation(
                "create_training_job",
                "POST",
                "/training-jobs",
                answer.from_wire,
                body=body,
                repeat=Repeat.ASK_FIRST,
            )
        )

    def create_job_version(
        self,
        job_id: int,
        request: CreateJobVersionRequest | Mapping[str, Any],
        extra_config: Mapping[str, Any] | None = None,
    ) -> CreatedJob:
        """Start a new version of a job; arguments and errors as for ``create_training_job``."""
        # The published sample has a slash at the end of the path, the URI section has none.
        return self.call(
            Operation(
                "create_job_version",
                "POST",
                job_path(job_id, "/versions"),
                CreatedVersion.from_wire,
                body=self._checked(CreateJobVersionRequest, request, extra_config).to_wire(
                    extra_config
                ),
                repeat=Repeat.ASK_FIRST,
            )
        )

    def list_training_jobs(
        self,
        *,
        search_content: str = "",
        status: int | None = None,
        workspace_id: str | None = None,
        per_page: int = 100,
    ) -> Iterator[JobSummary]:
        """Iterate over jobs, newest first.

        :param search_content: part of the name; the service compares loosely.
        :param status: only jobs in this status.
        :param workspace_id: None: the workspace of the configuration.
        :param per_page: rows fetched with one request, 1 to 1000.
        """
        filters = self._job_filters(search_content, status, workspace_id)
        return self._pages(
            lambda page: _job_page(page, per_page, filters), per_page, lambda row: row.job_id
        )

    def job_page(self, page: int, per_page: int) -> list[JobSummary]:
        """Read one page of the jobs of the configured workspace, newest first.

        :param page: counted from 1.
        :param per_page: 1 to 1000.
        """
        return self.call(_job_page(page, per_page, self._job_filters()))

    def find_training_job(
        self, job_name: str, *, workspace_id: str | None = None
    ) -> JobSummary | None:
        """Return the job with exactly this name, or None."""
        found = self.list_training_jobs(
            search_content=checked_option("job_name", job_name)[:MAX_SEARCH],
            workspace_id=workspace_id,
            per_page=MAX_PER_PAGE,
        )
        return next((row for row in found if row.job_name == job_name), None)

    def update_training_job(self, job_id: int, job_desc: str) -> None:
        """Change the description of a job.

        :param job_desc: at most 256 characters; may be empty.
        :raises PayloadValidationError: it is longer.
        """
        body = DescriptionRequest.checked({"job_desc": job_desc}).to_wire()
        path = job_path(job_id)
        self.call(Operation("update_training_job", "PUT", path, accepted, body=body))

    def list_job_versions(self, job_id: int, *, per_page: int = 100) -> Iterator[JobVersion]:
        """Iterate over the versions of a job, in the order of the service."""
        return self._pages(
            lambda page: Operation(  # page 0 would switch paging off
                "list_job_versions",
                "GET",
                job_path(job_id, "/versions"),
                lambda data: _versions(data, job_id),
                query=given(per_page=per_page, page=page),
            ),
            per_page,
            lambda row: row.version_id,
        )

    def get_job_version(self, job_id: int, version_id: int) -> JobVersion:
        """Read one version."""
        ids = {"job_id": job_id, "version_id": version_id}
        return self.call(
            Operation(
                "get_job_version",
                "GET",
                version_path(job_id, version_id),
                lambda data: JobVersion.from_wire({**data, **ids}),
            )
        )

    def stop_job_version(self, job_id: int, version_id: int) -> None:
        """Ask for a version to be stopped; 9 and then 12 follow.

        When the answer is lost the state is read first, and the request repeated only where it has
        shown no effect.

        :raises ConflictError: the version cannot be stopped, mostly because it has ended.
        """

        def stopping() -> Literal[True] | None:
            return stop_shows(self.get_job_version(job_id, version_id).status)

        path = version_path(job_id, version_id, "/stop")
        self._call_asking_first(
            Operation("stop_job_version", "POST", path, accepted, repeat=Repeat.ASK_FIRST), stopping
        )

    def delete_job_version(self, job_id: int, version_id: int) -> None:
        """Start the deletion of a version."""
        path = version_path(job_id, version_id)
        self.call(
            Operation("delete_job_version", "DELETE", path, accepted, repeat=Repeat.ABSENT_IS_DONE)
        )

    def delete_training_job(self, job_id: int) -> None:
        """Start the deletion of a job with all its versions."""
        path = job_path(job_id)
        self.call(
            Operation("delete_training_job", "DELETE", path, accepted, repeat=Repeat.ABSENT_IS_DONE)
        )


def job_path(job_id: int, rest: str = "") -> str:
    """Return the path of a job, or of something below it.

    :raises PayloadValidationError: the id is none.
    """
    return f"/training-jobs/{checked_id(job_id, 'job_id')}{rest}"


def version_path(job_id: int, version_id: int, rest: str = "") -> str:
    """Return the path of a version, or of something below it.

    :raises PayloadValidationError: an id is none.
    """
    return job_path(job_id, f"/versions/{checked_id(version_id, 'version_id')}{rest}")


def _job_page(
    page: int, per_page: int, filters: tuple[tuple[str, str], ...]
) -> Operation[list[JobSummary]]:
    """One page of jobs, counted from 1, newest first."""
    return Operation(
        "list_training_jobs",
        "GET",
        "/training-jobs",
        rows_of("jobs", JobSummary.from_row),
        query=filters + newest_first(page, per_page),
    )


def _versions(data: Mapping[str, Any], job_id: int) -> list[JobVersion]:
    """Read version rows; job id, name and description stand beside the list, not in it."""
    job = {"job_id": job_id} | {key: data.get(key) for key in ("job_name", "job_desc")}
    return [JobVersion.from_wire({**row, **job}) for row in rows(data, "versions")]
