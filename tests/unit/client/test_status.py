"""The closed table of status codes."""

from __future__ import annotations

import pytest

from airflow_provider_modelarts.client import JobStatus, Outcome
from airflow_provider_modelarts.client.status import describe, is_documented, outcome_of

FAILED = {3, 5, 6, 11, 14, 16, 17, 21, 22}
CANCELED = {12, 13}


@pytest.mark.parametrize("code", range(23))
def test_every_documented_code_has_its_outcome(code: int) -> None:
    """Codes 0 to 22 are known, and each is success, failure, cancellation or goes on."""
    expected = (
        Outcome.SUCCEEDED
        if code == 10
        else Outcome.FAILED
        if code in FAILED
        else Outcome.CANCELED
        if code in CANCELED
        else Outcome.RUNNING
    )

    status = JobStatus(code)

    assert is_documented(code)
    assert outcome_of(code) is status.outcome is expected
    assert status.is_terminal is (expected is not Outcome.RUNNING)


@pytest.mark.parametrize("code", [-1, 23, 99, 10**12])
def test_unknown_code_counts_as_running(code: int) -> None:
    """The table has grown before: what it lacks is waited for."""
    assert not is_documented(code)
    assert outcome_of(code) is Outcome.RUNNING
    assert describe(code) == f"{code} (a status that this release does not know)"


def test_names_are_the_vendors() -> None:
    """The names of all codes are those of the API reference, in its order."""
    assert [status.name for status in JobStatus] == [
        "UNKNOWN",
        "INIT",
        "IMAGE_CREATING",
        "IMAGE_FAILED",
        "SUBMIT_TRYING",
        "SUBMIT_FAILED",
        "DELETE_FAILED",
        "WAITING",
        "RUNNING",
        "KILLING",
        "COMPLETED",
        "FAILED",
        "KILLED",
        "CANCELED",
        "LOST",
        "SCALING",
        "SUBMIT_MODEL_FAILED",
        "DEPLOY_SERVICE_FAILED",
        "CHECK_INIT",
        "CHECK_RUNNING",
        "CHECK_RUNNING_COMPLETED",
        "CHECK_FAILED",
        "MOUNT_FAILED",
    ]
    assert [status.value for status in JobStatus] == list(range(23))


@pytest.mark.parametrize("status", list(JobStatus), ids=lambda status: status.name)
def test_description_has_code_name_and_meaning(status: JobStatus) -> None:
    """A log line is understood without the table."""
    assert describe(status) == f"{status.value} {status.name} ({status.meaning})"
    assert status.meaning
