"""How versions move from status to status; pure data and decisions.

Modes: ``run`` (a real process decides), ``immediate`` (final at creation), ``reads`` (moves on when
it is read) and ``time`` (moves on with the server's clock). Only the last three start no process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import checks, statuses
from airflow_provider_modelarts.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Modes, and what each takes.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "run": (),
    "immediate": ("status",),
    "reads": ("sequence", "reads"),
    "time": ("sequence",),
}
MAX_STEPS = 1000


@dataclass(frozen=True)
class Plan:
    """What lies before a version.

    :param steps: status and the delay in seconds (``time`` only) counted from creation.
    :param reads: how many reads see one status (``reads`` only).
    """

    mode: str
    steps: tuple[tuple[int, float], ...] = ()
    reads: int = 1

    @property
    def first(self) -> int:
        """Return the status right after creation."""
        return self.steps[0][0] if self.steps else statuses.INIT

    def after_reads(self, count: int) -> tuple[int, bool]:
        """Return the status seen by the next read after ``count`` reads, and whether it is the last."""
        index = min(count // self.reads, len(self.steps) - 1)
        return self.steps[index][0], index == len(self.steps) - 1

    def at(self, elapsed: float, time_scale: float) -> tuple[int, float | None]:
        """Return the status ``elapsed`` seconds after the start, and when the next one is due (None: never)."""
        status, following = self.first, None
        for step, delay in self.steps:
            if delay * time_scale > elapsed:
                following = delay * time_scale
                break
            status = step
        return status, following

    def due_steps(self, start: float, now: float, time_scale: float) -> Iterator[tuple[int, float]]:
        """Yield each status reached until now and when it was reached."""
        for status, delay in self.steps:
            if start + delay * time_scale <= now:
                yield status, start + delay * time_scale

    def as_dict(self) -> dict[str, Any]:
        """Return the form that :func:`parse` reads."""
        if self.mode == "run":
            return {"mode": "run"}
        if self.mode == "immediate":
            return {"mode": "immediate", "status": self.first}
        if self.mode == "reads":
            return {
                "mode": "reads",
                "sequence": [status for status, _ in self.steps],
                "reads": self.reads,
            }
        return {"mode": "time", "sequence": [list(step) for step in self.steps]}


@dataclass
class Transitions:
    """The setting for versions created from now on."""

    default: Plan
    current: Plan = field(init=False)

    def __post_init__(self) -> None:
        self.current = self.default

    def reset(self) -> None:
        """Return to what the emulator was started with."""
        self.current = self.default


def from_text(text: str) -> Plan:
    """Read a plan as the state file keeps it."""
    return parse(json.loads(text))


def parse(setting: Mapping[str, Any]) -> Plan:
    """Check a setting such as ``{"mode": "reads", "sequence": [1, 8, 10], "reads": 1}``.

    :raises EmulatorError: naming the wrong field.
    """
    mode = checks.choice("transitions: mode", setting.get("mode"), _FIELDS)
    checks.known(f"transitions of mode {mode}", setting, {"mode", *_FIELDS[mode]})
    if mode == "run":
        return Plan("run")
    if mode == "immediate":
        return Plan("immediate", ((_status(setting.get("status", statuses.COMPLETED)), 0.0),))
    sequence = setting.get("sequence")
    if not isinstance(sequence, list | tuple) or not 1 <= len(sequence) <= MAX_STEPS:
        checks.refuse("transitions: sequence", sequence, f"a list of 1 to {MAX_STEPS} entries")
    if mode == "reads":
        reads = checks.whole("transitions: reads", setting.get("reads", 1), 1)
        return Plan(
            "reads", tuple((_status(status, "sequence: "), 0.0) for status in sequence), reads
        )
    return Plan("time", _timed(sequence))


def _timed(sequence: list[Any] | tuple[Any, ...]) -> tuple[tuple[int, float], ...]:
    steps: list[tuple[int, float]] = []
    for entry in sequence:
        if not isinstance(entry, list | tuple) or len(entry) != 2:
            checks.refuse("transitions: sequence: the step", entry, "a pair [status, seconds]")
        delay = checks.seconds("transitions: sequence: seconds", entry[1])
        if steps and delay < steps[-1][1]:
            message = f"transitions: sequence: seconds count from creation and may not fall, {checks.shown(entry)} does"
            raise EmulatorError(message)
        steps.append((_status(entry[0], "sequence: "), delay))
    return tuple(steps)


def _status(value: Any, where: str = "") -> int:
    # Codes outside the table are allowed: a client has to cope with new ones.
    return checks.whole(f"transitions: {where}status", value)


def stopped(plan: Plan) -> Plan:
    """Return what follows a stop: 9, then 12, in the manner of the version's own plan."""
    if plan.mode == "reads":
        return Plan("reads", ((statuses.KILLING, 0.0), (statuses.KILLED, 0.0)), plan.reads)
    if plan.mode == "time":
        return Plan("time", ((statuses.KILLING, 0.0), (statuses.KILLED, 1.0)))
    return Plan("immediate", ((statuses.KILLED, 0.0),))
