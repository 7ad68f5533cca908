"""The environment of a throw-away Airflow: every setting in one place, nothing inherited from the user's own."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from demo.processes import MARKER

if TYPE_CHECKING:
    from collections.abc import Mapping

Settings: TypeAlias = "Mapping[tuple[str, str], str]"
"""Section and option of Airflow's configuration, and its value."""

USER = "admin"


@dataclass(frozen=True)
class Credentials:
    """What protects one throw-away Airflow; made anew for each."""

    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    session_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    fernet_key: str = field(
        default_factory=lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        repr=False,
    )

    def write_password_file(self, path: Path) -> None:
        """Fix the login beforehand: Airflow would invent one and print it into a log."""
        path.touch(mode=0o600)
        path.write_text(json.dumps({USER: self.password}) + "\n", encoding="utf-8")


def connection(emulator: Mapping[str, Any], storage: Path) -> str:
    """Return connection ``modelarts_default`` as JSON.

    ``obs_root`` to ``engine_id`` are read by the example DAG alone: where its files lie and what it runs on.

    :param emulator: the connection that the emulator gave when it started.
    """
    example = {
        "obs_root": storage.resolve().as_uri(),
        "bucket": "modelarts-demo",
        "spec_id": 1,
        "engine_id": 1,
    }
    return json.dumps({**emulator, "extra": {**emulator["extra"], **example}})


def base_environment(stack_id: str) -> dict[str, str]:
    """Return the caller's environment without any Airflow setting, with loopback kept away from proxies."""
    env = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AIRFLOW_", "MODELARTS_"))
    }
    loopback = "127.0.0.1,localhost"
    for key in ("NO_PROXY", "no_proxy"):
        env[key] = ",".join(filter(None, (env.get(key), loopback)))
    env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", os.defpath)))
    env["PYTHONUNBUFFERED"] = "1"  # else the last words of a dying process are lost
    env[MARKER] = stack_id
    return env


def airflow_environment(
    home: Path, dags_folder: Path, credentials: Credentials, more: Settings
) -> Mapping[str, str]:
    """Return the settings of one Airflow that lives in ``home``.

    :param more: those that only this generation of Airflow knows.
    """
    settings = {
        ("core", "dags_folder"): str(dags_folder),
        ("core", "load_examples"): "False",
        ("core", "executor"): "LocalExecutor",
        ("core", "parallelism"): "4",  # each slot is a forked process
        ("core", "fernet_key"): credentials.fernet_key,
        ("core", "default_timezone"): "utc",
        ("core", "test_connection"): "Enabled",  # the Test button of the connection form
        ("scheduler", "scheduler_idle_sleep_time"): "0.5",
        # Unpausing a daily DAG would start a run for last midnight beside the one that was asked for.
        ("scheduler", "use_job_schedule"): "False",
        ("logging", "base_log_folder"): str(home / "logs"),
        ("usage_data_collection", "enabled"): "False",
        **more,
    }
    env = {
        f"AIRFLOW__{section}__{key}".upper(): value for (section, key), value in settings.items()
    }
    return {"AIRFLOW_HOME": str(home), **env}
