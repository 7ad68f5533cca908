"""Shows a DAG run while it happens: a live table on a terminal, one line per change of state elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from demo.airflow_api import FINAL_RUN_STATES, TaskState
from demo.processes import DemoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from demo.metadata import Look
    from demo.stack import Stack

_STYLES = {
    "running": "green",
    "deferred": "magenta",
    "success": "bold green",
    "failed": "bold red",
    "upstream_failed": "red",
    "up_for_retry": "yellow",
}


@dataclass
class Observed:
    """What was seen of one run."""

    dag_id: str
    run_id: str
    started: float = field(default_factory=time.monotonic)
    state: str = "queued"
    tasks: dict[str, TaskState] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    deferrals: dict[str, int] = field(default_factory=dict)
    """Fewest worker processes that a task had while it was deferred."""
    busiest: dict[str, int] = field(default_factory=dict)
    """Most worker processes that a task had while it ran: shows that they would have been seen."""

    @property
    def elapsed(self) -> float:
        """Seconds since the run was triggered."""
        return time.monotonic() - self.started

    def take_tasks(self, tasks: list[TaskState]) -> list[str]:
        """Take in the newest states and return one line for each that changed."""
        lines = []
        for task in tasks:
            before = self.tasks.get(task.task_id)
            if before is None or (before.state, before.try_number) != (task.state, task.try_number):
                self.changed[task.task_id] = time.monotonic()
                retry = f" (try {task.try_number})" if task.try_number > 1 else ""
                if task.state != "none":
                    lines.append(f"{task.task_id}: {task.state}{retry}")
            self.tasks[task.task_id] = task
        return lines

    def take_looks(self, looks: list[Look]) -> list[str]:
        """Keep the extremes of the counted processes; return a line for each task found to wait with fewer.

        A worker lingers a second or two after its task has been deferred; what matters is that it goes.
        """
        lines = []
        for look in looks:
            count = look.worker_processes
            if look.state == "running":
                self.busiest[look.task_id] = max(count, self.busiest.get(look.task_id, 0))
            elif look.task_id not in self.deferrals or count < self.deferrals[look.task_id]:
                self.deferrals[look.task_id] = count
                lines.append(f"{look.task_id}: deferred, worker processes: {count}")
        return lines


def follow(
    stack: Stack, dag_id: str, run_id: str, *, timeout: float, say: Callable[[str], None]
) -> Observed:
    """Watch a run until it ends; ``DemoError`` when it takes longer than ``timeout`` or a component dies.

    :param say: takes the lines where standard output is no terminal; on one, a table is drawn that changes in place.
    """
    observed = Observed(dag_id, run_id)
    with _live_table(observed) if sys.stdout.isatty() else _plain_lines(say) as show:
        while observed.state not in FINAL_RUN_STATES:
            stack.check()
            if observed.elapsed > timeout:
                message = f"run {run_id} of {dag_id} did not end within {timeout:.0f} s"
                raise DemoError(message)
            show(_look(stack, observed))
            time.sleep(0.5)
    return observed


def _look(stack: Stack, observed: Observed) -> list[str]:
    # The run's state is read first: once it is final, the task states read after it are final too.
    observed.state = stack.api.run_state(observed.dag_id, observed.run_id)
    lines = observed.take_tasks(stack.api.tasks(observed.dag_id, observed.run_id))
    looks = stack.database.observe(observed.dag_id, observed.run_id, stack.airflow_pids)
    return lines + observed.take_looks(looks)


@contextlib.contextmanager
def _plain_lines(say: Callable[[str], None]) -> Iterator[Callable[[list[str]], None]]:
    def show(lines: list[str]) -> None:
        for line in lines:
            say(line)

    yield show


@contextlib.contextmanager
def _live_table(observed: Observed) -> Iterator[Callable[[list[str]], None]]:
    from rich.live import Live
    from rich.table import Table

    def table() -> Table:
        title = f"{observed.dag_id}: {observed.state}, {observed.elapsed:.0f} s"
        drawn = Table(
            "task",
            "state",
            "for",
            "worker processes while deferred",
            title=title,
            title_justify="left",
        )
        for task in observed.tasks.values():
            seconds = f"{time.monotonic() - observed.changed[task.task_id]:.0f} s"
            waiting = task.state not in {"success", "failed", "none", "upstream_failed", "skipped"}
            processes = observed.deferrals.get(task.task_id)
            drawn.add_row(
                task.task_id,
                f"[{_STYLES.get(task.state, 'dim')}]{task.state}[/]",
                seconds if waiting else "",
                "" if processes is None else str(processes),
            )
        return drawn

    with Live(table(), refresh_per_second=4) as live:
        yield lambda _lines: live.update(table())
