"""Many waits, few requests: all waits of one client share their looks at the service.

A look asks for whole pages of the job list, newest first, and hands each wait its answer. Only what
the list cannot tell is asked for by itself: a version that is not its job's newest, and a job buried
so deep that its page costs more than its detail. asyncio outside, a small thread pool inside; an
error of one job reaches that job's wait only.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TYPE_CHECKING, Final, TypeVar

from airflow_provider_modelarts.client.resources.training_jobs import MAX_PER_PAGE
from airflow_provider_modelarts.exceptions import (
    ModelArtsError,
    NotFoundError,
    UnreadableResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.polling import Patience

    Answers = dict["Wait", int | ModelArtsError]

T = TypeVar("T")

FIRST_LOOK: Final = 10.0
"""Longest pause in seconds before the first look at a version.

A task has looked just before it deferred, and Airflow can fail a task whose trigger fires within
the first seconds (apache/airflow issue 66374).
"""

_FEW: Final = 2
"""So many waits are asked for one by one; more are worth a page of the list."""

_LATENESS: Final = 0.25
"""Part of its interval by which a wait's first look may be late, so that it is shared."""

_EARLINESS: Final = 0.1
"""Part of its interval by which a later look may be early, for the same reason."""

_AT_ONCE: Final = 50
"""So many waits are told their status in one turn of the event loop."""

log = logging.getLogger(__name__)


class Wait:
    """One wait for one version; its log lines go to the log of the task that began it."""

    __slots__ = ("context", "due", "future", "job_id", "late", "patience", "version_id")

    def __init__(
        self, job_id: int, version_id: int, patience: Patience, future: asyncio.Future[int]
    ) -> None:
        # Airflow routes a line of a triggerer to a task's log by context variables.
        self.context = contextvars.copy_context()
        self.job_id = job_id
        self.version_id = version_id
        self.patience = patience
        self.future = future
        first = min(patience.pause(), FIRST_LOOK)
        self.due = time.monotonic() + first
        self.late = self.due + min(patience.interval, FIRST_LOOK) * _LATENESS

    def looked_at(self, moment: float) -> None:
        """Plan the next look from the moment of this one, the same for all that shared it."""
        pause = self.patience.pause()
        self.late = moment + pause
        self.due = self.late - pause * _EARLINESS

    def settle(self, answer: int | ModelArtsError) -> None:
        """Hand over a status or an error; the wait ends with one that is final."""
        if not self.future.done():
            self.context.run(self._settle, answer)

    def _settle(self, answer: int | ModelArtsError) -> None:
        try:
            if isinstance(answer, ModelArtsError):
                self.patience.missed(answer)
            elif self.patience.answered(self.job_id, self.version_id, answer):
                self.future.set_result(answer)
        except ModelArtsError as error:
            self.future.set_exception(error)


class Watcher:
    """Shares the looks of all waits of one client in one event loop.

    :param client: access to the service, with its workspace.
    """

    def __init__(self, client: ModelArtsClient) -> None:
        self._client = client
        self._waits: set[Wait] = set()
        self._task: asyncio.Task[None] | None = None
        self._pressing = asyncio.Event()
        """Set when a wait has come that must be looked at before the look that is planned."""
        self._planned = 0.0
        """Moment of the next look."""
        self._total = 0
        """Jobs in the list when it was last read to its end, or as far as it was read."""

    async def ended(self, job_id: int, version_id: int, patience: Patience) -> int:
        """Wait until a version has ended and return its final status.

        :raises WaitTimeoutError: the end of the wait has come.
        :raises ModelArtsError: waiting on cannot help.
        """
        loop = asyncio.get_running_loop()
        wait = Wait(job_id, version_id, patience, loop.create_future())
        self._waits.add(wait)
        if wait.late < self._planned:  # waking up for each of a thousand would cost a million steps
            self._pressing.set()
        if self._task is None or self._task.done():
            # A context of its own: log lines of the shared work are no single trigger's.
            self._task = loop.create_task(self._run(), context=contextvars.Context())
            self._task.add_done_callback(self._run_ended)
        try:
            return await wait.future
        finally:
            self._waits.discard(wait)

    async def _run(self) -> None:
        """Look when the most pressing wait asks for it, until nobody waits."""
        while self._waits:
            self._pressing.clear()
            self._planned = min(wait.late for wait in self._waits)
            pause = self._planned - time.monotonic()
            if pause > 0:
                await _event_or_timeout(self._pressing, pause)
                continue
            await self._look()

    def _run_ended(self, task: asyncio.Task[None]) -> None:
        """Let a fault of ours escape through every wait; silently they would wait for ever."""
        fault = None if task.cancelled() else task.exception()
        for wait in list(self._waits) if fault is not None else ():
            if not wait.future.done():
                wait.future.set_exception(fault or AssertionError())

    async def _look(self) -> None:
        now = time.monotonic()
        waits = [wait for wait in self._waits if wait.due <= now]
        answers = await self._ask(waits)
        for number, (wait, answer) in enumerate(answers.items(), start=1):
            wait.settle(answer)  # which logs a status that is new
            wait.looked_at(now)
            if wait.future.done():  # else it would count once more before its task has come round
                self._waits.discard(wait)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # other triggers have their turn

    async def _ask(self, waits: list[Wait]) -> Answers:
        """Return what the service says of each wait that is due, and of others on the way."""
        if len(waits) <= _FEW:
            return await self._one_by_one(waits)
        open_jobs = {wait.job_id for wait in waits}
        answers, older = await self._from_pages(open_jobs, set(waits))
        buried = [wait for wait in waits if wait.job_id in open_jobs]
        singles = buried + [group[0] for group in older if len(group) == 1]
        parts = [self._one_by_one(singles)]
        parts += [self._by_version_list(group) for group in older if len(group) > 1]
        for part in await asyncio.gather(*parts):
            answers |= part
        return answers

    async def _from_pages(
        self, open_jobs: set[int], due: set[Wait]
    ) -> tuple[Answers, list[list[Wait]]]:
        """Read the list as far as that is worth it, and take what it tells out of the open jobs.

        :return: answers, and by job the waits for versions that are not their job's newest.
        """
        answers: Answers = {}
        by_job = self._on_the_list(due)
        older: dict[int, list[Wait]] = {}
        page = 0
        while open_jobs and self._page_is_worth_it(page, len(open_jobs)):
            page += 1
            try:
                rows = await _in_thread(partial(self._client.job_page, page, MAX_PER_PAGE))
            except UnreadableResponseError as error:
                log.warning(
                    "A page of the job list cannot be read, polling %d jobs one by one: %s",
                    len(open_jobs),
                    error,
                )
                break
            except ModelArtsError as error:
                # What earlier pages have told is not lost.
                answers |= {wait: error for wait in due if wait.job_id in open_jobs}
                open_jobs.clear()
                break
            for row in rows:
                open_jobs.discard(row.job_id)
                for wait in by_job.pop(row.job_id, ()):
                    if row.version_id == wait.version_id:
                        answers[wait] = row.status
                    elif wait in due:
                        older.setdefault(wait.job_id, []).append(wait)
            self._total = max(self._total, (page - 1) * MAX_PER_PAGE + len(rows))
            if len(rows) < MAX_PER_PAGE:
                self._total = (page - 1) * MAX_PER_PAGE + len(rows)
                break
        return answers, list(older.values())

    def _on_the_list(self, due: set[Wait]) -> dict[int, list[Wait]]:
        """Return by job the waits that a page of the list is to answer.

        Who is not due yet rides along, so that waits that started at different times come to share
        their looks; but nobody on the first look, see FIRST_LOOK.
        """
        found: dict[int, list[Wait]] = defaultdict(list)
        for wait in self._waits:
            if wait in due or wait.patience.status is not None:
                found[wait.job_id].append(wait)
        return found

    def _page_is_worth_it(self, pages_read: int, jobs_open: int) -> bool:
        """Whether the next page costs less than asking for each open job by itself."""
        if pages_read == 0:
            return True
        pages_left = -(-self._total // MAX_PER_PAGE) - pages_read
        return jobs_open > max(pages_left, 1)

    async def _one_by_one(self, waits: Iterable[Wait]) -> Answers:
        """Ask for each version's detail; an error is that wait's alone."""

        def status(wait: Wait) -> int | ModelArtsError:
            try:
                return self._client.get_job_version(wait.job_id, wait.version_id).status
            except ModelArtsError as error:
                return error

        waits = list(waits)
        found = await asyncio.gather(*(_in_thread(partial(status, wait)) for wait in waits))
        return dict(zip(waits, found, strict=True))

    async def _by_version_list(self, waits: list[Wait]) -> Answers:
        """Ask for all versions of a job that several waits share."""
        job_id = waits[0].job_id

        def statuses() -> dict[int, int] | ModelArtsError:
            try:
                rows = self._client.list_job_versions(job_id, per_page=MAX_PER_PAGE)
                return {row.version_id: row.status for row in rows}
            except ModelArtsError as error:
                return error

        found = await _in_thread(statuses)
        if isinstance(found, ModelArtsError):
            return dict.fromkeys(waits, found)
        return {wait: found.get(wait.version_id, _gone(wait)) for wait in waits}


def watcher_of(client: ModelArtsClient) -> Watcher:
    """Return the watcher of a client in the running event loop, made when first asked for."""
    key = (asyncio.get_running_loop(), client)
    for loop, other in list(_watchers):
        if loop.is_closed():
            del _watchers[loop, other]
    if key not in _watchers:
        _watchers[key] = Watcher(client)
    return _watchers[key]


def forget_watchers() -> None:
    """Drop all watchers and threads; waits that go on keep theirs. For tests and forked children."""
    _watchers.clear()
    threads.cache_clear()


_watchers: dict[tuple[asyncio.AbstractEventLoop, ModelArtsClient], Watcher] = {}


def _gone(wait: Wait) -> NotFoundError:
    return NotFoundError(
        f"version {wait.version_id} of job {wait.job_id} is not in the job's version list",
        operation="GET /v1/{project_id}/training-jobs/{job_id}/versions",
        http_status=200,
    )


async def _event_or_timeout(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def _in_thread(function: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads(), function)


@cache
def threads() -> ThreadPoolExecutor:
    """Return the pool for requests; asyncio's default one is shared with all of Airflow."""
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="modelarts")
