"""Unpacks compressed answers piece by piece, so that a few kilobytes never become gigabytes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from airflow_provider_modelarts.exceptions import UnreadableResponseError

if TYPE_CHECKING:
    from collections.abc import Callable


def unpacker(encoding: str, where: str) -> Callable[[bytes, int], bytes]:
    """Return what unpacks the next bytes of a body, to at most so many."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda packed, _: packed
    if name not in ("gzip", "x-gzip", "deflate"):
        msg = f"{where}: the answer is packed in a way that was not asked for"
        raise UnreadableResponseError(msg)
    state = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by its first bytes

    def unpack(packed: bytes, most: int) -> bytes:
        try:
            return state.decompress(packed, most)
        except zlib.error:
            msg = f"{where}: the packed answer cannot be unpacked"
            raise UnreadableResponseError(msg) from None

    return unpack
