"""What the operators of this provider share."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.exceptions import ConflictError, NotFoundError
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook
from airflow_provider_modelarts.rendering import has_template, is_container, rendered
from airflow_provider_modelarts.waiting import (
    as_id,
    as_status,
    end_time_of,
    naming_limit,
    task_errors,
    until_gone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.answer import Answer
    from airflow_provider_modelarts.waiting import HasStatus


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

    def render_template(self, content: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        """Render; a text in which there is nothing to render stays as it is, and is no path."""
        if not isinstance(content, str):
            return super().render_template(content, context, *args, **kwargs)
        env = (args[0] if args else kwargs.get("jinja_env")) or self.get_template_env()
        if not has_template(content, env):
            return content
        return self._render(env.from_string(content), context)

    def _render(self, template: Any, context: Any, dag: Any = None) -> Any:
        """Render in Airflow's way, but keep a text a text."""
        airflows = super()._render
        return rendered(lambda found: airflows(found, context, dag), template, self._keeps)

    def _keeps(self, value: Any) -> bool:
        """Whether a rendered value that is no text stays what it is: a list or a mapping does."""
        return is_container(value)

    @cached_property
    def hook(self) -> ModelArtsHook:
        """Access to the service."""
        return ModelArtsHook(self.modelarts_conn_id)

    def _errors(self) -> AbstractContextManager[None]:
        """Let an error that no retry can fix fail the task for good."""
        return task_errors(self.modelarts_conn_id)

    def _ask(
        self,
        request: Callable[[], None],
        status: Callable[[], int],
        what: str,
        *,
        needless: Callable[[int], bool],
    ) -> None:
        """Send a request; where it is refused although it is needless, that is fine.

        :param status: reads the status.
        :param what: what is asked for, such as ``stop job 1``.
        :param needless: whether what is asked for has happened already, by this status.
        """
        from airflow_provider_modelarts.client.status import describe

        try:
            request()
        except ConflictError:
            code = status()
            if not needless(code):
                raise
            self.log.info("No need to %s: it is %s already", what, describe(code))
        else:
            self.log.info("Asked to %s", what)


class JobOperator(ModelArtsOperator):
    """Base of the operators on one training or visualization job.

    :param job_id: id of the job (templated).
    """

    template_fields: Sequence[str] = (*ModelArtsOperator.template_fields, "job_id")

    def __init__(self, *, job_id: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    def _job_id(self) -> int:
        return as_id(self.job_id, "job_id")


class JobVersionOperator(JobOperator):
    """Base of the operators on one version.

    :param version_id: id of the version (templated).
    """

    template_fields: Sequence[str] = (*JobOperator.template_fields, "version_id")

    def __init__(self, *, version_id: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.version_id = version_id

    def _ids(self) -> tuple[int, int]:
        return self._job_id(), as_id(self.version_id, "version_id")


class DeleteOperator(ModelArtsOperator):
    """Base of the operators that start a deletion; what is gone already is fine.

    :param wait_for_completion: end when it is gone instead of when its deletion has begun; a
        deletion that fails is an error. ``execution_timeout`` bounds the wait.
    :param poll_interval: seconds or ``timedelta`` between polls while waiting; fractions are fine.
    """

    def __init__(
        self,
        *,
        wait_for_completion: bool = False,
        poll_interval: float | timedelta = 30,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = arguments.flag("wait_for_completion", wait_for_completion)
        self.poll_interval = arguments.interval("poll_interval", poll_interval)

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request and, if asked to, wait."""
        with self._errors():
            end_time = end_time_of(self.execution_timeout)
            client = self.hook.get_conn()
            try:
                self._delete(client)
            except NotFoundError as error:
                if not error.says_gone:
                    raise
                self.log.warning("Nothing to delete: %s", error)
                return
            if self.wait_for_completion:
                with naming_limit(execution_timeout=self.execution_timeout):
                    until_gone(lambda: self.hook.call(self._read), self.poll_interval, end_time)
                self.log.info("It is gone")

    @abstractmethod
    def _delete(self, client: ModelArtsClient) -> None:
        """Send the request."""

    @abstractmethod
    def _read(self, client: ModelArtsClient) -> HasStatus:
        """Return what is still there; :raises NotFoundError: nothing is."""


class ListOperator(ModelArtsOperator):
    """Base of the operators that return a list, the newest first.

    :param limit: so many rows at most; None: all. Mind that the result is an XCom.
    """

    def __init__(self, *, limit: int | None = 100, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.limit = None if limit is None else arguments.count("limit", limit)

    def execute(self, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002
        """Ask for as many pages as needed and return the rows."""
        with self._errors():
            rows = islice(self._rows(self.hook.get_conn()), self.limit)
            return [row.plain() for row in rows]

    @property
    def _per_page(self) -> int:
        return min(self.limit or 100, 100)

    @abstractmethod
    def _rows(self, client: ModelArtsClient) -> Iterable[Answer]:
        """Return the rows."""


class SearchOperator(ListOperator):
    """Base of the lists that can be searched.

    :param search_content: only rows with this in their name (templated); the service compares
        loosely. Empty: all.
    """

    template_fields: Sequence[str] = (*ListOperator.template_fields, "search_content")

    def __init__(self, *, search_content: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.search_content = search_content


class JobListOperator(SearchOperator):
    """Base of the lists of jobs.

    :param status: only jobs in this status, by code or name: 8 or ``RUNNING`` (templated).
    :param workspace_id: the workspace to look in (templated); None: that of the connection.
    """

    template_fields: Sequence[str] = (*SearchOperator.template_fields, "status", "workspace_id")

    def __init__(
        self,
        *,
        status: int | str | None = None,
        workspace_id: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.status = status
        self.workspace_id = workspace_id

    def _filters(self) -> dict[str, Any]:
        """Return the arguments of the client's lists."""
        from airflow_provider_modelarts.client.ids import checked_option

        workspace = None
        if self.workspace_id not in (None, ""):
            workspace = checked_option("workspace_id", self.workspace_id)
        status = None if self.status in (None, "") else as_status(self.status)
        return {
            "search_content": self.search_content,
            "status": status,
            "workspace_id": workspace,
            "per_page": self._per_page,
        }


class DescriptionOperator(ModelArtsOperator):
    """Base of the operators that change a description.

    :param job_desc: the new description, at most 256 characters (templated); may be empty.
    """

    template_fields: Sequence[str] = (*ModelArtsOperator.template_fields, "job_desc")

    def __init__(self, *, job_desc: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_desc = job_desc
