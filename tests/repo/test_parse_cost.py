"""What importing the provider loads: a DAG file is parsed every few seconds, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_modelarts.get_provider_info import get_provider_info

BUDGET = 60
"""Modules that operators, sensors, triggers and hook may add to Airflow's own; docs/performance.md measures it."""

AIRFLOW = """
try:
    from airflow.sdk import DAG, BaseHook, BaseOperator, BaseSensorOperator
except ImportError:  # Airflow 2
    from airflow.hooks.base import BaseHook
    from airflow.models import DAG, BaseOperator
    from airflow.sensors.base import BaseSensorOperator
import airflow.triggers.base
"""
OURS = [
    module
    for kind in ("hooks", "operators", "sensors", "triggers")
    for entry in get_provider_info()[kind]
    for module in entry["python-modules"]
]


def modules_after(*statements: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after these statements."""
    code = "\n".join(["import sys", *statements, "print('\\n'.join(sys.modules))"])
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True
    )
    return set(run.stdout.split())


@pytest.fixture(scope="module")
def newcomers() -> set[str]:
    """Modules that ours bring beyond what every DAG file loads."""
    everything = modules_after(AIRFLOW, *(f"import {module}" for module in OURS))
    return everything - modules_after(AIRFLOW)


def test_import_adds_few_modules(newcomers: set[str]) -> None:
    """Operators, sensors, triggers and hook together stay within their budget."""
    assert set(OURS) <= newcomers
    assert len(newcomers) <= BUDGET, sorted(newcomers)


def test_import_loads_no_http_stack_and_no_emulator(newcomers: set[str]) -> None:
    """Importing what a DAG file imports loads next to nothing of ours below the operators."""
    below = {
        name
        for name in newcomers
        if name.startswith(
            (
                "airflow_provider_modelarts.client.client",
                "airflow_provider_modelarts.client.models",
                "airflow_provider_modelarts.emulator",
                "airflow_provider_modelarts.transport",
            )
        )
    }

    assert below == set()
    assert {"requests", "urllib3", "tenacity"} & newcomers == set()


def test_client_needs_no_airflow() -> None:
    """The client can be used in a script without loading Airflow."""
    loaded = modules_after(
        "from airflow_provider_modelarts.client import ModelArtsClient, JobStatus"
    )

    assert not any(name == "airflow" or name.startswith("airflow.") for name in loaded)
