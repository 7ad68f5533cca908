"""Says what went wrong in an HTTP exchange, and whether the request may have reached the service.

None of these errors has the library's own as its cause: that one, and the frames it came through,
hold headers and body of the request and the proxy's address with its password.
"""

from __future__ import annotations

import http.client
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import urllib3

from airflow_provider_modelarts.exceptions import RequestNotSentError, ResponseLostError

if TYPE_CHECKING:
    from airflow_provider_modelarts.network import Bundle, Proxy

_CONNECTION_REPR: Final = re.compile(r"^(<.*?>|HTTPS?Connection\w*\(.*?\)): ")
_TLS_ERRORS: Final = (ssl.SSLError, urllib3.exceptions.SSLError)


class NotConnectedError(urllib3.exceptions.HTTPError):
    """There is no connection to the service, so it has seen nothing of the request.

    :param cause: what the library says.
    :param at_proxy: it is the proxy that cannot be reached or refuses.
    :param status: HTTP status with which the proxy refuses; 0 if it did not come to that.
    """

    def __init__(self, cause: Exception, *, at_proxy: bool = False, status: int = 0) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause
        self.at_proxy = at_proxy
        self.status = status


class UnusableBundleError(urllib3.exceptions.HTTPError):
    """The CA bundle is not there; found before a connection was made."""


@dataclass(frozen=True)
class Route:
    """The way of a request.

    :param where: method and URL, for messages.
    :param host: host and port of the service.
    :param bundle: the CA bundle in use.
    :param proxy: the proxy in use, if any.
    """

    where: str
    host: str
    bundle: Bundle
    proxy: Proxy | None


def not_sent(error: Exception, route: Route) -> RequestNotSentError:
    """Return the error for a connection that could not be made."""
    raised = error.cause if isinstance(error, NotConnectedError) else error
    cause = root_cause(raised)
    if isinstance(raised, (UnusableBundleError, *_TLS_ERRORS)) and (why := route.bundle.problem()):
        return RequestNotSentError(
            f"{route.where}: nothing was sent to {route.host!r}: the CA bundle {route.bundle.path!r} "
            f"({route.bundle.setting}) {why}. Set it to a file of PEM certificates"
        )
    if isinstance(error, NotConnectedError) and error.at_proxy and route.proxy is not None:
        reason, remedy = _proxy_reason(cause, error.status, route)
        return RequestNotSentError(
            f"{route.where}: nothing was sent to {route.host!r}: the proxy {route.proxy.address!r} "
            f"({route.proxy.setting}) {reason}. {remedy}, or name the host in NO_PROXY if it can be "
            "reached without the proxy"
        )
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return RequestNotSentError(
            f"{route.where}: the host name {route.host!r} cannot be resolved. Check 'host' (or "
            "'cloud' and 'region') of the connection, and the DNS of this machine"
        )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return RequestNotSentError(
            f"{route.where}: the TLS certificate of {route.host!r} is not trusted: "
            f"{cause.verify_message}. It was checked against {route.bundle.path!r} "
            f"({route.bundle.setting}). Set extra 'verify' of the connection to the path of the CA "
            "bundle that issued it"
        )
    what = "TLS handshake failed: " if isinstance(cause, _TLS_ERRORS) else ""
    return RequestNotSentError(
        f"{route.where}: no connection to {route.host!r}: {what}{_reason(cause)}. Check 'host' of the "
        "connection, and that this machine may reach it (proxy, firewall)"
    )


def _proxy_reason(cause: Exception, status: int, route: Route) -> tuple[str, str]:
    """Return what the proxy did and what to do about it."""
    remedy = "Check its address and that it runs"
    if status == 407:
        reason = "asks for a user name and password (HTTP 407)"
        remedy = "Set it with them, as http://user:password@host:port"
    elif status:
        reason, remedy = f"refuses the way there (HTTP {status})", "Have it allow the host"
    elif isinstance(cause, urllib3.exceptions.NameResolutionError):
        reason = "has a name that cannot be resolved"
    elif isinstance(cause, ssl.SSLCertVerificationError):
        reason = f"has a TLS certificate that is not trusted: {cause.verify_message}"
        remedy = f"Set extra 'verify' to the CA bundle that issued it, not {route.bundle.path!r}"
    elif isinstance(cause, _TLS_ERRORS):
        reason = "does not speak TLS: its address may have to begin with http://"
    elif isinstance(cause, (OSError, urllib3.exceptions.ConnectTimeoutError)):
        reason = f"cannot be reached: {_reason(cause)}"
    elif isinstance(cause, http.client.HTTPException):
        reason = "does not answer as a proxy does"
    else:
        reason = "has an address that cannot be used"
        remedy = "Set it like http://host:port"
    return reason, remedy


def lost(error: Exception, route: Route, timeout: float, *, timed_out: bool) -> ResponseLostError:
    """Return the error for a request that may have been seen and has no complete answer."""
    cause = root_cause(error)
    if timed_out or isinstance(cause, TimeoutError):
        what = f"no complete answer within {timeout:g} seconds (extra 'timeout')"
    elif type(cause) is http.client.BadStatusLine:  # not the kind of it that says "disconnected"
        what = "the answer is not HTTP. Check 'host' of the connection and its port"
    elif isinstance(cause, (OSError, http.client.IncompleteRead)):
        what = f"the connection broke: {_reason(cause)}"
    else:
        # Its text may quote the answer, which may repeat the request, credentials and all.
        what = f"the connection broke, or the answer is not proper HTTP ({type(cause).__name__})"
    return ResponseLostError(f"{route.where}: {what}")


def root_cause(error: Exception) -> Exception:
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
