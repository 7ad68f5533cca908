"""What is made of lists of figures."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.measure import TICK

if TYPE_CHECKING:
    from collections.abc import Sequence


def each_tick(lags: Sequence[float]) -> list[float]:
    """Add what sleepers would have seen who wanted to wake up during a stall."""
    found = []
    for lag in lags:
        late = lag
        while late > 0:
            found.append(late)
            late -= TICK
    return found or [0.0]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of at least one value."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
