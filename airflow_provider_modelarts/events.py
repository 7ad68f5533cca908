"""What a trigger tells its task: plain JSON without secrets, since it lies in the database and in logs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from airflow_provider_modelarts.exceptions import ModelArtsError
from airflow_provider_modelarts.text import one_line

EventStatus = Literal["success", "failed", "error"]


@dataclass(frozen=True)
class JobEvent:
    """The end of a trigger's work.

    :param status: ``success`` and ``failed`` speak of the version, ``error`` of the waiting.
    :param job_id: id of the job.
    :param version_id: id of the version.
    :param job_status: last status code read, or None.
    :param message: one sentence for the log.
    :param retryable: for ``error``: whether waiting on can help.
    :param end_time: end of the wait in epoch seconds, or None; a resumed task has no memory of it.
    :param cancel_on_kill: whether the version is stopped when a user ends the task; nor of this.
    """

    status: EventStatus
    job_id: int
    version_id: int
    job_status: int | None = None
    message: str = ""
    retryable: bool = True
    end_time: float | None = None
    cancel_on_kill: bool = False

    def to_payload(self) -> dict[str, Any]:
        """Return the payload of a ``TriggerEvent``; its message is one line of bounded length."""
        return {
            **asdict(self),
            "message": one_line(self.message),
            "end_time": _finite(self.end_time),
        }

    @classmethod
    def from_payload(cls, payload: Any) -> JobEvent:
        """Read a payload; it crossed two processes and a database, so nothing is taken for granted.

        :raises ModelArtsError: it is not an event of our trigger.
        """
        data = payload if isinstance(payload, dict) else {}
        try:
            status = cast("EventStatus", data["status"])
            if status not in get_args(EventStatus):
                raise ValueError(status)  # noqa: TRY301 - one message for all that can be wrong
            job_status, end_time = data.get("job_status"), data.get("end_time")
            return cls(
                status=status,
                job_id=int(data["job_id"]),
                version_id=int(data["version_id"]),
                job_status=None if job_status is None else int(job_status),
                message=one_line(str(data.get("message") or "")),
                retryable=bool(data.get("retryable", True)),
                end_time=None if end_time is None else _finite(float(end_time)),
                cancel_on_kill=bool(data.get("cancel_on_kill", False)),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            shown = one_line(repr(payload), 300)
            msg = f"Not an event of TrainingJobTrigger: {shown} ({type(error).__name__})"
            raise ModelArtsError(msg) from error


def _finite(moment: float | None) -> float | None:
    return moment if moment is not None and math.isfinite(moment) else None
