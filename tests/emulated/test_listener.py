"""A user ends a task of which no process is left; against the emulator and tables of Airflow 3."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.models import xcom
from airflow.models.taskinstance import TaskInstance
from sqlalchemy.orm import Session

from airflow_provider_modelarts import listener
from airflow_provider_modelarts.operators.claims import CLAIM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_modelarts.client import CreatedJob, ModelArtsClient

pytestmark = pytest.mark.skipif(
    not hasattr(xcom, "XComModel"), reason="Airflow 2 does not tell listeners what a user does"
)

STOPPED = (9, 12)
RUNNING = 8


@pytest.fixture
def session() -> Iterator[Session]:
    """Airflow's database, as far as the listener reads it."""
    engine = sa.create_engine("sqlite://")
    table: Any = xcom.XComModel.__table__
    table.metadata.create_all(engine, tables=[table])
    with Session(engine, autoflush=False) as opened:
        yield opened


@pytest.fixture
def instance(session: Session) -> Any:
    """The row of a task instance."""
    from airflow.providers.standard.operators.empty import EmptyOperator

    row = TaskInstance(EmptyOperator(task_id="train"), run_id="run", dag_version_id=uuid.uuid4())
    row.dag_id = "dag"
    session.add(row)
    return row


@pytest.fixture
def push(session: Session, instance: Any) -> Callable[..., None]:
    """Return a function that stores an XCom of the task."""

    def store(key: str, value: Any) -> None:
        names = ("dag_id", "run_id", "task_id", "map_index")
        where = {name: getattr(instance, name) for name in names}
        session.execute(
            sa.insert(xcom.XComModel).values(dag_run_id=1, key=key, value=value, **where)
        )

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
    }


def tell(instance: Any, how: str = "failed", previous: str | None = None) -> None:
    """Call the listener as Airflow does, and wait until it has acted."""
    getattr(listener.EndedByUser(), f"on_task_instance_{how}")(previous, instance)
    for thread in listener.threading.enumerate():
        if thread.name == "modelarts-stop":
            thread.join()


def status_of(emulator: Any) -> int:
    """Return the status of the one version."""
    (job,) = emulator.jobs()
    return int(job.versions[-1].status)


@pytest.mark.parametrize("how", ["failed", "success", "skipped"])
@pytest.mark.parametrize("form", [dict, json.dumps], ids=["as JSON", "as JSON in a text"])
def test_training_of_a_task_that_a_user_ends_is_stopped(
    instance, push, claim, emulator, how: str, form: Any
) -> None:
    """Whatever the user marks it."""
    push(CLAIM, form(claim))

    tell(instance, how)

    assert status_of(emulator) in STOPPED


@pytest.mark.parametrize(
    "change", [{"own": False}, {"cancel_on_kill": False}, {"version_id": None}], ids=str
)
def test_training_goes_on_where_the_task_may_not_stop_it(
    instance, push, claim, emulator, change: dict[str, Any]
) -> None:
    """Another's training, one with cancel_on_kill false, and a job without a version."""
    push(CLAIM, claim | change)

    tell(instance)

    assert status_of(emulator) == RUNNING


def test_training_of_a_task_that_was_done_goes_on(instance, push, claim, emulator) -> None:
    """A task that does not wait is done once it has returned."""
    push(CLAIM, claim)
    push("return_value", {"version_id": claim["version_id"]})

    tell(instance)

    assert status_of(emulator) == RUNNING


def test_task_that_fails_by_itself_is_left_alone(instance, push, claim, emulator) -> None:
    """The scheduler fails a task whose worker is lost; its retry finds the training again."""
    push(CLAIM, claim)

    tell(instance, previous="running")

    assert status_of(emulator) == RUNNING


def test_other_tasks_are_none_of_its_business(instance, running, emulator) -> None:
    """A task without a claim, and a task instance that is no row of the database."""
    tell(instance)
    tell(object())

    assert status_of(emulator) == RUNNING


def test_connection_that_is_gone_is_told(instance, push, claim, emulator, caplog) -> None:
    """The log says what to stop by hand."""
    push(CLAIM, claim | {"conn_id": "gone"})

    tell(instance)

    assert status_of(emulator) == RUNNING
    assert "may still run, stop it by hand" in caplog.text
    assert "'gone'" in caplog.text


def test_database_that_does_not_answer_is_told(instance, session, emulator, caplog) -> None:
    """The user's click succeeds all the same."""
    session.execute(sa.text("DROP TABLE xcom"))

    tell(instance)

    assert "Cannot tell whether" in caplog.text
