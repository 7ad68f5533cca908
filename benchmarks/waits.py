"""(b) What waiting costs: so many triggers in one event loop, for five intervals, until all have fired."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psutil

from benchmarks.children import Child, ChildError, Standin, pause
from benchmarks.figures import each_tick, percentile
from benchmarks.measure import raise_file_limit
from benchmarks.peers import DATABRICKS, OURS, SAGEMAKER, NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.peers import Provider

ROUNDS: Final = 5
WHO: Final = {
    "ours": (OURS, "ours"),
    "ours-unshared": (OURS, "ours, sharing turned off"),
    "databricks": (DATABRICKS, "Databricks"),
    "sagemaker": (SAGEMAKER, "SageMaker"),
}


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    :param counts: numbers of waits.
    :param interval: seconds between two looks at one job.
    :param limit: seconds for all first looks, and for the end of the waits once all jobs have ended.
    """

    counts: tuple[int, ...]
    interval: float
    limit: float


FULL: Final = Plan((1, 100, 1000, 5000), 10.0, 240.0)
QUICK: Final = Plan((1, 1000), 2.0, 25.0)


class UnfinishedError(RuntimeError):
    """A case took longer than its plan allows."""


def measure(*, quick: bool) -> dict[str, Any]:
    """Return the plan and a row for each case."""
    plan = QUICK if quick else FULL
    raise_file_limit()
    with Standin() as standin:
        for who in WHO:
            _warm_up(standin, who, plan)
        rows = list(_rows(standin, plan))
        buried = _case(standin, OURS, "ours", 2, plan, foreign=3000)
    return {"interval": plan.interval, "limit": plan.limit, "rows": rows, "buried": buried}


def _warm_up(standin: Standin, who: str, plan: Plan) -> None:
    """Look once, so that Python has compiled what is not compiled yet."""
    standin.call("reset", count=1)
    with contextlib.suppress(NotInstalledError, ChildError):
        python = WHO[who][0].python()
        with Child(python, "waiter", who, "1", "1", variables=standin.variables) as child:
            _all_looked_at(standin, child, 1, plan)


def _rows(standin: Standin, plan: Plan) -> Iterator[dict[str, Any]]:
    for count in plan.counts:
        for who, (provider, title) in WHO.items():
            row = {"waits": count, "who": who, "title": title}
            try:
                yield row | _case(standin, provider, who, count, plan)
            except (UnfinishedError, NotInstalledError, ChildError) as error:
                yield row | {"missing": str(error)}


def _case(
    standin: Standin, provider: Provider, who: str, count: int, plan: Plan, *, foreign: int = 0
) -> dict[str, Any]:
    """Measure one case: all first looks, five intervals, and the end of all jobs within one more.

    :param foreign: so many newer jobs of others are in the project as well.
    """
    standin.call("reset", count=count + foreign)
    python = provider.python()
    arguments = ("waiter", who, str(count), str(plan.interval))
    with Child(python, *arguments, variables=standin.variables) as child, Watch(child) as watch:
        _all_looked_at(standin, child, count, plan)
        started, cpu_started, requests = time.monotonic(), watch.cpu(), standin.requests()
        pause(ROUNDS * plan.interval, child)
        waited, cpu_waited = time.monotonic(), watch.cpu()
        requests = standin.requests() - requests
        ended = standin.call("complete", ids=list(range(1, count + 1)), over=plan.interval)["ended"]
        try:
            notes = child.result(plan.interval + plan.limit)
        except subprocess.TimeoutExpired:
            fired = "not all events had come"
            message = f"did not finish: {fired} {plan.limit:.0f} s after the last job had ended"
            raise UnfinishedError(message) from None
    delays = [moment - ended[job_id] for job_id, moment in notes["events"].items()]
    seconds = waited - started
    return {
        "requests": requests / ROUNDS,
        "cpu": (cpu_waited - cpu_started) / seconds,
        "start_cpu": cpu_started - notes["base_cpu"],
        "start_seconds": started - notes["began"],
        "memory": notes["peak_memory"] - notes["base_memory"],
        "files": watch.files,
        "stall": max(lag for moment, lag in notes["lags"] if moment <= started),
        "lag_p99": percentile(each_tick([lag for _, lag in notes["lags"]]), 99),
        "lag_worst": max(lag for _, lag in notes["lags"]),
        "delay_median": statistics.median(delays),
        "delay_worst": max(delays),
    }


def _all_looked_at(standin: Standin, child: Child, count: int, plan: Plan) -> None:
    """Return once every job's status has been told for the first time."""
    end = time.monotonic() + plan.limit
    while (asked := standin.call("state")["asked"]) < count:
        child.check()
        if child.notes() == {}:
            end = time.monotonic() + plan.limit  # it imports yet
        if time.monotonic() > end:
            message = f"did not finish: {asked} of {count} jobs looked at in {plan.limit:.0f} s"
            raise UnfinishedError(message)
        time.sleep(0.1)


class Watch:
    """Watches a process from outside."""

    def __init__(self, child: Child) -> None:
        self._process = psutil.Process(child.process.pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.files = 0
        """The most files and sockets it had open."""

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def cpu(self) -> float:
        """Return the seconds of CPU it has used."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _run(self) -> None:
        while not self._over.wait(0.25):
            try:
                self.files = max(self.files, self._process.num_fds())
            except psutil.Error:
                return


def by_count(rows: list[dict[str, Any]], who: str) -> dict[int, dict[str, Any]]:
    """Return the finished cases of one provider by their number of waits."""
    return {row["waits"]: row for row in rows if row["who"] == who and "missing" not in row}


def per_wait(rows: list[dict[str, Any]], who: str, count: int, figure: str) -> float | None:
    """Return what each further wait adds to a figure, over the case of one wait."""
    cases = by_count(rows, who)
    if count == 1 or not {1, count} <= cases.keys():
        return None
    return float(cases[count][figure] - cases[1][figure]) / (count - 1)
