"""Proxies of the environment: named without their password, and not used for this machine."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.exceptions import RequestNotSentError, ResponseLostError
from airflow_provider_modelarts.network import is_loopback
from airflow_provider_modelarts.transport import Request, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = (200, {"a": 1})
PASSWORD = "proxy-pass"
WORD = "the-secret"


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Return a function that sets a proxy and sends a request with a secret in its header."""
    transport = Transport(timeout=2)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def go(url: str, proxy: str, variable: str = "") -> Any:
        monkeypatch.setenv(variable or f"{url.partition(':')[0].upper()}_PROXY", proxy)
        return transport.send(Request("POST", f"{url}/v1/a"), lambda _: {"X-Auth-Token": WORD})

    yield go
    transport.close()


def refused(send: Callable[..., Any], *args: str) -> str:
    """Send, and return what the error tells; it has no cause that tells more."""
    with pytest.raises(RequestNotSentError) as caught:
        send(*args)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert PASSWORD not in f"{error!r} {vars(error)}"
    return str(error)


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def with_password(url: str) -> str:
    """Return a proxy's URL with credentials."""
    return url.replace("://", f"://me:{PASSWORD}@")


@pytest.mark.parametrize(
    ("status", "what"),
    [
        (407, "asks for a user name and password (HTTP 407). Set it with them"),
        (403, "refuses the way there (HTTP 403). Have it allow the host"),
        (503, "refuses the way there (HTTP 503)"),
    ],
)
def test_proxy_that_refuses_the_tunnel_is_named(
    serve: Callable[..., Any], send: Callable[..., Any], status: int, what: str
) -> None:
    """Nothing was sent to the host, which is not to blame; the variable says where to look."""
    proxy = serve((status, f"you said {PASSWORD}".encode()))

    text = refused(send, "https://modelarts.example", with_password(proxy.url))

    assert text.startswith(
        "POST https://modelarts.example/v1/a: nothing was sent to 'modelarts.example': the proxy "
        f"'{proxy.host}' (environment variable HTTPS_PROXY) {what}"
    )
    assert text.endswith("or name the host in NO_PROXY if it can be reached without the proxy")
    assert [seen.method for seen in proxy.requests] == ["CONNECT"]
    assert WORD.encode() not in proxy.requests[0].raw


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_cannot_be_reached_is_named(send: Callable[..., Any], scheme: str) -> None:
    """The host is not to blame, with and without a tunnel."""
    port = unused_port()

    text = refused(send, f"{scheme}://modelarts.example", f"http://me:{PASSWORD}@127.0.0.1:{port}")

    assert f"the proxy '127.0.0.1:{port}' (environment variable {scheme.upper()}_PROXY)" in text
    assert "cannot be reached: " in text
    assert "Connection refused" in text


def test_proxy_whose_name_is_unknown_is_named(send: Callable[..., Any]) -> None:
    """It is the proxy's name that has no address."""
    text = refused(send, "https://modelarts.example", f"http://me:{PASSWORD}@no-proxy.invalid:3128")

    assert "the proxy 'no-proxy.invalid:3128'" in text
    assert "has a name that cannot be resolved" in text


@pytest.mark.parametrize(
    ("reply", "what"),
    [(b"nonsense\r\n\r\n", "does not answer as a proxy does"), (b"", "cannot be reached")],
    ids=["not http", "closed"],
)
def test_proxy_that_does_not_speak_http_is_named(
    serve: Callable[..., Any], send: Callable[..., Any], reply: bytes, what: str
) -> None:
    """What breaks off before there is a tunnel has sent nothing."""
    proxy = serve(reply)

    text = refused(send, "https://modelarts.example", with_password(proxy.url))

    assert f"the proxy '{proxy.host}'" in text
    assert what in text


def test_proxy_without_tls_behind_an_https_address_is_named(
    serve: Callable[..., Any], send: Callable[..., Any]
) -> None:
    """A common slip: https:// for a proxy that is spoken to in the clear."""
    proxy = serve(OK)

    text = refused(send, "https://modelarts.example", f"https://me:{PASSWORD}@{proxy.host}")

    assert f"the proxy '{proxy.host}' (environment variable HTTPS_PROXY) does not speak TLS" in text


@pytest.mark.parametrize(
    "address",
    [
        f"http://me:{PASSWORD}@",
        f"http://me:{PASSWORD}@host:port",
        f"http://me:{PASSWORD}@[half",
        f"socks5://me:{PASSWORD}@host:1080",
        f"gopher://me:{PASSWORD}@host:70",
        f"me:{PASSWORD}@host:3128",
        f"http://{PASSWORD}:3128:3129",
    ],
)
def test_address_of_a_proxy_that_cannot_be_used_is_told_without_its_password(
    send: Callable[..., Any], address: str
) -> None:
    """Whatever part of the address is wrong, the password may stand in it."""
    text = refused(send, "https://modelarts.example", address)

    assert "(environment variable HTTPS_PROXY) has an address that cannot be used" in text
    assert "Set it like http://host:port" in text


def test_variable_for_all_schemes_is_named(send: Callable[..., Any]) -> None:
    """Whoever has set ALL_PROXY looks there."""
    address = f"http://127.0.0.1:{unused_port()}"

    assert "(environment variable ALL_PROXY)" in refused(
        send, "https://modelarts.example", address, "ALL_PROXY"
    )


def test_proxy_without_tunnel_that_wants_a_password_is_named(
    serve: Callable[..., Any], send: Callable[..., Any]
) -> None:
    """A plain request that a proxy turns away has not reached the host."""
    proxy = serve((407, b"who are you"))

    text = refused(send, "http://modelarts.example", proxy.url)

    assert (
        f"the proxy '{proxy.host}' (environment variable HTTP_PROXY) asks for a user name" in text
    )


def test_status_407_of_a_host_without_proxy_is_its_answer(
    serve: Callable[..., Any], send: Callable[..., Any]
) -> None:
    """Where there is no proxy there is none to blame."""
    server = serve((407, b""))

    assert send(server.url, "").status == 407


def test_answer_that_is_lost_behind_a_proxy_is_lost(
    serve: Callable[..., Any], send: Callable[..., Any]
) -> None:
    """Once the proxy has the request, nobody knows how far it came."""
    proxy = serve(b"")

    with pytest.raises(ResponseLostError):
        send("http://modelarts.example", proxy.url)


# ---- this machine


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "LOCALHOST"])
def test_request_to_this_machine_takes_no_proxy(
    serve: Callable[..., Any], send: Callable[..., Any], host: str, variable: str
) -> None:
    """Credentials for this machine would reach another one in the clear."""
    proxy = serve((500, b""))
    server = serve(OK)

    answer = send(server.url.replace("127.0.0.1", host), proxy.url, variable)

    assert answer.status == 200
    assert server.requests[0].headers["x-auth-token"] == WORD
    assert proxy.requests == []


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("127.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("Localhost.", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("fe80::1%eth0", False),
        ("127.0.0.1.example.com", False),
        ("localhost.example.com", False),
        ("", False),
        ("h\x00", False),
    ],
)
def test_this_machine_is_known_in_all_its_forms(host: str, expected: bool) -> None:
    """Names and numbers that a socket takes for the loopback interface."""
    assert is_loopback(host) is expected
