"""Operators for visualization jobs: TensorBoard or MindInsight over the output of a training.

.. seealso:: ``docs/operators.md``
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.client.shown import shown
from airflow_provider_modelarts.exceptions import JobNameExistsError
from airflow_provider_modelarts.operators.base import (
    DeleteOperator,
    DescriptionOperator,
    JobListOperator,
    JobOperator,
    ModelArtsOperator,
)
from airflow_provider_modelarts.waiting import (
    end_time_of,
    until_ended,
    visualization_poll,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.visualization_job import (
        CreateVisualizationJobRequest,
        VisualizationJob,
        VisualizationJobDetail,
    )


class _StartOperator(ModelArtsOperator):
    """Base of the operators that start a visualization job.

    :param wait_until_ready: end when it runs and has its address, instead of when it is accepted.
        ``execution_timeout`` bounds the wait.
    :param poll_interval: seconds or ``timedelta`` between polls while waiting; fractions are fine.
    """

    def __init__(
        self,
        *,
        wait_until_ready: bool = False,
        poll_interval: float | timedelta = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_until_ready = arguments.flag("wait_until_ready", wait_until_ready)
        self.poll_interval = arguments.interval("poll_interval", poll_interval)

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Start it and, if asked to, wait; return what the service shows of it."""
        from airflow_provider_modelarts.client.polling import check_ready

        with self._errors():
            end_time = end_time_of(self.execution_timeout)
            client = self.hook.get_conn()
            job = self._start(client)
            if self.wait_until_ready:
                poll = visualization_poll(self.hook, job.job_id, self.poll_interval, end_time)
                job = until_ended(poll)
                check_ready(job)
            self.log.info("Visualization job %s: %s", job.job_id, job.service_url or "no address")
            return job.plain()

    @abstractmethod
    def _start(self, client: ModelArtsClient) -> VisualizationJob:
        """Send the request and return the job."""

    def _restart(self, client: ModelArtsClient, job_id: int | str) -> VisualizationJobDetail:
        from airflow_provider_modelarts.client.status import has_ended

        self._ask(
            lambda: client.restart_visualization_job(job_id),
            lambda: client.get_visualization_job(job_id).status,
            f"restart visualization job {job_id}",
            needless=lambda status: not has_ended(status),
        )
        return client.get_visualization_job(job_id)


class CreateVisualizationJobOperator(_StartOperator):
    """Starts a visualization job.

    A job of that name over the same output is taken as this task's own, so the task may be
    repeated; one that has ended is restarted.

    :param job_name: unique name, 1 to 20 letters, digits, ``_`` or ``-`` (templated).
    :param train_url: the output of a training (templated).
    :param job_type: ``TensorBoard`` or ``MindInsight`` (templated); empty: that of the service.
    :param job_desc: description, at most 256 characters (templated).
    :param stop_after_hours: 0 to 24 hours after which the service stops it (templated); None: never.
    """

    template_fields: Sequence[str] = (
        *_StartOperator.template_fields,
        "job_name",
        "train_url",
        "job_type",
        "job_desc",
        "stop_after_hours",
    )

    def __init__(
        self,
        *,
        job_name: str,
        train_url: str,
        job_type: str = "",
        job_desc: str = "",
        stop_after_hours: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_name = job_name
        self.train_url = train_url
        self.job_type = job_type
        self.job_desc = job_desc
        self.stop_after_hours = stop_after_hours

    def _start(self, client: ModelArtsClient) -> VisualizationJob:
        from airflow_provider_modelarts.client.status import has_ended

        request = self._request()
        try:
            return client.create_visualization_job(request)
        except JobNameExistsError:
            job = client.find_visualization_job(self.job_name)
            if job is None or job.train_url not in (None, self.train_url):
                raise
        self.log.info("Visualization job %r exists (job_id %s)", self.job_name, job.job_id)
        return self._restart(client, job.job_id) if has_ended(job.status) else job

    def _request(self) -> CreateVisualizationJobRequest:
        from airflow_provider_modelarts.client.models.visualization_job import (
            CreateVisualizationJobRequest,
        )

        body: dict[str, Any] = {"job_name": self.job_name, "train_url": self.train_url}
        for name in ("job_type", "job_desc"):
            if getattr(self, name) not in (None, ""):
                body[name] = getattr(self, name)
        if self.stop_after_hours not in (None, ""):
            hours = self.stop_after_hours
            body["schedule"] = {"type": "stop", "time_unit": "HOURS", "duration": hours}
        subject = f"create visualization job {shown(self.job_name)}"
        return CreateVisualizationJobRequest.checked(body, subject)


class RestartVisualizationJobOperator(_StartOperator, JobOperator):
    """Starts a visualization job that has ended again; one that runs is left as it is."""

    template_fields: Sequence[str] = JobOperator.template_fields

    def _start(self, client: ModelArtsClient) -> VisualizationJob:
        return self._restart(client, self._job_id())


class StopVisualizationJobOperator(JobOperator):
    """Asks for a visualization job to be stopped; one that has ended is left as it is."""

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request."""
        from airflow_provider_modelarts.client.status import has_ended

        with self._errors():
            job_id = self._job_id()
            client = self.hook.get_conn()
            self._ask(
                lambda: client.stop_visualization_job(job_id),
                lambda: client.get_visualization_job(job_id).status,
                f"stop visualization job {job_id}",
                needless=has_ended,
            )


class DeleteVisualizationJobOperator(DeleteOperator, JobOperator):
    """Starts the deletion of a visualization job; one that is gone already is fine."""

    template_fields: Sequence[str] = JobOperator.template_fields

    def _delete(self, client: ModelArtsClient) -> None:
        client.delete_visualization_job(self._job_id())

    def _read(self, client: ModelArtsClient) -> VisualizationJobDetail:
        return client.get_visualization_job(self._job_id())


class UpdateVisualizationJobOperator(DescriptionOperator, JobOperator):
    """Changes the description of a visualization job."""

    template_fields: Sequence[str] = (*JobOperator.template_fields, "job_desc")

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request."""
        with self._errors():
            self.hook.get_conn().update_visualization_job(self._job_id(), self.job_desc)


class GetVisualizationJobOperator(JobOperator):
    """Reads a visualization job once, whatever its status."""

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Return what the service shows of the job, as plain JSON."""
        with self._errors():
            return self.hook.get_conn().get_visualization_job(self._job_id()).plain()


class ListVisualizationJobsOperator(JobListOperator):
    """Lists visualization jobs, the newest first."""

    def _rows(self, client: ModelArtsClient) -> Iterator[VisualizationJob]:
        return client.list_visualization_jobs(**self._filters())
