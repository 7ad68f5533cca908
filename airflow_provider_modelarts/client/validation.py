"""Validation of a ``config`` outside a DAG run, as in the tests of a repository of DAGs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from airflow_provider_modelarts.client.documents import parsed
from airflow_provider_modelarts.client.models.request import (
    CreateJobVersionRequest,
    CreateTrainingJobRequest,
)
from airflow_provider_modelarts.client.normal import as_list
from airflow_provider_modelarts.client.offer import STAND_IN, is_name
from airflow_provider_modelarts.client.shown import kind_of
from airflow_provider_modelarts.exceptions import PayloadValidationError, Violation

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["job", "version"]

_ANY_NAME: Final = "any_name"
_ANY_VERSION: Final = 0
_QUOTES: Final = "Correct it; Jinja expressions stand in quotes before they are rendered"
_ON_RENDERING: Final = ("{{", "{%")

# What stands in for a value that is known only once it is rendered, where a text would not do.
_STAND_INS: Final[dict[str, Any]] = {
    **dict.fromkeys(("worker_server_num", "spec_id", "engine_id", "model_id", "pre_version_id"), 1),
    "create_version": True,
    "parameter": {},
    "volumes": [],
    "data_source": [{"type": "obs", "data_url": "/rendered/later/"}],
}


@dataclass(frozen=True)
class Findings:
    """What is wrong with a ``config``.

    :param errors: broken rules for which an operator refuses it.
    :param warnings: broken rules with which it is sent all the same.
    """

    errors: tuple[Violation, ...] = ()
    warnings: tuple[Violation, ...] = ()


def validate_config(config: Mapping[str, Any] | Any, kind: Kind = "job") -> Findings:
    """Check a ``config`` as the create operators do; nothing is sent, and no Airflow is needed.

    A value that holds a Jinja expression is known only in a run, and the name of a flavor or an engine
    only to the service, so they are not judged.

    :param config: the API's own field names, as given to an operator.
    :param kind: ``job`` or ``version``; a version needs ``train_url``, and its ``pre_version_id`` may
        be left to the operator.
    :raises ValueError: another ``kind``.
    """
    if kind not in get_args(Kind):
        msg = f"kind is {kind!r}, but must be one of {', '.join(map(repr, get_args(Kind)))}"
        raise ValueError(msg)
    if not isinstance(config, Mapping):
        return _refused("config", kind_of(config), "a mapping (R03)", "Pass a mapping")
    checked = {key: _stand_in(key, value) for key, value in config.items()}
    request: CreateTrainingJobRequest | CreateJobVersionRequest
    try:
        if kind == "job":
            body = {"job_name": _ANY_NAME, "config": checked}
            request = CreateTrainingJobRequest.checked(body)
        else:
            body = {"config": {"pre_version_id": _ANY_VERSION, **checked}}
            request = CreateJobVersionRequest.checked(body)
    except PayloadValidationError as error:
        return Findings(errors=_certain(error.violations, config))
    return Findings(warnings=_certain(request.warnings(), config))


def validate_file(path: Path, kind: Kind | None = None) -> Findings:
    """Check the ``config`` in a JSON or YAML file, such as a template file of an operator.

    :param path: the file; a mapping with a key ``config`` counts as a whole request.
    :param kind: ``job`` or ``version``; None: a version if it names ``pre_version_id``.
    """
    shown = repr(str(path))
    try:
        text = path.read_text(encoding="utf-8")
        content = parsed(text, "file", source=shown, remedy=_QUOTES)
    except OSError as error:
        return _refused("file", shown, error.strerror or "readable", "Name a file")
    except ValueError:  # no text, or a path with a NUL in it
        return _refused("file", shown, "a text in UTF-8", "Name a JSON or YAML file")
    except PayloadValidationError as error:
        return Findings(errors=error.violations)
    if isinstance(content, Mapping) and isinstance(content.get("config"), Mapping):
        content = content["config"]
    if kind is None:
        kind = "version" if isinstance(content, Mapping) and "pre_version_id" in content else "job"
    return validate_config(content, kind)


def _refused(field: str, value: str, allowed: str, remedy: str) -> Findings:
    return Findings(errors=(Violation(field, value, allowed, remedy),))


def _stand_in(key: str, value: Any) -> Any:
    if _is_rendered_later(value):
        return _STAND_INS.get(key, value)
    return STAND_IN if is_name(key, value) else value  # only the service knows its names


def _is_rendered_later(value: Any) -> bool:
    return isinstance(value, str) and any(mark in value for mark in _ON_RENDERING)


def _certain(found: Any, config: Mapping[str, Any]) -> tuple[Violation, ...]:
    """Leave out what rendering may still fix."""
    return tuple(
        v
        for v in found
        if not any(_is_rendered_later(_at(config, field)) for field in _compared(v.field))
    )


def _compared(field: str) -> tuple[str, ...]:
    """Return the fields that a broken rule at this field is about."""
    return (field, "config.app_url") if field == "config.boot_file_url" else (field,)


def _at(config: Mapping[str, Any], path: str) -> Any:
    """Return the author's value at a path such as ``config.data_source[0].data_url``, or None."""
    value: Any = config
    for part in path.replace("[", ".").replace("]", "").split(".")[1:]:
        value = as_list(value)
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, Mapping):
            value = value.get(part)
        else:
            return None
    return value
