"""Fixtures of the emulator's own tests: a running emulator and a caller that speaks plain HTTP."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_modelarts.emulator import Emulator, Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
# Given, so that the signing function below has them by default; tests of the random ones start without.
KEYS = Identity(access_key="TESTACCESSKEY", secret_key="test-secret-key", password="test-password")
CODE = {
    "worker_server_num": 1,
    "app_url": "/bucket/code/",
    "boot_file_url": "/bucket/code/train.py",
    "engine_id": 1,
    "spec_id": 1,
    "data_url": "/bucket/data/",
    "train_url": "/bucket/out/",
    "log_url": "/bucket/log/",
}


class Caller:
    """Calls an emulator with a token, or with whatever headers a test gives."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.session = requests.Session()
        self.session.trust_env = False
        self._token = ""

    @property
    def project(self) -> str:
        """Return the path prefix of the main project."""
        return f"/v1/{self.emulator.identity.project_id}"

    def token_headers(self) -> dict[str, str]:
        """Return headers with a token that is renewed after a reset."""
        self._token = self._token or self.emulator.issue_token()
        return {"X-Auth-Token": self._token}

    def forget_token(self) -> None:
        """Get another token for the next call."""
        self._token = ""

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        """Send one request; ``path`` starts behind the project unless it names a version or the control calls."""
        where = path if path.startswith(("/v1/", "/v3/", "/_")) else f"{self.project}{path}"
        content = data if body is None else json.dumps(body).encode()
        given = self.token_headers() if headers is None else headers
        if path.startswith("/_emulator/"):
            given = {"X-Emulator-Token": self.emulator.identity.emulator_token, **given}
        return self.session.request(
            method,
            self.emulator.url + where,
            data=content,
            headers={"Content-Type": "application/json", **given},
            timeout=20,
        )

    def create(self, name: str = "job", config: dict[str, Any] | None = None) -> tuple[int, int]:
        """Create a job with own code and return its ids."""
        body = {"job_name": name, "config": {**CODE, **(config or {})}}
        reply = self.call("POST", "/training-jobs", body).json()
        assert reply["is_success"], reply
        return int(reply["job_id"]), int(reply["version_id"])

    def create_version(self, job_id: int, previous: int, **config: Any) -> int:
        """Create a version and return its id."""
        body = {"config": {**CODE, "pre_version_id": previous, **config}}
        reply = self.call("POST", f"/training-jobs/{job_id}/versions", body).json()
        assert reply["is_success"], reply
        return int(reply["version_id"])

    def detail(self, job_id: int, version_id: int) -> dict[str, Any]:
        """Read one version."""
        reply = self.call("GET", f"/training-jobs/{job_id}/versions/{version_id}")
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def write_code(self, text: str) -> Path:
        """Put a boot file into the storage."""
        folder: Path = self.emulator.storage / "bucket" / "code"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "train.py").write_text(text, encoding="utf-8")
        return folder

    def logs(self) -> dict[str, str]:
        """Return the log files by name."""
        folder = self.emulator.storage / "bucket" / "log"
        return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}

    def wait(self, job_id: int, version_id: int, *statuses: int) -> dict[str, Any]:
        """Read a version until it has one of the statuses."""
        deadline = time.monotonic() + 20
        while True:
            found = self.detail(job_id, version_id)
            if found["status"] in statuses:
                return found
            assert time.monotonic() < deadline, f"still {found['status']}"
            assert found["status"] < 10, f"ended in {found['status']}"
            time.sleep(0.02)


def sign(
    method: str,
    url: str,
    body: bytes = b"",
    access_key: str = KEYS.access_key,
    secret_key: str = KEYS.secret_key,
    headers: dict[str, str] | None = None,
    *,
    at: float | None = None,
    names: tuple[str, ...] | None = None,
) -> dict[str, str]:
    """Sign a request without escapes in path and query; returns all headers to send."""
    parts = urlsplit(url)
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    signed = {"host": parts.netloc, "x-sdk-date": date}
    signed |= {name.lower(): value for name, value in (headers or {}).items()}
    chosen = sorted(signed) if names is None else sorted(names)
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    lines = "".join(f"{name}:{signed.get(name, '')}\n" for name in chosen)
    path = parts.path if parts.path.endswith("/") else parts.path + "/"
    digest = hashlib.sha256(body).hexdigest()
    canonical = "\n".join([method, path, query, lines, ";".join(chosen), digest])
    text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()
    authorization = (
        f"SDK-HMAC-SHA256 Access={access_key}, "
        f"SignedHeaders={';'.join(chosen)}, Signature={signature}"
    )
    return {**signed, "Authorization": authorization}


@pytest.fixture
def signer() -> Callable[..., dict[str, str]]:
    """Return the tests' own signing function."""
    return sign


@pytest.fixture
def code() -> dict[str, Any]:
    """Return a valid config with own code."""
    return copy.deepcopy(CODE)


@pytest.fixture
def sample() -> Callable[[str], Any]:
    """Return a reader of ``tests/samples``."""
    return lambda name: json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def shared() -> Iterator[Emulator]:
    """Run one emulator for all tests that start no process."""
    with Emulator(transitions={"mode": "immediate"}, identity=KEYS) as emulator:
        yield emulator


@pytest.fixture
def emulator(shared: Emulator) -> Emulator:
    """Return the shared emulator, empty."""
    shared.reset()
    return shared


@pytest.fixture
def caller(emulator: Emulator) -> Iterator[Caller]:
    """Return a caller of the shared emulator."""
    found = Caller(emulator)
    yield found
    found.session.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Caller]:
    """Return a caller of an emulator that really runs jobs, without needless delays."""
    with Emulator(storage=tmp_path / "storage", time_scale=0, grace=0.5) as emulator:
        found = Caller(emulator)
        yield found
        found.session.close()


@pytest.fixture
def new_caller() -> Iterator[Callable[[Emulator], Caller]]:
    """Return a maker of callers for emulators that a test starts itself."""
    made: list[Caller] = []

    def make(emulator: Emulator) -> Caller:
        made.append(Caller(emulator))
        return made[-1]

    yield make
    for found in made:
        found.session.close()
