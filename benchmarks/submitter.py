"""The measured process of (c): so many trainings submitted in a row."""

from __future__ import annotations

import sys
import time

# Loaded by every task's process before the task's own modules.
import airflow.triggers.base  # noqa: F401
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator  # noqa: F401

from benchmarks.clients import SUBMITS
from benchmarks.measure import Notes


def main() -> None:
    """Run; the arguments are where to write, who submits, and how many."""
    path, who, count = sys.argv[1:]
    began = time.process_time()
    submit = SUBMITS[who]()
    for index in range(int(count)):
        submit(f"submitted-{index}")
    Notes(path).add(cpu=time.process_time() - began)


if __name__ == "__main__":
    main()
