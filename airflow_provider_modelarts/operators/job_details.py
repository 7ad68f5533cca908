"""Operators that read or describe training jobs, and change nothing that trains.

.. seealso:: ``docs/operators.md``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.operators.base import (
    DescriptionOperator,
    JobListOperator,
    JobOperator,
    JobVersionOperator,
    ListOperator,
)
from airflow_provider_modelarts.waiting import LOG_LINES, show_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.job import JobSummary, JobVersion


class UpdateTrainingJobOperator(DescriptionOperator, JobOperator):
    """Changes the description of a training job."""

    template_fields: Sequence[str] = (*JobOperator.template_fields, "job_desc")

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request."""
        with self._errors():
            self.hook.get_conn().update_training_job(self._job_id(), self.job_desc)


class GetJobVersionOperator(JobVersionOperator):
    """Reads a version once, whatever its status; parameters and command are left out.

    They may hold secrets.
    """

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Return what the service shows of the version, as plain JSON."""
        with self._errors():
            return self.hook.get_conn().get_job_version(*self._ids()).plain()


class ListTrainingJobsOperator(JobListOperator):
    """Lists training jobs, the newest first."""

    def _rows(self, client: ModelArtsClient) -> Iterator[JobSummary]:
        return client.list_training_jobs(**self._filters())


class ListJobVersionsOperator(ListOperator, JobOperator):
    """Lists the versions of a training job; parameters and commands are left out."""

    template_fields: Sequence[str] = JobOperator.template_fields

    def _rows(self, client: ModelArtsClient) -> Iterator[JobVersion]:
        return client.list_job_versions(self._job_id(), per_page=self._per_page)


class ShowTrainingLogOperator(JobVersionOperator):
    """Puts the end of a training's log into the task's log.

    A log that cannot be read is a line in the log, not an error.

    :param lines: so many lines at most, 1 to 500.
    """

    def __init__(self, *, lines: int = LOG_LINES, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lines = arguments.count("lines", lines, most=500)

    def execute(self, context: Context) -> list[str]:  # noqa: ARG002
        """Show the log; return the names of the log files."""
        with self._errors():
            return show_log(self.hook.get_conn(), *self._ids(), lines=self.lines)
