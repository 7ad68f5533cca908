"""Faults to order: what goes wrong, on which operation, how often. Pure data and decisions."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from airflow_provider_modelarts.emulator import checks
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
MAX_DELAY = 600.0
# Orders in force, and the bytes of all their bodies together.
MAX_FAULTS = 1000
MAX_BODIES = 128 * 1024 * 1024
MAX_HEADERS = 100
# How much of an ordered body a list shows.
SHOWN_BODY = 1000

# These would break the connection instead; that is what ``truncate`` and ``lost_answer`` are for.
_FRAMING = frozenset({"content-length", "transfer-encoding"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# What HTTP can carry: no control characters, and the one byte per character of Latin-1.
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]{0,16384}")


@dataclass
class Fault:
    """One order.

    :param when: ``before``: the request is not processed; ``after``: it is, then the answer is spoilt.
    :param status: HTTP status of the answer, 200 to 599.
    :param body: text, bytes, or what becomes JSON.
    :param delay: seconds to wait before the answer (any kind), up to 600.
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
        checks.choice("fault: kind", self.kind, KINDS)
        when = KINDS[self.kind] if self.when == "" else self.when
        self.when = checks.choice("fault: when", when, ("before", "after"))
        if self.status is not None:
            checks.whole("fault: status", self.status, 200, 599)
        checks.seconds("fault: delay", self.delay, 0, MAX_DELAY)
        if self.times is not None:
            checks.whole("fault: times", self.times, 1)
        checks.whole("fault: skip", self.skip)
        _check_headers(self.headers)
        self.size = _size(self.body)

    @property
    def spent(self) -> bool:
        """Return whether it has met all the requests it was ordered for."""
        return self.times is not None and self.hits >= self.times

    def as_dict(self) -> dict[str, Any]:
        """Return the order and its count so far; a long body cut, with its size in bytes beside it."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(self.body, bytes):
            found["body"] = self.body[:SHOWN_BODY].decode("utf-8", "replace")
        elif self.size > SHOWN_BODY:
            text = self.body if isinstance(self.body, str) else json.dumps(self.body)
            found["body"] = text[:SHOWN_BODY]
        return {**found, "headers": dict(self.headers), "body_size": self.size}


def _check_headers(headers: Any) -> None:
    if not isinstance(headers, Mapping) or len(headers) > MAX_HEADERS:
        checks.refuse("fault: headers", headers, f"an object of up to {MAX_HEADERS} texts")
    for name, value in headers.items():
        right = isinstance(name, str) and _HEADER_NAME.fullmatch(name)
        if not right or name.lower() in _FRAMING:
            checks.refuse("fault: headers: the name", name, "one that HTTP can carry")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            checks.refuse(f"fault: headers.{name}", value, "a text that HTTP can carry")


def _size(body: Any) -> int:
    """Return about how many bytes a body takes."""
    if body is None or isinstance(body, str | bytes):
        return len(body or "")
    try:
        return len(json.dumps(body))
    except (TypeError, ValueError, RecursionError):
        checks.refuse("fault: body", body, "a text, or what JSON can hold")


class FaultBook:
    """The orders in force, in the order they were given."""

    def __init__(self, operations: frozenset[str]) -> None:
        self._operations = operations
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, order: Mapping[str, Any]) -> Fault:
        """Take an order; :raises EmulatorError: naming the wrong field."""
        checks.known("fault", order, set(Fault.__dataclass_fields__) - {"hits"})
        for name in ("operation", "kind"):
            if name not in order:
                message = f"fault: {name} is required"
                raise EmulatorError(message)
        checks.choice("fault: operation", order["operation"], [ANY, *sorted(self._operations)])
        fault = Fault(**order)
        with self._lock:
            self._make_room(fault)
            self._faults.append(fault)
        return fault

    def _make_room(self, fault: Fault) -> None:
        """Let go of orders that are spent once there is no room; :raises EmulatorError: when that is not enough."""
        if self._is_full(fault):
            self._faults = [known for known in self._faults if not known.spent]
        if self._is_full(fault):
            message = (
                f"faults: {len(self._faults)} are in force, {MAX_FAULTS} with bodies of "
                f"{MAX_BODIES // 1024**2} MiB together are allowed: clear them first"
            )
            raise EmulatorError(message)

    def _is_full(self, fault: Fault) -> bool:
        size = fault.size + sum(known.size for known in self._faults)
        return len(self._faults) >= MAX_FAULTS or size > MAX_BODIES

    def take(self, operation: str) -> Fault | None:
        """Return the fault that meets this request, and count it."""
        with self._lock:
            for fault in self._faults:
                if fault.operation not in {ANY, operation}:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if not fault.spent:
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
