"""Airflow 2.11: its processes, its settings and its API."""

from __future__ import annotations

import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any, ClassVar

from demo.airflow_api import AirflowApi, ApiError, run_path, send
from demo.generation import Generation
from demo.settings import USER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from email.message import Message
    from pathlib import Path

    from demo.settings import Credentials, Settings


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Every form is answered by a redirect to a page that nobody here looks at."""

    def redirect_request(self, *_: Any) -> None:
        """Do not follow."""


class Airflow2Api(AirflowApi):
    """Version 1 of the API, with the session of a user who has logged in to the web interface."""

    prefix = "/api/v1"
    health_path = "/api/v1/health"
    new_state: ClassVar[Mapping[str, Any]] = {"dry_run": False}

    def login(self) -> Mapping[str, str]:
        """Return the cookie of a new session."""
        headers = self._submit("/login/", {"username": self._user, "password": self._password}, {})
        cookies = headers.get_all("Set-Cookie") or []
        return {"Cookie": "; ".join(cookie.partition(";")[0] for cookie in cookies)}

    def clear(self, dag_id: str, run_id: str, task_id: str, indexes: Collection[int]) -> None:
        """Press the button itself: this API cannot name one of several mapped instances."""
        date = self.call("GET", run_path(dag_id, run_id))["logical_date"]
        for index in indexes:
            form = {"dag_id": dag_id, "task_id": task_id, "map_index": index}
            self._submit(
                "/clear",
                {**form, "execution_date": date, "confirmed": "true", "only_failed": "false"},
                self._login_headers or {},
            )

    def _submit(self, path: str, form: Mapping[str, Any], headers: Mapping[str, str]) -> Message:
        """Send a form and return the headers of the redirect that answers it."""
        data = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.url + path, data, dict(headers))  # noqa: S310 - always http
        try:
            return send(request, _NoRedirect())[0]
        except ApiError as error:
            if error.status not in {302, 303}:
                raise
            return error.headers


class Airflow2(Generation):
    """Airflow 2.11."""

    web = "webserver"
    api = Airflow2Api
    components = (
        "scheduler",
        "triggerer",
        web,
    )  # on SQLite the scheduler has to parse the DAGs itself
    in_titles = "dag_id || ' ' || task_id || ' ' || run_id"

    def settings(self, home: Path, port: int, credentials: Credentials) -> Settings:
        """Return what Airflow 3 does not know."""
        return {
            ("core", "executor"): "SequentialExecutor",  # the only one that it allows on SQLite
            ("api", "auth_backends"): "airflow.api.auth.backend.session",
            ("webserver", "config_file"): str(home / "webserver_config.py"),
            ("webserver", "web_server_host"): "127.0.0.1",
            ("webserver", "web_server_port"): str(port),
            ("webserver", "web_server_master_timeout"): "300",
            ("webserver", "workers"): "1",
            ("webserver", "secret_key"): credentials.session_key,
            ("scheduler", "dag_dir_list_interval"): "10",
            ("scheduler", "min_file_process_interval"): "10",
            ("scheduler", "parsing_processes"): "1",
        }

    def prepare(self, home: Path, credentials: Credentials) -> Sequence[Sequence[str]]:
        """Have the user made, and forms taken without the token of the page that would show them."""
        (home / "webserver_config.py").write_text("WTF_CSRF_ENABLED = False\n", encoding="utf-8")
        names = ("--firstname", "The", "--lastname", "Admin", "--email", "admin@example.com")
        login = ("--username", USER, "--password", credentials.password, "--role", "Admin")
        return [("users", "create", *login, *names)]
