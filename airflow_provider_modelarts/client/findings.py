"""How a broken rule is told: field path, value, what is allowed, what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from airflow_provider_modelarts.client.rules import HIDDEN, MISSING, Finding
from airflow_provider_modelarts.client.shown import path_of, shown
from airflow_provider_modelarts.exceptions import Violation

Rule = tuple[str, str, str]
"""Id of the rule, what is allowed, remedy."""

EXTRA: Final = "A newer field goes into extra_config"

_SECRET_NAME: Final = re.compile(r"passw|secret|token|credential|private", re.IGNORECASE)

# What a field may hold, for problems of the field itself.
_FIELD_RULES: Final[dict[str, Rule]] = {
    "job_name": (
        "R01",
        "1 to 64 letters, digits, '_' or '-'",
        "Set job_name of the operator; unique_job_name() of airflow_provider_modelarts.job_names "
        "makes one that always fits",
    ),
    "job_desc": (
        "R02",
        "a text of at most 256 characters",
        "Set job_desc to a text, shorten a long one",
    ),
    "config": ("R03", "a mapping of the API's field names", "Set config of the operator"),
    "workspace_id": (
        "R04",
        "a workspace id; only for a new job",
        "Set workspace_id of the operator",
    ),
    "worker_server_num": ("R05", "an integer of at least 1", "Set the number of workers, mostly 1"),
    "engine_id": (
        "R10",
        "an integer id of the engine list, or name/version of an engine",
        "Take engine_id from the engine list",
    ),
    "model_id": ("R06", "an integer id of the built-in algorithms", "Set the id of an algorithm"),
    "spec_id": (
        "R18",
        "an integer id of the flavor list, or the spec_code of a flavor",
        "Take spec_id from the flavor list",
    ),
    "pool_id": ("R18", "the id of a dedicated pool", "Set the id of a dedicated resource pool"),
    "train_url": ("R19", "an OBS folder; required for a version", "Set it like '/bucket/output/'"),
    "log_url": ("R20", "an OBS folder", "Set it like '/bucket/logs/', or leave it out"),
    "create_version": ("R21", "true or false; only for a new job", "Set it to true or false"),
    "pre_version_id": (
        "R22",
        "the integer id of the version before; only for a version",
        "Set it to the version_id of the version before",
    ),
    "volumes": ("R23", "a list of volumes; only for a new job", "Set a list of nfs and host_path"),
    "parameter": (
        "R17",
        "a mapping of names to texts or numbers, or a list of {label, value}",
        "Pass a mapping or a list (a template with | tojson); write a nested value as a JSON text",
    ),
    "label": ("R17", "a text that is not empty", "Name the parameter"),
    "value": ("R17", "a text or a number", "Write it as a text; a nested value as JSON"),
    "data_source": (
        "R16",
        "a list of inputs of one type",
        "Set it like [{'type': 'obs', 'data_url': '/bucket/data/'}]",
    ),
    "type": ("R16", "'obs' or 'dataset'", "Name the type of the input"),
    "app_url": ("R08", "an OBS folder such as '/bucket/code/'", "Set the code folder"),
    "boot_file_url": ("R08", "a file below app_url", "Set it like '/bucket/code/train.py'"),
}

# What to do with a field that belongs to the other of the two requests.
_ELSEWHERE: Final = {
    "create_version": "Leave it out of a version",
    "pre_version_id": "Leave it out of a new job",
    "volumes": "Leave it out of a version",
    "workspace_id": "Leave it out of a version, which stays in the workspace of its job",
}

_OPERATOR_FIELDS: Final = frozenset({"job_name", "job_desc", "workspace_id", "job_id"})


@dataclass(frozen=True)
class Fields:
    """What a request tells about its fields.

    :param names: the field names by the place they belong to; the body itself is ``""``.
    :param rules: rules of fields that mean something else here than in a training payload.
    :param newer: where a field goes that this release does not know.
    """

    names: Mapping[str, Sequence[str]]
    rules: Mapping[str, Rule] = field(default_factory=dict)
    newer: str = ""


def as_violation(finding: Finding, parent: str) -> Violation:
    """Give a finding its full path and a printable value."""
    path = f"{parent}.{finding.field}" if parent else finding.field
    return Violation(
        path, show(finding.value), f"{finding.allowed} ({finding.rule})", finding.remedy
    )


def violation(error: Any, fields: Fields) -> Violation:
    """Make a violation of one of pydantic's errors.

    :param error: an item of ``ValidationError.errors()``.
    :param fields: those of the request.
    """
    *parents, name = error["loc"] or ("request",)
    kind = error["type"]
    path = path_of(error["loc"] or ("request",))
    value = show(MISSING if kind == "missing" else error["input"], secret=_is_secret(error))
    if kind == "rule":
        context = error["ctx"]
        return Violation(
            path, value, f"{context['allowed']} ({context['rule']})", context["remedy"]
        )
    if kind == "extra_forbidden":
        return Violation(path, value, *_unknown(str(name), parents, fields))
    rule, allowed, remedy = _rule_of(error["loc"], {**_FIELD_RULES, **fields.rules})
    return Violation(path, value, f"{allowed} ({rule})", remedy)


def show(value: Any, *, secret: bool = False) -> str:
    """Return a short text for a value; never a secret's."""
    if value is MISSING:
        return "missing"
    if secret or value is HIDDEN:
        return "a value that is not shown"
    return shown(value)


def _is_secret(error: Any) -> bool:
    """Whether this may be a secret: a parameter, a command, an unknown field so named or nested."""
    if _SECRET_NAME.search(str(error["loc"][-1:])) or "user_command" in error["loc"]:
        return True
    if error["type"] == "extra_forbidden" and isinstance(error["input"], (Mapping, list)):
        return True
    return (
        "parameter" in error["loc"]
        and error["loc"][-1] != "label"
        and not isinstance(error["input"], (bool, int, float, type(None)))
    )


def _rule_of(loc: Sequence[str | int], rules: Mapping[str, Rule]) -> Rule:
    """Find the rule of the innermost field of a path that has one."""
    if "volumes" in loc and loc[-1] != "volumes":
        return (
            "R23",
            "a text; nfs has id, src_path and dest_path, host_path the last two",
            "Set them, as in {'id': '1', 'src_path': '192.168.8.150:/', 'dest_path': '/nas'}",
        )
    # The rule of config is not one of its fields.
    names = [part for part in reversed(loc) if isinstance(part, str)]
    names = names if names[:1] == ["config"] else [name for name in names if name != "config"]
    for name in names:
        if name in rules:
            return rules[name]
    name = names[0] if names else "request"
    return "R26", "a text that is not empty", f"Set {name} as the API documents it"


def _unknown(name: str, parents: Sequence[str | int], fields: Fields) -> tuple[str, str]:
    """R27 and the rules about fields that belong elsewhere."""
    two_requests = "config" in fields.names
    if two_requests and name in _ELSEWHERE and (name == "workspace_id") != bool(parents):
        rule, allowed, _ = _FIELD_RULES[name]
        return f"{allowed} ({rule})", _ELSEWHERE[name]
    if name in _OPERATOR_FIELDS and parents:
        return "not a field of config (R27)", f"Give {name} to the operator itself"
    place = next((part for part in reversed(parents) if isinstance(part, str)), "")
    names = fields.names.get(place, ())
    near = get_close_matches(name[:64], names, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(names)}."
    return "not a known field (R27)", f"{remedy} {fields.newer}".rstrip(" .")
