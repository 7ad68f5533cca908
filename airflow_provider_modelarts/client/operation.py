"""One API call as data: the client sends it, tests read it, the retry rules judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from airflow_provider_modelarts.client.ids import checked_option
from airflow_provider_modelarts.exceptions import ResponseLostError
from airflow_provider_modelarts.transport import MAX_ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


class Repeat(Enum):
    """What may follow when it is unknown whether a call has worked."""

    SAFE = "safe"
    """It changes nothing, or the same thing again: repeat."""

    ABSENT_IS_DONE = "absent is done"
    """A deletion: repeat, and take "not found" as done."""

    ASK_FIRST = "ask first"
    """Never repeat blindly: read the state, or look for what the lost call may have made."""


@dataclass(frozen=True)
class Operation(Generic[T]):
    """A call of the API.

    :param name: the client's method, such as ``create_training_job``.
    :param method: HTTP method.
    :param path: path after ``/v1/{project_id}``.
    :param parse: makes the result of the answer's JSON object.
    :param query: query parameters in order.
    :param body: JSON body, or None.
    :param repeat: what may follow an unknown outcome.
    :param most: bytes that the answer may have.
    """

    name: str
    method: str
    path: str
    parse: Callable[[Mapping[str, Any]], T]
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    repeat: Repeat = Repeat.SAFE
    most: int = MAX_ANSWER_BYTES

    def __str__(self) -> str:
        """Return method and path as in the API reference."""
        return f"{self.method} /v1/{{project_id}}{self.path}"


def accepted(data: Mapping[str, Any]) -> Literal[True]:
    """Read an answer that says no more than that the call was accepted.

    :raises ResponseLostError: it does not say so; anything in front of the service may send ``{}``.
    """
    if str(data.get("is_success")).lower() != "true":
        msg = "the answer does not say 'is_success': true"
        raise ResponseLostError(msg)
    return True


def given(**options: object) -> tuple[tuple[str, str], ...]:
    """Return query parameters without those that are not set.

    :raises PayloadValidationError: one of them cannot be written into a URL.
    """
    return tuple(
        (name, checked_option(name, value))
        for name, value in options.items()
        if value not in (None, "")
    )


def newest_first(
    page: int, per_page: int, sort: str = "create_time"
) -> tuple[tuple[str, str], ...]:
    """Return the query parameters for one page of a list.

    The defaults of the service, mostly by name, let rows move between pages.
    """
    return given(sortBy=sort, order="desc", per_page=per_page, page=page)
