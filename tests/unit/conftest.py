"""A scripted server on loopback, clients that do not sleep, and a clock that tests move."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.client import (
    AccessKey,
    Backoff,
    ClientConfig,
    ModelArtsClient,
    Password,
    Token,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from airflow_provider_modelarts.emulator import Emulator

SAMPLES = Path(__file__).parents[1] / "samples"
PROJECT = "0123456789abcdef0123456789abcdef"


@dataclass
class Seen:
    """One request as it came over the wire; header names are lower-case."""

    raw: bytes
    method: str = ""
    target: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __post_init__(self) -> None:
        head, _, self.body = self.raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }


class Server:
    """Answers the n-th request with the n-th reply, further ones with the last.

    A reply is bytes to send as they are, a ``(status, body, headers)`` of which the tail may be
    left out (a body that is no bytes is sent as JSON), or a function of the open socket.
    """

    def __init__(self, replies: tuple[Any, ...], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self._replies = replies
        self._tls = tls
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.settimeout(0.02)
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self._tls is not None:
                connection = stack.enter_context(
                    self._tls.wrap_socket(connection, server_side=True)
                )
            raw = _read_request(connection)
            if not raw:
                return
            with self._lock:
                self.requests.append(Seen(raw))
                reply = self._replies[min(len(self.requests), len(self._replies)) - 1]
            if callable(reply):
                reply(connection)
            else:
                connection.sendall(reply if isinstance(reply, bytes) else _encode(*reply))

    def play(self, *replies: Any) -> None:
        """Forget what was asked, and answer with these replies from now on."""
        with self._lock:
            self.requests.clear()
            self._replies = replies

    def close(self) -> None:
        """Stop answering and wait for all threads."""
        self._closed.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()


def _read_request(connection: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw:
        packet = connection.recv(65536)
        if packet.startswith(b"\x16"):  # a TLS handshake, answered as a plain server does
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return b""
        if not packet:
            return b""
        raw += packet
    head, _, body = raw.partition(b"\r\n\r\n")
    names = [line.split(b":", 1) for line in head.split(b"\r\n")[1:]]
    length = next((int(v) for n, v in names if n.lower() == b"content-length"), 0)
    while len(body) < length:
        packet = connection.recv(65536)
        raw, body = raw + packet, body + packet
    return raw


def _encode(status: int, body: Any = b"", headers: dict[str, str] | None = None) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Length": str(len(content)), "Connection": "close", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Test\r\n{head}\r\n".encode("latin-1") + content


class Clock:
    """Epoch seconds that stand still until they are moved."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Tell the time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Return a function that starts a server with the given replies."""
    servers: list[Server] = []

    def start(*replies: Any, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(replies, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def make_client() -> Iterator[Callable[..., ModelArtsClient]]:
    """Return a function that makes a client which does not sleep between attempts."""
    clients: list[ModelArtsClient] = []

    def make(
        endpoint: str,
        credentials: Any = None,
        *,
        backoff: Backoff | None = None,
        sleep: Callable[[float], object] = lambda seconds: None,
        clock: Callable[[], float] = time.time,
        **fields: Any,
    ) -> ModelArtsClient:
        who = credentials or AccessKey("AKEXAMPLE", "the-secret-key")
        config = ClientConfig(endpoint, who, **{"project_id": PROJECT, "timeout": 10.0, **fields})
        clients.append(ModelArtsClient(config, backoff=backoff, sleep=sleep, clock=clock))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def emulated(
    emulator: Emulator, make_client: Callable[..., ModelArtsClient]
) -> Callable[..., ModelArtsClient]:
    """Return a function that makes a client of the emulator, by default with an access key."""
    who = emulator.identity

    def make(auth_type: str = "aksk", **settings: Any) -> ModelArtsClient:
        scope = {"project_id": who.project_id} | {
            name: settings.pop(name) for name in ("project_id", "project_name") if name in settings
        }
        if auth_type == "aksk":
            credentials: Any = AccessKey(who.access_key, who.secret_key)
        elif auth_type == "token":
            credentials = Token(emulator.issue_token())
        else:
            password = settings.pop("password", who.password)
            credentials = Password(who.user, password, who.domain, emulator.url, **scope)
        return make_client(emulator.url, credentials, project_id=scope["project_id"], **settings)

    return make


@pytest.fixture
def clock() -> Clock:
    """A clock that shows the time of now and stands."""
    return Clock(time.time())


@pytest.fixture
def sample() -> Callable[[str], Any]:
    """Return a function that reads a published request or reply."""
    return lambda name: json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def config() -> dict[str, Any]:
    """A config that breaks no rule, neither of a job nor, with ``pre_version_id``, of a version."""
    return {
        "worker_server_num": 1,
        "app_url": "/bucket/code/",
        "boot_file_url": "/bucket/code/train.py",
        "engine_id": 1,
        "spec_id": 1,
        "data_url": "/bucket/data/",
        "train_url": "/bucket/out/",
    }
