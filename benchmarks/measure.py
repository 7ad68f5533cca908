"""What a process can tell of itself. Imported in every provider's own environment, so it loads little."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from array import array
from pathlib import Path
from typing import Any, Final

TICK: Final = 0.01
"""Seconds between two looks at whether the event loop is free."""


def memory() -> int:
    """Return the bytes of this process that are in memory now."""
    return _status("VmRSS")


def peak_memory() -> int:
    """Return the most bytes in memory since :func:`forget_peak`."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Let the peak begin anew."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def raise_file_limit() -> None:
    """Allow as many open files as this user may have; each connection is one."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class LagMeter:
    """Notes how late the event loop serves a sleeper, all the time."""

    def __init__(self) -> None:
        self._moments = array("d")
        self._lags = array("d")

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK)
            now = time.monotonic()
            self._moments.append(now)
            self._lags.append(max(0.0, now - began - TICK))

    def samples(self) -> list[tuple[float, float]]:
        """Return pairs of moment (monotonic, the same in all processes) and lag in seconds."""
        return list(zip(self._moments, self._lags, strict=True))


class Notes:
    """Figures on their way to the process that asked for them; written whole each time."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._facts: dict[str, Any] = {}

    def add(self, **facts: Any) -> None:
        """Add figures."""
        self._facts |= facts
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._facts), encoding="utf-8")
        part.rename(self._path)
