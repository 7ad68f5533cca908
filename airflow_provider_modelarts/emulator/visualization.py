"""Handlers of the visualization jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import codes, queries, rules, statuses
from airflow_provider_modelarts.emulator.errors import ServiceError
from airflow_provider_modelarts.emulator.storage import PathRefusedError
from airflow_provider_modelarts.emulator.views import duration
from airflow_provider_modelarts.emulator.visualization_jobs import QUOTA
from airflow_provider_modelarts.emulator.wire import DONE, Call, Reply

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.core import Core
    from airflow_provider_modelarts.emulator.visualization_jobs import Row

_SORT_KEYS = {
    "job_id": "job_id",
    "job_name": "job_name",
    "job_desc": "job_desc",
    "create_time": "create_time",
    "status": "status",
}


def create_visualization_job(core: Core, call: Call) -> Reply:
    """POST /v1/{project_id}/visualization-jobs."""
    body = rules.decode(call.body)
    rules.check_create_visualization(body)
    try:
        core.storage.local(body["train_url"])
    except PathRefusedError as error:
        raise ServiceError(codes.OBS_PATH, f"train_url: {error}") from error
    job = core.visualizations.create(call.project_id, body)
    # Numbers as strings, as in the published sample; the address comes once the job runs.
    numbers = {"job_id": job["id"], "status": job["status"], "create_time": job["create_time"]}
    texts = {name: str(value) for name, value in numbers.items()}
    return Reply({"is_success": True, "job_name": job["name"], **texts})


def list_visualization_jobs(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/visualization-jobs."""
    wanted = queries.job_filter(call.project_id, call.query, _SORT_KEYS, "job_id")
    rows = [_view(core, call, row) for row in core.visualizations.select(wanted)]
    total, jobs = wanted.listing.part(rows, "job_name")
    return Reply(
        {
            "is_success": True,
            "quotas": QUOTA,
            "job_total_count": total,
            "job_count_limit": max(0, QUOTA - core.visualizations.count(call.project_id)),
            "jobs": jobs,
        }
    )


def get_visualization_job(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/visualization-jobs/{job_id}: the one answer without ``is_success``."""
    try:
        return Reply(_view(core, call, core.visualizations.get(call.project_id, _job_id(call))))
    except ServiceError as error:
        raise error.without_flag() from error


def update_visualization_job(core: Core, call: Call) -> Reply:
    """PUT /v1/{project_id}/visualization-jobs/{job_id}."""
    job_id = _job_id(call)
    description = rules.check_description(rules.decode(call.body))
    core.visualizations.describe(call.project_id, job_id, description)
    return DONE


def delete_visualization_job(core: Core, call: Call) -> Reply:
    """DELETE /v1/{project_id}/visualization-jobs/{job_id}."""
    core.visualizations.delete(call.project_id, _job_id(call))
    return DONE


def stop_visualization_job(core: Core, call: Call) -> Reply:
    """POST /v1/{project_id}/visualization-jobs/{job_id}/stop."""
    core.visualizations.stop(call.project_id, _job_id(call))
    return DONE


def restart_visualization_job(core: Core, call: Call) -> Reply:
    """POST /v1/{project_id}/visualization-jobs/{job_id}/restart."""
    core.visualizations.restart(call.project_id, _job_id(call))
    return DONE


def _job_id(call: Call) -> int:
    return queries.identifier(call.params["job_id"], "job_id")


def _view(core: Core, call: Call, row: Row) -> dict[str, Any]:
    body = json.loads(row["body"])
    tool = body.get("job_type", "TensorBoard").lower()
    # The address leads nowhere: nothing runs behind it.
    address = f"{call.base_url}/modelarts/{tool}/{row['resource_id']}/{row['id']}/"
    return {
        "job_id": row["id"],
        "job_name": row["name"],
        "job_desc": row["description"],
        "status": row["status"],
        "create_time": row["create_time"],
        "duration": duration(row, core.clock.now_ms()),
        "service_url": address if row["status"] == statuses.RUNNING else None,
        "train_url": body["train_url"],
        "resource_id": row["resource_id"],
    }
