"""The HTTP shell: reads a request, plays faults, authenticates through the handler, answers, records."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import uuid
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from airflow_provider_modelarts.emulator import codes, guard, routes
from airflow_provider_modelarts.emulator.errors import (
    EmulatorError,
    GatewayError,
    RefusalError,
    ServiceError,
)
from airflow_provider_modelarts.emulator.guard import CONTROL_PREFIX
from airflow_provider_modelarts.emulator.recorder import RecordedRequest
from airflow_provider_modelarts.emulator.wire import Call, Reply

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from airflow_provider_modelarts.emulator.clock import Clock
    from airflow_provider_modelarts.emulator.core import Core
    from airflow_provider_modelarts.emulator.faults import Fault
    from airflow_provider_modelarts.emulator.routes import Route

MAX_BODY = 12 * 1024 * 1024

log = logging.getLogger(__name__)


class App:
    """The ASGI application of one emulator."""

    def __init__(self, core: Core) -> None:
        self.core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        send = _dated(send, self.core.clock)
        headers, head_size = _headers(scope)
        token = self.core.settings.identity.emulator_token
        refusal = guard.refuse(scope["path"], head_size, headers, token)
        # Of a stranger's request nothing is kept.
        call, too_large = await _read(scope, receive, headers, 0 if refusal else MAX_BODY)
        if refusal is not None:
            await _send(send, refusal, call)
            return
        found = routes.find(call.method, scope["path"])
        if scope["path"].startswith(CONTROL_PREFIX):
            control = _oversized() if too_large else await self._run(found, call, control=True)
            await _send(send, control, call)
            return
        operation = found[0].operation if found else "unknown"
        recorded = RecordedRequest(
            self.core.clock.now(),
            call.method,
            call.raw_path,
            call.raw_query,
            call.headers,
            call.body,
            operation,
        )
        self.core.recorder.add(recorded)
        fault = self.core.faults.take(operation)
        if fault is None:
            reply = _oversized() if too_large else await self._run(found, call)
            recorded.status = reply.status
            await _send(send, reply, call)
            return
        reply = Reply()
        if fault.when == "after" or fault.kind == "slow":
            if fault.kind == "slow" and fault.when == "before":
                await asyncio.sleep(fault.delay)
            reply = _oversized() if too_large else await self._run(found, call)
        await self._spoil(fault, reply, call, recorded, (scope, receive, send))

    async def _run(
        self, found: tuple[Route, dict[str, str]] | None, call: Call, *, control: bool = False
    ) -> Reply:
        """Run a handler in a thread, so that SQLite and processes never hold up the event loop."""
        if found is None:
            error = GatewayError(
                codes.API_UNKNOWN,
                "The API does not exist or has not been published in the environment",
                404,
            )
            return Reply(error.body(call.request_id), status=404)
        route, params = found
        try:
            return await run_in_threadpool(route.answer, self.core, replace(call, params=params))
        except RefusalError as refusal:
            return Reply(refusal.body(call.request_id), status=refusal.http)
        except EmulatorError as error:
            if not control:
                raise
            return Reply({"ok": False, "error": str(error)}, status=400)

    async def _spoil(
        self,
        fault: Fault,
        reply: Reply,
        call: Call,
        recorded: RecordedRequest,
        asgi: tuple[Scope, Receive, Send],
    ) -> None:
        """Give the answer a fault asks for."""
        scope, receive, send = asgi
        if fault.kind != "slow" or fault.when == "after":
            await asyncio.sleep(fault.delay)
        if fault.kind in {"reset", "lost_answer"}:
            await _drop(scope, receive, reset=fault.kind == "reset")
            return
        if fault.kind == "truncate":
            await _truncate(scope, receive, send, reply, call)
            return
        if fault.kind == "status":
            reply = _ordered(fault, recorded.operation, call)
        elif fault.kind == "garbage":
            text = (
                fault.body
                if fault.body is not None
                else "<html><body><h1>Service temporarily moved</h1></body>"
            )
            reply = Reply(
                text, status=fault.status or 200, headers=fault.headers, content_type="text/html"
            )
        recorded.status = reply.status
        await _send(send, reply, call)


def _ordered(fault: Fault, operation: str, call: Call) -> Reply:
    """Return the reply of a ``status`` fault, with the vendor's usual body unless one is given."""
    status = fault.status or 503
    if fault.body is not None:
        kind = "text/plain" if isinstance(fault.body, str) else "application/json"
        return Reply(fault.body, status=status, headers=fault.headers, content_type=kind)
    if operation in {"iam_token", "list_projects"}:
        body: dict[str, Any] = {
            "error": {"code": status, "message": "Fault by order.", "title": "Error"}
        }
    elif status == 429:
        message = "The throttling threshold has been reached: policy user over ratelimit,limit:20,time:1 minute"
        body = GatewayError(codes.THROTTLED, message).body(call.request_id)
    elif status == 401:
        body = GatewayError(
            codes.NOT_AUTHENTICATED, "Incorrect IAM authentication information: decrypt token fail"
        ).body("")
        body["request_id"] = call.request_id
    elif status in {502, 503, 504}:
        # Not the codes of a 503 that promise that nothing happened (APIG.0613, ModelArts.4700).
        body = ServiceError(codes.BACKEND_UNAVAILABLE, "Backend unavailable.").body("")
        if status != 503:
            code = codes.BAD_GATEWAY if status == 502 else codes.GATEWAY_TIMEOUT
            body = GatewayError(code, "Backend unavailable").body(call.request_id)
    else:
        body = ServiceError(codes.INTERNAL, "Internal error.").body("")
    return Reply(body, status=status, headers=fault.headers)


def _oversized() -> Reply:
    error = ServiceError(codes.BODY_TOO_LARGE, "The request body is larger than 12 MB.", http=413)
    return Reply(error.body(""), status=413)


def _headers(scope: Scope) -> tuple[dict[str, str], int]:
    """Return the headers, and the bytes that they and the address take; of a repeated one the first counts."""
    headers: dict[str, str] = {}
    size = len(scope["raw_path"]) + len(scope["query_string"])
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
        size += len(name) + len(value)
    return headers, size


async def _read(
    scope: Scope, receive: Receive, headers: dict[str, str], limit: int
) -> tuple[Call, bool]:
    """Read a request whole; what lies beyond the limit is read too, but not kept."""
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        size += len(message.get("body", b""))
        if size <= limit:
            chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    host = headers.get("host", "localhost")
    call = Call(
        method=scope["method"],
        raw_path=scope["raw_path"].decode("latin-1"),
        raw_query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=b"".join(chunks) if size <= limit else b"",
        request_id=uuid.uuid4().hex,
        base_url=f"http://{host}",
    )
    return call, size > limit


def _head(reply: Reply, call: Call, length: int) -> Message:
    headers = {
        "Content-Type": reply.content_type,
        "Content-Length": str(length),
        "X-Request-Id": call.request_id,
        **reply.headers,
    }
    if call.raw_path.startswith("/v3/"):
        headers["X-IAM-Trace-Id"] = call.request_id
    return {
        "type": "http.response.start",
        "status": reply.status,
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ],
    }


def _dated(send: Send, clock: Clock) -> Send:
    """Return what sends an answer with the time of the emulator's own, shifted clock."""

    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            date = formatdate(clock.now(), usegmt=True).encode("latin-1")
            message = {**message, "headers": [*message["headers"], (b"date", date)]}
        await send(message)

    return dated


async def _send(send: Send, reply: Reply, call: Call) -> None:
    content = b"" if reply.status in {204, 304} else reply.content
    await send(_head(reply, call, len(content)))
    await send({"type": "http.response.body", "body": content})


async def _drop(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """Close the connection without one byte of an answer; ``reset`` makes it a TCP reset."""
    transport: asyncio.Transport = scope["state"]["transport"]
    if reset:
        connection = transport.get_extra_info("socket")
        # Lingering for no time makes the kernel send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    await _disconnected(receive)


async def _truncate(scope: Scope, receive: Receive, send: Send, reply: Reply, call: Call) -> None:
    """Announce more bytes than are sent, then close."""
    content = reply.content or b'{"is_success": true, '
    await send(_head(reply, call, len(content) + 100))
    await send(
        {
            "type": "http.response.body",
            "body": content[: max(1, len(content) // 2)],
            "more_body": True,
        }
    )
    scope["state"]["transport"].close()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
