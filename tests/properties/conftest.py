"""How hypothesis runs here, and a server that answers whatever a test wants."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.unit.conftest import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_modelarts.emulator import Emulator

# The same examples in each run, so that a red build is about its change; a slow machine is no fault.
# One failure at a time: shrinking all that are found at once takes minutes.
settings.register_profile(
    "steady",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    report_multiple_bugs=False,
)
# HYPOTHESIS_PROFILE=search looks for new ones.
settings.register_profile(
    "search", settings.get_profile("steady"), derandomize=False, max_examples=3000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture(scope="session")
def running(_server: Emulator) -> Emulator:
    """An emulator for all examples; they leave nothing behind."""
    return _server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One scripted server for all examples; ``replies`` is set for each."""
    running = Server((b"",))
    yield running
    running.close()
