"""Checks of the constructor arguments that are never templated, while a DAG file is parsed.

One rule for all: any real number counts as a number, and so does a text of one; ``True``, ``False``
and the texts "true" and "false" count as a flag. All else is refused with a ``ValueError`` that names
the parameter, before anything is sent.
"""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.client.normal import is_flag

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORTEST: Final = 0.01
"""Fewest seconds between two polls; a second or more is sensible."""

LONGEST: Final = timedelta(days=36500).total_seconds()
"""Most seconds of a duration; far longer ones do not fit into Python's timers."""

_WIDTH: Final = 80
_BITS: Final = 128


def flag(name: str, value: Any) -> bool:
    """Return a flag.

    :param name: the parameter, for the message.
    :raises ValueError: the value is none.
    """
    if is_flag(value):
        return bool(value)
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in ("true", "false"):
        raise _refused(name, value, "True or False")
    return text == "true"


def choice(name: str, value: Any, allowed: Sequence[str]) -> str:
    """Return one of a few texts.

    :raises ValueError: the value is none of them.
    """
    if not isinstance(value, str) or value not in allowed:
        raise _refused(name, value, f"one of {', '.join(map(repr, allowed))}")
    return value


def interval(name: str, value: Any) -> float:
    """Return the seconds between two polls.

    :param value: seconds, of which fractions are fine, or a ``timedelta``.
    :raises ValueError: the value is no such duration, or the polls would hardly pause.
    """
    found = _seconds(value)
    if found is None or not SHORTEST <= found <= LONGEST:
        allowed = f"a positive number of seconds, at least {SHORTEST}, or a timedelta"
        raise _refused(name, value, allowed)
    return found


def time_limit(name: str, value: Any, *, zero: bool = False) -> float | None:
    """Return the seconds after which something ends; None: never.

    :param value: seconds or a ``timedelta``.
    :param zero: whether 0 is a limit as well.
    :raises ValueError: the value is no such duration.
    """
    if value is None:
        return None
    found = _seconds(value)
    if found is None or not 0 <= found <= LONGEST or (not found and not zero):
        least = (
            "a number of seconds that is not negative" if zero else "a positive number of seconds"
        )
        raise _refused(name, value, f"{least}, a timedelta, or None for no end")
    return found


def count(name: str, value: Any, *, least: int = 1, most: int | None = None) -> int:
    """Return a whole number.

    :raises ValueError: the value is none, or out of range.
    """
    found = _number(value)
    if found is None or found != math.floor(found) or not least <= found <= (most or found):
        bounds = f"from {least} to {most}" if most else f"of at least {least}"
        raise _refused(name, value, f"a whole number {bounds}")
    return int(found)


def _seconds(value: Any) -> float | None:
    return value.total_seconds() if isinstance(value, timedelta) else _number(value)


def _number(value: Any) -> float | None:
    """Return a finite number, or None."""
    if is_flag(value) or not isinstance(value, (Real, Decimal, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _refused(name: str, value: Any, allowed: str) -> ValueError:
    msg = f"{name} is {_shown(value)}, but must be {allowed}"
    if "XCom" in type(value).__name__ or (isinstance(value, str) and "{" in value):
        msg += f"; {name} is never templated, so set it in the DAG file"
    return ValueError(msg)


def _shown(value: Any) -> str:
    """Return a short text for a value; of what may be long or odd only the type."""
    if isinstance(value, int) and value.bit_length() > _BITS:
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, (str, int, float, Decimal, timedelta)):
        text = repr(value)
        return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
    return f"of type {type(value).__name__}"
