"""The server's clock, which tests may shift."""

from __future__ import annotations

import time

from airflow_provider_modelarts.emulator import checks

# 1980 and 2200: every date and every token's end can be shown, and milliseconds keep their 13 digits.
EARLIEST, LATEST = 315532800.0, 7258118400.0


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
        """Move the clock by ``seconds`` (may be negative), to a time from 1980 to 2200.

        :raises EmulatorError: when it is no finite number, or leads out of that.
        """
        moved = checks.seconds("clock: seconds", seconds, -checks.MAX_SECONDS, checks.MAX_SECONDS)
        if not EARLIEST <= self.now() + moved <= LATEST:
            checks.refuse("clock: seconds", seconds, "a shift to a time from 1980 to 2200")
        self._offset += moved

    def reset(self) -> None:
        """Return to the true time."""
        self._offset = 0.0
