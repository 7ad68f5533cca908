"""What the service offers: flavors, engines and built-in algorithms, from ``catalogue.json``.

In that file ``hardware`` and ``job_types`` are the emulator's own: which flavor fits which engine, and
what either is for. They are left out of replies.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import codes, queries, refusals
from airflow_provider_modelarts.emulator.errors import ServiceError
from airflow_provider_modelarts.emulator.wire import Call, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_modelarts.emulator.core import Core

Entry = dict[str, Any]

_OWN_KEYS = {"hardware", "job_types"}
_ALGORITHM_SORT_KEYS = {
    "engine": "engine_name",
    "model_name": "model_name",
    "model_precision": "model_precision",
    "model_usage": "model_usage",
    "model_size": "model_size",
    "create_time": "create_time",
    "parameter": "parameter",
}


@cache
def _read() -> dict[str, list[Entry]]:
    path = Path(__file__).with_name("catalogue.json")
    found: dict[str, list[Entry]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def entry(kind: str, key: str, value: Any) -> Entry | None:
    """Return the first entry of a kind (``specs``, ``engines``, ...) whose ``key`` has the value."""
    return next((found for found in _read()[kind] if found[key] == value), None)


def sample_configs() -> list[Entry]:
    """Return the parameter sets that come with the service."""
    return _read()["sample_configs"]


def engine_fields(config: Mapping[str, Any]) -> Entry:
    """Return what replies tell about the engine of a config, all null for an unknown one."""
    found = entry("engines", "engine_id", config.get("engine_id")) or {}
    return {name: found.get(name) for name in ("engine_type", "engine_name", "engine_version")}


def spec_fields(config: Mapping[str, Any]) -> Entry:
    """Return what replies tell about the flavor of a config, all null for an unknown one."""
    found = entry("specs", "spec_id", config.get("spec_id")) or {}
    return {name: found.get(name) for name in ("spec_code", "core", "cpu", "gpu_num", "gpu_type")}


def check(config: Mapping[str, Any], at: str) -> None:
    """Refuse what the catalogue does not have; ``at`` is where the config lies in the body, with its dot.

    :raises ServiceError: 2781 for a flavor, 2780 for an engine, 2793 for too many workers.
    """
    if "spec_id" in config:
        spec = entry("specs", "spec_id", config["spec_id"])
        if spec is None:
            raise ServiceError(codes.SPEC_MISSING, f"{at}spec_id: no flavor {config['spec_id']}")
        if config["worker_server_num"] > spec["max_num"]:
            most = spec["max_num"]
            raise ServiceError(
                codes.TOO_MANY_WORKERS, f"{at}worker_server_num: the flavor allows up to {most}"
            )
    if "engine_id" in config and entry("engines", "engine_id", config["engine_id"]) is None:
        raise ServiceError(codes.ENGINE_MISSING, f"{at}engine_id: no engine {config['engine_id']}")
    if "model_id" in config and entry("algorithms", "model_id", config["model_id"]) is None:
        why = f"{config['model_id']} is not a built-in algorithm"
        raise refusals.invalid(at + "model_id", why)


# ------------------------------------------------------------------------------------- handlers
def list_resource_specs(core: Core, call: Call) -> Reply:  # noqa: ARG001 - all handlers take both
    """GET /v1/{project_id}/job/resource-specs."""
    found = _for_job_type("specs", call)
    engine_id = queries.number(call.query, "engine_id", 0, 0, queries.NO_LIMIT)
    if engine_id:
        engine = entry("engines", "engine_id", engine_id)
        if engine is None:
            raise ServiceError(codes.ENGINE_MISSING, f"The engine {engine_id} does not exist.")
        found = [spec for spec in found if spec["hardware"] in engine["hardware"]]
    if queries.number(call.query, "project_type", 0, 0, queries.NO_LIMIT):
        # Only projects of kind 0 are known here, and they are all the documentation names.
        found = []
    specs = [_shown(spec) for spec in found]
    return Reply({"is_success": True, "spec_total_count": len(specs), "specs": specs})


def list_engines(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """GET /v1/{project_id}/job/ai-engines."""
    engines = [_shown(engine) for engine in _for_job_type("engines", call)]
    return Reply({"is_success": True, "engines": engines})


def list_built_in_algorithms(core: Core, call: Call) -> Reply:  # noqa: ARG001
    """GET /v1/{project_id}/built-in-algorithms."""
    wanted = queries.listing(call.query, _ALGORITHM_SORT_KEYS, "engine", order="desc", per_page=100)
    shown = [
        {
            **algorithm,
            # JSON within JSON, as published.
            "parameter": json.dumps(algorithm["parameter"]),
            "engine_name": engine_fields(algorithm)["engine_name"],
            "engine_version": engine_fields(algorithm)["engine_version"],
        }
        for algorithm in _read()["algorithms"]
    ]
    total, models = wanted.part(shown, "model_name")
    return Reply({"is_success": True, "model_total_count": total, "models": models})


def _for_job_type(kind: str, call: Call) -> list[Entry]:
    """Return the entries for the asked kind of job; without one all, since no default is documented."""
    job_type = queries.choice(call.query, "job_type", "", ("", "train", "inference"))
    return [found for found in _read()[kind] if not job_type or job_type in found["job_types"]]


def _shown(found: Entry) -> Entry:
    return {name: value for name, value in found.items() if name not in _OWN_KEYS}
