"""(a) What importing a provider costs a DAG file."""

from __future__ import annotations

import statistics
from typing import Any, Final

from benchmarks.children import Child
from benchmarks.peers import ALL, NotInstalledError, Provider

BUDGET_CPU: Final = 0.1
BUDGET_MODULES: Final = 60
_LIMIT: Final = 120.0


def measure(*, quick: bool) -> list[dict[str, Any]]:
    """Return a row for each provider."""
    return [_row(provider, repetitions=2 if quick else 7) for provider in ALL]


def _row(provider: Provider, repetitions: int) -> dict[str, Any]:
    row: dict[str, Any] = {"who": provider.title, "version": provider.version}
    try:
        python = provider.python()
    except NotInstalledError as error:
        return row | {"missing": str(error)}
    results = []
    for _ in range(repetitions + 1):
        with Child(python, "importer", *provider.modules) as child:
            results.append(child.result(_LIMIT))
    measured = results[1:]  # the first one compiled what was not compiled yet
    figures = {
        name: statistics.median(result[name] for result in measured)
        for name in ("cpu", "modules", "memory")
    }
    return row | figures | {"failed": measured[-1]["failed"]}
