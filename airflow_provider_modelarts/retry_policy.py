"""A retry policy for tasks that call ModelArts; needs Airflow 3.3 or newer.

Give it to a task as ``retry_policy=MODELARTS_RETRY_POLICY``. What no retry can fix fails at once;
throttling, a used-up quota and an unreachable service are given more time than the task's own
``retry_delay``. Our operators already turn what no retry can fix into ``AirflowFailException``,
which no policy is asked about; the rules for those errors serve tasks that use the hook.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.common.compat.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

_ERRORS = "airflow_provider_modelarts.exceptions"


def _wait(minutes: int, reason: str, *errors: str) -> RetryRule:
    return RetryRule(
        exception=[f"{_ERRORS}.{error}" for error in errors],
        action=RetryAction.RETRY,
        retry_delay=timedelta(minutes=minutes),
        reason=reason,
    )


MODELARTS_RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        _wait(10, "too many requests", "ThrottledError"),
        _wait(30, "a quota is used up", "QuotaExceededError"),
        _wait(5, "the service cannot be reached", "ServiceUnavailableError", "TransportError"),
        RetryRule(
            exception=[
                f"{_ERRORS}.{error}"
                for error in (
                    "ConfigurationError",
                    "PayloadValidationError",
                    "AuthenticationError",
                    "PermissionDeniedError",
                    "NotFoundError",
                    "JobNameExistsError",
                    "InvalidRequestError",
                )
            ],
            action=RetryAction.FAIL,
            reason="a retry cannot fix this",
        ),
    ]
)
