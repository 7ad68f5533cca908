"""Drives calls: sends operations, renews tokens, repeats what may be repeated, pages through lists."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow_provider_modelarts.auth.flow import TOKEN_HEADER, flow_for
from airflow_provider_modelarts.client.ids import checked_id, checked_project
from airflow_provider_modelarts.client.operation import Operation, Repeat, given
from airflow_provider_modelarts.client.retry import CHANGED_MEANWHILE, Backoff, retrying
from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ConflictError,
    JobNameExistsError,
    NotFoundError,
    ResponseLostError,
    ServiceUnavailableError,
    UnreadableResponseError,
)
from airflow_provider_modelarts.failures import decode, parse_date
from airflow_provider_modelarts.masking import scrub
from airflow_provider_modelarts.secret import Secret
from airflow_provider_modelarts.text import one_line
from airflow_provider_modelarts.transport import Request, Transport, build_url

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping

    from airflow_provider_modelarts.auth.credentials import Credentials

T = TypeVar("T")

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


class Caller:
    """What all resources call through; threads may share it.

    :param config: where to and as whom.
    :param backoff: how patiently calls are repeated.
    :param sleep: waits the given seconds; replaced in tests.
    :param clock: epoch seconds; replaced in tests.
    :param on_secrets: called with the texts that must never be printed, anew whenever there is a new one.
    :raises ConfigurationError: ``project_id`` cannot be one.
    """

    def __init__(
        self,
        config: ClientConfig,
        *,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        on_secrets: Callable[[tuple[Secret, ...]], None] = lambda _secrets: None,
    ) -> None:
        if config.project_id:
            checked_project(config.project_id)
        self.config = config
        self._on_secrets = on_secrets
        self._told: tuple[Secret, ...] = ()
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._ahead = 0.0  # seconds of the service's clock before ours
        self._sleep = sleep
        self._transport = Transport(timeout=config.timeout, verify=config.verify)
        self._auth = flow_for(
            config.credentials,
            project_id=config.project_id,
            transport=self._transport,
            clock=clock,
        )

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
                except NotFoundError as error:
                    if doubtful and error.says_gone and operation.repeat is Repeat.ABSENT_IS_DONE:
                        return operation.parse({"is_success": True})  # the lost attempt's work
                    raise
                except (ResponseLostError, ServiceUnavailableError):
                    doubtful = True
                    raise
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _call_asking_first(self, operation: Operation[T], worked: Callable[[], T | None]) -> T:
        """Send a call that does harm twice: when its answer is lost, the state is read first.

        So it is where the service says that the state has changed meanwhile.

        :param worked: reads the state and returns the result if the lost call has had its effect;
            None if it has shown none, and may be sent again.
        """
        for attempt in range(1, self._backoff.attempts + 1):
            try:
                return self.call(operation)
            except (
                ResponseLostError,
                ServiceUnavailableError,
                ConflictError,
                JobNameExistsError,
            ) as error:
                refused = (
                    isinstance(error, (ConflictError, JobNameExistsError))
                    and error.error_code != CHANGED_MEANWHILE
                )
                if refused and attempt == 1:
                    raise  # nothing was lost before: the caller is told
                result = worked()
                if result is not None:
                    return result
                if refused or attempt == self._backoff.attempts:
                    raise
                log.warning("%s has shown no effect, again: %s", operation, error)
                self._sleep(min(self._backoff.initial * 2**attempt, self._backoff.maximum))
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
                project_id = self._auth.prepare()
                self._tell_secrets()
                return project_id
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _tell_secrets(self) -> None:
        secrets = self._auth.secrets()
        if secrets != self._told:
            self._on_secrets(secrets)
            self._told = secrets

    def _exchange(self, operation: Operation[T], project_id: str, *, renew: bool) -> T:
        used: dict[str, str | Secret] = {}

        def authorize(request: Request) -> Mapping[str, str | Secret]:
            used.update(self._auth.headers(request))
            return used

        response = self._transport.send(self._request(operation, project_id), authorize)
        told = parse_date(response.headers.get("date"))
        if told is not None:
            self._ahead = told - self._clock()
        log.debug("%s -> HTTP %d, %d bytes", operation, response.status, len(response.body))
        try:
            # Another thread may have renewed the token meanwhile: the one that was sent counts too.
            secrets = (*self._auth.secrets(), Secret.of(used.get(TOKEN_HEADER, "")))
            data = decode(response, str(operation), secrets)
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
            raise UnreadableResponseError(one_line(scrub(msg, secrets))) from None

    def service_time(self, moment: float) -> float:
        """Return when the service's clock has shown a moment of this machine's clock.

        By the ``Date`` of the last answer; before the first one the clocks count as equal.

        :param moment: epoch seconds.
        """
        return moment + self._ahead

    def _request(self, operation: Operation[Any], project_id: str) -> Request:
        # Checked here too, since with a password it may be what a token says.
        project_id = checked_project(project_id, answered=project_id != self.config.project_id)
        url = build_url(self.config.endpoint, f"/v1/{project_id}{operation.path}", operation.query)
        body = b"" if operation.body is None else json.dumps(operation.body).encode()
        headers = {"Content-Type": "application/json"}
        return Request(operation.method, url, headers, body, operation.most)

    def _pages(
        self,
        operation: Callable[[int], Operation[list[T]]],
        per_page: int,
        key: Callable[[T], Hashable],
    ) -> Iterator[T]:
        """Yield the rows of all pages, each once although rows move while others are created."""
        seen: set[Hashable] = set()
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

    def _job_filters(
        self, search_content: str = "", status: int | None = None, workspace_id: str | None = None
    ) -> tuple[tuple[str, str], ...]:
        """Return the query parameters that lists of jobs share; unset ones stay out."""
        workspace = self.config.workspace_id if workspace_id is None else workspace_id
        state = None if status is None else checked_id(status, "status")
        return given(search_content=search_content, status=state, workspace_id=workspace)

    def in_haste(self, timeout: float) -> Self:
        """Return a client for calls that must not take long: two short attempts each.

        :param timeout: seconds for one HTTP exchange.
        """
        hasty = replace(self.config, timeout=min(timeout, self.config.timeout))
        backoff = Backoff(attempts=2, initial=0.2, maximum=0.2, retry_after=1.0)
        return type(self)(
            hasty,
            backoff=backoff,
            sleep=self._sleep,
            clock=self._clock,
            on_secrets=self._on_secrets,
        )

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
