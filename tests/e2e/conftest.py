"""The real Airflow that the end-to-end tests share."""

from __future__ import annotations

from importlib import metadata

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where Airflow is too old for the harness, which speaks to the API server of Airflow 3."""
    version = metadata.version("apache-airflow")
    if int(version.partition(".")[0]) >= 3:
        return
    skip = pytest.mark.skip(reason=f"the harness needs Airflow 3, this is {version}")
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(skip)
