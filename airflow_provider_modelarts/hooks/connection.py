"""Turns the fields of an Airflow connection into a client configuration, or names what is wrong.

All problems of a connection are reported at once, before any request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow_provider_modelarts.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_modelarts.auth.credentials import Credentials
    from airflow_provider_modelarts.client.caller import ClientConfig

AUTH_TYPES: Final = ("aksk", "password", "token")
CLOUDS: Final = ("huaweicloud", "otc")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_DEFAULT_TIMEOUT: Final = 60.0
_USERINFO: Final = re.compile(r"^(\w+://)?.*@", re.DOTALL)


@dataclass(frozen=True)
class ConnectionFields:
    """The fields of a connection, whatever class they came from."""

    conn_id: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


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
    if reader.problems or credentials is None:
        lines = "".join(f"\n  - {problem}" for problem in reader.problems)
        msg = f"Connection {fields.conn_id!r} (type modelarts) cannot be used:{lines}"
        raise ConfigurationError(msg)
    return config(credentials=credentials)


class _Reader:
    """Reads one field at a time and collects what is wrong."""

    def __init__(self, fields: ConnectionFields) -> None:
        self.problems: list[str] = []
        self._fields = fields
        self.auth_type = self.text("auth_type") or "aksk"
        self.cloud = self.text("cloud")
        self.region = self.text("region")
        if self.auth_type not in AUTH_TYPES:
            self._refuse("extra auth_type", self.auth_type, f"one of {', '.join(AUTH_TYPES)}")
        if self.cloud and self.cloud not in CLOUDS:
            self._refuse("extra cloud", self.cloud, f"one of {', '.join(CLOUDS)}, or empty")

    # ---- values

    def text(self, name: str) -> str:
        """Return an extra as text; null and missing count as empty."""
        value = self._fields.extra.get(name)
        return "" if value is None else str(value).strip()

    def plain(self, name: str) -> str:
        """Return an extra that becomes part of a path or query."""
        value = self.text(name)
        if value and not (value.strip(".") and all(_is_plain(char) for char in value)):
            self._refuse(f"extra {name}", value, "letters, digits, '-', '_' and '.'")
        return value

    def secret(self, name: str, value: str, *, needed: bool, what: str) -> str:
        """Return a credential that a header can carry; others would show up in an error later."""
        value = value.strip()
        if not value and needed:
            self.problems.append(f"{name} is missing: set it to {what}")
        if not (value.isascii() and value.isprintable()) or " " in value:
            self.problems.append(
                f"{name} has blanks, control characters or letters beyond ASCII in it: set it to {what}"
            )
        return value

    def timeout(self) -> float:
        """Return the seconds for one exchange."""
        text = self.text("timeout")
        try:
            seconds = float(text or _DEFAULT_TIMEOUT)
        except ValueError:
            seconds = -1.0
        if not 0 < seconds < float("inf"):
            self._refuse("extra timeout", text, "a positive number of seconds")
        return seconds

    def verify(self) -> bool | str:
        """Return true, false or the path of a CA bundle."""
        text = self.text("verify")
        if text.lower() in ("", "true"):
            return True
        if text.lower() == "false":
            return False
        if not _exists(text):
            self._refuse("extra verify", text, "true, false or the path of an existing CA bundle")
        return text

    # ---- endpoints

    def endpoint(self) -> str:
        """Return the ModelArts base URL, from ``host`` or from ``cloud`` and ``region``."""
        host = self._fields.host.strip()
        if host:
            return self._url("host", host, self._fields.port, drop="/v1")
        return self._derived("host", "modelarts")

    def iam_endpoint(self) -> str:
        """Return the IAM base URL without ``/v3``."""
        url = self.text("iam_endpoint")
        return (
            self._url("extra iam_endpoint", url, None, drop="/v3")
            if url
            else self._derived("extra iam_endpoint", "iam")
        )

    def _derived(self, name: str, service: str) -> str:
        if not (self.cloud and self.region):
            self.problems.append(
                f"{name} is missing: set it to the base URL, or set extras cloud and region"
            )
            return ""
        if not all(char.isalnum() or char == "-" for char in self.region):
            self._refuse("extra region", self.region, "a region id such as eu-de")
            return ""
        return _known_endpoint(self.cloud, self.region, service)

    def _url(self, name: str, text: str, port: int | None, *, drop: str) -> str:
        """Bring a base URL into the form that is signed: no default port, no slash at the end."""
        url = text if "://" in text else f"https://{text}"
        try:
            parts = urlsplit(url)
            host, own_port = parts.hostname or "", parts.port
        except ValueError:
            host, own_port, parts = "", None, urlsplit("")
        odd = parts.query or parts.fragment or parts.username is not None
        if parts.scheme not in _DEFAULT_PORTS or not host or odd or not _is_host(host):
            shown = _USERINFO.sub(r"\1***@", text)  # a password may stand there
            self._refuse(
                name, shown, "a base URL such as https://modelarts.eu-de.otc.t-systems.com"
            )
            return ""
        if parts.scheme == "http" and not self._allows_http(host):
            self.problems.append(
                f"{name} is {text!r}: http:// would send credentials in the clear; use https://, or "
                "set extra allow_http to true where that is meant"
            )
        number = own_port or port
        shown = f"[{host}]" if ":" in host else host
        if number and number != _DEFAULT_PORTS[parts.scheme]:
            shown = f"{shown}:{number}"
        path = parts.path.rstrip("/").removesuffix(drop).rstrip("/")
        return f"{parts.scheme}://{shown}{path}"

    def _allows_http(self, host: str) -> bool:
        return _is_loopback(host) or self.text("allow_http").lower() == "true"

    # ---- credentials

    def credentials(self) -> Credentials | None:
        """Return what the authentication type needs."""
        from airflow_provider_modelarts.auth.credentials import AccessKey, Password, Token

        login, password = self._fields.login, self._fields.password
        security_token = self.text("security_token")
        if security_token and self.auth_type != "aksk":
            self.problems.append(
                f"extra security_token belongs to a temporary access key, but auth_type is "
                f"{self.auth_type!r}: leave one of them out"
            )
        if self.auth_type == "aksk":
            return AccessKey(
                self.secret("login", login, needed=True, what="the access key id"),
                self.secret("password", password, needed=True, what="the secret access key"),
                self.secret("extra security_token", security_token, needed=False, what="the token"),
            )
        if self.auth_type == "token":
            what = "a project token"
            return Token(self.secret("password", password, needed=True, what=what))
        if self.auth_type == "password":
            return Password(
                self._needed("login", login.strip(), "the IAM user name"),
                self._needed("password", password, "the IAM user's password"),
                self._needed("extra domain_name", self.text("domain_name"), "the IAM account name"),
                self.iam_endpoint(),
                self.text("project_id"),
                self.text("project_name"),
            )
        return None

    def check_project(self) -> None:
        """Make sure that the project is known, by id or, with a password, by name."""
        if self.text("project_id"):
            return
        if self.auth_type == "password":
            if not self.text("project_name"):
                self.problems.append("extra project_id or project_name is missing: set one of them")
        elif self.text("project_name"):
            self.problems.append(
                "extra project_id is missing: project_name replaces it only with auth_type "
                f"'password', not with {self.auth_type!r}"
            )
        else:
            self.problems.append(
                "extra project_id is missing: set it to the id of the project that owns the jobs"
            )

    def _needed(self, name: str, value: str, what: str) -> str:
        if not value:
            self.problems.append(f"{name} is missing: set it to {what}")
        return value

    def _refuse(self, name: str, value: str, allowed: str) -> None:
        self.problems.append(f"{name} is {value!r}, but must be {allowed}")


def _known_endpoint(cloud: str, region: str, service: str) -> str:
    """Return the public endpoint of a region ("Regions and Endpoints" of the two clouds)."""
    if cloud == "otc":
        if region == "eu-ch2":  # Switzerland has its own domain and another name for public IAM
            prefix = "iam-pub" if service == "iam" else service
            return f"https://{prefix}.{region}.sc.otc.t-systems.com"
        return f"https://{service}.{region}.otc.t-systems.com"
    suffix = "eu" if region.startswith("eu-west-1") else "com"
    return f"https://{service}.{region}.myhuaweicloud.{suffix}"


def _is_plain(char: str) -> bool:
    return (char.isascii() and char.isalnum()) or char in "-_."


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # too long for a name, or in a folder that may not be read
        return False


def _is_host(host: str) -> bool:
    return ":" in host or all(char.isalnum() or char in "-._" for char in host)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
