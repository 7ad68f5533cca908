"""Puts the mapped tasks of a run into the state that a worker leaves a deferred task in; a process of its own for (e).

Writes what Airflow's own code writes when a worker reports a deferral (``ti_update_state`` of its
execution API): a row in ``trigger``, and in the task instance its id, the state and the method to
go on with.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import timezone
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger


def main() -> None:
    """Run; the arguments are DAG id, run id, whose trigger and interval, the versions to wait for come on stdin."""
    dag_id, run_id, whose, interval = sys.argv[1:]
    much_later = timezone.utcnow() + timedelta(hours=1)

    def make(version: dict[str, int]) -> BaseTrigger:
        if whose == "airflow":
            return DateTimeTrigger(much_later)
        return TrainingJobTrigger(
            version["job_id"], version["version_id"], poll_interval=float(interval)
        )

    versions = json.load(sys.stdin)
    of_run = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    with create_session() as session:
        order = TaskInstance.map_index
        instances = session.scalars(select(TaskInstance).where(*of_run).order_by(order)).all()
        for instance, version in zip(instances, versions, strict=True):
            trigger = make(version)
            classpath, arguments = trigger.serialize()
            row = Trigger(classpath=classpath, kwargs=arguments)
            session.add(row)
            session.flush()
            instance.trigger_id = row.id
            instance.state = TaskInstanceState.DEFERRED
            instance.next_method = "execute_complete"
            instance.next_kwargs = {}
            instance.try_number = 1
            instance.start_date = timezone.utcnow()
    print(time.monotonic())  # when they were there for a triggerer to see


if __name__ == "__main__":
    main()
