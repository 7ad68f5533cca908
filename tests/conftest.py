"""Fixtures for all tests: a throw-away Airflow home, the emulator, and a connection to it."""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING

# Before anything imports Airflow: it reads its home and settings at import.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = os.environ["AIRFLOW_HOME"]
# Settings of this machine must not decide a test.
for _name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.lower(), None)

import pytest

from airflow_provider_modelarts.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_provider_modelarts.client import ModelArtsClient

CONN_VARIABLE = "AIRFLOW_CONN_MODELARTS_DEFAULT"


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for the whole session; starting it anew for each test would take longest."""
    with Emulator(storage=tmp_path_factory.mktemp("obs")) as server:
        yield server


@pytest.fixture
def emulator(_server: Emulator) -> Emulator:
    """The emulator, empty, with jobs that complete at once."""
    _server.reset()
    _server.set_transitions("immediate")
    return _server


@pytest.fixture
def connect(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., ModelArtsClient]]:
    """Define the default connection as one to the emulator and return its client.

    Keyword arguments replace fields of the connection; ``extra`` is merged.
    """
    from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook, reset_caches

    def define(auth_type: str = "aksk", **fields: object) -> ModelArtsClient:
        connection = emulator.connection(auth_type)
        extra = {**connection["extra"], **fields.pop("extra", {})}
        monkeypatch.setenv(CONN_VARIABLE, json.dumps({**connection, **fields, "extra": extra}))
        reset_caches()
        return ModelArtsHook().get_conn()

    yield define
    reset_caches()


@pytest.fixture
def client(connect: Callable[..., ModelArtsClient]) -> ModelArtsClient:
    """A client with an access key."""
    return connect()


@pytest.fixture
def repo() -> Path:
    """The root of the repository."""
    from pathlib import Path

    return Path(__file__).parents[1]
