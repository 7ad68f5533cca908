"""The few calls of Airflow's REST API that the harness makes, on the standard library alone.

What Airflow 2 and 3 have in common; :mod:`demo.airflow2` and :mod:`demo.airflow3` add what differs.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from demo.processes import DemoError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from email.message import Message

FINAL_RUN_STATES = frozenset({"success", "failed"})
_TIMEOUT = 60.0  # the first call after a start waits while the server builds its routes


class ApiError(DemoError):
    """Airflow refused a call, or sent it elsewhere; ``status`` is the HTTP status."""

    def __init__(self, method: str, url: str, status: int, body: str, headers: Message) -> None:
        super().__init__(f"{method} {url} answered {status}: {body[:500]}")
        self.status = status
        self.headers = headers


class NotReachableError(DemoError):
    """Nobody answered: the API server is not up, or not any more."""


@dataclass(frozen=True)
class TaskState:
    """One task instance as the API shows it."""

    task_id: str
    state: str
    try_number: int
    map_index: int


class AirflowApi(ABC):
    """One logged-in user of one API server."""

    prefix: ClassVar[str]
    """Before the paths of the API."""
    health_path: ClassVar[str]
    new_run: ClassVar[Mapping[str, Any]] = {}
    """Sent with every new run."""
    new_state: ClassVar[Mapping[str, Any]] = {}
    """Sent with every mark."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._user = user
        self._password = password
        self._login_headers: Mapping[str, str] | None = None

    @abstractmethod
    def login(self) -> Mapping[str, str]:
        """Return the headers that show who is calling."""

    @abstractmethod
    def clear(self, dag_id: str, run_id: str, task_id: str, indexes: Collection[int]) -> None:
        """Clear mapped instances of a task, as the button does."""

    def health(self) -> dict[str, str]:
        """Return component -> status; ``healthy`` is the good one."""
        body = get_json(self.url + self.health_path)
        return {name: str((part or {}).get("status")) for name, part in body.items()}

    def has_dag(self, dag_id: str) -> bool:
        """Whether the DAG processor has stored this DAG."""
        try:
            self.call("GET", f"/dags/{quote(dag_id)}")
        except ApiError as error:
            if error.status == http.client.NOT_FOUND:
                return False
            raise
        return True

    def import_errors(self) -> dict[str, str]:
        """Return DAG file -> stack trace of what could not be imported."""
        rows = self.call("GET", "/importErrors")["import_errors"]
        return {str(row["filename"]): str(row["stack_trace"]) for row in rows}

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run and return its id.

        The run is made before the DAG is unpaused: a scheduled run that Airflow adds on unpausing then queues behind
        this one and not in front of it.
        """
        path = f"/dags/{quote(dag_id)}"
        run = self.call("POST", f"{path}/dagRuns", {**self.new_run, "conf": dict(conf or {})})
        self.call("PATCH", path, {"is_paused": False})
        return str(run["dag_run_id"])

    def pause(self, dag_id: str, *, paused: bool = True) -> None:
        """Stop or resume the scheduling of a DAG."""
        self.call("PATCH", f"/dags/{quote(dag_id)}", {"is_paused": paused})

    def set_slots(self, pool: str, slots: int) -> None:
        """Change the size of a pool."""
        path = f"/pools/{quote(pool)}?update_mask=slots"
        self.call("PATCH", path, {"slots": slots})

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return ``queued``, ``running``, ``success`` or ``failed``."""
        return str(self.call("GET", run_path(dag_id, run_id))["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """Return the task instances of a run in the order in which they started, the unstarted last."""
        rows = self.call("GET", f"{run_path(dag_id, run_id)}/taskInstances?limit=100")[
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

    def xcom(
        self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", index: int = -1
    ) -> Any:
        """Return what a task handed on, None where it handed on nothing.

        :param index: map index of the task instance.
        """
        path = f"{run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        try:
            value = self.call("GET", f"{path}?map_index={index}&stringify=false")["value"]
        except ApiError as error:
            if error.status == http.client.NOT_FOUND:
                return None
            raise
        return json.loads(value) if isinstance(value, str) and value[:1] in '{["' else value

    def mark(self, dag_id: str, run_id: str, task_id: str, index: int, state: str) -> None:
        """Give a mapped instance of a task this state, as a user does."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/{index}"
        self.call("PATCH", path, {**self.new_state, "new_state": state})

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int) -> list[str]:
        """Return the lines of a task's log."""
        path = f"{run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/logs/{try_number}?full_content=true"
        content = self.call("GET", path)["content"]
        return [line for entry in content for line in _log_lines(entry)]

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send one call as the logged-in user; a login that has run out is renewed once.

        :param path: below :attr:`prefix`.
        """
        for _ in range(2):
            if self._login_headers is None:
                self._login_headers = self.login()
            try:
                url = self.url + self.prefix + path
                return send_json(method, url, body, self._login_headers)
            except ApiError as error:
                if error.status != http.client.UNAUTHORIZED:
                    raise
                self._login_headers = None
        message = f"Airflow at {self.url} does not accept its own login"
        raise DemoError(message)


def get_json(url: str) -> Any:
    """GET what needs no login."""
    return send_json("GET", url)


def send_json(
    method: str,
    url: str,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """Send one call and return the JSON of its answer."""
    data = None if body is None else json.dumps(body).encode()
    wanted = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, method=method, headers=wanted)  # noqa: S310 - always http
    return json.loads(send(request)[1])


def send(
    request: urllib.request.Request, *handlers: urllib.request.BaseHandler
) -> tuple[Message, bytes]:
    """Send a request and return headers and content of its answer."""
    # The environment's proxies must never see loopback calls.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), *handlers)
    method, url = request.get_method(), request.full_url
    try:
        with opener.open(request, timeout=_TIMEOUT) as answer:
            return answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        body = error.read().decode(errors="replace")
        raise ApiError(method, url, error.code, body, error.headers) from error
    except (OSError, http.client.HTTPException) as error:
        message = f"{method} {url}: {error}"
        raise NotReachableError(message) from error


def quote(part: str) -> str:
    """Return a part of a path as it goes into a URL."""
    return urllib.parse.quote(part, safe="")


def run_path(dag_id: str, run_id: str) -> str:
    """Return the path of a DAG run."""
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"


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
