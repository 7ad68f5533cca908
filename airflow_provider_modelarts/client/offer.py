"""What the service offers, asked for once: checks of ids, and ids for names.

An id of a flavor, an engine or an algorithm says nothing to a reader and differs between regions, so a
``config`` may name a flavor by its ``spec_code`` and an engine as ``name/version``.
"""

from __future__ import annotations

import threading
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.exceptions import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider_modelarts.client.models.catalogue import ResourceSpec
    from airflow_provider_modelarts.client.resources.catalogue import Catalogue

Names = dict[int, str]

FIELDS: Final = ("spec_id", "engine_id", "model_id")
NAMED: Final = ("spec_id", "engine_id")
"""Fields for which a name will do."""

_STAND_IN: Final = 1
_MOST_SHOWN: Final = 12


class Offer:
    """The catalogue of one client's project, each kind fetched when it is first needed.

    :param client: access to the service.
    """

    def __init__(self, client: Catalogue) -> None:
        self._fetch: dict[str, Callable[[], Iterable[Any]]] = {
            "spec_id": client.list_resource_specs,
            "engine_id": client.list_engines,
            "model_id": client.list_built_in_algorithms,
        }
        self._rows: dict[str, list[Any]] = {}
        self._lock = threading.Lock()

    def names(self, field: str) -> Names:
        """Return the names of all ids that a field may have."""
        return {getattr(row, field): _name(field, row) for row in self.rows(field)}

    def rows(self, field: str) -> list[Any]:
        """Return what a field may stand for."""
        with self._lock:
            if field not in self._rows:
                self._rows[field] = list(self._fetch[field]())
            return self._rows[field]

    def with_ids(self, config: Mapping[str, Any]) -> tuple[dict[str, Any], list[Violation]]:
        """Replace names by their ids; one that is not there by a stand-in, with a violation."""
        result, violations = dict(config), []
        for field in NAMED:
            wanted = config.get(field)
            if is_name(wanted):
                found = [key for key, name in self.names(field).items() if name == wanted]
                if len(found) != 1:
                    violations.append(self._not_offered(field, wanted, ambiguous=found))
                result[field] = found[0] if found else _STAND_IN
        return result, violations

    def check(self, config: Mapping[str, Any]) -> list[Violation]:
        """Return what a valid ``config`` in its wire form asks for and the service does not have."""
        violations = [
            self._not_offered(field, config[field])
            for field in FIELDS
            if field in config and config[field] not in self.names(field)
        ]
        return violations + self._too_many_workers(config)

    def _too_many_workers(self, config: Mapping[str, Any]) -> list[Violation]:
        if "spec_id" not in config:
            return []
        spec: ResourceSpec | None = next(
            (row for row in self.rows("spec_id") if row.spec_id == config["spec_id"]), None
        )
        wanted = config["worker_server_num"]
        if spec is None or spec.max_num is None or wanted <= spec.max_num:
            return []
        allowed = f"at most {spec.max_num} with flavor {_shown(spec.spec_id, spec.spec_code)} (R05)"
        remedy = "Take fewer workers or another flavor"
        return [Violation("config.worker_server_num", repr(wanted), allowed, remedy)]

    def _not_offered(
        self, field: str, wanted: Any, ambiguous: list[int] | None = None
    ) -> Violation:
        names = self.names(field)
        if ambiguous:
            allowed = f"one of the ids that have this name: {', '.join(map(str, ambiguous))}"
            return Violation(f"config.{field}", repr(wanted), allowed, "Set the id")
        near = get_close_matches(str(wanted), names.values(), n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "Set one of these"
        return Violation(f"config.{field}", repr(wanted), f"one of {_listed(names)}", remedy)


def is_name(value: Any) -> bool:
    """Whether a value of an id's field is a name, and not an id or a text of digits."""
    return (
        isinstance(value, str) and value.strip() != "" and not value.strip().lstrip("-").isdigit()
    )


def _name(field: str, row: Any) -> str:
    if field == "engine_id":
        return f"{row.engine_name}/{row.engine_version}"
    return str((row.spec_code if field == "spec_id" else row.model_name) or "")


def _shown(key: int, name: str | None) -> str:
    return f"{key} ({name})" if name else str(key)


def _listed(names: Names) -> str:
    shown = [_shown(key, name) for key, name in names.items()]
    more = len(shown) - _MOST_SHOWN
    return ", ".join(shown[:_MOST_SHOWN]) + (f" and {more} more" if more > 0 else "") or "none"
