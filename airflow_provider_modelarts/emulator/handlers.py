"""Handlers of the IAM and ModelArts operations: a call in, a reply out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_modelarts.emulator import queries, rules, views
from airflow_provider_modelarts.emulator.errors import IamError
from airflow_provider_modelarts.emulator.store import SORT_KEYS
from airflow_provider_modelarts.emulator.wire import DONE, Call, Reply

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.core import Core


# ------------------------------------------------------------------------------------------ IAM
def iam_token(core: Core, call: Call) -> Reply:
    """POST /v3/auth/tokens."""
    try:
        payload = call.json()
    except ValueError as error:
        raise IamError(400, "The request body is not valid JSON.") from error
    catalog_url = None if call.query.get("nocatalog") else call.base_url
    token = core.iam.login(payload, catalog_url=catalog_url)
    return Reply(token.body, status=201, headers={"X-Subject-Token": token.text})


def list_projects(core: Core, call: Call) -> Reply:
    """GET /v3/projects."""
    core.iam.authenticate(call)
    found = core.iam.projects(call.query.get("name"))
    links = {"self": f"{call.base_url}/v3/projects", "previous": None, "next": None}
    return Reply({"projects": found, "links": links})


# ------------------------------------------------------------------------------------ ModelArts
def create_training_job(core: Core, call: Call) -> Reply:
    """POST /v1/{project_id}/training-jobs."""
    created = core.service.create_job(call.project_id, rules.decode(call.body))
    return Reply(views.job_created(created))


def list_training_jobs(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/training-jobs."""
    wanted = queries.job_filter(call.project_id, call.query, SORT_KEYS, "job_name", pages=65535)
    total, rows = core.service.list_jobs(wanted)
    return Reply(views.job_list(total, rows, core.clock.now_ms()))


def update_training_job(core: Core, call: Call) -> Reply:
    """PUT /v1/{project_id}/training-jobs/{job_id}."""
    project, job_id = call.project_id, _job_id(call)
    core.service.update_job(project, job_id, rules.check_description(rules.decode(call.body)))
    return DONE


def delete_training_job(core: Core, call: Call) -> Reply:
    """DELETE /v1/{project_id}/training-jobs/{job_id}."""
    core.service.delete_job(call.project_id, _job_id(call))
    return DONE


def create_job_version(core: Core, call: Call) -> Reply:
    """POST /v1/{project_id}/training-jobs/{job_id}/versions."""
    project, job_id = call.project_id, _job_id(call)
    created = core.service.create_version(project, job_id, rules.decode(call.body))
    return Reply(views.version_created(created))


def list_job_versions(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/training-jobs/{job_id}/versions."""
    project, job_id = call.project_id, _job_id(call)
    job, rows = core.service.list_versions(project, job_id, *queries.version_page(call.query))
    return Reply(views.version_list(job, rows, core.clock.now_ms()))


def get_job_version(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/training-jobs/{job_id}/versions/{version_id}."""
    job, version = core.service.get_version(call.project_id, _job_id(call), _version_id(call))
    return Reply(views.version_detail(job, version, core.clock.now_ms()))


def delete_job_version(core: Core, call: Call) -> Reply:
    """DELETE /v1/{project_id}/training-jobs/{job_id}/versions/{version_id}."""
    core.service.delete_version(call.project_id, _job_id(call), _version_id(call))
    return DONE


def stop_job_version(core: Core, call: Call) -> Reply:
    """POST /v1/{project_id}/training-jobs/{job_id}/versions/{version_id}/stop."""
    core.service.stop_version(call.project_id, _job_id(call), _version_id(call))
    return DONE


def _job_id(call: Call) -> int:
    return queries.identifier(call.params["job_id"], "job_id")


def _version_id(call: Call) -> int:
    return queries.identifier(call.params["version_id"], "version_id")
