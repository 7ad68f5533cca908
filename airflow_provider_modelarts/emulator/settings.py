"""What can be set when an emulator starts: who may call it and how it behaves."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_PORT = 8474


RANDOM_KEYS = ("access_key", "secret_key", "password", "emulator_token")
"""Fields of :class:`Identity` that a start fills in at random where they are left empty."""


@dataclass(frozen=True)
class Identity:
    """The one account the emulator knows, and the token for its control calls.

    The keys allow running code on this machine, so they are random unless they are given: a key that is
    left empty is made at the start, and kept in the state file for the next one.

    :param security_token: makes the access key a temporary one: the token must then be sent.
    :param other_projects: further projects of the account, name to id.
    :param emulator_token: what calls below ``/_emulator/`` show in the header ``X-Emulator-Token``.
    """

    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    security_token: str | None = field(default=None, repr=False)
    user: str = "emulator-user"
    password: str = field(default="", repr=False)
    domain: str = "emulator-domain"
    domain_id: str = "fedcba9876543210fedcba9876543210"
    project_id: str = "0123456789abcdef0123456789abcdef"
    project_name: str = "eu-de"
    other_projects: Mapping[str, str] = field(default_factory=dict)
    emulator_token: str = field(default="", repr=False)

    @property
    def projects(self) -> dict[str, str]:
        """Return all projects, name to id, the main one first."""
        return {self.project_name: self.project_id, **self.other_projects}

    def project_name_of(self, project_id: str) -> str | None:
        """Return the name of a project, or None when the account has no such project."""
        return next((name for name, known in self.projects.items() if known == project_id), None)


@dataclass(frozen=True)
class Settings:
    """How one emulator behaves.

    :param storage: folder that stands for object storage: ``/bucket/key`` is ``storage/bucket/key``.
    :param state: SQLite file; run folders lie beside it in ``<state>.runs``.
    :param transitions: how versions change status, see :mod:`.transitions`.
    :param time_scale: factor for every delay of the emulator (0: none).
    :param python: interpreter for boot files.
    :param max_running: how many versions run at a time; more wait in status 7.
    :param max_workers: largest ``worker_server_num`` of a version that is really run.
    :param grace: seconds between SIGTERM and SIGKILL of a stopped job.
    :param duplicate_name: answer to a taken name: ``0103`` (HTTP 200) or ``2751`` (HTTP 400).
    :param stop_in_final_state: answer to stopping an ended version: ``0105`` (HTTP 200) or ``2796`` (HTTP 409);
        with it goes 2813 for restarting a visualization job that has not ended.
    :param strict_catalogue: refuse flavors, engines and algorithms that :mod:`.catalogue` does not have.
    :param log_not_ready: answer about a log nothing was written to yet: ``204`` (no body) or ``2818`` (HTTP 400).
    :param base_line_inclusive: repeat the line of the cursor that a caller continues from.
    :param clean_up_logs: a version without ``log_url`` loses its logs when it ends (2819).
    """

    storage: Path
    state: Path
    identity: Identity = field(default_factory=Identity)
    transitions: Mapping[str, Any] = field(default_factory=lambda: {"mode": "run"})
    time_scale: float = 1.0
    python: str = sys.executable
    max_running: int = max(4, 2 * (os.cpu_count() or 1))
    max_workers: int = 16
    grace: float = 5.0
    init_delay: float = 0.2
    wait_delay: float = 0.3
    token_lifetime: float = 24 * 3600.0
    duplicate_name: str = "0103"
    stop_in_final_state: str = "0105"
    strict_catalogue: bool = False
    log_not_ready: str = "204"
    base_line_inclusive: bool = False
    clean_up_logs: bool = False
    stop_jobs_on_exit: bool = False

    @property
    def runs(self) -> Path:
        """Return the folder that holds one folder per really run version."""
        return self.state.with_name(self.state.name + ".runs")
