"""What an error tracker sees of a failed task: no secret of the connection, from operator to socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.exceptions import ConfigurationError
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook, reset_caches
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor
from tests.conftest import CONN_VARIABLE
from tests.tracebacks import HTTP, frames, leaks

WRONG = "not-the-password-of-anyone"
SECURITY_TOKEN = "not-the-security-token-either"


class TaskTimeout(BaseException):
    """What Airflow's signal handler raises, wherever the code happens to be."""


@pytest.fixture
def tasks(config) -> list[Any]:
    """An operator and a sensor."""
    return [
        CreateTrainingJobOperator(task_id="train", job_name="job", config=config),
        TrainingJobSensor(task_id="wait", job_id=1, version_id=2),
    ]


@pytest.mark.parametrize("index", [0, 1], ids=["operator", "sensor"])
@pytest.mark.parametrize("auth_type", ["aksk", "password", "token"])
def test_task_that_is_ended_while_it_sends_shows_no_secret(
    tasks, connect, run_task, monkeypatch: pytest.MonkeyPatch, auth_type: str, index: int
) -> None:
    """No frame of ours has one in a local variable, and those of the HTTP library are cut off."""
    extra = {"security_token": SECURITY_TOKEN} if auth_type == "aksk" else {}
    connect(auth_type, extra=extra)
    secret = json.loads(os.environ[CONN_VARIABLE])["password"]

    def end(*args: Any) -> None:
        raise TaskTimeout

    monkeypatch.setattr(socket.socket, "sendall", end)

    with pytest.raises(TaskTimeout) as caught:
        run_task(tasks[index])

    assert leaks(caught.value, secret, SECURITY_TOKEN) == []
    names = [frame.f_code.co_filename for frame in frames(caught.value)]
    assert any(name.endswith("caller.py") for name in names)
    assert not [name for name in names if HTTP.search(name)]


@pytest.mark.parametrize("auth_type", ["aksk", "password", "token"])
def test_refused_credentials_are_not_shown(tasks, connect, run_task, auth_type: str) -> None:
    """The error that ends a task, and its cause."""
    connect(auth_type, password=WRONG)

    with pytest.raises(AirflowFailException) as caught:
        run_task(tasks[0])

    assert leaks(caught.value, WRONG) == []


@pytest.mark.parametrize("way", ["task", "loop"])
def test_unusable_connection_shows_no_secret(tasks, connect, run_task, monkeypatch, way) -> None:
    """Airflow's object of the connection, which prints its password, is in no frame of ours."""
    fields = {
        "password": WRONG,
        "extra": {"timeout": WRONG, "security_token": SECURITY_TOKEN},
    }
    monkeypatch.setenv(CONN_VARIABLE, json.dumps({"conn_type": "modelarts", **fields}))
    reset_caches()

    use = {
        "task": lambda: run_task(tasks[0]),
        "loop": lambda: asyncio.run(ModelArtsHook.aget_client("modelarts_default")),
    }[way]

    with pytest.raises((AirflowFailException, ConfigurationError)) as caught:
        use()

    assert "(extra timeout) is '***', but must be" in str(caught.value)
    assert leaks(caught.value, WRONG, SECURITY_TOKEN) == []


def test_hook_and_client_print_no_secret(connect) -> None:
    """What a task holds of the connection."""
    client = connect(password=WRONG, extra={"security_token": SECURITY_TOKEN})
    hook = ModelArtsHook()
    hook.get_conn()

    shown = (
        f"{hook!r} {vars(hook)} {client!r} {vars(client)} {client.config!r} {vars(client.config)}"
    )

    assert WRONG not in shown
    assert SECURITY_TOKEN not in shown
