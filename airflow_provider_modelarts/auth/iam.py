"""Project tokens from the identity service: ``POST {iam}/v3/auth/tokens``.

One token serves all threads of a process. It lives 24 hours, a new one does not end the old one,
and wrong passwords lock the user ("Obtaining a User Token" in the IAM API reference).
"""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    ModelArtsApiError,
    ResponseLostError,
)
from airflow_provider_modelarts.failures import decode
from airflow_provider_modelarts.masking import scrub
from airflow_provider_modelarts.secret import Secret
from airflow_provider_modelarts.transport import Request, build_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.auth.credentials import Password
    from airflow_provider_modelarts.transport import Response, Transport

RENEW_BEFORE_END: Final = 300.0
"""Seconds before its end from which a token is renewed (at most half of its life)."""

REMEMBER_REFUSAL: Final = 60.0
"""Seconds for which a refused login is not tried again, so that waiting threads cannot lock the user."""

_OPERATION: Final = "POST /v3/auth/tokens"


@dataclass(frozen=True)
class IssuedToken:
    """A token, when to renew it (epoch seconds), and the project it belongs to."""

    value: Secret
    renew_at: float
    project_id: str


class IamTokens:
    """The one current token of a set of credentials; safe for threads.

    :param credentials: user, password, account and scope.
    :param transport: how to reach IAM.
    :param clock: epoch seconds.
    """

    def __init__(
        self, credentials: Password, transport: Transport, clock: Callable[[], float]
    ) -> None:
        self._credentials = credentials
        self._password = Secret.of(credentials.password)
        self._transport = transport
        self._clock = clock
        self._lock = threading.Lock()
        self._token: IssuedToken | None = None
        self._refusal: tuple[float, ModelArtsApiError] | None = None

    def get(self) -> IssuedToken:
        """Return the current token; one thread fetches it while the others wait for it.

        :raises AuthenticationError: user name or password is wrong.
        :raises ModelArtsError: IAM refused otherwise or could not be reached.
        """
        with self._lock:
            now = self._clock()
            if self._token is not None and now < self._token.renew_at:
                return self._token
            if self._refusal is not None and now - self._refusal[0] < REMEMBER_REFUSAL:
                raise copy.copy(self._refusal[1])
            return self._fetch(now)

    def current(self) -> IssuedToken:
        """Return the token in use whatever is left of its life; fetch one only if there is none."""
        return self._token or self.get()

    def drop(self, value: str | Secret) -> None:
        """Forget the token if it is still the one with this value."""
        with self._lock:
            if self._token is not None and self._token.value == value:
                self._token = None

    def secrets(self) -> tuple[Secret, ...]:
        """Return the password and the token in use."""
        token = self._token
        return (self._password, token.value) if token is not None else (self._password,)

    def _fetch(self, now: float) -> IssuedToken:
        self._refusal = None
        try:
            response = self._transport.send(self._request())
            data = decode(response, _OPERATION, [self._password], from_iam=True)
        except ModelArtsApiError as error:
            if not error.retryable:
                self._refusal = (now, error)
            if isinstance(error, AuthenticationError):
                # Keystone gives the same answer to all of these, so as to tell a stranger nothing.
                error.hint = (
                    "IAM refused the login: check 'Access key or IAM user' (login), 'Secret key or password' "
                    "(password) and 'Account (domain)' (extra domain_name) of the connection, and that this "
                    "user may use its 'Project ID' (extra project_id) or 'Project name' (extra project_name); "
                    "too many wrong passwords lock the user"
                )
            elif isinstance(error, InvalidRequestError):
                error.hint = (
                    "Check 'IAM endpoint' (extra iam_endpoint), 'Account (domain)' (extra domain_name) and the "
                    "project of the connection"
                )
            raise
        token = _issued(response, data, now)
        self._check_project(data, token)
        self._token = token
        return token

    def _request(self) -> Request:
        who = self._credentials
        domain = {"name": who.domain_name}
        user = {"name": who.user, "password": self._password.reveal(), "domain": domain}
        # A project name is unique only within its domain; Keystone insists on the domain.
        scope = (
            {"id": who.project_id}
            if who.project_id
            else {"name": who.project_name, "domain": domain}
        )
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": scope},
            }
        }
        return Request(
            "POST",
            build_url(who.iam_endpoint, "/v3/auth/tokens", [("nocatalog", "true")]),
            {"Content-Type": "application/json;charset=utf8"},
            json.dumps(body).encode(),
        )

    def _check_project(self, data: dict[str, Any], token: IssuedToken) -> None:
        wanted = self._credentials
        name = data["token"]["project"].get("name")
        if wanted.project_id and wanted.project_id != token.project_id:
            got, field = f"id {token.project_id!r}", "'Project ID' (extra project_id)"
        elif wanted.project_name and name and wanted.project_name != name:
            got, field = f"name {name!r}", "'Project name' (extra project_name)"
        else:
            return
        msg = (
            f"{_OPERATION}: the token belongs to the project with {got}, but {field} of the connection is "
            f"{(wanted.project_id or wanted.project_name)!r}"
        )
        raise ConfigurationError(scrub(msg, [self._password, token.value]))


def _issued(response: Response, data: dict[str, Any], now: float) -> IssuedToken:
    """Read the answer; anything missing is named.

    The life of the token is taken from the server's two times, so that a wrong clock here neither
    keeps a dead token nor renews a good one for ever.
    """
    value = Secret(response.headers.get("x-subject-token", ""))
    token = data.get("token")
    token = token if isinstance(token, dict) else {}
    project = token.get("project")
    project_id = project.get("id") if isinstance(project, dict) else None
    expires_at = _epoch(token.get("expires_at"))
    missing = [
        name
        for name, found in (
            ("header X-Subject-Token", value),
            ("header X-Subject-Token that can be sent back", value.fits_header()),
            ("token.expires_at", expires_at),
            ("token.project.id", project_id),
        )
        if not found
    ]
    if missing or expires_at is None:
        msg = (
            f"{_OPERATION}: HTTP {response.status} without {', '.join(missing)}. Is 'IAM endpoint' (extra "
            "iam_endpoint) of the connection the IAM address, and the user's project a regional one?"
        )
        raise ResponseLostError(msg)
    life = max(0.0, expires_at - (_epoch(token.get("issued_at")) or now))
    return IssuedToken(value, now + life - min(RENEW_BEFORE_END, life / 2), str(project_id))


def _epoch(text: object) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
