"""One request and one reply as plain data, between the HTTP shell and the handlers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator.signing import query_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        """Return the decoded body; :raises ValueError: when it is not JSON."""
        return json.loads(self.body.decode())


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
