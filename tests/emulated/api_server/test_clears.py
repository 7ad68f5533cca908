"""A user clears a task."""

from __future__ import annotations

from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.models.taskinstance import TaskInstance

from airflow_provider_modelarts import listener
from airflow_provider_modelarts.operators.claims import CLAIM

if TYPE_CHECKING:
    from collections.abc import Iterator


from tests.emulated.api_server.states import AIRFLOW_3, RUNNING, STOPPED, status_of

pytestmark = AIRFLOW_3


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
