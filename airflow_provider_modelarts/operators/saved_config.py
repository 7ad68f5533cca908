"""Operators for saved parameter sets.

.. seealso:: ``docs/operators.md``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.client.shown import shown
from airflow_provider_modelarts.exceptions import JobNameExistsError, NotFoundError
from airflow_provider_modelarts.operators.base import ModelArtsOperator, SearchOperator
from airflow_provider_modelarts.operators.config import ConfigOperator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.saved_config import SavedConfigSummary


class _SavedConfigOperator(ModelArtsOperator):
    """Base of the operators on one saved set.

    :param config_name: its name (templated).
    """

    template_fields: Sequence[str] = (*ModelArtsOperator.template_fields, "config_name")

    def __init__(self, *, config_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config_name = config_name


class UpdateSavedConfigOperator(ConfigOperator, _SavedConfigOperator):
    """Replaces a saved parameter set as a whole.

    See :class:`~airflow_provider_modelarts.operators.config.ConfigOperator` for ``config``.

    :param config_desc: description, at most 256 characters (templated); empty: none.
    """

    template_fields: Sequence[str] = (
        *ConfigOperator.template_fields,
        "config_name",
        "config_desc",
    )

    def __init__(self, *, config_desc: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config_desc = config_desc

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Validate and send."""
        with self._errors():
            self._send(self.hook.get_conn())

    def _send(self, client: ModelArtsClient) -> None:
        from airflow_provider_modelarts.client.models.saved_config import UpdateSavedConfigRequest

        subject = f"replace saved config {shown(self.config_name)}"
        request = self._checked(UpdateSavedConfigRequest, self._body(), subject)
        self._warn(request.warnings(self._extra_config()))
        client.update_saved_config(self.config_name, request, self._extra_config())

    def _body(self) -> dict[str, Any]:
        return self._config() | ({"config_desc": self.config_desc} if self.config_desc else {})


class CreateSavedConfigOperator(UpdateSavedConfigOperator):
    """Saves a parameter set under a new name.

    A set of that name that shows the same settings is fine, so the task may be repeated.
    """

    def _send(self, client: ModelArtsClient) -> None:
        from airflow_provider_modelarts.client.models.saved_config import CreateSavedConfigRequest

        body = self._body() | {"config_name": self.config_name}
        request = self._checked(
            CreateSavedConfigRequest, body, f"save config {shown(self.config_name)}"
        )
        self._warn(request.warnings(self._extra_config()))
        extra = self._extra_config()
        try:
            client.create_saved_config(request, extra)
        except JobNameExistsError:
            if not client.has_saved_config(request.to_wire(extra)):
                raise
            self.log.info("Saved already with these settings: %r", self.config_name)


class GetSavedConfigOperator(_SavedConfigOperator):
    """Reads a saved parameter set; parameters and command are left out, as they may hold secrets."""

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Return what the service shows of the set, as plain JSON."""
        with self._errors():
            return self.hook.get_conn().get_saved_config(self.config_name).plain()


class ListSavedConfigsOperator(SearchOperator):
    """Lists saved parameter sets, the newest first; commands are left out."""

    def _rows(self, client: ModelArtsClient) -> Iterator[SavedConfigSummary]:
        return client.list_saved_configs(
            search_content=self.search_content, per_page=self._per_page
        )


class DeleteSavedConfigOperator(_SavedConfigOperator):
    """Deletes a saved parameter set; one that is gone already is fine."""

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request."""
        with self._errors():
            try:
                self.hook.get_conn().delete_saved_config(self.config_name)
            except NotFoundError as error:
                if not error.says_gone:
                    raise
                self.log.warning("Nothing to delete: %s", error)
