"""How a task waits for a version: here, or in the triggerer; shared by operators and the sensor.

Every step ends in the same place: look at the version, and if it has ended, judge it by what was
just read. An event from the triggerer therefore only says that it is time to look.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.events import JobEvent
from airflow_provider_modelarts.exceptions import (
    ModelArtsApiError,
    ModelArtsError,
    PayloadValidationError,
    Violation,
)
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider_modelarts.client.models.job import JobVersion
    from airflow_provider_modelarts.client.polling import Poll
    from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook


log = logging.getLogger(__name__)

TRIGGER_FAILED: Final = "__fail__"
"""What Airflow resumes a task with when its trigger has failed or could not be loaded."""


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

    def poll(self) -> Poll:
        """Return what decides when to look again."""
        from airflow_provider_modelarts.client.polling import Poll

        client = self.hook.get_conn()
        return Poll(
            lambda: client.get_job_version(self.job_id, self.version_id),
            interval=self.poll_interval,
            end_time=self.end_time,
            exhausted=self.exhausted,
        )

    def until_ended(self, sleep: Callable[[float], None] = time.sleep) -> JobVersion:
        """Wait in this process and return the ended version."""
        poll = self.poll()
        while (version := poll.look()) is None:
            sleep(poll.pause())
        return version

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
    """Let an error that no retry can mend fail the task for good.

    :param conn_id: connection in use, named in the message.
    :param final: errors that are beyond a retry for this task, although not in general.
    """
    try:
        yield
    except ModelArtsError as error:
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
    """Return the XCom of a version that has ended; times in milliseconds."""
    return {
        "job_id": version.job_id,
        "version_id": version.version_id,
        "job_name": version.job_name,
        "version_name": version.version_name,
        "status": version.status,
        "duration": version.duration,
        "train_url": version.train_url,
        "log_url": version.log_url,
        "metrics": version.metrics,
    }


def as_id(value: Any, field: str) -> int:
    """Return an id that was given as a number or as text.

    :raises PayloadValidationError: it is neither.
    """
    text = str(value).strip()
    if not isinstance(value, bool) and text.isascii() and text.isdigit():
        return int(text)
    violation = Violation(
        field,
        repr(value),
        "an id, as a number or a text of digits",
        "Pass the XCom of the task that created it, for example "
        f"{{{{ ti.xcom_pull('create')['{field}'] }}}}",
    )
    raise PayloadValidationError([violation], f"task parameter {field}")


def end_time_of(*limits: float | timedelta | None) -> float | None:
    """Return the epoch seconds at which the shortest of these limits, counted from now, is over."""
    seconds = [
        limit.total_seconds() if isinstance(limit, timedelta) else limit
        for limit in limits
        if limit is not None
    ]
    return time.time() + min(seconds) if seconds else None
