"""What an error tracker sees of a failed call: local variables of our frames, causes, pickles, logs."""

from __future__ import annotations

import contextlib
import copy
import logging
import pickle
import socket
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.auth.credentials import AccessKey, Password, Token
from airflow_provider_modelarts.client import Backoff, ClientConfig
from airflow_provider_modelarts.exceptions import ConfigurationError, ModelArtsError
from airflow_provider_modelarts.secret import Secret
from tests.tracebacks import HTTP, OURS, chain, frames, leaks

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = "0123456789abcdef0123456789abcdef"
SECRETS = {
    "aksk": ("the-secret-key", "the-security-token"),
    "token": ("the-ready-token",),
    "password": ("the-password", "tok-1-issued"),
}
WORDS = [word for words in SECRETS.values() for word in words]
CREDENTIALS: dict[str, Any] = {
    "aksk": AccessKey("AKEXAMPLE", "the-secret-key", "the-security-token"),
    "token": Token("the-ready-token"),
}


def echo(*words: str) -> Any:
    """Return an answer 401 that repeats these words."""
    return 401, {"error_msg": f"got {' and '.join(words)}"}


@pytest.fixture
def failed(
    serve: Callable[..., Any], make_client: Callable[..., Any], issued: Callable[..., Any]
) -> Callable[..., BaseException]:
    """Return a function that calls a server which answers like this, and returns the error."""

    def call(kind: str, *replies: Any, logged_in: bool = True) -> BaseException:
        login = [issued("tok-1-issued")] if kind == "password" and logged_in else []
        server = serve(*(login + list(replies or [echo(*SECRETS[kind])])) * 2)
        who = CREDENTIALS.get(kind) or Password("user", "the-password", "d", server.url, PROJECT)
        client = make_client(server.url, who, backoff=Backoff(attempts=1))
        with pytest.raises(BaseException) as caught:
            client.get_job_version(1, 2)
        return caught.value

    return call


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize(
    "replies",
    [
        (),
        (b"",),
        (b"nonsense\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"tok-1-issued the-password\r\n",
        ),
    ],
    ids=["echo", "closed", "garbage", "truncated", "echo in a chunk"],
)
def test_failed_call_shows_no_secret(
    failed: Callable[..., BaseException], kind: str, replies: Any
) -> None:
    """Neither the error, nor what caused it, nor any frame between the client and the socket."""
    error = failed(kind, *replies)

    assert isinstance(error, ModelArtsError)
    assert leaks(error, *WORDS) == []
    modules = {type(each).__module__ for each in chain(error)}
    assert not [name for name in modules if not name.startswith("airflow_provider_modelarts.")]


@pytest.mark.parametrize("reply", [b"", echo("the-password")], ids=["closed", "echo"])
def test_failed_login_shows_no_secret(failed: Callable[..., BaseException], reply: Any) -> None:
    """The password travels in a body, which no frame shows either."""
    error = failed("password", reply, logged_in=False)

    assert isinstance(error, ModelArtsError)
    assert leaks(error, *WORDS) == []


@pytest.mark.parametrize("kind", SECRETS)
def test_task_that_is_ended_in_a_call_shows_no_secret(
    failed: Callable[..., BaseException], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Airflow ends a task by an exception of its own, wherever the code happens to be."""

    class TaskTimeout(BaseException):
        """What a signal handler raises."""

    def end(*args: Any) -> None:
        raise TaskTimeout

    monkeypatch.setattr(socket.socket, "sendall", end)  # the server is not to answer anyway

    error = failed(kind, (200, {}), logged_in=False)

    assert isinstance(error, TaskTimeout)
    assert leaks(error, *WORDS) == []
    names = {frame.f_code.co_filename for frame in frames(error)}
    assert any(name.startswith(OURS) for name in names)
    assert not [name for name in names if HTTP.search(name)]


@pytest.mark.parametrize("kind", SECRETS)
def test_error_can_be_pickled_without_a_secret(
    failed: Callable[..., BaseException], kind: str
) -> None:
    """An error may go to another process; what it takes along is free of secrets."""
    pickled = pickle.dumps(failed(kind))

    assert not [secret for secret in WORDS if secret.encode() in pickled]


def test_rest_of_a_malformed_header_is_not_logged(
    serve: Callable[..., Any],
    make_client: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After a line that is no header, the HTTP library would log the rest: here the token of IAM."""
    raw = b"HTTP/1.1 201 Created\r\nno header\r\nX-Subject-Token: tok-1-issued\r\nContent-Length: 2\r\n\r\n{}"
    server = serve(raw)
    who = Password("user", "the-password", "domain", server.url, "p")
    client = make_client(server.url, who, backoff=Backoff(attempts=1), timeout=0.5)
    caplog.set_level(logging.DEBUG)

    with contextlib.suppress(ModelArtsError):
        client.get_job_version(1, 2)

    assert "malformed header line" in caplog.text
    assert "tok-1-issued" not in caplog.text


@pytest.mark.parametrize("kind", SECRETS)
def test_debug_log_of_everything_shows_no_secret(
    failed: Callable[..., BaseException], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """With all loggers at DEBUG, the HTTP library's among them."""
    caplog.set_level(logging.DEBUG)

    failed(kind)

    assert "urllib3" in caplog.text
    assert not [word for word in (*WORDS, "Signature=") if word in caplog.text]


# ---- the type


def test_secret_shows_itself_on_demand_only() -> None:
    """Neither text, repr, format nor a container tells it; reveal does."""
    secret = Secret("the-password")

    assert (
        f"{secret} {secret!r} {[secret]} { ({'a': secret}) } %s" % secret
        == "*** *** [***] {'a': ***} ***"
    )
    assert secret.reveal() == "the-password"


def test_secret_is_compared_and_hashed_by_its_value() -> None:
    """Configurations with equal secrets are equal and share a client."""
    one, other = (ClientConfig("https://m", AccessKey("AK", text)) for text in ("s", Secret("s")))

    assert {one: "shared"}[other] == "shared"
    assert one != ClientConfig("https://m", AccessKey("AK", "t"))
    assert Secret("s") == "s"
    assert Secret("s") != 1
    assert not Secret("")


def test_secret_is_copied_but_not_pickled() -> None:
    """Airflow copies tasks with all they hold; pickled, a secret would lie in the clear."""
    config = ClientConfig("https://m", Token("the-ready-token"))

    assert copy.deepcopy(config) == copy.copy(config) == config
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(config)


@pytest.mark.parametrize(
    "credentials",
    [
        Token("the-ready\ntoken"),
        Token("the-ready-tokän"),
        AccessKey("AK", "the-secret\ud800key"),
        AccessKey("AK", "key", "the security-token"),
        AccessKey("ÄK", "the-secret-key"),
    ],
    ids=["line", "umlaut", "surrogate", "blank", "access key"],
)
def test_secret_that_no_header_can_carry_is_refused_unseen(
    make_client: Callable[..., Any], credentials: Any
) -> None:
    """The HTTP library would show it in its error."""
    with pytest.raises(ConfigurationError, match="which no header can carry") as caught:
        make_client("https://m", credentials)

    assert "the-" not in str(caught.value)


def test_issued_token_that_no_header_can_carry_is_refused_unseen(
    failed: Callable[..., BaseException],
) -> None:
    """A folded header of IAM would come back as two."""
    raw = b"HTTP/1.1 201 Created\r\nX-Subject-Token: tok-1-issued\r\n more\r\nConnection: close\r\n\r\n{}"

    error = failed("password", raw, logged_in=False)

    assert "X-Subject-Token that can be sent back" in str(error)
    assert leaks(error, *WORDS) == []
