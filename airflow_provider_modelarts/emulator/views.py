"""Rows of the state as the vendor's JSON: names, number types and nulls of the published samples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import catalogue, statuses

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.service import Created
    from airflow_provider_modelarts.emulator.store import Row

# Options a detail always shows, null when they were not set (as in a recorded reply).
_OPTIONS = (
    "app_url",
    "boot_file_url",
    "data_url",
    "train_url",
    "log_url",
    "dataset_id",
    "dataset_version_id",
    "data_source",
    "engine_id",
    "model_id",
    "spec_id",
    "pool_id",
    "user_image_url",
    "user_command",
    "worker_server_num",
)
_UNSET = dict.fromkeys(
    (
        "dataset_name",
        "dataset_version_name",
        "pool_name",
        "nas_mount_path",
        "nas_share_addr",
        "nas_type",
    )
)
# Replies carry keys that no page mentions; a client must not stumble over them.
_UNDOCUMENTED: dict[str, Any] = {
    "is_zombie": None,
    "pool_type": "SYSTEM_DEFINED",
    "ui_extra": {"folded": True},
}
_METRICS = ("recall", "precision", "accuracy", "f1_score")


def job_created(created: Created) -> dict[str, Any]:
    """Return the reply to a job creation: numbers as strings, as in the published sample."""
    job, version = created.job, created.version
    reply = {
        "is_success": True,
        "job_id": str(job["id"]),
        "job_name": job["name"],
        "status": str(statuses.UNKNOWN),
        "create_time": str(job["create_time"]),
        "resource_id": job["resource_id"],
    }
    if version is not None:
        reply |= {
            "status": str(version["status"]),
            "version_id": str(version["id"]),
            "version_name": version["name"],
        }
    return reply


def version_created(created: Created) -> dict[str, Any]:
    """Return the reply to a version creation: numbers as numbers, and no ``resource_id``."""
    job, version = created.job, created.version
    assert version is not None  # noqa: S101 - a version creation always makes one
    return {
        "is_success": True,
        "job_id": job["id"],
        "job_name": job["name"],
        "status": version["status"],
        "create_time": version["create_time"],
        "version_id": version["id"],
        "version_name": version["name"],
    }


def job_list(total: int, rows: list[Row], now_ms: int) -> dict[str, Any]:
    """Return one page of jobs; status and version are those of the newest version."""
    return {
        "is_success": True,
        "quotas": 10000,
        "job_total_count": total,
        "job_count_limit": max(0, 10000 - total),
        "jobs": [
            {
                "job_id": row["id"],
                "job_name": row["name"],
                "job_desc": row["description"],
                "version_id": row["version_id"],
                "status": statuses.UNKNOWN if row["status"] is None else row["status"],
                "create_time": row["create_time"],
                "duration": duration(row, now_ms),
                "version_count": row["version_count"],
            }
            for row in rows
        ],
    }


def version_list(job: Row, rows: list[Row], now_ms: int) -> dict[str, Any]:
    """Return versions of a job; ``version_count`` is the total, not the size of the page."""
    versions = []
    for row in rows:
        version = _version(job, row, now_ms)
        version.pop("spec_code")
        # A JSON string here, an object in the detail: so the samples have it.
        metrics = version["system_metric_list"]
        version["system_metric_list"] = None if metrics is None else json.dumps(metrics)
        versions.append({**version, "gpu": bool(version["gpu_num"])})
    return {
        "is_success": True,
        "job_id": job["id"],
        "job_name": job["name"],
        "job_desc": job["description"],
        "version_count": job["version_count"],
        "versions": versions,
    }


def version_detail(job: Row, row: Row, now_ms: int) -> dict[str, Any]:
    """Return one version, flat, with the job's fields beside it."""
    return {
        "is_success": True,
        "job_id": job["id"],
        "job_name": job["name"],
        "job_desc": job["description"],
        **_version(job, row, now_ms),
    }


def _version(job: Row, row: Row, now_ms: int) -> dict[str, Any]:
    config = json.loads(row["config"])
    started = row["start_time"] is not None
    return {
        "version_id": row["id"],
        "version_name": row["name"],
        "pre_version_id": row["pre_version_id"],
        "resource_id": job["resource_id"],
        "status": row["status"],
        "create_time": row["create_time"],
        "start_time": row["start_time"],
        "duration": duration(row, now_ms),
        **_UNSET,
        **catalogue.engine_fields(config),
        **catalogue.spec_fields(config),
        **{name: config.get(name) for name in _OPTIONS},
        "parameter": [
            {"label": item["label"], "value": item["value"], "required": True, "placeholder": ""}
            for item in config.get("parameter", [])
        ],
        "volumes": None if row["volumes"] is None else json.loads(row["volumes"]),
        "model_metric_list": _model_metrics(row["metrics"]),
        "system_metric_list": {
            "cpuUsage": ["0"],
            "memUsage": ["0"],
            "gpuUtil": ["0"],
            "interval": 1,
        }
        if started
        else None,
        **_UNDOCUMENTED,
    }


def duration(row: Row, now_ms: int) -> int | None:
    """Return for how long a job has run, in milliseconds; None before it starts."""
    if row["start_time"] is None:
        return None
    end = row["end_time"] if row["end_time"] is not None else now_ms
    return max(0, int(end) - int(row["start_time"]))


def _model_metrics(text: str | None) -> str | None:
    """Return what the training reported, as the JSON string the vendor sends."""
    if text is None:
        return None
    reported = json.loads(text)
    total = {
        name: reported[name]
        for name in (*_METRICS, *sorted(set(reported) - set(_METRICS)))
        if name in reported
    }
    return json.dumps(
        {
            "metric": [],
            "total_metric": {
                "total_metric_meta": {},
                "total_reserved_data": {},
                "total_metric_values": total,
            },
        }
    )
