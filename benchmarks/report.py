"""The page of the documentation: what is promised and kept, then the sections of all benchmarks."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.imports import BUDGET_CPU, BUDGET_MODULES
from benchmarks.peers import AIRFLOW
from benchmarks.sections import WRITERS, table
from benchmarks.waits import by_count, per_wait

if TYPE_CHECKING:
    from collections.abc import Mapping

    Results = Mapping[str, Any]
    """Letter of a benchmark -> what it has measured."""


def machine() -> str:
    """Return where and when the figures are made."""
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.machine()}, Python {platform.python_version()}, Airflow {AIRFLOW}"
    )


def page(results: Results, made: Mapping[str, str]) -> str:
    """Return the whole page.

    :param results: of all benchmarks.
    :param made: letter -> what :func:`machine` said when it ran.
    """
    parts = [
        "# Performance",
        "What importing, submitting and waiting cost, beside other providers on the same machine in the "
        "same run. `make bench` measures all of it and writes this page; a single table is made again by "
        "the command above it. *6.0x* is another's figure divided by ours.\n"
        "The others are real: each is installed in an environment of its own, in the version of table (a).",
        "## What is promised",
        table(("promise", "at most", "measured", "kept"), promises(results)),
    ]
    for letter, title in TITLES.items():
        parts += [
            f"## ({letter}) {title}",
            f"`python -m benchmarks {letter}` — {made[letter]}",
            section(letter, results),
        ]
    return "\n\n".join(parts) + "\n"


TITLES = {
    "a": "Importing operator, sensor and trigger",
    "b": "Waiting",
    "c": "Submitting",
    "d": "How waiting grows",
    "e": "A real triggerer",
}


def section(letter: str, results: Results) -> str:
    """Return text and table of one benchmark."""
    return WRITERS[letter](results["b" if letter == "d" else letter])


def promises(results: Results) -> list[list[str]]:
    """Return what is promised, and how it is kept as far as it has been measured."""
    measured: list[tuple[str, float, str, float | None]] = []
    if "a" in results:
        ours = results["a"][0]
        measured += [
            ("CPU of the import, over Airflow's own", BUDGET_CPU, "s", ours["cpu"]),
            ("modules of the import, over Airflow's own", BUDGET_MODULES, "", ours["modules"]),
        ]
    if "b" in results:
        measured += _promises_of_waits(results["b"])
    return [
        [
            what,
            f"{most:g} {unit}".strip(),
            "not measured" if value is None else f"{value:.2g} {unit}".strip(),
            "" if value is None else "yes" if value <= most else "**no**",
        ]
        for what, most, unit, value in measured
    ]


def _promises_of_waits(result: Mapping[str, Any]) -> list[tuple[str, float, str, float | None]]:
    rows = result["rows"]
    case = by_count(rows, "ours").get(1000)

    def figure(name: str, unit: float) -> float | None:
        return case[name] / unit if case else None

    def added(name: str, unit: float) -> float | None:
        value = per_wait(rows, "ours", 1000, name)
        return None if value is None else value / unit

    foreign = result["buried"]["requests"]
    return [
        ("requests a look, 1,000 waits in one project", 2, "", figure("requests", 1)),
        ("requests a look, 2 old jobs under 3,000 of others", 2, "", foreign),
        ("longest stall of the loop while 1,000 waits start", 100, "ms", figure("stall", 0.001)),
        ("CPU for each of 1,000 waits started", 1, "ms", added("start_cpu", 0.001)),
        ("memory for each of 1,000 waits", 20, "kB", added("memory", 1000)),
    ]
