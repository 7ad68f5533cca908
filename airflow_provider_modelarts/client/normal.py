"""One form for values that are the same but for their type: sequences, numbers and flags.

Upstream tasks and databases hand over tuples, Airflow's lazy sequences, ``Decimal`` and the scalars of
numpy. They are known here by their abstract classes, so that none of their packages is imported.
"""

from __future__ import annotations

from collections import UserString
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Rational, Real
from typing import Any, Final

_TEXTS: Final = (str, bytes, bytearray, memoryview, UserString)
_DIGITS: Final = 40
"""Places before the point of a ``Decimal`` that is read as an integer."""
_BITS: Final = 10_000
"""Of an integer that is written out; Python refuses to write far longer ones."""
_DEPTH: Final = 50
"""Levels of containers that are brought into one form."""


def is_flag(value: Any) -> bool:
    """Whether a value is true or false, numpy's included."""
    kind = type(value)
    return isinstance(value, bool) or (
        kind.__module__ == "numpy" and kind.__name__ in ("bool", "bool_")
    )


def as_list(value: Any) -> Any:
    """Return any sequence but a text as a list, and anything else as it is."""
    is_sequence = isinstance(value, Sequence) and not isinstance(value, _TEXTS)
    return list(value) if is_sequence and type(value) is not list else value


def whole(value: Any) -> Any:
    """Return a real number that is whole as an ``int``, and anything else as it is."""
    if isinstance(value, Decimal):
        fits = (
            value.is_finite() and value.adjusted() < _DIGITS and value == value.to_integral_value()
        )
        return int(value) if fits else value
    if is_flag(value) or not isinstance(value, Real):
        return value
    if isinstance(value, Integral):
        return int(value)
    number = float(value)
    return int(number) if number.is_integer() else value


def number_text(value: Any) -> str | None:
    """Return a number as a text; None if the value is none, or an integer of thousands of digits."""
    if is_flag(value) or not isinstance(value, (Real, Decimal)):
        return None
    if isinstance(value, Integral):
        number = int(value)
        return str(number) if number.bit_length() <= _BITS else None
    return str(float(value)) if isinstance(value, Rational) else str(value)


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Return a value with all sequences, numbers and flags in it as those of JSON."""
    value = as_list(value)
    if isinstance(value, (Mapping, list)) and not depth:
        return value
    if isinstance(value, Mapping):
        return {key: plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, depth - 1) for item in value]
    if is_flag(value):
        return bool(value)
    if type(value) in (int, float):
        return value
    found = whole(value)
    text = number_text(found)
    return found if text is None or isinstance(found, int) else float(text)
