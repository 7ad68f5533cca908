"""Shared looks that fail, take long, or read a list that changes; against the emulator."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow_provider_modelarts.client.polling import Patience
from airflow_provider_modelarts.client.watcher import Watcher, watcher_of
from airflow_provider_modelarts.exceptions import AuthenticationError, ModelArtsError
from tests.emulated.waits import (
    COMPLETED,
    INTERVAL,
    RUNNING,
    aligned,
    gate,
    looks,
    run,
    start,
    start_together,
    until,
)


def test_service_that_fails_for_a_while_is_outlived(client, emulator) -> None:
    """A look without an answer ends no wait."""
    ids = emulator.add_jobs(5, status=RUNNING)
    emulator.inject("list_training_jobs", "garbage", times=8)
    client._sleep = lambda _: None

    async def main() -> list[int]:
        tasks = start(watcher_of(client), ids)
        await until(lambda: looks(emulator)["list_training_jobs"] > 9)
        for pair in ids:
            emulator.set_status(*pair, COMPLETED)
        return await asyncio.gather(*tasks)

    assert run(main) == [COMPLETED] * 5


def test_page_that_cannot_be_read_silences_nobody(client, emulator, caplog) -> None:
    """One odd row of somebody else's job may spoil a page; the awaited jobs are then asked for singly."""
    ids = emulator.add_jobs(5, status=COMPLETED)
    emulator.inject("list_training_jobs", "garbage", times=None)
    client._sleep = lambda _: None

    async def main() -> list[int]:
        return await asyncio.gather(*await start_together(watcher_of(client), ids))

    assert run(main) == [COMPLETED] * 5
    assert looks(emulator)["get_job_version"] == 5
    assert "polling 5 jobs one by one" in caplog.text


def test_throttled_service_is_asked_no_more_than_it_allows(client, emulator) -> None:
    """However many wait, one of them is told to come later, and all do."""
    ids = emulator.add_jobs(50, status=RUNNING)
    emulator.inject("list_training_jobs", "status", status=429, headers={"Retry-After": "7"})
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        emulator.clear_requests()
        for pair in ids:
            emulator.set_status(*pair, COMPLETED)

    client._sleep = sleep

    async def main() -> list[int]:
        return await asyncio.gather(*await start_together(watcher_of(client), ids))

    assert run(main) == [COMPLETED] * 50
    assert len(pauses) == 1
    assert pauses[0] >= 7
    assert looks(emulator) == {"list_training_jobs": 1}


def test_slow_page_blocks_nobody_else(client, emulator) -> None:
    """The event loop runs on while an answer takes its time, and the answer then counts."""
    ids = emulator.add_jobs(5, status=COMPLETED)
    answers = gate(client, "job_page")

    async def main() -> list[int]:
        tasks = await start_together(watcher_of(client), ids)
        for _ in range(20):
            await asyncio.sleep(0.01)
        answers.set()
        return await asyncio.gather(*tasks)

    assert run(main) == [COMPLETED] * 5


class MissingPatience(Patience):
    """Counts the polls that gave no answer."""

    missing = 0

    def missed(self, error: ModelArtsError) -> None:
        """Take note of one."""
        self.missing += 1
        super().missed(error)


def test_failed_page_costs_only_what_it_would_have_told(client, emulator) -> None:
    """What the first page said is not lost with the second."""
    ids = emulator.add_jobs(1500, status=COMPLETED)
    emulator.inject("list_training_jobs", "status", status=500, skip=1, times=6)
    client._sleep = lambda _: None
    watcher = Watcher(client)
    waits = [MissingPatience(interval=INTERVAL) for _ in ids]

    async def main() -> list[int]:
        pairs = zip(ids, waits, strict=True)
        tasks = [asyncio.ensure_future(watcher.ended(*pair, wait)) for pair, wait in pairs]
        await aligned(watcher)
        return await asyncio.gather(*tasks)

    assert run(main) == [COMPLETED] * 1500
    assert sum(wait.missing for wait in waits) == 500


def test_row_that_moves_between_pages_is_not_missed(client, emulator) -> None:
    """A job moves up a page, to where was read already, when a newer one is deleted meanwhile."""
    ids = emulator.add_jobs(1500, status=COMPLETED)
    read, newest = client.job_page, ids[-1:]

    def page(number: int, per_page: int) -> Any:
        rows = read(number, per_page)
        if newest:
            client.delete_training_job(newest.pop()[0])
        return rows

    client.job_page = page

    async def main() -> list[int]:
        # One that is not due yet would find its job gone, if that is the one deleted.
        return await asyncio.gather(*await start_together(watcher_of(client), ids))

    emulator.clear_requests()

    assert run(main) == [COMPLETED] * 1500
    assert looks(emulator)["get_job_version"] >= 1


def test_refused_credentials_end_every_wait(connect, emulator) -> None:
    """What no waiting can mend is told to all, after one request."""
    ids = emulator.add_jobs(5, status=RUNNING)
    wrong = connect(password="wrong-secret-key")

    async def main() -> list[Any]:
        tasks = await start_together(watcher_of(wrong), ids)
        return await asyncio.gather(*tasks, return_exceptions=True)

    emulator.clear_requests()

    assert [type(error) for error in run(main)] == [AuthenticationError] * 5
    assert len(emulator.requests()) == 1


def test_fault_of_ours_escapes_through_every_wait(client, emulator) -> None:
    """A bug must not leave tasks waiting for ever: Airflow fails the trigger, the task waits on."""
    ids = emulator.add_jobs(4, status=RUNNING)

    async def main() -> list[Any]:
        watcher = Watcher(client)
        watcher._client = None  # as broken as it gets
        return await asyncio.gather(*start(watcher, ids), return_exceptions=True)

    assert {type(error) for error in run(main)} == {AttributeError}
