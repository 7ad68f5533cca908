"""Faults to order: what goes wrong, on which operation, how often. Pure data and decisions."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from airflow_provider_modelarts.emulator.errors import EmulatorError

# Kind of fault, and whether the request is processed first when nothing else is said.
KINDS = {
    "status": "before",
    "reset": "before",
    "lost_answer": "after",
    "slow": "before",
    "garbage": "after",
    "truncate": "after",
}
ANY = "*"


@dataclass
class Fault:
    """One order.

    :param when: ``before``: the request is not processed; ``after``: it is, then the answer is spoilt.
    :param delay: seconds to wait before the answer (any kind).
    :param times: how many requests it meets; None: all.
    :param skip: how many matching requests pass first.
    """

    operation: str
    kind: str
    when: str = ""
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    times: int | None = 1
    skip: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            _refuse("kind", self.kind, ", ".join(KINDS))
        self.when = self.when or KINDS[self.kind]
        if self.when not in {"before", "after"}:
            _refuse("when", self.when, "before, after")
        if self.status is not None and not (
            isinstance(self.status, int) and 200 <= self.status <= 599
        ):
            _refuse("status", self.status, "200 to 599")
        if not isinstance(self.delay, int | float) or not 0 <= self.delay <= 600:
            _refuse("delay", self.delay, "0 to 600 seconds")
        if self.times is not None and not (isinstance(self.times, int) and self.times >= 1):
            _refuse("times", self.times, "an integer of at least 1, or null for always")
        if not isinstance(self.skip, int) or self.skip < 0:
            _refuse("skip", self.skip, "an integer of at least 0")
        if not isinstance(self.headers, Mapping) or not all(
            isinstance(value, str) for value in self.headers.values()
        ):
            _refuse("headers", self.headers, "names and texts")

    def as_dict(self) -> dict[str, Any]:
        """Return the order and its count so far."""
        return asdict(self)


def _refuse(name: str, value: object, allowed: str) -> None:
    message = f"fault: {name} {value!r} is not allowed, expected {allowed}"
    raise EmulatorError(message)


class FaultBook:
    """The orders in force, in the order they were given."""

    def __init__(self, operations: frozenset[str]) -> None:
        self._operations = operations
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, order: Mapping[str, Any]) -> Fault:
        """Take an order; :raises EmulatorError: naming the wrong field."""
        unknown = set(order) - set(Fault.__dataclass_fields__) | ({"hits"} & set(order))
        if unknown or "operation" not in order or "kind" not in order:
            message = f"fault: operation and kind are required, unknown: {', '.join(sorted(unknown)) or 'nothing'}"
            raise EmulatorError(message)
        if order["operation"] != ANY and order["operation"] not in self._operations:
            _refuse("operation", order["operation"], ", ".join([ANY, *sorted(self._operations)]))
        fault = Fault(**order)
        with self._lock:
            self._faults.append(fault)
        return fault

    def take(self, operation: str) -> Fault | None:
        """Return the fault that meets this request, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.operation not in {ANY, operation}:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times is None or fault.hits < fault.times:
                    fault.hits += 1
                    return fault
        return None

    def all(self) -> list[dict[str, Any]]:
        """Return every order with its count."""
        with self._lock:
            return [fault.as_dict() for fault in self._faults]

    def clear(self) -> None:
        """Drop every order."""
        with self._lock:
            self._faults.clear()
