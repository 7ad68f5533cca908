"""What the service answers about jobs and their versions. Only ids and the status must be there.

Source: pages "Creating a Training Job", "Querying a Training Job List" and "Querying the Details
About a Training Job Version" of the ModelArts API reference.
"""

from __future__ import annotations

from pydantic import Field

from airflow_provider_modelarts.client.models.answer import (
    Answer,
    Integer,
    Object,
    Objects,
    Status,
    Text,
)


class CreatedJob(Answer):
    """Answer to the creation of a job or of a version. Times are epoch milliseconds."""

    job_id: int
    job_name: Text = None
    version_id: Integer = None
    version_name: Text = None
    status: Integer = None
    create_time: Integer = None
    resource_id: Text = None


class CreatedVersion(CreatedJob):
    """Answer to the creation of a version: without its id nothing can be waited for."""

    version_id: int


class JobSummary(Answer):
    """A row of the job list; ``version_id`` and ``status`` are those of its newest version.

    One odd row must not lose a whole page, so only the id must be there; status 0 is "unknown".
    """

    job_id: int
    job_name: Text = None
    status: Status = 0
    version_id: Integer = None
    version_count: Integer = None
    job_desc: Text = None
    create_time: Integer = None
    duration: Integer = None

    def as_created(self) -> CreatedJob:
        """Return it in the form of the answer to its creation."""
        return CreatedJob(
            job_id=self.job_id,
            job_name=self.job_name,
            status=self.status,
            create_time=self.create_time,
        )


class Settings(Answer):
    """What a version or a saved parameter set has set, by the names of ``config``."""

    worker_server_num: Integer = None
    app_url: Text = None
    boot_file_url: Text = None
    engine_id: Integer = None
    model_id: Integer = None
    user_image_url: Text = None
    user_command: Text = None
    parameter: Objects = None
    data_url: Text = None
    dataset_id: Text = None
    dataset_version_id: Text = None
    data_source: Objects = None
    spec_id: Integer = None
    pool_id: Text = None
    pool_type: Text = Field(
        default=None, exclude=True
    )  # tells a dedicated pool from the shared one
    train_url: Text = None
    log_url: Text = None


class JobVersion(Settings):
    """One version (run) of a job. Times and durations are milliseconds."""

    job_id: int
    version_id: int
    status: int
    job_name: Text = None
    job_desc: Text = None
    version_name: Text = None
    pre_version_id: Integer = None
    create_time: Integer = None
    start_time: Integer = None
    duration: Integer = None
    resource_id: Text = None
    metrics: Object = Field(default=None, alias="model_metric_list")


def newest(versions: list[JobVersion]) -> JobVersion | None:
    """Return the version created last; ids break a tie."""
    return max(versions, key=lambda v: (v.create_time or 0, v.version_id), default=None)
