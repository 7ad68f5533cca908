"""The table of the API's endpoints is complete, and what it names is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from airflow_provider_modelarts.client import ModelArtsClient
from tests.repo.tasks import tasks

if TYPE_CHECKING:
    from pathlib import Path

JOB = "/training-jobs/{job_id}"
VERSION = f"{JOB}/versions/{{version_id}}"
SET = "/training-job-configs/{config_name}"
BOARD = "/visualization-jobs/{job_id}"

ENDPOINTS = [
    "POST /training-jobs",
    "GET /training-jobs",
    f"PUT {JOB}",
    f"DELETE {JOB}",
    f"POST {JOB}/versions",
    f"GET {JOB}/versions",
    f"GET {VERSION}",
    f"DELETE {VERSION}",
    f"POST {VERSION}/stop",
    f"GET {VERSION}/log/file-names",
    f"GET {VERSION}/aom-log",
    "GET /built-in-algorithms",
    "POST /training-job-configs",
    "GET /training-job-configs",
    f"GET {SET}",
    f"PUT {SET}",
    f"DELETE {SET}",
    "POST /visualization-jobs",
    "GET /visualization-jobs",
    f"GET {BOARD}",
    f"PUT {BOARD}",
    f"DELETE {BOARD}",
    f"POST {BOARD}/stop",
    f"POST {BOARD}/restart",
    "GET /job/resource-specs",
    "GET /job/ai-engines",
]
"""In the order of the API reference."""

Row = tuple[str, list[str], list[str], list[str]]


@pytest.fixture
def table(repo: Path) -> list[Row]:
    """The rows of the page: endpoint, client methods, tasks, tests."""
    page = (repo / "docs" / "api.md").read_text()
    cells = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]
    named = [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in cells]
    return [(endpoint, methods, uses, tests) for (endpoint,), methods, uses, tests in named]


def test_every_endpoint_has_its_row(table: list[Row]) -> None:
    """The 26 endpoints of the reference, in its order."""
    assert [endpoint for endpoint, *_ in table] == ENDPOINTS
    assert len(ENDPOINTS) == 26


def test_every_call_of_the_client_is_in_the_table(table: list[Row], repo: Path) -> None:
    """Each operation that the client can send is a method of it, and stands first in one row."""
    resources = repo / "airflow_provider_modelarts" / "client" / "resources"
    code = "".join(path.read_text() for path in resources.glob("*.py"))
    operations = re.findall(r'Operation\(\s*(?:#[^\n]*\n\s*)?"(\w+)"', code)
    named = [methods for _, methods, *_ in table]

    assert sorted(methods[0] for methods in named) == sorted(operations)
    assert all(callable(getattr(ModelArtsClient, name)) for methods in named for name in methods)


def test_every_operator_and_sensor_is_in_the_table(table: list[Row]) -> None:
    """Each row has one, and none is left out."""
    known = {task.__name__ for task in tasks()}

    assert {name for _, _, uses, _ in table for name in uses} == known
    assert all(uses for _, _, uses, _ in table)


def test_tests_of_the_emulator_are_there(table: list[Row], repo: Path) -> None:
    """Each row names at least one file that exists."""
    named = {endpoint: tests for endpoint, _, _, tests in table}

    assert [endpoint for endpoint, tests in named.items() if not tests] == []
    files = {name for tests in named.values() for name in tests}
    assert {name for name in files if not (repo / "tests" / "emulator" / name).is_file()} == set()
