"""The client: sends operations, renews tokens, repeats what may be repeated, pages through lists."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_modelarts.auth.flow import flow_for
from airflow_provider_modelarts.client.models.job import CreatedJob, JobSummary, JobVersion
from airflow_provider_modelarts.client.models.request import (
    CreateJobVersionRequest,
    CreateTrainingJobRequest,
)
from airflow_provider_modelarts.client.operations import training_jobs as calls
from airflow_provider_modelarts.client.operations.operation import Operation, Repeat
from airflow_provider_modelarts.client.retry import Backoff, retrying
from airflow_provider_modelarts.client.status import JobStatus, Outcome, outcome_of
from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    ResponseLostError,
    ServiceUnavailableError,
)
from airflow_provider_modelarts.failures import decode
from airflow_provider_modelarts.transport import Request, Transport, build_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_modelarts.auth.credentials import Credentials

T = TypeVar("T")
RowT = TypeVar("RowT", JobSummary, JobVersion)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClientConfig:
    """All a client needs to know; equal configurations may share one client.

    :param endpoint: base URL, such as ``https://modelarts.eu-de.otc.t-systems.com``.
    :param credentials: access key, password or ready token.
    :param project_id: project that owns the jobs; may be empty with a password and project name.
    :param workspace_id: workspace used where a call names none; empty: the default workspace.
    :param timeout: seconds for one HTTP exchange.
    :param verify: TLS verification: true, false or the path of a CA bundle.
    """

    endpoint: str
    credentials: Credentials
    project_id: str = ""
    workspace_id: str = ""
    timeout: float = 60.0
    verify: bool | str = True


class ModelArtsClient:
    """Calls the ModelArts API, generation 1; threads may share it.

    :param config: where to and as whom.
    :param backoff: how patiently calls are repeated.
    :param sleep: waits the given seconds; replaced in tests.
    :param clock: epoch seconds; replaced in tests.
    """

    def __init__(
        self,
        config: ClientConfig,
        *,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.config = config
        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._transport = Transport(timeout=config.timeout, verify=config.verify)
        self._auth = flow_for(
            config.credentials,
            project_id=config.project_id,
            transport=self._transport,
            clock=clock,
        )

    # ---- training jobs

    def create_training_job(
        self,
        request: CreateTrainingJobRequest | Mapping[str, Any],
        extra_config: Mapping[str, Any] | None = None,
    ) -> CreatedJob:
        """Create a job.

        :param request: a request model, or a mapping with ``job_name``, ``config`` and so on, which
            is validated first.
        :param extra_config: merged into ``config`` last and unchecked.
        :raises PayloadValidationError: the mapping breaks documented rules.
        :raises ResponseLostError, ServiceUnavailableError: the job may exist; look before repeating.
        """
        body = CreateTrainingJobRequest.checked(request).to_wire(extra_config)
        return self.call(calls.create_training_job(body))

    def create_job_version(
        self,
        job_id: int,
        request: CreateJobVersionRequest | Mapping[str, Any],
        extra_config: Mapping[str, Any] | None = None,
    ) -> CreatedJob:
        """Start a new version of a job; arguments and errors as for ``create_training_job``."""
        body = CreateJobVersionRequest.checked(request).to_wire(extra_config)
        return self.call(calls.create_job_version(job_id, body))

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
        workspace = self.config.workspace_id if workspace_id is None else workspace_id
        filters = {
            "search_content": search_content,
            "status": "" if status is None else str(int(status)),
            "workspace_id": workspace,
        }
        given = {name: value for name, value in filters.items() if value}
        return self._pages(
            lambda page: calls.list_training_jobs(page=page, per_page=per_page, filters=given),
            per_page,
            lambda row: row.job_id,
        )

    def job_page(self, page: int, per_page: int) -> list[JobSummary]:
        """Read one page of the jobs of the configured workspace, newest first.

        :param page: counted from 1.
        :param per_page: 1 to 1000.
        """
        workspace = self.config.workspace_id
        filters = {"workspace_id": workspace} if workspace else {}
        return self.call(calls.list_training_jobs(page=page, per_page=per_page, filters=filters))

    def find_training_job(
        self, job_name: str, *, workspace_id: str | None = None
    ) -> JobSummary | None:
        """Return the job with exactly this name, or None."""
        rows = self.list_training_jobs(
            search_content=job_name[: calls.MAX_SEARCH],
            workspace_id=workspace_id,
            per_page=calls.MAX_PER_PAGE,
        )
        return next((row for row in rows if row.job_name == job_name), None)

    def list_job_versions(self, job_id: int, *, per_page: int = 100) -> Iterator[JobVersion]:
        """Iterate over the versions of a job, in the order of the service."""
        return self._pages(
            lambda page: calls.list_job_versions(job_id, page=page, per_page=per_page),
            per_page,
            lambda row: row.version_id,
        )

    def get_job_version(self, job_id: int, version_id: int) -> JobVersion:
        """Read one version."""
        return self.call(calls.get_job_version(job_id, version_id))

    def stop_job_version(self, job_id: int, version_id: int) -> None:
        """Ask for a version to be stopped.

        When the answer is lost the state is read first, and the request repeated only where it has
        shown no effect.

        :raises ConflictError: the version cannot be stopped, mostly because it has ended.
        """
        operation = calls.stop_job_version(job_id, version_id)
        for attempt in range(1, self._backoff.attempts + 1):
            try:
                return self.call(operation)
            except (ResponseLostError, ServiceUnavailableError, ConflictError) as error:
                refused = isinstance(error, ConflictError)
                if refused and attempt == 1:
                    raise  # nothing was lost before: the caller is told
                status = self.get_job_version(job_id, version_id).status
                if status == JobStatus.KILLING or outcome_of(status) is not Outcome.RUNNING:
                    return None
                if refused or attempt == self._backoff.attempts:
                    raise
                log.warning("Stop of version %d has shown no effect, again: %s", version_id, error)
                self._sleep(min(self._backoff.initial * 2**attempt, self._backoff.maximum))
        return None

    def delete_job_version(self, job_id: int, version_id: int) -> None:
        """Start the deletion of a version."""
        self.call(calls.delete_job_version(job_id, version_id))

    def delete_training_job(self, job_id: int) -> None:
        """Start the deletion of a job."""
        self.call(calls.delete_training_job(job_id))

    # ---- driving

    def call(self, operation: Operation[T]) -> T:
        """Send an operation and return its result.

        :raises ModelArtsError: the subclass tells what went wrong.
        """
        project_id = self._project_id()  # outside the loop, which would multiply its attempts
        doubtful = False
        for attempt in retrying(self._backoff, operation.repeat, self._sleep):
            with attempt:
                try:
                    return self._attempt(operation, project_id)
                except NotFoundError:
                    if doubtful and operation.repeat is Repeat.ABSENT_IS_DONE:
                        return operation.parse({})  # the lost attempt has deleted it
                    raise
                except (ResponseLostError, ServiceUnavailableError):
                    doubtful = True
                    raise
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _attempt(self, operation: Operation[T], project_id: str) -> T:
        """Send once, or twice where a renewed token is worth it."""
        try:
            return self._exchange(operation, project_id, renew=True)
        except _Renewed:
            return self._exchange(operation, self._project_id(), renew=False)

    def _project_id(self) -> str:
        """Settle authentication before the call proper, so that its failures are no doubt about it.

        A token request changes nothing, so it may be repeated even where the call may not.
        """
        for attempt in retrying(self._backoff, Repeat.SAFE, self._sleep):
            with attempt:
                return self._auth.prepare()
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _exchange(self, operation: Operation[T], project_id: str, *, renew: bool) -> T:
        used: dict[str, str] = {}

        def authorize(request: Request) -> Mapping[str, str]:
            used.update(self._auth.headers(request))
            return used

        response = self._transport.send(self._request(operation, project_id), authorize)
        log.debug("%s -> HTTP %d, %d bytes", operation, response.status, len(response.body))
        try:
            data = decode(response, str(operation), self._auth.secrets())
        except AuthenticationError as error:
            if renew and _token_refused(error) and self._auth.renew(used):
                raise _Renewed from error
            if error.hint == error.default_hint:
                error.hint = self._auth.refused_hint
            raise
        try:
            return operation.parse(data)
        except ResponseLostError as error:
            msg = f"{operation}: HTTP {response.status}, but {error}"
            raise ResponseLostError(msg) from None

    def _request(self, operation: Operation[Any], project_id: str) -> Request:
        url = build_url(self.config.endpoint, f"/v1/{project_id}{operation.path}", operation.query)
        body = b"" if operation.body is None else json.dumps(operation.body).encode()
        return Request(operation.method, url, {"Content-Type": "application/json"}, body)

    def _pages(
        self,
        operation: Callable[[int], Operation[list[RowT]]],
        per_page: int,
        key: Callable[[RowT], int],
    ) -> Iterator[RowT]:
        """Yield the rows of all pages, each once although rows move while jobs are created."""
        seen: set[int] = set()
        page = 1
        while True:
            rows = self.call(operation(page))
            fresh = [row for row in rows if key(row) not in seen]
            seen.update(key(row) for row in fresh)
            yield from fresh
            # A short page is the last; one with nothing new would otherwise go on for ever.
            if len(rows) < per_page or not fresh:
                return
            page += 1

    def close(self) -> None:
        """Close pooled connections; the client stays usable."""
        self._transport.close()


class _Renewed(Exception):  # noqa: N818 - a signal, not an error
    """The refused token was dropped; the call is worth one repetition."""


# 401 answers about the account or the scope: another token of the same user fares no better.
_TOKEN_IS_NOT_TO_BLAME = frozenset(
    f"ModelArts.{code}" for code in ("0112", "0207", "0212", "4117", "4901", "6201", "6203")
)


def _token_refused(error: AuthenticationError) -> bool:
    return error.http_status == 401 and error.error_code not in _TOKEN_IS_NOT_TO_BLAME
