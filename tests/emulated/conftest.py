"""Runs tasks the way Airflow does, without its database: render, execute, defer, resume."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.module_loading import import_string
from airflow.providers.common.compat.sdk import DAG, TaskDeferred

from airflow_provider_modelarts.operators import claims
from airflow_provider_modelarts.operators.training_job import (
    CreateJobVersionOperator,
    CreateTrainingJobOperator,
)
from tests.emulated.instances import Instance
from tests.emulated.tries import StateStore, TaskRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client import CreatedJob

CONFIG = {
    "worker_server_num": 1,
    "app_url": "/bucket/code/",
    "boot_file_url": "/bucket/code/train.py",
    "engine_id": 1,
    "spec_id": 1,
    "data_url": "/bucket/data/",
    "train_url": "/bucket/out/",
}


class TaskInstance:
    """What a task sees of its task instance."""

    start_date = datetime(2026, 1, 1, tzinfo=UTC)
    try_number = 1
    max_tries = 0
    task_id = "task"
    map_index = -1

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value; the same key twice is an error of Airflow's too."""
        self.xcoms[key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int = -1) -> Any:
        """Return what a task of this name has pushed; there is only this one."""
        return self.xcoms.get(key)

    def get_first_reschedule_date(self, context: Any) -> None:
        """There was no earlier start."""


def macros() -> Any:
    """Return what templates know as ``macros``."""
    try:
        return import_module("airflow.sdk.execution_time.macros")
    except ImportError:  # Airflow 2
        return import_module("airflow.macros")


def fire(deferred: TaskDeferred) -> dict[str, Any]:
    """Run the trigger of a deferral as a triggerer would, from its stored form, and return its event."""
    path, kwargs = deferred.trigger.serialize()
    trigger = import_string(path)(**json.loads(json.dumps(kwargs)))

    async def events() -> list[Any]:
        return [event async for event in trigger.run()]

    (event,) = asyncio.run(events())
    return json.loads(json.dumps(event.payload))


@pytest.fixture
def run_task() -> Callable[..., Any]:
    """Return a function that runs an operator or sensor to its end and returns its XCom.

    ``deferrals`` collects the deferrals on the way; ``between`` is called before each trigger runs.
    """

    def run(
        task: Any,
        *,
        deferrals: list[TaskDeferred] | None = None,
        between: Callable[[TaskDeferred], None] | None = None,
        **variables: Any,
    ) -> Any:
        own = {"ti": TaskInstance(), "task": task, "params": {}, "macros": macros()}
        context: dict[str, Any] = {**own, **variables}
        if not task.has_dag():
            task.dag = DAG("test", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
        context.setdefault("dag", task.dag)
        task.render_template_fields(context)
        step = partial(task.execute, context)
        while True:
            try:
                return step()
            except TaskDeferred as deferred:
                if deferrals is not None:
                    deferrals.append(deferred)
                if between is not None:
                    between(deferred)
                arguments = {"event": fire(deferred), **(deferred.kwargs or {})}
                # A resumed task is a new process: nothing but rendered fields is left of it.
                task.__dict__.pop("hook", None)
                step = partial(task.resume_execution, deferred.method_name, arguments, context)

    return run


@pytest.fixture
def config() -> dict[str, Any]:
    """A valid config for jobs and versions."""
    return dict(CONFIG)


@pytest.fixture
def logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """Return a function that gives all that was logged: Airflow 3 prints it, Airflow 2 logs it."""
    caplog.set_level("INFO")
    logging.getLogger("airflow.task").propagate = True
    return lambda: "".join([caplog.text, *capsys.readouterr()])


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for lost creations without real pauses."""
    for name in ("_LOST_ANSWER", "_INTERRUPTED", "_LEFT_OVER", "_MID_REQUEST"):
        monkeypatch.setattr(f"airflow_provider_modelarts.submission.{name}", 0.01)
    monkeypatch.setattr(claims, "SETTLING", 0.05)


@pytest.fixture
def job_run(client: Any, config: dict[str, Any], _patient: None) -> Callable[..., TaskRun]:
    """Return a function that makes a run of a task which creates a job."""

    def make(store: StateStore | None = None, **kwargs: Any) -> TaskRun:
        def task(**changes: Any) -> CreateTrainingJobOperator:
            defaults = {"task_id": "train", "job_name": "job", "config": dict(config), "retries": 3}
            return CreateTrainingJobOperator(**{**defaults, **kwargs, **changes})

        return TaskRun(task, store=store)

    return make


@pytest.fixture
def completed_job(client: Any, config: dict[str, Any]) -> CreatedJob:
    """A job with one completed version."""
    return client.create_training_job({"job_name": "job", "config": config})


@pytest.fixture
def version_run(
    completed_job: CreatedJob, config: dict[str, Any], _patient: None
) -> Callable[..., TaskRun]:
    """Return a function that makes a run of a task which creates a version of the job."""

    def make(
        store: StateStore | None = None,
        xcoms: dict[Any, Any] | None = None,
        index: int = -1,
        run_id: str = "manual__1",
        **kwargs: Any,
    ) -> TaskRun:
        def task(**changes: Any) -> CreateJobVersionOperator:
            defaults = {"task_id": "refine", "job_id": completed_job.job_id, "config": dict(config)}
            return CreateJobVersionOperator(**{**defaults, "retries": 3, **kwargs, **changes})

        return TaskRun(task, store=store, xcoms=xcoms, index=index, run_id=run_id)

    return make


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Instance:
    """A task instance, as the installed Airflow tells of it."""
    found = Instance()
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    except ImportError:
        return found

    def states(**asked: Any) -> dict[str, Any]:
        assert asked["run_ids"] == ["run"]
        index = found.map_index
        key = found.task_id if index < 0 else f"{found.task_id}_{index}"
        return {"run": {key: found.state}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", states)
    return found
