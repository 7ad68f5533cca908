"""The trigger: waits for a version in the triggerer, without a worker.

Its arguments lie in Airflow's database in plain text, so they are ids and times only.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_modelarts.events import JobEvent
from airflow_provider_modelarts.exceptions import ModelArtsError, TrainingJobFailedError
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FIRST_LOOK: Final = 10.0
"""Longest pause in seconds before the first look.

The task has looked just before it deferred, and Airflow can fail a task whose trigger fires within
the first seconds (apache/airflow issue 66374).
"""


class TrainingJobTrigger(BaseTrigger):
    """Fires once, when a training job version has ended.

    :param job_id: id of the job.
    :param version_id: id of the version.
    :param modelarts_conn_id: id of the connection.
    :param poll_interval: seconds between looks.
    :param end_time: epoch seconds at which the wait ends; None: no end.
    """

    def __init__(
        self,
        job_id: int,
        version_id: int,
        modelarts_conn_id: str = ModelArtsHook.default_conn_name,
        poll_interval: float = 30.0,
        end_time: float | None = None,
        **_later: Any,  # a trigger stored by a newer release must still load
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_id = job_id
        self.version_id = version_id
        self.modelarts_conn_id = modelarts_conn_id
        self.poll_interval = poll_interval
        self.end_time = end_time

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments."""
        return (
            "airflow_provider_modelarts.triggers.training_job.TrainingJobTrigger",
            {
                "job_id": self.job_id,
                "version_id": self.version_id,
                "modelarts_conn_id": self.modelarts_conn_id,
                "poll_interval": self.poll_interval,
                "end_time": self.end_time,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, a ``JobEvent`` payload, and end."""
        yield TriggerEvent((await self._event()).to_payload())  # type: ignore[no-untyped-call]

    async def _event(self) -> JobEvent:
        event = partial(JobEvent, job_id=self.job_id, version_id=self.version_id)
        event = partial(event, end_time=self.end_time)
        try:
            status = await self._wait()
        except TrainingJobFailedError as error:
            return event("failed", job_status=error.status, message=str(error))
        except ModelArtsError as error:
            message = f"{type(error).__name__}: {error}"
            return event("error", message=message, retryable=error.retryable)
        return event("success", job_status=status, message="The version has completed")

    async def _wait(self) -> int:
        """Return the final status of a successful version.

        :raises TrainingJobFailedError: it ended without success.
        :raises ModelArtsError: the wait cannot go on.
        """
        from airflow_provider_modelarts.client.polling import Poll, check_success

        client = await ModelArtsHook.aget_client(self.modelarts_conn_id)
        poll = Poll(
            partial(client.get_job_version, self.job_id, self.version_id),
            interval=self.poll_interval,
            end_time=self.end_time,
        )
        pause = min(poll.pause(), FIRST_LOOK)
        version = None
        while version is None:
            await asyncio.sleep(pause)
            version = await asyncio.get_running_loop().run_in_executor(_threads(), poll.look)
            pause = poll.pause()
        check_success(version)
        return version.status


@cache
def _threads() -> ThreadPoolExecutor:
    """Return the pool for requests; asyncio's default one is shared with all of Airflow."""
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="modelarts")
