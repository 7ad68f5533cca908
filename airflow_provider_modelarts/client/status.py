"""Statuses of a training job version; standard library only, so that a DAG file may import it.

Codes 0 to 21: "Job Statuses" in the ModelArts API reference; 22: its SDK reference. The set has
grown before, so an unknown code counts as running.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Literal


class Outcome(Enum):
    """What a status says about the run."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class JobStatus(IntEnum):
    """Documented status codes, by the vendor's names without ``JOBSTAT_``."""

    UNKNOWN = 0
    INIT = 1
    IMAGE_CREATING = 2
    IMAGE_FAILED = 3
    SUBMIT_TRYING = 4
    SUBMIT_FAILED = 5
    DELETE_FAILED = 6
    WAITING = 7
    RUNNING = 8
    KILLING = 9
    COMPLETED = 10
    FAILED = 11
    KILLED = 12
    CANCELED = 13
    LOST = 14
    SCALING = 15
    SUBMIT_MODEL_FAILED = 16
    DEPLOY_SERVICE_FAILED = 17
    CHECK_INIT = 18
    CHECK_RUNNING = 19
    CHECK_RUNNING_COMPLETED = 20
    CHECK_FAILED = 21
    MOUNT_FAILED = 22

    @property
    def meaning(self) -> str:
        """What the code says, in a few words."""
        return _MEANING[self]

    @property
    def outcome(self) -> Outcome:
        """Whether the run goes on, succeeded, failed or was cancelled."""
        return outcome_of(self)

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen."""
        return has_ended(self)


_MEANING = {
    JobStatus.UNKNOWN: "state cannot be told",
    JobStatus.INIT: "being set up",
    JobStatus.IMAGE_CREATING: "image being built",
    JobStatus.IMAGE_FAILED: "the image could not be built",
    JobStatus.SUBMIT_TRYING: "being submitted",
    JobStatus.SUBMIT_FAILED: "submission failed",
    JobStatus.DELETE_FAILED: "deletion failed",
    JobStatus.WAITING: "queued for resources",
    JobStatus.RUNNING: "running",
    JobStatus.KILLING: "being stopped",
    JobStatus.COMPLETED: "finished",
    JobStatus.FAILED: "the run failed",
    JobStatus.KILLED: "stopped on request",
    JobStatus.CANCELED: "cancelled",
    JobStatus.LOST: "the platform lost track of it",
    JobStatus.SCALING: "worker count being changed",
    JobStatus.SUBMIT_MODEL_FAILED: "publishing the model failed",
    JobStatus.DEPLOY_SERVICE_FAILED: "deploying the service failed",
    JobStatus.CHECK_INIT: "review being prepared",
    JobStatus.CHECK_RUNNING: "under review",
    JobStatus.CHECK_RUNNING_COMPLETED: "review ended, the run has not",
    JobStatus.CHECK_FAILED: "the review failed",
    JobStatus.MOUNT_FAILED: "storage could not be mounted",
}

_FAILED = frozenset(
    {
        JobStatus.IMAGE_FAILED,
        JobStatus.SUBMIT_FAILED,
        JobStatus.DELETE_FAILED,
        JobStatus.FAILED,
        JobStatus.LOST,
        JobStatus.SUBMIT_MODEL_FAILED,
        JobStatus.DEPLOY_SERVICE_FAILED,
        JobStatus.CHECK_FAILED,
        JobStatus.MOUNT_FAILED,
    }
)
_CANCELED = frozenset({JobStatus.KILLED, JobStatus.CANCELED})


def outcome_of(code: int) -> Outcome:
    """Classify a status code; one that is not documented counts as running."""
    if code == JobStatus.COMPLETED:
        return Outcome.SUCCEEDED
    if code in _FAILED:
        return Outcome.FAILED
    return Outcome.CANCELED if code in _CANCELED else Outcome.RUNNING


def has_ended(code: int) -> bool:
    """Whether nothing more will happen."""
    return outcome_of(code) is not Outcome.RUNNING


def stop_shows(code: int) -> Literal[True] | None:
    """Return true if a status shows that a request to stop has had its effect, or is needless."""
    return True if has_ended(code) or code == JobStatus.KILLING else None


def is_documented(code: int) -> bool:
    """Whether the code is in the vendor's tables."""
    return code in _MEANING


def describe(code: int) -> str:
    """Return code, name and meaning for a log line, such as ``8 RUNNING (running)``."""
    if not is_documented(code):
        return f"{code} (a status that this release does not know)"
    status = JobStatus(code)
    return f"{code} {status.name} ({status.meaning})"
