"""Runs the application on uvicorn: loopback only, in the foreground or in a thread."""

from __future__ import annotations

import errno
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.guard import MAX_HEAD

if TYPE_CHECKING:
    import asyncio

    from airflow_provider_modelarts.emulator.app import App

LOOPBACK = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}


class Protocol(H11Protocol):
    """HTTP/1.1 that lets the application reach its connection, to break it when a fault asks for it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport where the application finds it: in the state of the scope."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket; :raises EmulatorError: when the address is not local or taken."""
    if host not in LOOPBACK:
        message = f"host {host!r} refused: the emulator runs code for its callers, so it listens on loopback only: use {', '.join(LOOPBACK)}"
        raise EmulatorError(message)
    family = LOOPBACK[host]
    # asyncio switches Nagle's delay (40 ms an answer) off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1" if host == "localhost" else host, port))
        # Listening here finds a taken port now; a thousand callers may knock at once.
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = (
            "is taken by another program; choose one with --port"
            if taken
            else f"cannot be used: {error}"
        )
        message = f"port {port} on {host} {why}"
        raise EmulatorError(message) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the base URL of a bound socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def build(app: App) -> uvicorn.Server:
    """Return a server for the application."""
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,  # the application tells the time of its own clock
        backlog=1024,
        # Beyond it nothing is read on; the application has the same limit for what came in one piece.
        h11_max_incomplete_event_size=MAX_HEAD,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


class ServerThread:
    """A server in a thread of its own."""

    def __init__(self, app: App, listener: socket.socket) -> None:
        self._listener = listener
        self._server = build(app)
        self._thread = threading.Thread(target=self._run, name="modelarts-emulator", daemon=True)

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])

    def start(self) -> None:
        """Start; returns when requests are answered. The socket listens already, so none is refused."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; returns when the thread has ended."""
        self._server.should_exit = True
        self._thread.join(timeout=15)
        self._listener.close()
        if self._thread.is_alive():
            message = "the emulator's server thread did not end within 15 seconds"
            raise EmulatorError(message)
