"""Operators that list what a training can use.

.. seealso:: ``docs/operators.md``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.operators.base import ListOperator, SearchOperator
from airflow_provider_modelarts.waiting import as_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.catalogue import (
        BuiltInAlgorithm,
        Engine,
        ResourceSpec,
    )


class ListBuiltInAlgorithmsOperator(SearchOperator):
    """Lists the algorithms of the service; the source of ``model_id``."""

    def _rows(self, client: ModelArtsClient) -> Iterator[BuiltInAlgorithm]:
        return client.list_built_in_algorithms(
            search_content=self.search_content, per_page=self._per_page
        )


class _CatalogueOperator(ListOperator):
    """Base of the lists that depend on the kind of job.

    :param job_type: ``train`` (default) or ``inference`` (templated).
    """

    template_fields: Sequence[str] = (*ListOperator.template_fields, "job_type")

    def __init__(self, *, job_type: str = "train", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_type = job_type


class ListEnginesOperator(_CatalogueOperator):
    """Lists the engines a job can use; the source of ``engine_id``."""

    def _rows(self, client: ModelArtsClient) -> list[Engine]:
        return client.list_engines(job_type=self.job_type)


class ListResourceSpecsOperator(_CatalogueOperator):
    """Lists the flavors a job can run on; the source of ``spec_id`` and of the worker limit.

    :param engine_id: only those that fit this engine (templated).
    """

    template_fields: Sequence[str] = (*_CatalogueOperator.template_fields, "engine_id")

    def __init__(self, *, engine_id: int | str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.engine_id = engine_id

    def _rows(self, client: ModelArtsClient) -> list[ResourceSpec]:
        engine_id = None if self.engine_id in (None, "") else as_id(self.engine_id, "engine_id")
        return client.list_resource_specs(job_type=self.job_type, engine_id=engine_id)
