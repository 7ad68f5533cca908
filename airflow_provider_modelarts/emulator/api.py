"""The emulator as a Python object, for tests and notebooks."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_modelarts.emulator import control, deletions, logs, transitions
from airflow_provider_modelarts.emulator.app import App
from airflow_provider_modelarts.emulator.core import Core
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.routes import OPERATIONS
from airflow_provider_modelarts.emulator.server import ServerThread, bind, url_of
from airflow_provider_modelarts.emulator.settings import Identity, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from airflow_provider_modelarts.emulator.recorder import RecordedRequest

AUTH_TYPES = ("aksk", "password", "token")
_IDENTITY_FIELDS = frozenset(Identity.__dataclass_fields__)


@dataclass(frozen=True)
class Version:
    """One version as the emulator knows it; times in milliseconds."""

    version_id: int
    version_name: str
    pre_version_id: int | None
    status: int
    create_time: int
    start_time: int | None
    end_time: int | None
    mode: str
    config: Mapping[str, Any]
    metrics: Mapping[str, Any] | None


@dataclass(frozen=True)
class Job:
    """One job with its versions, oldest first."""

    job_id: int
    job_name: str
    job_desc: str
    project_id: str
    workspace_id: str
    create_time: int
    versions: list[Version]


class Emulator:
    """A running emulator; use it as a context manager.

    :param storage: folder that stands for object storage; None: a temporary one.
    :param state: SQLite file to go on from; None: a temporary one, and running jobs are killed at the end.
    :param transitions: how versions change status, e.g. ``{"mode": "immediate", "status": 10}``,
        ``{"mode": "reads", "sequence": [1, 8, 10], "reads": 1}``; default ``{"mode": "run"}``.
    :param identity: account and keys; a key that it leaves empty is random, and kept in ``state``.
    :param port: TCP port, 0 for a free one.
    :param options: fields of :class:`~.settings.Identity` by themselves, e.g. ``access_key``, ``secret_key``,
        ``emulator_token``; and further fields of :class:`~.settings.Settings`, e.g. ``time_scale``,
        ``token_lifetime``, ``grace``, ``strict_catalogue=True``, ``duplicate_name="2751"``, ``log_not_ready="2818"``.
    """

    def __init__(
        self,
        storage: str | Path | None = None,
        *,
        state: str | Path | None = None,
        transitions: Mapping[str, Any] | None = None,
        identity: Identity | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        **options: Any,
    ) -> None:
        given = {name: options.pop(name) for name in _IDENTITY_FIELDS & set(options)}
        self._where = (host, port)
        self._given = (storage, state)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        # Where the state is thrown away, nobody could look after running jobs again.
        options.setdefault("stop_jobs_on_exit", state is None)
        self.settings = Settings(
            storage=Path(storage or "").absolute(),
            state=Path(state or "").absolute(),
            identity=replace(identity or Identity(), **given),
            transitions=dict(transitions or {"mode": "run"}),
            **options,
        )
        self._server: ServerThread | None = None
        self._core: Core | None = None
        self._url = ""

    # ------------------------------------------------------------- lifecycle
    def start(self) -> Self:
        """Start answering; :raises EmulatorError: when the port or the state file is taken."""
        if self._core is not None:
            message = "the emulator runs already"
            raise EmulatorError(message)
        listener = bind(*self._where)
        try:
            self._make_scratch()
            self._core = Core(self.settings, OPERATIONS)
        except BaseException:  # whatever ended the start, Ctrl-C included, leaves nothing open
            listener.close()
            self._drop_scratch()
            raise
        self.settings = replace(self.settings, identity=self._core.settings.identity)
        self._url = url_of(listener)
        self._server = ServerThread(App(self._core), listener)
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop answering; the object may be started again."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._core is not None:
            self._core.close(stop_jobs=self.settings.stop_jobs_on_exit)
            self._core = None
        self._drop_scratch()

    def _make_scratch(self) -> None:
        storage, state = self._given
        if storage is not None and state is not None:
            return
        self._scratch = tempfile.TemporaryDirectory(
            prefix="modelarts-emulator-", ignore_cleanup_errors=True
        )
        scratch = Path(self._scratch.name)
        self.settings = replace(
            self.settings,
            storage=self.settings.storage if storage is not None else scratch / "storage",
            state=self.settings.state if state is not None else scratch / "state.sqlite",
        )

    def _drop_scratch(self) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def core(self) -> Core:
        """Return the parts behind the HTTP shell."""
        if self._core is None:
            message = "the emulator is not running: use it in a with block or call start()"
            raise EmulatorError(message)
        return self._core

    @property
    def url(self) -> str:
        """Return the base URL, for ModelArts and IAM alike."""
        if self._core is None:
            message = "the emulator is not running: use it in a with block or call start()"
            raise EmulatorError(message)
        return self._url

    @property
    def storage(self) -> Path:
        """Return the folder that stands for object storage."""
        return self.settings.storage

    @property
    def identity(self) -> Identity:
        """Return account and keys; before the first start, without those that are made then."""
        return self.settings.identity

    # --------------------------------------------------------------- control
    def reset(self) -> None:
        """Forget all that was made, ordered or recorded, the clock's shift included."""
        self.core.reset()

    def set_transitions(self, mode: str, **setting: Any) -> None:
        """Set how versions created from now on change status."""
        self.core.service.transitions.current = transitions.parse({"mode": mode, **setting})

    def set_status(self, job_id: int | str, version_id: int | str, status: int) -> None:
        """Force a version's status at once."""
        self.core.service.set_status(int(job_id), int(version_id), status)

    def set_deletions(self, delay: float = 0.0, *, fails: bool = False) -> None:
        """Set how deletions asked for from now on go: seconds until they take effect, or end in status 6."""
        self.core.deletions.setting = deletions.parse({"delay": delay, "fails": fails})

    def add_log_lines(
        self, job_id: int | str, version_id: int | str, lines: Sequence[str], worker: int = 0
    ) -> None:
        """Write to a version's log as its run would."""
        version = self.core.service.any_version(int(job_id), int(version_id))
        logs.add_lines(self.core, version, lines, worker)

    def inject(self, operation: str, kind: str, **order: Any) -> None:
        """Order a fault, see :class:`~.faults.Fault`."""
        self.core.faults.add({"operation": operation, "kind": kind, **order})

    def clear_faults(self) -> None:
        """Drop every ordered fault."""
        self.core.faults.clear()

    def requests(self, operation: str | None = None) -> list[RecordedRequest]:
        """Return the recorded requests, all or those of one operation, oldest first."""
        return self.core.recorder.all(operation)

    def clear_requests(self) -> None:
        """Forget the recorded requests."""
        self.core.recorder.clear()

    def jobs(self) -> list[Job]:
        """Return every job with its versions; does not count as a read."""
        return [
            Job(**{**job, "versions": [Version(**version) for version in job["versions"]]})
            for job in control.jobs(self.core)
        ]

    def add_jobs(self, n: int, status: int = 10, **where: str) -> list[tuple[int, int]]:
        """Add n jobs that never ran; returns job and version ids. ``where``: prefix, workspace_id, project_id."""
        return self.core.service.add_jobs(n, status, **where)

    def add_visualization_jobs(
        self, n: int, status: int = 8, prefix: str = "job", workspace_id: str = "0"
    ) -> list[int]:
        """Add n visualization jobs that stay in one status; returns their ids."""
        project_id = self.identity.project_id
        return self.core.visualizations.add(n, status, prefix, workspace_id, project_id)

    def set_visualization_status(self, job_id: int | str, status: int) -> None:
        """Force a visualization job's status."""
        self.core.visualizations.set_status(int(job_id), status)

    def expire_tokens(self) -> None:
        """Make every token issued so far invalid."""
        self.core.iam.expire_tokens()

    def rotate(self, *, secret_key: str, password: str) -> None:
        """Replace the keys, as when credentials are rotated; :meth:`connection` has the new ones.

        Tokens that were issued stay good, see :meth:`expire_tokens`.
        """
        identity = replace(self.identity, secret_key=secret_key, password=password)
        self.settings = replace(self.settings, identity=identity)
        self.core.iam.identity = identity

    def shift_clock(self, seconds: float) -> None:
        """Move the server's clock."""
        self.core.clock.shift(seconds)

    def issue_token(self) -> str:
        """Return a fresh token for the main project."""
        identity = self.identity
        user = {
            "name": identity.user,
            "password": identity.password,
            "domain": {"name": identity.domain},
        }
        login = {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": identity.project_id}},
        }
        return self.core.iam.login({"auth": login}, catalog_url=None).text

    def connection(self, auth_type: str = "aksk") -> dict[str, Any]:
        """Return an Airflow connection to this emulator, as plain data."""
        return connection(
            self.url, self.identity, auth_type, self.issue_token if auth_type == "token" else None
        )

    def connection_json(self, auth_type: str = "aksk") -> str:
        """Return the same as text, for ``AIRFLOW_CONN_MODELARTS_DEFAULT``."""
        return json.dumps(self.connection(auth_type))


def connection(
    url: str, identity: Identity, auth_type: str, issue_token: Any = None
) -> dict[str, Any]:
    """Return an Airflow connection of type ``modelarts`` to an emulator at ``url``."""
    if auth_type not in AUTH_TYPES:
        message = f"auth_type {auth_type!r} is not one of {', '.join(AUTH_TYPES)}"
        raise EmulatorError(message)
    region = identity.project_name.split("_", 1)[0]
    extra: dict[str, Any] = {
        "auth_type": auth_type,
        "project_id": identity.project_id,
        "region": region,
        # For calls below /_emulator/ alone; the client sends it nowhere.
        "emulator_token": identity.emulator_token,
    }
    login: str | None = None
    if auth_type == "aksk":
        login, password = identity.access_key, identity.secret_key
        if identity.security_token is not None:
            extra["security_token"] = identity.security_token
    elif auth_type == "password":
        login, password = identity.user, identity.password
        extra |= {"domain_name": identity.domain, "iam_endpoint": url}
    else:
        password = issue_token()
    return {
        "conn_type": "modelarts",
        "host": url,
        "login": login,
        "password": password,
        "extra": extra,
    }
