"""(c) What submitting a training costs."""

from __future__ import annotations

import statistics
from typing import Any, Final

from benchmarks.children import Child, Standin
from benchmarks.peers import DATABRICKS, OURS, SAGEMAKER, NotInstalledError

MANY: Final = 200
_LIMIT: Final = 300.0
_WHO: Final = {
    "ours": (OURS, "ours, `CreateTrainingJobOperator`"),
    "ours-client": (OURS, "ours, the API client alone"),
    "sagemaker": (SAGEMAKER, "`SageMakerTrainingOperator`"),
    "databricks": (DATABRICKS, "`DatabricksSubmitRunOperator`"),
}


def measure(*, quick: bool) -> list[dict[str, Any]]:
    """Return a row for each way to submit."""
    with Standin() as standin:
        return [
            _row(standin, who, many=20 if quick else MANY, repetitions=1 if quick else 5)
            for who in _WHO
        ]


def _row(standin: Standin, who: str, *, many: int, repetitions: int) -> dict[str, Any]:
    provider, title = _WHO[who]
    row: dict[str, Any] = {"who": title, "many": many}
    try:
        python = provider.python()
    except NotInstalledError as error:
        return row | {"missing": str(error)}

    def cpu(count: int) -> float:
        standin.call("reset", count=0)
        with Child(python, "submitter", who, str(count), variables=standin.variables) as child:
            return float(child.result(_LIMIT)["cpu"])

    cpu(1)  # compiles what was not compiled yet
    first = statistics.median(cpu(1) for _ in range(repetitions))
    further = (statistics.median(cpu(many) for _ in range(repetitions)) - first) / (many - 1)
    return row | {"requests": standin.requests() / many, "first": first, "further": further}
