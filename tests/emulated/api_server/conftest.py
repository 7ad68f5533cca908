"""What the API server does for tasks without a process; against the emulator and tables of Airflow 3."""

from __future__ import annotations

import contextlib
import uuid
from concurrent.futures import wait
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.models import import_all_models, xcom
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from sqlalchemy.orm import Session

from airflow_provider_modelarts import listener, stopper
from airflow_provider_modelarts.client.ownership import outline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from airflow_provider_modelarts.client import CreatedJob, ModelArtsClient

RUNNING = 8


class NoBackend:
    """Airflow's store of what tasks remember, of which these tests have no tables."""

    def set(self, *_: Any, **__: Any) -> None:
        """Take a value."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    """Airflow's database, as far as the API server reads it for us."""
    made = sa.create_engine(f"sqlite:///{tmp_path}/airflow.db")
    import_all_models()  # for the keys to other tables
    tables: Any = [m.__table__ for m in (xcom.XComModel, RenderedTaskInstanceFields, TaskInstance)]
    tables[0].metadata.create_all(made, tables=tables)

    @contextlib.contextmanager
    def session() -> Iterator[Session]:
        with Session(made) as opened:
            yield opened

    monkeypatch.setattr("airflow.utils.session.create_session", session)
    if find_spec("airflow.state") is not None:
        monkeypatch.setattr("airflow.state.get_state_backend", NoBackend)
    return made


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[Future[None]]:
    """What was handed to the threads of the API server, which are fresh for each test."""
    fresh, futures = stopper.Stopper(), []
    submit = fresh.submit

    def noted(task: stopper.EndedTask) -> Any:
        futures.append(submit(task))
        return futures[-1]

    monkeypatch.setattr(fresh, "submit", noted)
    monkeypatch.setattr(stopper, "_stopper", fresh)
    monkeypatch.setattr(stopper, "SEARCH_INTERVAL", 0.01)
    return futures


@pytest.fixture
def session(engine: sa.Engine) -> Iterator[Session]:
    """The session in which the API server answers the user."""
    with Session(engine, autoflush=False, expire_on_commit=False) as opened:
        yield opened


@pytest.fixture
def instance(session: Session) -> Any:
    """The row of a task instance."""
    from airflow.providers.standard.operators.empty import EmptyOperator

    row = TaskInstance(EmptyOperator(task_id="train"), run_id="run", dag_version_id=uuid.uuid4())
    row.dag_id = "dag"
    row.try_number = 1
    session.add(row)
    session.commit()
    return row


@pytest.fixture
def push(engine: sa.Engine) -> Callable[..., None]:
    """Return a function that stores an XCom of the task, and which connection it has."""

    def store(key: str, value: Any, conn_id: str = "modelarts_default", **of: Any) -> None:
        where = {"dag_id": "dag", "run_id": "run", "task_id": "train", "map_index": -1, **of}
        with Session(engine) as opened:
            tables: Any = xcom.XComModel.__table__, RenderedTaskInstanceFields.__table__
            opened.execute(sa.delete(tables[0]).filter_by(key=key, **where))
            opened.execute(sa.insert(tables[0]).values(dag_run_id=1, key=key, value=value, **where))
            opened.execute(sa.delete(tables[1]).filter_by(**where))
            fields = {"modelarts_conn_id": conn_id}
            opened.execute(sa.insert(tables[1]).values(rendered_fields=fields, **where))
            opened.commit()

    return store


@pytest.fixture
def running(client: ModelArtsClient, emulator: Any, config: dict[str, Any]) -> CreatedJob:
    """A version that runs."""
    emulator.set_transitions("immediate", status=RUNNING)
    return client.create_training_job({"job_name": "job", "config": config})


@pytest.fixture
def claim(running: CreatedJob) -> dict[str, Any]:
    """The claim of the task to that version."""
    return {
        "job_id": running.job_id,
        "version_id": running.version_id,
        "own": True,
        "since": 0,
        "by": ["run", "train", -1],
        "conn_id": "modelarts_default",
        "cancel_on_kill": True,
        "try_number": 1,
    }


@pytest.fixture
def intent(config: dict[str, Any]) -> dict[str, Any]:
    """The claim of a task whose creation is under way."""
    what = {"job_name": "job", "workspace_id": None, "settings": outline(config)}
    return {
        "version_id": None,
        "own": True,
        "by": ["run", "train", -1],
        "conn_id": "modelarts_default",
        "cancel_on_kill": True,
        "try_number": 1,
        "intent": what,
    }


@pytest.fixture
def tell(instance: Any, ordered: list[Future[None]]) -> Callable[..., None]:
    """Return a function that calls the listener as Airflow does, and waits until all is done."""

    def call(how: str = "failed", previous: str | None = None, of: Any = None) -> None:
        getattr(listener.EndedByUser(), f"on_task_instance_{how}")(previous, of or instance)
        wait(ordered)

    return call
