"""Whatever a server sends, a call ends with a model or with one of our errors, and tells no secret."""

from __future__ import annotations

import asyncio
import inspect
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_modelarts.auth.credentials import AccessKey, Password
from airflow_provider_modelarts.client import Backoff, ClientConfig, JobVersion, ModelArtsClient
from airflow_provider_modelarts.client.inherit import inherited
from airflow_provider_modelarts.client.models.answer import Answer
from airflow_provider_modelarts.client.polling import Patience
from airflow_provider_modelarts.client.watcher import Watcher
from airflow_provider_modelarts.exceptions import ModelArtsError
from airflow_provider_modelarts.failures import parse_retry_after
from airflow_provider_modelarts.text import one_line
from tests.properties import shapes
from tests.properties.shapes import SECRET

if TYPE_CHECKING:
    from tests.unit.conftest import Server

CONFIG = {"worker_server_num": 1, "model_id": 1, "data_url": "/bucket/data/", "spec_id": 1}
REQUESTS = {
    "create_training_job": {"job_name": "job", "config": CONFIG},
    "create_job_version": {"config": {**CONFIG, "train_url": "/bucket/out/", "pre_version_id": 1}},
}
SETTINGS = {**CONFIG, "config_name": "name"}
REQUESTS |= {
    "create_saved_config": SETTINGS,
    "update_saved_config": CONFIG,
    "create_visualization_job": {"job_name": "job", "train_url": "/bucket/out/"},
}
BY_TYPE = {"int": 1, "int | str": 1, "str": "name", "Mapping[str, Any]": SETTINGS}
CALLS = sorted(
    name
    for name, member in inspect.getmembers(ModelArtsClient, inspect.isfunction)
    if not name.startswith("_") and name not in {"call", "close", "in_haste", "service_time"}
)


def make(server: Server, *, password: bool = False) -> ModelArtsClient:
    """Return a client that tries once."""
    who: Any = AccessKey("AKEXAMPLE", SECRET)
    if password:
        who = Password("user", SECRET, "domain", server.url, "p")
    config = ClientConfig(server.url, who, project_id="p", timeout=5)
    return ModelArtsClient(config, backoff=Backoff(attempts=1), sleep=lambda seconds: None)


def call(client: ModelArtsClient, name: str) -> Any:
    """Call a method with what it needs, read an iterator to its end."""
    method = getattr(client, name)
    needed = {
        parameter.name: REQUESTS[name] if parameter.name == "request" else BY_TYPE[annotation]
        for parameter in inspect.signature(method).parameters.values()
        if (annotation := parameter.annotation) and parameter.default is parameter.empty
    }
    result = method(**needed)
    return list(result) if inspect.isgenerator(result) else result


def check(client: ModelArtsClient, name: str) -> None:
    """Call a method; anything but a result or an error of ours escapes and fails the test."""
    told = ""
    result: Any = None
    try:
        result = call(client, name)
    except ModelArtsError as error:
        told = f"{error} {error!r}"
        assert_fit_for_a_line(str(error))
    finally:
        client.close()
    assert SECRET not in told
    for row in result if isinstance(result, list) else [result]:
        if isinstance(row, Answer):
            text = json.dumps(row.plain(), allow_nan=False, ensure_ascii=False)
            assert text.encode()


def assert_fit_for_a_line(text: str) -> None:
    """Every log can write it, no terminal obeys it, and it is no page."""
    assert text.encode()
    assert one_line(text, 3_000) == text


def test_every_endpoint_is_called() -> None:
    """All 26, and what looks for something by them."""
    assert len(CALLS) >= 26


@pytest.mark.parametrize("name", CALLS)
@given(answer=shapes.answers(shapes.bodies, st.just(200) | shapes.statuses))
def test_any_answer_gives_a_model_or_an_error_of_ours(
    server: Server, name: str, answer: bytes
) -> None:
    """Any status, odd headers, any JSON and what is none; a secret that is echoed is masked."""
    server.play(answer)

    check(make(server), name)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("unit", [b"[]", b"1", b'"x"'], ids=["lists", "numbers", "texts"])
def test_oversized_answer_is_an_error_of_ours(server: Server, name: str, unit: bytes) -> None:
    """It is not parsed, and so costs neither memory nor the time of other threads."""
    body = b'{"is_success": true, "jobs": [' + b",".join([unit] * 2_200_000) + b"]}"
    server.play(shapes.answer(200, {}, body))
    client = make(server)

    with pytest.raises(ModelArtsError, match="answer above 4194304 bytes"):
        call(client, name)
    client.close()


@given(answer=st.binary(max_size=80) | st.binary().map(lambda tail: b"HTTP/1.1 200" + tail))
def test_bytes_that_are_no_http_give_an_error_of_ours(server: Server, answer: bytes) -> None:
    """A server of another protocol, or one that breaks off."""
    server.play(answer)

    check(make(server), "get_job_version")


@given(login=shapes.answers(shapes.logins, st.just(201)), answer=shapes.answers(shapes.bodies))
def test_any_login_gives_a_model_or_an_error_of_ours(
    server: Server, login: bytes, answer: bytes
) -> None:
    """The identity service may say what it likes, and the service after it."""
    server.play(login, answer)

    check(make(server, password=True), "get_job_version")


@given(
    project=shapes.values,
    token=st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), min_size=1),
    life=st.integers(-10, 10**6),
)
def test_any_project_and_token_of_a_login_can_be_used_or_refused(
    server: Server, project: Any, token: str, life: int
) -> None:
    """What IAM names becomes part of a path and a header."""
    body = {
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "expires_at": f"2026-01-{1 + max(life, 0) // 86400:02d}T00:00:00.000000Z",
        "project": {"id": project},
    }
    login = shapes.answer(
        201, {"X-Subject-Token": token}, shapes.json.dumps({"token": body}).encode()
    )
    server.play(login, shapes.answer(200, {}, b'{"status": 8}'))
    who = Password("user", SECRET, "domain", server.url, project_name="eu-de")
    config = ClientConfig(server.url, who, timeout=5)
    client = ModelArtsClient(config, backoff=Backoff(attempts=1))

    check(client, "get_job_version")


@given(answer=shapes.anything, waits=st.sampled_from([1, 3, 5]))
def test_watcher_ends_or_goes_on_with_any_answer(server: Server, answer: bytes, waits: int) -> None:
    """Waits end with a status or an error of ours; nothing escapes from the shared loop."""
    server.play(answer, shapes.answer(404, {}, b""))
    client = make(server)

    async def wait() -> list[Any]:
        watcher = Watcher(client)
        patience = [Patience(interval=0.001, end_time=0.0) for _ in range(waits)]
        ended = [watcher.ended(1, version, each) for version, each in enumerate(patience)]
        return await asyncio.gather(*ended, return_exceptions=True)

    ends = asyncio.run(wait())
    client.close()

    assert len(ends) == waits
    assert all(isinstance(end, (int, ModelArtsError)) for end in ends)


@given(answer=shapes.version_answers, config=shapes.objects("parameter", "app_url", "data_url"))
def test_any_previous_version_can_be_inherited_from(
    answer: dict[str, Any], config: dict[str, Any]
) -> None:
    """What the service says of the version before becomes a config or an error of ours."""
    try:
        previous = JobVersion.from_wire(answer)
        result = inherited(previous, config)
    except ModelArtsError:
        return
    assert set(config) <= set(result)


@given(text=st.none() | shapes.waits)
def test_any_retry_after_is_a_time_or_nothing(text: str | None) -> None:
    """Whatever stands in the header, it never breaks and never asks for less than no time."""
    seconds = parse_retry_after(text)

    assert seconds is None or seconds >= 0
