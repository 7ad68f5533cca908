"""Points at which a task's process kills itself, for the chaos tests only.

A DAG file calls :func:`install`, which wraps functions of the provider and of Airflow in the process
that runs a task. Nothing of this is in the product. The configuration of a DAG run says which map
index dies where: ``{"kills": [["before intent"], [], ...]}``. A marker file remembers that it has
happened, so that it happens once.
"""

from __future__ import annotations

import functools
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER: Final = "CHAOS_MARKERS"
"""Environment variable with the folder of the markers."""

WITH_SUPERVISOR: Final = "worker and "
"""Before the name of a point: the process that supervises the task dies with it, as on a lost host."""

CREATION: Final = (
    "task started",
    "record read",
    "before intent",
    "after intent",
    "request sent",
    "answer read",
    "before made",
    "after made",
    "before claim",
    "after claim",
    "status read",
)
"""In the order in which a task passes them."""

DEFERRAL: Final = ("before deferral", "deferral raised", "deferral told")
RESUME: Final = ("resumed", "resume finished")
END: Final = ("result ready", "success told")
AFTER_TRAINING: Final = frozenset((*RESUME, *END))
"""Points that are reached only once the training has ended."""


@dataclass
class _Victim:
    """The task instance that this process runs."""

    name: str
    kills: frozenset[str]
    creating: bool = False


_victim: _Victim | None = None
_installed = False


def marker_name(run_id: str, task_id: str, map_index: int, point: str) -> str:
    """Return the file name by which a kill is remembered."""
    return re.sub(r"[^\w.~-]", "_", f"{run_id}~{task_id}~{map_index}~") + point


def install() -> None:
    """Wrap what a task passes on its way; does nothing the second time in a process."""
    global _installed  # noqa: PLW0603 - once per process
    if _installed:
        return
    _installed = True
    from urllib3.connection import HTTPConnection

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.polling import Poll
    from airflow_provider_modelarts.operators import create
    from airflow_provider_modelarts.operators.claims import XComClaims
    from airflow_provider_modelarts.operators.memory import NoStore, TaskStateStore
    from airflow_provider_modelarts.transport import Transport

    operator = create.CreateOperator
    _wrap(operator, "execute", _execute)
    _wrap(operator, "execute_complete", _execute_complete)
    _wrap(operator, "defer", _around("before deferral", None))
    for store in (TaskStateStore, NoStore):
        _wrap(store, "load", _around(None, "record read"))
        _wrap(store, "save", _save)
    _wrap(XComClaims, "push", _around("before claim", "after claim"))
    _wrap(Poll, "look", _around(None, "status read"))
    for name in ("create_training_job", "create_job_version"):
        _wrap(ModelArtsClient, name, _creating)
    _wrap(HTTPConnection, "getresponse", _while_creating("request sent", None))
    _wrap(Transport, "send", _while_creating(None, "answer read"))
    _install_tellings()


def _install_tellings() -> None:
    """Wrap how a task tells Airflow of its end."""
    try:
        from airflow.sdk.execution_time.comms import CommsDecoder
    except ImportError:  # Airflow 2: it writes into the database
        from airflow.models.taskinstance import TaskInstance

        _wrap(TaskInstance, "defer_task", _around(None, "deferral told"))
        _wrap(TaskInstance, "save_to_db", _saved)
        TaskInstance.save_to_db = staticmethod(TaskInstance.save_to_db)
    else:
        _wrap(CommsDecoder, "send", _told)


def reached(point: str | None) -> None:
    """Die here if this task is to, and has not yet."""
    if _victim is None or point is None:
        return
    for prefix in ("", WITH_SUPERVISOR):
        if prefix + point in _victim.kills and _first_time(_victim.name + prefix + point):
            if prefix:
                os.kill(os.getppid(), signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)


def _first_time(name: str) -> bool:
    try:
        Path(os.environ[FOLDER], name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _enter(context: Mapping[str, Any]) -> None:
    global _victim  # noqa: PLW0603 - one task instance per process
    instance: Any = context["ti"]
    plans = (context["dag_run"].conf or {}).get("kills") or []
    index = instance.map_index
    if 0 <= index < len(plans):
        name = marker_name(instance.run_id, instance.task_id, index, "")
        _victim = _Victim(name, frozenset(plans[index]))


def _wrap(owner: Any, name: str, how: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return how(original, *args, **kwargs)

    setattr(owner, name, wrapped)


def _around(before: str | None, after: str | None) -> Callable[..., Any]:
    def how(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        reached(before)
        result = original(*args, **kwargs)
        reached(after)
        return result

    return how


def _while_creating(before: str | None, after: str | None) -> Callable[..., Any]:
    around = _around(before, after)

    def how(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if _victim is None or not _victim.creating:
            return original(*args, **kwargs)
        return around(original, *args, **kwargs)

    return how


def _creating(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if _victim is None:
        return original(*args, **kwargs)
    _victim.creating = True
    try:
        return original(*args, **kwargs)
    finally:
        _victim.creating = False


def _save(original: Callable[..., Any], store: Any, record: Mapping[str, Any]) -> None:
    phase = record["phase"]
    reached(f"before {phase}")
    original(store, record)
    reached(f"after {phase}")


def _execute(original: Callable[..., Any], task: Any, context: Any, **kwargs: Any) -> Any:
    from airflow.providers.common.compat.sdk import TaskDeferred

    _enter(context)
    reached("task started")
    try:
        result = original(task, context, **kwargs)
    except TaskDeferred:
        reached("deferral raised")
        raise
    reached("result ready")
    return result


def _execute_complete(original: Callable[..., Any], task: Any, context: Any, event: Any) -> Any:
    _enter(context)
    reached("resumed")
    result = original(task, context, event)
    reached("resume finished")
    return result


def _told(original: Callable[..., Any], comms: Any, msg: Any, *args: Any, **kwargs: Any) -> Any:
    result = original(comms, msg, *args, **kwargs)
    kind = type(msg).__name__
    if kind == "DeferTask":
        reached("deferral told")
    elif kind == "SucceedTask":
        reached("success told")
    return result


def _saved(original: Callable[..., Any], ti: Any, *args: Any, **kwargs: Any) -> Any:
    result = original(ti, *args, **kwargs)
    if ti.state == "success":
        reached("success told")
    return result
