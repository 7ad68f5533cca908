"""What is printed after a run: the trainings' own words, the comparison, or the log that explains a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.processes import tail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from demo.follow import Observed
    from demo.stack import Stack

_BROKEN = ("failed", "up_for_retry", "up_for_reschedule")


def training_logs(storage: Path, show: Callable[[str], None], lines: int = 8) -> None:
    """Show the end of every training log in the emulator's buckets, oldest first."""
    logs = sorted(storage.rglob("*.log"), key=lambda path: path.stat().st_mtime)
    for log in logs:
        show(f"\n--- training log {log.relative_to(storage)}")
        show(tail(log, lines))


def comparison(
    stack: Stack, observed: Observed, show: Callable[[str], None], task_id: str = "compare"
) -> bool:
    """Show the table that the DAG's last task made; False when there is none."""
    value = stack.api.xcom(observed.dag_id, observed.run_id, task_id)
    if not isinstance(value, dict) or "table" not in value:
        return False
    show("\n--- comparison of the two versions, as task 'compare' returned it")
    show(str(value["table"]))
    return True


def deferral_proof(observed: Observed, show: Callable[[str], None]) -> None:
    """Say which tasks waited without occupying a worker, and how many processes one takes that does."""
    busiest = max(observed.busiest.values(), default=0)
    for task_id, count in observed.deferrals.items():
        show(
            f"{task_id} waited deferred: while Airflow's database said so, {count or 'no'} worker "
            f"process{'es' * (count != 1)} ran for it (a running task has up to {busiest})"
        )


def failure(stack: Stack, observed: Observed, show: Callable[[str], None], lines: int = 40) -> None:
    """Show the log of every task that broke, or the scheduler's when none did."""
    broken = [task for task in observed.tasks.values() if task.state in _BROKEN]
    for task in broken:
        show(f"\n--- log of task {task.task_id}, try {task.try_number}, state {task.state}")
        log = stack.api.task_log(observed.dag_id, observed.run_id, task.task_id, task.try_number)
        show("\n".join(log[-lines:]) or "(empty)")
    if not broken:
        log_file = stack.components["scheduler"].log
        show(f"\n--- no task failed; end of {log_file}")
        show(tail(log_file, lines))
