"""IAM without HTTP: password login, tokens, and who a request comes from."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import codes, signing
from airflow_provider_modelarts.emulator.errors import GatewayError, IamError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_modelarts.emulator.clock import Clock
    from airflow_provider_modelarts.emulator.database import Database
    from airflow_provider_modelarts.emulator.settings import Identity, Settings
    from airflow_provider_modelarts.emulator.wire import Call

MAX_SKEW = 15 * 60
_PREFIX = "Incorrect IAM authentication information: "


@dataclass(frozen=True)
class Token:
    """A token that was just issued."""

    text: str
    body: dict[str, Any]


class Iam:
    """The identity service of one account.

    Tokens outlive a restart of the emulator, as they outlive one of the service; only their digests are kept.
    """

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.identity: Identity = settings.identity
        self.lifetime = settings.token_lifetime
        self._database = database
        self._clock = clock

    # ---------------------------------------------------------------- tokens
    def login(self, payload: Any, *, catalog_url: str | None) -> Token:
        """Answer a password login; :raises IamError: when it is refused."""
        identity = self.identity
        user = _object(payload, "auth", "identity", "password", "user")
        methods = _object(payload, "auth", "identity").get("methods")
        if methods != ["password"]:
            raise IamError(
                400, "Expecting to find valid methods in identity: only password is supported."
            )
        domain = _object(user, "domain")
        if not {"name", "id"} & set(domain):
            raise IamError(400, "Expecting to find name or id in domain.")
        known = (
            user.get("name"),
            domain.get("name", identity.domain),
            domain.get("id", identity.domain_id),
        )
        password = user.get("password")
        if not isinstance(password, str) or not isinstance(known[0], str):
            raise IamError(400, "Expecting to find name and password in user.")
        expected = (identity.user, identity.domain, identity.domain_id)
        if known != expected or not _same(password, identity.password):
            raise IamError(401, "The username or password is wrong.")
        project_id = self._scope(payload["auth"].get("scope"))
        return self._issue(project_id, catalog_url)

    def _scope(self, scope: Any) -> str | None:
        """Return the project of a scope; None stands for an unscoped or account-wide token."""
        if scope is None:
            return None
        if not isinstance(scope, dict):
            raise IamError(400, "Expecting to find an object in scope.")
        if "project" not in scope:
            domain = _object(scope, "domain")
            if domain.get("name", self.identity.domain) != self.identity.domain:
                raise IamError(401, "The domain of the scope is not the user's.")
            return None
        project = _object(scope, "project")
        # Keystone lets the project name its domain; a user of another one is a stranger.
        if (
            "domain" in project
            and _object(project, "domain").get("name", self.identity.domain) != self.identity.domain
        ):
            raise IamError(401, "The project's domain is not the user's.")
        if isinstance(project.get("id"), str):
            if self.identity.project_name_of(project["id"]) is None:
                raise IamError(401, f"Could not find project: {project['id'][:64]}.")
            return str(project["id"])
        if isinstance(project.get("name"), str):
            if project["name"] not in self.identity.projects:
                raise IamError(401, f"Could not find project: {project['name'][:64]}.")
            return self.identity.projects[project["name"]]
        raise IamError(400, "Expecting to find id or name in project.")

    def _issue(self, project_id: str | None, catalog_url: str | None) -> Token:
        now = self._clock.now()
        expires = now + self.lifetime
        # Real tokens are long and start so (a signed message in Base64).
        text = "MII" + secrets.token_urlsafe(600)
        with self._database.transaction() as sql:
            sql.execute("DELETE FROM tokens WHERE expires < ?", (now - 86400,))
            sql.execute("INSERT INTO tokens VALUES (?, ?, ?)", (_digest(text), project_id, expires))
        domain = {"id": self.identity.domain_id, "name": self.identity.domain}
        body: dict[str, Any] = {
            "methods": ["password"],
            "issued_at": _iso(now),
            "expires_at": _iso(expires),
            "user": {
                "id": hashlib.md5(self.identity.user.encode(), usedforsecurity=False).hexdigest(),
                "name": self.identity.user,
                "domain": domain,
                "password_expires_at": "",
            },
            "roles": [{"id": "0", "name": "te_admin"}],
        }
        if project_id is None:
            body["domain"] = domain
        else:
            body["project"] = {
                "id": project_id,
                "name": self.identity.project_name_of(project_id),
                "domain": domain,
            }
        if catalog_url is not None:
            body["catalog"] = [self._catalog_entry(catalog_url, project_id)]
        return Token(text, {"token": body})

    def _catalog_entry(self, url: str, project_id: str | None) -> dict[str, Any]:
        endpoint = f"{url}/v1/{project_id or '$(tenant_id)s'}"
        region = self.identity.project_name.split("_", 1)[0]
        return {
            "id": "modelarts",
            "name": "modelarts",
            "type": "modelarts",
            "endpoints": [
                {
                    "id": "modelarts",
                    "interface": "public",
                    "region": region,
                    "region_id": region,
                    "url": endpoint,
                }
            ],
        }

    def expire_tokens(self) -> int:
        """Make every token issued so far invalid; returns how many."""
        with self._database.transaction() as sql:
            return sql.execute("UPDATE tokens SET expires = 0 WHERE expires > 0").rowcount

    def projects(self, name: str | None) -> list[dict[str, Any]]:
        """Return the account's projects, all or those of one name."""
        domain_id = self.identity.domain_id
        return [
            {
                "id": project_id,
                "name": project,
                "domain_id": domain_id,
                "parent_id": domain_id,
                "is_domain": False,
                "enabled": True,
                "description": "",
                "links": {},
            }
            for project, project_id in self.identity.projects.items()
            if name in {None, project}
        ]

    # ------------------------------------------------------------ every call
    def authenticate(self, call: Call) -> str | None:
        """Return the project the caller's token is for, or None for a signature.

        :raises GatewayError: when the credentials are not accepted.
        """
        if "x-auth-token" in call.headers:
            return self._check_token(call.headers["x-auth-token"])
        if "authorization" in call.headers:
            self._check_signature(call)
            return None
        raise GatewayError(codes.NOT_AUTHENTICATED, f"{_PREFIX}x-auth-token not found")

    def authorize(self, call: Call, project_id: str) -> None:
        """Check that the caller may use the project in the path; :raises RefusalError: when not."""
        project = self.authenticate(call)
        if "x-auth-token" in call.headers:
            if project is None:
                raise ServiceError(
                    codes.NO_PROJECT, "The token is not a project-scoped token.", http=401
                )
            mismatch = project != project_id
        else:
            sent = call.headers.get("x-project-id", project_id)
            mismatch = sent != project_id or self.identity.project_name_of(project_id) is None
        if mismatch:
            raise ServiceError(
                codes.OTHER_PROJECT,
                f"The project id {project_id} is not the one of the credentials.",
                http=403,
            )

    def _check_token(self, text: str) -> str | None:
        with self._database.reading() as sql:
            row = sql.execute(
                "SELECT project_id, expires FROM tokens WHERE digest = ?", (_digest(text),)
            ).fetchone()
        if row is None or row["expires"] <= self._clock.now():
            raise GatewayError(codes.NOT_AUTHENTICATED, f"{_PREFIX}decrypt token fail")
        project: str | None = row["project_id"]
        return project

    def _check_signature(self, call: Call) -> None:
        sent = signing.parse_authorization(call.headers["authorization"])
        if sent is None:
            raise GatewayError(
                codes.NOT_AUTHENTICATED, f"{_PREFIX}authorization header is malformed"
            )
        identity = self.identity
        if sent.access_key != identity.access_key:
            raise GatewayError(
                codes.NOT_AUTHENTICATED,
                f"{_PREFIX}Get secretKey failed,ak:{sent.access_key},err:ak not exist",
            )
        missing = {"host", "x-sdk-date"} - {name.lower() for name in sent.signed_headers}
        unsent = {name.lower() for name in sent.signed_headers} - set(call.headers)
        if missing or unsent:
            names = ",".join(sorted(missing | unsent))
            raise GatewayError(
                codes.NOT_AUTHENTICATED,
                f"{_PREFIX}verify aksk signature fail, header not signed or not sent:{names}",
            )
        self._check_date(call.headers["x-sdk-date"])
        canonical = signing.canonical_request(
            call.method, call.raw_path, call.raw_query, call.headers, sent.signed_headers, call.body
        )
        expected = signing.expected_signature(
            canonical, call.headers["x-sdk-date"], identity.secret_key
        )
        if not _same(sent.signature, expected):
            shown = canonical.replace("\n", "|")
            raise GatewayError(
                codes.NOT_AUTHENTICATED,
                f"{_PREFIX}verify aksk signature fail, canonicalRequest:{shown}",
            )
        if call.headers.get("x-security-token") != identity.security_token:
            raise GatewayError(
                codes.NOT_AUTHENTICATED,
                f"{_PREFIX}the security token does not belong to ak:{sent.access_key}",
            )

    def _check_date(self, text: str) -> None:
        try:
            signed = calendar.timegm(time.strptime(text, "%Y%m%dT%H%M%SZ"))
        except ValueError as error:
            raise GatewayError(
                codes.NOT_AUTHENTICATED, f"{_PREFIX}x-sdk-date is malformed:{text}"
            ) from error
        now = self._clock.now()
        if abs(now - signed) > MAX_SKEW:
            server = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
            raise GatewayError(
                codes.NOT_AUTHENTICATED,
                f"{_PREFIX}signature expired, signature time:{text},server time:{server}",
            )


def _object(value: Any, *path: str) -> Mapping[str, Any]:
    """Walk into nested objects; a missing or other value is the caller's mistake."""
    for name in path:
        if not isinstance(value, dict) or not isinstance(value.get(name), dict):
            raise IamError(400, f"Expecting to find {name} in the request body, an object.")
        value = value[name]
    found: Mapping[str, Any] = value
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
