"""Built-in algorithms, flavors and engines.

Pages of the ModelArts API reference: 0056 algorithms, 0072 resource specifications, 0073 engines.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.client.caller import Caller
from airflow_provider_modelarts.client.models.answer import rows_of
from airflow_provider_modelarts.client.models.catalogue import (
    BuiltInAlgorithm,
    Engine,
    ResourceSpec,
)
from airflow_provider_modelarts.client.offer import Offer, RequestT
from airflow_provider_modelarts.client.operation import Operation, given, newest_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_PER_PAGE: Final = 100
"""Rows of one page of algorithms; other lists allow 1000."""


class Catalogue(Caller):
    """The part of the client that tells what a training can use."""

    @cached_property
    def offer(self) -> Offer:
        """All of it, as it was when this client first asked."""
        return Offer(self)

    def _checked(
        self,
        model: type[RequestT],
        request: RequestT | Mapping[str, Any],
        extra_config: Mapping[str, Any] | None = None,
    ) -> RequestT:
        """Validate a mapping, in which flavor and engine may be named, or pass a model on."""
        if isinstance(request, model):
            return request
        return self.offer.checked(model, request, extra_config=extra_config)

    def list_built_in_algorithms(
        self, *, search_content: str = "", per_page: int = MAX_PER_PAGE
    ) -> Iterator[BuiltInAlgorithm]:
        """Iterate over the algorithms of the service, newest first.

        :param search_content: a part of the name, for example.
        :param per_page: rows fetched with one request, 1 to 100.
        """
        return self._pages(
            lambda page: Operation(
                "list_built_in_algorithms",
                "GET",
                "/built-in-algorithms",
                rows_of("models", BuiltInAlgorithm.from_wire),
                query=given(search_content=search_content) + newest_first(page, per_page),
            ),
            per_page,
            lambda row: row.model_id,
        )

    def list_resource_specs(
        self, *, job_type: str = "train", engine_id: int | None = None
    ) -> list[ResourceSpec]:
        """Return the flavors a job can run on.

        :param job_type: ``train`` or ``inference``.
        :param engine_id: only those that fit this engine.
        """
        return self.call(
            Operation(
                "list_resource_specs",
                "GET",
                "/job/resource-specs",
                rows_of("specs", ResourceSpec.from_wire),
                query=given(job_type=job_type, engine_id=engine_id),
            )
        )

    def list_engines(self, *, job_type: str = "train") -> list[Engine]:
        """Return the engines a job can use.

        :param job_type: ``train`` or ``inference``.
        """
        return self.call(
            Operation(
                "list_engines",
                "GET",
                "/job/ai-engines",
                rows_of("engines", Engine.from_wire),
                query=given(job_type=job_type),
            )
        )
