"""Stops trainings on behalf of tasks that have no process of their own; runs in Airflow's API server.

What a task has at the service is read from its claim, an XCom. A task whose creation was under way when
its process was ended has shown an intent instead: the training it names is looked for until it appears.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_modelarts import killing
from airflow_provider_modelarts.exceptions import ModelArtsError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.job import JobVersion

T = TypeVar("T")

RESULT: Final = "return_value"
THREADS: Final = 4
MOST: Final = 10_000
"""Tasks that may wait for their turn; of those beyond, the log names each."""

SEARCH_LIMIT: Final = 120.0
"""Seconds for which the training of a creation that was under way is looked for."""

SEARCH_INTERVAL: Final = 2.0
"""Seconds between two looks for it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EndedTask:
    """A task instance that a user has ended, and what was done to it.

    :param try_number: its last try; the claim of a later one is not its own.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    cleared: bool

    def __str__(self) -> str:
        """Return how Airflow's pages name it."""
        index = "" if self.map_index < 0 else f"[{self.map_index}]"
        return f"{self.dag_id}.{self.task_id}{index} of run {self.run_id}"


@dataclass(frozen=True)
class Claim:
    """What a task has said of its training.

    :param value: the XCom as it was read; any change of it means that a later try has begun.
    """

    value: Mapping[str, Any]
    conn_id: str
    job_id: int | None = None
    version_id: int | None = None
    intent: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, value: Any, task: EndedTask) -> Claim | None:
        """Return the claim to a training that may be stopped; None if there is none of that form."""
        if not isinstance(value, dict):
            return None
        may_stop = value.get("own") is True and value.get("cancel_on_kill") is True
        number, conn_id = value.get("try_number", 0), value.get("conn_id")
        if not may_stop or not isinstance(conn_id, str) or not _is_id(number, least=0):
            return None
        if number > task.try_number:
            return None
        job_id, version_id, intent = (value.get(k) for k in ("job_id", "version_id", "intent"))
        if _is_id(job_id) and _is_id(version_id):
            return cls(value, conn_id, job_id, version_id)
        # After a clear the next try looks for it itself, and may train anew under the same name.
        if isinstance(intent, dict) and not task.cleared:
            return cls(value, conn_id, intent=intent)
        return None


def _is_id(value: Any, *, least: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


class Stopper:
    """A few threads and a bounded queue, however many tasks a user ends at once."""

    def __init__(self, threads: int = THREADS, most: int = MOST) -> None:
        self._room = threading.BoundedSemaphore(most)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="modelarts-stop")
        self._loop = asyncio.new_event_loop()
        self._runner = threading.Thread(
            target=self._loop.run_forever, name="modelarts-stop", daemon=True
        )
        self._runner.start()

    def submit(self, task: EndedTask) -> Future[None] | None:
        """See to a task soon; the caller does not wait."""
        if not self._room.acquire(blocking=False):
            log.error(
                "Too many tasks were ended at once. Stop the training of %s by hand if it runs",
                task,
            )
            return None
        future = asyncio.run_coroutine_threadsafe(self._see_to(task), self._loop)
        future.add_done_callback(partial(self._done, task))
        return future

    def _done(self, task: EndedTask, future: Future[None]) -> None:
        self._room.release()
        if not future.cancelled() and (error := future.exception()) is not None:
            log.error("Cannot tell whether %s has a training to stop", task, exc_info=error)

    async def _see_to(self, task: EndedTask) -> None:
        parts = [self._stop(task)]
        if task.cleared:
            parts.append(self._in_thread(partial(_note_clear, task)))
        for failed in await asyncio.gather(
            *parts, return_exceptions=True
        ):  # one may fail without the other
            if failed is not None:
                raise failed

    async def _stop(self, task: EndedTask) -> None:
        claim = await self._in_thread(partial(_claim_of, task))
        if claim is None:
            return
        client = await self._in_thread(partial(_client_of, claim, task))
        if client is None:
            return
        found = (claim.job_id, claim.version_id)
        if claim.intent is not None:
            found = await self._search(client, claim.intent, claim, task)
        job_id, version_id = found
        if job_id is not None and version_id is not None:
            log.info("A user ended %s: stopping job %d, version %d", task, job_id, version_id)
            await self._in_thread(partial(killing.stop, client, job_id, version_id, limit=None))

    async def _search(
        self, client: ModelArtsClient, intent: Mapping[str, Any], claim: Claim, task: EndedTask
    ) -> tuple[int | None, int | None]:
        """Look for what a creation makes that was under way when its task ended."""
        log.info("%s was ended while its training was being created: searching for it", task)
        end = time.monotonic() + SEARCH_LIMIT
        while True:
            version = await self._in_thread(partial(_created, client, intent, task))
            # Asked after the training was found: what a later try creates comes after its own claim.
            same = await self._in_thread(partial(_claim_of, task))
            if same is None or same.value != claim.value:
                return None, None
            if version is not None:
                return version.job_id, version.version_id
            if time.monotonic() > end:
                log.info("No training of %s has appeared within %.0f s", task, SEARCH_LIMIT)
                return None, None
            await asyncio.sleep(SEARCH_INTERVAL)

    def _in_thread(self, function: Callable[[], T]) -> Coroutine[Any, Any, T]:
        async def run() -> T:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function)

        return run()


def _client_of(claim: Claim, task: EndedTask) -> ModelArtsClient | None:
    from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook

    try:
        return ModelArtsHook(claim.conn_id).get_conn()
    except ModelArtsError as error:
        log.error(  # noqa: TRY400 - a traceback says no more
            "The training of %s may still run, stop it by hand (job_id %s, version_id %s): %s",
            task,
            claim.job_id,
            claim.version_id,
            error,
        )
        return None


# ---- what the service has


def _created(
    client: ModelArtsClient, intent: Mapping[str, Any], task: EndedTask
) -> JobVersion | None:
    """Return the version that an intent has become, if it is there and certainly this task's."""
    from airflow_provider_modelarts.client.ownership import shows

    try:
        job_id = intent.get("job_id")
        if job_id is None:
            workspace_id = intent.get("workspace_id")
            job = client.find_training_job(str(intent.get("job_name")), workspace_id=workspace_id)
            if job is None:
                return None
            job_id = job.job_id
        rows = list(client.list_job_versions(int(job_id)))
    except ModelArtsError as error:
        log.warning("Cannot look for the training of %s, trying again: %s", task, error)
        return None
    settings = intent.get("settings") or {}
    taken, rivals = _others(task, intent)
    excluded = {*intent.get("seen", ()), *taken}
    ours = [row for row in rows if row.version_id not in excluded and shows(row, settings)]
    # While tasks with the same payload wait for their answers too, nobody knows whose is whose.
    return None if rivals else min(ours, key=lambda row: row.version_id, default=None)


def _others(task: EndedTask, intent: Mapping[str, Any]) -> tuple[set[int], bool]:
    """Return the versions that other tasks of the DAG claim, and whether one awaits such a version."""
    me = [task.run_id, task.task_id, task.map_index]
    taken, rivals = set(), False
    for value in _claims_in_dag(task.dag_id):
        if not isinstance(value, dict) or value.get("by") == me:
            continue
        if _is_id(value.get("version_id")) and value.get("own") is True:
            taken.add(value["version_id"])
        rivals = rivals or value.get("intent") == intent
    return taken, rivals


# ---- what Airflow has on record


def _claim_of(task: EndedTask) -> Claim | None:
    """Return the claim of a task's last try, unless that try has handed on its result."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_provider_modelarts.operators.claims import CLAIM

    values = _values_of(task)
    claim = Claim.read(values.get(CLAIM), task)
    if claim is None or RESULT in values:
        return None
    with create_session() as session:
        table = RenderedTaskInstanceFields
        fields = session.scalar(select(table.rendered_fields).where(*_is_of(table, task))) or {}
    if fields.get("modelarts_conn_id") == claim.conn_id:
        return claim
    log.warning(
        "%s claims a training of connection %r, but its own is %r: not stopped",
        task,
        claim.conn_id,
        fields.get("modelarts_conn_id"),
    )
    return None


def _values_of(task: EndedTask) -> dict[str, Any]:
    """Return what a task has claimed, and its result; nothing for a task that is none of ours."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_provider_modelarts.operators.claims import CLAIM

    with create_session() as session:
        rows = session.execute(
            select(XComModel.key, XComModel.value).where(
                *_is_of(XComModel, task), XComModel.key.in_((CLAIM, RESULT))
            )
        )
        values = {key: _decoded(value) for key, value in rows}
    return values if CLAIM in values else {}


def _note_clear(task: EndedTask) -> None:
    """Leave a note for the next try, which Airflow does not always tell of the clear (3.3 and newer)."""
    if not _values_of(task):
        return
    try:
        from airflow.state import TaskScope, get_state_backend
    except ImportError:  # before Airflow 3.3 tasks have no state
        return
    from airflow_provider_modelarts.operators.memory import CLEARED, RETENTION

    scope = TaskScope(task.dag_id, task.run_id, task.task_id, task.map_index)
    note = json.dumps({"try_number": task.try_number})
    get_state_backend().set(scope, CLEARED, note, expires_at=datetime.now(UTC) + RETENTION)


def _claims_in_dag(dag_id: str) -> Iterable[Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_provider_modelarts.operators.claims import CLAIM

    with create_session() as session:
        values = session.scalars(
            select(XComModel.value).where(XComModel.dag_id == dag_id, XComModel.key == CLAIM)
        )
        return [_decoded(value) for value in values]


def _is_of(table: Any, task: EndedTask) -> list[Any]:
    names = ("dag_id", "run_id", "task_id", "map_index")
    return [getattr(table, name) == getattr(task, name) for name in names]


def _decoded(value: Any) -> Any:
    """Read an XCom as its table has it: JSON, or JSON in a text."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


# ---- one for the process

_lock = threading.Lock()
_stopper: Stopper | None = None


def stopper() -> Stopper:
    """Return the one of this process."""
    global _stopper  # noqa: PLW0603 - made when a user first ends a task
    with _lock:
        if _stopper is None:
            _stopper = Stopper()
        return _stopper


def _after_fork() -> None:
    global _lock, _stopper  # threads do not survive a fork
    _lock, _stopper = threading.Lock(), None


os.register_at_fork(after_in_child=_after_fork)
