"""Keeps what callers sent, for assertions; bounded in number and size, and shown without secrets."""

from __future__ import annotations

import base64
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import masking

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 20000
# Bytes of all that is kept, and of one body; what is longer keeps its beginning.
SIZE_LIMIT = 64 * 1024 * 1024
KEPT_BODY = 1024 * 1024
# What one answer shows: requests, and bytes of each body.
SHOWN, MOST_SHOWN = 1000, 2000
SHOWN_BODY = 16 * 1024

_LOGINS = frozenset({"iam_token", "unknown"})


@dataclass
class RecordedRequest:
    """One request.

    :param headers: as they were sent, secrets included: for assertions in the process that runs the emulator.
    :param body: the first MiB of it.
    :param status: what was answered, None when the answer was lost or is under way.
    :param body_size: bytes of the whole body.
    """

    time: float
    method: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    operation: str
    status: int | None = None
    body_size: int = 0

    def __post_init__(self) -> None:
        self.body_size = self.body_size or len(self.body)
        self.body = self.body[:KEPT_BODY]

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        names = sum(len(name) + len(value) for name, value in self.headers.items())
        return names + len(self.path) + len(self.query) + len(self.body)

    def as_dict(self) -> dict[str, Any]:
        """Return a form for JSON: without keys, tokens and signatures, and with a long body cut."""
        body = masking.login(self.body) if self.operation in _LOGINS else self.body
        body = body[:SHOWN_BODY]
        return {
            "time": self.time,
            "method": self.method,
            "path": self.path,
            "query": masking.query(self.query),
            "headers": masking.headers(self.headers),
            "body": body.decode("utf-8", "replace"),
            "body_base64": base64.b64encode(body).decode(),
            "body_size": self.body_size,
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
            self._size += request.size
            while len(self._requests) > LIMIT or (
                self._size > SIZE_LIMIT and len(self._requests) > 1
            ):
                self._size -= self._requests.popleft().size

    def all(self, operation: str | None = None) -> list[RecordedRequest]:
        """Return the kept requests, oldest first."""
        with self._lock:
            return [request for request in self._requests if operation in {None, request.operation}]

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()
            self._size = 0
