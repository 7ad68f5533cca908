"""The fields of a connection: how the form names them, what may stand in them, which extras nobody reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.get_provider_info import (
    CONN_FIELDS,
    REQUIRED,
    UI_FIELD_BEHAVIOUR,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_TEXT: Final = 16_000
"""Longest text of a field; the longest tokens have some 8,000 characters."""

_MAX_EXTRAS: Final = 200  # of more, each would have to be compared to all fields
_MAX_SHOWN: Final = 100
_MAX_BITS: Final = 128  # beyond any id; Python refuses to write out numbers of thousands of digits
_STANDARD: Final[Mapping[str, str]] = UI_FIELD_BEHAVIOUR["relabeling"]
_OWN_PREFIXES: Final = ("emulator_",)
"""Extras that belong to the local emulator; a client has no use for them."""

# What people write who come from other providers, where no likeness of the words leads to the field.
_MEANT: Final[Mapping[str, str]] = {
    "accesskey": "login",
    "accesskeyid": "login",
    "account": "domain_name",
    "ak": "login",
    "authurl": "iam_endpoint",
    "baseurl": "host",
    "cabundle": "verify",
    "cacert": "verify",
    "endpoint": "host",
    "endpointurl": "host",
    "iamurl": "iam_endpoint",
    "insecure": "verify",
    "secretaccesskey": "password",
    "secretkey": "password",
    "sessiontoken": "security_token",
    "sk": "password",
    "sslverify": "verify",
    "token": "password",
    "url": "host",
    "user": "login",
    "username": "login",
    "xauthtoken": "password",
}


def named(name: str) -> str:
    """Return how an error names a field: as the form shows it, and as it is written in JSON."""
    label = CONN_FIELDS[name]["label"] if name in CONN_FIELDS else _STANDARD[name]
    where = f"extra {name}" if name in CONN_FIELDS else name
    return f"'{label.removesuffix(REQUIRED)}' ({where})"


def shown(value: object) -> str:
    """Return a value as an error shows it: harmless, and on one short line."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]!r}..."
    return repr(value) if value is None else kind_of(value)


def kind_of(value: object) -> str:
    """Return what a value is, without the value."""
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, bool):
        return f"the flag {str(value).lower()}"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, Mapping):
        return "a JSON object"
    return "a list" if isinstance(value, Sequence) else f"a {type(value).__name__}"


def text_of(value: object, *, flag: bool = False) -> str | None:
    """Return a field as text without blanks around it, empty for null; None if it can be none.

    :param flag: whether true and false will do.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value) if flag else None
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return None
    if not isinstance(value, (str, int, float)):
        return None
    text = str(value).strip()
    return text if len(text) <= MAX_TEXT else None


def read_extra(raw: object) -> tuple[Mapping[str, Any], str]:
    """Return the extras as an object, and what is wrong with them (empty: nothing).

    :param raw: what the connection holds: JSON text, an object, or nothing.
    """
    if raw is None or raw == "":
        return {}, ""
    value, problem = raw, ""
    if isinstance(raw, str):
        value, problem = _parsed(raw)
    if problem or value is None:
        return {}, problem
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return value, ""
    if isinstance(value, str):
        inner, failed = _parsed(value)
        if not failed and isinstance(inner, Mapping):
            return {}, (
                "extra was encoded as JSON twice: it is a text that holds the object; set it to the object "
                "itself, without the quotation marks around it"
            )
    return {}, f"extra is {kind_of(value)}, but must be a JSON object such as {_EXAMPLE}"


_EXAMPLE: Final = '{"project_id": "..."}'


def _parsed(text: str) -> tuple[object, str]:
    """Read JSON; what is wrong is told by its place, as the text may hold a secret."""
    try:
        return json.loads(text), ""
    except json.JSONDecodeError as error:
        where = f"{error.msg} in line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):  # a number of thousands of digits, thousands of brackets
        where = "a number is too long, or the brackets are too deep"
    return None, f"extra is not JSON ({where}): it must be an object such as {_EXAMPLE}"


def unread(extra: Iterable[str]) -> dict[str, str]:
    """Return the extras that nobody reads, each with the field that was probably meant (empty: none).

    Extras of one's own are fine, as DAGs may read them; a field that resembles them deserves a word.
    """
    return {
        name: _nearest(name)
        for name in islice(extra, _MAX_EXTRAS)
        if name not in CONN_FIELDS and not name.startswith(_OWN_PREFIXES)
    }


def same_word(one: str, other: str) -> bool:
    """Whether two names differ only in capitals and separators, as projectId and project_id do."""
    return _bare(one) == _bare(other)


def _nearest(name: str) -> str:
    bare = _bare(name.removeprefix("extra__modelarts__"))
    if bare in _MEANT:
        return _MEANT[bare]
    known = {_bare(field): field for field in (*CONN_FIELDS, *_STANDARD)}
    near = get_close_matches(bare[:_MAX_SHOWN], known, n=1, cutoff=0.75)
    return known[near[0]] if near else ""


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()
