"""The measured process of (b): many triggers in one event loop, started as Airflow's triggerer starts them."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.clients import TRIGGERS
from benchmarks.measure import (
    LagMeter,
    Notes,
    forget_peak,
    memory,
    peak_memory,
    raise_file_limit,
)

if TYPE_CHECKING:
    from benchmarks.clients import MakeTrigger


async def wait_for_all(make: MakeTrigger, count: int, interval: float, notes: Notes) -> None:
    """Wait for jobs 1 to ``count`` and note what it took."""
    events: dict[int, float] = {}

    async def wait(job_id: int, trigger: Any) -> None:
        async for _event in trigger.run():
            events[job_id] = time.time()
            break

    meter = LagMeter()
    metering = asyncio.create_task(meter.run())
    forget_peak()
    notes.add(base_memory=memory(), base_cpu=time.process_time(), began=time.monotonic())
    tasks = []
    for job_id in range(1, count + 1):
        await asyncio.sleep(0)  # one a turn of the loop, as TriggerRunner.create_triggers does
        tasks.append(asyncio.create_task(wait(job_id, make(job_id, interval))))
    await asyncio.gather(*tasks)
    metering.cancel()
    notes.add(peak_memory=peak_memory(), events=events, lags=meter.samples())


def main() -> None:
    """Run; the arguments are where to write, who waits, for how many jobs, and at which interval."""
    path, who, count, interval = sys.argv[1:]
    raise_file_limit()
    asyncio.run(wait_for_all(TRIGGERS[who](), int(count), float(interval), Notes(path)))


if __name__ == "__main__":
    main()
