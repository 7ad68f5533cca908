"""What an operator wants made, validated and ready to be sent; see ``submission`` for the making."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.job import CreatedJob
    from airflow_provider_modelarts.client.models.request import CreateJobVersionRequest


@dataclass(frozen=True)
class VersionPlan:
    """A version to be made.

    :param job_id: the job.
    :param pre_version_id: the version to derive from; None: the newest.
    :param request: makes the request, given the id of the version to derive from.
    :param extra_config: merged into ``config`` last and unchecked.
    """

    job_id: int
    pre_version_id: int | None
    request: Callable[[ModelArtsClient, int], CreateJobVersionRequest]
    extra_config: Mapping[str, Any]

    def config(self, client: ModelArtsClient, base: int) -> Mapping[str, Any]:
        """Return ``config`` as it is sent for a version that derives from this one."""
        config: Mapping[str, Any] = self.request(client, base).to_wire(self.extra_config)["config"]
        return config


@dataclass(frozen=True)
class JobPlan:
    """A job to be made.

    :param job_name: its name.
    :param workspace_id: where to look for it.
    :param config: ``config`` as it is sent.
    :param send: sends it.
    :param version: the plan for a version of a job of that name, which trains the same.
    :param if_exists: what to do with a job of that name that is not this task's own.
    """

    job_name: str
    workspace_id: str | None
    config: Mapping[str, Any]
    send: Callable[[ModelArtsClient], CreatedJob]
    version: Callable[[int], VersionPlan]
    if_exists: str
