"""What the sensors of this provider share."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
)

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.exceptions import ModelArtsError, WaitTimeoutError
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook
from airflow_provider_modelarts.rendering import has_template, rendered
from airflow_provider_modelarts.waiting import naming_limit, task_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta


class ModelArtsSensor(BaseSensorOperator):
    """Base of the sensors: one job, one connection, one form in which errors leave.

    :param job_id: id of the job (templated).
    :param modelarts_conn_id: id of the connection (templated).
    :param poke_interval: seconds or ``timedelta`` between polls; fractions are fine.
    :param timeout: seconds or ``timedelta`` after which the wait ends; None: Airflow's
        ``[sensors] default_timeout``.

    The others are those of every sensor.
    """

    template_fields: Sequence[str] = ("job_id", "modelarts_conn_id")
    ui_color: str = "#f9d9de"
    final: ClassVar[tuple[type[ModelArtsError], ...]] = ()
    """Errors that no second look can fix, although a retry of another task might."""

    def __init__(
        self,
        *,
        job_id: int | str,
        modelarts_conn_id: str = ModelArtsHook.default_conn_name,
        poke_interval: float | timedelta = 60,
        timeout: float | timedelta | None = None,
        mode: str = "poke",
        soft_fail: bool = False,
        never_fail: bool = False,
        silent_fail: bool = False,
        exponential_backoff: bool = False,
        max_wait: float | timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        # They are named here, and not only in Airflow's own class, so that default_args come by as well.
        if timeout is not None:
            kwargs["timeout"] = arguments.time_limit("timeout", timeout, zero=True)
        super().__init__(
            poke_interval=arguments.interval("poke_interval", poke_interval),
            mode=arguments.choice("mode", mode, ("poke", "reschedule")),
            soft_fail=arguments.flag("soft_fail", soft_fail),
            never_fail=arguments.flag("never_fail", never_fail),
            silent_fail=arguments.flag("silent_fail", silent_fail),
            exponential_backoff=arguments.flag("exponential_backoff", exponential_backoff),
            max_wait=arguments.time_limit("max_wait", max_wait),
            **kwargs,
        )
        self.job_id = job_id
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
        return rendered(lambda found: airflows(found, context, dag), template)

    @cached_property
    def hook(self) -> ModelArtsHook:
        """Access to the service."""
        return ModelArtsHook(self.modelarts_conn_id)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Give each error the form in which it leaves the task."""
        try:
            limits = {"timeout": self.timeout, "execution_timeout": self.execution_timeout}
            with task_errors(self.modelarts_conn_id, final=self.final), naming_limit(**limits):
                yield
        except WaitTimeoutError as error:
            raise AirflowSensorTimeout(str(error)) from error

    @contextmanager
    def _skipping(self) -> Iterator[None]:
        """Apply ``soft_fail`` and ``never_fail``, as the base class does when it pokes or resumes."""
        try:
            yield
        except (AirflowSensorTimeout, AirflowFailException) as error:
            if self.soft_fail or self.never_fail:
                name = "soft_fail" if self.soft_fail else "never_fail"
                msg = f"Skipping due to {name} is set to True."
                raise AirflowSkipException(msg) from error
            raise
        except ModelArtsError as error:
            if self.never_fail:
                msg = "Skipping due to never_fail is set to True."
                raise AirflowSkipException(msg) from error
            raise
