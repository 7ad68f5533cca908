"""JSON schemas of the request bodies, severity E of the validation table only.

Unknown keys pass (R27 is a warning), and so do combinations the table merely warns about (R07, R13,
R18b). What a schema says badly is in :mod:`.rules`.
"""

from __future__ import annotations

from typing import Any

# R26: an option that is not set is left out; null and "" are refused, except where a field says else.
_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_ID: dict[str, Any] = {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}
# (?![\s\S]) is "end of input"; Python's $ would let a trailing line feed pass.
_NAME: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 64,
    "pattern": r"^[A-Za-z0-9_-]+(?![\s\S])",
}
_DESCRIPTION: dict[str, Any] = {"type": "string", "maxLength": 256}

_PARAMETER: dict[str, Any] = {
    "type": "object",
    "required": ["label", "value"],
    "properties": {"label": _TEXT, "value": {"type": "string"}},
}
# A published request to replace a parameter set sends numbers.
_LOOSE_PARAMETER: dict[str, Any] = {
    **_PARAMETER,
    "properties": {"label": _TEXT, "value": {"type": ["string", "number", "boolean"]}},
}
_SOURCE: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": ["obs", "dataset"]},
        "data_url": _TEXT,
        "dataset_id": _TEXT,
        "dataset_version": _TEXT,
    },
}


def _volume(required: list[str]) -> dict[str, Any]:
    properties: dict[str, Any] = dict.fromkeys(required, _TEXT)
    return {
        "type": "object",
        "required": required,
        "properties": {**properties, "read_only": {"type": "boolean"}},
    }


_VOLUME: dict[str, Any] = {
    "type": "object",
    "properties": {
        "nfs": _volume(["id", "src_path", "dest_path"]),
        "host_path": _volume(["src_path", "dest_path"]),
    },
    "anyOf": [{"required": ["nfs"]}, {"required": ["host_path"]}],
}
_TRAINING: dict[str, Any] = {
    "worker_server_num": {"type": "integer", "minimum": 1},
    "app_url": _TEXT,
    "boot_file_url": _TEXT,
    "data_url": _TEXT,
    "dataset_id": _TEXT,
    "dataset_version_id": _TEXT,
    "data_source": {"type": "array", "minItems": 1, "items": _SOURCE},
    "spec_id": _ID,
    "pool_id": _TEXT,
    "engine_id": _ID,
    "model_id": _ID,
    "train_url": _TEXT,
    "log_url": _TEXT,
    "user_image_url": _TEXT,
    "user_command": _TEXT,
    "parameter": {"type": "array", "items": _PARAMETER},
}

CREATE_JOB: dict[str, Any] = {
    "type": "object",
    "required": ["job_name", "config"],
    "properties": {
        "job_name": _NAME,
        "job_desc": _DESCRIPTION,
        "workspace_id": _TEXT,
        "config": {
            "type": "object",
            "required": ["worker_server_num"],
            "properties": {
                **_TRAINING,
                "create_version": {"type": "boolean"},
                "volumes": {"type": "array", "items": _VOLUME},
            },
        },
    },
}
CREATE_VERSION: dict[str, Any] = {
    "type": "object",
    "required": ["config"],
    "properties": {
        "job_desc": _DESCRIPTION,
        "config": {
            "type": "object",
            "required": ["worker_server_num", "train_url", "pre_version_id"],
            "properties": {**_TRAINING, "pre_version_id": _ID},
        },
    },
}
UPDATE_DESCRIPTION: dict[str, Any] = {
    "type": "object",
    "required": ["job_desc"],
    "properties": {"job_desc": _DESCRIPTION},
}

# Flat, and without pool_id: a saved parameter set is for the public pool.
_SAVED_CONFIG: dict[str, Any] = {
    **{name: schema for name, schema in _TRAINING.items() if name != "pool_id"},
    "parameter": {"type": "array", "items": _LOOSE_PARAMETER},
    "config_desc": _DESCRIPTION,
}
CREATE_SAVED_CONFIG: dict[str, Any] = {
    "type": "object",
    "required": ["config_name", "worker_server_num", "spec_id"],
    "properties": {**_SAVED_CONFIG, "config_name": _NAME},
}
UPDATE_SAVED_CONFIG: dict[str, Any] = {
    "type": "object",
    "required": ["worker_server_num", "spec_id"],
    "properties": _SAVED_CONFIG,
}
_SCHEDULE: dict[str, Any] = {
    "type": "object",
    "required": ["type", "time_unit", "duration"],
    "properties": {
        "type": {"const": "stop"},
        "time_unit": {"const": "HOURS"},
        "duration": {"type": "integer", "minimum": 0, "maximum": 24},
    },
}
CREATE_VISUALIZATION: dict[str, Any] = {
    "type": "object",
    "required": ["job_name", "train_url"],
    "properties": {
        "job_name": {**_NAME, "maxLength": 20},
        "job_desc": _DESCRIPTION,
        "train_url": _TEXT,
        # The text spells the names so, a published sample sends lower case.
        "job_type": {"enum": ["TensorBoard", "MindInsight", "tensorboard", "mindinsight"]},
        "flavor": {
            "type": "object",
            "required": ["code"],
            "properties": {"code": _TEXT},
        },
        # An object in the table, a list of one in the sample.
        "schedule": {
            "type": ["object", "array"],
            "if": {"type": "array"},
            "then": {"minItems": 1, "maxItems": 1, "items": _SCHEDULE},
            "else": _SCHEDULE,
        },
    },
}
