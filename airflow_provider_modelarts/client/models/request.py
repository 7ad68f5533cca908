"""Requests that create a job or a version, with every rule of severity E.

Sources: pages "Creating a Training Job" and "Creating a Version of a Training Job" of the ModelArts
API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from airflow_provider_modelarts.client import findings, rules
from airflow_provider_modelarts.client.documents import parsed
from airflow_provider_modelarts.client.models.payload import (
    AnyText,
    Description,
    Flag,
    Identifier,
    Integer,
    Name,
    Payload,
    Request,
    Text,
)
from airflow_provider_modelarts.client.strict import extra_fields
from airflow_provider_modelarts.exceptions import PayloadValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_modelarts.exceptions import Violation


_AS_JSON: Final = "Pass a list or a mapping; from a template with | tojson"


def _read(value: Any) -> Any:
    """Read a list or mapping that a template has rendered to text."""
    if not isinstance(value, str):
        return value
    try:
        return parsed(value, "", remedy=_AS_JSON)
    except PayloadValidationError as error:
        (violation,) = error.violations
        allowed = violation.rule.removesuffix(" (R03)")
        context = {"allowed": allowed, "remedy": violation.remedy, "rule": "R03"}
        raise PydanticCustomError("rule", "{allowed}", context) from None  # noqa: EM101 - a type


class Parameter(Payload):
    """A running parameter; an environment variable with a custom image."""

    label: Text
    value: Annotated[AnyText, Field(repr=False)]


class DataSource(Payload):
    """One input: an OBS path or a dataset version."""

    type: Literal["obs", "dataset"]
    data_url: Text | None = None
    dataset_id: Identifier | None = None
    dataset_version: Identifier | None = None


class NfsVolume(Payload):
    """An SFS Turbo share."""

    id: Identifier
    src_path: Text
    dest_path: Text
    read_only: Flag | None = None


class HostPathVolume(Payload):
    """A folder of the host; dedicated pools only."""

    src_path: Text
    dest_path: Text
    read_only: Flag | None = None


class Volume(Payload):
    """A storage volume: ``nfs`` or ``host_path``."""

    nfs: NfsVolume | None = None
    host_path: HostPathVolume | None = None

    @classmethod
    def _between_fields(cls, data: Mapping[str, Any]) -> list[rules.Finding]:
        return rules.volume_kind(data)


class TrainingFields(Payload):
    """Fields that a job, a version and a saved parameter set share."""

    worker_server_num: Annotated[Integer, Field(ge=1)]
    app_url: Text | None = None
    boot_file_url: Text | None = None
    parameter: (
        Annotated[list[Parameter], BeforeValidator(rules.parameter_pairs), BeforeValidator(_read)]
        | None
    ) = None
    data_url: Text | None = None
    dataset_id: Identifier | None = None
    dataset_version_id: Identifier | None = None
    data_source: Annotated[list[DataSource], BeforeValidator(_read)] | None = None
    spec_id: Integer | None = None
    engine_id: Integer | None = None
    model_id: Integer | None = None
    train_url: Text | None = None
    log_url: Text | None = None
    user_image_url: Text | None = None
    user_command: Text | None = Field(default=None, repr=False)


class TrainingConfig(TrainingFields):
    """``config`` of a job or of a version."""

    pool_id: Identifier | None = None

    @classmethod
    def _beside(cls, extra: Mapping[str, Any]) -> Mapping[str, Any]:
        return rules.set_options(extra)

    @classmethod
    def _between_fields(cls, data: Mapping[str, Any]) -> list[rules.Finding]:
        return rules.between_fields(data)


class JobConfig(TrainingConfig):
    """``config`` of a new job."""

    create_version: Flag | None = None
    volumes: Annotated[list[Volume], BeforeValidator(_read)] | None = None


class VersionConfig(TrainingConfig):
    """``config`` of a new version."""

    train_url: Text
    pre_version_id: Integer


NESTED: Final[Mapping[str, list[str]]] = {
    "parameter": sorted(Parameter.model_fields),
    "data_source": sorted(DataSource.model_fields),
    "volumes": sorted(Volume.model_fields),
    "nfs": sorted(NfsVolume.model_fields),
    "host_path": sorted(HostPathVolume.model_fields),
}
"""Field names by the place they belong to, for "did you mean"."""


class _TrainingRequest(Request):
    """Base of both requests."""

    config: TrainingConfig

    def to_wire(self, extra_config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object to send; what was left out stays out.

        :param extra_config: merged into ``config`` last and unchecked.
        """
        body = super().to_wire()
        return body | {"config": body["config"] | extra_fields(extra_config)}

    @classmethod
    def _fields(cls) -> findings.Fields:
        config: Any = cls.model_fields["config"].annotation
        names = {"": sorted(cls.model_fields), "config": sorted(config.model_fields), **NESTED}
        return findings.Fields(names, newer=findings.EXTRA)

    def warnings(self, extra_config: Mapping[str, Any] | None = None) -> list[Violation]:
        """Return the broken rules that do not stop the request (severity W).

        :param extra_config: what is merged in later; nothing is said of the fields that it has.
        """
        extra = extra_fields(extra_config)
        return [
            findings.as_violation(finding, "config")
            for finding in self._doubts()
            if finding.field not in extra
        ]

    def _doubts(self) -> list[rules.Finding]:
        return rules.warnings(self.to_wire()["config"])


class CreateTrainingJobRequest(_TrainingRequest):
    """Body of "create a training job"."""

    job_name: Name
    job_desc: Description | None = None
    workspace_id: Identifier | None = None
    config: JobConfig

    def _doubts(self) -> list[rules.Finding]:
        found = super()._doubts()
        # A job without a version trains nothing yet.
        return (
            found
            if self.config.create_version is False
            else [*found, *rules.no_output(self.config.train_url)]
        )


class CreateJobVersionRequest(_TrainingRequest):
    """Body of "create a version of a training job"."""

    job_desc: Description | None = None
    config: VersionConfig
