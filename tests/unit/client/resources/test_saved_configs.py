"""Saved parameter sets: wire form, rules, and a creation whose answer was lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from airflow_provider_modelarts.client import UpdateSavedConfigRequest
from airflow_provider_modelarts.exceptions import (
    JobNameExistsError,
    NotFoundError,
    PayloadValidationError,
    ResponseLostError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SETS = "/v1/0123456789abcdef0123456789abcdef/training-job-configs"
LOST = b""
DONE = (200, {"is_success": True})
TAKEN = (200, {"is_success": False, "error_code": "ModelArts.0103", "error_message": "taken"})
MISSING = (400, {"is_success": False, "error_code": "ModelArts.2775", "error_message": "gone"})
BODY = {
    "config_name": "a",
    "worker_server_num": 1,
    "model_id": 4,
    "spec_id": 4,
    "data_url": "/b/d/",
}


def listed(*names: str) -> Any:
    """Return the reply with these sets."""
    return 200, {"is_success": True, "configs": [{"config_name": name} for name in names]}


def detail(**changes: Any) -> Any:
    """Return the reply with the set of ``BODY``."""
    return 200, {"is_success": True, **BODY, **changes}


def asked(server: Any) -> list[str]:
    """Return method and rest of the path of each request."""
    return [
        f"{seen.method} {seen.target.partition('?')[0].removeprefix(SETS)}".strip()
        for seen in server.requests
    ]


# ---- wire


@pytest.mark.parametrize("name", ["request-own-code", "request-built-in"])
def test_published_set_goes_out_as_published(
    serve: Callable[..., Any],
    make_client: Callable[..., Any],
    sample: Callable[[str], Any],
    name: str,
) -> None:
    """The body is flat, and what is left out stays out."""
    body = sample(f"create_saved_config/{name}")
    server = serve(DONE)

    make_client(server.url).create_saved_config(body)

    assert asked(server) == ["POST"]
    assert json.loads(server.requests[0].body) == body


def test_published_replacement_goes_out_with_texts_as_values(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """The sample has numbers as values, the tables texts; texts are sent."""
    body = sample("update_saved_config/request")
    server = serve(DONE)

    make_client(server.url).update_saved_config("a b.c", body, {"newer": 1})

    texts = [
        {"label": "learning_rate", "value": "0.01"},
        {"label": "batch_size", "value": "32"},
    ]
    assert asked(server) == ["PUT /a%20b.c"]
    assert json.loads(server.requests[0].body) == {**body, "parameter": texts, "newer": 1}


def test_published_list_is_read(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """Rows have name, description and engine; the newest come first."""
    server = serve((200, sample("list_saved_configs/200")))

    (found,) = make_client(server.url).list_saved_configs(search_content="test")

    assert (found.config_name, found.config_desc) == ("testConfig", "This is config")
    assert (found.engine_name, found.create_time) == ("TensorFlow", 1524189990635)
    assert dict(parse_qsl(server.requests[0].target.partition("?")[2])) == {
        "search_content": "test",
        "config_type": "custom",
        "sortBy": "create_time",
        "order": "desc",
        "per_page": "100",
        "page": "1",
    }


def test_samples_of_the_service_are_sorted_by_name(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Sorting by time is not available with them."""
    server = serve(listed("a", "b"), listed("c"))

    found = make_client(server.url).list_saved_configs(config_type="sample", per_page=2)

    assert [row.config_name for row in found] == ["a", "b", "c"]
    assert "config_type=sample&sortBy=config_name" in server.requests[0].target


def test_published_detail_is_read(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """All settings come, by the names of ``config``."""
    server = serve((200, sample("get_saved_config/200")))

    found = make_client(server.url).get_saved_config("config123", config_type="sample")

    assert (found.config_name, found.worker_server_num, found.spec_id) == ("config123", 1, 4)
    assert found.parameter == [{"label": "learning_rate", "value": 0.01}]
    assert (found.train_url, found.pool_id) == ("/test/minst/train_out/out1/", "pool9928813f")
    assert server.requests[0].target == f"{SETS}/config123?config_type=sample"


# ---- rules


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"config_name": "a b"}, "config_name", "S01"),
        ({"config_name": "a" * 65}, "config_name", "S01"),
        ({"config_desc": "a" * 257}, "config_desc", "S02"),
        ({"worker_server_num": 0}, "worker_server_num", "R05"),
        ({"model_id": None}, "app_url", "R06"),
        ({"boot_file_url": "/b/a.py"}, "app_url", "R08"),
        ({"app_url": "/b/x/", "boot_file_url": "/b/a.py"}, "boot_file_url", "R09"),
        ({"user_command": "bash"}, "user_command", "R11"),
        ({"dataset_id": "d"}, "dataset_version_id", "R15"),
        ({"data_source": [{"type": "obs", "data_url": "/b/"}]}, "data_source", "R14"),
        ({"parameter": [{"value": "x"}]}, "parameter[0].label", "R17"),
        ({"spec_id": -1}, "spec_id", "R18"),
        ({"spec_id": ...}, "spec_id", "R18"),
        ({"pool_id": "p"}, "pool_id", "R27"),
        ({"volumes": []}, "volumes", "R27"),
        ({"workspace_id": "0"}, "workspace_id", "R27"),
        ({"train_url": ""}, "train_url", "R26"),
    ],
)
def test_broken_rule_is_told_before_anything_is_sent(
    serve: Callable[..., Any],
    make_client: Callable[..., Any],
    changes: dict[str, Any],
    field: str,
    rule: str,
) -> None:
    """The rules of a training hold for a saved set, and it has some of its own."""
    server = serve(DONE)
    body = {name: value for name, value in {**BODY, **changes}.items() if value is not ...}

    with pytest.raises(PayloadValidationError) as caught:
        make_client(server.url).create_saved_config(body)

    assert (field, rule) in [(v.field, v.rule[-4:-1]) for v in caught.value.violations]
    assert server.requests == []


def test_unknown_field_is_told_with_the_nearest_one() -> None:
    """A slip of the pen is named."""
    with pytest.raises(PayloadValidationError, match="Did you mean 'train_url'") as caught:
        UpdateSavedConfigRequest.checked({**BODY, "train_uri": "/b/o/", "config_name": "a"})

    fields = {violation.field for violation in caught.value.violations}
    assert fields == {"train_uri", "config_name"}


def test_doubtful_settings_are_warnings() -> None:
    """What the pages advise against can be saved."""
    body = {name: value for name, value in BODY.items() if name != "config_name"}

    warnings = UpdateSavedConfigRequest.checked({**body, "train_url": "/b/o"}).warnings()

    assert [(w.field, w.rule) for w in warnings] == [("train_url", "a folder ends in '/' (R25)")]


# ---- lost answers


def test_lost_creation_that_has_worked_is_done(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """The name is looked up, and the set of that name shows what was sent."""
    server = serve(LOST, listed("ab", "a"), detail(engine_id=501, config_desc=None))

    make_client(server.url).create_saved_config(BODY)

    assert asked(server) == ["POST", "GET", "GET /a"]


def test_lost_creation_that_has_not_worked_is_repeated(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Without a set of exactly that name the request is sent again."""
    server = serve(LOST, listed("ab"), DONE)

    make_client(server.url).create_saved_config(BODY)

    assert asked(server) == ["POST", "GET", "POST"]


@pytest.mark.parametrize(
    "there", [{"spec_id": 5}, {"config_desc": "another"}, {"data_url": "/b/2/"}]
)
def test_name_taken_by_another_after_a_lost_answer_is_an_error(
    serve: Callable[..., Any], make_client: Callable[..., Any], there: dict[str, Any]
) -> None:
    """A set that shows something else is not ours."""
    replies = [listed("a"), detail(**there)]
    server = serve(LOST, *replies, TAKEN, *replies)

    with pytest.raises(JobNameExistsError):
        make_client(server.url).create_saved_config(BODY)

    assert [call for call in asked(server) if call == "POST"] == ["POST"] * 2


def test_taken_name_is_told_at_once(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Where nothing was lost the first refusal comes out, and nothing is read."""
    server = serve(TAKEN)

    with pytest.raises(JobNameExistsError):
        make_client(server.url).create_saved_config(BODY)

    assert asked(server) == ["POST"]


def test_creation_that_is_always_lost_is_an_error(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """After the last attempt the transport error comes out."""
    server = serve(*[LOST, listed()] * 6)

    with pytest.raises(ResponseLostError):
        make_client(server.url).create_saved_config(BODY)


def test_deleting_is_done_where_a_lost_attempt_has_deleted(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Not found after a lost answer is success, at once it is an error."""
    server = serve(LOST, MISSING, MISSING)
    client = make_client(server.url)

    client.delete_saved_config("a")
    with pytest.raises(NotFoundError):
        client.delete_saved_config("a")

    assert asked(server) == ["DELETE /a"] * 3
