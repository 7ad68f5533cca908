"""The sensor: waits for a training job version, in the triggerer where it is deferrable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow.providers.common.compat.sdk import (
    PokeReturnValue,
    conf,
)

from airflow_provider_modelarts.exceptions import (
    ModelArtsError,
    TrainingJobFailedError,
)
from airflow_provider_modelarts.sensors.base import ModelArtsSensor
from airflow_provider_modelarts.waiting import (
    TRIGGER_FAILED,
    Wait,
    as_id,
    check_end,
    end_time_of,
    outcome,
    read_event,
    tell_of_failed_trigger,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.models.job import JobVersion
    from airflow_provider_modelarts.client.polling import Poll


class TrainingJobSensor(ModelArtsSensor):
    """Waits until a training job version has ended, and fails unless it has completed.

    A failed training fails the task for good, since looking again cannot change it; ``soft_fail``
    and ``never_fail`` turn that into a skip as with any sensor. A failed look, or one that finds
    status 0 ("state cannot be told"), is repeated and ends the wait only after 30 minutes in which
    no look has told anything; in reschedule mode, where a look knows nothing of the others, after
    ``timeout``.

    :param version_id: id of the version (templated); None: the newest when the sensor starts.
    :param deferrable: wait in the triggerer instead of in a worker; default
        ``[operators] default_deferrable``.
    :return: ``job_id``, ``version_id``, ``job_name``, ``version_name``, ``status``, ``duration``
        (ms), ``train_url``, ``log_url`` and ``metrics`` (or None) of the completed version.
    :raises AirflowFailException: caused by ``TrainingJobFailedError`` or ``TrainingJobCanceledError``.
    :raises AirflowSensorTimeout: ``timeout`` is over.
    """

    template_fields: Sequence[str] = (*ModelArtsSensor.template_fields, "version_id")
    final = (TrainingJobFailedError,)

    def __init__(
        self,
        *,
        version_id: int | str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.version_id = version_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> Any:
        """Wait in the triggerer, or poke as any sensor does."""
        if not self.deferrable:
            return super().execute(context)
        with self._skipping(), self._errors():
            job_id, version_id = self._ids(context)
            end_time = end_time_of(self.timeout, self.execution_timeout)
            return self._look(self._wait(job_id, version_id, end_time))

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        with self._errors():
            version = self._poll(context).look()
            if version is None:
                return PokeReturnValue(is_done=False)
            return PokeReturnValue(is_done=True, xcom_value=self._judged(version))

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:  # noqa: ARG002
        """Go on after the triggerer has called."""
        # Airflow 2 applies soft_fail to a resumed sensor, but not never_fail.
        with self._skipping(), self._errors():
            version_id = None if self.version_id is None else as_id(self.version_id, "version_id")
            job_id = as_id(self.job_id, "job_id")
            told = read_event(event, job_id=job_id, version_id=version_id)
            self.log.info("Triggerer: %s", told.message)
            exhausted = told.status == "error"
            wait = self._wait(told.job_id, told.version_id, told.end_time, exhausted=exhausted)
            return self._look(wait)

    def resume_execution(
        self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context
    ) -> Any:
        """Resume; where the trigger itself has failed, go on waiting in this worker."""
        if next_method != TRIGGER_FAILED:
            return super().resume_execution(next_method, next_kwargs, context)
        with self._skipping(), self._errors():
            tell_of_failed_trigger(next_kwargs)
            job_id, version_id = self._ids(context)
            end_time = end_time_of(self.timeout, self.execution_timeout)
            return self._judged(self._wait(job_id, version_id, end_time).until_ended())

    def _look(self, wait: Wait) -> dict[str, Any]:
        version = wait.poll(hands_over=True).look()
        if version is None:
            self.log.info(
                "Waiting in the triggerer for job %d, version %d", wait.job_id, wait.version_id
            )
            self.defer(trigger=wait.trigger(), method_name="execute_complete")
        return self._judged(version)

    def _judged(self, version: JobVersion) -> dict[str, Any]:
        check_end(self.hook, version)
        return outcome(version)

    def _poll(self, context: Context) -> Poll[JobVersion]:
        """Return the poll of this process, so that ``poke`` remembers when it last had an answer."""
        if self._current_poll is None:
            self._current_poll = self._wait(*self._ids(context), end_time=None).poll()
        return self._current_poll

    _current_poll: Poll[JobVersion] | None = None

    def _wait(self, job_id: int, version_id: int, end_time: float | None, **options: Any) -> Wait:
        interval = self.poke_interval
        return Wait(
            self.hook, job_id, version_id, poll_interval=interval, end_time=end_time, **options
        )

    def _ids(self, context: Context) -> tuple[int, int]:
        job_id = as_id(self.job_id, "job_id")
        if self.version_id is not None:
            return job_id, as_id(self.version_id, "version_id")
        return job_id, self._newest(job_id, _first_start(context))

    def _newest(self, job_id: int, start: datetime | None) -> int:
        """Return the version that was newest when the sensor first started.

        A sensor in reschedule mode starts again for each look and must not move on to a newer one.
        """
        from airflow_provider_modelarts.client.models.job import newest

        versions = list(self.hook.get_conn().list_job_versions(job_id))
        if start is not None:
            limit = start.timestamp() * 1000
            versions = [v for v in versions if (v.create_time or 0) <= limit] or versions
        version = newest(versions)
        if version is None:
            msg = (
                f"Job {job_id} has no version to wait for; it was created with create_version false"
            )
            raise ModelArtsError(msg)
        self.log.info("Newest version of job %d: %d", job_id, version.version_id)
        return version.version_id


def _first_start(context: Context) -> datetime | None:
    """Return when a rescheduled sensor first started; None if this is its first start."""
    instance: Any = context.get("ti")
    if instance is None:
        return None
    if hasattr(instance, "get_first_reschedule_date"):  # Airflow 3
        return cast("datetime | None", instance.get_first_reschedule_date(context))
    return cast("datetime | None", getattr(instance, "start_date", None))
