"""One HTTP exchange: bytes out, bytes in. The only module that imports ``requests``.

No retry, no redirect and no meaning of an answer here: the client above decides those. What
this layer guarantees:

- credentials are attached to the final URL and body, so that a ``.netrc`` entry for the host
  cannot replace them and what is signed is what is sent;
- no redirect is followed, since a signature or token must not reach another host;
- the exchange as a whole ends within ``timeout`` seconds, however slowly the answer drips;
- a failure tells whether the request may have reached the server, and nothing of what it held:
  neither its text, nor its cause, nor the local variables of its frames;
- a request to this machine takes no proxy, whatever the environment says.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import os
import re
import time
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from airflow_provider_modelarts import __version__
from airflow_provider_modelarts.exceptions import (
    RequestNotSentError,
    UnreadableResponseError,
)
from airflow_provider_modelarts.network import Bundle, Proxy, is_loopback
from airflow_provider_modelarts.packing import unpacker
from airflow_provider_modelarts.secret import revealed
from airflow_provider_modelarts.transport_errors import (
    NotConnectedError,
    Route,
    UnusableBundleError,
    lost,
    not_sent,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_modelarts.secret import Secret

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""An answer above this is refused; a page of 1,000 jobs has well under 1 MB.

Parsing takes up to 60 times as much memory, and holds up all other threads meanwhile.
"""

_CONNECT_TIMEOUT: Final = 10.0
_CHUNK: Final = 64 * 1024
_TUNNEL_REFUSED: Final = re.compile(r"Tunnel connection failed: (\d{3})")


@dataclass(frozen=True)
class Request:
    """What is to be sent, credentials excluded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    most: int = MAX_ANSWER_BYTES
    """Bytes that the answer may have."""


@dataclass(frozen=True)
class Response:
    """What came back. Header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Authorize(Protocol):
    """Gives the headers that prove who sends this request; called once per attempt."""

    def __call__(self, request: Request) -> Mapping[str, str | Secret]:
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
        self._session.headers["Accept-Encoding"] = "gzip"
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
        try:
            return self._exchange(request, _Authorized(request, authorize))
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            failed: Exception = RequestNotSentError(
                f"{_where(request)}: not a usable URL; check 'host'"
            )
        except (NotConnectedError, UnusableBundleError) as error:
            failed = not_sent(error, self._route(request))
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
        ) as error:
            timed_out = isinstance(error, requests.Timeout)
            failed = lost(error, self._route(request), self.timeout, timed_out=timed_out)
        except BaseException as error:
            # Whatever it is (a task's own timeout, for one), the library's frames hold credentials.
            error.__traceback__ = error.__context__ = None
            raise
        raise failed  # not from within the handlers, whose error would stay with it as its context

    def _exchange(self, request: Request, auth: _Authorized) -> Response:
        deadline = time.monotonic() + self.timeout
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
            if answer.status_code == 407 and self._proxy(request, "http"):
                raise NotConnectedError(OSError(), at_proxy=True, status=407)
            body = b"".join(self._read(answer, request, deadline))
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status_code, headers, body)

    def _proxy(self, request: Request, *schemes: str) -> Proxy | None:
        """Return the proxy for a request of one of these schemes."""
        scheme = urlsplit(request.url).scheme
        settings = self._session.merge_environment_settings(request.url, {}, None, None, None)
        proxy = select_proxy(request.url, settings["proxies"]) if scheme in schemes else None
        return Proxy.of(proxy, scheme) if proxy else None

    def _route(self, request: Request) -> Route:
        return Route(
            _where(request),
            urlsplit(request.url).netloc.rpartition("@")[2],
            self._bundle(),
            self._proxy(request, "http", "https"),
        )

    def _bundle(self) -> Bundle:
        if isinstance(self.verify, str):
            return Bundle(self.verify, "extra 'verify' of the connection")
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            if path := os.environ.get(name):
                return Bundle(path, f"environment variable {name}")
        return Bundle(DEFAULT_CA_BUNDLE_PATH, "that of Python package certifi")

    def _read(
        self, answer: requests.Response, request: Request, deadline: float
    ) -> Iterator[bytes]:
        """Yield the body as it arrives; ``read1`` returns after each packet, so a drip is seen.

        It is unpacked here, as the library unpacks whole packets: 64 KiB can become 64 MiB.
        """
        size = 0
        unpack = unpacker(answer.headers.get("content-encoding", ""), _where(request))
        while packed := answer.raw.read1(_CHUNK, decode_content=False):
            chunk = unpack(packed, request.most + 1 - size)
            size += len(chunk)
            if size > request.most:
                msg = f"{_where(request)}: answer above {request.most} bytes, reading stopped"
                raise UnreadableResponseError(msg)
            if time.monotonic() > deadline:
                raise requests.ReadTimeout
            yield chunk

    def close(self) -> None:
        """Close pooled connections; the transport stays usable."""
        self._session.close()


class _Session(requests.Session):
    """Looks at no redirect, and at no proxy for this machine."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """Say that there is none.

        Even where it follows none, the library reads the target's address, which may be no text, and
        the whole body, however large.
        """
        return

    def merge_environment_settings(self, url: Any, *settings: Any) -> Any:
        """Leave out proxies for this machine: credentials for it would reach another one, in the clear."""
        merged = super().merge_environment_settings(url, *settings)
        return {**merged, "proxies": {}} if is_loopback(urlsplit(url).hostname or "") else merged


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
    """An answer whose head is bounded in time as its body is, and in what it gives to the log."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(self.fp.detach(), sock))

    def begin(self) -> None:
        super().begin()
        # The parser stops at a malformed line, and urllib3 logs the rest: a token may be in it.
        if self.msg.defects or self.msg.get_payload():
            log.warning("An answer has a malformed header line; the lines after it are ignored")
            self.msg.defects.clear()
            self.msg.set_payload("")


class _Connecting(HTTPConnection):
    """Tells what failed before the first byte of the request, and whether a proxy is to blame."""

    response_class = _Answer

    def connect(self) -> None:
        """Connect, through the proxy's tunnel where there is one."""
        self._at_proxy = self.proxy is not None
        try:
            super().connect()
        except NotConnectedError:
            raise
        except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
            raise NotConnectedError(error, at_proxy=self._at_proxy) from error

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        except OSError as error:
            if refused := _TUNNEL_REFUSED.match(str(error)):
                raise NotConnectedError(error, at_proxy=True, status=int(refused[1])) from error
            raise
        self._at_proxy = False


class _Http(_Connecting):
    """A connection in the clear."""


class _Https(_Connecting, HTTPSConnection):
    """A connection with TLS; whatever fails in its handshake precedes the request."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):
    """Uses the connections above, with and without a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if not proxy.lower().startswith(("http://", "https://")):  # SOCKS has other connections
            raise requests.exceptions.InvalidProxyURL
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the pool for a request; a proxy's address that cannot be used is the proxy's fault."""
        try:
            return super().get_connection_with_tls_context(request, verify, proxies, cert)
        except (
            requests.exceptions.InvalidProxyURL,
            urllib3.exceptions.HTTPError,
            TypeError,  # of an address without a host
        ) as error:
            if not select_proxy(request.url, proxies):
                raise
            raise NotConnectedError(ValueError("address"), at_proxy=True) from error

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Set the CA bundle; its absence has nothing to do with the host."""
        try:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        except OSError as error:
            raise UnusableBundleError from error


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
            prepared.headers.update(revealed(self._authorize(final)))
        return prepared


def _where(request: Request) -> str:
    parts = urlsplit(request.url)
    return f"{request.method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
