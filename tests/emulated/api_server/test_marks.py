"""A user marks a task of which no process is left."""

from __future__ import annotations

import json
from concurrent.futures import wait
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_modelarts import listener, stopper
from airflow_provider_modelarts.operators.claims import CLAIM
from tests.emulated.api_server.states import AIRFLOW_3, RUNNING, STOPPED, status_of, until

pytestmark = AIRFLOW_3


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
