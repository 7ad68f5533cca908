"""The client: all resources of the API behind one connection."""

from __future__ import annotations

from airflow_provider_modelarts.client.resources.logs import JobLogs
from airflow_provider_modelarts.client.resources.saved_configs import SavedConfigs
from airflow_provider_modelarts.client.resources.visualization_jobs import VisualizationJobs


class ModelArtsClient(JobLogs, SavedConfigs, VisualizationJobs):
    """Calls the ModelArts API, generation 1; threads may share it.

    See :class:`~airflow_provider_modelarts.client.caller.Caller` for the arguments.
    """
