"""What Airflow is told about this provider; data only."""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_modelarts import __version__

_TEXT: Final = {"type": ["string", "null"]}

UI_FIELD_BEHAVIOUR: Final[dict[str, Any]] = {
    "hidden-fields": ["schema", "port"],
    "relabeling": {
        "host": "ModelArts endpoint",
        "login": "Access key ID or IAM user name",
        "password": "Secret access key, password or token",
    },
    "placeholders": {
        "host": "https://modelarts.eu-de.otc.t-systems.com (empty: from cloud and region)",
    },
}


def _field(label: str, description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": schema or _TEXT}


CONN_FIELDS: Final[dict[str, Any]] = {
    "auth_type": _field(
        "Authentication",
        "aksk: access key signature; password: IAM user; token: a ready token.",
        {"type": "string", "enum": ["aksk", "password", "token"], "default": "aksk"},
    ),
    "project_id": _field("Project ID", "Project that owns the jobs."),
    "project_name": _field("Project name", "With a password: scope by name instead of by id."),
    "domain_name": _field("Account (domain)", "IAM account of the user; with a password."),
    "region": _field("Region", "Region id, such as eu-de or cn-north-4."),
    "cloud": _field(
        "Cloud",
        "Completes endpoint and IAM endpoint from the region.",
        {"type": ["string", "null"], "enum": ["huaweicloud", "otc", None]},
    ),
    "iam_endpoint": _field("IAM endpoint", "IAM base URL; with a password."),
    "security_token": _field(
        "Security token",
        "Belongs to a temporary access key.",
        {"type": ["string", "null"], "format": "password"},
    ),
    "workspace_id": _field("Workspace ID", "Workspace used where a task names none."),
    "timeout": _field(
        "Timeout", "Seconds for one HTTP exchange; 60 if empty.", {"type": ["number", "null"]}
    ),
    "verify": _field("TLS verification", "true, false, or the path of a CA bundle; true if empty."),
    "allow_http": _field(
        "Allow http",
        "Permit http:// for a host that is not this machine.",
        {"type": "boolean", "default": False},
    ),
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata; entry point ``apache_airflow_provider``."""
    package = "airflow_provider_modelarts"
    integration = "ModelArts"

    def modules(*names: str) -> list[dict[str, Any]]:
        return [
            {"integration-name": integration, "python-modules": [f"{package}.{n}" for n in names]}
        ]

    return {
        "package-name": "airflow-provider-modelarts",
        "name": integration,
        "description": "ModelArts training jobs of Open Telekom Cloud, Huawei Cloud and Huawei Cloud Stack.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": integration,
                "external-doc-url": "https://docs.otc.t-systems.com/modelarts/api-ref/",
                "tags": ["service"],
            }
        ],
        "hooks": modules("hooks.modelarts"),
        "operators": modules(
            "operators.training_job",
            "operators.job_details",
            "operators.saved_config",
            "operators.visualization_job",
            "operators.catalogue",
        ),
        "sensors": modules("sensors.training_job", "sensors.visualization_job"),
        "triggers": modules("triggers.training_job"),
        "connection-types": [
            {
                "connection-type": "modelarts",
                "hook-class-name": f"{package}.hooks.modelarts.ModelArtsHook",
                "hook-name": integration,
                "ui-field-behaviour": UI_FIELD_BEHAVIOUR,
                "conn-fields": CONN_FIELDS,
            }
        ],
    }
