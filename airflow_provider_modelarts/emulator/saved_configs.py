"""Saved parameter sets: named configs, users' own (``custom``) and those that come with the service (``sample``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import catalogue, queries, refusals, rules
from airflow_provider_modelarts.emulator.wire import DONE, Call, Reply

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.core import Core

_SORT_KEYS = {
    "config_name": "config_name",
    "config_desc": "config_desc",
    "create_time": "create_time",
}
_TYPES = ("custom", "sample")
# What a detail always shows, null when it was not set.
_OPTIONS = (
    "worker_server_num",
    "app_url",
    "boot_file_url",
    "model_id",
    "spec_id",
    "engine_id",
    "data_url",
    "dataset_id",
    "dataset_version_id",
    "data_source",
    "train_url",
    "log_url",
)
# Fields of the reply alone: a parameter set names no pool and no volume.
_UNSET = dict.fromkeys(
    (
        "dataset_name",
        "dataset_version_name",
        "pool_id",
        "pool_name",
        "volumes",
        "nas_mount_path",
        "nas_share_addr",
        "nas_type",
    )
)


# ------------------------------------------------------------------------------------- handlers
def create_saved_config(core: Core, call: Call) -> Reply:
    """POST /v1/{project_id}/training-job-configs."""
    body = rules.decode(call.body)
    rules.check_create_saved_config(body)
    _check_catalogue(core, body)
    name = body.pop("config_name")
    with core.store.database.transaction() as sql:
        made = sql.execute(
            "INSERT OR IGNORE INTO saved_configs VALUES (?, ?, ?, ?)",
            (call.project_id, name, core.clock.now_ms(), json.dumps(body)),
        )
        if not made.rowcount:
            raise refusals.name_taken(core.settings, name)
    return DONE


def list_saved_configs(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/training-job-configs."""
    config_type = queries.choice(call.query, "config_type", "custom", _TYPES)
    keys = dict(_SORT_KEYS)
    if config_type == "sample":
        del keys["create_time"]
    wanted = queries.listing(call.query, keys, "config_name", order="desc")
    total, configs = wanted.part(map(_row, _configs(core, call, config_type)), "config_name")
    return Reply({"is_success": True, "config_total_count": total, "configs": configs})


def get_saved_config(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/training-job-configs/{config_name}."""
    name = call.params["config_name"]
    config_type = queries.choice(call.query, "config_type", "custom", _TYPES)
    for config in _configs(core, call, config_type):
        if config["config_name"] == name:
            return Reply({"is_success": True, **_detail(config)})
    raise _missing(name)


def update_saved_config(core: Core, call: Call) -> Reply:
    """PUT /v1/{project_id}/training-job-configs/{config_name}: replaces all but the name."""
    body = rules.decode(call.body)
    rules.check_update_saved_config(body)
    _check_catalogue(core, body)
    _change(
        core,
        "UPDATE saved_configs SET body = ?1 WHERE project_id = ?2 AND name = ?3",
        (json.dumps(body), call.project_id, call.params["config_name"]),
    )
    return DONE


def delete_saved_config(core: Core, call: Call) -> Reply:
    """DELETE /v1/{project_id}/training-job-configs/{config_name}."""
    _change(
        core,
        "DELETE FROM saved_configs WHERE project_id = ? AND name = ?",
        (call.project_id, call.params["config_name"]),
    )
    return DONE


def _change(core: Core, statement: str, values: tuple[str, ...]) -> None:
    """Change the one set whose name is the last value; :raises ServiceError: when there is none."""
    with core.store.database.transaction() as sql:
        if not sql.execute(statement, values).rowcount:
            raise _missing(values[-1])


def _missing(name: str) -> Exception:
    return refusals.missing("training job configuration", name[:64])


def _check_catalogue(core: Core, body: dict[str, Any]) -> None:
    if core.settings.strict_catalogue:
        catalogue.check(body, "")


def _configs(core: Core, call: Call, config_type: str) -> list[dict[str, Any]]:
    """Return the parameter sets of one type: name, creation time and what was saved."""
    if config_type == "sample":
        return catalogue.sample_configs()
    with core.store.database.reading() as sql:
        rows = sql.execute("SELECT * FROM saved_configs WHERE project_id = ?", (call.project_id,))
        return [
            {
                **json.loads(row["body"]),
                "config_name": row["name"],
                "create_time": row["create_time"],
            }
            for row in rows
        ]


# ---------------------------------------------------------------------------------------- views
def _row(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "config_name": config["config_name"],
        "config_desc": config.get("config_desc", ""),
        "create_time": config["create_time"],
        "engine_id": config.get("engine_id"),
        **catalogue.engine_fields(config),
        "user_image_url": config.get("user_image_url"),
        "user_command": config.get("user_command"),
    }


def _detail(config: dict[str, Any]) -> dict[str, Any]:
    return {
        **_row(config),
        **_UNSET,
        **{name: config.get(name) for name in _OPTIONS},
        "parameter": config.get("parameter", []),
        **catalogue.spec_fields(config),
    }
