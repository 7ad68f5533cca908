"""What Airflow is told about this provider; data only."""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_modelarts import __version__

_TEXT: Final = {"type": ["string", "null"]}

REQUIRED: Final = " *"
"""Ends the label of a field that nearly every connection needs, as Airflow marks those that all need."""

UI_FIELD_BEHAVIOUR: Final[dict[str, Any]] = {
    # The port stays visible: a connection whose port is empty cannot be tested by the button of Airflow 3.3,
    # which sends 0 for it and is refused because that is another port than none.
    "hidden-fields": ["schema"],
    "relabeling": {
        "host": "ModelArts endpoint",
        "port": "Port",
        "login": f"Access key or IAM user{REQUIRED}",
        "password": f"Secret key or password{REQUIRED}",
    },
    "placeholders": {
        "host": "https://modelarts.eu-de.otc.t-systems.com (empty: from cloud and region)",
        "port": "0 for none; the Test button needs a number",
        "login": "id of the key, or name of the user; not needed with a ready token",
        "password": "secret access key, password of the IAM user, or a ready token",
    },
}


def _field(label: str, description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": schema or _TEXT}


CONN_FIELDS: Final[dict[str, Any]] = {
    "auth_type": _field(
        "Authentication",
        "Which kind of credentials login and password are.",
        {
            "type": "string",
            "enum": ["aksk", "password", "token"],
            "default": "aksk",
            "values_display": {
                "aksk": "aksk: access key",
                "password": "password: IAM user",
                "token": "token: a ready token",
            },
        },
    ),
    "project_id": _field(
        f"Project ID{REQUIRED}", "Project that owns the jobs. With an IAM user its name will do."
    ),
    "project_name": _field("Project name", "With an IAM user: scope by name instead of by id."),
    "domain_name": _field("Account (domain)", "Required with an IAM user: the account it is in."),
    "region": _field(
        "Region",
        "Region id, such as eu-de or cn-north-4. Required with a cloud if there is no endpoint.",
    ),
    "cloud": _field(
        "Cloud",
        "Completes ModelArts endpoint and IAM endpoint from the region.",
        {
            **_TEXT,
            # Without null, which the form would show as a choice of this name; the cross empties it.
            "enum": ["huaweicloud", "otc"],
            "values_display": {"huaweicloud": "Huawei Cloud", "otc": "Open Telekom Cloud"},
        },
    ),
    "iam_endpoint": _field(
        "IAM endpoint", "IAM base URL. Required with an IAM user if there is no cloud."
    ),
    "security_token": _field(
        "Security token",
        "Required with a temporary access key.",
        {**_TEXT, "format": "password"},
    ),
    "workspace_id": _field("Workspace ID", "Workspace used where a task names none."),
    "timeout": _field(
        "Timeout", "Seconds for one HTTP exchange; 60 if empty.", {"type": ["number", "null"]}
    ),
    "verify": _field("TLS verification", "true, false, or the path of a CA bundle; true if empty."),
    "allow_http": _field(
        "Allow http",
        "Permit http:// for a host that is not this machine.",
        {"type": ["boolean", "null"], "default": False},
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
