"""When to look at a version again, and when to stop: shared by tasks that wait and by triggers.

No sleeping and no asyncio here: the caller pauses as long as it is told.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from airflow_provider_modelarts.client.status import (
    JobStatus,
    Outcome,
    describe,
    has_ended,
    is_documented,
    outcome_of,
)
from airflow_provider_modelarts.exceptions import (
    ModelArtsError,
    StatusUnknownError,
    TrainingJobCanceledError,
    TrainingJobFailedError,
    VisualizationJobFailedError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client.models.job import JobVersion
    from airflow_provider_modelarts.client.models.visualization_job import VisualizationJob

SILENCE_LIMIT: Final = 1800.0
"""Seconds without a look that tells something after which a wait gives up.

A look tells nothing if it fails, or if the service itself does not know the state (status 0).
"""

log = logging.getLogger(__name__)


class _HasStatus(Protocol):
    @property
    def status(self) -> int: ...


T = TypeVar("T", bound=_HasStatus)


class Patience:
    """When a wait for one version looks again, and when it ends; told of each look's result.

    :param interval: seconds between looks.
    :param end_time: epoch seconds at which the wait ends, after one last look; None: no end.
    :param exhausted: looks have told nothing for too long already, so the next one must.
    :param ends: whether a status is what is waited for; default: the version has ended.
    :param alarm: level at which a status that is not documented is logged.
    :param clock: epoch seconds; replaced in tests.
    """

    __slots__ = (
        "_alarm",
        "_clock",
        "_end_time",
        "_ends",
        "_last_news",
        "_limit",
        "interval",
        "status",
    )

    def __init__(
        self,
        *,
        interval: float,
        end_time: float | None = None,
        exhausted: bool = False,
        ends: Callable[[int], bool] = has_ended,
        alarm: int = logging.WARNING,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.interval = interval
        self.status: int | None = None
        self._end_time = end_time
        self._ends = ends
        self._alarm = alarm
        self._clock = clock
        self._limit = max(SILENCE_LIMIT, 3 * interval)  # more than one look, however rare they are
        self._last_news = -math.inf if exhausted else clock()

    def answered(self, job_id: int, version_id: int, status: int) -> bool:
        """Take note of a version's status; see ``saw``."""
        return self.saw(f"Job {job_id}, version {version_id}", status)

    def saw(self, what: str, status: int) -> bool:
        """Take note of a status that was read; return whether the wait has come to its aim.

        :param what: what has this status, for the log.
        :raises WaitTimeoutError: it goes on, and the end of the wait has come.
        :raises StatusUnknownError: the service has not known its state for too long.
        """
        if status != self.status:
            self.status = status
            level = logging.INFO if is_documented(status) else self._alarm
            log.log(level, "%s: %s", what, describe(status))
        if self._ends(status):
            return True
        if status != JobStatus.UNKNOWN:
            self._last_news = self._clock()
        elif self._clock() - self._last_news > self._limit:
            msg = (
                f"{what}: the service has not known its state for {self._limit / 60:.0f} minutes "
                f"(status {describe(status)}); it may still run"
            )
            raise StatusUnknownError(msg)
        self._check_end(what, describe(status))
        return False

    def missed(self, error: ModelArtsError) -> None:
        """Take note of a look without an answer.

        :raises ModelArtsError: asking again cannot help, or the service was silent for too long.
        :raises WaitTimeoutError: the end of the wait has come.
        """
        silent = self._clock() - self._last_news
        if not error.retryable or silent > self._limit:
            raise error
        log.warning("No status for %.0f s, looking again: %s", silent, error)
        self._check_end("The job", "unknown, as the last poll had no answer")

    def pause(self) -> float:
        """Return the seconds until the next look."""
        if self._end_time is None:
            return self.interval
        return max(0.0, min(self.interval, self._end_time - self._clock()))

    def _check_end(self, what: str, state: str) -> None:
        if self._end_time is not None and self._clock() >= self._end_time:
            msg = f"{what} has not ended in the time allowed for the wait. Its status is {state}"
            raise WaitTimeoutError(msg)


class Poll(Patience, Generic[T]):
    """Looks at one thing until it has ended, or whatever else is waited for.

    :param read: asks the service for it.
    :param what: what it is, for the log.

    The others are those of ``Patience``.
    """

    __slots__ = ("_read", "_what")

    def __init__(self, read: Callable[[], T], what: str, **options: Any) -> None:
        super().__init__(**options)
        self._read = read
        self._what = what

    def look(self) -> T | None:
        """Ask once; return it if it has ended, None if it goes on.

        :raises WaitTimeoutError: it goes on, and the end of the wait has come.
        :raises ModelArtsError: asking again cannot help, or no look has told anything for too long.
        """
        try:
            found = self._read()
        except ModelArtsError as error:
            self.missed(error)
            return None
        return found if self.saw(self._what, found.status) else None


def check_success(version: JobVersion) -> None:
    """Raise unless an ended version has succeeded.

    :raises TrainingJobCanceledError: it was stopped or cancelled.
    :raises TrainingJobFailedError: it failed.
    """
    outcome = outcome_of(version.status)
    if outcome is Outcome.SUCCEEDED:
        return
    canceled = outcome is Outcome.CANCELED
    error = TrainingJobCanceledError if canceled else TrainingJobFailedError
    name = (
        f"Training job {version.job_name or version.job_id!r} (job_id {version.job_id}), version "
    )
    name += f"{version.version_name or ''} (version_id {version.version_id})".lstrip()
    where = f"below {version.log_url}" if version.log_url else "in the ModelArts console"
    advice = (
        "Somebody stopped it; clear this task and its create task to train again"
        if canceled
        else f"Read the log of the training {where}, fix the cause, and clear the create task"
    )
    msg = f"{name} ended with status {describe(version.status)}. {advice}"
    raise error(msg, job_id=version.job_id, version_id=version.version_id, status=version.status)


def check_ready(job: VisualizationJob) -> None:
    """Raise unless a visualization job, which has no natural end, runs.

    :raises VisualizationJobFailedError: it has ended.
    """
    if job.status == JobStatus.RUNNING:
        return
    msg = (
        f"Visualization job {job.job_name or job.job_id!r} (job_id {job.job_id}) does not run, its "
        f"status is {describe(job.status)}. Restart it, or look for the cause in the ModelArts console"
    )
    raise VisualizationJobFailedError(msg, job_id=job.job_id, status=job.status)


def ready_or_ended(status: int) -> bool:
    """Whether a wait for a visualization job that is being started has come to its end."""
    return status == JobStatus.RUNNING or has_ended(status)
