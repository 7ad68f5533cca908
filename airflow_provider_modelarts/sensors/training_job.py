"""The sensor: waits for a training job version, in the triggerer where it is deferrable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import (
    PokeReturnValue,
    conf,
)

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.exceptions import (
    ModelArtsError,
    TrainingJobFailedError,
)
from airflow_provider_modelarts.killing import goes_on
from airflow_provider_modelarts.sensors.base import ModelArtsSensor
from airflow_provider_modelarts.sensors.settled import SettledVersion
from airflow_provider_modelarts.waiting import (
    TRIGGER_FAILED,
    Wait,
    as_id,
    check_end,
    end_time_of,
    outcome,
    read_event,
    tell_of_failed_trigger,
    until_ended,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.models.job import JobVersion
    from airflow_provider_modelarts.client.polling import Poll


_STAYS: Final = (
    "Waiting for job %d, version %d in this worker instead of rescheduling: Airflow has no place to "
    "keep the version between two pokes. Set version_id or deferrable=True, or use Airflow 3.3 or newer"
)


class TrainingJobSensor(ModelArtsSensor):
    """Waits until a training job version has ended, and fails unless it has completed.

    A failed training fails the task for good, since looking again cannot change it; ``soft_fail``
    and ``never_fail`` turn that into a skip as with any sensor. A failed look, or one that finds
    status 0 ("state cannot be told"), is repeated and ends the wait only after 30 minutes in which
    no look has told anything; in reschedule mode, where a look knows nothing of the others, after
    ``timeout``.

    :param version_id: id of the version (templated); None: the one that is newest when the sensor
        first starts. From Airflow 3.3 on a retry keeps to it; a cleared sensor takes the newest anew.
        Before that nothing outlives a reschedule, so ``mode="reschedule"`` needs ``version_id``:
        without it the sensor waits in its worker, and says so.
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
        self.deferrable = arguments.flag("deferrable", deferrable)

    def execute(self, context: Context) -> Any:
        """Wait in the triggerer, or poke as any sensor does."""
        if not self.deferrable:
            return super().execute(context)
        with self._skipping(), self._errors():
            job_id, version_id, _ = self._settled(context)
            end_time = end_time_of(self.timeout, self.execution_timeout)
            return self._look(self._wait(job_id, version_id, end_time))

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; where the next process would not know the version, until it has ended."""
        with self._errors():
            poll, stays = self._poll(context)
            version = until_ended(poll) if stays else poll.look()
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
            job_id, version_id = self._resumed_ids(context)
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

    def _poll(self, context: Context) -> tuple[Poll[JobVersion], bool]:
        """Return the poll of this process, and whether the wait has to end in this process.

        It is one for all calls of ``poke``, so that it remembers when it last had an answer.
        """
        if self._current_poll is None:
            job_id, version_id, kept = self._settled(context)
            stays = self.mode == "reschedule" and not kept
            if stays:
                self.log.warning(_STAYS, job_id, version_id)
            end_time = end_time_of(self.timeout, self.execution_timeout) if stays else None
            self._current_poll = self._wait(job_id, version_id, end_time).poll(), stays
        return self._current_poll

    _current_poll: tuple[Poll[JobVersion], bool] | None = None
    _awaited: tuple[int, int] | None = None

    def on_kill(self) -> None:
        """Say that the training goes on: a sensor never stops one."""
        if self._awaited is not None:
            self.log.warning("The sensor was ended. %s", goes_on(*self._awaited))

    def _wait(self, job_id: int, version_id: int, end_time: float | None, **options: Any) -> Wait:
        self._awaited = job_id, version_id
        interval = self.poke_interval
        return Wait(
            self.hook, job_id, version_id, poll_interval=interval, end_time=end_time, **options
        )

    def _settled(self, context: Context) -> tuple[int, int, bool]:
        """Return job, version, and whether the next process of this wait will know the version.

        Without ``version_id`` it is the version on record, else the newest, which goes on record.
        """
        job_id = as_id(self.job_id, "job_id")
        if self.version_id is not None:
            return job_id, as_id(self.version_id, "version_id"), True
        record = SettledVersion(context, job_id)
        version_id = record.load()
        if version_id is not None:
            self.log.info("Going on with version %d of job %d", version_id, job_id)
            return job_id, version_id, True
        version_id = self._newest(job_id)
        return job_id, version_id, record.keep(version_id, deferrable=self.deferrable)

    def _resumed_ids(self, context: Context) -> tuple[int, int]:
        """Return job and version of a wait whose trigger has failed; never another version."""
        job_id = as_id(self.job_id, "job_id")
        if self.version_id is not None:
            return job_id, as_id(self.version_id, "version_id")
        version_id = SettledVersion(context, job_id).load_resumed()
        if version_id is None:
            msg = (
                f"The trigger has failed, and which version of job {job_id} it waited for is not on "
                "record. Clear the sensor to wait for the newest version, or set version_id"
            )
            raise ModelArtsError(msg)
        return job_id, version_id

    def _newest(self, job_id: int) -> int:
        from airflow_provider_modelarts.client.models.job import newest

        version = newest(list(self.hook.get_conn().list_job_versions(job_id)))
        if version is None:
            msg = (
                f"Job {job_id} has no version to wait for; it was created with create_version false"
            )
            raise ModelArtsError(msg)
        self.log.info("Newest version of job %d: %d", job_id, version.version_id)
        return version.version_id
