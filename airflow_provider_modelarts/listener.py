"""Stops a training whose task a user ends while no process of the task is there to do it.

That is so for a deferred task until a triggerer has started its trigger, for a task that waits for its
next try, and for one whose worker has died. Airflow 3 tells listeners in its API server of the user's
action; Airflow 2 tells nobody.
"""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from airflow.listeners import hookimpl
from airflow.providers.common.compat.sdk import AirflowPlugin

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

RESULT: Final = "return_value"


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


class ModelArtsPlugin(AirflowPlugin):
    """Brings the listener into Airflow's processes."""

    name = "modelarts"
    listeners = [EndedByUser()]  # noqa: RUF012 - Airflow's


def _see_to(previous_state: Any, instance: Any) -> None:
    """Stop the training of a task that a user has ended before it was done.

    Airflow names no previous state when a user sets one, and passes a row of its database then; a
    task that ends by itself comes with its state, or as the worker's own object.
    """
    if previous_state is not None:
        return
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.orm import object_session
    from sqlalchemy.orm.exc import UnmappedInstanceError

    try:
        session = object_session(instance)
        claim = None if session is None else _claim(session, instance)
    except UnmappedInstanceError:
        return
    except SQLAlchemyError as error:
        log.warning("Cannot tell whether %s has a training to stop: %s", instance, error)
        return
    if claim is not None and claim.get("own") and claim.get("cancel_on_kill"):
        # Whoever has clicked need not wait for the service.
        threading.Thread(target=_stop, args=(claim,), name="modelarts-stop", daemon=True).start()


def _claim(session: Any, instance: Any) -> Mapping[str, Any] | None:
    """Return the claim of a task's last try, unless that try has handed on its result."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select

    from airflow_provider_modelarts.operators.claims import CLAIM

    rows = session.execute(
        select(XComModel.key, XComModel.value).where(
            XComModel.dag_id == instance.dag_id,
            XComModel.run_id == instance.run_id,
            XComModel.task_id == instance.task_id,
            XComModel.map_index == instance.map_index,
            XComModel.key.in_((CLAIM, RESULT)),
        )
    )
    values: dict[str, Any] = dict(rows.all())
    if CLAIM not in values or RESULT in values:
        return None
    value = values[CLAIM]
    claim = json.loads(value) if isinstance(value, str) else value
    return claim if isinstance(claim, dict) and claim.get("version_id") else None


def _stop(claim: Mapping[str, Any]) -> None:
    from airflow_provider_modelarts import killing
    from airflow_provider_modelarts.exceptions import ModelArtsError
    from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook

    job_id, version_id = int(claim["job_id"]), int(claim["version_id"])
    log.info("A user has ended the task of job %d, version %d: stopping it", job_id, version_id)
    try:
        client = ModelArtsHook(claim["conn_id"]).get_conn()
    except ModelArtsError as error:
        log.error(  # noqa: TRY400 - a traceback says no more
            "Job %d, version %d may still run, stop it by hand: %s", job_id, version_id, error
        )
        return
    killing.stop(client, job_id, version_id)
