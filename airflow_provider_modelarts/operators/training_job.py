"""Operators for training jobs and their versions.

.. seealso:: ``docs/operators.md``
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.client.shown import shown
from airflow_provider_modelarts.exceptions import (
    NotFoundError,
    PayloadValidationError,
    Violation,
)
from airflow_provider_modelarts.operators.base import (
    DeleteOperator,
    JobOperator,
    JobVersionOperator,
)
from airflow_provider_modelarts.operators.create import CreateOperator
from airflow_provider_modelarts.waiting import as_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.models.job import JobSummary, JobVersion
    from airflow_provider_modelarts.client.models.request import (
        CreateJobVersionRequest,
        CreateTrainingJobRequest,
    )
    from airflow_provider_modelarts.plans import JobPlan, VersionPlan

IF_EXISTS: Final = ("fail", "attach", "new_version")
_OWN_NAME: Final = (
    "Choose a job_name of its own for each DAG run, for example with run_id in it (its ':', '+' and "
    "'.' replaced)"
)
_NOT_FOR_VERSIONS: Final[tuple[str, ...]] = ("volumes", "create_version")


class CreateTrainingJobOperator(CreateOperator):
    """Creates a training job; ``POST /v1/{project_id}/training-jobs``.

    See :class:`~airflow_provider_modelarts.operators.create.CreateOperator` for ``config``, waiting
    and the result.

    :param job_name: unique name, 1 to 64 letters, digits, ``_`` or ``-`` (templated).
    :param workspace_id: workspace (templated); None: that of the connection.
    :param if_exists: what to do when a job that is not this task's own has the name: ``fail``;
        ``attach`` (return its newest version, if that has the settings of this task; a setting that
        the service does not show is warned about); ``new_version`` (make a new version of it, without
        ``volumes``, ``create_version`` and ``workspace_id``).
    """

    template_fields: Sequence[str] = (*CreateOperator.template_fields, "job_name", "workspace_id")

    def __init__(
        self,
        *,
        job_name: str,
        workspace_id: int | str | None = None,
        if_exists: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_name = job_name
        self.workspace_id = workspace_id
        self.if_exists = arguments.choice("if_exists", if_exists, IF_EXISTS)

    def _plan(self) -> JobPlan:
        from airflow_provider_modelarts.plans import JobPlan

        request = self._request()
        extra = self._extra_config()
        return JobPlan(
            job_name=request.job_name,
            workspace_id=request.workspace_id,
            config=request.to_wire(extra)["config"],
            send=lambda client: client.create_training_job(request, extra),
            version=self._version_plan,
            if_exists=self.if_exists,
            advice=self._advice(),
        )

    def _advice(self) -> str:
        """Return how to come by a name that is free."""
        index = getattr((self._context or {}).get("ti"), "map_index", -1)
        if index is not None and index >= 0:
            return (
                "Each of the mapped tasks needs a job_name of its own: put {{ ti.map_index }} into it "
                "beside what tells the DAG runs apart"
            )
        others = " or ".join(repr(way) for way in IF_EXISTS[1:] if way != self.if_exists)
        return f"{_OWN_NAME}, or set if_exists to {others}"

    def _request(self) -> CreateTrainingJobRequest:
        """Validate; for ``new_version`` both requests that may be sent."""
        from airflow_provider_modelarts.client.models.request import CreateTrainingJobRequest

        config = self._config()
        workspace = self.workspace_id
        if workspace in (None, ""):
            workspace = self.hook.get_conn().config.workspace_id
        body = self._body(config, workspace_id=workspace) | {"job_name": self.job_name}
        subject = f"create job {shown(self.job_name)}"
        violations: list[Violation] = []
        request = None
        try:
            request = self._checked(CreateTrainingJobRequest, body, subject)
        except PayloadValidationError as error:
            violations += error.violations
        else:
            violations += self._nothing_to_wait_for(request)
        if self.if_exists == "new_version":
            try:
                self._version_request(config, pre_version_id=0)
            except PayloadValidationError as error:
                violations += [v for v in error.violations if v not in violations]
        if violations or request is None:
            raise PayloadValidationError(violations, subject)
        self._warn(request.warnings(self._extra_config()))
        return request

    def _nothing_to_wait_for(self, request: CreateTrainingJobRequest) -> list[Violation]:
        if not self.wait_for_completion or request.config.create_version is not False:
            return []
        return [
            Violation(
                "config.create_version",
                "False",
                "not together with wait_for_completion: there is no version to wait for",
                "Leave one of the two out",
            )
        ]

    def _version_request(
        self, config: Mapping[str, Any], pre_version_id: int
    ) -> CreateJobVersionRequest:
        from airflow_provider_modelarts.client.models.request import CreateJobVersionRequest

        kept = {name: value for name, value in config.items() if name not in _NOT_FOR_VERSIONS}
        body = self._body(kept | {"pre_version_id": pre_version_id})
        return self._checked(
            CreateJobVersionRequest, body, f"new version of job {shown(self.job_name)}"
        )

    def _version_plan(self, job_id: int) -> VersionPlan:
        """Return the plan for the same training as a version of a job that exists."""
        from airflow_provider_modelarts.plans import VersionPlan

        config = self._config()
        left_out = [name for name in _NOT_FOR_VERSIONS if name in config]
        if self.workspace_id not in (None, ""):
            left_out.append("workspace_id")
        if left_out:
            self.log.warning("Left out, as a version does not take it: %s", ", ".join(left_out))
        return VersionPlan(
            job_id, None, lambda _, base: self._version_request(config, base), self._extra_config()
        )


class CreateJobVersionOperator(CreateOperator):
    """Creates a version of a training job; ``POST /v1/{project_id}/training-jobs/{job_id}/versions``.

    See :class:`~airflow_provider_modelarts.operators.create.CreateOperator` for ``config``, waiting
    and the result.

    :param job_id: id of the job (templated).
    :param pre_version_id: version to derive from (templated); None: the newest. It may also stand in
        ``config``, with the same value.
    :param inherit_config: start from the settings of the previous version and change only what
        ``config`` names: algorithm fields and input fields each as a group, parameters by label.
    """

    template_fields: Sequence[str] = (*CreateOperator.template_fields, "job_id", "pre_version_id")

    def __init__(
        self,
        *,
        job_id: int | str,
        pre_version_id: int | str | None = None,
        inherit_config: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.pre_version_id = pre_version_id
        self.inherit_config = arguments.flag("inherit_config", inherit_config)

    def _plan(self) -> VersionPlan:
        from airflow_provider_modelarts.client.inherit import inherited
        from airflow_provider_modelarts.plans import VersionPlan

        job_id = as_id(self.job_id, "job_id")
        config = self._config()
        named = self._named_pre_version(config)
        if not self.inherit_config:
            # Before anything is asked of the service; 0 stands for the version that is looked up.
            self._request(job_id, config | {"pre_version_id": named or 0})

        @cache  # it is asked for whenever a version is compared with it
        def request(client: ModelArtsClient, base: int) -> CreateJobVersionRequest:
            complete = config | {"pre_version_id": base}
            if self.inherit_config:
                complete = inherited(client.get_job_version(job_id, base), complete)
            checked = self._request(job_id, complete)
            self._warn(checked.warnings(self._extra_config()))
            return checked

        return VersionPlan(job_id, named, request, self._extra_config())

    def _request(self, job_id: int, config: Mapping[str, Any]) -> CreateJobVersionRequest:
        from airflow_provider_modelarts.client.models.request import CreateJobVersionRequest

        subject = f"create a version of job {job_id}"
        return self._checked(CreateJobVersionRequest, self._body(config), subject)

    def _named_pre_version(self, config: Mapping[str, Any]) -> int | None:
        """Return the previous version that parameter or ``config`` name; both must agree."""
        given = [
            as_id(value, "pre_version_id")
            for value in (self.pre_version_id, config.get("pre_version_id"))
            if value not in (None, "")
        ]
        if len(set(given)) > 1:
            violation = Violation(
                "pre_version_id",
                f"{given[0]}, but config.pre_version_id = {given[1]}",
                "one value (R22)",
                "Leave one of the two out",
            )
            raise PayloadValidationError(
                [violation], f"create a version of job {shown(self.job_id)}"
            )
        return given[0] if given else None


class StopJobVersionOperator(JobVersionOperator):
    """Asks for a version to be stopped; one that has ended already is left as it is."""

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request."""
        from airflow_provider_modelarts.client.status import has_ended

        with self._errors():
            job_id, version_id = self._ids()
            client = self.hook.get_conn()
            self._ask(
                lambda: client.stop_job_version(job_id, version_id),
                lambda: client.get_job_version(job_id, version_id).status,
                f"stop job {job_id}, version {version_id}",
                needless=has_ended,
            )


class DeleteJobVersionOperator(DeleteOperator, JobVersionOperator):
    """Starts the deletion of a version; one that is gone already is fine."""

    template_fields: Sequence[str] = JobVersionOperator.template_fields

    def _delete(self, client: ModelArtsClient) -> None:
        client.delete_job_version(*self._ids())

    def _read(self, client: ModelArtsClient) -> JobVersion:
        return client.get_job_version(*self._ids())


class DeleteTrainingJobOperator(DeleteOperator, JobOperator):
    """Starts the deletion of a job with all its versions; one that is gone already is fine."""

    template_fields: Sequence[str] = JobOperator.template_fields

    def _delete(self, client: ModelArtsClient) -> None:
        client.delete_training_job(self._job_id())

    def _read(self, client: ModelArtsClient) -> JobVersion | JobSummary:
        """Return the version whose deletion has failed, if there is one, or anything of the job."""
        from airflow_provider_modelarts.client.status import JobStatus

        job_id = self._job_id()
        versions = list(client.list_job_versions(job_id))
        failed = [row for row in versions if row.status == JobStatus.DELETE_FAILED]
        if versions:
            return (failed or versions)[0]
        # A job without versions has no detail to ask for, so its row in the list tells.
        jobs = client.list_training_jobs(per_page=1000)
        found = next((row for row in jobs if row.job_id == job_id), None)
        if found is None:
            msg = f"job {job_id} is not in the list of jobs"
            raise NotFoundError(msg, http_status=200)
        return found
