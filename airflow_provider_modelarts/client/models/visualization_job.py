"""Visualization jobs: request and answers.

Source: chapter "Visualization Jobs" of the ModelArts API reference.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from airflow_provider_modelarts.client import findings
from airflow_provider_modelarts.client.models.answer import Answer, Integer, Status, Text
from airflow_provider_modelarts.client.models.payload import Description, Payload, Request
from airflow_provider_modelarts.client.models.payload import Integer as Number
from airflow_provider_modelarts.client.models.payload import Text as NonEmpty


class Schedule(Payload):
    """When the job is stopped by itself: so many hours after its start."""

    type: Literal["stop"]
    time_unit: Literal["HOURS"]
    duration: Annotated[Number, Field(le=24)]


def _only(value: Any) -> Any:
    """Take the item of a list of one: the table has an object, the sample a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


class Flavor(Payload):
    """What the job runs on; the pages advise to leave it out."""

    code: NonEmpty


_SCHEDULE: findings.Rule = (
    "V04",
    "{'type': 'stop', 'time_unit': 'HOURS', 'duration': 0 to 24}",
    "Set the hours after which the job is stopped",
)


class CreateVisualizationJobRequest(Request):
    """Body of "create a visualization job"."""

    job_name: Annotated[
        str, Field(strict=True, min_length=1, max_length=20, pattern=r"^[A-Za-z0-9_-]+$")
    ]
    job_desc: Description | None = None
    train_url: NonEmpty
    # The text spells them one way, the sample the other.
    job_type: Literal["TensorBoard", "MindInsight", "tensorboard", "mindinsight"] | None = None
    schedule: Annotated[Schedule, BeforeValidator(_only)] | None = None
    flavor: Flavor | None = None

    @classmethod
    def _fields(cls) -> findings.Fields:
        return findings.Fields(
            {
                "": sorted(cls.model_fields),
                "schedule": sorted(Schedule.model_fields),
                "flavor": sorted(Flavor.model_fields),
            },
            {
                "job_name": ("V01", "1 to 20 letters, digits, '_' or '-'", "Set a shorter name"),
                "train_url": ("V02", "an OBS folder", "Set the train_url of the training"),
                "job_type": ("V03", "'TensorBoard' or 'MindInsight'", "Set one of the two"),
                "schedule": _SCHEDULE,
                "type": _SCHEDULE,
                "flavor": ("V05", "{'code': ...}", "Leave it out"),
            },
        )


class VisualizationJob(Answer):
    """A visualization job as created or listed. Times and durations are milliseconds.

    One odd row must not lose a whole page, so only the id must be there; status 0 is "unknown".
    ``service_url`` comes once the job runs.
    """

    job_id: str
    job_name: Text = None
    job_desc: Text = None
    status: Status = 0
    create_time: Integer = None
    duration: Integer = None
    service_url: Text = None
    train_url: Text = None
    resource_id: Text = None


class VisualizationJobDetail(VisualizationJob):
    """The detail of a visualization job: without its status nothing can be waited for."""

    status: int
