"""Keeps what callers sent, for assertions."""

from __future__ import annotations

import base64
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 20000
BODY_LIMIT = 64 * 1024 * 1024


@dataclass
class RecordedRequest:
    """One request; ``status`` is what was answered, None when the answer was lost or is under way."""

    time: float
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    operation: str
    status: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return a form for JSON."""
        return {
            "time": self.time,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": dict(self.headers),
            "body": self.body.decode("utf-8", "replace"),
            "body_base64": base64.b64encode(self.body).decode(),
            "operation": self.operation,
            "status": self.status,
        }


class Recorder:
    """The last requests; older ones are dropped beyond a bound on number and size."""

    def __init__(self) -> None:
        self._requests: deque[RecordedRequest] = deque()
        self._size = 0
        self._lock = threading.Lock()

    def add(self, request: RecordedRequest) -> None:
        """Keep a request."""
        with self._lock:
            self._requests.append(request)
            self._size += len(request.body)
            while len(self._requests) > LIMIT or (
                self._size > BODY_LIMIT and len(self._requests) > 1
            ):
                self._size -= len(self._requests.popleft().body)

    def all(self, operation: str | None = None) -> list[RecordedRequest]:
        """Return the kept requests, oldest first."""
        with self._lock:
            return [request for request in self._requests if operation in {None, request.operation}]

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()
            self._size = 0
