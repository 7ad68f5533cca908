"""ModelArts API client, usable without Airflow.

Names are loaded on first use, since the client brings the HTTP library and pydantic with it while
Airflow imports operators whenever it parses a DAG file.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_modelarts.auth.credentials import AccessKey, Password, Token
    from airflow_provider_modelarts.client.caller import ClientConfig
    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.catalogue import (
        BuiltInAlgorithm,
        Engine,
        ResourceSpec,
    )
    from airflow_provider_modelarts.client.models.job import CreatedJob, JobSummary, JobVersion
    from airflow_provider_modelarts.client.models.log import LogBlock
    from airflow_provider_modelarts.client.models.request import (
        CreateJobVersionRequest,
        CreateTrainingJobRequest,
    )
    from airflow_provider_modelarts.client.models.saved_config import (
        CreateSavedConfigRequest,
        SavedConfig,
        SavedConfigSummary,
        UpdateSavedConfigRequest,
    )
    from airflow_provider_modelarts.client.models.visualization_job import (
        CreateVisualizationJobRequest,
        VisualizationJob,
        VisualizationJobDetail,
    )
    from airflow_provider_modelarts.client.retry import Backoff
    from airflow_provider_modelarts.client.status import JobStatus, Outcome
    from airflow_provider_modelarts.client.validation import (
        Findings,
        validate_config,
        validate_file,
    )

_HOME = {
    "AccessKey": "airflow_provider_modelarts.auth.credentials",
    "Backoff": "airflow_provider_modelarts.client.retry",
    "BuiltInAlgorithm": "airflow_provider_modelarts.client.models.catalogue",
    "ClientConfig": "airflow_provider_modelarts.client.caller",
    "CreateJobVersionRequest": "airflow_provider_modelarts.client.models.request",
    "CreateSavedConfigRequest": "airflow_provider_modelarts.client.models.saved_config",
    "CreateTrainingJobRequest": "airflow_provider_modelarts.client.models.request",
    "CreateVisualizationJobRequest": "airflow_provider_modelarts.client.models.visualization_job",
    "CreatedJob": "airflow_provider_modelarts.client.models.job",
    "Engine": "airflow_provider_modelarts.client.models.catalogue",
    "Findings": "airflow_provider_modelarts.client.validation",
    "JobStatus": "airflow_provider_modelarts.client.status",
    "JobSummary": "airflow_provider_modelarts.client.models.job",
    "JobVersion": "airflow_provider_modelarts.client.models.job",
    "LogBlock": "airflow_provider_modelarts.client.models.log",
    "ModelArtsClient": "airflow_provider_modelarts.client.client",
    "Outcome": "airflow_provider_modelarts.client.status",
    "Password": "airflow_provider_modelarts.auth.credentials",
    "ResourceSpec": "airflow_provider_modelarts.client.models.catalogue",
    "SavedConfig": "airflow_provider_modelarts.client.models.saved_config",
    "SavedConfigSummary": "airflow_provider_modelarts.client.models.saved_config",
    "Token": "airflow_provider_modelarts.auth.credentials",
    "UpdateSavedConfigRequest": "airflow_provider_modelarts.client.models.saved_config",
    "VisualizationJob": "airflow_provider_modelarts.client.models.visualization_job",
    "VisualizationJobDetail": "airflow_provider_modelarts.client.models.visualization_job",
    "validate_config": "airflow_provider_modelarts.client.validation",
    "validate_file": "airflow_provider_modelarts.client.validation",
}

__all__ = [
    "AccessKey",
    "Backoff",
    "BuiltInAlgorithm",
    "ClientConfig",
    "CreateJobVersionRequest",
    "CreateSavedConfigRequest",
    "CreateTrainingJobRequest",
    "CreateVisualizationJobRequest",
    "CreatedJob",
    "Engine",
    "Findings",
    "JobStatus",
    "JobSummary",
    "JobVersion",
    "LogBlock",
    "ModelArtsClient",
    "Outcome",
    "Password",
    "ResourceSpec",
    "SavedConfig",
    "SavedConfigSummary",
    "Token",
    "UpdateSavedConfigRequest",
    "VisualizationJob",
    "VisualizationJobDetail",
    "validate_config",
    "validate_file",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOME[name]), name)
