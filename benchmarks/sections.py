"""Text and table of each benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.children import ANSWER_TIME
from benchmarks.measure import TICK
from benchmarks.waits import ROUNDS, WHO, by_count, per_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Row = Mapping[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; short rows are filled up."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [*row, *[""] * (len(head) - len(row))]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _times(row: Row, ours: Row, figure: str, text: str) -> str:
    """Return a figure and, where it is another's, how many times ours it is."""
    if row is ours or not ours.get(figure):
        return text
    ratio = row[figure] / ours[figure]
    return f"{text} ({ratio:,.0f}x)" if ratio >= 10 else f"{text} ({ratio:.1f}x)"


def imports(rows: Sequence[Row]) -> str:
    """Return the section of (a)."""
    ours, notes, cells = rows[0], [], []
    for row in rows:
        if "missing" in row:
            cells.append([row["who"], row["version"], row["missing"]])
            continue
        cpu = _times(row, ours, "cpu", f"{row['cpu']:.3f}")
        modules = _times(row, ours, "modules", f"{row['modules']:.0f}")
        memory = _times(row, ours, "memory", f"{row['memory'] / 1e6:.1f}")
        cells.append([row["who"], row["version"], cpu, modules, memory])
        notes += [
            f"Not in the figures of {row['who']}: `{module}` cannot be imported here ({error})."
            for module, error in row["failed"].items()
        ]
    text = (
        "The modules with operator, sensor and trigger for trainings, as far as a provider has them, "
        "after `DAG`, `BaseOperator`, `BaseSensorOperator` and `airflow.triggers.base`.\n"
        "Median of fresh processes with compiled modules."
    )
    head = ("provider", "version", "CPU, s", "modules", "memory, MB")
    return "\n\n".join(["\n".join([text, *notes]), table(head, cells)])


# ---- waiting


def waits(result: Row) -> str:
    """Return the section of (b)."""
    interval, limit, rows = result["interval"], result["limit"], result["rows"]
    text = (
        f"So many triggers in one event loop, each looking every {interval:.0f} s.\n"
        "They are started one a turn of the loop, as Airflow's triggerer does it; "
        f"{ROUNDS} intervals after all first looks every job ends within one more.\n"
        "All talk over plain HTTP to one server on this machine, which speaks ModelArts, SageMaker and "
        f"Databricks and takes {ANSWER_TIME * 1000:.0f} ms for each answer, whatever its size. What they "
        "log about each look is switched off.\n"
        f"Whoever needs more than {limit:.0f} s for the first looks or the last events did not finish."
    )
    waiting = (
        "*CPU* contains about 1 % for the measuring of lags. *Memory* is what each wait adds to the peak "
        "of the case of one wait. *Delay* is from the end of a job to its event."
    )
    starting = (
        "*Until all have looked* counts from the first trigger to the answer to the last first look; ours "
        "looks after up to 10 s by design, since the task has just looked. *CPU* is what each wait adds to the "
        "case of one wait in that time. *Lag* is how late the loop serves a sleeper that wants to wake every "
        f"{TICK * 1000:.0f} ms; a stall counts for each of the ticks that it swallowed."
    )
    return "\n\n".join(
        [
            text,
            f"While they wait. {waiting}",
            _wait_table(rows, _WAITING),
            f"The start, and the event loop. {starting}",
            _wait_table(rows, _STARTING),
        ]
    )


def _plain(figure: str, text: Callable[[Row], str]) -> Callable[[Row, list[Any]], str]:
    """Make a column of a figure beside its ratio to ours."""

    def cell(row: Row, rows: list[Any]) -> str:
        is_ours = row["who"] == "ours"
        ours = row if is_ours else by_count(rows, "ours").get(row["waits"], {})
        return _times(row, ours, figure, text(row))

    return cell


def _added(figure: str, unit: float) -> Callable[[Row, list[Any]], str]:
    """Make a column of what each further wait adds, beside its ratio to ours."""

    def cell(row: Row, rows: list[Any]) -> str:
        value = per_wait(rows, row["who"], row["waits"], figure)
        if value is None:
            return ""
        added = {figure: value}
        is_ours = row["who"] == "ours"
        ours = added if is_ours else {figure: per_wait(rows, "ours", row["waits"], figure)}
        return _times(added, ours, figure, f"{value / unit:.2f}")

    return cell


_WAITING: Final = {
    "requests an interval": _plain("requests", lambda row: f"{row['requests']:,.1f}"),
    "CPU, % of a core": _plain("cpu", lambda row: f"{row['cpu'] * 100:.1f}"),
    "memory a wait, kB": _added("memory", 1000),
    "open files": _plain("files", lambda row: f"{row['files']:,}"),
    "delay, median and worst, s": lambda row, _: (
        f"{row['delay_median']:.1f}, {row['delay_worst']:.1f}"
    ),
}
_STARTING: Final = {
    "until all have looked, s": lambda row, _: f"{row['start_seconds']:.1f}",
    "CPU a wait, ms": _added("start_cpu", 0.001),
    "worst lag at the start, ms": lambda row, _: f"{row['stall'] * 1000:.0f}",
    "lag p99 of all, ms": lambda row, _: f"{row['lag_p99'] * 1000:.0f}",
    "worst lag of all, ms": lambda row, _: f"{row['lag_worst'] * 1000:.0f}",
}


def _wait_table(rows: list[Any], columns: Mapping[str, Callable[[Row, list[Any]], str]]) -> str:
    cells = []
    for row in rows:
        figures = (
            [row["missing"]]
            if "missing" in row
            else [column(row, rows) for column in columns.values()]
        )
        cells.append([f"{row['waits']:,}", row["title"], *figures])
    return table(("waits", "who", *columns), cells)


# ---- the others


def submits(rows: Sequence[Row]) -> str:
    """Return the section of (c)."""
    ours, cells = rows[0], []
    for row in rows:
        if "missing" in row:
            cells.append([row["who"], row["missing"]])
            continue
        requests = _times(row, ours, "requests", f"{row['requests']:.1f}")
        first = _times(row, ours, "first", f"{row['first'] * 1000:.0f}")
        further = _times(row, ours, "further", f"{row['further'] * 1000:.1f}")
        cells.append([row["who"], requests, first, further])
    text = (
        "An operator's `execute`, without waiting for the end, against the same server.\n"
        "The first training of a process pays for all that is imported until then, over Airflow itself; "
        "each task of Airflow is a process of its own. "
        f"Further ones are the others of {ours['many']} in a row.\n"
        "Our operator looks the name up first, so that no training is started twice; SageMaker's looks "
        "before and after, Databricks' after."
    )
    head = ("who", "requests a training", "CPU of the first, ms", "CPU of a further one, ms")
    return "\n\n".join([text, table(head, cells)])


def growth(result: Row) -> str:
    """Return the section of (d)."""
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
        factors = ["did not finish"]
        if {few, many} <= cases.keys():
            factors = [f"{cases[many][name] / cases[few][name]:.1f}x" for name in figures]
        cells.append([title, *factors])
    text = (
        f"From {few:,} to {many:,} waits, by the figures of (b): 1x is flat, {many / few:g}x in step with "
        "the number of waits. ModelArts lists jobs in pages of at most 1,000."
    )
    return "\n\n".join([text, table(("who", *figures.values()), cells)])


def triggerer(result: Row) -> str:
    """Return the section of (e)."""
    if "missing" in result:
        return str(result["missing"])
    count, resumed = result["count"], result["resumed"]
    text = (
        "Airflow on PostgreSQL with a LocalExecutor, the emulator beside it, and one mapped, deferrable "
        f"`CreateTrainingJobOperator` with `poll_interval` {result['interval']:.0f} s.\n"
        f"Running {count:,} tasks on workers only to have them deferred takes seconds of CPU for each, so that "
        "part is left out: the API makes the run, the emulator makes the trainings, and the rows that a "
        "worker's deferral leaves are written straight into Airflow's database (`benchmarks/deferring.py`).\n"
        "From there on all is Airflow's: the triggerer loads the triggers, runs them and fires them. The "
        "DAG is paused until all have fired, so that no worker takes CPU meanwhile.\n"
        "For comparison the same is done before with a trigger of Airflow's own, set to an hour later, which "
        "only sleeps; the triggerer starts afresh for ours.\n"
        f"Of the tasks that then wait for a worker {resumed} are really resumed; the others are marked as "
        "successful."
    )
    airflow, ours = result["airflow"], result["ours"]
    figures: dict[str, Callable[[Row], str]] = {
        f"until {count:,} triggers have started, s": lambda row: f"{row['start_seconds']:.0f}",
        "CPU for that, each, ms": lambda row: f"{row['start_cpu'] / count * 1000:.1f}",
        "CPU while they wait, % of a core": lambda row: f"{row['busy'] * 100:.1f}",
        "requests an interval": lambda row: f"{row['requests']:.1f}",
        "memory, MB": lambda row: f"{row['memory'] / 1e6:.0f}",
        "loop blocked for over 0.2 s at the start": lambda row: _stalls(row["blocked_start"]),
        "loop blocked for over 0.2 s while they wait": lambda row: _stalls(row["blocked_waiting"]),
    }
    cells = [[name, figure(airflow), figure(ours)] for name, figure in figures.items()]
    fired, ended = f"{result['fired_seconds']:.1f}", f"{result['resumed_seconds']:.0f}"
    cells += [
        ["from the end of all trainings until all tasks are due, s", "", fired],
        [f"until {resumed} of them have been resumed and ended, s", "", ended],
    ]
    idle = f"Without any trigger it takes {result['idle'] * 100:.1f} % of a core."
    head = ("triggerer (supervisor and runner)", "Airflow's `DateTimeTrigger`", "ours")
    return "\n\n".join([f"{text}\n{idle}", table(head, cells)])


def _stalls(seconds: Sequence[float]) -> str:
    return f"{len(seconds)} times, up to {max(seconds):.1f} s" if seconds else "never"


WRITERS: Final[dict[str, Callable[[Any], str]]] = {
    "a": imports,
    "b": waits,
    "c": submits,
    "d": growth,
    "e": triggerer,
}
