"""The table of the chaos tests as a page of the documentation."""

from __future__ import annotations

import os
import platform
from collections import Counter
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tests.chaos.books import Row

COMMAND: Final = "make chaos"

_HEAD: Final = (
    "case",
    "database",
    "kills",
    "faults",
    "jobs expected",
    "jobs found",
    "doubled",
    "lost",
    "stopped in error",
    "left running",
)


def write(path: Path, rows: Sequence[Row]) -> None:
    """Write the page."""
    merged = _merged(rows)
    points: Counter[str] = Counter()
    for row in rows:
        points.update(row.points)
    text = [
        "# Chaos",
        "",
        "A real Airflow and the emulator, broken at bad moments. After every case the trainings at the "
        "service are compared with the tasks that succeeded: one for each, none doubled, none lost, "
        "none stopped unless a user asked, none left running after a user's kill.",
        "",
        f"Made by `{COMMAND}` on {datetime.now(UTC):%Y-%m-%d} with Airflow "
        f"{metadata.version('apache-airflow')}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores.",
        "",
        *_table(_HEAD, (_cells(row) for row in [*merged, _total(merged)])),
        "",
        "## Kills of a task's process, by point",
        "",
        "The process sends itself SIGKILL. *worker and* means that its supervisor dies with it, so that "
        "nobody reports the death and Airflow finds out by the missing heartbeat.",
        "",
        *_table(("point", "kills"), ((name, str(n)) for name, n in sorted(points.items()))),
        "",
    ]
    path.write_text("\n".join(text), encoding="utf-8")


def line(row: Row) -> str:
    """Return a row for the log."""
    return " | ".join(f"{name}: {cell}" for name, cell in zip(_HEAD, _cells(row), strict=True))


def _merged(rows: Iterable[Row]) -> list[Row]:
    """Add up the repetitions of a case."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row.case, row.database)
        found[key] = _sum(found[key], row) if key in found else row
    return list(found.values())


def _total(rows: Sequence[Row]) -> Row:
    total = type(rows[0])("**all**", "")
    for row in rows:
        total = _sum(total, row)
    return total


def _sum(one: Row, other: Row) -> Row:
    numbers = (
        "killed",
        "spoilt",
        "tasks",
        "expected",
        "found",
        "doubled",
        "lost",
        "stopped",
        "running",
    )
    return type(one)(
        one.case,
        one.database,
        **{name: getattr(one, name) + getattr(other, name) for name in numbers},
        points=one.points + other.points,
    )


def _cells(row: Row) -> list[str]:
    kinds = (row.killed, row.spoilt, row.expected, row.found)
    wrong = (row.doubled, row.lost, row.stopped, row.running)
    return [row.case, row.database, *map(str, kinds + wrong)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(cells) + " |" for cells in rows),
    ]
