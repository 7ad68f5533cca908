"""What the service answers about jobs and their versions. Only ids and the status must be there.

Source: pages "Creating a Training Job", "Querying a Training Job List" and "Querying the Details
About a Training Job Version" of the ModelArts API reference.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any

from pydantic import Field

from airflow_provider_modelarts.client.models.answer import (
    Answer,
    Id,
    Integer,
    Line,
    Object,
    Objects,
    Status,
    Text,
)
from airflow_provider_modelarts.exceptions import ResponseLostError

log = logging.getLogger(__name__)


class CreatedJob(Answer):
    """Answer to the creation of a job or of a version. Times are epoch milliseconds."""

    job_id: Id
    job_name: Line = None
    version_id: Integer = None
    version_name: Line = None
    status: Integer = None
    create_time: Integer = None
    resource_id: Line = None


class CreatedVersion(CreatedJob):
    """Answer to the creation of a version: without its id nothing can be waited for."""

    version_id: Id


class JobSummary(Answer):
    """A row of the job list; ``version_id`` and ``status`` are those of its newest version.

    One odd row must not lose a whole page, so only the id must be there; status 0 is "unknown".
    """

    job_id: Id
    job_name: Line = None
    status: Status = 0
    version_id: Integer = None
    version_count: Integer = None
    job_desc: Text = None
    create_time: Integer = None
    duration: Integer = None

    @classmethod
    def from_row(cls, row: Any) -> JobSummary:
        """Read a row; one that cannot be read is a job without a name, which nobody looks for.

        A page must not be lost for one odd row of somebody else's job.
        """
        try:
            return cls.from_wire(row)
        except ResponseLostError as error:
            log.warning("A row of the job list is left out: %s", error)
            return cls(job_id=0)

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
    app_url: Line = None
    boot_file_url: Line = None
    engine_id: Integer = None
    model_id: Integer = None
    user_image_url: Line = None
    user_command: Text = None
    parameter: Objects = None
    data_url: Line = None
    dataset_id: Line = None
    dataset_version_id: Line = None
    data_source: Objects = None
    spec_id: Integer = None
    pool_id: Line = None
    # Tells a dedicated pool from the shared one.
    pool_type: Line = Field(default=None, exclude=True)
    train_url: Line = None
    log_url: Line = None


class JobVersion(Settings):
    """One version (run) of a job. Times and durations are milliseconds."""

    job_id: Id
    version_id: Id
    status: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
    job_name: Line = None
    job_desc: Text = None
    version_name: Line = None
    pre_version_id: Integer = None
    create_time: Integer = None
    start_time: Integer = None
    duration: Integer = None
    resource_id: Line = None
    metrics: Object = Field(default=None, alias="model_metric_list")
    volumes: Objects = Field(default=None, exclude=True)  # to compare; no part of a result


def newest(versions: list[JobVersion]) -> JobVersion | None:
    """Return the version created last; ids break a tie."""
    return max(versions, key=lambda v: (v.create_time or 0, v.version_id), default=None)
