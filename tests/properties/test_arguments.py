"""Whatever is given to a call or an operator, it is sent or refused by an error of ours."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_modelarts.client import ModelArtsClient
from airflow_provider_modelarts.exceptions import ModelArtsError
from airflow_provider_modelarts.hooks.modelarts import reset_caches
from tests.emulated.conftest import TaskInstance
from tests.properties import shapes
from tests.properties.shapes import SECRET
from tests.properties.test_answers import BY_TYPE, CALLS, CONFIG, REQUESTS, make
from tests.repo.tasks import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.conftest import Server

REFUSED = shapes.answer(400, {}, b'{"error_code": "ModelArts.0104", "error_msg": "no"}')
LOCAL = {"call", "close", "in_haste"}
VALID = {
    "config": {**CONFIG, "train_url": "/bucket/out/"},
    "extra_config": {"newer": 1},
    "job_id": 1,
    "version_id": 2,
    "config_name": "name",
    "job_name": "name",
    "job_desc": "text",
    "train_url": "/bucket/out/",
}


@pytest.fixture(scope="module", autouse=True)
def _connection(server: Server) -> Iterator[None]:
    """The default connection leads to a server that refuses everything."""
    fields = {
        "conn_type": "modelarts",
        "host": server.url,
        "login": "AKEXAMPLE",
        "password": SECRET,
        "extra": {"project_id": "p"},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_MODELARTS_DEFAULT", json.dumps(fields))
        reset_caches()
        yield
        reset_caches()


def check_words(error: BaseException) -> None:
    """An error is bounded and fit for any log."""
    told = str(error)
    told.encode()
    assert len(told) < 20_000


@pytest.mark.parametrize("name", CALLS)
@given(draw=st.data())
def test_any_argument_of_a_call_is_sent_or_refused(
    server: Server, name: str, draw: st.DataObject
) -> None:
    """One of them is strange, the others are right; all paths stay below the project."""
    server.play(REFUSED)
    client = make(server)
    method = getattr(client, name)
    parameters = list(inspect.signature(method).parameters.values())
    arguments: dict[str, Any] = {
        parameter.name: REQUESTS[name]
        if parameter.name == "request"
        else BY_TYPE[parameter.annotation]
        for parameter in parameters
        if parameter.default is parameter.empty
    }
    names = [parameter.name for parameter in parameters if parameter.name not in NUMBERS]
    if not names:
        return
    spoiled = draw.draw(st.sampled_from(names))
    arguments[spoiled] = draw.draw(
        shapes.spoiled(st.just(arguments.get(spoiled)), shapes.strange)
        if isinstance(arguments.get(spoiled), dict)
        else shapes.strange
    )

    try:
        result = method(**arguments)
        if inspect.isgenerator(result):
            list(result)
    except ModelArtsError as error:
        check_words(error)
    finally:
        client.close()
    for request in server.requests:
        parts = request.target.partition("?")[0].split("/")
        assert parts[:3] == ["", "v1", "p"]
        assert not {"", ".", ".."} & set(parts[1:])


NUMBERS = {"page", "per_page", "lines", "interval", "follow", "tail", "clock", "order", "base_line"}
"""What a program sets, not an author."""


@pytest.mark.parametrize("task", tasks(), ids=lambda task: task.__name__)
@settings(max_examples=2 * settings().max_examples)
@given(draw=st.data())
def test_any_rendered_field_of_a_task_is_sent_or_refused(
    server: Server, task: Any, draw: st.DataObject
) -> None:
    """A template may render to anything, natively too."""
    server.play(REFUSED)
    needed = {
        parameter.name
        for cls in task.__mro__
        if cls.__module__.startswith("airflow_provider_modelarts")
        for parameter in inspect.signature(cls.__init__).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    }
    made = task(task_id="task", **{name: VALID[name] for name in needed})
    names = [name for name in made.template_fields if name != "modelarts_conn_id"]
    if not names:
        return
    name = draw.draw(st.sampled_from(names))
    value = draw.draw(
        shapes.strange | shapes.spoiled(st.just(VALID["config"]), shapes.strange)
        if name in ("config", "extra_config")
        else shapes.strange
    )
    setattr(made, name, value)

    ours: BaseException | None = None
    try:
        made.execute({"ti": TaskInstance(), "task": made})
    except AirflowFailException as error:
        ours = error.__cause__
    except ModelArtsError as error:
        ours = error
    except TaskDeferred:
        return
    assert ours is None or isinstance(ours, ModelArtsError)
    check_words(ours or Exception())


def test_every_call_is_tried() -> None:
    """Nothing that takes an argument is left out."""
    assert set(CALLS) <= set(dir(ModelArtsClient)) - LOCAL
