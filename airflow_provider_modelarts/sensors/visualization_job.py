"""The sensor for visualization jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_modelarts.exceptions import VisualizationJobFailedError
from airflow_provider_modelarts.sensors.base import ModelArtsSensor
from airflow_provider_modelarts.waiting import as_id, visualization_poll

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.models.visualization_job import VisualizationJobDetail
    from airflow_provider_modelarts.client.polling import Poll


class VisualizationJobSensor(ModelArtsSensor):
    """Waits until a visualization job runs (status 8), and fails if it has ended.

    It becomes ready within minutes, so there is no deferrable mode; ``mode="reschedule"`` gives the
    worker back between looks.

    :return: ``job_id``, ``job_name``, ``status``, ``service_url`` and the rest of what the service
        shows.
    :raises AirflowFailException: caused by ``VisualizationJobFailedError``.
    :raises AirflowSensorTimeout: ``timeout`` is over.
    """

    final = (VisualizationJobFailedError,)

    _current_poll: Poll[VisualizationJobDetail] | None = None

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002
        """Look once."""
        from airflow_provider_modelarts.client.polling import check_ready

        with self._errors():
            if self._current_poll is None:
                job_id = as_id(self.job_id, "job_id")
                self._current_poll = visualization_poll(self.hook, job_id, self.poke_interval)
            job = self._current_poll.look()
            if job is None:
                return PokeReturnValue(is_done=False)
            check_ready(job)
            return PokeReturnValue(is_done=True, xcom_value=job.plain())
