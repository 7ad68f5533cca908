"""The Test button of the connection form: an answer within seconds, in words that the form uses."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.hooks import modelarts
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "the-secret-word"


@pytest.fixture
def silence() -> Iterator[Callable[[Any], None]]:
    """A reply that never comes: the socket stays open until the test is over."""
    over = threading.Event()
    yield lambda _socket: over.wait(60)
    over.set()


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[bool, str]]:
    """Press the button for a connection with these fields."""

    def press(host: str, extra: dict[str, Any] | None = None, **fields: Any) -> tuple[bool, str]:
        connection = {
            "conn_type": "modelarts",
            "host": host,
            "login": "AK",
            "password": SECRET,
            "extra": {"project_id": "p1", **(extra or {})},
            **fields,
        }
        monkeypatch.setenv("AIRFLOW_CONN_TESTED", json.dumps(connection))
        return ModelArtsHook("tested").test_connection()

    return press


def test_host_that_accepts_and_stays_silent_is_told_in_time(
    check: Any, serve: Any, silence: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is that of the test, and not the timeout of one exchange."""
    monkeypatch.setattr(modelarts, "TEST_LIMIT", 0.1)
    server = serve(silence)

    succeeded, message = check(server.url)

    assert not succeeded
    assert message.startswith(f"No answer from {server.url} within 0.1 seconds")
    assert message.endswith("Check 'ModelArts endpoint' (host)")


@pytest.mark.parametrize("silent", ["iam", "both"])
def test_login_and_question_share_the_time(
    check: Any, serve: Any, silence: Any, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    """With a password two services are asked, and either may stay silent."""
    monkeypatch.setattr(modelarts, "TEST_LIMIT", 0.1)
    iam = serve(silence)
    server = serve(silence if silent == "both" else (200, {"jobs": []}))
    extra = {"auth_type": "password", "domain_name": "D", "iam_endpoint": iam.url}

    succeeded, message = check(server.url, extra)

    assert not succeeded
    assert message.startswith(f"No answer from {iam.url} or {server.url} within 0.1 seconds")
    assert message.endswith("'ModelArts endpoint' (host) and 'IAM endpoint' (extra iam_endpoint)")
    assert SECRET not in message


def test_limit_is_what_somebody_waits() -> None:
    """The limit that the documentation names."""
    assert modelarts.TEST_LIMIT == 5


def test_good_connection_is_told(check: Any, serve: Any) -> None:
    """One page of jobs has come."""
    server = serve((200, {"jobs": []}))

    assert check(server.url) == (True, f"Connected to {server.url}")


def test_port_zero_of_the_form_is_none(check: Any, serve: Any) -> None:
    """Airflow's form sends 0 where its port is empty, and the button needs one."""
    server = serve((200, {"jobs": []}))

    assert check(server.url, port=0) == (True, f"Connected to {server.url}")


def test_ignored_extras_are_named(check: Any, serve: Any) -> None:
    """A success that says what had no part in it."""
    server = serve((200, {"jobs": []}))

    succeeded, message = check(server.url, {"verify_ssl": False, "bucket": "b"})

    assert succeeded
    assert (
        "extra 'verify_ssl' is not read; did you mean 'TLS verification' (extra verify)?" in message
    )
    assert message.endswith("of no effect here: extra 'bucket'")


def test_refused_field_is_told_as_the_form_shows_it(check: Any) -> None:
    """The label first, then the name that it has in JSON."""
    succeeded, message = check("https://h", {"project_id": None})

    assert not succeeded
    assert "'Project ID' (extra project_id) is missing" in message


def test_id_of_none_is_a_message() -> None:
    """The button shows a text for whatever happens."""
    succeeded, message = ModelArtsHook(None).test_connection()  # type: ignore[arg-type]

    assert not succeeded
    assert message.startswith("modelarts_conn_id is None")
