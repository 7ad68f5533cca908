"""A user ends a task of which no process is left; against the emulator and tables of Airflow 3."""

from __future__ import annotations

import contextlib
import json
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
from airflow_provider_modelarts.operators.claims import CLAIM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from airflow_provider_modelarts.client import CreatedJob, ModelArtsClient

pytestmark = pytest.mark.skipif(
    not hasattr(xcom, "XComModel"), reason="Airflow 2 does not tell listeners what a user does"
)

STOPPED = (9, 12)
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


def status_of(emulator: Any) -> int:
    """Return the status of the one version."""
    (job,) = emulator.jobs()
    return int(job.versions[-1].status)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does; whether it comes is what counts, not when."""
    for _ in range(3000):
        if condition():
            return
        stopper.threading.Event().wait(0.01)
    pytest.fail("it never came")


# ---- marked


@pytest.mark.parametrize("how", ["failed", "success", "skipped"])
@pytest.mark.parametrize("form", [dict, json.dumps], ids=["as JSON", "as JSON in a text"])
def test_training_of_a_task_that_a_user_ends_is_stopped(
    tell, push, claim, emulator, how: str, form: Any
) -> None:
    """Whatever the user marks it."""
    push(CLAIM, form(claim))

    tell(how)

    assert status_of(emulator) in STOPPED


@pytest.mark.parametrize(
    "change",
    [
        {"own": False},
        {"own": "yes"},
        {"cancel_on_kill": False},
        {"cancel_on_kill": 1},
        {"version_id": None},
        {"version_id": True},
        {"version_id": "1"},
        {"version_id": -1},
        {"job_id": [1]},
        {"conn_id": None},
        {"try_number": 2},
        {"try_number": "x"},
    ],
    ids=str,
)
def test_training_goes_on_where_the_claim_does_not_say_all(
    tell, push, claim, emulator, change: dict[str, Any]
) -> None:
    """Another's training, cancel_on_kill false, a claim of a later try, and what is no claim of ours."""
    push(CLAIM, claim | change)

    tell()

    assert status_of(emulator) == RUNNING


@pytest.mark.parametrize("value", ["[", "text", 7, [], None, "NaN"], ids=repr)
def test_xcom_that_is_no_claim_is_nothing(tell, push, running, emulator, value: Any) -> None:
    """Any task may push what it likes under this key."""
    push(CLAIM, value)

    tell()

    assert status_of(emulator) == RUNNING


def test_claim_with_a_connection_of_another_is_not_believed(
    tell, push, claim, emulator, caplog
) -> None:
    """A task pushes what it likes; the API server uses only the connection that the task itself has."""
    push(CLAIM, claim, conn_id="its_own")

    tell()

    assert status_of(emulator) == RUNNING
    assert "its own is 'its_own'" in caplog.text


def test_training_of_a_task_that_was_done_goes_on(tell, push, claim, emulator) -> None:
    """A task that does not wait is done once it has returned."""
    push(CLAIM, claim)
    push("return_value", {"version_id": claim["version_id"]})

    tell()

    assert status_of(emulator) == RUNNING


def test_task_that_fails_by_itself_is_left_alone(tell, push, claim, emulator, ordered) -> None:
    """The scheduler fails a task whose worker is lost; its retry finds the training again."""
    push(CLAIM, claim)

    tell(previous="running")

    assert (ordered, status_of(emulator)) == ([], RUNNING)


def test_other_tasks_are_none_of_its_business(tell, running, emulator) -> None:
    """A task without a claim, and a task instance that is no row of the database."""
    tell()
    tell(of=object())

    assert status_of(emulator) == RUNNING


def test_connection_that_is_gone_is_told(tell, push, claim, emulator, caplog) -> None:
    """The log says what to stop by hand."""
    push(CLAIM, claim | {"conn_id": "gone"}, conn_id="gone")

    tell()

    assert status_of(emulator) == RUNNING
    assert f"stop it by hand (job_id {claim['job_id']}" in caplog.text


def test_database_that_does_not_answer_is_told(tell, engine, caplog) -> None:
    """The user's click succeeds all the same."""
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE xcom"))

    tell()

    words = "Cannot tell whether dag.train of run run has a training to stop"
    until(lambda: words in caplog.text)


def test_many_tasks_at_once_take_few_threads_and_a_bounded_queue(instance, engine, caplog) -> None:
    """What finds no room is named, so that somebody can look."""
    small = stopper.Stopper(threads=2, most=3)
    hold = stopper.threading.Event()
    blocked = [small._pool.submit(hold.wait) for _ in range(2)]
    task = listener._ended(instance, cleared=False)

    futures = [small.submit(task) for _ in range(5)]

    assert [future is None for future in futures] == [False] * 3 + [True] * 2
    assert caplog.text.count("Stop the training of dag.train of run run by hand") == 2
    names = [t.name for t in stopper.threading.enumerate() if t in small._pool._threads]
    assert len(names) <= 2
    hold.set()
    wait([*blocked, *filter(None, futures)])


# ---- ended while the creation was under way


def test_training_that_appears_after_its_task_was_ended_is_stopped(
    tell, push, intent, client, config, emulator, ordered, instance
) -> None:
    """The answer is slow, Airflow has killed the process, and only the intent is on record."""
    emulator.set_transitions("immediate", status=RUNNING)
    push(CLAIM, intent)
    listener.EndedByUser().on_task_instance_failed(None, instance)
    until(lambda: len(emulator.requests("list_training_jobs")) >= 2)

    client.create_training_job({"job_name": "job", "config": config})
    wait(ordered)

    assert status_of(emulator) in STOPPED


def test_version_that_appears_after_its_task_was_ended_is_stopped(
    push, intent, running, client, config, emulator, ordered, instance
) -> None:
    """It is told from the versions that were there before, and from one with other settings."""
    what = intent["intent"] | {"job_id": running.job_id, "seen": [running.version_id]}
    push(CLAIM, intent | {"intent": what})
    listener.EndedByUser().on_task_instance_failed(None, instance)

    body = {"config": config | {"pre_version_id": running.version_id}}
    other = {"config": body["config"] | {"train_url": "/bucket/other/"}}
    client.create_job_version(running.job_id, other)
    client.create_job_version(running.job_id, body)
    wait(ordered)

    (job,) = emulator.jobs()
    assert [version.status in STOPPED for version in job.versions] == [False, False, True]


def test_job_of_a_later_try_is_not_stopped_for_an_earlier_one(
    push, intent, claim, emulator, ordered, instance, client
) -> None:
    """A task that is marked and then cleared trains anew, perhaps under the same name."""
    push(CLAIM, intent | {"intent": intent["intent"] | {"job_name": "not-there-yet"}})
    listener.EndedByUser().on_task_instance_failed(None, instance)
    until(lambda: len(emulator.requests("list_training_jobs")) >= 2)

    push(CLAIM, claim | {"try_number": 2})
    wait(ordered)

    assert status_of(emulator) == RUNNING


def test_twins_that_wait_for_their_answers_are_not_mixed_up(
    push, intent, running, client, config, emulator, ordered, instance
) -> None:
    """Versions with one payload look alike: what is left once the others have claimed theirs is stopped."""
    what = intent["intent"] | {"job_id": running.job_id, "seen": [running.version_id]}
    other = {"task_id": "other"}
    theirs = intent | {"intent": what, "by": ["run", "other", -1]}
    push(CLAIM, intent | {"intent": what})
    push(CLAIM, theirs, **other)
    body = {"config": config | {"pre_version_id": running.version_id}}
    first, second = (client.create_job_version(running.job_id, body) for _ in range(2))
    listener.EndedByUser().on_task_instance_failed(None, instance)
    seen = len(emulator.requests("list_job_versions"))
    until(lambda: len(emulator.requests("list_job_versions")) >= seen + 3)
    assert emulator.requests("stop_job_version") == []

    claimed = {"job_id": running.job_id, "version_id": first.version_id}
    push(CLAIM, {**theirs, "intent": None, **claimed}, **other)
    wait(ordered)

    (job,) = emulator.jobs()
    statuses = {version.version_id: version.status for version in job.versions}
    assert statuses[first.version_id] == RUNNING
    assert statuses[second.version_id] in STOPPED


def test_search_for_what_never_appears_ends(
    tell, push, intent, client, caplog, monkeypatch
) -> None:
    """The request may never have reached the service."""
    monkeypatch.setattr(stopper, "SEARCH_LIMIT", 0.05)
    caplog.set_level("INFO")
    push(CLAIM, intent)

    tell()

    assert "No training of dag.train of run run has appeared" in caplog.text


# ---- cleared


@pytest.fixture
def _watched() -> Iterator[None]:
    listener.watch_clears()
    yield
    sa.event.remove(TaskInstance.state, "set", listener._state_set)


@pytest.mark.usefixtures("_watched")
@pytest.mark.parametrize(
    ("before", "after", "stopped"),
    [
        ("running", "restarting", True),  # its worker may have died
        ("deferred", None, True),
        ("up_for_retry", None, True),
        ("running", None, False),  # a scheduler resets what a dead one has left
        ("queued", None, False),
        ("restarting", None, False),
        ("removed", None, False),
        ("running", "up_for_retry", False),
        ("deferred", "scheduled", False),
        ("running", "failed", False),
    ],
)
def test_training_of_a_cleared_task_is_stopped_at_once(
    session, instance, push, claim, emulator, ordered, before, after, stopped: bool
) -> None:
    """Only changes of state that nothing but a clear makes count."""
    instance.state = before
    session.commit()
    wait(ordered)
    ordered.clear()
    push(CLAIM, claim)

    assert instance.state == before
    instance.state = after
    assert ordered == []  # not before it is in the database
    session.commit()
    wait(ordered)

    assert (status_of(emulator) in STOPPED) is stopped


@pytest.mark.usefixtures("_watched")
def test_clear_that_is_rolled_back_stops_nothing(
    session, instance, push, claim, emulator, ordered
) -> None:
    """Nor does the next commit of that session."""
    instance.state = "running"
    session.commit()
    push(CLAIM, claim)

    assert instance.state == "running"
    instance.state = "restarting"
    session.rollback()
    session.commit()
    wait(ordered)

    assert (ordered, status_of(emulator)) == ([], RUNNING)


@pytest.mark.usefixtures("_watched")
def test_creation_under_way_is_left_to_the_next_try_after_a_clear(
    session, instance, push, intent, running, emulator, ordered
) -> None:
    """That try looks for it, and may train anew under the same name."""
    instance.state = "running"
    session.commit()
    push(CLAIM, intent)

    assert instance.state == "running"
    instance.state = "restarting"
    session.commit()
    wait(ordered)

    assert len(ordered) == 1
    assert status_of(emulator) == RUNNING


@pytest.mark.usefixtures("_watched")
@pytest.mark.parametrize("ours", [True, False])
def test_clear_is_noted_for_the_next_try(
    session, instance, push, intent, ordered, monkeypatch, ours: bool
) -> None:
    """Of tasks that have shown what they have or are about to create, and of no others."""
    state = pytest.importorskip("airflow.state")
    noted: list[Any] = []

    class Backend:
        """Airflow's store of what tasks remember."""

        def set(self, scope: Any, key: str, value: str, *, expires_at: Any) -> None:
            """Take a value."""
            noted.append((scope.dag_id, scope.run_id, scope.task_id, scope.map_index, key, value))

    monkeypatch.setattr(state, "get_state_backend", Backend)
    instance.state = "running"
    session.commit()
    if ours:
        push(CLAIM, intent)

    assert instance.state == "running"
    instance.state = "restarting"
    session.commit()
    wait(ordered)

    note = ("dag", "run", "train", -1, "modelarts_cleared", '{"try_number": 1}')
    assert noted == [note] * ours


def test_clears_are_watched_in_the_api_server_only(monkeypatch) -> None:
    """In a scheduler the same changes are its own."""
    watched: list[bool] = []
    monkeypatch.setattr(listener, "watch_clears", lambda: watched.append(True))

    monkeypatch.delitem(listener.sys.modules, listener.API_SERVER, raising=False)
    listener.ModelArtsPlugin.on_load()
    assert watched == []

    monkeypatch.setitem(listener.sys.modules, listener.API_SERVER, listener)
    listener.ModelArtsPlugin.on_load()
    assert watched == [True]
