"""The few calls of Airflow's REST API that the harness makes, on the standard library alone."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.processes import DemoError

if TYPE_CHECKING:
    from collections.abc import Mapping

FINAL_RUN_STATES = frozenset({"success", "failed"})
_TIMEOUT = 60.0  # the first call after a start waits while the server builds its routes


class ApiError(DemoError):
    """Airflow refused a call; ``status`` is the HTTP status."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path} answered {status}: {body[:500]}")
        self.status = status


class NotReachableError(DemoError):
    """Nobody answered: the API server is not up, or not any more."""


@dataclass(frozen=True)
class TaskState:
    """One task instance as the API shows it."""

    task_id: str
    state: str
    try_number: int
    map_index: int


class AirflowApi:
    """One logged-in user of one API server."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._user = user
        self._password = password
        self._token: str | None = None
        # The environment's proxies must never see loopback calls.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def health(self) -> dict[str, str]:
        """Return component -> status; ``healthy`` is the good one."""
        body = self.get_open("/api/v2/monitor/health")
        return {name: str((part or {}).get("status")) for name, part in body.items()}

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG processor has stored this DAG."""
        try:
            self.call("GET", f"/api/v2/dags/{_quote(dag_id)}")
        except ApiError as error:
            if error.status == http.client.NOT_FOUND:
                return False
            raise
        return True

    def import_errors(self) -> dict[str, str]:
        """Return DAG file -> stack trace of what could not be imported."""
        rows = self.call("GET", "/api/v2/importErrors")["import_errors"]
        return {str(row["filename"]): str(row["stack_trace"]) for row in rows}

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run and return its id.

        The run is made before the DAG is unpaused: a scheduled run that Airflow adds on unpausing then queues behind
        this one and not in front of it.
        """
        path = f"/api/v2/dags/{_quote(dag_id)}"
        run = self.call("POST", f"{path}/dagRuns", {"logical_date": None, "conf": dict(conf or {})})
        self.call("PATCH", path, {"is_paused": False})
        return str(run["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return ``queued``, ``running``, ``success`` or ``failed``."""
        return str(self.call("GET", _run_path(dag_id, run_id))["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the task instances of a run in the order in which they started, the unstarted last."""
        rows = self.call("GET", f"{_run_path(dag_id, run_id)}/taskInstances?limit=100")[
            "task_instances"
        ]
        rows.sort(key=lambda row: (row["start_date"] is None, row["start_date"] or ""))
        return [
            TaskState(
                row["task_id"],
                str(row["state"] or "none"),
                int(row["try_number"]),
                int(row["map_index"]),
            )
            for row in rows
        ]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return what a task handed on, None where it handed on nothing."""
        path = (
            f"{_run_path(dag_id, run_id)}/taskInstances/{_quote(task_id)}/xcomEntries/{_quote(key)}"
        )
        try:
            value = self.call("GET", path)["value"]
        except ApiError as error:
            if error.status == http.client.NOT_FOUND:
                return None
            raise
        return json.loads(value) if isinstance(value, str) and value[:1] in '{["' else value

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[str]:
        """Return the lines of a task's log."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_quote(task_id)}/logs/{try_number}?full_content=true"
        content = self.call("GET", path)["content"]
        return [line for entry in content for line in _log_lines(entry)]

    def get_open(self, path: str) -> Any:
        """GET what needs no login."""
        return self._send("GET", path, None, {})

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send one call as the logged-in user; a token that has run out is renewed once."""
        for _ in range(2):
            if self._token is None:
                login = {"username": self._user, "password": self._password}
                self._token = self._send("POST", "/auth/token", login, {})["access_token"]
            try:
                return self._send(method, path, body, {"Authorization": f"Bearer {self._token}"})
            except ApiError as error:
                if error.status != http.client.UNAUTHORIZED:
                    raise
                self._token = None
        message = f"Airflow at {self.url} does not accept its own token"
        raise DemoError(message)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)  # noqa: S310 - always http
        for name, value in {
            "Accept": "application/json",
            "Content-Type": "application/json",
            **headers,
        }.items():
            request.add_header(name, value)
        try:
            with self._opener.open(request, timeout=_TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ApiError(
                method, path, error.code, error.read().decode(errors="replace")
            ) from error
        except (OSError, http.client.HTTPException) as error:
            message = f"{method} {self.url}{path}: {error}"
            raise NotReachableError(message) from error


def _quote(part: str) -> str:
    return urllib.parse.quote(part, safe="")


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{_quote(dag_id)}/dagRuns/{_quote(run_id)}"


def _log_lines(entry: Any) -> list[str]:
    """Flatten one structured log entry, error details with their frames included."""
    if not isinstance(entry, dict):
        return str(entry).splitlines()
    lines = [str(entry.get("event", "")).rstrip()]
    for detail in entry.get("error_detail") or ():
        frames = detail.get("frames") or ()
        lines += [
            f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}'
            for frame in frames
        ]
        lines.append(f"  {detail.get('exc_type')}: {detail.get('exc_value')}")
    return lines
