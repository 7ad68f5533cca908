"""Turns credentials into request headers, and decides what a 401 is worth.

An access key signs each attempt anew and is never repeated after a 401, since a few failed
signatures lock the key. A password token is fetched once for all threads, renewed before it ends,
and renewed once after a 401; only the token that failed is dropped.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from airflow_provider_modelarts.auth.credentials import AccessKey, Credentials, Password
from airflow_provider_modelarts.auth.iam import IamTokens
from airflow_provider_modelarts.auth.signing import DATE_FORMAT, sign
from airflow_provider_modelarts.exceptions import ConfigurationError
from airflow_provider_modelarts.secret import Secret, revealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_modelarts.transport import Request, Transport

TOKEN_HEADER = "X-Auth-Token"  # noqa: S105 - a header's name, not a token


class AuthFlow(Protocol):
    """What the client needs of a kind of credentials."""

    refused_hint: str
    """How to fix a 401, where the answer itself does not say."""

    def prepare(self) -> str:
        """Do what must precede a request, and return the project id."""

    def headers(self, request: Request) -> Mapping[str, str | Secret]:
        """Return the headers that authorise this request."""

    def renew(self, used: Mapping[str, str | Secret]) -> bool:
        """Take note of a 401 for these headers; true if a repetition makes sense."""

    def secrets(self) -> tuple[Secret, ...]:
        """Return the texts that must never be printed."""


def flow_for(
    credentials: Credentials,
    *,
    project_id: str,
    transport: Transport,
    clock: Callable[[], float] = time.time,
) -> AuthFlow:
    """Choose the flow for these credentials.

    :param clock: epoch seconds; replaced in tests.
    :raises ConfigurationError: no header can carry the key or token.
    """
    if isinstance(credentials, AccessKey):
        return SignatureFlow(credentials, project_id, clock)
    if isinstance(credentials, Password):
        return PasswordFlow(IamTokens(credentials, transport, clock))
    return ReadyTokenFlow(credentials.token, project_id)


class SignatureFlow:
    """Signs with an access key."""

    refused_hint = (
        "Check 'Access key or IAM user' (login), 'Secret key or password' (password) and, for a temporary "
        "key, 'Security token' (extra security_token) of the connection; wrong signatures lock the key, "
        "so this is not retried"
    )

    def __init__(
        self, key: AccessKey, project_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._access_key = _for_header("access_key", key.access_key).reveal()
        self._secret_key = _for_header("secret_key", key.secret_key)
        self._security_token = _for_header("security_token", key.security_token)
        self._project_id = project_id
        self._clock = clock

    def prepare(self) -> str:
        """Return the configured project id; nothing precedes a signed call."""
        return self._project_id

    def headers(self, request: Request) -> Mapping[str, str | Secret]:
        """Sign this attempt with the time of now."""
        extra: dict[str, str | Secret] = {"X-Project-Id": self._project_id}
        if self._security_token:
            extra["X-Security-Token"] = self._security_token
        covered = extra | {k: v for k, v in request.headers.items() if k.lower() == "content-type"}
        date = datetime.fromtimestamp(self._clock(), UTC).strftime(DATE_FORMAT)
        signed = sign(
            request.method,
            request.url,
            revealed(covered),
            request.body,
            self._access_key,
            self._secret_key.reveal(),
            date,
        )
        return extra | signed | {"Authorization": Secret(signed["Authorization"])}

    def renew(self, used: Mapping[str, str | Secret]) -> bool:  # noqa: ARG002 - one protocol for all flows
        """Never repeat: more than five failed signatures in a row lock the key."""
        return False

    def secrets(self) -> tuple[Secret, ...]:
        """Return secret key and security token."""
        return self._secret_key, self._security_token


class ReadyTokenFlow:
    """Sends a token that was made elsewhere."""

    refused_hint = (
        "The ready token in 'Secret key or password' (password) of the connection is wrong or has ended (a token "
        "lives 24 hours); put a new one there, or choose aksk or password as 'Authentication' (extra auth_type)"
    )

    def __init__(self, token: str | Secret, project_id: str) -> None:
        self._token = _for_header("token", token)
        self._project_id = project_id

    def prepare(self) -> str:
        """Return the configured project id."""
        return self._project_id

    def headers(self, request: Request) -> Mapping[str, str | Secret]:  # noqa: ARG002
        """Return the token header."""
        return {TOKEN_HEADER: self._token}

    def renew(self, used: Mapping[str, str | Secret]) -> bool:  # noqa: ARG002
        """There is nothing to renew it with."""
        return False

    def secrets(self) -> tuple[Secret, ...]:
        """Return the token."""
        return (self._token,)


class PasswordFlow:
    """Sends an IAM token that it keeps fresh."""

    refused_hint = (
        "A fresh token was refused too: the user may not use this project: check 'Project ID' (extra project_id) "
        "or 'Project name' (extra project_name) of the connection"
    )

    def __init__(self, tokens: IamTokens) -> None:
        self._tokens = tokens

    def prepare(self) -> str:
        """Make sure there is a token, and return the project it belongs to."""
        return self._tokens.get().project_id

    def headers(self, request: Request) -> Mapping[str, str | Secret]:  # noqa: ARG002
        """Return the token that ``prepare`` has made sure of."""
        return {TOKEN_HEADER: self._tokens.current().value}

    def renew(self, used: Mapping[str, str | Secret]) -> bool:
        """Drop the token this call used; another thread's newer one stays."""
        self._tokens.drop(used.get(TOKEN_HEADER, ""))
        return True

    def secrets(self) -> tuple[Secret, ...]:
        """Return the password and the token in use."""
        return self._tokens.secrets()


def _for_header(name: str, value: str | Secret) -> Secret:
    secret = Secret.of(value)
    if not secret.fits_header():
        msg = (
            f"{name} has blanks, control characters or letters beyond ASCII in it, which no header can "
            "carry: copy it again from where it was issued"
        )
        raise ConfigurationError(msg)
    return secret
