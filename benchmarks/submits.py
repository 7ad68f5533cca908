"""(c) What submitting a training costs."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any, Final

from benchmarks.children import Child, ChildError, Standin
from benchmarks.peers import DATABRICKS, OURS, SAGEMAKER, NotInstalledError

if TYPE_CHECKING:
    from pathlib import Path

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
    many, repetitions = (20, 1) if quick else (MANY, 3)
    rows = []
    with Standin() as standin:
        for who, (provider, title) in _WHO.items():
            row = {"who": title, "many": many}
            try:
                figures = _figures(standin, provider.python(), who, many, repetitions)
            except (NotInstalledError, ChildError) as error:
                figures = {"missing": str(error)}
            rows.append(row | figures)
    return rows


def _figures(
    standin: Standin, python: Path, who: str, many: int, repetitions: int
) -> dict[str, Any]:
    def cpu(count: int) -> float:
        standin.call("reset", count=0)
        with Child(python, "submitter", who, str(count), variables=standin.variables) as child:
            return float(child.result(_LIMIT)["cpu"])

    cpu(1)  # compiles what was not compiled yet
    first = statistics.median(cpu(1) for _ in range(repetitions))
    further = (cpu(many) - first) / (many - 1)
    return {"requests": standin.requests() / many, "first": first, "further": further}
