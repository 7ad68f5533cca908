"""The figures as tables of a page of the documentation."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.children import ANSWER_TIME
from benchmarks.imports import BUDGET_CPU, BUDGET_MODULES
from benchmarks.measure import TICK
from benchmarks.peers import AIRFLOW, ALL
from benchmarks.waits import ROUNDS, WHO, by_count, per_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

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
    versions = ", ".join(provider.version for provider in ALL)
    parts = [
        "# Performance",
        "What importing, submitting and waiting cost, beside other providers on the same machine in the "
        "same run. `make bench` measures all of it and writes this page; a single table is made again by "
        "the command above it. *6.0x* is another's figure divided by ours.\n"
        "The others are real, each installed in an environment of its own: " + versions + ".",
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
    writers: dict[str, Callable[[Any], str]] = {
        "a": _imports,
        "b": _waits,
        "c": _submits,
        "d": _growth,
        "e": _triggerer,
    }
    return writers[letter](results["b" if letter == "d" else letter])


def promises(results: Results) -> list[list[str]]:
    """Return what is promised, as far as it has been measured."""
    rows: list[tuple[str, float | None, float, str]] = []
    if "a" in results:
        ours = results["a"][0]
        rows += [
            ("CPU of the import over Airflow's own", ours["cpu"], BUDGET_CPU, "s"),
            ("modules of the import over Airflow's own", ours["modules"], BUDGET_MODULES, ""),
        ]
    if "b" in results:
        cases = results["b"]["rows"]
        case = by_count(cases, "ours").get(1000, {})
        per = [per_wait(cases, "ours", 1000, figure) for figure in ("start_cpu", "memory")]
        cpu, memory = (None if value is None else value * 1000 for value in per)
        rows += [
            ("requests a look, 1,000 waits in one project", case.get("requests"), 2, ""),
            (
                "requests a look, 2 old jobs under 3,000 of others",
                results["b"]["buried"]["requests"],
                2,
                "",
            ),
            (
                "longest stall of the event loop while 1,000 waits start",
                _ms(case, "stall"),
                100,
                "ms",
            ),
            ("CPU for each of 1,000 waits started", cpu, 1, "ms"),
            ("memory for each of 1,000 waits", memory and memory / 1e6, 20, "kB"),
        ]
    return [
        [
            name,
            f"{most:g} {unit}".strip(),
            "not measured" if value is None else f"{value:.2g} {unit}".strip(),
            "" if value is None else "yes" if value <= most else "**no**",
        ]
        for name, value, most, unit in rows
    ]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(cells) + " |" for cells in rows)])


def _times(row: Mapping[str, Any], ours: Mapping[str, Any], figure: str, text: str) -> str:
    """Return a figure and, where it is another's, how many times ours it is."""
    if row is ours or not ours.get(figure) or row[figure] is None:
        return text
    ratio = row[figure] / ours[figure]
    return f"{text} ({ratio:,.0f}x)" if ratio >= 10 else f"{text} ({ratio:.1f}x)"


def _ms(row: Mapping[str, Any], figure: str) -> float | None:
    return row[figure] * 1000 if figure in row else None


# ---- the tables


def _imports(rows: Sequence[Mapping[str, Any]]) -> str:
    ours, notes = rows[0], []
    cells = []
    for row in rows:
        if "missing" in row:
            cells.append([row["who"], row["version"], f"not installed: {row['missing']}", "", ""])
            continue
        cells.append(
            [
                row["who"],
                row["version"],
                _times(row, ours, "cpu", f"{row['cpu']:.3f}"),
                _times(row, ours, "modules", f"{row['modules']:.0f}"),
                _times(row, ours, "memory", f"{row['memory'] / 1e6:.1f}"),
            ]
        )
        notes += [
            f"Not in the figures of {row['who']}: `{module}` cannot be imported here ({error})."
            for module, error in row["failed"].items()
        ]
    text = (
        "The modules with operator, sensor and trigger for trainings, as far as a provider has them, "
        "after `DAG`, `BaseOperator`, `BaseSensorOperator` and `airflow.triggers.base`. Median of fresh "
        "processes with compiled modules."
    )
    head = ("provider", "version", "CPU, s", "modules", "memory, MB")
    return "\n\n".join(["\n".join([text, *notes]), table(head, cells)])


def _waits(result: Mapping[str, Any]) -> str:
    interval, limit, rows = result["interval"], result["limit"], result["rows"]
    text = (
        f"So many triggers in one event loop, started one a turn as Airflow's triggerer does, each looking "
        f"every {interval:.0f} s; {ROUNDS} intervals after all first looks every job ends within one more. "
        f"All talk to one server on the same machine that speaks ModelArts, SageMaker and Databricks and "
        f"takes {ANSWER_TIME * 1000:.0f} ms for each answer. What the providers log about each look is "
        f"switched off.\n"
        "*start* is from the first trigger to the answer to the last first look, of which ours takes place "
        "after up to 10 s by design; its CPU and the memory are what each wait adds to the case of one "
        "wait. *lag* is how late the event loop served a sleeper that wants to wake every "
        f"{TICK * 1000:.0f} ms (which costs about 1 % of a core, contained in all figures). *delay* is from "
        f"the end of a job to its event. What takes more than {limit:.0f} s for its first looks or its last "
        "events has not finished."
    )
    head = (
        "waits",
        "who",
        "requests an interval",
        "CPU while waiting, % of a core",
        "start: s",
        "start: CPU a wait, ms",
        "memory a wait, kB",
        "open files",
        "lag p99 / worst, ms",
        "worst at start, ms",
        "delay median / worst, s",
    )
    return "\n\n".join([text, table(head, (_wait_cells(row, rows) for row in rows))])


def _wait_cells(row: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    count = row["waits"]
    first = [f"{count:,}", row["title"]]
    if "missing" in row:
        return [*first, row["missing"], *[""] * 8]
    is_ours = row["who"] == "ours"
    ours = row if is_ours else by_count(rows, "ours").get(count, {})
    each = {name: per_wait(rows, row["who"], count, name) for name in ("start_cpu", "memory")}
    our_each = each if is_ours else {name: per_wait(rows, "ours", count, name) for name in each}

    def added(name: str, unit: float) -> str:
        value = each[name]
        return "" if value is None else _times(each, our_each, name, f"{value / unit:.2f}")

    return [
        *first,
        _times(row, ours, "requests", f"{row['requests']:,.1f}"),
        _times(row, ours, "cpu", f"{row['cpu'] * 100:.1f}"),
        f"{row['start_seconds']:.1f}",
        added("start_cpu", 0.001),
        added("memory", 1000),
        f"{row['files']:,}",
        f"{row['lag_p99'] * 1000:.0f} / {row['lag_worst'] * 1000:.0f}",
        f"{row['stall'] * 1000:.0f}",
        f"{row['delay_median']:.1f} / {row['delay_worst']:.1f}",
    ]


def _submits(rows: Sequence[Mapping[str, Any]]) -> str:
    ours, cells = rows[0], []
    for row in rows:
        if "missing" in row:
            cells.append([row["who"], f"not installed: {row['missing']}", "", ""])
            continue
        cells.append(
            [
                row["who"],
                _times(row, ours, "requests", f"{row['requests']:.1f}"),
                _times(row, ours, "first", f"{row['first'] * 1000:.0f}"),
                _times(row, ours, "further", f"{row['further'] * 1000:.1f}"),
            ]
        )
    text = (
        "An operator's `execute`, without waiting, against the same server. The first training of a process "
        "pays for what is imported by then, over Airflow itself; each task of Airflow is a process of its "
        f"own. Further ones: the others of {ours['many']} in a row. Our operator looks the name up first, so that no "
        "training is started twice; SageMaker's looks before and after."
    )
    head = ("who", "requests a training", "CPU of the first, ms", "CPU of a further one, ms")
    return "\n\n".join([text, table(head, cells)])


def _growth(result: Mapping[str, Any]) -> str:
    rows = result["rows"]
    few, many = sorted({row["waits"] for row in rows})[-2:]
    figures = {
        "requests": "requests",
        "cpu": "CPU while waiting",
        "start_cpu": "CPU to start",
        "memory": "memory",
        "files": "open files",
        "lag_worst": "worst lag",
        "delay_median": "median delay",
    }
    cells = []
    for who, (_provider, title) in WHO.items():
        cases = by_count(rows, who)
        if {few, many} <= cases.keys():
            factors = [cases[many][name] / cases[few][name] for name in figures]
            cells.append([title, *(f"{factor:.1f}x" for factor in factors)])
        else:
            cells.append([title, "did not finish", *[""] * (len(figures) - 1)])
    text = (
        f"From {few:,} to {many:,} waits, from the figures of (b). 1x is flat, {many / few:g}x in step with "
        "the number of waits. Our list of jobs comes in pages of 1,000."
    )
    return "\n\n".join([text, table(("who", *figures.values()), cells)])


def _triggerer(result: Mapping[str, Any]) -> str:
    if "missing" in result:
        return str(result["missing"])
    count, resumed = result["count"], result["resumed"]
    text = (
        f"Airflow on PostgreSQL with a LocalExecutor, the emulator beside it, `poll_interval` "
        f"{result['interval']:.0f} s, and one mapped, deferrable `CreateTrainingJobOperator`. Running "
        f"{count:,} tasks on workers only to defer them would take most of an hour here, so that part is "
        "left out: the API makes the run, the emulator makes the trainings, and then the rows that a worker's "
        "deferral leaves are written straight into Airflow's database (`benchmarks/deferring.py`). From there "
        "on everything is Airflow's: the triggerer loads the triggers, looks, and fires them. The DAG is "
        "paused until all have fired, so that no worker takes CPU meanwhile. Of the tasks then waiting for a "
        f"worker, {resumed} are really resumed; the others are marked as successful."
    )
    cells = [
        ["CPU without triggers, % of a core", f"{result['idle'] * 100:.1f}"],
        [f"until {count:,} triggers have started, s", f"{result['start_seconds']:.0f}"],
        ["CPU for that, each, ms", f"{result['start_cpu'] / count * 1000:.1f}"],
        ["CPU while they wait, % of a core", f"{result['busy'] * 100:.1f}"],
        ["requests an interval", f"{result['requests']:.1f}"],
        ["memory of its processes, MB", f"{result['memory'] / 1e6:.0f}"],
        ["times its log says that the loop was blocked (0.2 s)", str(result["blocked"])],
        [
            "from the end of the last training until all tasks are due, s",
            f"{result['fired_seconds']:.1f}",
        ],
        [
            f"until {resumed} of them have been resumed and have ended, s",
            f"{result['resumed_seconds']:.0f}",
        ],
    ]
    return "\n\n".join(
        [text, table(("of the triggerer, supervisor and runner together", ""), cells)]
    )
