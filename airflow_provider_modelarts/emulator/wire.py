"""One request and one reply as plain data, between the HTTP shell and the handlers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator.signing import query_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

# More than any body of the service's, less than what parsers and checks can follow.
MAX_DEPTH = 64


def decode(body: bytes) -> Any:
    """Return what a request body holds, in strict JSON that can be kept and sent back.

    :raises ValueError: when it is something else: also for NaN and numbers beyond floats, for half an emoji,
        and for objects and lists in one another deeper than :data:`MAX_DEPTH`.
    """
    try:
        found = json.loads(body.decode(), parse_constant=_no_number, parse_float=_finite)
        deep = _is_deeper(found, MAX_DEPTH)
    except RecursionError:
        deep = True
    if deep:
        message = f"objects and lists lie in one another deeper than {MAX_DEPTH} levels"
        raise ValueError(message)
    if b"\\u" in body:
        # A lone surrogate passes the parser, but is no text that could be kept or sent back.
        json.dumps(found, ensure_ascii=False).encode()
    return found


def _is_deeper(found: Any, levels: int) -> bool:
    """Return whether there is anything below so many levels; walks them one after the other."""
    level = [found]
    for _ in range(levels):
        level = [
            child
            for value in level
            if isinstance(value, dict | list)
            for child in (value.values() if isinstance(value, dict) else value)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _no_number(text: str) -> Any:
    message = f"{text} is not JSON"
    raise ValueError(message)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        message = f"the number {text[:40]} is too large"
        raise ValueError(message)
    return value


@dataclass(frozen=True)
class Call:
    """A request as it came in.

    :param headers: lower-case names; a repeated header keeps its first value.
    :param params: placeholders of the route's path, filled in.
    """

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    base_url: str
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def project_id(self) -> str:
        """Return the project in the path."""
        return self.params["project_id"]

    @cached_property
    def query(self) -> dict[str, str]:
        """Return the decoded query; the last of several equal names wins."""
        return dict(query_pairs(self.raw_query))

    def json(self) -> Any:
        """Return the decoded body; :raises ValueError: when it is not JSON, see :func:`decode`."""
        return decode(self.body)


@dataclass(frozen=True)
class Reply:
    """What goes back: JSON by default, or ready bytes."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @cached_property
    def content(self) -> bytes:
        """Return the bytes to send."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        try:
            return json.dumps(self.body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            # Half an emoji, from a training's metrics or by order: JSON can say it, escaped.
            return json.dumps(self.body).encode()


# The answer of every change that has nothing to tell.
DONE = Reply({"is_success": True})
