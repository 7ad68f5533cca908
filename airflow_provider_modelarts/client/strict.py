"""Makes sure that what is sent unchecked is JSON at least: its types, within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from airflow_provider_modelarts.client.documents import WrittenFloat, parsed
from airflow_provider_modelarts.client.ids import is_well_formed
from airflow_provider_modelarts.client.normal import as_list, plain
from airflow_provider_modelarts.client.shown import kind_of, path_of, shown
from airflow_provider_modelarts.exceptions import PayloadValidationError, Violation

MAX_DEPTH: Final = 40
"""Levels of lists and mappings in each other."""

MAX_VALUES: Final = 10_000
"""Values in all; YAML's references can make thousands of millions out of a few lines."""

_MAX_BITS: Final = 64


def extra_fields(value: Any, field: str = "extra_config") -> dict[str, Any]:
    """Return what is merged into a request unchecked as a mapping of plain JSON.

    :param value: a mapping, a text that holds one, or None.
    :param field: its name, for the error.
    :raises PayloadValidationError: it is no mapping, or something in it is not JSON.
    """
    if value is None or value == "":
        return {}
    return strict_json(mapping(value, field), field)


def mapping(value: Any, field: str) -> Mapping[Any, Any]:
    """Return settings as a mapping, parsed where they are text.

    :raises PayloadValidationError: they are none.
    """
    found = parsed(value, field) if isinstance(value, str) else value
    if isinstance(found, Mapping):
        return found
    if not isinstance(value, str):
        remedy = (
            "Pass a mapping; or the path of a .json, .yaml or .yml template as a plain text, without "
            "an expression in it"
        )
        what = kind_of(value)
    elif value.strip().endswith((".json", ".yaml", ".yml")) and "\n" not in value:
        what = shown(value)
        remedy = (
            "Put the file beside the DAG file or into the DAG's template_searchpath, and write its path "
            "as a plain text, without an expression in it"
        )
    else:
        what = f"a text that holds {kind_of(found)}"
        remedy = "Pass a mapping; from a template with | tojson, as in {{ params.config | tojson }}"
    violation = Violation(field, what, "a mapping of the API's field names (R03)", remedy)
    raise PayloadValidationError([violation], f"operator parameter {field}")


def strict_json(value: Mapping[Any, Any], field: str) -> dict[str, Any]:
    """Return a copy in the types of JSON.

    :raises PayloadValidationError: lists every value that JSON does not have.
    """
    walk = _Walk()
    result: dict[str, Any] = walk.copy(value, (field,))
    if walk.violations:
        raise PayloadValidationError(walk.violations, f"operator parameter {field}")
    return result


class _Walk:
    """One walk through a value."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self._seen = 0

    def copy(self, value: Any, at: tuple[Any, ...]) -> Any:
        self._seen += 1
        if len(at) > MAX_DEPTH or self._seen > MAX_VALUES:
            if len(self.violations) < 10:
                allowed = f"at most {MAX_DEPTH} levels and {MAX_VALUES} values"
                self._refuse(at[:4], "a value below it", allowed, "Make it smaller")
            return None
        value = as_list(value)
        if isinstance(value, Mapping):
            return {self._key(key, at): self.copy(item, (*at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.copy(item, (*at, index)) for index, item in enumerate(value)]
        return self._scalar(value, at)

    def _key(self, key: Any, at: tuple[Any, ...]) -> str:
        if isinstance(key, str) and is_well_formed(key):
            return key
        remedy = "Write the name of the field as a text, in quotes"
        self._refuse((*at, key), f"under the key {shown(key)}", "only keys that are texts", remedy)
        return ""

    def _scalar(self, value: Any, at: tuple[Any, ...]) -> Any:
        value = value if isinstance(value, (str, float)) else plain(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            if is_well_formed(value):
                return value
            self._refuse(at, shown(value), "text without half characters", "Write the text anew")
        elif isinstance(value, int):
            if value.bit_length() <= _MAX_BITS:
                return value
            self._refuse(at, shown(value), "an integer of at most 64 bits", "Write it as a text")
        elif isinstance(value, float):
            if isfinite(value):
                return float(value) if isinstance(value, WrittenFloat) else value
            self._refuse(at, shown(value), "a finite number", "Write it as a text")
        else:
            allowed = "a text, number, true, false, null, list or mapping"
            self._refuse(at, f"a {type(value).__name__}", allowed, "Write it as a text")
        return None

    def _refuse(self, at: tuple[Any, ...], value: str, allowed: str, remedy: str) -> None:
        self.violations.append(Violation(path_of(at), value, f"{allowed} (R28)", remedy))
