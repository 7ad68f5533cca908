"""How a value that somebody gave is shown in an error: short, on one line, harmless, whatever it is."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

VALUE_LIMIT: Final = 80
"""Characters of a value that are shown."""

_KEY_LIMIT: Final = 64
_PLAIN_KEY: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{_KEY_LIMIT}}}(\[\d{{1,6}}\])?")


class _Repr(reprlib.Repr):
    """``repr`` with limits on depth, number and length, also for what cannot write itself."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = self.maxlong = VALUE_LIMIT + 10
        self.fillvalue = "…"

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write integers of more than some thousand digits.
        if x.bit_length() > 1000:
            return "an integer of more than 300 digits"
        return super().repr_int(x, level)

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002 - the signature of reprlib
        # From the start, not from both ends: the end of a long text may be a secret's.
        return repr(x if len(x) <= self.maxstring else x[: self.maxstring])

    def repr_instance(self, x: Any, level: int) -> str:
        text = super().repr_instance(x, level)
        return f"a {type(x).__name__}" if text.startswith("<") else text


def shown(value: Any) -> str:
    """Return a text of at most ``VALUE_LIMIT`` characters for any value."""
    text = _Repr().repr(value)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}…"


def kind_of(value: Any) -> str:
    """Return what a value is, in words that are not Python's."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else f"a {type(value).__name__}"


def path_of(parts: Sequence[Any]) -> str:
    """Return the path of a field, such as ``config.parameter[2].label``; odd keys are quoted."""
    text = ""
    for part in parts:
        if isinstance(part, int) and not isinstance(part, bool):
            text += f"[{shown(part)}]"
        elif isinstance(part, str) and _PLAIN_KEY.fullmatch(part):
            text += f".{part}"
        else:
            text += f".{shown(part)}"
    return text.lstrip(".")
