"""Whatever the secret, and however a server spells, wraps and cuts it: no long start of it is left."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_modelarts.masking import scrub

if TYPE_CHECKING:
    from collections.abc import Callable

SPELLINGS: dict[str, Callable[[str], str]] = {
    "json": lambda text: json.dumps(text)[1:-1],
    "json unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "url": lambda text: quote(text, safe=""),
    "url path": quote,
    "form": quote_plus,
    "html": html.escape,
    "as it is": str,
}
secrets = st.text(st.characters(codec="utf-8"), min_size=8, max_size=60).filter(str.strip)
texts = st.text(st.characters(codec="ascii"), max_size=40)
layers = st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=1, max_size=2)


def spelled(secret: str, names: list[str]) -> str:
    """Return the secret with one spelling within the other."""
    for name in names:
        secret = SPELLINGS[name](secret)
    return secret


@given(secret=secrets, before=texts, after=texts, names=layers)
def test_secret_is_masked_in_any_spelling(
    secret: str, before: str, after: str, names: list[str]
) -> None:
    """One or two layers of escapes hide it from nobody, and not from us."""
    echo = spelled(secret, names)

    assert echo not in scrub(f"{before} {echo} {after}", [secret])


@given(secret=secrets, names=layers, size=st.integers(0, 200))
def test_secret_that_was_cut_is_masked(secret: str, names: list[str], size: int) -> None:
    """Half of it, or the first eight characters, are too much to show."""
    echo = spelled(secret, names)[:size]
    shown = scrub(f"<{echo}", [secret])
    start = spelled(secret[: max(4, min(8, (len(secret) + 1) // 2))], names)

    assert start not in shown[1:]


@given(secret=secrets, before=st.binary(max_size=5), after=st.binary(max_size=5))
def test_secret_within_base64_is_masked(secret: str, before: bytes, after: bytes) -> None:
    """It begins at any bit of the text, with anything before and after it."""
    echo = base64.b64encode(before + secret.encode() + after).decode()
    core = echo[-(-len(before) * 8 // 6) : (len(before) + len(secret.encode())) * 8 // 6]

    assert core not in scrub(f"got {echo}.", [secret])


@given(secret=secrets, text=texts)
def test_other_texts_stay(secret: str, text: str) -> None:
    """What has nothing of the secret is not touched."""
    if not set(secret) & set(text):
        assert scrub(text, [secret]) == text or set(text) & set("=?")
