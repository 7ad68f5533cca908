"""What becomes part of a path or a query is checked before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.client import ClientConfig, ModelArtsClient, Token
from airflow_provider_modelarts.client.ids import MAX_ID, checked_id
from airflow_provider_modelarts.exceptions import ConfigurationError, PayloadValidationError

if TYPE_CHECKING:
    from collections.abc import Callable


def nested(levels: int) -> Any:
    """Return a list in a list in a list, far deeper than Python recurses."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


IDS: list[Any] = ["..", ".", "", "1/2", "-1", -1, True, None, 1.5, "9" * 5000, 10**5000, MAX_ID + 1]
IDS += ["\ud800", "\u0661", "1\n2", [1], {"job_id": 1}, "x" * 10_000, nested(100_000)]
NAMES: list[Any] = [
    "..",
    ".",
    "...",
    "",
    "a/b",
    "a\\b",
    "/",
    "a\nb",
    "\ud800",
    "x" * 256,
    None,
    5,
    ["a"],
    nested(100_000),
]
OF_JOB: dict[str, Callable[[Any, Any], Any]] = {
    "create_job_version": lambda client, job: client.create_job_version(job, VERSION),
    "update_training_job": lambda client, job: client.update_training_job(job, "x"),
    "delete_training_job": lambda client, job: client.delete_training_job(job),
    "list_job_versions": lambda client, job: list(client.list_job_versions(job)),
    "get_visualization_job": lambda client, job: client.get_visualization_job(job),
    "update_visualization_job": lambda client, job: client.update_visualization_job(job, "x"),
    "delete_visualization_job": lambda client, job: client.delete_visualization_job(job),
    "stop_visualization_job": lambda client, job: client.stop_visualization_job(job),
    "restart_visualization_job": lambda client, job: client.restart_visualization_job(job),
}
OF_VERSION: dict[str, Callable[[Any, Any, Any], Any]] = {
    "get_job_version": lambda client, *ids: client.get_job_version(*ids),
    "stop_job_version": lambda client, *ids: client.stop_job_version(*ids),
    "delete_job_version": lambda client, *ids: client.delete_job_version(*ids),
    "list_log_files": lambda client, *ids: client.list_log_files(*ids),
    "get_log": lambda client, *ids: client.get_log(*ids, "file"),
}
OF_NAME: dict[str, Callable[[Any, Any], Any]] = {
    "get_saved_config": lambda client, name: client.get_saved_config(name),
    "update_saved_config": lambda client, name: client.update_saved_config(name, SAVED),
    "delete_saved_config": lambda client, name: client.delete_saved_config(name),
}
SAVED = {
    "worker_server_num": 1,
    "model_id": 1,
    "spec_id": 1,
    "data_url": "/b/d/",
}
VERSION = {"config": SAVED | {"train_url": "/b/o/", "pre_version_id": 1}}


def refused(make_client: Any, serve: Any, call: Callable[[Any], Any], field: str) -> None:
    """Make sure that a call is refused by its field, and nothing is sent."""
    running = serve((200, {}, {}))
    with pytest.raises(PayloadValidationError) as caught:
        call(make_client(running.url))

    assert [violation.field for violation in caught.value.violations] == [field]
    assert len(str(caught.value)) < 500
    str(caught.value).encode()
    assert running.requests == []


@pytest.mark.parametrize("name", OF_JOB)
@pytest.mark.parametrize("value", IDS, ids=lambda value: ascii(type(value).__name__))
def test_odd_job_id_sends_nothing(make_client: Any, serve: Any, name: str, value: Any) -> None:
    """At no call."""
    refused(make_client, serve, lambda client: OF_JOB[name](client, value), "job_id")


@pytest.mark.parametrize("name", OF_VERSION)
@pytest.mark.parametrize("value", IDS, ids=lambda value: ascii(type(value).__name__))
def test_odd_version_id_sends_nothing(make_client: Any, serve: Any, name: str, value: Any) -> None:
    """Nor does an odd id of its job."""
    refused(make_client, serve, lambda client: OF_VERSION[name](client, 1, value), "version_id")
    refused(make_client, serve, lambda client: OF_VERSION[name](client, value, 1), "job_id")


@pytest.mark.parametrize("name", OF_NAME)
@pytest.mark.parametrize("value", NAMES, ids=lambda value: type(value).__name__)
def test_odd_name_sends_nothing(make_client: Any, serve: Any, name: str, value: Any) -> None:
    """A name of two dots would delete what lies above."""
    refused(make_client, serve, lambda client: OF_NAME[name](client, value), "config_name")


@pytest.mark.parametrize(
    ("option", "value"),
    [("search_content", "\ud800"), ("search_content", "x" * 10_000), ("workspace_id", "\udfff")],
)
def test_odd_option_of_a_list_sends_nothing(
    make_client: Any, serve: Any, option: str, value: str
) -> None:
    """Half a character cannot be written into a URL."""
    refused(
        make_client,
        serve,
        lambda client: list(client.list_training_jobs(**{option: value})),
        option,
    )


@pytest.mark.parametrize("project", ["..", ".", "a/b", "a b", "a\n", "\ud800", "ä", "x" * 256])
def test_odd_project_is_refused_at_once(project: str) -> None:
    """Before there is a client that could use it."""
    config = ClientConfig("http://127.0.0.1:1", Token("token"), project_id=project)

    with pytest.raises(ConfigurationError, match="project_id is .* set it to the id"):
        ModelArtsClient(config)


@pytest.mark.parametrize("value", [7, "7", " 7 ", "007", Decimal(7), "0" * 5000 + "7"])
def test_id_may_be_number_or_text(value: Any) -> None:
    """As XComs and templates hand it on."""
    assert checked_id(value, "job_id") == 7
