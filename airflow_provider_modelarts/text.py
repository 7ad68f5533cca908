"""Makes text and data from outside fit to be shown, stored and handed on.

A service, a connection or a template may hold half of an emoji, control characters, numbers that are
none, or megabytes. Airflow's own encoders fail at the first, terminals and logs obey the second, JSON
has no third, and its database is no place for the fourth.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

LINE: Final = 1_000
"""Characters of a text that goes into an error, an event or a line of a log."""

RESULT: Final = 48 * 1024
"""Bytes of JSON that a result may have; Airflow warns of an XCom or a state above 64 KiB."""

_CUT: Final = "…"
_LONGEST_TEXT: Final = 2_000
_INT64: Final = range(-(2**63), 2**63)
_CONTROLS: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_NOT_OF_A_LINE: Final = re.compile(f"[{_CONTROLS}\t\n]")
_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def well_formed(text: str) -> str:
    """Replace halves of surrogate pairs; whole pairs become the character they stand for."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def visible(text: str) -> str:
    """Write control characters as escapes, but for line feeds and tabs, which texts consist of."""
    return _CONTROL.sub(_escaped, well_formed(text))


def one_line(text: str, limit: int = LINE) -> str:
    """Return a text for one line of a log or a message: every control character escaped, and bounded."""
    line = _NOT_OF_A_LINE.sub(_escaped, well_formed(text[: limit + 1]))
    return line if len(line) <= limit else f"{line[: limit - 1]}{_CUT}"


def _escaped(found: re.Match[str]) -> str:
    char = found.group()
    return _ESCAPES.get(char) or (
        f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"
    )


# ---- JSON


def parse_json(body: bytes | str) -> Any:
    """Parse JSON as leniently as it can be understood, into what strict JSON can hold.

    Bytes that are no UTF-8 are replaced, control characters within texts allowed, NaN and infinities
    become None, and integers beyond 64 bits texts.

    :raises ValueError: it is not JSON, or nested too deeply.
    """
    text = body.decode("utf-8-sig", "replace") if isinstance(body, bytes) else body
    try:
        value = json.loads(
            text, strict=False, parse_constant=_nothing, parse_float=_float, parse_int=_int
        )
        # Only an escape can bring half of a pair, as the decoding of bytes replaces them.
        odd = "\\ud" in text.lower() or isinstance(body, str)
        return _each_text(value) if odd else value
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None


def _nothing(_: str) -> None:
    return None


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _int(text: str) -> int | str:
    return text if len(text) > 20 or int(text) not in _INT64 else int(text)


def _each_text(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [_each_text(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(key): _each_text(item) for key, item in value.items()}
    return value


def strict_json(value: Any) -> Any:
    """Return a value as strict JSON: texts visible and bounded, numbers finite and of 64 bits."""
    if isinstance(value, dict):
        return {one_line(str(key), 200): strict_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict_json(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _number(value)
    text = visible(str(value)[: _LONGEST_TEXT + 1])
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}{_CUT}"


def _number(value: int | float) -> int | float | str | None:
    if isinstance(value, int):
        return value if value in _INT64 else one_line(hex(value), 40)
    return value if math.isfinite(value) else None


def fit(value: Any, where: str, limit: int = RESULT) -> tuple[Any, str]:
    """Return strict JSON of bounded size, and what was left out of it; empty if nothing was.

    Lists and objects are cut to their first entries, as many as fit. An object says so itself, under
    ``left_out``.

    :param where: where all of it can be read, for the reader of the result.
    :param limit: bytes of JSON.
    """
    whole = strict_json(value)
    size = _size(whole)
    if size <= limit:
        return whole, ""
    for most in (100, 50, 20, 10, 5, 2, 1, 0):
        short = _first(whole, most)
        told = (
            f"{size} bytes are too many for a result: lists and objects are cut to their first {most} "
            f"entries. All of it is {where}"
        )
        if isinstance(short, dict):
            short = {**short, "left_out": told}
        if _size(short) <= limit:
            return short, told
    return None, f"{size} bytes are too many for a result. All of it is {where}"


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())


def _first(value: Any, most: int) -> Any:
    if isinstance(value, list):
        return [_first(item, most) for item in value[:most]]
    if isinstance(value, dict):
        return {key: _first(value[key], most) for key in list(value)[: max(most, 1) if most else 0]}
    return value
