"""What a server repeats of our secrets is masked, however it spells them and wherever it cuts."""

from __future__ import annotations

import base64
import html
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider_modelarts.exceptions import ModelArtsApiError, ResponseLostError
from airflow_provider_modelarts.failures import decode
from airflow_provider_modelarts.masking import SCANNED, scrub
from airflow_provider_modelarts.secret import Secret
from airflow_provider_modelarts.transport import Response

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "MIIEbQYJKoZIhvcNAQcCoIIEXjCCBFoCAQEx/+" + "".join(f"{n:x}Zk+/{n:o}" for n in range(500))
PASSWORDS = [
    'pa"ss\\wörd\t&<ok>',
    "two  blanks and 'quotes'",
    "ends with a backslash \\",
    "50%41 + 7/8 = ?",
    "пароль-Ключ",
    "smile \U0001f600 please",
    "line\nbreak\r\nin it",
    "short-1",
    "Zq8!40CharxyactersLongAsAnAccessKeyHas99",
]
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json unicode": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json in json": lambda text: json.dumps(json.dumps(text))[3:-3],
    "python": lambda text: repr(text)[1:-1],
    "python ascii": lambda text: ascii(text)[1:-1],
    "url": lambda text: quote(text, safe=""),
    "url path": quote,
    "url lower case": lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "form": quote_plus,
    "url twice": lambda text: quote(quote(text)),
    "html": html.escape,
    "html text": lambda text: html.escape(text, quote=False),
    "html numbers": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "json in html": lambda text: html.escape(json.dumps(text)[1:-1]),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 url": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "wrong character set": lambda text: text.encode().decode("latin-1"),
    "blanks joined": lambda text: " ".join(text.split()),
}


def left_over(text: str, echo: str) -> str:
    """Return the longest start of an echo that a text still shows, if it is four characters or more."""
    for size in range(len(echo), 3, -1):
        if echo[:size] in text:
            return echo[:size]
    return ""


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", [*PASSWORDS, TOKEN], ids=lambda secret: ascii(secret[:12]))
def test_echo_is_masked_in_every_spelling(spelling: str, secret: str) -> None:
    """Nothing of it is left, and what stands around it is."""
    echo = SPELLINGS[spelling](secret)

    shown = scrub(f"We got <{echo}> from you", [Secret(secret)])

    assert left_over(shown, echo) == ""
    assert shown.startswith("We got <")
    assert "***" in shown


@pytest.mark.parametrize("lead", ["u:", "user:", "user2:"])
@pytest.mark.parametrize("secret", [*PASSWORDS, TOKEN], ids=lambda secret: ascii(secret[:12]))
def test_echo_within_other_base64_is_masked(secret: str, lead: str) -> None:
    """Login and password in one, as HTTP's basic authentication has them: the login is left."""
    echo = base64.b64encode(f"{lead}{secret};".encode()).decode()

    shown = scrub(f"<{echo}>", [secret])

    before, after = shown[1:-1].split("***")
    assert len(before) <= -(-len(lead) * 8 // 6)
    assert len(after) <= 4


@pytest.mark.parametrize("tail", ["", "...", "…", '"', " ..."], ids=ascii)
@pytest.mark.parametrize("size", [4, 5, 7, 8, 9, 42, 400])
@pytest.mark.parametrize("spelling", ["as it is", "json", "url", "base64"])
def test_echo_that_the_server_has_cut_is_masked(spelling: str, size: int, tail: str) -> None:
    """A text that ends in the start of a secret shows none of it."""
    echo = SPELLINGS[spelling](TOKEN)[:size]

    assert scrub(f"bad token {echo}{tail}", [TOKEN]) == f"bad token ***{tail}"


@pytest.mark.parametrize("size", [8, 20, 300])
def test_start_of_a_secret_within_a_text_is_masked(size: int) -> None:
    """A quotation that goes on after its cut is one too."""
    shown = scrub(f"token {TOKEN[:size]}(cut) is bad", [TOKEN])

    assert shown == "token ***(cut) is bad"


def test_half_of_a_short_password_is_masked() -> None:
    """Eight characters may be nearly all of it."""
    assert scrub("no hunter, no cry", ["hunter2-xy"]) == "no ***, no cry"


@pytest.mark.parametrize("start", [1, 100, 1000])
def test_piece_from_the_midst_of_a_token_is_masked(start: int) -> None:
    """A secret whose parts stand in two fields, or on lines of their own, is masked piece by piece."""
    lines = "\n".join(TOKEN[at : at + 64] for at in range(start, start + 640, 64))

    assert scrub(lines, [TOKEN]) == "\n".join(["***"] * 10)


def test_words_that_a_password_shares_with_a_text_stay() -> None:
    """A word in the midst of a password is no secret; masked, it would be given away."""
    text = "the training job does not exist"

    assert scrub(text, ["Blue-training-9"]) == text


@pytest.mark.parametrize("secrets", [[], [""], ["", Secret("")]], ids=len)
def test_without_secrets_a_text_stays(secrets: list[str | Secret]) -> None:
    """Empty ones hide nothing."""
    assert scrub("a text", secrets) == "a text"


def test_long_text_is_masked_to_where_it_is_cut() -> None:
    """A text of any length takes bounded work, and its cut leaves no start of a secret over."""
    text = "x" * (SCANNED - 6) + TOKEN

    shown = scrub(text, [TOKEN])

    assert len(shown) <= SCANNED
    assert shown.endswith("x***…")


@pytest.mark.parametrize(
    "echo",
    ["Signature=0a1b2c", "Signature%3D0a1b2c", "Signature%3d0a1b2c", "Signature\\u003d0a1b2c"],
)
def test_signature_is_masked(echo: str) -> None:
    """The signature in our Authorization header is no secret of the connection, but one."""
    assert "0a1b2c" not in scrub(f"got {echo}, and more", [])


# ---- in errors


def told(body: bytes, secret: str, status: int = 401) -> str:
    """Return all that the error for an answer tells."""
    with pytest.raises((ModelArtsApiError, ResponseLostError)) as caught:
        decode(Response(status, {}, body), "GET /x", [Secret(secret)])
    return f"{caught.value} {caught.value!r} {caught.value.args} {vars(caught.value)}"


@pytest.mark.parametrize("status", [200, 401, 502])
@pytest.mark.parametrize("lead", [0, 550, 595, 600])
def test_token_is_masked_before_the_excerpt_is_cut(lead: int, status: int) -> None:
    """An excerpt of a page that ends within the token shows nothing of it."""
    page = f"{'x' * lead} token {TOKEN} is bad".encode()

    assert left_over(told(page, TOKEN, status), TOKEN) == ""


@pytest.mark.parametrize("secret", PASSWORDS, ids=lambda secret: ascii(secret[:12]))
@pytest.mark.parametrize("ensure_ascii", [True, False], ids=["escaped", "utf-8"])
@pytest.mark.parametrize("form", ["message", "page", "request"])
def test_password_is_masked_before_blanks_are_joined(
    secret: str, ensure_ascii: bool, form: str
) -> None:
    """Blanks, quotes and letters beyond ASCII hide no password from the mask."""
    request = json.dumps({"password": secret}, ensure_ascii=ensure_ascii)
    body = {
        "message": json.dumps({"error_msg": f"bad {secret} given"}, ensure_ascii=ensure_ascii),
        "page": f"<p>bad {secret} given</p>",
        "request": json.dumps({"detail": [request]}, ensure_ascii=ensure_ascii),
    }[form]

    text = told(body.encode(), secret)

    for spelled in (secret, " ".join(secret.split()), json.dumps(secret)[1:-1]):
        assert left_over(text, spelled) == ""


def test_echo_in_the_wrong_encoding_is_masked() -> None:
    """A page in Latin-1 is read with replacements, which hide no password."""
    secret = "wörd-of-honour"

    assert left_over(told(f"<p>bad {secret}</p>".encode("latin-1"), secret), "w\ufffdrd-of") == ""
