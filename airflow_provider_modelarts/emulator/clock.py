"""The server's clock, which tests may shift."""

from __future__ import annotations

import time


class Clock:
    """Wall clock with an offset.

    The shift moves token expiry, signature skew, reported times and the ``time`` transition mode;
    the delays of really run jobs follow the true clock.
    """

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Return seconds since the epoch, shifted."""
        return time.time() + self._offset

    def now_ms(self) -> int:
        """Return milliseconds since the epoch, shifted."""
        return int(self.now() * 1000)

    def shown_ms(self, true_seconds: float) -> int:
        """Return a true time as this clock would have shown it, in milliseconds."""
        return int((true_seconds + self._offset) * 1000)

    def shift(self, seconds: float) -> None:
        """Move the clock by ``seconds`` (may be negative)."""
        self._offset += seconds

    def reset(self) -> None:
        """Return to the true time."""
        self._offset = 0.0
