"""Masks secrets in a text from outside, in whatever spelling a server repeats them.

A server may quote our request as it was, as JSON, in a URL, in HTML, as base64, or one within the
other, and it may cut its quotation short. So each text is read in every such spelling, and what is
hidden in one reading is hidden in the text. Mask first and shorten afterwards: the start of a
secret that a cut has left over is harder to find.
"""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from airflow_provider_modelarts.secret import MASK, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SCANNED: Final = 4_000
"""Characters of a text that are read; what follows is left out."""

_START: Final = 8
"""So many first characters of a secret are masked wherever they stand; of a short one, half of it."""

_START_AT_END: Final = 4
"""So many are masked at the end of a text, where a quotation may have been cut."""

_PIECE: Final = 16
"""So many characters in a row from anywhere in a secret are masked. Fewer may be a common word."""

_SHORTEST_BASE64: Final = 6

_SIGNATURE: Final = re.compile(r"(Signature(?:=|%3[dD]|\\u003[dD]))[0-9a-fA-F]+")
_CUT: Final = " .…\"'"


@dataclass(frozen=True)
class _Reading:
    """A text with one spelling undone, and where in the text each character comes from."""

    text: str
    spans: list[tuple[int, int]]


def scrub(text: str, secrets: Iterable[str | Secret]) -> str:
    """Replace secrets and signatures in a text that came from outside.

    :param text: read to its first :data:`SCANNED` characters.
    :param secrets: what must not be shown; empty ones do not count.
    :return: the text with ``***`` for each of them, and for each long piece of one.
    """
    if len(text) > SCANNED:
        text = f"{text[:SCANNED]}…"
    hiding = [Secret.of(secret).reveal() for secret in secrets]
    forms = {form for secret in hiding for form in _forms(secret)}
    pieces = {
        secret[at : at + _PIECE] for secret in hiding for at in range(len(secret) - _PIECE + 1)
    }
    hidden = bytearray(len(text))
    for reading in _readings(text) if forms else ():
        for start, end in _places(reading.text, forms, pieces):
            first, last = reading.spans[start][0], reading.spans[end - 1][1]
            hidden[first:last] = b"\1" * (last - first)
    shown = (
        MASK if secret else "".join(char for char, _ in run)
        for secret, run in groupby(zip(text, hidden, strict=True), key=lambda pair: pair[1])
    )
    return _SIGNATURE.sub(rf"\1{MASK}", "".join(shown))


def _forms(secret: str) -> set[str]:
    """Return a secret as it may stand in a text once escapes are undone."""
    forms = {
        secret,
        " ".join(secret.split()),
        # Read in the wrong character set on the way.
        secret.encode(errors="replace").decode("latin-1"),
        re.sub(r"[^\x00-\x7f]", "\ufffd", secret),
        re.sub(r"[^\x00-\x7f]", "?", secret),
    }
    for lead in range(3):  # base64 of a text that holds the secret looks one of three ways
        forms |= _base64_forms(secret.encode(errors="replace"), lead)
    return {form for form in forms if form == secret or form.strip("?\ufffd")} - {""}


def _base64_forms(secret: bytes, lead: int) -> set[str]:
    """Return the characters of base64 that depend on the secret alone, in both alphabets."""
    encoded = base64.b64encode(bytes(lead) + secret).decode()
    whole = (lead + len(secret)) * 8 // 6
    core = encoded[-(-lead * 8 // 6) : whole]
    if len(core) < _SHORTEST_BASE64:
        return set()
    return {core, core.replace("+", "-").replace("/", "_")}


def _places(text: str, forms: set[str], pieces: set[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of each place where a form, the start of one or a long piece stands."""
    for form in forms:
        yield from _starts(text, form)
    for at in range(len(text) - _PIECE + 1) if pieces else ():
        if text[at : at + _PIECE] in pieces:
            yield at, at + _PIECE


def _starts(text: str, form: str) -> Iterator[tuple[int, int]]:
    size = len(form)
    start = form[: max(min(_START, (size + 1) // 2), min(_START_AT_END, size))]
    at = text.find(start)
    while at >= 0:
        end = at + len(start)
        while end < len(text) and end - at < size and text[end] == form[end - at]:
            end += 1
        yield at, end
        at = text.find(start, end)
    ending = text.rstrip(_CUT)
    for length in range(len(start) - 1, _START_AT_END - 1, -1):
        if ending.endswith(form[:length]):
            yield len(ending) - length, len(ending)
            break


def _readings(text: str) -> Iterator[_Reading]:
    """Yield the text as it is, and with one or two layers of escapes undone."""
    layer = [_Reading(text, [(at, at + 1) for at in range(len(text))])]
    yield layer[0]
    for _ in range(2):
        layer = [
            undone
            for reading in layer
            for escape, plain in _ESCAPES
            if (undone := _undone(reading, escape, plain)).text != reading.text
        ]
        yield from layer


def _undone(reading: _Reading, escape: re.Pattern[str], plain: Callable[[str], str]) -> _Reading:
    text, spans, done = "", [], 0
    for match in escape.finditer(reading.text):
        start, end = match.span()
        char = plain(match[0])
        text += reading.text[done:start] + char
        spans += reading.spans[done:start]
        spans += [(reading.spans[start][0], reading.spans[end - 1][1])] * len(char)
        done = end
    return _Reading(text + reading.text[done:], spans + reading.spans[done:])


def _from_backslash(escape: str) -> str:
    try:
        if len(escape) in {4, 10}:  # \x.. and \U........, which JSON does not have
            return chr(int.from_bytes(bytes.fromhex(escape[2:])))
        return str(json.loads(f'"{escape}"'))
    except (ValueError, OverflowError):
        return escape[1:]


def _from_percent(escape: str) -> str:
    if escape == "+":
        return " "
    raw = bytes.fromhex(escape.replace("%", ""))
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


_PERCENT: Final = r"(?:%[0-9a-fA-F]{2})+"
_ESCAPES: Final = (
    # JSON and what Python and JavaScript print; two halves of a character beyond 16 bits go together.
    (
        re.compile(
            r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\U[0-9a-fA-F]{8}|\\.",
            re.DOTALL,
        ),
        _from_backslash,
    ),
    (re.compile(_PERCENT), _from_percent),
    (re.compile(rf"\+|{_PERCENT}"), _from_percent),
    (re.compile(r"&#?\w{1,31};"), html.unescape),
)
