"""What one run looks like: command, folders, log, environment; checks and files, no processes."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import codes
from airflow_provider_modelarts.emulator.errors import ServiceError
from airflow_provider_modelarts.emulator.storage import (
    PathRefusedError,
    Storage,
    is_log,
    log_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from airflow_provider_modelarts.emulator.settings import Settings

# Nothing else of the emulator's environment reaches the training code: it may hold secrets.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
)
METRICS_FILE = "metrics.json"
METRICS_LIMIT = 1024 * 1024


class Launch:
    """Turns configs into what a supervisor runs."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        self.settings = settings
        self.storage = storage

    @staticmethod
    def has_code(config: Mapping[str, Any]) -> bool:
        """Return whether there is a boot file to run; built-in algorithms and bare images have none here."""
        return (
            "boot_file_url" in config
            and "model_id" not in config
            and "user_image_url" not in config
        )

    def check(self, config: Mapping[str, Any]) -> None:
        """Refuse what cannot be run, as the service does; :raises ServiceError: naming the field."""
        for field in ("data_url", "train_url", "log_url"):
            if field in config:
                self._local(config[field], f"config.{field}", codes.OBS_PATH)
        for source in config.get("data_source", []):
            if "data_url" in source:
                self._local(source["data_url"], "config.data_source", codes.OBS_PATH)
        if not self.has_code(config):
            return
        folder = self._local(config["app_url"], "config.app_url", codes.CODE_FOLDER)
        if not folder.is_dir():
            raise ServiceError(
                codes.CODE_FOLDER,
                f"config.app_url: the code folder {config['app_url']} does not exist",
            )
        boot = self._boot_file(config)
        if not boot.is_file():
            raise ServiceError(
                codes.BOOT_FILE,
                f"config.boot_file_url: the boot file {config['boot_file_url']} does not exist",
            )
        most = self.settings.max_workers
        if config["worker_server_num"] > most:
            raise ServiceError(
                codes.TOO_MANY_WORKERS, f"config.worker_server_num: the flavor allows up to {most}"
            )

    def _boot_file(self, config: Mapping[str, Any]) -> Path:
        """Return the boot file; :raises ServiceError: when it lies outside, or is a log."""
        boot = self._local(config["boot_file_url"], "config.boot_file_url", codes.BOOT_FILE)
        if is_log(boot):
            raise ServiceError(
                codes.BOOT_FILE,
                f"config.boot_file_url: {config['boot_file_url']} has the name of a training's log, "
                "and logs are never run: give the boot file another name",
            )
        return boot

    def _local(self, path: str, field: str, code: str) -> Path:
        try:
            return self.storage.local(path)
        except PathRefusedError as error:
            raise ServiceError(code, f"{field}: {error}") from error

    def log_files(
        self, config: Mapping[str, Any], job_id: int, version_id: int, run: Path
    ) -> list[Path]:
        """Return one log file per worker, below ``log_url`` or in the run folder.

        :raises PathRefusedError: when ``log_url`` leads out of the storage.
        """
        folder = self.storage.local(config["log_url"]) if "log_url" in config else run
        # A version that does not run may name any number of workers.
        workers = (
            min(config["worker_server_num"], self.settings.max_workers)
            if self.has_code(config)
            else 1
        )
        return [folder / log_name(job_id, version_id, index) for index in range(workers)]

    def prepare(
        self, config: Mapping[str, Any], job_id: int, version_id: int, run: Path
    ) -> dict[str, Any]:
        """Make the folders and return the supervisor's spec.

        :raises PathRefusedError: when a path leads out of the storage by now.
        :raises ServiceError: when the boot file leads to a log by now.
        :raises OSError: when a folder cannot be made.
        """
        boot, folder = self._boot_file(config), self.storage.local(config["app_url"])
        arguments = self._arguments(config)
        logs = self.log_files(config, job_id, version_id, run)
        logs[0].parent.mkdir(parents=True, exist_ok=True)
        workers = []
        for index, log in enumerate(logs):
            extra = [f"--worker_index={index}"] if len(logs) > 1 else []
            command = [self.settings.python, str(boot), *arguments, *extra]
            workers.append({"command": command, "log": str(log)})
        return {
            "workers": workers,
            "cwd": str(folder),
            "env": environment(),
            "grace": self.settings.grace,
        }

    def _arguments(self, config: Mapping[str, Any]) -> list[str]:
        arguments = []
        sources = [
            source["data_url"] for source in config.get("data_source", []) if "data_url" in source
        ]
        data = config.get("data_url") or next(iter(sources), None)
        if data:
            arguments.append(f"--data_url={self.storage.local(data)}")
        if "train_url" in config:
            output = self.storage.local(config["train_url"])
            output.mkdir(parents=True, exist_ok=True)
            arguments.append(f"--train_url={output}")
        arguments.extend(
            f"--{item['label']}={item['value']}" for item in config.get("parameter", [])
        )
        return arguments

    def metrics(self, config: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what the training left in ``metrics.json`` of its output folder, if that is an object."""
        if "train_url" not in config:
            return None
        try:
            path = self.storage.local(config["train_url"].rstrip("/") + "/" + METRICS_FILE)
            if not path.is_file() or path.stat().st_size > METRICS_LIMIT:
                return None
            found = json.loads(path.read_text(encoding="utf-8"))
        except (PathRefusedError, OSError, ValueError, RecursionError):
            # The user's file is no business of the service: a broken one only shows no metrics.
            return None
        return _numbers(found) if isinstance(found, dict) else None


def _numbers(found: dict[str, Any]) -> dict[str, Any]:
    """Keep what the vendor's metrics can hold: finite numbers and texts."""
    return {
        str(name): value
        for name, value in found.items()
        # Comparing copes with whole numbers that no float holds.
        if isinstance(value, str) or (isinstance(value, int | float) and abs(value) < math.inf)
    }


def environment() -> dict[str, str]:
    """Return the environment of the training code."""
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # The code folder stands for object storage: no cache files there.
    return {**passed, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
