"""Operators for training jobs and their versions.

.. seealso:: ``docs/operators.md``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.exceptions import (
    ConflictError,
    JobNameExistsError,
    ModelArtsError,
    NotFoundError,
    PayloadValidationError,
    Violation,
)
from airflow_provider_modelarts.operators.base import ModelArtsOperator
from airflow_provider_modelarts.operators.create import CreateOperator, created_version
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

IF_EXISTS: Final = ("fail", "attach", "new_version")
_NOT_FOR_VERSIONS: Final[tuple[str, ...]] = ("volumes", "create_version")


class CreateTrainingJobOperator(CreateOperator):
    """Creates a training job; ``POST /v1/{project_id}/training-jobs``.

    See :class:`~airflow_provider_modelarts.operators.create.CreateOperator` for ``config``, waiting
    and the result.

    :param job_name: unique name, 1 to 64 letters, digits, ``_`` or ``-`` (templated).
    :param workspace_id: workspace (templated); None: that of the connection.
    :param if_exists: what to do when a job that is not this task's own has the name: ``fail``;
        ``attach`` (return its newest version); ``new_version`` (make a new version of it, without
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
        if if_exists not in IF_EXISTS:
            msg = (
                f"if_exists is {if_exists!r}, but must be one of {', '.join(map(repr, IF_EXISTS))}"
            )
            raise ValueError(msg)
        self.job_name = job_name
        self.workspace_id = workspace_id
        self.if_exists = if_exists

    def _create(self) -> dict[str, Any]:
        request = self._request()
        client = self.hook.get_conn()
        try:
            created = client.create_training_job(request, self._extra_config())
        except JobNameExistsError:
            if self.if_exists == "fail":
                raise
            job = client.find_training_job(request.job_name, workspace_id=request.workspace_id)
            if job is None:  # it is in a workspace that this connection does not look into
                raise
            return self._use(client, job)
        return self._log_created(created)

    def _request(self) -> CreateTrainingJobRequest:
        """Validate; for ``new_version`` both requests that may be sent."""
        from airflow_provider_modelarts.client.models.request import CreateTrainingJobRequest

        config = self._config()
        workspace = self.workspace_id
        if workspace in (None, ""):
            workspace = self.hook.get_conn().config.workspace_id
        body = self._body(config, workspace_id=workspace) | {"job_name": self.job_name}
        subject = f"create job {self.job_name!r}"
        violations: list[Violation] = []
        request = None
        try:
            request = CreateTrainingJobRequest.checked(body, subject)
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
        self._warn(request)
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
        return CreateJobVersionRequest.checked(
            self._body(kept | {"pre_version_id": pre_version_id}),
            f"new version of job {self.job_name!r}",
        )

    def _use(self, client: ModelArtsClient, job: JobSummary) -> dict[str, Any]:
        """Attach to a job that exists, or make a version of it."""
        if self.if_exists == "attach":
            self.log.info("Attaching to job %r (job_id %d)", job.job_name, job.job_id)
            return _attached(client, job)
        config = self._config()
        left_out = [name for name in _NOT_FOR_VERSIONS if name in config]
        if self.workspace_id not in (None, ""):
            left_out.append("workspace_id")
        if left_out:
            self.log.warning("Left out, as a version does not take it: %s", ", ".join(left_out))
        previous = _newest_version(client, job.job_id)
        request = self._version_request(config, previous.version_id)
        return self._log_created(
            client.create_job_version(job.job_id, request, self._extra_config())
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
        self.inherit_config = inherit_config

    def _create(self) -> dict[str, Any]:
        from airflow_provider_modelarts.client.inherit import inherited
        from airflow_provider_modelarts.client.models.request import CreateJobVersionRequest

        job_id = as_id(self.job_id, "job_id")
        config = self._config()
        named = self._named_pre_version(config)
        subject = f"create a version of job {job_id}"
        if not self.inherit_config:
            # Before anything is asked of the service; 0 stands for the version that is looked up.
            CreateJobVersionRequest.checked(
                self._body(config | {"pre_version_id": named or 0}), subject
            )
        client = self.hook.get_conn()
        if named is None:
            previous = _newest_version(client, job_id)
        elif self.inherit_config:
            previous = client.get_job_version(job_id, named)
        else:
            previous = None
        config["pre_version_id"] = named if previous is None else previous.version_id
        if self.inherit_config and previous is not None:
            config = inherited(previous, config)
        request = CreateJobVersionRequest.checked(self._body(config), subject)
        self._warn(request)
        return self._log_created(client.create_job_version(job_id, request, self._extra_config()))

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
            raise PayloadValidationError([violation], f"create a version of job {self.job_id}")
        return given[0] if given else None


class _VersionOperator(ModelArtsOperator):
    """Base of the operators on one version."""

    template_fields: Sequence[str] = (
        *ModelArtsOperator.template_fields,
        "job_id",
        "version_id",
    )

    def __init__(self, *, job_id: int | str, version_id: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.version_id = version_id

    def _ids(self) -> tuple[int, int]:
        return as_id(self.job_id, "job_id"), as_id(self.version_id, "version_id")


class StopJobVersionOperator(_VersionOperator):
    """Asks for a version to be stopped; one that has ended already is left as it is.

    :param job_id: id of the job (templated).
    :param version_id: id of the version (templated).
    """

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request."""
        from airflow_provider_modelarts.client.status import Outcome, describe, outcome_of

        with self._errors():
            job_id, version_id = self._ids()
            client = self.hook.get_conn()
            try:
                client.stop_job_version(job_id, version_id)
            except ConflictError:
                status = client.get_job_version(job_id, version_id).status
                if outcome_of(status) is Outcome.RUNNING:
                    raise
                self.log.info("Version %d has ended already: %s", version_id, describe(status))
            else:
                self.log.info("Asked to stop job %d, version %d", job_id, version_id)


class DeleteJobVersionOperator(_VersionOperator):
    """Starts the deletion of a version; one that is gone already is fine.

    :param job_id: id of the job (templated).
    :param version_id: id of the version (templated).
    """

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request."""
        with self._errors():
            job_id, version_id = self._ids()
            try:
                self.hook.get_conn().delete_job_version(job_id, version_id)
            except NotFoundError as error:
                self.log.warning("Nothing to delete: %s", error)


class DeleteTrainingJobOperator(ModelArtsOperator):
    """Starts the deletion of a job with all its versions; one that is gone already is fine.

    :param job_id: id of the job (templated).
    """

    template_fields: Sequence[str] = (*ModelArtsOperator.template_fields, "job_id")

    def __init__(self, *, job_id: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    def execute(self, context: Context) -> None:  # noqa: ARG002
        """Send the request."""
        with self._errors():
            try:
                self.hook.get_conn().delete_training_job(as_id(self.job_id, "job_id"))
            except NotFoundError as error:
                self.log.warning("Nothing to delete: %s", error)


def _newest_version(client: ModelArtsClient, job_id: int) -> JobVersion:
    from airflow_provider_modelarts.client.models.job import newest

    version = newest(list(client.list_job_versions(job_id)))
    if version is None:
        msg = f"Job {job_id} has no version to derive from; delete it, or create another job"
        raise ModelArtsError(msg)
    return version


def _attached(client: ModelArtsClient, job: JobSummary) -> dict[str, Any]:
    """Return the XCom of a job's newest version, or of a job that has none."""
    from airflow_provider_modelarts.client.models.job import newest

    version = newest(list(client.list_job_versions(job.job_id)))
    if version is not None:
        return created_version(version) | {"job_name": job.job_name}
    return {
        "job_id": job.job_id,
        "job_name": job.job_name,
        "version_id": None,
        "version_name": None,
        "status": job.status,
        "create_time": job.create_time,
        "resource_id": None,
    }
