"""Turns the fields of an Airflow connection into a client configuration, or names what is wrong.

All problems of a connection are reported at once, before any request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_modelarts.exceptions import ConfigurationError
from airflow_provider_modelarts.hooks.endpoints import DEFAULT_PORTS, known_endpoint, split_url
from airflow_provider_modelarts.hooks.fields import (
    MAX_TEXT,
    kind_of,
    named,
    read_extra,
    same_word,
    shown,
    text_of,
    unread,
)
from airflow_provider_modelarts.masking import scrub
from airflow_provider_modelarts.network import is_loopback
from airflow_provider_modelarts.secret import Secret

if TYPE_CHECKING:
    from airflow_provider_modelarts.auth.credentials import Credentials
    from airflow_provider_modelarts.client.caller import ClientConfig

AUTH_TYPES: Final = ("aksk", "password", "token")
CLOUDS: Final = ("huaweicloud", "otc")
_DEFAULT_TIMEOUT: Final = 60.0
_LONGEST_TIMEOUT: Final = 86_400.0
_LAST_PORT: Final = 65_535
_STANDARD: Final = ("host", "port", "login", "password")
_FLAGS: Final = ("verify", "allow_http")
_PLAIN: Final = re.compile(r"(?!\.+$)[A-Za-z0-9._-]+")  # not . and .., which a path would swallow
_REGION: Final = re.compile(r"[A-Za-z0-9-]+")
_QUERY: Final = re.compile(r"([?#]).{8,}", re.DOTALL)
_LONG: Final = 82
_USERINFO: Final = re.compile(r"^(\w+://)?.*@", re.DOTALL)


@dataclass(frozen=True)
class ConnectionFields:
    """The fields of a connection as they came from Airflow, which checks hardly any of them.

    :param extra: JSON text, or the object that it stands for.
    """

    conn_id: str
    host: object = None
    port: object = None
    login: object = None
    password: object = field(default=None, repr=False)
    extra: object = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.password, str):
            object.__setattr__(self, "password", Secret(self.password))


def client_config(fields: ConnectionFields) -> ClientConfig:
    """Check the fields and build the configuration.

    :raises ConfigurationError: names every field that is missing, unusable or contradictory.
    """
    from airflow_provider_modelarts.client.caller import ClientConfig

    reader = _Reader(fields)
    endpoint = reader.endpoint()
    credentials = reader.credentials()
    config = partial(
        ClientConfig,
        endpoint,
        project_id=reader.plain("project_id"),
        workspace_id=reader.plain("workspace_id"),
        timeout=reader.timeout(),
        verify=reader.verify(),
    )
    reader.check_project()
    reader.check_misspelt()
    if reader.problems or credentials is None:
        lines = "".join(f"\n  - {problem}" for problem in reader.problems)
        msg = f"Connection {shown(fields.conn_id)} (type modelarts) cannot be used:{lines}"
        raise ConfigurationError(msg)
    return config(credentials=credentials)


def ignored_extras(fields: ConnectionFields) -> tuple[list[str], list[str]]:
    """Return the extras that nobody reads: what to say of those that resemble a field that is not set, and the rest.

    One of the rest is somebody's own, for DAGs; of the first a user believes that it has an effect.
    """
    extra, _ = read_extra(fields.extra)
    given = {name for name in extra if extra[name] not in (None, "")}
    given |= {name for name in _STANDARD if getattr(fields, name)}
    near: list[str] = []
    own: list[str] = []
    for name, meant in unread(extra).items():
        if meant and (meant not in given or meant == name):
            near.append(f"extra {shown(name)} is not read; did you mean {named(meant)}?")
        else:
            own.append(shown(name))
    return near, own


class _Reader:
    """Reads one field at a time and collects what is wrong."""

    def __init__(self, fields: ConnectionFields) -> None:
        self.problems: list[str] = []
        self._fields = fields
        self._extra, problem = read_extra(fields.extra)
        self._blind = bool(problem)
        self._refused: set[str] = set()
        if problem:
            self.problems.append(problem)
        self._unread = unread(self._extra)
        self._hinted: set[str] = set()
        self.auth_type = self.text("auth_type") or "aksk"
        self.cloud = self.text("cloud")
        self.region = self.text("region")
        if self.auth_type not in AUTH_TYPES:
            self._refuse("auth_type", self.auth_type, f"one of {', '.join(AUTH_TYPES)}")
        if self.cloud and self.cloud not in CLOUDS:
            self._refuse("cloud", self.cloud, f"one of {', '.join(CLOUDS)}, or empty")
        allow_http = self.text("allow_http").lower()
        if allow_http not in ("", "true", "false"):
            self._refuse("allow_http", allow_http, "true or false")
        self._allow_http = allow_http == "true"

    # ---- values

    def text(self, name: str) -> str:
        """Return a field as text; null and missing count as empty."""
        value = getattr(self._fields, name) if name in _STANDARD else self._extra.get(name)
        value = value.reveal() if isinstance(value, Secret) else value
        text = text_of(value, flag=name in _FLAGS)
        if text is None:
            self._refused.add(name)
            what = f"{named(name)} is {kind_of(value)}"  # and not the value: it may be a secret
            self._add(f"{what}, but must be a text of at most {MAX_TEXT} characters")
        return text or ""

    def plain(self, name: str) -> str:
        """Return an extra that becomes part of a path or query."""
        value = self.text(name)
        if value and not _PLAIN.fullmatch(value):
            self._refuse(name, value, "letters, digits, '-', '_' and '.'")
        return value

    def secret(self, name: str, *, needed: bool, what: str) -> Secret:
        """Return a credential that a header can carry; others would show up in an error later."""
        secret = Secret(self.text(name))
        if not secret and needed:
            self._missing(name, f"set it to {what}")
        if not secret.fits_header():
            self.problems.append(
                f"{named(name)} has blanks, control characters or letters beyond ASCII in it: set it to {what}"
            )
        return secret

    def timeout(self) -> float:
        """Return the seconds for one exchange."""
        text = self.text("timeout")
        try:
            seconds = float(text or _DEFAULT_TIMEOUT)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds <= _LONGEST_TIMEOUT:
            self._refuse(
                "timeout", text, f"a number of seconds above 0, {_LONGEST_TIMEOUT:g} at most"
            )
        return seconds

    def verify(self) -> bool | str:
        """Return true, false or the path of a CA bundle."""
        text = self.text("verify")
        if text.lower() in ("", "true"):
            return True
        if text.lower() == "false":
            return False
        if not _exists(text):
            self._refuse("verify", text, "true, false or the path of an existing CA bundle")
        return text

    # ---- endpoints

    def endpoint(self) -> str:
        """Return the ModelArts base URL, from ``host`` or from ``cloud`` and ``region``."""
        host, port = self.text("host"), self._port()
        if host:
            return self._url("host", host, port, drop="/v1")
        if port not in (0, 443):
            self.problems.append(
                f"{named('port')} is {port}, but {named('host')} is empty: leave out the port, or set both"
            )
        return self._derived("host", "modelarts")

    def iam_endpoint(self) -> str:
        """Return the IAM base URL without ``/v3``."""
        url = self.text("iam_endpoint")
        return (
            self._url("iam_endpoint", url, 0, drop="/v3")
            if url
            else self._derived("iam_endpoint", "iam")
        )

    def _port(self) -> int:
        """Return the port; 0 for none, as the form sends it for an empty one."""
        text = self.text("port")
        if not text:
            return 0
        if not re.fullmatch("[0-9]{1,5}", text) or int(text) > _LAST_PORT:
            self._refuse("port", text, f"a number from 1 to {_LAST_PORT}, or empty or 0 for none")
            return 0
        return int(text)

    def _derived(self, name: str, service: str) -> str:
        if not (self.cloud and self.region):
            also = f"{named('cloud')} and {named('region')}"
            self._missing(name, f"set it to the base URL, or set {also}")
            return ""
        if not _REGION.fullmatch(self.region):
            self._refuse("region", self.region, "a region id such as eu-de")
            return ""
        return known_endpoint(self.cloud, self.region, service)

    def _url(self, name: str, text: str, port: int, *, drop: str) -> str:
        """Bring a base URL into the form that is signed: no default port, no slash at the end."""
        parts = split_url(text)
        if parts is None:
            # A password may stand in either place.
            harmless = _QUERY.sub(r"\1***", _USERINFO.sub(r"\1***@", text))
            self._refuse(
                name, harmless, "a base URL such as https://modelarts.eu-de.otc.t-systems.com"
            )
            return ""
        host = parts.hostname or ""
        if parts.scheme == "http" and not self._allows_http(host):
            self.problems.append(
                f"{named(name)} is {shown(text)}: http:// would send credentials in the clear; use "
                f"https://, or set {named('allow_http')} to true where that is meant"
            )
        if parts.port and port and parts.port != port:
            self.problems.append(
                f"{named(name)} has port {parts.port}, but {named('port')} is {port}: leave one of them out"
            )
        number = parts.port or port
        netloc = f"[{host}]" if ":" in host else host
        if number and number != DEFAULT_PORTS[parts.scheme]:
            netloc = f"{netloc}:{number}"
        path = parts.path.rstrip("/").removesuffix(drop).rstrip("/")
        return f"{parts.scheme}://{netloc}{path}"

    def _allows_http(self, host: str) -> bool:
        return self._allow_http or is_loopback(host)

    # ---- credentials

    def credentials(self) -> Credentials | None:
        """Return what the authentication type needs."""
        from airflow_provider_modelarts.auth.credentials import AccessKey, Password, Token

        if self.auth_type != "aksk" and self.text("security_token"):
            self.problems.append(
                f"{named('security_token')} belongs to a temporary access key, but "
                f"{named('auth_type')} is {shown(self.auth_type)}: leave one of them out"
            )
        if self.auth_type == "aksk":
            return AccessKey(
                self.secret("login", needed=True, what="the access key id").reveal(),
                self.secret("password", needed=True, what="the secret access key"),
                self.secret("security_token", needed=False, what="the token"),
            )
        if self.auth_type == "token":
            return Token(self.secret("password", needed=True, what="a project token"))
        if self.auth_type == "password":
            return Password(
                self._needed("login", "the IAM user name"),
                self._password(),
                self._needed("domain_name", "the IAM account name"),
                self.iam_endpoint(),
                self.text("project_id"),
                self._name("project_name"),
            )
        return None

    def check_project(self) -> None:
        """Make sure that the project is known, by id or, with a password, by name."""
        if self.text("project_id"):
            return
        if self.auth_type == "password":
            if not self.text("project_name"):
                self._missing("project_id", f"set it, or {named('project_name')}")
        elif self.text("project_name"):
            self._missing(
                "project_id",
                f"set it, as {named('project_name')} replaces it only with {named('auth_type')} password",
            )
        else:
            self._missing("project_id", "set it to the id of the project that owns the jobs")

    def check_misspelt(self) -> None:
        """Refuse projectId where project_id is not given: nobody can have meant anything else.

        Where it is a field that is missing, that line has said so.
        """
        for name, meant in self._unread.items():
            if meant not in self._extra and name not in self._hinted and same_word(name, meant):
                self.problems.append(f"extra {shown(name)} is not read: rename it to {meant}")

    def _password(self) -> Secret:
        """Return the password as it is: blanks may belong to it, and its JSON body carries any text."""
        if not self._needed("password", "the IAM user's password"):
            return Secret("")
        value = self._fields.password
        return value if isinstance(value, Secret) else Secret(str(value))

    def _needed(self, name: str, what: str) -> str:
        value = self.text(name) if name == "password" else self._name(name)
        if not value:
            self._missing(name, f"set it to {what}")
        return value

    def _name(self, name: str) -> str:
        value = self.text(name)
        if not value.isprintable():
            self._refuse(name, value, "a text without control characters")
        return value

    # ---- problems

    def _missing(self, name: str, remedy: str) -> None:
        """Say what is missing, and which extra somebody may have taken for it."""
        if name in self._refused or (self._blind and name not in _STANDARD):
            return  # it is there, or may be, but cannot be read
        instead = [key for key, meant in self._unread.items() if meant == name]
        self._hinted.update(instead)
        hint = f" (extra {shown(instead[0])} is not read)" if instead else ""
        self.problems.append(f"{named(name)} is missing{hint}: {remedy}")

    def _refuse(self, name: str, value: object, allowed: str) -> None:
        """Refuse a value; a secret that was put into the wrong field is not shown."""
        if isinstance(value, str):
            hiding = [Secret(self.text(name)) for name in ("password", "security_token")]
            found = shown(scrub(value, hiding))
            # As long as a token.
            value_shown = (
                f"{found[:8]}…' ({len(value)} characters)" if len(found) > _LONG else found
            )
        else:
            value_shown = shown(value)
        self._add(f"{named(name)} is {value_shown}, but must be {allowed}")

    def _add(self, problem: str) -> None:
        if problem not in self.problems:  # some fields are read more than once
            self.problems.append(problem)


def _is_plain(char: str) -> bool:
    return (char.isascii() and char.isalnum()) or char in "-_."


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a name, in a folder that may not be read, no text
        return False
