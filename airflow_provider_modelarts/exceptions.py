"""Every error this package raises; imports nothing but the standard library.

.. code-block:: text

    ModelArtsError
    ├── ConfigurationError            a connection field is missing, unknown or contradictory
    ├── ConnectionLookupError         Airflow could not read the connection anew during a wait
    ├── PayloadValidationError        the request breaks documented rules; nothing was sent
    ├── TransportError
    │   ├── RequestNotSentError       no byte of the request left this machine
    │   └── ResponseLostError         sent, but no readable answer: its fate is unknown
    │       └── UnreadableResponseError   there was an answer, which cannot be understood
    ├── ModelArtsApiError             the service or its gateway answered with a failure
    │   ├── AuthenticationError       credentials not accepted
    │   ├── PermissionDeniedError     accepted, but not allowed to do this
    │   ├── NotFoundError             the job, version or other object does not exist
    │   ├── JobNameExistsError        the job name is taken
    │   ├── ConflictError             not possible in the present state
    │   ├── QuotaExceededError        a quota or limit of the account is used up
    │   ├── InvalidRequestError       the service refused a parameter
    │   ├── ThrottledError            too many requests
    │   └── ServiceUnavailableError   a fault on the service's side
    │       └── UnexpectedResponseError   a gateway's page, or a code unknown to the API reference
    ├── WaitTimeoutError              the deadline passed before the job ended
    ├── StatusUnknownError            the service has not known the job's state for too long
    ├── DeletionFailedError           what was to be deleted is still there
    ├── VisualizationJobFailedError   the visualization job does not run
    └── TrainingJobFailedError        the training ended without success
        └── TrainingJobCanceledError  it was stopped or cancelled

``retryable`` on each class tells whether trying the same thing again later can help; the operators
turn an error with ``retryable = False`` into ``AirflowFailException``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


class ModelArtsError(Exception):
    """Base of all errors of this package."""

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without anyone changing anything."""

    def lines(self) -> list[str]:
        """Return the message line by line, for a log."""
        return str(self).splitlines()


class ConfigurationError(ModelArtsError):
    """A connection field or setting is missing or contradictory; raised before any request."""


class ConnectionLookupError(ModelArtsError):
    """The connection could not be read anew just now, after its credentials had been refused."""

    retryable = True


class TransportError(ModelArtsError):
    """The exchange with the server did not complete."""

    retryable = True


class RequestNotSentError(TransportError):
    """The server was never reached (name, route, TLS), so even a create call may be repeated."""


class ResponseLostError(TransportError):
    """The request was, or may have been, sent and no readable answer came back.

    A create call may have worked: ask the service before sending it again.
    """


class UnreadableResponseError(ResponseLostError):
    """The server answered, but nothing that can be understood."""


class ModelArtsApiError(ModelArtsError):
    """A failure reported by ModelArts, its API gateway or IAM.

    :param error_message: the service's own words, with secrets masked.
    :param error_code: for example ``ModelArts.2775`` or ``APIG.0301``; empty when none was given.
    :param http_status: status of the HTTP answer; 200 when the body alone tells of the failure.
    :param request_id: id to quote to the vendor's support; empty when none was given.
    :param operation: what was asked, for example ``POST /v1/{project_id}/training-jobs``.
    :param retry_after: seconds the service asked to wait, if it did.
    :param hint: how to fix it.
    """

    default_hint: ClassVar[str] = ""

    def __init__(
        self,
        error_message: str,
        *,
        error_code: str = "",
        http_status: int = 0,
        request_id: str = "",
        operation: str = "",
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        self.error_message = error_message
        self.error_code = error_code
        self.http_status = http_status
        self.request_id = request_id
        self.operation = operation
        self.retry_after = retry_after
        self.hint = hint or self.default_hint
        super().__init__(error_message)

    summary: ClassVar[str] = "the request failed"
    """What happened, in a few words."""

    def __str__(self) -> str:
        """Say what happened and what to do, then what the service said, on one line."""
        return " ".join(self.lines())

    def lines(self) -> list[str]:
        """Say it line by line: what happened, what to do, what the service said."""
        advice = [_sentence(self.hint)] if self.hint else []
        if not self.error_code and self.http_status in (0, 200):  # nobody's words but ours
            return [_sentence(self.error_message), *advice]
        status = " ".join(filter(None, [f"HTTP {self.http_status}", self.error_code]))
        request = f", request id {self.request_id}" if self.request_id else ""
        return [
            f"{self.operation or 'ModelArts'}: {self.summary}.",
            *advice,
            f"The service said: {self.error_message} ({status}{request})",
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        """Carry the keyword arguments through pickling."""
        return _rebuild, (type(self), self.error_message, dict(vars(self)))


class AuthenticationError(ModelArtsApiError):
    """The access key, signature, password or token was not accepted."""

    summary = "the credentials were refused"
    default_hint = (
        "Check 'Access key or IAM user' (login), 'Secret key or password' (password) and "
        "'Authentication' (extra auth_type) of the connection; wrong keys are locked after a few tries, so "
        "this is not retried"
    )


class PermissionDeniedError(ModelArtsApiError):
    """The credentials are good, yet the user, project or account may not do this."""

    summary = "these credentials may not do this"
    default_hint = (
        "Give the user the ModelArts and OBS permissions in this project, and authorise ModelArts "
        "once in its console (global configuration); check 'Project ID' (extra project_id) of the connection"
    )


REFUSALS: Final = (AuthenticationError, PermissionDeniedError)
"""Errors that other credentials, put into the connection meanwhile, may spare."""


class NotFoundError(ModelArtsApiError):
    """The job, version, flavor, engine, dataset, bucket or workspace does not exist."""

    summary = "there is no such object"
    default_hint = (
        "Check the id or name, and that project_id and workspace_id are those it was created in"
    )

    @property
    def says_gone(self) -> bool:
        """Whether the object is missing, not just the path that was called (``ModelArts.2836``)."""
        return self.error_code != "ModelArts.2836"


class JobNameExistsError(ModelArtsApiError):
    """Another job of the project has this name already."""

    summary = "the job name is taken"
    default_hint = (
        "Give each DAG run and each mapped task a job_name of its own, for example with "
        "unique_job_name from airflow_provider_modelarts.job_names, or set if_exists to 'attach' or "
        "'new_version'"
    )


class ConflictError(ModelArtsApiError):
    """The operation is not possible in the present state of the job."""

    summary = "not possible in the present state"


class QuotaExceededError(ModelArtsApiError):
    """A quota of the account or a limit of the flavor is used up."""

    summary = "a quota or limit is used up"
    default_hint = "Free resources (delete old jobs, fewer workers) or ask for a higher quota"


class InvalidRequestError(ModelArtsApiError):
    """The service refused the request or one of its parameters."""

    summary = "the request was refused"
    default_hint = "Fix the named field in the task's config"


class ThrottledError(ModelArtsApiError):
    """Too many requests; ``retry_after`` holds what the service asked for."""

    summary = "too many requests"
    retryable = True


class ServiceUnavailableError(ModelArtsApiError):
    """A fault behind the gateway. After a create call the fate of the call is unknown."""

    summary = "the service failed"
    retryable = True


class UnexpectedResponseError(ServiceUnavailableError):
    """A failure without a code that the API reference knows, whatever its HTTP status.

    Mostly a gateway, a proxy or a login page has answered instead of the service: a 404 of theirs
    does not mean that a job is missing. Nothing is known about the job or the fate of the call.
    """

    summary = "the answer is not one of ModelArts, but of something in front of it"
    default_hint = (
        "Something between here and ModelArts seems to have answered, which says nothing about the job. "
        "If it goes on, check 'host' of the connection and any proxy or gateway on the way"
    )


class WaitTimeoutError(ModelArtsError):
    """The deadline of a wait passed and the job had not ended at the last look."""

    retryable = True


class StatusUnknownError(ModelArtsError):
    """The service has answered "state cannot be told" (status 0) at every look for too long.

    The job may still run; a retry of a task that waits finds it again.
    """

    retryable = True


class DeletionFailedError(ModelArtsError):
    """The service shows that a deletion has failed (status 6)."""

    retryable = True


class VisualizationJobFailedError(ModelArtsError):
    """A visualization job that should run has ended.

    :param message: one sentence for the log.
    :param job_id: id of the job.
    :param status: its status code.
    """

    retryable = True

    def __init__(self, message: str, *, job_id: str, status: int) -> None:
        self.job_id = job_id
        self.status = status
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Carry the keyword arguments through pickling."""
        return _rebuild, (type(self), str(self), dict(vars(self)))


class TrainingJobFailedError(ModelArtsError):
    """A training job version ended without success.

    :param message: one sentence for the log.
    :param job_id: id of the job.
    :param version_id: id of the version.
    :param status: status code it ended with.
    """

    retryable = True

    def __init__(self, message: str, *, job_id: int, version_id: int, status: int) -> None:
        self.job_id = job_id
        self.version_id = version_id
        self.status = status
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """Carry the keyword arguments through pickling."""
        return _rebuild, (type(self), str(self), dict(vars(self)))


class TrainingJobCanceledError(TrainingJobFailedError):
    """The version was stopped (12) or cancelled (13)."""


@dataclass(frozen=True)
class Violation:
    """One broken rule of a payload.

    :param field: path of the field, for example ``config.parameter[2].label``.
    :param value: what was found there, shortened and safe to print.
    :param rule: what is allowed, with the id of the rule (``R05``) in brackets.
    :param remedy: what to do.
    """

    field: str
    value: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        """Give the line for the log."""
        return f"{self.field} = {self.value}: {self.rule}. {self.remedy}"


class PayloadValidationError(ModelArtsError):
    """The payload breaks documented rules; nothing was sent.

    :param violations: every broken rule.
    :param subject: what the payload was for, for example ``create job 'resnet'``.
    """

    def __init__(self, violations: Sequence[Violation], subject: str = "request") -> None:
        self.violations = tuple(violations)
        self.subject = subject
        count = f"{len(self.violations)} problem{'s' if len(self.violations) != 1 else ''}"
        lines = "".join(f"\n  - {violation}" for violation in self.violations)
        super().__init__(f"{subject}: {count} in the payload, nothing was sent:{lines}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild from the violations."""
        return type(self), (self.violations, self.subject)


def _rebuild(cls: type[ModelArtsError], message: str, state: dict[str, Any]) -> ModelArtsError:
    """Make an error again from its message and attributes, for unpickling."""
    error = cls.__new__(cls, message)
    Exception.__init__(error, message)
    vars(error).update(state)
    return error


def _sentence(text: str) -> str:
    """Return a text that begins and ends as a sentence does."""
    text = text.rstrip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"
