"""When to look at a version again, and when to stop: shared by tasks that wait and by triggers.

No sleeping and no asyncio here: the caller pauses as long as it is told.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from airflow_provider_modelarts.client.status import (
    Outcome,
    describe,
    is_documented,
    outcome_of,
)
from airflow_provider_modelarts.exceptions import (
    ModelArtsError,
    TrainingJobCanceledError,
    TrainingJobFailedError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client.models.job import JobVersion

SILENCE_LIMIT: Final = 1800.0
"""Seconds without one good answer after which a wait gives up; failed looks alone never end it."""

log = logging.getLogger(__name__)


class Poll:
    """Looks at one version until it has ended.

    :param read: asks the service for the version.
    :param interval: seconds between looks.
    :param end_time: epoch seconds at which the wait ends, after one last look; None: no end.
    :param clock: epoch seconds; replaced in tests.
    """

    def __init__(
        self,
        read: Callable[[], JobVersion],
        *,
        interval: float,
        end_time: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._read = read
        self._interval = interval
        self._end_time = end_time
        self._clock = clock
        self._last_answer = clock()
        self._last_status: int | None = None

    def look(self) -> JobVersion | None:
        """Ask once; return the version if it has ended, None if it goes on.

        :raises WaitTimeoutError: it goes on, and the end of the wait has come.
        :raises ModelArtsError: asking again cannot help, or the service was silent for too long.
        """
        version = self._ask()
        if version is not None and outcome_of(version.status) is not Outcome.RUNNING:
            return version
        if self._end_time is not None and self._clock() >= self._end_time:
            state = "unknown" if version is None else describe(version.status)
            msg = f"The time allowed for the wait is over; the last status read is {state}"
            raise WaitTimeoutError(msg)
        return None

    def pause(self) -> float:
        """Return the seconds until the next look."""
        if self._end_time is None:
            return self._interval
        return max(0.0, min(self._interval, self._end_time - self._clock()))

    def _ask(self) -> JobVersion | None:
        try:
            version = self._read()
        except ModelArtsError as error:
            silent = self._clock() - self._last_answer
            if not error.retryable or silent > SILENCE_LIMIT:
                raise
            log.warning("No status for %.0f s, looking again: %s", silent, error)
            return None
        self._last_answer = self._clock()
        self._tell(version)
        return version

    def _tell(self, version: JobVersion) -> None:
        """Log a change of status; one that is not documented as a warning."""
        if version.status == self._last_status:
            return
        self._last_status = version.status
        known = is_documented(version.status)
        log.log(
            logging.INFO if known else logging.WARNING,
            "Job %d, version %d: %s",
            version.job_id,
            version.version_id,
            describe(version.status),
        )


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
        else f"Read the log of the training {where}, mend the cause, and clear the create task"
    )
    msg = f"{name} ended with status {describe(version.status)}. {advice}"
    raise error(msg, job_id=version.job_id, version_id=version.version_id, status=version.status)
