"""The table of routes. A new endpoint is a line here, a handler and a view."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_modelarts.emulator import control, handlers
from airflow_provider_modelarts.emulator.core import Core
from airflow_provider_modelarts.emulator.wire import Call, Reply

Handler = Callable[[Core, Call], Reply]

CONTROL_PREFIX = "/_emulator/"
_JOBS = "/v1/{project_id}/training-jobs"
_JOB = f"{_JOBS}/{{job_id}}"
_VERSION = f"{_JOB}/versions/{{version_id}}"


@dataclass(frozen=True)
class Route:
    """One endpoint; ``operation`` is its name for faults and records."""

    method: str
    path: str
    operation: str
    handler: Handler

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return the path as a pattern; one trailing slash is allowed, as in a published sample."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path) + "/?")

    def answer(self, core: Core, call: Call) -> Reply:
        """Let the handler answer; whatever belongs to a project is only for who may use that."""
        if "project_id" in call.params:
            core.iam.authorize(call, call.project_id)
        return self.handler(core, call)


API = (
    Route("POST", "/v3/auth/tokens", "iam_token", handlers.iam_token),
    Route("GET", "/v3/projects", "list_projects", handlers.list_projects),
    Route("POST", _JOBS, "create_training_job", handlers.create_training_job),
    Route("GET", _JOBS, "list_training_jobs", handlers.list_training_jobs),
    Route("PUT", _JOB, "update_training_job", handlers.update_training_job),
    Route("DELETE", _JOB, "delete_training_job", handlers.delete_training_job),
    Route("POST", f"{_JOB}/versions", "create_job_version", handlers.create_job_version),
    Route("GET", f"{_JOB}/versions", "list_job_versions", handlers.list_job_versions),
    Route("GET", _VERSION, "get_job_version", handlers.get_job_version),
    Route("DELETE", _VERSION, "delete_job_version", handlers.delete_job_version),
    Route("POST", f"{_VERSION}/stop", "stop_job_version", handlers.stop_job_version),
)
CONTROL = (
    Route("GET", "/_emulator/health", "health", control.health),
    Route("POST", "/_emulator/reset", "reset", control.reset),
    Route("PUT", "/_emulator/transitions", "set_transitions", control.set_transitions),
    Route("GET", "/_emulator/transitions", "get_transitions", control.get_transitions),
    Route(
        "PUT", "/_emulator/jobs/{job_id}/versions/{version_id}", "set_status", control.set_status
    ),
    Route("GET", "/_emulator/jobs", "jobs", control.list_jobs),
    Route("POST", "/_emulator/jobs", "add_jobs", control.add_jobs),
    Route("POST", "/_emulator/faults", "add_fault", control.add_fault),
    Route("GET", "/_emulator/faults", "list_faults", control.list_faults),
    Route("DELETE", "/_emulator/faults", "clear_faults", control.clear_faults),
    Route("GET", "/_emulator/requests", "list_requests", control.list_requests),
    Route("DELETE", "/_emulator/requests", "clear_requests", control.clear_requests),
    Route("POST", "/_emulator/expire-tokens", "expire_tokens", control.expire_tokens),
    Route("POST", "/_emulator/clock", "shift_clock", control.shift_clock),
)
OPERATIONS = frozenset(route.operation for route in API)

_COMPILED = tuple((route, route.pattern) for route in API + CONTROL)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a request and its path's parts."""
    for route, pattern in _COMPILED:
        if route.method == method and (match := pattern.fullmatch(path)):
            return route, match.groupdict()
    return None
