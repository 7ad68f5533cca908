"""The tables of the chaos tests as a page of the documentation: one for each line of Airflow."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Final

from demo.generation import installed_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tests.chaos.books import Row

_SECTION: Final = re.compile(r"^## Airflow (\d+)\.(\d+)", re.MULTILINE)

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


def write(path: Path, rows: Sequence[Row], left_out: Mapping[str, str], chosen: str = "") -> None:
    """Write the section of the Airflow that is installed; another line's stays as it is.

    :param left_out: cases that this Airflow cannot have, and why.
    :param chosen: pytest's expression for the cases that were run, if not all were.
    """
    version = metadata.version("apache-airflow")
    sections = _sections(path.read_text(encoding="utf-8")) if path.exists() else {}
    sections[installed_version()] = "\n".join(_section(version, rows, left_out, chosen))
    head = [
        "# Chaos",
        "",
        "A real Airflow and the emulator, broken at bad moments. After every case the trainings at the "
        "service are compared with the tasks that succeeded: one for each, none doubled, none lost, "
        "none stopped unless a user asked, none left running after a user's kill.",
        "",
        "",
    ]
    newest_first = [sections[line] for line in sorted(sections, reverse=True)]
    path.write_text("\n".join(head) + "\n".join(newest_first), encoding="utf-8")


def _sections(page: str) -> dict[tuple[int, int], str]:
    """Return the sections of a page by the line of Airflow that they are about."""
    heads = [*_SECTION.finditer(page)]
    ends = [*(head.start() for head in heads[1:]), len(page)]
    return {
        (int(head[1]), int(head[2])): page[head.start() : end].rstrip() + "\n"
        for head, end in zip(heads, ends, strict=True)
    }


def _section(
    version: str, rows: Sequence[Row], left_out: Mapping[str, str], chosen: str
) -> list[str]:
    command = f"make chaos AIRFLOW={'.'.join(map(str, installed_version()))}"
    if chosen:
        command += f""" CHAOS_OPTIONS="-k '{chosen}'\""""
    merged = _merged(rows)
    points: Counter[str] = Counter()
    for row in rows:
        points.update(row.points)
    return [
        f"## Airflow {version}",
        "",
        f"Made by `{command}` on {datetime.now(UTC):%Y-%m-%d} with Airflow "
        f"{version}, Python {platform.python_version()}, {os.cpu_count()} cores.",
        "",
        *_table(_HEAD, (_cells(row) for row in [*merged, _total(merged)])),
        "",
        *(f"*{row.case}* is a known limit: {row.remark}.\n" for row in merged if row.remark),
        *(f"Left out: {case}, as {reason}.\n" for case, reason in sorted(left_out.items())),
        "### Kills of a task's process, by point",
        "",
        "The process sends itself SIGKILL. *worker and* means that its supervisor dies with it, so that "
        "nobody reports the death and Airflow finds out by the missing heartbeat.",
        "",
        *_table(("point", "kills"), ((name, str(n)) for name, n in sorted(points.items()))),
        "",
    ]


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
    total.remark = ""
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
        remark=one.remark or other.remark,
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
