"""Stops a training whose task a user ends while no process of the task is there to do it.

That is so for a deferred task until a triggerer has started its trigger, for a task that waits for its
next try or for a slot, for one whose worker has died, and for one that Airflow ends in the middle of the
creation. Airflow 3 tells listeners in its API server what a user marks. Of a clear it tells nobody, so
the change of state that only a clear makes is watched where the API server writes it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from airflow.listeners import hookimpl
from airflow.providers.common.compat.sdk import AirflowPlugin

if TYPE_CHECKING:
    from airflow_provider_modelarts.stopper import EndedTask

API_SERVER: Final = "airflow.api_fastapi.core_api.app"
"""Module that only the API server loads."""

_WAITING: Final = ("deferred", "up_for_retry")  # compared, as Airflow's members hash by their names
"""States that nothing but a clear changes to none."""


class EndedByUser:
    """What Airflow calls when the state of a task instance has been set."""

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any) -> None:
        """See to a task that was marked failed."""
        _see_to(previous_state, task_instance)

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        """See to a task that was marked successful."""
        _see_to(previous_state, task_instance)

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        """See to a task that was marked skipped."""
        _see_to(previous_state, task_instance)


_NOTED: Final = "modelarts_cleared"
"""Where a database session keeps what it has cleared until it commits."""


class ModelArtsPlugin(AirflowPlugin):
    """Brings the listener into Airflow's processes."""

    name = "modelarts"
    listeners = [EndedByUser()]  # noqa: RUF012 - Airflow's

    @classmethod
    def on_load(cls, *_args: Any, **_kwargs: Any) -> None:
        """Watch for clears in the API server, which is where users clear tasks."""
        if API_SERVER in sys.modules:
            watch_clears()


def _see_to(previous_state: Any, instance: Any) -> None:
    """Stop the training of a task that a user has ended before it was done.

    Airflow names no previous state when a user sets one, and passes a row of its database then; a
    task that ends by itself comes with its state, or as the worker's own object.
    """
    if previous_state is not None:
        return
    from sqlalchemy.orm import object_session
    from sqlalchemy.orm.exc import UnmappedInstanceError

    from airflow_provider_modelarts.stopper import stopper

    try:
        attached = object_session(instance) is not None
    except UnmappedInstanceError:
        return
    if attached:
        stopper().submit(_ended(instance, cleared=False))


def watch_clears() -> None:
    """Have every clear in this process seen; more than once changes nothing."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import event

    if not event.contains(TaskInstance.state, "set", _state_set):
        event.listen(TaskInstance.state, "set", _state_set)


def _state_set(instance: Any, value: Any, old: Any, _initiator: Any) -> None:
    """Note a task that is cleared, and see to it once the clear is in the database."""
    cleared = value == "restarting" or (value is None and old in _WAITING)
    if not cleared:
        return
    from sqlalchemy import event
    from sqlalchemy.orm import object_session

    session = object_session(instance)
    if session is None:
        return
    noted = session.info.setdefault(_NOTED, [])
    noted.append(_ended(instance, cleared=True))
    if len(noted) == 1:
        event.listen(session, "after_commit", _committed, once=True)
        event.listen(session, "after_soft_rollback", _rolled_back, once=True)


def _committed(session: Any) -> None:
    from airflow_provider_modelarts.stopper import stopper

    for task in session.info.pop(_NOTED, ()):
        stopper().submit(task)


def _rolled_back(session: Any, _previous: Any) -> None:
    session.info.pop(_NOTED, None)


def _ended(instance: Any, *, cleared: bool) -> EndedTask:
    from airflow_provider_modelarts.stopper import EndedTask

    return EndedTask(
        instance.dag_id,
        instance.run_id,
        instance.task_id,
        instance.map_index,
        instance.try_number,
        cleared,
    )
