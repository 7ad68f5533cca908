"""Settings of a training that starts from those of another; pure functions."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.client.documents import parsed
from airflow_provider_modelarts.client.normal import as_list
from airflow_provider_modelarts.client.rules import parameter_pairs
from airflow_provider_modelarts.exceptions import PayloadValidationError

if TYPE_CHECKING:
    from airflow_provider_modelarts.client.models.job import Settings

log = logging.getLogger(__name__)

ALGORITHM: Final = (
    "app_url",
    "boot_file_url",
    "engine_id",
    "model_id",
    "user_image_url",
    "user_command",
)
INPUT: Final = ("data_source", "dataset_id", "dataset_version_id", "data_url")
TARGET: Final = ("spec_id", "pool_id")
SHARED_POOL: Final = "SYSTEM_DEFINED"
OTHERS: Final = ("worker_server_num", "train_url", "log_url")

_OWN_CODE: Final = ("app_url", "boot_file_url", "engine_id")

_SOURCE_FIELDS: Final = ("type", "data_url", "dataset_id", "dataset_version")


def inherited(previous: Settings, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``config`` completed by what the previous version, or a saved set, has set.

    Algorithm fields, input fields, and flavor with pool are each replaced as a group when ``config``
    names one of the group; parameters are merged by label; null, empty and id 0 count as unset. Of what
    an answer shows but a request may not hold together, one is kept.

    :param previous: the version or the saved set to start from.
    :param config: what the author names, with the API's field names.
    """
    result: dict[str, Any] = {}
    for group in (ALGORITHM, INPUT, TARGET):
        if not any(name in config for name in group):
            result |= _set_fields(previous, group)
    result |= {
        name: value for name, value in _set_fields(previous, OTHERS).items() if name not in config
    }
    _keep_one_input(result)
    _keep_one_algorithm(result)
    _keep_one_target(result, getattr(previous, "pool_type", None))
    parameter = _parameters(previous, config)
    return result | dict(config) | ({"parameter": parameter} if parameter else {})


def _set_fields(previous: Settings, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: getattr(previous, name) for name in names}
    if found.get("data_source"):
        found["data_source"] = [
            {key: item[key] for key in _SOURCE_FIELDS if item.get(key)}
            for item in found["data_source"]
        ]
    return {name: value for name, value in found.items() if not _is_unset(name, value)}


def _is_unset(name: str, value: Any) -> bool:
    """Ids that are texts come as 0 or "0" where none is set, like those that are numbers."""
    return value in (None, "", [], 0) or (value == "0" and name.endswith("_id"))


def _keep_one_input(result: dict[str, Any]) -> None:
    """Answers may show one input in two forms; a request may not. The list says the most."""
    if "data_source" in result:
        for name in INPUT[1:]:
            result.pop(name, None)
    elif "dataset_id" in result:
        result.pop("data_url", None)


def _keep_one_algorithm(result: dict[str, Any]) -> None:
    """Answers show beside a built-in algorithm what it is made of; a request names it alone."""
    if "user_image_url" in result:
        result.pop("model_id", None)
    elif "model_id" in result:
        for name in _OWN_CODE:
            result.pop(name, None)


def _keep_one_target(result: dict[str, Any], pool_type: str | None) -> None:
    """Answers show a flavor's pool, or a pool's flavor; a request names what was asked for.

    The pool that all share (``SYSTEM_DEFINED``) cannot be asked for; any other is dedicated. Where the
    answer does not say which it is, the flavor is kept.
    """
    if "spec_id" not in result or "pool_id" not in result:
        return
    del result["spec_id" if pool_type and pool_type != SHARED_POOL else "pool_id"]
    if not pool_type:
        log.warning(
            "The settings to start from show spec_id and pool_id, and a request takes one: spec_id is kept. To "
            "train in the pool, name pool_id in config"
        )


def _parameters(previous: Settings, config: Mapping[str, Any]) -> Any:
    """Merge by label; answers may have numbers as values and keys of their own in a pair."""
    before = [
        {"label": pair["label"], "value": pair["value"]}
        for pair in previous.parameter or ()
        if isinstance(pair.get("label"), str) and pair["label"] and pair.get("value") is not None
    ]
    given = as_list(_read(config.get("parameter", [])))
    if not before or not isinstance(given, (Mapping, list)):
        return given  # nothing to merge, or a mistake that validation will name
    named = parameter_pairs(given)
    # A list, since a mistaken label need not be hashable.
    labels = [pair.get("label") for pair in named if isinstance(pair, Mapping)]
    merged = [pair for pair in parameter_pairs(before) if pair["label"] not in labels]
    return [*merged, *named]


def _read(given: Any) -> Any:
    """Read parameters that a template has made text; what cannot be read is left to validation."""
    if not isinstance(given, str):
        return given
    try:
        return parsed(given, "config.parameter")
    except PayloadValidationError:
        return given
