"""Which task's log the lines of its trigger go to, as Airflow's own triggerer routes them."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from airflow.jobs.triggerer_job_runner import TriggerRunner

from airflow_provider_modelarts.client.status import JobStatus, describe
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger
from tests.emulated.waits import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Lines = dict[int | None, list[str]]


def owner_of(record: logging.LogRecord) -> int | None:
    """Return the id of the trigger in whose task's log Airflow puts a line; None: the triggerer's own."""
    try:
        from airflow.utils.log.trigger_handler import TriggerMetadataFilter, ctx_indiv_trigger
    except ImportError:  # Airflow 3
        from structlog.contextvars import get_contextvars

        return get_contextvars().get("trigger_id")
    TriggerMetadataFilter().filter(record)
    return record.trigger_id if getattr(record, ctx_indiv_trigger.name, None) else None


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What this package logs, by trigger."""
    found: Lines = defaultdict(list)

    class Sorter(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found[owner_of(record)].append(record.getMessage())

    logger, sorter = logging.getLogger("airflow_provider_modelarts"), Sorter(logging.INFO)
    level = logger.level
    logger.addHandler(sorter)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(sorter)
    logger.setLevel(level)


@pytest.fixture
def in_triggerer() -> Callable[[dict[int, TrainingJobTrigger], Callable[[], Any]], list[Any]]:
    """Return a function that runs triggers by their ids in a triggerer, and something beside them."""

    async def run(triggers: dict[int, TrainingJobTrigger], beside: Callable[[], Any]) -> list[Any]:
        runner = TriggerRunner()
        for number, trigger in triggers.items():
            trigger.trigger_id = number
            runner.triggers[number] = {"name": str(number), "events": 0}  # type: ignore[typeddict-item]
        tasks = [asyncio.create_task(runner.run_trigger(*item)) for item in triggers.items()]
        async with asyncio.timeout(60):
            await beside()
            await asyncio.gather(*tasks)
        return list(runner.events)

    return lambda triggers, beside: asyncio.run(run(triggers, beside))


def waiting_for(ids: list[tuple[int, int]]) -> dict[int, TrainingJobTrigger]:
    """Return a trigger for each version, by the number that Airflow gives it."""
    triggers = [TrainingJobTrigger(*pair, poll_interval=0.05) for pair in ids]
    return dict(enumerate(triggers, start=1))


def test_status_changes_are_in_the_log_of_the_waiting_task(
    client, emulator, lines, in_triggerer
) -> None:
    """Each of several tasks that share their polls gets the lines of its own job, and no others."""
    ids = emulator.add_jobs(4, status=JobStatus.WAITING)
    triggers = waiting_for(ids)

    async def run_on() -> None:
        for known, status in enumerate((JobStatus.RUNNING, JobStatus.COMPLETED), start=1):
            await until(lambda known=known: all(len(lines[n]) == known for n in triggers))
            for pair in ids:
                emulator.set_status(*pair, status)

    assert len(in_triggerer(triggers, run_on)) == 4
    assert {number: found for number, found in lines.items() if found} == {
        number: [
            f"Job {job}, version {version}: {describe(status)}"
            for status in (JobStatus.WAITING, JobStatus.RUNNING, JobStatus.COMPLETED)
        ]
        for number, (job, version) in enumerate(ids, start=1)
    }


def test_poll_without_an_answer_is_in_the_log_of_the_task_it_was_for(
    client, emulator, lines, in_triggerer
) -> None:
    """The other task's poll has worked, so its log says nothing of it."""
    ids = emulator.add_jobs(2, status=JobStatus.RUNNING)
    triggers = waiting_for(ids)
    emulator.inject("get_job_version", "status", status=404, body="<html>")

    async def run_on() -> None:
        await until(lambda: all(len(lines[n]) for n in triggers))
        for pair in ids:
            emulator.set_status(*pair, JobStatus.COMPLETED)

    in_triggerer(triggers, run_on)

    warned = [number for number in triggers if "No status for" in "".join(lines[number])]
    assert len(warned) == 1
    assert lines[None] == []
