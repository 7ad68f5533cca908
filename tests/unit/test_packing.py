"""Compressed answers, and what pretends to be one."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.exceptions import UnreadableResponseError
from airflow_provider_modelarts.transport import Request, Transport

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def transport() -> Transport:
    """A transport."""
    return Transport(timeout=30)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_bomb_is_not_unpacked(
    serve: Callable[..., Any], transport: Transport, pack: Callable[[bytes], bytes]
) -> None:
    """What a packed answer becomes is bounded while it is unpacked, not afterwards."""
    kind = "gzip" if pack is gzip.compress else "deflate"
    server = serve((200, pack(b" " * 300_000_000), {"Content-Encoding": kind}))

    tracemalloc.start()
    try:
        with pytest.raises(UnreadableResponseError, match="answer above"):
            transport.send(Request("GET", f"{server.url}/"))
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["gzip", "x-gzip", "GZIP", "identity", ""])
def test_packed_answer_is_unpacked(
    serve: Callable[..., Any], transport: Transport, kind: str
) -> None:
    """To the bytes that the server had packed, if they are packed at all."""
    body = b"x" * 150_000
    sent = gzip.compress(body) if "z" in kind.lower() else body
    server = serve((200, sent, {"Content-Encoding": kind}))

    assert transport.send(Request("GET", f"{server.url}/")).body == body


@pytest.mark.parametrize(
    ("kind", "told"), [("br", "that was not asked for"), ("gzip", "cannot be unpacked")]
)
def test_answer_that_cannot_be_unpacked_is_told(
    serve: Callable[..., Any], transport: Transport, kind: str, told: str
) -> None:
    """A kind that was not asked for, and bytes that are not of the kind they claim."""
    server = serve((200, b"{}", {"Content-Encoding": kind}))

    with pytest.raises(UnreadableResponseError, match=told):
        transport.send(Request("GET", f"{server.url}/"))
