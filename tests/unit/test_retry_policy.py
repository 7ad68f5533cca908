"""The retry policy that Airflow 3.3 and newer can be given."""

from __future__ import annotations

import pytest

pytest.importorskip(
    "airflow.sdk.definitions.retry_policy", reason="retry policies came with Airflow 3.3"
)

from airflow.sdk import RetryAction

from airflow_provider_modelarts import exceptions
from airflow_provider_modelarts.retry_policy import MODELARTS_RETRY_POLICY


@pytest.mark.parametrize(
    ("error", "action", "minutes"),
    [
        (exceptions.ThrottledError("slow down"), RetryAction.RETRY, 10),
        (exceptions.QuotaExceededError("full"), RetryAction.RETRY, 30),
        (exceptions.ServiceUnavailableError("down"), RetryAction.RETRY, 5),
        (exceptions.ResponseLostError("lost"), RetryAction.RETRY, 5),
        (exceptions.AuthenticationError("wrong key"), RetryAction.FAIL, None),
        (exceptions.NotFoundError("gone"), RetryAction.FAIL, None),
        (exceptions.PayloadValidationError([]), RetryAction.FAIL, None),
        (ValueError("not ours"), RetryAction.DEFAULT, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_error_decides_whether_and_when_to_retry(error, action, minutes) -> None:
    """What no retry can mend fails now; throttling and quota wait longer than the task's delay."""
    decision = MODELARTS_RETRY_POLICY.evaluate(error, try_number=1, max_tries=3)

    assert decision.action is action
    delay = decision.retry_delay
    assert (None if delay is None else delay.total_seconds() / 60) == minutes


def test_policy_survives_the_serialisation_of_a_dag() -> None:
    """Airflow stores it with the DAG."""
    stored = MODELARTS_RETRY_POLICY.serialize()

    assert type(MODELARTS_RETRY_POLICY).deserialize(stored) is not None
