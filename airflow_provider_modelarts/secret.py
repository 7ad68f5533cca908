"""A text that nothing prints by accident: no log line, no error, no traceback with local variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

MASK = "***"


@dataclass(frozen=True, repr=False, eq=False, slots=True)
class Secret:
    """Holds a secret; only :meth:`reveal` gives it away.

    Error trackers collect the local variables of every frame of a traceback. A secret therefore stays
    in this type from the connection down to the request, and is revealed in the expression that uses it.
    It equals a secret or a text of the same value and has its hash, so that a configuration with
    secrets can be the key of a cache.
    """

    _value: str

    @classmethod
    def of(cls, value: str | Secret) -> Secret:
        """Return a secret as it is, and a text as a secret."""
        return value if isinstance(value, Secret) else cls(value)

    def reveal(self) -> str:
        """Return the text."""
        return self._value

    def fits_header(self) -> bool:
        """Whether a header can carry it: ASCII without blanks and control characters, or empty.

        For any other text the HTTP library raises an error that shows it.
        """
        return self._value.isascii() and self._value.isprintable() and " " not in self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Secret):
            return self._value == other._value
        return self._value == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return MASK

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse: pickled, it would lie in the clear wherever the bytes go."""
        msg = "a secret cannot be pickled"
        raise TypeError(msg)


def revealed(headers: Mapping[str, str | Secret]) -> dict[str, str]:
    """Return headers as they are sent."""
    return {name: Secret.of(value).reveal() for name, value in headers.items()}
