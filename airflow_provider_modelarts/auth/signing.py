"""Request signature ``SDK-HMAC-SHA256`` in its ``Access=`` form, as pure functions.

Three steps, each checked against vectors made with the vendor's own signer: canonical request,
string to sign, signature. The vendor describes them in "API Request Signing Guide" of the API
gateway.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHM = "SDK-HMAC-SHA256"
DATE_FORMAT = "%Y%m%dT%H%M%SZ"


def sign(  # noqa: PLR0917 - the public interface is positional
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    access_key: str,
    secret_key: str,
    sdk_date: str,
) -> dict[str, str]:
    """Sign one request and return the headers to add to it.

    :param method: HTTP method.
    :param url: full URL as requested; its query is percent-encoded (``%20``, not ``+``).
    :param headers: headers to cover by the signature. Names with ``_`` are left out, as the
        vendor's signer does; leave out yourself what a proxy or the HTTP library may change.
    :param body: bytes that are sent; ``b""`` for none.
    :param access_key: access key id.
    :param secret_key: secret access key.
    :param sdk_date: time of signing in UTC as ``YYYYMMDDTHHMMSSZ``; the server allows 15 minutes.
    :return: ``Host``, ``X-Sdk-Date`` and ``Authorization``.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    covered = {name.lower(): value for name, value in headers.items() if "_" not in name}
    covered |= {"host": host, "x-sdk-date": sdk_date}
    request = canonical_request(method, url, covered, body)
    signature = hmac.new(
        secret_key.encode(), string_to_sign(request, sdk_date).encode(), hashlib.sha256
    ).hexdigest()
    names = ";".join(sorted(covered))
    return {
        # Host is returned so that what is sent equals what was signed, port included.
        "Host": host,
        "X-Sdk-Date": sdk_date,
        "Authorization": f"{ALGORITHM} Access={access_key}, SignedHeaders={names}, Signature={signature}",
    }


def canonical_request(method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
    """Return the text whose hash is signed; ``headers`` have lower-case names."""
    parts = urlsplit(url)  # not urlparse, which cuts `;...` off the path
    path = "/".join(_encode(part) for part in unquote(parts.path).split("/"))
    if not path.endswith("/"):
        path += "/"  # only in the signed form; the request goes out without it
    pairs = sorted(parse_qsl(parts.query, keep_blank_values=True))
    return "\n".join(
        [
            method.upper(),
            path,
            "&".join(f"{_encode(name)}={_encode(value)}" for name, value in pairs),
            "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers)),
            ";".join(sorted(headers)),
            hashlib.sha256(body).hexdigest(),
        ]
    )


def string_to_sign(request: str, sdk_date: str) -> str:
    """Return algorithm, date and the hash of the canonical request, one a line."""
    return f"{ALGORITHM}\n{sdk_date}\n{hashlib.sha256(request.encode()).hexdigest()}"


def _encode(text: str) -> str:
    return quote(text, safe="~")
