"""The measured process of (a): one import, after what every DAG file imports anyway."""

from __future__ import annotations

import importlib
import sys
import time

# What any DAG file with an operator, a sensor and a trigger loads before ours or another's comes.
import airflow.triggers.base  # noqa: F401
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator  # noqa: F401

from benchmarks.measure import Notes, memory


def main() -> None:
    """Run; the arguments are where to write, and what to import."""
    path, *names = sys.argv[1:]
    known = set(sys.modules)
    base_memory, base_cpu = memory(), time.process_time()
    failed = {}
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever another's module raises is what is told
            failed[name] = f"{type(error).__name__}: {error}"
    cpu = time.process_time() - base_cpu
    modules = len(set(sys.modules) - known)
    Notes(path).add(cpu=cpu, modules=modules, memory=memory() - base_memory, failed=failed)


if __name__ == "__main__":
    main()
