"""Hides keys, tokens and signatures in what the emulator shows of requests."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MASK = "***"
_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})
_NAME = re.compile("password|secret|token|signature|credential", re.IGNORECASE)
_SIGNATURE = re.compile(r"(?<=Signature=)[^,\s]+")
_IN_QUERY = re.compile(rf"((?:^|&)[^=&]*(?:{_NAME.pattern})[^=&]*=)[^&]*", re.IGNORECASE)


def headers(sent: Mapping[str, str]) -> dict[str, str]:
    """Return headers without secrets; of a signature the key's id and the signed names stay."""
    return {name: _header(name.lower(), value) for name, value in sent.items()}


def _header(name: str, value: str) -> str:
    if name == "authorization" and "Signature=" in value:
        return _SIGNATURE.sub(MASK, value)
    return MASK if name in _HEADERS or _NAME.search(name) else value


def query(raw: str) -> str:
    """Return a query without the values of names that tell of a secret."""
    return _IN_QUERY.sub(rf"\1{MASK}", raw)


def login(body: bytes) -> bytes:
    """Return the body of a login, or of a call that nobody knows, without secrets; what is not JSON goes whole."""
    if not body:
        return body
    try:
        return json.dumps(_value(json.loads(body))).encode()
    except (ValueError, RecursionError):
        return MASK.encode()


def _value(found: Any, *, secret: bool = False) -> Any:
    if isinstance(found, dict):
        # "password" is also the name of a way to log in, with the user below it; "token" has the token below it.
        return {
            name: _value(value, secret=secret or _is_secret(name, value))
            for name, value in found.items()
        }
    if isinstance(found, list):
        return [_value(value, secret=secret) for value in found]
    return MASK if secret and found is not None else found


def _is_secret(name: str, value: Any) -> bool:
    if _NAME.search(name) is None or name == "methods":
        return False
    return name.lower() != "password" or not isinstance(value, dict)
