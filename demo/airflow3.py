"""Airflow 3: its processes, its settings and its API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from demo.airflow_api import AirflowApi, send_json
from demo.generation import Generation
from demo.settings import USER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from demo.settings import Credentials, Settings


class Airflow3Api(AirflowApi):
    """Version 2 of the API, with a token."""

    prefix = "/api/v2"
    health_path = "/api/v2/monitor/health"
    new_run: ClassVar[Mapping[str, Any]] = {"logical_date": None}

    def login(self) -> Mapping[str, str]:
        """Return a token."""
        body = {"username": self._user, "password": self._password}
        token = send_json("POST", f"{self.url}/auth/token", body)["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def clear(self, dag_id: str, run_id: str, task_id: str, indexes: Collection[int]) -> None:
        """Clear mapped instances of a task, as the button does."""
        self.call(
            "POST",
            f"/dags/{dag_id}/clearTaskInstances",
            {
                "dry_run": False,
                "dag_run_id": run_id,
                "task_ids": [[task_id, index] for index in indexes],
                "only_failed": False,
                "only_running": False,
                "reset_dag_runs": True,
            },
        )


class Airflow3(Generation):
    """Airflow 3."""

    web = "api-server"
    api = Airflow3Api
    components = ("scheduler", "dag-processor", "triggerer", web)
    in_titles = "id"

    def settings(self, home: Path, port: int, credentials: Credentials) -> Settings:
        """Return what Airflow 2 does not know."""
        url = f"http://127.0.0.1:{port}"
        return {
            ("core", "execution_api_server_url"): f"{url}/execution/",
            ("core", "simple_auth_manager_users"): f"{USER}:admin",
            ("core", "simple_auth_manager_passwords_file"): str(home / "passwords.json"),
            ("api", "base_url"): url,
            ("api", "host"): "127.0.0.1",
            ("api", "port"): str(port),
            ("api", "workers"): "1",
            ("api", "secret_key"): credentials.session_key,
            ("api_auth", "jwt_secret"): credentials.jwt_secret,
            # A worker tells its end up to this many seconds late; a trigger that fires sooner fails its task
            # (Airflow issue 66374).
            ("workers", "min_heartbeat_interval"): "1",
            ("dag_processor", "refresh_interval"): "10",
            ("dag_processor", "min_file_process_interval"): "10",
            ("dag_processor", "parsing_processes"): "1",
        }

    def prepare(self, home: Path, credentials: Credentials) -> Sequence[Sequence[str]]:
        """Fix the login beforehand."""
        credentials.write_password_file(home / "passwords.json")
        return []
