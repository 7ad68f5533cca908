"""What an operator brings to a submission: what it wants made, and what it remembers."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.job import CreatedJob, JobVersion
    from airflow_provider_modelarts.client.models.request import CreateJobVersionRequest

    Made = CreatedJob | JobVersion

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """What is known between tries.

    :param phase: ``intent``: a creation is about to be sent or its fate is unknown; ``made``: it has
        worked; ``refused``: the service has said no.
    :param generation: that of the attempt which wrote it.
    :param fingerprint: hash of the payload.
    :param since: epoch seconds at which the intent was recorded.
    :param seen: the versions that were there before; none for a job whose name was free.
    :param base: for a version: the one it derives from.
    """

    phase: Literal["intent", "made", "refused"]
    generation: int
    fingerprint: str
    since: float
    job_id: int | None = None
    version_id: int | None = None
    seen: list[int] | None = None
    base: int | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any] | None) -> Record | None:
        """Read a stored record; one of another release that makes no sense counts as none."""
        if not data:
            return None
        try:
            return cls(**data)
        except TypeError:
            log.warning("The stored record of this task cannot be read: %r", data)
            return None


class Store(Protocol):
    """Keeps one small JSON object between the tries of a task."""

    durable: bool
    """Whether it outlives the process."""

    def load(self) -> Mapping[str, Any] | None:
        """Return what was saved last, or None."""

    def save(self, record: Mapping[str, Any]) -> None:
        """Replace what was saved."""


class Claims(Protocol):
    """By which tasks with the same payload settle whose a version is.

    A claim is shown first and settled later. Of two that are not settled the one that began earlier
    holds; a claim of the very try that was answered by the service has begun at 0.
    """

    def intend(self, what: Mapping[str, Any]) -> None:
        """Show what is about to be created, for the API server, which outlives this process.

        :param what: how to recognise it; plain JSON without secrets.
        """

    def withdraw(self) -> None:
        """Show that nothing was created after all."""

    def push(self, made: Made, *, since: float, own: bool) -> None:
        """Claim a version for this task.

        :param since: epoch seconds since which this task claims it, or 0.
        :param own: whether this task has made it, or only attached to it.
        """

    def taken(self) -> set[int]:
        """Return the versions that other tasks claim as their own."""

    def holds(self, answered_in: float = ...) -> bool:
        """Whether the version is this task's, which is settled then; it may take a moment.

        :param answered_in: seconds from the request to this claim, where the service has answered.
        """


@dataclass(frozen=True)
class Attempt:
    """Which attempt of a task this is.

    :param generation: number of tries before the task was last cleared; a clear changes it.
    :param is_first: no earlier try of this generation can have submitted anything.
    :param since: epoch seconds before which nothing of this task's run can have been made.
    """

    generation: int
    is_first: bool
    since: float


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
    :param advice: how this task comes by a name of its own.
    """

    job_name: str
    workspace_id: str | None
    config: Mapping[str, Any]
    send: Callable[[ModelArtsClient], CreatedJob]
    version: Callable[[int], VersionPlan]
    if_exists: str
    advice: str


def fingerprint(config: Mapping[str, Any]) -> str:
    """Return a hash of a ``config`` as it is sent, by which a change of it is noticed."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]
