"""One HTTP exchange: what may go wrong, and whether the request may have been seen."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.exceptions import (
    RequestNotSentError,
    ResponseLostError,
    UnreadableResponseError,
)
from airflow_provider_modelarts.transport import Request, Transport, build_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = (200, {"a": 1})
SECRET = "the-secret"


@pytest.fixture
def transport() -> Iterator[Transport]:
    """A transport that waits half a second."""
    made = Transport(timeout=0.5)
    yield made
    made.close()


def send(transport: Transport, url: str, method: str = "POST") -> Any:
    """Send a request that carries secrets in every place."""
    request = Request(method, f"{url}/v1/a?q=1", {"X-Other": SECRET}, SECRET.encode())
    return transport.send(request, lambda request: {"X-Auth-Token": SECRET})


def reset(connection: socket.socket) -> None:
    """Close with a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drip(*parts: bytes) -> Callable[[socket.socket], None]:
    """Return a reply that comes in parts, the last one repeated as long as anyone listens."""

    def reply(connection: socket.socket) -> None:
        until = time.monotonic() + 3
        index = 0
        while time.monotonic() < until:
            connection.sendall(parts[min(index, len(parts) - 1)])
            index += 1
            time.sleep(0.2)

    return reply


def silence(connection: socket.socket) -> None:
    """Say nothing until the other side gives up."""
    connection.recv(1)


def stall(connection: socket.socket) -> None:
    """Begin a body and say no more."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
    connection.recv(1)


def unused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# ---- what is sent and read


def test_exchange_gives_status_headers_and_body(
    serve: Callable[..., Any], transport: Transport
) -> None:
    """Status, lower-case headers and the bytes of the body come back; method and body go out."""
    server = serve((202, b"hello", {"X-Request-Id": "abc"}))

    answer = send(transport, server.url, "PUT")

    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (202, b"hello", "abc")
    (seen,) = server.requests
    assert (seen.method, seen.target, seen.body) == ("PUT", "/v1/a?q=1", SECRET.encode())
    assert seen.headers["x-auth-token"] == SECRET
    assert seen.headers["user-agent"].startswith("airflow-provider-modelarts/")


def test_request_without_body_has_none_on_the_wire(
    serve: Callable[..., Any], transport: Transport
) -> None:
    """A GET carries neither a body nor an encoding of one."""
    server = serve(OK)

    transport.send(Request("GET", server.url))

    (seen,) = server.requests
    assert seen.body == b""
    assert "transfer-encoding" not in seen.headers


@pytest.mark.parametrize("size", [10, 300_000], ids=["small", "large"])
def test_gzip_answer_is_unpacked(
    serve: Callable[..., Any], transport: Transport, size: int
) -> None:
    """A compressed body is read whole, also when its first packet decodes to nothing."""
    packed = gzip.compress(b"x" * size)

    def reply(connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        connection.sendall(head.encode() + packed[:4])
        time.sleep(0.05)
        connection.sendall(packed[4:])

    assert send(transport, serve(reply).url).body == b"x" * size


def test_chunked_answer_is_joined(serve: Callable[..., Any], transport: Transport) -> None:
    """A body in chunks is read to its last one."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"

    assert send(transport, serve(raw).url).body == b"abcde"


def test_kept_connection_has_the_full_time_again(transport: Transport) -> None:
    """An exchange that took most of its time leaves no short timeout to the next one."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    peers = []

    def talk() -> None:
        connection, _ = listener.accept()
        with connection:
            for _ in range(2):
                peers.append(connection.fileno())
                connection.recv(65536)
                time.sleep(0.35)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        bodies = [transport.send(Request("GET", url)).body for _ in range(2)]
        thread.join(5)

    assert bodies == [b"ok", b"ok"]
    assert len(peers) == 2


def test_cookies_are_not_kept(serve: Callable[..., Any], transport: Transport) -> None:
    """A cookie of one answer is not sent with the next request."""
    server = serve((200, b"", {"Set-Cookie": "session=1; Path=/"}))

    send(transport, server.url)
    send(transport, server.url)

    assert ["cookie" in seen.headers for seen in server.requests] == [False, False]


@pytest.mark.parametrize("target", ["\x80", "https://[", "https://host:port/"])
def test_redirect_to_nonsense_is_an_answer_like_any_other(
    serve: Callable[..., Any], transport: Transport, target: str
) -> None:
    """An address that cannot be read does not matter, since nobody goes there."""
    server = serve((302, b"moved", {"Location": target}))

    answer = send(transport, server.url)

    assert (answer.status, answer.headers["location"], answer.body) == (302, target, b"moved")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_an_answer_like_any_other(
    serve: Callable[..., Any], transport: Transport, status: int
) -> None:
    """No redirect is followed, whatever its kind."""
    other = serve(OK)
    server = serve((status, b"", {"Location": other.url}))

    answer = send(transport, server.url)

    assert (answer.status, answer.headers["location"]) == (status, other.url)
    assert other.requests == []


def test_query_is_percent_encoded() -> None:
    """Names and values are quoted as the signature wants it; a blank is never '+'."""
    url = build_url("https://h", "/v1", [("a b", "ä/+~"), ("c", "")])

    assert url == "https://h/v1?a%20b=%C3%A4%2F%2B~&c="


# ---- nothing was sent


def test_refused_connection_is_not_sent(transport: Transport) -> None:
    """Where nobody listens nothing was sent; the error names method, URL and remedy."""
    url = f"http://127.0.0.1:{unused_port()}"

    with pytest.raises(RequestNotSentError) as caught:
        send(transport, url)

    text = str(caught.value)
    assert text.startswith(f"POST {url}/v1/a: no connection to '{url[7:]}'")
    assert "Connection refused" in text
    assert "Check 'host'" in text


def test_unknown_host_is_not_sent(transport: Transport) -> None:
    """A name that cannot be resolved means that nothing was sent."""
    with pytest.raises(RequestNotSentError, match="'no-such-host.invalid' cannot be resolved"):
        send(transport, "https://no-such-host.invalid")


def test_unusable_url_is_not_sent(transport: Transport) -> None:
    """An address that is no URL is reported as such."""
    with pytest.raises(RequestNotSentError, match="not a usable URL"):
        send(transport, "nonsense://host")


# ---- the answer was lost


@pytest.mark.parametrize(
    "reply",
    [
        reset,
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9",
    ],
    ids=[
        "reset",
        "closed without a byte",
        "not http",
        "truncated",
        "truncated chunk",
        "missing last chunk",
        "broken gzip",
        "head cut off",
    ],
)
def test_broken_answer_is_lost(serve: Callable[..., Any], transport: Transport, reply: Any) -> None:
    """After the request has gone out, anything but a whole answer leaves its fate unknown."""
    server = serve(reply)

    with pytest.raises(ResponseLostError) as caught:
        send(transport, server.url)

    assert str(caught.value).startswith(f"POST {server.url}/v1/a: ")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 302])
def test_answer_above_the_limit_is_refused(
    serve: Callable[..., Any], transport: Transport, status: int
) -> None:
    """Reading stops at the limit, which counts unpacked bytes."""
    packed = gzip.compress(b"x" * 200_000)
    headers = {"Content-Encoding": "gzip", "Location": "https://elsewhere/"}
    server = serve((status, packed, headers))

    with pytest.raises(UnreadableResponseError, match="answer above 100000 bytes"):
        transport.send(Request("GET", f"{server.url}/", most=100_000))


@pytest.mark.parametrize(
    "reply",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        drip(b"H"),
        stall,
        silence,
    ],
    ids=["slow body", "slow chunks", "slow headers", "slow line", "stalled body", "silence"],
)
def test_slow_answer_ends_by_the_timeout(
    serve: Callable[..., Any], transport: Transport, reply: Any
) -> None:
    """The exchange as a whole ends within the timeout, however slowly the answer drips."""
    server = serve(reply)
    start = time.monotonic()

    with pytest.raises(ResponseLostError, match="no complete answer within 0.5 seconds"):
        send(transport, server.url)

    assert time.monotonic() - start < 1.5


@pytest.mark.parametrize("case", ["refused", "unknown", "lost", "slow", "garbage"])
def test_messages_hold_no_secret(
    serve: Callable[..., Any], transport: Transport, case: str
) -> None:
    """Neither header nor body of the request is part of an error's text or its causes'."""
    url = {
        "refused": lambda: f"http://127.0.0.1:{unused_port()}",
        "unknown": lambda: "http://no-such-host.invalid",
        "lost": lambda: serve(b"").url,
        "slow": lambda: serve(silence).url,
        "garbage": lambda: serve(b"nonsense\r\n\r\n").url,
    }[case]()

    with pytest.raises((RequestNotSentError, ResponseLostError)) as caught:
        send(transport, url)

    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in f"{error} {error!r}"
        error = error.__cause__ or error.__context__


def test_answer_that_is_no_http_is_not_repeated_in_the_error(
    serve: Callable[..., Any], transport: Transport
) -> None:
    """A server of another protocol may echo the request, credentials and all."""
    server = serve(f"you said {SECRET}\r\n\r\n".encode())

    with pytest.raises(ResponseLostError, match="the answer is not HTTP. Check 'host'") as caught:
        send(transport, server.url)

    assert SECRET not in str(caught.value)


# ---- proxies


def test_proxy_of_the_environment_is_used(
    serve: Callable[..., Any], transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that reaches the service through a proxy needs no setting of ours."""
    proxy = serve(OK)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    answer = send(transport, "http://modelarts.example")

    assert answer.body == b'{"a": 1}'
    assert proxy.requests[0].target == "http://modelarts.example/v1/a?q=1"
    assert proxy.requests[0].headers["host"] == "modelarts.example"


@pytest.mark.parametrize("case", ["refuses", "absent"])
def test_proxy_that_lets_nothing_through_means_not_sent(
    serve: Callable[..., Any],
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    """Without a tunnel nothing of the request has reached the service, nor the proxy."""
    proxy = serve((407, b""))
    url = proxy.url if case == "refuses" else f"http://127.0.0.1:{unused_port()}"
    monkeypatch.setenv("HTTPS_PROXY", url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    with pytest.raises(RequestNotSentError, match=r"proxy"):
        send(transport, "https://modelarts.example")

    assert [seen.method for seen in proxy.requests] == ["CONNECT"] * (case == "refuses")
    assert not [seen for seen in proxy.requests if SECRET.encode() in seen.raw]
