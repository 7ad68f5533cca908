"""Handlers below ``/_emulator/``: what tests and people at the keyboard drive the emulator with."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import (
    checks,
    deletions,
    guard,
    logs,
    queries,
    statuses,
    transitions,
)
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.recorder import MOST_SHOWN, SHOWN
from airflow_provider_modelarts.emulator.wire import Call, Reply

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.core import Core

_OK = Reply({"ok": True})
MAX_BULK = 100_000
MAX_TEXT = 64


def health(core: Core, call: Call) -> Reply:
    """GET /_emulator/health: that it is up, for everybody; the rest is for who has the token."""
    if not guard.has_token(call.headers, core.settings.identity.emulator_token):
        return _OK
    return Reply(
        {
            "ok": True,
            "pid": os.getpid(),
            "time": core.clock.now(),
            "storage": str(core.storage.root),
        }
    )


def reset(core: Core, call: Call) -> Reply:  # noqa: ARG001 - all handlers take both
    """POST /_emulator/reset."""
    core.reset()
    return _OK


def set_transitions(core: Core, call: Call) -> Reply:
    """PUT /_emulator/transitions."""
    core.service.transitions.current = transitions.parse(_payload(call))
    return Reply(core.service.transitions.current.as_dict())


def get_transitions(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """GET /_emulator/transitions."""
    return Reply(core.service.transitions.current.as_dict())


def set_status(core: Core, call: Call) -> Reply:
    """PUT /_emulator/jobs/{job_id}/versions/{version_id}."""
    job_id = queries.identifier(call.params["job_id"], "job_id")
    version_id = queries.identifier(call.params["version_id"], "version_id")
    core.service.set_status(job_id, version_id, _status(call))
    return _OK


def add_log_lines(core: Core, call: Call) -> Reply:
    """POST /_emulator/jobs/{job_id}/versions/{version_id}/log: ``{"lines": ["a", "b"], "worker": 0}``."""
    wanted = _payload(call)
    checks.known("log", wanted, ("lines", "worker"))
    version = core.service.any_version(
        queries.identifier(call.params["job_id"], "job_id"),
        queries.identifier(call.params["version_id"], "version_id"),
    )
    lines = wanted.get("lines")
    if not isinstance(lines, list):
        checks.refuse("log: lines", lines, "a list")
    logs.add_lines(core, version, lines, checks.whole("log: worker", wanted.get("worker", 0)))
    return _OK


def set_deletions(core: Core, call: Call) -> Reply:
    """PUT /_emulator/deletions: ``{"delay": 3, "fails": true}``, for deletions asked for from now on."""
    core.deletions.setting = deletions.parse(_payload(call))
    return Reply(core.deletions.setting.as_dict())


def add_visualization_jobs(core: Core, call: Call) -> Reply:
    """POST /_emulator/visualization-jobs: ``{"count": 20, "status": 8, "prefix": "job"}``."""
    made = core.visualizations.add(**_bulk(core, call, statuses.RUNNING))
    return Reply({"jobs": [{"job_id": job_id} for job_id in made]}, status=201)


def set_visualization_status(core: Core, call: Call) -> Reply:
    """PUT /_emulator/visualization-jobs/{job_id}: ``{"status": 11}``."""
    job_id = queries.identifier(call.params["job_id"], "job_id")
    core.visualizations.set_status(job_id, _status(call))
    return _OK


def add_fault(core: Core, call: Call) -> Reply:
    """POST /_emulator/faults."""
    return Reply(core.faults.add(_payload(call)).as_dict(), status=201)


def list_faults(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """GET /_emulator/faults."""
    return Reply({"faults": core.faults.all()})


def clear_faults(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """DELETE /_emulator/faults."""
    core.faults.clear()
    return _OK


def list_requests(core: Core, call: Call) -> Reply:
    """GET /_emulator/requests, all or those of ``?operation=``, of these the last ``?limit=``."""
    found = core.recorder.all(call.query.get("operation") or None)
    last = found[-queries.number(call.query, "limit", SHOWN, 1, MOST_SHOWN) :]
    return Reply({"total": len(found), "requests": [request.as_dict() for request in last]})


def clear_requests(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """DELETE /_emulator/requests."""
    core.recorder.clear()
    return _OK


def list_jobs(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """GET /_emulator/jobs: every job with its versions; no read in the sense of the ``reads`` mode."""
    return Reply({"jobs": jobs(core)})


def add_jobs(core: Core, call: Call) -> Reply:
    """POST /_emulator/jobs: ``{"count": 1500, "status": 10, "prefix": "job"}``."""
    made = core.service.add_jobs(**_bulk(core, call, statuses.COMPLETED))
    return Reply(
        {"jobs": [{"job_id": job, "version_id": version} for job, version in made]}, status=201
    )


def expire_tokens(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """POST /_emulator/expire-tokens."""
    return Reply({"ok": True, "expired": core.iam.expire_tokens()})


def shift_clock(core: Core, call: Call) -> Reply:
    """POST /_emulator/clock: ``{"seconds": 3600}``."""
    wanted = _payload(call)
    checks.known("clock", wanted, ("seconds",))
    seconds: Any = wanted.get("seconds")
    core.clock.shift(seconds)
    return Reply({"ok": True, "time": core.clock.now()})


def jobs(core: Core) -> list[dict[str, Any]]:
    """Return every job with its versions as plain data."""
    core.catch_up()
    core.service.advance_by_time()
    versions: dict[int, list[dict[str, Any]]] = {}
    for row in core.store.all_versions():
        versions.setdefault(row["job_id"], []).append(
            {
                "version_id": row["id"],
                "version_name": row["name"],
                "pre_version_id": row["pre_version_id"],
                "status": row["status"],
                "create_time": row["create_time"],
                "start_time": row["start_time"],
                "end_time": row["end_time"],
                "mode": row["mode"],
                "config": json.loads(row["config"]),
                "metrics": None if row["metrics"] is None else json.loads(row["metrics"]),
            }
        )
    return [
        {
            "job_id": row["id"],
            "job_name": row["name"],
            "job_desc": row["description"],
            "project_id": row["project_id"],
            "workspace_id": row["workspace_id"],
            "create_time": row["create_time"],
            "versions": versions.get(row["id"], []),
        }
        for row in core.store.all_jobs()
    ]


def _bulk(core: Core, call: Call, status: int) -> dict[str, Any]:
    """Read an order for synthetic jobs; ``status`` is theirs when the order names none."""
    wanted = _payload(call)
    texts = {
        "prefix": "job",
        "workspace_id": "0",
        "project_id": core.settings.identity.project_id,
    }
    checks.known("jobs", wanted, {"count", "status", *texts})
    return {
        "count": checks.whole("jobs: count", wanted.get("count"), 0, MAX_BULK),
        "status": checks.whole("jobs: status", wanted.get("status", status)),
        **{
            name: checks.text(f"jobs: {name}", wanted.get(name, default), MAX_TEXT)
            for name, default in texts.items()
        },
    }


def _payload(call: Call) -> dict[str, Any]:
    try:
        payload = call.json()
    except ValueError as error:
        message = f"the body is not JSON: {error}"
        raise EmulatorError(message) from error
    if not isinstance(payload, dict):
        checks.refuse("the body", payload, "an object")
    return payload


def _status(call: Call) -> int:
    wanted = _payload(call)
    checks.known("status", wanted, ("status",))
    return checks.whole("status", wanted.get("status"))
