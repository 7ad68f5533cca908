"""What the service offers, asked for once: checks of ids, and ids for names.

An id of a flavor, an engine or an algorithm says nothing to a reader and differs between regions, so a
``config`` may name a flavor by its ``spec_code`` and an engine as ``name/version``.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_modelarts.client.shown import shown
from airflow_provider_modelarts.exceptions import PayloadValidationError, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_modelarts.client.models.catalogue import ResourceSpec
    from airflow_provider_modelarts.client.models.payload import Request
    from airflow_provider_modelarts.client.resources.catalogue import Catalogue

RequestT = TypeVar("RequestT", bound="Request")
Names = dict[int, str]

FIELDS: Final = ("spec_id", "engine_id", "model_id")
NAMED: Final = ("spec_id", "engine_id")
"""Fields for which a name will do."""

STAND_IN: Final = 1
"""Id that lets the other rules be checked where a name cannot be looked up."""

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

    def checked(
        self,
        model: type[RequestT],
        data: Mapping[str, Any] | Any,
        subject: str | None = None,
        *,
        against_service: bool = False,
        extra_config: Mapping[str, Any] | None = None,
    ) -> RequestT:
        """Validate a request whose settings may name a flavor or an engine.

        :param model: the request's model.
        :param data: the request body with the API's field names.
        :param subject: what it is for, in the error's first line.
        :param against_service: look ids and the number of workers up in the catalogue as well.
        :param extra_config: what is merged in later; a field that only it has is not missing.
        :raises PayloadValidationError: lists every broken rule.
        """
        if not isinstance(data, Mapping):
            return model.checked(data, subject)
        nested = isinstance(data.get("config"), Mapping)
        at = "config." if nested else ""
        config, violations = self.with_ids(data["config"] if nested else data, at)
        request = None
        try:
            body = {**data, "config": config} if nested else config
            request = model.checked(body, subject, extra_config)
        except PayloadValidationError as error:
            violations += error.violations
        if request is not None and not violations and against_service:
            body = request.to_wire()
            violations += self.check(body["config"] if nested else body, at)
        if violations or request is None:
            raise PayloadValidationError(violations, subject or model.__name__)
        return request

    def with_ids(
        self, config: Mapping[str, Any], at: str = "config."
    ) -> tuple[dict[str, Any], list[Violation]]:
        """Replace names by their ids; one that is not there by a stand-in, with a violation.

        :param at: where the settings lie in the request.
        """
        result, violations = dict(config), []
        for field in NAMED:
            wanted = config.get(field)
            if is_name(field, wanted):
                found = [key for key, name in self.names(field).items() if name == wanted]
                if len(found) != 1:
                    violations.append(self._not_offered(at, field, wanted, found))
                result[field] = found[0] if found else STAND_IN
        return result, violations

    def check(self, config: Mapping[str, Any], at: str = "config.") -> list[Violation]:
        """Return what valid settings in their wire form ask for and the service does not have."""
        violations = [
            self._not_offered(at, field, config[field])
            for field in FIELDS
            if field in config and config[field] not in self.names(field)
        ]
        return violations + self._too_many_workers(at, config)

    def _too_many_workers(self, at: str, config: Mapping[str, Any]) -> list[Violation]:
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
        return [Violation(f"{at}worker_server_num", repr(wanted), allowed, remedy)]

    def _not_offered(
        self, at: str, field: str, wanted: Any, ambiguous: Sequence[int] = ()
    ) -> Violation:
        names = self.names(field)
        if ambiguous:
            allowed = f"one of the ids that have this name: {', '.join(map(str, ambiguous))}"
            return Violation(at + field, shown(wanted), allowed, "Set the id")
        near = get_close_matches(str(wanted)[:64], names.values(), n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else "Set one of these"
        return Violation(at + field, shown(wanted), f"one of {_listed(names)}", remedy)


def is_name(field: str, value: Any) -> bool:
    """Whether a field's value is a name: any text for a flavor, ``name/version`` for an engine."""
    if field not in NAMED or not isinstance(value, str):
        return False
    text = value.strip()
    return "/" in text if field == "engine_id" else text != "" and not text.lstrip("-").isdigit()


def has_names(config: Any) -> bool:
    """Whether settings name a flavor or an engine."""
    return isinstance(config, Mapping) and any(is_name(name, config.get(name)) for name in NAMED)


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
