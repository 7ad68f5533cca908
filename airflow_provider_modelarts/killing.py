"""Tells why a task is being ended: by its user, by its own timeout, or by the platform.

Airflow ends a task process in the same way when a user marks it failed or clears it and when its
worker is evicted, and in 3.3.0 to 3.3.2 it calls a trigger's ``on_kill`` also when the trigger only
moves to another triggerer. The state of the task instance tells the cases apart: Airflow changes it
when a user acts, and leaves it alone otherwise. In doubt nothing is stopped; a retry finds its
training again.
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

ENDED: Final = frozenset({"failed", "success", "skipped", "removed", "restarting", "none"})
"""States in which a user's action leaves a task that was running or deferred.

In the others Airflow means the task to go on, as after a worker was taken for dead (``up_for_retry``
and what follows): then its next try finds the training, or, after a clear, stops it itself.
"""


def timed_out() -> bool:
    """Whether ``execution_timeout`` is what ends the task, when called from its ``on_kill``."""
    return isinstance(sys.exception(), AirflowTaskTimeout)


def ended_by_user(instance: Any) -> bool:
    """Whether a task instance is, by Airflow's own record, no longer meant to go on."""
    state = _state_within_limit(instance)
    log.info("State of the task instance: %s", state)
    return state in ENDED


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


def stop(client: ModelArtsClient, job_id: int, version_id: int) -> bool:
    """Ask for a version to be stopped, within seconds, and say in the log how it went.

    :return: whether the credentials were refused, so that others may do better.
    """
    hasty = client.in_haste(STOP_LIMIT)
    try:
        hasty.stop_job_version(job_id, version_id)
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
        hasty.close()
    return False
