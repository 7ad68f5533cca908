"""The client: all resources of the API behind one connection."""

from __future__ import annotations

from airflow_provider_modelarts.client.resources.training_jobs import TrainingJobs


class ModelArtsClient(TrainingJobs):
    """Calls the ModelArts API, generation 1; threads may share it.

    See :class:`~airflow_provider_modelarts.client.caller.Caller` for the arguments.
    """
