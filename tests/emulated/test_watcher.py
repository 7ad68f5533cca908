"""Waits that share their looks, against the emulator."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from airflow_provider_modelarts.client.polling import Patience
from airflow_provider_modelarts.client.watcher import Watcher, threads, watcher_of
from airflow_provider_modelarts.exceptions import NotFoundError
from tests.emulated.waits import (
    COMPLETED,
    FAILED,
    INTERVAL,
    RUNNING,
    aligned,
    looks,
    run,
    start,
    start_together,
    until,
)


def test_five_hundred_waits_share_one_request_a_look(client, emulator) -> None:
    """The number of requests does not grow with the number of waits."""
    ids = emulator.add_jobs(500, status=RUNNING)

    async def main() -> list[int]:
        tasks = await start_together(watcher_of(client), ids)
        await until(lambda: looks(emulator)["list_training_jobs"] >= 3)
        for pair in ids:
            emulator.set_status(*pair, COMPLETED)
        return await asyncio.gather(*tasks)

    emulator.clear_requests()

    assert run(main) == [COMPLETED] * 500
    assert looks(emulator)["get_job_version"] <= 2  # of the last ones, while the statuses are set


class CountingPatience(Patience):
    """Notes how many requests there had been at each poll of its version."""

    def __init__(self, emulator: Any, interval: float) -> None:
        super().__init__(interval=interval)
        self._emulator = emulator
        self.requests: list[int] = []

    def answered(self, job_id: int, version_id: int, status: int) -> bool:
        """Take note of a status that was read."""
        self.requests.append(len(self._emulator.requests()))
        return super().answered(job_id, version_id, status)


async def counted(
    client: Any, emulator: Any, ids: list[tuple[int, int]], polls: int, apart: float = 0.0
) -> list[CountingPatience]:
    """Wait for versions, due so many seconds apart, until each has been polled so often."""
    counters = [CountingPatience(emulator, 1.0) for _ in ids]
    watcher = watcher_of(client)
    pairs = zip(ids, counters, strict=True)
    tasks = [asyncio.ensure_future(watcher.ended(*pair, patience)) for pair, patience in pairs]
    await aligned(watcher, apart)
    await until(lambda: min(len(counter.requests) for counter in counters) >= polls)
    for task in tasks:
        task.cancel()
    return counters


@pytest.mark.parametrize(("waits", "foreign"), [(1000, 0), (2, 3000)])
def test_look_costs_two_requests_at_most(client, emulator, waits: int, foreign: int) -> None:
    """However many waits there are in a project, and however many newer jobs of others."""
    ids = emulator.add_jobs(waits, status=RUNNING)
    emulator.add_jobs(foreign, status=COMPLETED)
    emulator.clear_requests()

    counters = run(lambda: counted(client, emulator, ids, 3))

    assert max(counter.requests[2] for counter in counters) <= 2 * 3


def test_waits_of_different_phases_come_to_share_their_looks(client, emulator) -> None:
    """A triggerer starts a thousand triggers over many seconds; they are looked at together all the same."""
    ids = emulator.add_jobs(20, status=RUNNING)

    *_, last = run(lambda: counted(client, emulator, ids, 5, apart=0.05))

    assert last.requests[4] - last.requests[1] <= 4  # one a poll, and one on its way


def test_new_wait_does_not_ride_along(client, emulator) -> None:
    """Airflow fails a task whose trigger fires in its first seconds, so the first look has its time."""
    ids = emulator.add_jobs(3, status=RUNNING)
    (new,) = emulator.add_jobs(1, status=COMPLETED)

    async def main() -> bool:
        watcher = watcher_of(client)
        start(watcher, ids, interval=0.05)
        (late,) = start(watcher, [new], interval=30)
        await until(lambda: looks(emulator)["list_training_jobs"] >= 3)
        early = late.done()
        late.cancel()
        return early

    assert not run(main)


def test_shared_look_gives_the_event_loop_back(client, emulator) -> None:
    """Telling many waits their status, and logging it, does not hold up other triggers."""
    ids = emulator.add_jobs(300, status=COMPLETED)
    turn = 0
    told: Counter[int] = Counter()

    class Noting(Patience):
        def answered(self, job_id: int, version_id: int, status: int) -> bool:
            told[turn] += 1
            return super().answered(job_id, version_id, status)

    async def main() -> None:
        nonlocal turn
        waits = [watcher_of(client).ended(*pair, Noting(interval=INTERVAL)) for pair in ids]
        all_waits = asyncio.gather(*waits)
        while not all_waits.done():
            await asyncio.sleep(0)
            turn += 1

    run(main)

    assert told.total() == 300
    assert max(told.values()) <= 50


def test_ended_wait_asks_no_more_although_the_look_took_long(client, emulator) -> None:
    """Where a look takes longer than the interval, the next one is due at once, but not for it."""
    ((job, version),) = emulator.add_jobs(1, status=COMPLETED)

    async def main() -> int:
        (task,) = start(watcher_of(client), [(job, version)], interval=0.0001)
        status = await task
        await asyncio.to_thread(threads().shutdown)  # what is under way arrives
        return status

    assert run(main) == COMPLETED
    threads.cache_clear()
    assert looks(emulator) == {"get_job_version": 1}


def test_two_old_jobs_among_three_thousand_cost_two_requests_a_look(client, emulator) -> None:
    """Jobs buried under those of others are asked for by themselves."""
    ids = emulator.add_jobs(2, status=RUNNING)
    emulator.add_jobs(3000, status=COMPLETED)

    async def main() -> list[int]:
        tasks = start(watcher_of(client), ids)
        await until(lambda: looks(emulator)["get_job_version"] >= 4)
        for pair in ids:
            emulator.set_status(*pair, COMPLETED)
        return await asyncio.gather(*tasks)

    emulator.clear_requests()

    assert run(main) == [COMPLETED] * 2
    assert set(looks(emulator)) == {"get_job_version"}


def test_jobs_beyond_the_first_page_are_found(client, emulator) -> None:
    """Paging goes on while it costs less than asking for each job."""
    ids = emulator.add_jobs(1500, status=COMPLETED)

    async def main() -> list[int]:
        return await asyncio.gather(*await start_together(watcher_of(client), ids))

    emulator.clear_requests()

    assert run(main) == [COMPLETED] * 1500
    assert looks(emulator) == {"list_training_jobs": 2}


def test_few_old_jobs_beside_many_new_ones_do_not_cost_pages(connect, emulator) -> None:
    """What the first page does not show is asked for singly where that is cheaper."""
    client = connect("token")  # a signature would not outlive the shift of the clock
    emulator.shift_clock(-3600)
    old = emulator.add_jobs(2, status=COMPLETED)
    emulator.shift_clock(3600)
    emulator.add_jobs(4000, status=COMPLETED)
    new = emulator.add_jobs(20, status=COMPLETED)

    async def main() -> list[int]:
        watcher = watcher_of(client)
        watcher._total = 4022  # as an earlier look to the end of the list would have left it
        return await asyncio.gather(*await start_together(watcher, [*old, *new]))

    emulator.clear_requests()

    assert run(main) == [COMPLETED] * 22
    assert looks(emulator) == {"list_training_jobs": 1, "get_job_version": 2}


def test_version_that_is_not_the_newest_is_read_by_itself(client, config, emulator) -> None:
    """The list shows the newest version's status only, and nobody takes it for another's."""
    first = client.create_training_job({"job_name": "a", "config": config})
    later = config | {"pre_version_id": first.version_id}
    second = client.create_job_version(first.job_id, {"config": later})
    others = emulator.add_jobs(3, status=COMPLETED)
    emulator.set_status(first.job_id, first.version_id, FAILED)

    async def main() -> list[int]:
        ids = [(first.job_id, first.version_id), (second.job_id, second.version_id), *others]
        return await asyncio.gather(*start(watcher_of(client), ids))

    assert run(main)[:2] == [FAILED, COMPLETED]


def test_several_old_versions_of_a_job_share_its_version_list(client, config, emulator) -> None:
    """One request tells of all versions of one job."""
    job = client.create_training_job({"job_name": "a", "config": config})
    ids = [(job.job_id, job.version_id)]
    for _ in range(4):
        later = config | {"pre_version_id": ids[-1][1]}
        ids.append(
            (job.job_id, client.create_job_version(job.job_id, {"config": later}).version_id)
        )

    async def main() -> list[int]:
        return await asyncio.gather(*await start_together(watcher_of(client), ids))

    emulator.clear_requests()

    assert run(main) == [COMPLETED] * 5
    assert looks(emulator) == {"list_training_jobs": 1, "list_job_versions": 1}


def test_error_of_one_job_reaches_that_wait_only(client, emulator) -> None:
    """A job that was deleted ends its own wait."""
    ids = emulator.add_jobs(4, status=RUNNING)

    async def main() -> list[Any]:
        tasks = start(watcher_of(client), [*ids, (404404, 1)])
        with pytest.raises(NotFoundError):
            await tasks[-1]
        assert not any(task.done() for task in tasks[:-1])
        for pair in ids:
            emulator.set_status(*pair, COMPLETED)
        return await asyncio.gather(*tasks[:-1])

    assert run(main) == [COMPLETED] * 4


def test_nobody_waits_nobody_asks(client, emulator) -> None:
    """A wait that was cancelled causes no request, and the shared work ends with the last wait."""
    ids = emulator.add_jobs(5, status=RUNNING)

    async def main() -> bool:
        watcher = watcher_of(client)
        tasks = start(watcher, ids)
        await until(lambda: looks(emulator)["list_training_jobs"] >= 1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: watcher._task is not None and watcher._task.done())
        return not watcher._waits

    assert run(main)


def test_late_joiner_with_another_interval_is_served(client, emulator) -> None:
    """Waits of different intervals live side by side, and one may come while others wait."""
    ids = emulator.add_jobs(6, status=RUNNING)

    async def main() -> list[int]:
        watcher = watcher_of(client)
        slow = start(watcher, ids[:3], interval=1.0)
        await asyncio.sleep(0)
        quick = start(watcher, ids[3:], interval=0.05)
        for pair in ids[3:]:
            emulator.set_status(*pair, COMPLETED)
        done = await asyncio.gather(*quick)
        assert not any(task.done() for task in slow)
        for pair in ids[:3]:
            emulator.set_status(*pair, FAILED)
        return done + await asyncio.gather(*slow)

    assert run(main) == [COMPLETED] * 3 + [FAILED] * 3


def test_watcher_is_shared_by_client_and_loop(client, connect) -> None:
    """One connection, one watcher; another loop or connection, another."""

    async def main() -> tuple[Watcher, Watcher]:
        return watcher_of(client), watcher_of(client)

    first, again = run(main)
    other_loop, _ = run(main)

    assert first is again
    assert other_loop is not first
