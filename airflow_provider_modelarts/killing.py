"""Tells why a task is being ended: by a person, by its own timeout, or by the platform.

Airflow ends a task process in the same way when a person marks it failed or clears it, when its worker
is evicted, and when its scheduler has died; in 3.3.0 to 3.3.2 it calls a trigger's ``on_kill`` also when
the trigger only moves to another triggerer. The state of the task instance tells the cases apart, but not
the same state in a worker and in a trigger: docs/durability.md has the table, with who sets each state.
In doubt nothing is stopped; a retry finds its training again.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_modelarts.exceptions import REFUSALS, ConflictError, ModelArtsError

if TYPE_CHECKING:
    from airflow_provider_modelarts.client.client import ModelArtsClient

log = logging.getLogger(__name__)

STATE_LIMIT: Final = 1.5
"""Seconds in which a worker must know; it has 5 between SIGTERM and SIGKILL."""

STOP_LIMIT: Final = 1.5
"""Seconds allowed for one request to stop; it is tried twice."""

UNKNOWN: Final = "unknown"

OVER: Final = frozenset({"failed", "success", "skipped"})
"""States after which nothing of the task runs any more unless somebody clears it."""

ENDED_IN_WORKER: Final = OVER | {"restarting"}
"""States that end the training of a task which a worker runs; a clear leaves it ``restarting``.

Not ``none``: a scheduler that finds the tasks of a dead one resets them to it, while their processes
live; the next try finds the training. Nor ``removed``, which Airflow takes back as soon as the mapping of
a task is known again.
"""

ENDED_IN_TRIGGER: Final = OVER | {"restarting", "none", "scheduled", "queued"}
"""States that end the training of a deferred task.

No scheduler resets a deferred task, so only a clear leaves it ``none``, and ``scheduled`` or ``queued``
until the next try gets a slot. Once that runs it sees to the training itself.
"""


def goes_on(job_id: int, version_id: int) -> str:
    """Return what to say of a training whose task has ended without stopping it."""
    return (
        f"This task does not stop trainings: job {job_id}, version {version_id} goes on. To stop it, run a task "
        f"with StopJobVersionOperator(job_id={job_id}, version_id={version_id}), or stop it in the ModelArts console"
    )


def timed_out() -> bool:
    """Whether ``execution_timeout`` is what ends the task, when called from its ``on_kill``."""
    return isinstance(sys.exception(), AirflowTaskTimeout)


def ended_by_user(instance: Any) -> bool:
    """Whether Airflow's record says that a task which a worker runs is not to go on."""
    state = _state_within_limit(instance)
    log.info("State of the task instance: %s", state)
    return state in ENDED_IN_WORKER


def _state_within_limit(instance: Any) -> str:
    """Ask for the state in a thread: the interrupted thread may hold the way to the supervisor."""
    answer: list[str] = []
    thread = threading.Thread(target=lambda: answer.append(state_of(instance)), daemon=True)
    thread.start()
    thread.join(STATE_LIMIT)
    return answer[0] if answer else UNKNOWN


def state_of(instance: Any) -> str:
    """Return the state that Airflow has on record for a task instance; blocks.

    A state that is not set, as after a clear, is ``none``; one that cannot be had is ``unknown``.
    """
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    except ImportError:  # Airflow 2 reads its database
        return str(instance.current_state() or "none")
    index = -1 if instance.map_index is None else instance.map_index
    states = RuntimeTaskInstance.get_task_states(
        dag_id=instance.dag_id,
        task_ids=[instance.task_id],
        run_ids=[instance.run_id],
        map_index=None if index < 0 else index,
    )
    key = instance.task_id if index < 0 else f"{instance.task_id}_{index}"
    return str(states.get(instance.run_id, {}).get(key, UNKNOWN) or "none")


def stop(
    client: ModelArtsClient, job_id: int, version_id: int, *, limit: float | None = STOP_LIMIT
) -> bool:
    """Ask for a version to be stopped, and say in the log how it went.

    :param limit: seconds for one request, which is then tried twice only; None: no hurry.
    :return: whether the credentials were refused, so that others may do better.
    """
    quick = None if limit is None else client.in_haste(limit)
    try:
        (quick or client).stop_job_version(job_id, version_id)
    except ConflictError as error:
        log.info("Job %d, version %d needs no stop: %s", job_id, version_id, error)
    except ModelArtsError as error:
        log.error(  # noqa: TRY400 - a traceback says no more
            "Job %d, version %d may still run, stop it by hand: %s", job_id, version_id, error
        )
        return isinstance(error, REFUSALS)
    else:
        log.info("Stopped job %d, version %d", job_id, version_id)
    finally:
        if quick is not None:
            quick.close()
    return False
