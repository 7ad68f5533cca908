"""Who may call at all: programs of this machine, not web pages; control calls need the token of this emulator."""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from airflow_provider_modelarts.emulator.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTROL_PREFIX = "/_emulator/"
HEALTH = "/_emulator/health"
TOKEN_HEADER = "X-Emulator-Token"  # noqa: S105 - a name
# The vendor's tokens take up to 10 KB of it.
MAX_HEAD = 64 * 1024

_LOCAL_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)


def refuse(path: str, head_size: int, headers: Mapping[str, str], token: str) -> Reply | None:
    """Return why a request is not even looked at, or None.

    :param path: decoded, as routes are found by it.
    :param head_size: bytes of the request line and the headers.
    :param token: what control calls have to show.
    """
    if _from_web_page(headers):
        return _refusal(403, "the emulator answers programs of this machine only, no web page")
    if head_size > MAX_HEAD:
        return _refusal(431, f"address and headers are larger than {MAX_HEAD // 1024} KiB together")
    if path.startswith(CONTROL_PREFIX) and path != HEALTH and not has_token(headers, token):
        return _refusal(
            401,
            f"calls below {CONTROL_PREFIX} need the header {TOKEN_HEADER}: the emulator prints its value "
            "when it starts, and it is emulator_token in the extra of the connection",
        )
    return None


def has_token(headers: Mapping[str, str], token: str) -> bool:
    """Return whether the caller shows the control token."""
    shown = headers.get(TOKEN_HEADER.lower(), "")
    return bool(token) and hmac.compare_digest(shown.encode(), token.encode())


def _from_web_page(headers: Mapping[str, str]) -> bool:
    """Return whether a browser may have sent it for some page: jobs are code that runs here.

    A name of the page's own that leads to 127.0.0.1 shows in ``Host``; other ways show in ``Origin``, and
    those that send no ``Origin``, such as an image, in ``Sec-Fetch-Site``. An address typed in is ``none``.
    """
    return (
        "origin" in headers
        or headers.get("sec-fetch-site", "none") != "none"
        or not _LOCAL_HOST.fullmatch(headers.get("host", ""))
    )


def _refusal(status: int, error: str) -> Reply:
    return Reply({"ok": False, "error": error}, status=status)
