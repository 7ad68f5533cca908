"""Checks SDK-HMAC-SHA256 request signatures; written from the documentation, for the server's side only."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ALGORITHM = "SDK-HMAC-SHA256"
CONTENT_HASH_HEADER = "x-sdk-content-sha256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Access=(?P<access>[^,\s]+), SignedHeaders=(?P<names>[^,\s]+), Signature=(?P<signature>[0-9a-fA-F]+)"
)


@dataclass(frozen=True)
class Authorization:
    """The parts of an ``Authorization`` header."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(value: str) -> Authorization | None:
    """Split an ``Authorization`` header, or return None when it has another form."""
    match = _AUTHORIZATION.fullmatch(value.strip())
    if match is None:
        return None
    return Authorization(match["access"], tuple(match["names"].split(";")), match["signature"])


def query_pairs(raw_query: str) -> list[tuple[str, str]]:
    """Decode a raw query into pairs; ``+`` stays a plus, since a blank is sent as ``%20``."""
    pairs = []
    for part in raw_query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote(name), unquote(value)))
    return pairs


def canonical_request(  # noqa: PLR0917 - the six parts of the documentation
    method: str,
    raw_path: str,
    raw_query: str,
    headers: Mapping[str, str],
    signed_headers: Sequence[str],
    body: bytes,
) -> str:
    """Build the text both sides hash; ``headers`` has lower-case names."""
    path = "/".join(_encode(part) for part in unquote(raw_path).split("/"))
    # Only the signed form of the path ends in a slash; the request itself is sent without.
    path = path if path.endswith("/") else path + "/"
    query = "&".join(
        f"{_encode(name)}={_encode(value)}" for name, value in sorted(query_pairs(raw_query))
    )
    names = sorted(name.lower() for name in signed_headers)
    header_lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in names)
    content_hash = hashlib.sha256(body).hexdigest()
    if CONTENT_HASH_HEADER in names and body:
        # The vendor's SDK does so for bodies that are not JSON.
        content_hash = headers.get(CONTENT_HASH_HEADER, "")
    return "\n".join([method.upper(), path, query, header_lines, ";".join(names), content_hash])


def expected_signature(canonical: str, sdk_date: str, secret_key: str) -> str:
    """Return the signature the caller should have sent."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{sdk_date}\n{digest}"
    return hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _encode(text: str) -> str:
    return quote(text, safe="~")
