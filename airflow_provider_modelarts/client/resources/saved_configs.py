"""Saved parameter sets.

Pages of the ModelArts API reference: 0058 create, 0059 list, 0062 details, 0060 replace, 0061
delete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from airflow_provider_modelarts.client.ids import checked_name
from airflow_provider_modelarts.client.models.answer import rows_of
from airflow_provider_modelarts.client.models.saved_config import (
    CreateSavedConfigRequest,
    SavedConfig,
    SavedConfigSummary,
    UpdateSavedConfigRequest,
)
from airflow_provider_modelarts.client.operation import (
    Operation,
    Repeat,
    accepted,
    given,
    newest_first,
)
from airflow_provider_modelarts.client.ownership import has_settings
from airflow_provider_modelarts.client.resources.catalogue import Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SETS = "/training-job-configs"


class SavedConfigs(Catalogue):
    """The part of the client that deals with saved parameter sets."""

    def create_saved_config(
        self,
        request: CreateSavedConfigRequest | Mapping[str, Any],
        extra_config: Mapping[str, Any] | None = None,
    ) -> None:
        """Save a set under a new name.

        When the answer is lost the name is looked up first, and the request repeated only where it
        is not there.

        :param request: a request model, or a mapping with ``config_name`` and settings, which is
            validated first.
        :param extra_config: merged in last and unchecked.
        :raises PayloadValidationError: the mapping breaks documented rules.
        :raises JobNameExistsError: the name is taken.
        """
        body = self._checked(CreateSavedConfigRequest, request, extra_config).to_wire(extra_config)

        def saved() -> Literal[True] | None:
            return True if self.has_saved_config(body) else None

        operation = Operation(
            "create_saved_config", "POST", _SETS, accepted, body=body, repeat=Repeat.ASK_FIRST
        )
        self._call_asking_first(operation, saved)

    def has_saved_config(self, body: Mapping[str, Any]) -> bool:
        """Whether a set of this name shows all settings of this body as they are there.

        Settings that the body leaves out do not count.
        """
        name = body["config_name"]
        found = self.list_saved_configs(search_content=name)
        if not any(row.config_name == name for row in found):
            return False
        there = self.get_saved_config(name)
        return has_settings(there, body) and there.config_desc == (body.get("config_desc") or None)

    def list_saved_configs(
        self, *, search_content: str = "", config_type: str = "custom", per_page: int = 100
    ) -> Iterator[SavedConfigSummary]:
        """Iterate over the saved sets, newest first.

        :param search_content: part of the name; the service compares loosely.
        :param config_type: ``custom`` (saved by users) or ``sample`` (of the service, by name).
        :param per_page: rows fetched with one request, 1 to 1000.
        """
        sort = "config_name" if config_type == "sample" else "create_time"
        filters = given(search_content=search_content, config_type=config_type)
        return self._pages(
            lambda page: Operation(
                "list_saved_configs",
                "GET",
                _SETS,
                rows_of("configs", SavedConfigSummary.from_wire),
                query=filters + newest_first(page, per_page, sort),
            ),
            per_page,
            lambda row: row.config_name,
        )

    def get_saved_config(self, config_name: str, *, config_type: str = "custom") -> SavedConfig:
        """Read one set.

        :param config_type: ``custom`` (saved by users) or ``sample`` (of the service).
        """
        return self.call(
            Operation(
                "get_saved_config",
                "GET",
                _path(config_name),
                lambda data: SavedConfig.from_wire({**data, "config_name": config_name}),
                query=given(config_type=config_type),
            )
        )

    def update_saved_config(
        self,
        config_name: str,
        request: UpdateSavedConfigRequest | Mapping[str, Any],
        extra_config: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace a set as a whole; arguments and errors as for ``create_saved_config``."""
        body = self._checked(UpdateSavedConfigRequest, request, extra_config).to_wire(extra_config)
        self.call(Operation("update_saved_config", "PUT", _path(config_name), accepted, body=body))

    def delete_saved_config(self, config_name: str) -> None:
        """Delete a set."""
        self.call(
            Operation(
                "delete_saved_config",
                "DELETE",
                _path(config_name),
                accepted,
                repeat=Repeat.ABSENT_IS_DONE,
            )
        )


def _path(config_name: str) -> str:
    return f"{_SETS}/{quote(checked_name(config_name, 'config_name'), safe='')}"
