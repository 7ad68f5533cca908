"""Waits for many versions at once, and what they have cost; for the tests of the watcher."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.client.polling import Patience

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_modelarts.client.watcher import Watcher

RUNNING, COMPLETED, FAILED = 8, 10, 11
INTERVAL = 0.1


def looks(emulator: Any) -> Counter[str]:
    """Return how often each operation was called."""
    return Counter(request.operation for request in emulator.requests())


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run a coroutine function in a loop of its own."""

    async def bounded() -> Any:
        async with asyncio.timeout(60):
            return await main()

    return asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not condition():  # noqa: ASYNC110 - another thread's doing
        await asyncio.sleep(0.01)


def start(watcher: Watcher, ids: list[tuple[int, int]], **kwargs: Any) -> list[asyncio.Task[int]]:
    """Start one wait for each version."""
    kwargs = {"interval": INTERVAL, **kwargs}
    return [asyncio.ensure_future(watcher.ended(*pair, Patience(**kwargs))) for pair in ids]


async def start_together(
    watcher: Watcher, ids: list[tuple[int, int]], **kwargs: Any
) -> list[asyncio.Task[int]]:
    """Start one wait for each version, all due at one moment, however long starting them takes."""
    tasks = start(watcher, ids, **kwargs)
    await aligned(watcher)
    return tasks


async def aligned(watcher: Watcher, apart: float = 0.0) -> None:
    """Make the waits that were just started due so many seconds apart."""
    await asyncio.sleep(0)  # each has begun, and the watcher has not
    waits = sorted(watcher._waits, key=lambda wait: wait.due)
    lateness = waits[0].late - waits[0].due
    for number, wait in enumerate(waits):
        wait.due = waits[0].due + number * apart
        wait.late = wait.due + lateness


def gate(client: Any, method: str) -> threading.Event:
    """Let no call of a method through before the event that is returned is set."""
    opened, call = threading.Event(), getattr(client, method)

    def gated(*args: Any) -> Any:
        assert opened.wait(30), "the event loop stands still while an answer is awaited"
        return call(*args)

    setattr(client, method, gated)
    return opened
