"""What all operators of this provider share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook
from airflow_provider_modelarts.waiting import task_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager


class ModelArtsOperator(BaseOperator):
    """Base of the operators: one connection, one form in which errors leave.

    :param modelarts_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = ("modelarts_conn_id",)
    ui_color: str = "#f9d9de"

    def __init__(
        self, *, modelarts_conn_id: str = ModelArtsHook.default_conn_name, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.modelarts_conn_id = modelarts_conn_id

    @cached_property
    def hook(self) -> ModelArtsHook:
        """Access to the service."""
        return ModelArtsHook(self.modelarts_conn_id)

    def _errors(self) -> AbstractContextManager[None]:
        """Let an error that no retry can mend fail the task for good."""
        return task_errors(self.modelarts_conn_id)
