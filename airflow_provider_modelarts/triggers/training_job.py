"""The trigger: waits for a version in the triggerer, without a worker.

Its arguments lie in Airflow's database in plain text, so they are ids and times only.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_modelarts import killing
from airflow_provider_modelarts.client.status import Outcome, describe, outcome_of
from airflow_provider_modelarts.events import JobEvent
from airflow_provider_modelarts.exceptions import (
    REFUSALS,
    ConnectionLookupError,
    ModelArtsError,
)
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.polling import Patience

KILL_LIMIT: Final = 20.0
"""Seconds in which Airflow must tell the task's state when a trigger is ended; it allows 30 for all."""

_warmed: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
"""Loops in which Airflow has been asked for a state once."""


class TrainingJobTrigger(BaseTrigger):
    """Fires once, when a training job version has ended.

    :param job_id: id of the job.
    :param version_id: id of the version.
    :param modelarts_conn_id: id of the connection.
    :param poll_interval: seconds between looks.
    :param end_time: epoch seconds at which the wait ends; None: no end.
    :param cancel_on_kill: stop the version when a user marks the deferred task or clears it.
    """

    def __init__(
        self,
        job_id: int,
        version_id: int,
        modelarts_conn_id: str = ModelArtsHook.default_conn_name,
        *,
        poll_interval: float = 30.0,
        end_time: float | None = None,
        cancel_on_kill: bool = False,
        **_later: Any,  # a trigger stored by a newer release must still load
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_id = job_id
        self.version_id = version_id
        self.modelarts_conn_id = modelarts_conn_id
        self.poll_interval = poll_interval
        self.end_time = end_time
        self.cancel_on_kill = cancel_on_kill
        self._client: ModelArtsClient | None = None
        self._fired = False

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
                "cancel_on_kill": self.cancel_on_kill,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, a ``JobEvent`` payload, and end."""
        try:
            self._warm_up()
            event = await self._event()
        except asyncio.CancelledError:
            if not hasattr(BaseTrigger, "on_kill"):  # before Airflow 3.3 this is all one is told
                await _to_its_end(self.on_kill())
            raise
        self._fired = True
        yield TriggerEvent(event.to_payload())  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Stop the version, if a user has ended the task.

        Airflow 3.3.0 to 3.3.2 call this also when the trigger moves to another triggerer. The task
        instance is still ``deferred`` then, or goes on already, and so does its job.
        """
        if self._fired or self.task_instance is None:
            return
        state = await self._state_within_limit()
        what = f"job {self.job_id}, version {self.version_id}"
        if state == killing.UNKNOWN:
            self.log.warning(
                "This trigger ends, and what became of the task is unknown (Airflow has up to %.0f s to say). "
                "Nothing was stopped here. If a user ended the task, look whether %s runs on",
                KILL_LIMIT,
                what,
            )
        elif state not in killing.ENDED_IN_TRIGGER:
            self.log.info("This trigger ends, but the task is %s: %s goes on", state, what)
        elif not self.cancel_on_kill:
            told = killing.goes_on(self.job_id, self.version_id)
            self.log.warning("The task was ended (%s). %s", state, told)
        else:
            self.log.info("The task was ended (%s): stopping %s", state, what)
            await self._stop()

    async def _stop(self) -> None:
        """Stop the version; with new credentials of the connection if those of the wait are refused."""
        from airflow_provider_modelarts.client.watcher import threads

        loop = asyncio.get_running_loop()
        if self._client is None:  # ended before the first look-up of the connection was through
            self._client = await ModelArtsHook.aget_client(self.modelarts_conn_id)
        stop = partial(killing.stop, job_id=self.job_id, version_id=self.version_id)
        if not await loop.run_in_executor(threads(), stop, self._client):
            return
        try:
            fresh = await ModelArtsHook.arenewed(self.modelarts_conn_id, self._client)
        except ConnectionLookupError as error:
            self.log.warning("%s", error)
            return
        if fresh is not None:
            self.log.info("The connection has other credentials now, trying again")
            await loop.run_in_executor(threads(), stop, fresh)

    def _warm_up(self) -> None:
        """Ask Airflow for a state once in a triggerer.

        The first question takes it many seconds; one that is put when a task is ended may not be answered
        in time. Only from 3.3 on: before that a question beside others can end the triggerer.
        """
        loop = asyncio.get_running_loop()
        if self.task_instance is None or loop in _warmed or not hasattr(BaseTrigger, "on_kill"):
            return
        _warmed.add(loop)
        asked = self._ask()
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _ask(self) -> asyncio.Future[str]:
        """Ask for the state of the task; the question is never given up.

        In 3.0 and 3.1 a question from a thread that asgiref does not know, or one that is given up, takes
        the answer meant for the triggerer, which dies of it.
        """
        from asgiref.sync import sync_to_async

        state_of = sync_to_async(killing.state_of, thread_sensitive=False)
        return asyncio.ensure_future(state_of(self.task_instance))

    async def _state_within_limit(self) -> str:
        asked = self._ask()
        await asyncio.wait([asked], timeout=KILL_LIMIT)
        if not asked.done():
            return killing.UNKNOWN
        if (error := asked.exception()) is not None:
            self.log.warning("Airflow cannot say what became of the task: %r", error)
            return killing.UNKNOWN
        return asked.result()

    async def _event(self) -> JobEvent:
        event = partial(JobEvent, job_id=self.job_id, version_id=self.version_id)
        event = partial(event, end_time=self.end_time, cancel_on_kill=self.cancel_on_kill)
        try:
            status = await self._wait()
        except ModelArtsError as error:
            message = f"{type(error).__name__}: {error}"
            # Refused credentials end the wait in the task, which reads the connection itself.
            retryable = error.retryable or isinstance(error, REFUSALS)
            return event("error", message=message, retryable=retryable)
        succeeded = outcome_of(status) is Outcome.SUCCEEDED
        message = f"The version has ended: {describe(status)}"
        return event("success" if succeeded else "failed", job_status=status, message=message)

    async def _wait(self) -> int:
        """Return the final status of the version.

        :raises ModelArtsError: the wait cannot go on.
        """
        client = await ModelArtsHook.aget_client(self.modelarts_conn_id)
        # Only now: the client has loaded what these need, in a thread.
        from airflow_provider_modelarts.client.polling import Patience
        from airflow_provider_modelarts.client.watcher import watcher_of

        patience = Patience(interval=self.poll_interval, end_time=self.end_time)
        while True:
            self._client = client  # so that on_kill need not look the connection up
            try:
                return await watcher_of(client).ended(self.job_id, self.version_id, patience)
            except REFUSALS as refusal:
                client = await self._renewed(client, refusal, patience)

    async def _renewed(
        self, refused: ModelArtsClient, refusal: ModelArtsError, patience: Patience
    ) -> ModelArtsClient:
        """Return the client of a connection whose credentials have been replaced during the wait.

        :param refusal: what is raised when they have not been.
        """
        while True:
            try:
                fresh = await ModelArtsHook.arenewed(self.modelarts_conn_id, refused)
            except ConnectionLookupError as error:
                patience.missed(error)
                await asyncio.sleep(patience.pause())
                continue
            if fresh is None:
                raise refusal
            self.log.info("The connection has other credentials now, the wait goes on with them")
            return fresh


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Carry on although cancelled: Airflow cancels a trigger every second until it has ended."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    await task
