"""How a task waits for a version: here, or in the triggerer; shared by operators and the sensor.

Every step ends in the same place: look at the version, and if it has ended, judge it by what was
just read. An event from the triggerer therefore only says that it is time to look.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.events import JobEvent
from airflow_provider_modelarts.exceptions import (
    DeletionFailedError,
    ModelArtsApiError,
    ModelArtsError,
    NotFoundError,
    WaitTimeoutError,
)
from airflow_provider_modelarts.text import fit
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.job import JobVersion
    from airflow_provider_modelarts.client.models.visualization_job import VisualizationJobDetail
    from airflow_provider_modelarts.client.polling import Poll
    from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook

T = TypeVar("T", bound="HasStatus")

log = logging.getLogger(__name__)

TRIGGER_FAILED: Final = "__fail__"
"""What Airflow resumes a task with when its trigger has failed or could not be loaded."""


LOG_LINES: Final = 50
"""Lines of a failed training's log that are shown in the task's log."""

LOG_WIDTH: Final = 1000
"""Characters of such a line that are shown."""

LOG_LIMIT: Final = 5.0
"""Seconds allowed for one request for them; there are two, each tried twice."""


class Wait:
    """A wait for one version.

    :param hook: access to the service.
    :param job_id: id of the job.
    :param version_id: id of the version.
    :param poll_interval: seconds between looks.
    :param end_time: epoch seconds at which the wait ends; None: no end.
    :param exhausted: looks have told nothing for too long already, so the next one must.
    """

    def __init__(
        self,
        hook: ModelArtsHook,
        job_id: int,
        version_id: int,
        *,
        poll_interval: float,
        end_time: float | None = None,
        exhausted: bool = False,
    ) -> None:
        self.hook = hook
        self.job_id = job_id
        self.version_id = version_id
        self.poll_interval = poll_interval
        self.end_time = end_time
        self.exhausted = exhausted

    def poll(self, *, hands_over: bool = False) -> Poll[JobVersion]:
        """Return what decides when to look again.

        :param hands_over: a trigger goes on after the first look, and does the warning.
        """
        from airflow_provider_modelarts.client.polling import Poll

        return Poll(
            lambda: self.hook.call(lambda c: c.get_job_version(self.job_id, self.version_id)),
            f"Job {self.job_id}, version {self.version_id}",
            interval=self.poll_interval,
            end_time=self.end_time,
            exhausted=self.exhausted,
            alarm=logging.INFO if hands_over else logging.WARNING,
        )

    def until_ended(self, sleep: Callable[[float], None] = time.sleep) -> JobVersion:
        """Wait in this process and return the ended version."""
        return until_ended(self.poll(), sleep)

    def trigger(self, *, cancel_on_kill: bool = False) -> TrainingJobTrigger:
        """Return the trigger that goes on waiting.

        :param cancel_on_kill: whether it stops the version when a user ends the task.
        """
        return TrainingJobTrigger(
            self.job_id,
            self.version_id,
            self.hook.modelarts_conn_id,
            poll_interval=self.poll_interval,
            end_time=self.end_time,
            cancel_on_kill=cancel_on_kill,
        )


class HasStatus(Protocol):
    """Something that the service shows with a status."""

    @property
    def status(self) -> int:
        """Status code."""


def until_ended(poll: Poll[T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Wait in this process and return what was read last."""
    while (found := poll.look()) is None:
        sleep(poll.pause())
    return found


def until_gone(read: Callable[[], HasStatus], poll_interval: float, end_time: float | None) -> None:
    """Wait in this process until something that is being deleted is gone.

    :param read: returns what is still there; raises ``NotFoundError`` when nothing is.
    :raises DeletionFailedError: the service shows that the deletion has failed.
    """
    from airflow_provider_modelarts.client.polling import Poll
    from airflow_provider_modelarts.client.status import JobStatus

    poll = Poll(
        read,
        "The deletion",
        interval=poll_interval,
        end_time=end_time,
        ends=lambda status: status == JobStatus.DELETE_FAILED,
    )
    try:
        until_ended(poll)
    except NotFoundError as error:
        if not error.says_gone:
            raise
        return
    msg = "The deletion has failed (status 6 DELETE_FAILED); a retry asks for it again"
    raise DeletionFailedError(msg)


def visualization_poll(
    hook: ModelArtsHook, job_id: int | str, poll_interval: float, end_time: float | None = None
) -> Poll[VisualizationJobDetail]:
    """Return what decides when to look again at a visualization job that is being started."""
    from airflow_provider_modelarts.client.polling import Poll, ready_or_ended

    return Poll(
        lambda: hook.call(lambda client: client.get_visualization_job(job_id)),
        f"Visualization job {job_id}",
        interval=poll_interval,
        end_time=end_time,
        ends=ready_or_ended,
    )


def check_end(hook: ModelArtsHook, version: JobVersion) -> None:
    """Raise unless an ended version has succeeded; show the end of the log of one that has failed.

    :raises TrainingJobFailedError: it has not.
    """
    from airflow_provider_modelarts.client.polling import check_success
    from airflow_provider_modelarts.client.status import Outcome, outcome_of

    if outcome_of(version.status) is Outcome.FAILED:
        show_log(hook.get_conn(), version.job_id, version.version_id)
    check_success(version)


def show_log(
    client: ModelArtsClient, job_id: int, version_id: int, lines: int = LOG_LINES
) -> list[str]:
    """Put the end of a training's log into the task's log, within seconds.

    A log that cannot be read is no more than a line in the log: it says nothing about the training.

    :return: the names of the log files, one for each worker; only the first is shown.
    """
    hasty = client.in_haste(LOG_LIMIT)
    names: list[str] = []
    try:
        names = hasty.list_log_files(job_id, version_id)
        if not names:
            log.info("Job %d, version %d has no log", job_id, version_id)
            return names
        block = hasty.get_log(job_id, version_id, names[0], lines=lines)
    except ModelArtsError as error:
        log.info("The log of job %d, version %d cannot be shown: %s", job_id, version_id, error)
        return names
    finally:
        hasty.close()
    log.info("End of the log %s of job %d, version %d:", names[0], job_id, version_id)
    for line in block.texts()[-lines:]:
        log.info("| %s", line[:LOG_WIDTH])
    if len(names) > 1:
        log.info("Other workers have logs of their own: %s", ", ".join(names[1:]))
    return names


def read_event(payload: Any, *, job_id: int | None, version_id: int | None) -> JobEvent:
    """Read the event a task was resumed with, and make sure that it is this task's.

    :param job_id: the job waited for, where the task knows it.
    :param version_id: the version waited for, where the task knows it.
    :raises ModelArtsError: it is another's event, or it says that waiting on cannot help.
    """
    event = JobEvent.from_payload(payload)
    for name, expected, got in (
        ("job_id", job_id, event.job_id),
        ("version_id", version_id, event.version_id),
    ):
        if expected is not None and expected != got:
            msg = f"The event is of {name} {got}, but this task waits for {name} {expected}"
            raise ModelArtsError(msg)
    if event.status == "error" and not event.retryable:
        raise ModelArtsError(event.message)
    return event


@contextmanager
def task_errors(conn_id: str, final: tuple[type[ModelArtsError], ...] = ()) -> Iterator[None]:
    """Let an error that no retry can fix fail the task for good.

    :param conn_id: connection in use, named in the message.
    :param final: errors that are beyond a retry for this task, although not in general.
    """
    try:
        yield
    except ModelArtsError as error:
        # Airflow's page wraps no line, and shows a traceback twice.
        for line in error.lines():
            log.error("%s", line)  # noqa: TRY400 - the traceback follows by itself
        if error.retryable and not isinstance(error, final):
            raise
        where = f" [connection {conn_id!r}]" if isinstance(error, ModelArtsApiError) else ""
        msg = f"{type(error).__name__}: {error}{where}"
        raise AirflowFailException(msg) from error


def tell_of_failed_trigger(next_kwargs: Mapping[str, Any] | None) -> None:
    """Log why a trigger has failed. That it did says nothing about the training."""
    details = next_kwargs or {}
    trace = details.get("traceback")
    log.warning(
        "The trigger has failed (%s); the wait goes on in this worker%s",
        details.get("error", "no reason given"),
        ":\n" + "".join(trace) if isinstance(trace, list) else "",
    )


def outcome(version: JobVersion) -> dict[str, Any]:
    """Return the XCom of a version that has ended; times in milliseconds.

    Metrics that are too large for an XCom are cut, and say so under ``left_out``.
    """
    where = f"at the service: get_job_version({version.job_id}, {version.version_id}) of the client"
    metrics, left_out = fit(version.metrics, where)
    if left_out:
        log.warning("Metrics: %s", left_out)
    return {
        "job_id": version.job_id,
        "version_id": version.version_id,
        "job_name": version.job_name,
        "version_name": version.version_name,
        "status": version.status,
        "duration": version.duration,
        "train_url": version.train_url,
        "log_url": version.log_url,
        "metrics": metrics,
    }


def as_id(value: Any, field: str) -> int:
    """Return an id that was given as a number or as text.

    :raises PayloadValidationError: it is neither.
    """
    from airflow_provider_modelarts.client.ids import checked_id

    return checked_id(value, field)


def as_status(value: Any) -> int:
    """Return the code of a status that was given as a code or by its name.

    :raises PayloadValidationError: it is neither.
    """
    from airflow_provider_modelarts.client.ids import checked_id
    from airflow_provider_modelarts.client.status import JobStatus

    name = value.strip().upper().removeprefix("JOBSTAT_") if isinstance(value, str) else ""
    if name in JobStatus.__members__:
        return int(JobStatus[name])
    return checked_id(value, "status", "Pass a code or a name of a status, such as 8 or 'RUNNING'")


@contextmanager
def naming_limit(**limits: float | timedelta | None) -> Iterator[None]:
    """Say of a wait that has come to its end which of these limits it was, by parameter and value."""
    try:
        yield
    except WaitTimeoutError as error:
        given = {name: seconds_of(limit) for name, limit in limits.items() if limit is not None}
        if not given:
            raise
        name = min(given, key=given.__getitem__)
        msg = f"{error}. The limit is {name} = {given[name]:g} seconds; raise it, or leave it out"
        raise WaitTimeoutError(msg) from None


def seconds_of(limit: float | timedelta) -> float:
    """Return a duration in seconds."""
    return limit.total_seconds() if isinstance(limit, timedelta) else float(limit)


def end_time_of(*limits: float | timedelta | None) -> float | None:
    """Return the epoch seconds at which the shortest of these limits, counted from now, is over."""
    seconds = [seconds_of(limit) for limit in limits if limit is not None]
    return time.time() + min(seconds) if seconds else None
