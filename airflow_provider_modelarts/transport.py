"""One HTTP exchange: bytes out, bytes in. The only module that imports the HTTP library.

No retry, no redirect and no meaning of an answer here: the client above decides those. What
this layer guarantees:

- credentials are attached to the final URL and body, so that a ``.netrc`` entry for the host
  cannot replace them and what is signed is what is sent;
- no redirect is followed, since a signature or token must not reach another host;
- the exchange as a whole ends within ``timeout`` seconds, however slowly the answer drips;
- a failure tells whether the request may have reached the server.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import ssl
import time
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from airflow_provider_modelarts import __version__
from airflow_provider_modelarts.exceptions import RequestNotSentError, ResponseLostError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping, Sequence

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""An answer above this is refused; a page of 1,000 jobs has well under 1 MB."""

_CONNECT_TIMEOUT: Final = 10.0
_CHUNK: Final = 64 * 1024
_CONNECTION_REPR: Final = re.compile(r"^(<.*?>|HTTPS?Connection\w*\(.*?\)): ")


@dataclass(frozen=True)
class Request:
    """What is to be sent, credentials excluded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Response:
    """What came back. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Authorize(Protocol):
    """Gives the headers that prove who sends this request; called once per attempt."""

    def __call__(self, request: Request) -> Mapping[str, str]:
        """Return headers to add."""


def build_url(endpoint: str, path: str, query: Sequence[tuple[str, str]] = ()) -> str:
    """Join endpoint, path and query; a blank becomes ``%20``, as not every server decodes ``+``."""
    text = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in query)
    return f"{endpoint}{path}?{text}" if text else f"{endpoint}{path}"


class Transport:
    """A pool of connections that threads may share.

    :param timeout: seconds allowed for one exchange.
    :param verify: TLS verification: true, false, or the path of a CA bundle. A path wins over
        ``REQUESTS_CA_BUNDLE``; with true that variable is honoured.
    """

    def __init__(self, *, timeout: float = 60.0, verify: bool | str = True) -> None:
        self.timeout = timeout
        self.verify = verify
        self._session = _Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["User-Agent"] = f"airflow-provider-modelarts/{__version__}"
        # Retries are the client's: repeated here they would carry an old date and signature.
        adapter = _Adapter(pool_connections=4, pool_maxsize=16, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(self, request: Request, authorize: Authorize | None = None) -> Response:
        """Send once and read the whole answer.

        :raises RequestNotSentError: the server cannot have seen the request.
        :raises ResponseLostError: it may have; no complete answer was read.
        """
        deadline = time.monotonic() + self.timeout
        auth = _Authorized(request, authorize)
        try:
            # verify goes with each call: set on the session it would lose against the environment.
            with self._session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body or None,
                auth=auth,
                timeout=(min(_CONNECT_TIMEOUT, self.timeout), self.timeout),
                allow_redirects=False,
                verify=self.verify,
                stream=True,
            ) as answer:
                body = b"".join(self._read(answer, request, deadline))
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status_code, headers, body)
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
        ) as error:
            raise _transport_error(error, request, self.timeout) from error

    def _read(
        self, answer: requests.Response, request: Request, deadline: float
    ) -> Iterator[bytes]:
        """Yield the body as it arrives; ``read1`` returns after each packet, so a drip is seen."""
        size = 0
        while chunk := answer.raw.read1(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                msg = f"{_where(request)}: answer above {MAX_ANSWER_BYTES} bytes, reading stopped"
                raise ResponseLostError(msg)
            if time.monotonic() > deadline:
                raise requests.ReadTimeout
            yield chunk

    def close(self) -> None:
        """Close pooled connections; the transport stays usable."""
        self._session.close()


class _Session(requests.Session):
    """Looks at no redirect.

    Even where it follows none, the library reads the target's address, which may be no text, and
    the whole body, however large.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """Say that there is none."""
        return


class _Bounded(io.RawIOBase):
    """Reads one answer from a socket until a moment; the socket's own timeout starts anew each time."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._seconds = sock.gettimeout()
        self._end = time.monotonic() + (self._seconds or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._seconds is None:
            return self._raw.readinto(buffer)
        left = self._end - time.monotonic()
        if left <= 0:
            msg = "timed out"
            raise TimeoutError(msg)
        self._sock.settimeout(left)
        try:
            return self._raw.readinto(buffer)
        finally:
            # The next request over this connection starts with the full time.
            with contextlib.suppress(OSError):
                self._sock.settimeout(self._seconds)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer whose head is bounded in time as its body is."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock))


class _Http(HTTPConnection):
    response_class = _Answer


class _Https(HTTPSConnection):
    response_class = _Answer

    def connect(self) -> None:
        """Connect; whatever fails in the TLS handshake precedes the first byte of the request."""
        try:
            super().connect()
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            msg = f"TLS handshake failed: {error}"
            raise urllib3.exceptions.NewConnectionError(self, msg) from error


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    """Uses the connections above, with and without a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS: Final = {"http": _HttpPool, "https": _HttpsPool}


class _Authorized(AuthBase):
    """Adds credentials after the HTTP library has settled URL, headers and body.

    It is given even when there is nothing to add: without any ``auth`` the library would look
    into ``.netrc`` and send what it finds there.
    """

    def __init__(self, request: Request, authorize: Authorize | None) -> None:
        self._request = request
        self._authorize = authorize

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._authorize is not None:
            final = Request(
                self._request.method,
                str(prepared.url),
                self._request.headers,
                self._request.body,
            )
            prepared.headers.update(self._authorize(final))
        return prepared


def _where(request: Request) -> str:
    parts = urlsplit(request.url)
    return f"{request.method} {parts.scheme}://{parts.netloc}{parts.path}"


def _transport_error(
    error: Exception, request: Request, timeout: float
) -> RequestNotSentError | ResponseLostError:
    """Tell "nothing was sent" from "the answer was lost"; in doubt the latter."""
    host = urlsplit(request.url).netloc
    cause = _root_cause(error)
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return RequestNotSentError(
            f"{_where(request)}: the host name {host!r} cannot be resolved. Check 'host' (or "
            "'cloud' and 'region') of the connection, and the DNS of this machine"
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RequestNotSentError(
            f"{_where(request)}: the TLS certificate of {host!r} is not trusted: "
            f"{cause.verify_message}. Set extra 'verify' of the connection to the path of the "
            "CA bundle that issued it"
        )
    if isinstance(
        cause, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    ):
        return RequestNotSentError(
            f"{_where(request)}: no connection to {host!r}: {_reason(cause)}. Check 'host' of the "
            "connection, and that this machine may reach it (proxy, firewall)"
        )
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return RequestNotSentError(f"{_where(request)}: not a usable URL; check 'host'")
    if isinstance(error, requests.Timeout) or isinstance(cause, TimeoutError):
        what = f"no complete answer within {timeout:g} seconds (extra 'timeout')"
    elif type(cause) is http.client.BadStatusLine:  # not the kind of it that says "disconnected"
        # Without what was said instead: that may repeat the request, credentials and all.
        what = "the answer is not HTTP. Check 'host' of the connection and its port"
    else:
        what = f"the connection broke: {_reason(cause)}"
    return ResponseLostError(f"{_where(request)}: {what}")


def _root_cause(error: Exception) -> Exception:
    """Unpack what the libraries have wrapped, down to the first error that is telling."""
    telling = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        ssl.SSLCertVerificationError,
    )
    current: object = error
    while isinstance(current, Exception) and not isinstance(current, telling):
        inner = (
            getattr(current, "reason", None)
            or next((arg for arg in current.args if isinstance(arg, Exception)), None)
            or current.__cause__
        )
        if not isinstance(inner, Exception):
            return current
        current = inner
    return current if isinstance(current, Exception) else error


def _reason(error: Exception) -> str:
    """Return the error's text without the connection object that urllib3 puts before it."""
    return _CONNECTION_REPR.sub("", str(error)) or type(error).__name__
