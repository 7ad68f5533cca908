"""The table of routes. A new endpoint is a line here, a handler and a view."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_modelarts.emulator import (
    catalogue,
    control,
    handlers,
    logs,
    saved_configs,
    visualization,
)
from airflow_provider_modelarts.emulator.core import Core
from airflow_provider_modelarts.emulator.guard import CONTROL_PREFIX, HEALTH
from airflow_provider_modelarts.emulator.wire import Call, Reply

Handler = Callable[[Core, Call], Reply]

_PROJECT = "/v1/{project_id}"
_JOBS = f"{_PROJECT}/training-jobs"
_JOB = f"{_JOBS}/{{job_id}}"
_VERSION = f"{_JOB}/versions/{{version_id}}"
_CONFIGS = f"{_PROJECT}/training-job-configs"
_CONFIG = f"{_CONFIGS}/{{config_name}}"
_VISUALIZATIONS = f"{_PROJECT}/visualization-jobs"
_VISUALIZATION = f"{_VISUALIZATIONS}/{{job_id}}"


@dataclass(frozen=True)
class Route:
    """One endpoint; its handler's name is that of the operation, for faults and records."""

    method: str
    path: str
    handler: Handler

    @property
    def operation(self) -> str:
        """Return the name of the operation."""
        return self.handler.__name__

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return the path as a pattern; one trailing slash is allowed, as in a published sample."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path) + "/?")

    def answer(self, core: Core, call: Call) -> Reply:
        """Let the handler answer; whatever belongs to a project is only for who may use that."""
        if "project_id" in call.params:
            core.iam.authorize(call, call.project_id)
            core.catch_up()
        return self.handler(core, call)


API = (
    Route("POST", "/v3/auth/tokens", handlers.iam_token),
    Route("GET", "/v3/projects", handlers.list_projects),
    Route("POST", _JOBS, handlers.create_training_job),
    Route("GET", _JOBS, handlers.list_training_jobs),
    Route("PUT", _JOB, handlers.update_training_job),
    Route("DELETE", _JOB, handlers.delete_training_job),
    Route("POST", f"{_JOB}/versions", handlers.create_job_version),
    Route("GET", f"{_JOB}/versions", handlers.list_job_versions),
    Route("GET", _VERSION, handlers.get_job_version),
    Route("DELETE", _VERSION, handlers.delete_job_version),
    Route("POST", f"{_VERSION}/stop", handlers.stop_job_version),
    Route("GET", f"{_VERSION}/log/file-names", logs.list_log_files),
    Route("GET", f"{_VERSION}/aom-log", logs.get_log),
    Route("GET", f"{_PROJECT}/built-in-algorithms", catalogue.list_built_in_algorithms),
    Route("POST", _CONFIGS, saved_configs.create_saved_config),
    Route("GET", _CONFIGS, saved_configs.list_saved_configs),
    Route("GET", _CONFIG, saved_configs.get_saved_config),
    Route("PUT", _CONFIG, saved_configs.update_saved_config),
    Route("DELETE", _CONFIG, saved_configs.delete_saved_config),
    Route("POST", _VISUALIZATIONS, visualization.create_visualization_job),
    Route("GET", _VISUALIZATIONS, visualization.list_visualization_jobs),
    Route("GET", _VISUALIZATION, visualization.get_visualization_job),
    Route("PUT", _VISUALIZATION, visualization.update_visualization_job),
    Route("DELETE", _VISUALIZATION, visualization.delete_visualization_job),
    Route("POST", f"{_VISUALIZATION}/stop", visualization.stop_visualization_job),
    Route("POST", f"{_VISUALIZATION}/restart", visualization.restart_visualization_job),
    Route("GET", f"{_PROJECT}/job/resource-specs", catalogue.list_resource_specs),
    Route("GET", f"{_PROJECT}/job/ai-engines", catalogue.list_engines),
)
_CONTROLLED = f"{CONTROL_PREFIX}jobs/{{job_id}}/versions/{{version_id}}"
CONTROL = (
    Route("GET", HEALTH, control.health),
    Route("POST", "/_emulator/reset", control.reset),
    Route("PUT", "/_emulator/transitions", control.set_transitions),
    Route("GET", "/_emulator/transitions", control.get_transitions),
    Route("PUT", "/_emulator/deletions", control.set_deletions),
    Route("PUT", _CONTROLLED, control.set_status),
    Route("POST", f"{_CONTROLLED}/log", control.add_log_lines),
    Route("GET", "/_emulator/jobs", control.list_jobs),
    Route("POST", "/_emulator/jobs", control.add_jobs),
    Route("POST", "/_emulator/visualization-jobs", control.add_visualization_jobs),
    Route("PUT", "/_emulator/visualization-jobs/{job_id}", control.set_visualization_status),
    Route("POST", "/_emulator/faults", control.add_fault),
    Route("GET", "/_emulator/faults", control.list_faults),
    Route("DELETE", "/_emulator/faults", control.clear_faults),
    Route("GET", "/_emulator/requests", control.list_requests),
    Route("DELETE", "/_emulator/requests", control.clear_requests),
    Route("POST", "/_emulator/expire-tokens", control.expire_tokens),
    Route("POST", "/_emulator/clock", control.shift_clock),
)
OPERATIONS = frozenset(route.operation for route in API)

_COMPILED = tuple((route, route.pattern) for route in API + CONTROL)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a request and its path's parts."""
    for route, pattern in _COMPILED:
        if route.method == method and (match := pattern.fullmatch(path)):
            return route, match.groupdict()
    return None
