"""Checks of what an order may hold; each refusal names the field and shows the value, cut short."""

from __future__ import annotations

import math
import reprlib
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_modelarts.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterable

# What the state file can keep in an integer; a status may be one that no client expects.
MAX_WHOLE = 2**63 - 1
# A century: longer waits are a mistake, and much later no date could show.
MAX_SECONDS = 100 * 366 * 86400.0

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80
_REPR.maxlevel = 2


def shown(value: Any) -> str:
    """Return a short form of any value, on one line."""
    try:
        return _REPR.repr(value)[:200]
    except ValueError:
        # Python does not print whole numbers of thousands of digits.
        return "a very large number"


def refuse(field: str, value: Any, allowed: str) -> NoReturn:
    """Refuse a value; :raises EmulatorError: always, with what is allowed."""
    message = f"{field} {shown(value)} is not {allowed}"
    raise EmulatorError(message)


def seconds(field: str, value: Any, lowest: float = 0.0, highest: float = MAX_SECONDS) -> float:
    """Return a finite number of seconds; :raises EmulatorError: when it is none or out of bounds."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # Comparing refuses NaN too, and copes with whole numbers that no float holds.
    if not number or not lowest <= value <= highest or not math.isfinite(value):
        refuse(field, value, f"a number of {lowest:,.10g} to {highest:,.10g} seconds")
    return float(value)


def whole(field: str, value: Any, lowest: int = 0, highest: int = MAX_WHOLE) -> int:
    """Return a whole number; :raises EmulatorError: when it is none or out of bounds."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if not number or not lowest <= value <= highest:
        refuse(field, value, f"a whole number of {lowest} to {highest}")
    return int(value)


def text(field: str, value: Any, longest: int) -> str:
    """Return a text; :raises EmulatorError: when it is none or too long."""
    if not isinstance(value, str) or len(value) > longest:
        refuse(field, value, f"a text of up to {longest} characters")
    return value


def choice(field: str, value: Any, allowed: Iterable[str]) -> str:
    """Return one of a few words; :raises EmulatorError: listing them."""
    words = list(allowed)
    # A list has no hash, so it is not looked up in a set.
    if not isinstance(value, str) or value not in words:
        refuse(field, value, f"one of {', '.join(words)}")
    return value


def known(what: str, given: Iterable[Any], allowed: Iterable[str]) -> None:
    """Refuse fields that do not exist; :raises EmulatorError: naming them and those that do."""
    unknown = sorted(shown(name) for name in set(given) - set(allowed))
    if unknown:
        names = ", ".join(unknown[:5])
        message = f"{what}: unknown fields {names}; known are {', '.join(sorted(allowed))}"
        raise EmulatorError(message)
