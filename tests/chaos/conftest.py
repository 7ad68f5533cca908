"""Stacks to break, and the table of what was broken.

The full proof takes long and runs only where it is asked for, with ``-m chaos``; its short form,
``chaos_smoke``, belongs to all tests.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos import report
from tests.chaos.books import Row, balance
from tests.chaos.postgres import Postgres
from tests.chaos.stack import ChaosStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chaos.run import Run

    Books = Callable[..., Row]

VERSION = metadata.version("apache-airflow")
_ROWS: pytest.StashKey[list[Row]] = pytest.StashKey()
_LEFT_OUT: pytest.StashKey[dict[str, str]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what ``python -m tests.chaos`` passes on."""
    group = parser.getgroup("chaos")
    group.addoption("--chaos-report", type=Path, help="write the table to this file")
    group.addoption("--chaos-rounds", type=int, default=1, help="how often each case is repeated")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers."""
    config.addinivalue_line("markers", "chaos: the full proof by destruction, about half an hour")
    config.addinivalue_line("markers", "chaos_smoke: a few kills in a real Airflow, minutes")
    config.addinivalue_line("markers", "not_on(versions, case, reason): these cannot have it")
    config.stash[_ROWS] = []
    config.stash[_LEFT_OUT] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the full proof out unless it is asked for, and what this Airflow does not have."""
    asked = re.search(r"\bchaos\b", config.option.markexpr or "")
    full = [item for item in items if item.get_closest_marker("chaos")]
    if full and not asked:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in full]
    for item in items:
        for mark in item.iter_markers("not_on"):
            versions, case, reason = mark.args
            if VERSION.startswith(versions):
                item.add_marker(pytest.mark.skip(reason=reason))
                config.stash[_LEFT_OUT][case] = reason


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat every case of the full proof as often as asked."""
    if "stack" in metafunc.fixturenames:
        count = metafunc.config.getoption("--chaos-rounds", default=1)
        if count > 1:
            metafunc.fixturenames.append("_round")
            metafunc.parametrize("_round", range(count))


@pytest.fixture(scope="session")
def _postgres() -> Iterator[Postgres]:
    pytest.importorskip("psycopg2", reason="extra chaos is not installed")
    pytest.importorskip("asyncpg", reason="extra chaos is not installed")
    with Postgres() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def _arena(
    _postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ChaosStack, str]]:
    folder = tmp_path_factory.mktemp("chaos")
    with ChaosStack(folder, postgres=_postgres, progress=print) as stack:
        yield stack, "PostgreSQL"


@pytest.fixture(scope="session")
def _small_arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ChaosStack, str]]:
    # SQLite copes with a handful of writers.
    with ChaosStack(tmp_path_factory.mktemp("smoke"), parallelism=5, progress=print) as stack:
        yield stack, "SQLite"


@pytest.fixture
def stack(_arena: tuple[ChaosStack, str]) -> Iterator[ChaosStack]:
    """Airflow on PostgreSQL, whole again after every case."""
    yield _arena[0]
    _arena[0].mend()


@pytest.fixture
def small_stack(_small_arena: tuple[ChaosStack, str]) -> Iterator[ChaosStack]:
    """Airflow on SQLite, whole again after every case."""
    yield _small_arena[0]
    _small_arena[0].mend()


@pytest.fixture
def books(request: pytest.FixtureRequest) -> Books:
    """Return a function that balances the books of a case and enters it into the table.

    ``books(case, *runs, killed=0, spoilt=0, limit="")``; tasks that killed themselves are counted
    anyway. Where a known limit is given, the books need not balance, and the table says why.
    """
    small = "small_stack" in request.fixturenames

    def enter(case: str, *runs: Run, killed: int = 0, spoilt: int = 0, limit: str = "") -> Row:
        database = "SQLite" if small else "PostgreSQL"
        row = Row(case, database, killed=killed, spoilt=spoilt)
        rows = request.config.stash[_ROWS]
        rows.append(row)
        try:
            return balance(row, runs, limit)
        finally:
            print(report.line(row))
            path: Any = request.config.getoption("--chaos-report", default=None)
            if path is not None:
                left_out = request.config.stash[_LEFT_OUT]
                report.write(path, rows, left_out, request.config.option.keyword)

    return enter
