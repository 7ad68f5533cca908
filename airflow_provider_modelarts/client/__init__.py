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
    from airflow_provider_modelarts.client.models.job import CreatedJob, JobSummary, JobVersion
    from airflow_provider_modelarts.client.models.request import (
        CreateJobVersionRequest,
        CreateTrainingJobRequest,
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
    "ClientConfig": "airflow_provider_modelarts.client.caller",
    "CreateJobVersionRequest": "airflow_provider_modelarts.client.models.request",
    "CreateTrainingJobRequest": "airflow_provider_modelarts.client.models.request",
    "CreatedJob": "airflow_provider_modelarts.client.models.job",
    "Findings": "airflow_provider_modelarts.client.validation",
    "JobStatus": "airflow_provider_modelarts.client.status",
    "JobSummary": "airflow_provider_modelarts.client.models.job",
    "JobVersion": "airflow_provider_modelarts.client.models.job",
    "ModelArtsClient": "airflow_provider_modelarts.client.client",
    "Outcome": "airflow_provider_modelarts.client.status",
    "Password": "airflow_provider_modelarts.auth.credentials",
    "Token": "airflow_provider_modelarts.auth.credentials",
    "validate_config": "airflow_provider_modelarts.client.validation",
    "validate_file": "airflow_provider_modelarts.client.validation",
}

__all__ = [
    "AccessKey",
    "Backoff",
    "ClientConfig",
    "CreateJobVersionRequest",
    "CreateTrainingJobRequest",
    "CreatedJob",
    "Findings",
    "JobStatus",
    "JobSummary",
    "JobVersion",
    "ModelArtsClient",
    "Outcome",
    "Password",
    "Token",
    "validate_config",
    "validate_file",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOME[name]), name)
