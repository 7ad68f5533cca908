"""A real Keystone: set up in a folder, served on loopback, and administered over its own API."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import requests

LIFETIME = 6
"""Seconds for which a token lives."""

LOCKED_AFTER = 3
"""Wrong passwords after which a user is locked."""

_ADMIN_PASSWORD = "password-of-the-administrator"
_CONFIG = """
[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/tokens
[fernet_receipts]
key_repository = {folder}/receipts
[token]
expiration = {lifetime}
[identity]
# The lowest there is: hashing is not what is tested.
password_hash_rounds = 4
[security_compliance]
lockout_failure_attempts = {locked_after}
[cache]
# A revoked token is refused from the next request on.
enabled = false
"""


class Keystone:
    """A running Keystone; use it as a context manager.

    :param python: interpreter of the environment that Keystone is installed in.
    :param folder: an empty folder for database, keys and logs.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self._python = python
        self._folder = folder
        self._session = requests.Session()
        self._session.trust_env = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ("", 0.0)

    def __enter__(self) -> Self:
        text = _CONFIG.format(folder=self._folder, lifetime=LIFETIME, locked_after=LOCKED_AFTER)
        (self._folder / "keystone.conf").write_text(text, encoding="utf-8")
        for name in ("tokens", "receipts"):
            (self._folder / name).mkdir(mode=0o700)
        owner = ("--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid()))
        # Each takes seconds to start, so what can be done at once is.
        with self._manage("db_sync"), self._manage("fernet_setup", *owner):
            pass
        with self._manage("bootstrap", "--bootstrap-password", _ADMIN_PASSWORD):
            pass
        number = self._listener.fileno()
        serve = [Path(__file__).with_name("serve.py"), self._folder, str(number)]
        with (self._folder / "server.log").open("wb") as output:
            self._process = subprocess.Popen(
                [self._python, *serve], pass_fds=[number], stdout=output, stderr=output
            )
        # The listening socket is the server's now: should it end, connections are refused.
        self._listener.close()
        try:
            self.call("GET", "/v3/projects")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._listener.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    @contextlib.contextmanager
    def _manage(self, command: str, *arguments: str) -> Any:
        """Start ``keystone-manage`` and, at the end of the block, see it succeed."""
        manage = [self._python, self._python.with_name("keystone-manage")]
        config = ["--config-file", self._folder / "keystone.conf"]
        with (self._folder / f"{command}.log").open("wb") as output:
            started = subprocess.Popen(
                [*manage, *config, command, *arguments], stdout=output, stderr=output
            )
            yield
            status = started.wait(120)
        said = (self._folder / f"{command}.log").read_text(encoding="utf-8")
        assert status == 0, f"keystone-manage {command}:\n{said}"

    # ---- administration

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API as the administrator and return the one object of the answer, if any."""
        headers = {"X-Auth-Token": self._admin_token()}
        answer = self._session.request(
            method, self.url + path, json=body, headers=headers, timeout=60
        )
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return next(iter(answer.json().values())) if answer.content else None

    def create(self, kind: str, **fields: Any) -> str:
        """Create a domain, project or user and return its id."""
        return str(self.call("POST", f"/v3/{kind}s", {kind: fields})["id"])

    def allow(self, user_id: str, project_id: str) -> None:
        """Give a user the role ``member`` in a project."""
        (role,) = self.call("GET", "/v3/roles?name=member")
        self.call("PUT", f"/v3/projects/{project_id}/users/{user_id}/roles/{role['id']}")

    def _admin_token(self) -> str:
        """Log in, unless there is a token with half of its life before it."""
        token, since = self._token
        if token and time.monotonic() - since < LIFETIME / 2:
            return token
        domain = {"id": "default"}
        user = {"name": "admin", "password": _ADMIN_PASSWORD, "domain": domain}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": domain}}
        answer = self._session.post(
            f"{self.url}/v3/auth/tokens",
            json={"auth": {"identity": identity, "scope": scope}},
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        self._token = (answer.headers["X-Subject-Token"], time.monotonic())
        return self._token[0]

    # ---- tokens

    def describe(self, token: str) -> dict[str, Any] | None:
        """Return what a valid token stands for, None for any other; a token may ask about itself."""
        both = {"X-Auth-Token": token, "X-Subject-Token": token}
        answer = requests.get(f"{self.url}/v3/auth/tokens", headers=both, timeout=60)
        if answer.status_code in (401, 404):
            return None
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["token"]
        return found

    def revoke(self, token: str) -> None:
        """End a token before its time."""
        both = {"X-Auth-Token": token, "X-Subject-Token": token}
        requests.delete(f"{self.url}/v3/auth/tokens", headers=both, timeout=60).raise_for_status()
        assert self.describe(token) is None

    def outlive(self, token: str) -> None:
        """Wait until a token has ended by itself."""
        deadline = time.monotonic() + 10 * LIFETIME
        while self.describe(token) is not None:
            assert time.monotonic() < deadline, "the token lives on"
            time.sleep(0.1)

    def logins(self) -> list[int]:
        """Return the HTTP status of each token request so far, the administrator's included."""
        lines = (self._folder / "requests.log").read_text(encoding="utf-8").splitlines()
        asked = [line.rsplit(" ", 1) for line in lines]
        return [int(status) for what, status in asked if what == "POST /v3/auth/tokens"]
