"""Checks request bodies as the service would (reference: validation rules, severity E)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema

from airflow_provider_modelarts.emulator import codes, refusals, schemas, wire
from airflow_provider_modelarts.emulator.errors import ServiceError

Config = Mapping[str, Any]

_CREATE_ONLY = ("create_version", "volumes")


def _validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    # JSON Schema counts 1.0 as an integer; a service with 64-bit fields does not read it as one.
    whole = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    kind: type[jsonschema.Draft202012Validator] = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
        jsonschema.Draft202012Validator, type_checker=whole
    )
    return kind(schema)


_CREATE_JOB = _validator(schemas.CREATE_JOB)
_CREATE_VERSION = _validator(schemas.CREATE_VERSION)
_UPDATE_DESCRIPTION = _validator(schemas.UPDATE_DESCRIPTION)
_CREATE_SAVED_CONFIG = _validator(schemas.CREATE_SAVED_CONFIG)
_UPDATE_SAVED_CONFIG = _validator(schemas.UPDATE_SAVED_CONFIG)
_CREATE_VISUALIZATION = _validator(schemas.CREATE_VISUALIZATION)


def decode(body: bytes) -> Any:
    """Return the body's JSON; :raises ServiceError: 2787 when it is none."""
    try:
        return wire.decode(body)
    except ValueError as error:
        raise ServiceError(
            codes.NOT_JSON, f"The request body is not in valid JSON format: {error}"
        ) from error


def check_create_job(payload: Any) -> None:
    """Check the body of a job creation; :raises ServiceError: naming the field."""
    _check_shape(_CREATE_JOB, payload)
    if "pre_version_id" in payload["config"]:
        _reject("config.pre_version_id", "is only allowed for a new version")
    _check_config(payload["config"], "config.")


def check_create_version(payload: Any) -> None:
    """Check the body of a version creation; :raises ServiceError: naming the field."""
    _check_shape(_CREATE_VERSION, payload)
    if "workspace_id" in payload:
        _reject("workspace_id", "is only allowed for a new job")
    for field in _CREATE_ONLY:
        if field in payload["config"]:
            _reject(f"config.{field}", "is only allowed for a new job")
    _check_config(payload["config"], "config.")


def check_description(payload: Any) -> str:
    """Check the body of a description change and return the text."""
    _check_shape(_UPDATE_DESCRIPTION, payload)
    return str(payload["job_desc"])


def check_create_saved_config(payload: Any) -> None:
    """Check the body that saves a parameter set; :raises ServiceError: naming the field."""
    _check_shape(_CREATE_SAVED_CONFIG, payload)
    _check_config(payload, "")


def check_update_saved_config(payload: Any) -> None:
    """Check the body that replaces a parameter set; :raises ServiceError: naming the field."""
    _check_shape(_UPDATE_SAVED_CONFIG, payload)
    if "config_name" in payload:
        _reject("config_name", "cannot be changed")
    _check_config(payload, "")


def check_create_visualization(payload: Any) -> None:
    """Check the body of a visualization job; :raises ServiceError: naming the field."""
    _check_shape(_CREATE_VISUALIZATION, payload)


def _check_shape(validator: jsonschema.Draft202012Validator, payload: Any) -> None:
    error = jsonschema.exceptions.best_match(
        validator.iter_errors(payload), key=lambda e: -len(e.absolute_path)
    )
    if error is None:
        return
    field = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        _reject(f"{field}.{missing}".lstrip("."), "is required")
    _reject(field or "body", f"is wrong: {error.message[:200]}")


def _check_config(config: Config, at: str) -> None:
    """Check what a schema says badly; ``at`` is where the config lies in the body, with its dot."""
    for check in _CONFIG_CHECKS:
        check(config, at)


def _check_algorithm(config: Config, at: str) -> None:
    image, code, boot = (name in config for name in ("user_image_url", "app_url", "boot_file_url"))
    if boot and not code:
        _reject(f"{at}app_url", "is required with boot_file_url")  # R08
    if code and not boot and not image:
        _reject(f"{at}boot_file_url", "is required with app_url")  # R08
    if "user_command" in config and not image:
        _reject(f"{at}user_command", "is only allowed with user_image_url")  # R11
    if code and boot and not image and "model_id" not in config and "engine_id" not in config:
        _reject(f"{at}engine_id", "is required with app_url and boot_file_url")  # R10
    if not (image or "model_id" in config or code):
        _reject(
            at.rstrip(".") or "body",
            "names no algorithm: model_id, app_url with boot_file_url, or user_image_url",
        )  # R06


def _check_boot_file(config: Config, at: str) -> None:
    if "boot_file_url" not in config:
        return
    folder, boot = config["app_url"].rstrip("/") + "/", config["boot_file_url"]
    inside = boot.startswith(folder) and boot != folder
    if not inside or ".." in boot.split("/") or ".." in folder.split("/"):
        raise ServiceError(
            codes.BOOT_FILE_OUTSIDE,
            f"{at}boot_file_url: {boot[:200]} is not in the code folder {folder[:200]}",
        )  # R09


def _check_input(config: Config, at: str) -> None:
    pair = ("dataset_id" in config, "dataset_version_id" in config)
    if pair[0] != pair[1]:
        missing = "dataset_version_id" if pair[0] else "dataset_id"
        _reject(
            f"{at}{missing}", "is required: dataset_id and dataset_version_id go together"
        )  # R15
    given = [name for name in ("data_url", "dataset_id", "data_source") if name in config]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        _reject(
            f"{at}data_url", f"give one of data_url, dataset_id or data_source, not {found}"
        )  # R14


def _check_sources(config: Config, at: str) -> None:
    sources = config.get("data_source", [])
    if len({source["type"] for source in sources}) > 1:
        _reject(f"{at}data_source", "mixes obs and dataset")  # R16
    for index, source in enumerate(sources):
        wanted = {"obs": {"data_url"}, "dataset": {"dataset_id", "dataset_version"}}[source["type"]]
        got = {name for name in ("data_url", "dataset_id", "dataset_version") if name in source}
        if got != wanted:
            fields = " and ".join(sorted(wanted))
            _reject(f"{at}data_source.{index}", f"of type {source['type']} takes {fields}")  # R16


def _check_target(config: Config, at: str) -> None:
    if "spec_id" not in config and "pool_id" not in config:
        _reject(f"{at}spec_id", "is required")  # R18


_CONFIG_CHECKS: tuple[Callable[[Config, str], None], ...] = (
    _check_algorithm,
    _check_boot_file,
    _check_input,
    _check_sources,
    _check_target,
)


def _reject(field: str, why: str) -> None:
    raise refusals.invalid(field, why)
