"""The documented rules of a training payload that are not about one field's type.

Ids ``R..`` number the rules for error messages and docs. Severity E is refused (``between_fields``,
``unset_options``), severity W is sent with a warning (``warnings``). Pure functions on mappings of
the API's own field names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import PydanticCustomError

from airflow_provider_modelarts.client.normal import as_list, is_flag, number_text

MISSING: Final = object()
"""Stands for a value that is not there."""

HIDDEN: Final = object()
"""Stands for a value that may hold a secret."""


@dataclass(frozen=True)
class Finding:
    """A broken rule at one field, before it has its full path."""

    field: str
    value: Any
    rule: str
    allowed: str
    remedy: str


_MAY_BE_EMPTY: Final = frozenset({"job_desc", "config_desc", "value"})
_OWN_CODE: Final = ("app_url", "boot_file_url", "engine_id")
_FOLDERS: Final = ("app_url", "train_url", "log_url")
_FORBIDDEN_IN_PATHS: Final = re.compile(r"//|[\s'\"{}\[\]<>|\\]")


# ---- severity E


def is_unset(key: str, value: Any) -> bool:
    """Whether an option is given, but as null or an empty text (R26)."""
    return value is None or (value == "" and key not in _MAY_BE_EMPTY)


def set_options(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are set."""
    return {key: value for key, value in data.items() if not is_unset(key, value)}


def unset_options(data: Mapping[str, Any]) -> list[Finding]:
    """R26: an option that is not set is left out."""
    return [
        Finding(key, value, "R26", "neither null nor an empty text", "Leave it out, or set it")
        for key, value in data.items()
        if is_unset(key, value)
    ]


def parameter_pairs(value: Any) -> Any:
    """Bring parameters into the API's form: label/value pairs of texts.

    A mapping becomes pairs; numbers become texts, true and false as in JSON.
    """
    if isinstance(value, Mapping):
        value = [{"label": label, "value": item} for label, item in value.items()]
    value = as_list(value)
    if not isinstance(value, list):
        raise PydanticCustomError("not_pairs", "neither a mapping nor a list")  # noqa: EM101 - a type
    return [
        {**pair, "value": _text(pair["value"])}
        if isinstance(pair, Mapping) and "value" in pair
        else pair
        for pair in value
    ]


def _text(value: Any) -> Any:
    if is_flag(value):
        return str(bool(value)).lower()
    text = number_text(value)
    return value if text is None else text


def between_fields(data: Mapping[str, Any]) -> list[Finding]:
    """Return all broken rules of severity E that concern more than one field of ``config``."""
    return [*saved_set(data), *_target(data)]


def saved_set(data: Mapping[str, Any]) -> list[Finding]:
    """Return those that hold for a saved parameter set too, which has ``spec_id`` only."""
    return [*_algorithm(data), *_boot_file(data), *_inputs(data), *_sources(data)]


def _algorithm(data: Mapping[str, Any]) -> list[Finding]:
    """R06, R08, R10, R11: a built-in algorithm, own code, or an image."""
    found = []
    image, built_in = "user_image_url" in data, "model_id" in data
    app, boot = "app_url" in data, "boot_file_url" in data
    if boot and not app:
        found.append(_absent("app_url", "R08", "needed with boot_file_url", "Set the code folder"))
    if app and not boot and not image:
        remedy = "Set it to a file below app_url"
        found.append(_absent("boot_file_url", "R08", "needed with app_url", remedy))
    if app and boot and not (image or built_in or "engine_id" in data):
        remedy = "Take engine_id from the engine list; the documented default of 1 is not applied"
        found.append(_absent("engine_id", "R10", "needed with app_url and boot_file_url", remedy))
    if not (image or built_in or app or boot):
        remedy = (
            "Set app_url, boot_file_url and engine_id (own code), or model_id (built-in algorithm), "
            "or user_image_url and user_command (custom image)"
        )
        found.append(_absent("app_url", "R06", "one way to say what is run", remedy))
    if "user_command" in data and not image:
        remedy = "Set user_image_url, or leave user_command out"
        found.append(Finding("user_command", HIDDEN, "R11", "only with user_image_url", remedy))
    return found


def _boot_file(data: Mapping[str, Any]) -> list[Finding]:
    """R09: the boot file lies inside the code folder."""
    app, boot = data.get("app_url"), data.get("boot_file_url")
    if not isinstance(app, str) or not isinstance(boot, str):
        return []
    folder, file = _path(app).rstrip("/") + "/", _path(boot)
    if ".." in file.split("/") or ".." in folder.split("/"):
        return [Finding("boot_file_url", boot, "R09", "no '..' in a path", "Write the path out")]
    if file.startswith(folder) and file != folder:
        return []
    remedy = "Set app_url to the folder that holds the boot file"
    return [Finding("boot_file_url", boot, "R09", f"a file below app_url {app!r}", remedy)]


def _path(url: str) -> str:
    """Return an OBS URL in its ``/bucket/key`` form."""
    return "/" + url.removeprefix("obs://") if url.startswith("obs://") else url


def _inputs(data: Mapping[str, Any]) -> list[Finding]:
    """R14, R15: exactly one way to name the input; a dataset needs both ids."""
    pair = {"dataset_id", "dataset_version_id"}
    given = [name for name in ("data_url", "data_source") if name in data]
    found = []
    if pair & data.keys():
        given.insert(1, "dataset_id")
        for name in sorted(pair - data.keys()):
            (other,) = pair - {name}
            found.append(_absent(name, "R15", f"needed with {other}", "Set both ids, or neither"))
    ways = "exactly one of data_url, dataset_id with dataset_version_id, data_source"
    if not given:
        found.append(_absent("data_url", "R14", ways, "Set data_url like '/bucket/data/'"))
    for name in given[1:]:
        remedy = f"Leave it out, or leave {given[0]} out"
        found.append(Finding(name, data.get(name, MISSING), "R14", ways, remedy))
    return found


def _sources(data: Mapping[str, Any]) -> list[Finding]:
    """R16: a list of inputs of one type, each with the fields of its type only."""
    sources = data.get("data_source")
    if not isinstance(sources, list):
        return []
    if not sources:
        return [Finding("data_source", sources, "R16", "at least one input", "Add one")]
    wanted = {"obs": {"data_url"}, "dataset": {"dataset_id", "dataset_version"}}
    items = [
        (index, item, item["type"])
        for index, item in enumerate(sources)
        # In a tuple, not in the mapping: a mistaken type need not be hashable.
        if isinstance(item, Mapping) and item.get("type") in tuple(wanted)
    ]
    kinds = {kind for _, _, kind in items}
    found = []
    if len(kinds) > 1:
        remedy = "Use 'obs' for all or 'dataset' for all"
        found.append(Finding("data_source", sorted(kinds), "R16", "one type per list", remedy))
    for index, item, kind in items:
        fields = item.keys() & {"data_url", "dataset_id", "dataset_version"}
        if fields != wanted[kind]:
            has = ", ".join(sorted(fields)) or "nothing"
            allowed = f"type {kind!r} has exactly {' and '.join(sorted(wanted[kind]))}"
            remedy = "The key is dataset_version here, not dataset_version_id"
            place = f"data_source[{index}]"
            found.append(
                Finding(
                    place,
                    has,
                    "R16",
                    allowed,
                    remedy if kind == "dataset" else "Leave only type and data_url in it",
                )
            )
    return found


def _target(data: Mapping[str, Any]) -> list[Finding]:
    """R18: something to run on."""
    if "spec_id" in data or "pool_id" in data:
        return []
    remedy = "Take spec_id from the flavor list, or set pool_id of a dedicated pool"
    return [_absent("spec_id", "R18", "spec_id or pool_id is needed", remedy)]


def volume_kind(data: Mapping[str, Any]) -> list[Finding]:
    """R23: a volume says what it is."""
    if data.keys() & {"nfs", "host_path"}:
        return []
    return [_absent("nfs", "R23", "nfs or host_path is needed", "Set one of the two")]


def _absent(field: str, rule: str, allowed: str, remedy: str) -> Finding:
    return Finding(field, MISSING, rule, allowed, remedy)


# ---- severity W


def warnings(config: Mapping[str, Any]) -> list[Finding]:
    """Return the broken rules of severity W of a valid ``config`` in its wire form."""
    found = [*_doubtful_pairs(config), *_repeated_labels(config), *_doubtful_volumes(config)]
    for name in ("app_url", "boot_file_url", "data_url", "train_url", "log_url"):
        if name in config:
            found += _doubtful_path(name, config[name])
    return found


def no_output(train_url: str | None) -> list[Finding]:
    """R19n: a training has to put its result somewhere."""
    if train_url is not None:
        return []
    allowed = "expected for a training, which fails without a folder for its output"
    return [_absent("train_url", "R19n", allowed, "Set it like '/bucket/output/'")]


def _doubtful_pairs(config: Mapping[str, Any]) -> list[Finding]:
    """R07, R12, R13, R18b: combinations that the pages advise against."""
    found = []
    if "model_id" in config:
        found += [
            Finding(name, config[name], "R07", "needless beside model_id", "Leave it out")
            for name in _OWN_CODE
            if name in config
        ]
    if "user_image_url" in config:
        if "model_id" in config:
            value = config["model_id"]
            allowed = "not documented together with user_image_url"
            found.append(Finding("model_id", value, "R13", allowed, "Leave one of the two out"))
        if "user_command" not in config:
            allowed = "expected with user_image_url"
            found.append(_absent("user_command", "R12", allowed, "Set the command of the image"))
    if "spec_id" in config and "pool_id" in config:
        value = config["pool_id"]
        found.append(Finding("pool_id", value, "R18b", "not with spec_id", "Leave one out"))
    return found


def _repeated_labels(config: Mapping[str, Any]) -> list[Finding]:
    """R17d: a label stands once."""
    labels = Counter(pair["label"] for pair in config.get("parameter", ()))
    return [
        Finding("parameter", label, "R17d", f"a label stands once, not {n} times", "Keep one")
        for label, n in labels.items()
        if n > 1
    ]


def _doubtful_volumes(config: Mapping[str, Any]) -> list[Finding]:
    """R23o, R24: one kind a volume, and a pool that can mount it."""
    found = []
    volumes = config.get("volumes", ())
    for index, volume in enumerate(volumes):
        if len(volume) > 1:
            kinds = ", ".join(sorted(volume))
            allowed = "one kind of volume per item"
            found.append(
                Finding(f"volumes[{index}]", kinds, "R23o", allowed, "Make two items of it")
            )
    if volumes and "pool_id" not in config:
        allowed = "nfs needs a pool on the shared file network, host_path a dedicated pool"
        found.append(_absent("pool_id", "R24", allowed, "Set pool_id"))
    return found


def _doubtful_path(name: str, value: str) -> list[Finding]:
    """R25: the form of an OBS path."""
    problems = []
    if not value.startswith("/"):
        problems.append("starts with '/' and the bucket's name")
    if name in _FOLDERS and not value.endswith("/"):
        problems.append("a folder ends in '/'")
    if _FORBIDDEN_IN_PATHS.search(value.removeprefix("obs://")):
        problems.append("no '//', blank, quote, brace or bracket")
    if "/" not in value.removeprefix("obs://").strip("/"):
        problems.append("more than a bucket")
    remedy = "Write it like '/bucket/folder/'"
    return [Finding(name, value, "R25", problem, remedy) for problem in problems]
