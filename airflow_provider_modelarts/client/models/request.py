"""Requests that create a job or a version, with every rule of severity E.

A model that exists is fit to be sent. All broken rules come at once, as one
``PayloadValidationError``: pydantic checks each field, ``rules.py`` what holds between fields.
Sources: pages "Creating a Training Job" and "Creating a Version of a Training Job" of the ModelArts
API reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from airflow_provider_modelarts.client import findings, rules
from airflow_provider_modelarts.exceptions import PayloadValidationError

if TYPE_CHECKING:
    from airflow_provider_modelarts.exceptions import Violation


def _integer(value: Any) -> Any:
    """Accept 3 and "3", as a rendered template gives; not 3.0, not true."""
    if isinstance(value, str):
        text = value.strip()
        if text.lstrip("-").isascii() and text.lstrip("-").isdigit():
            return int(text)
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("not_an_integer", "not an integer")  # noqa: EM101 - a type
    return value


def _flag(value: Any) -> Any:
    """Accept true and "true", as a rendered template gives."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise PydanticCustomError("not_a_boolean", "not true or false")  # noqa: EM101 - a type
    return value


def _identifier(value: Any) -> Any:
    """Accept a number where the documented type is a string of digits or letters."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_LONG_MAX = 2**63 - 1
Integer = Annotated[int, BeforeValidator(_integer), Field(ge=0, le=_LONG_MAX)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, Field(strict=True, min_length=1)]
Identifier = Annotated[str, BeforeValidator(_identifier), Field(strict=True, min_length=1)]


class _Payload(BaseModel):
    """Base: unknown keys are refused, unset options stay out of the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    @classmethod
    def _between_fields(cls, data: Mapping[str, Any]) -> list[rules.Finding]:  # noqa: ARG003
        """Return what is wrong between fields; ``data`` has no unset options any more."""
        return []

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Add the rules between fields to pydantic's findings instead of stopping at the first."""
        if not isinstance(data, Mapping):
            return handler(data)
        problems: list[InitErrorDetails] = [_detail(f) for f in rules.unset_options(data)]
        present = {k: v for k, v in data.items() if not rules.is_unset(k, v)}
        unset = data.keys() - present.keys()
        model = None
        try:
            model = handler(present)
        except ValidationError as error:
            # A required option that was given as null or "" is one mistake, not two.
            problems += [
                _kept(e)
                for e in error.errors(include_url=False)
                if not (e["type"] == "missing" and e["loc"][-1] in unset and len(e["loc"]) == 1)
            ]
        problems += [_detail(f) for f in cls._between_fields(present) if f.field not in unset]
        if problems or model is None:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return model


class Parameter(_Payload):
    """A running parameter; an environment variable with a custom image."""

    label: Text
    value: Annotated[str, Field(strict=True)]


class DataSource(_Payload):
    """One input: an OBS path or a dataset version."""

    type: Literal["obs", "dataset"]
    data_url: Text | None = None
    dataset_id: Identifier | None = None
    dataset_version: Identifier | None = None


class NfsVolume(_Payload):
    """An SFS Turbo share."""

    id: Identifier
    src_path: Text
    dest_path: Text
    read_only: Flag | None = None


class HostPathVolume(_Payload):
    """A folder of the host; dedicated pools only."""

    src_path: Text
    dest_path: Text
    read_only: Flag | None = None


class Volume(_Payload):
    """A storage volume: ``nfs`` or ``host_path``."""

    nfs: NfsVolume | None = None
    host_path: HostPathVolume | None = None

    @classmethod
    def _between_fields(cls, data: Mapping[str, Any]) -> list[rules.Finding]:
        return rules.volume_kind(data)


class TrainingConfig(_Payload):
    """Fields that a job and a version share."""

    worker_server_num: Annotated[Integer, Field(ge=1)]
    app_url: Text | None = None
    boot_file_url: Text | None = None
    parameter: Annotated[list[Parameter], BeforeValidator(rules.parameter_pairs)] | None = None
    data_url: Text | None = None
    dataset_id: Identifier | None = None
    dataset_version_id: Identifier | None = None
    data_source: list[DataSource] | None = None
    spec_id: Integer | None = None
    pool_id: Identifier | None = None
    engine_id: Integer | None = None
    model_id: Integer | None = None
    train_url: Text | None = None
    log_url: Text | None = None
    user_image_url: Text | None = None
    user_command: Text | None = None

    @classmethod
    def _between_fields(cls, data: Mapping[str, Any]) -> list[rules.Finding]:
        return rules.between_fields(data)


class JobConfig(TrainingConfig):
    """``config`` of a new job."""

    create_version: Flag | None = None
    volumes: list[Volume] | None = None


class VersionConfig(TrainingConfig):
    """``config`` of a new version."""

    train_url: Text
    pre_version_id: Integer


class _Request(_Payload):
    """Base of both requests."""

    def to_wire(self, extra_config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object to send; what was left out stays out.

        :param extra_config: merged into ``config`` last and unchecked.
        """
        body = self.model_dump(mode="json", exclude_unset=True)
        return body | {"config": body["config"] | dict(extra_config or {})}

    @classmethod
    def checked(cls, data: Self | Mapping[str, Any], subject: str | None = None) -> Self:
        """Validate a mapping, or pass a model on.

        :param data: the request body with the API's field names.
        :param subject: what it is for, in the error's first line.
        :raises PayloadValidationError: lists every broken rule.
        """
        if isinstance(data, cls):
            return data
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            violations = [
                findings.violation(e, cls._fields()) for e in error.errors(include_url=False)
            ]
            raise PayloadValidationError(violations, subject or cls._subject()) from None

    @classmethod
    def _fields(cls) -> findings.KnownFields:
        """Return all field names by place, for "did you mean"."""
        config: Any = cls.model_fields["config"].annotation
        return {
            "": sorted(cls.model_fields),
            "config": sorted(config.model_fields),
            "parameter": sorted(Parameter.model_fields),
            "data_source": sorted(DataSource.model_fields),
            "volumes": sorted(Volume.model_fields),
            "nfs": sorted(NfsVolume.model_fields),
            "host_path": sorted(HostPathVolume.model_fields),
        }

    @classmethod
    def _subject(cls) -> str:
        return cls.__name__

    def warnings(self) -> list[Violation]:
        """Return the broken rules that do not stop the request (severity W)."""
        config = self.to_wire()["config"]
        return [findings.as_violation(finding, "config") for finding in rules.warnings(config)]


class CreateTrainingJobRequest(_Request):
    """Body of "create a training job"."""

    job_name: Annotated[
        str, Field(strict=True, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    ]
    job_desc: Annotated[str, Field(strict=True, max_length=256)] | None = None
    workspace_id: Identifier | None = None
    config: JobConfig


class CreateJobVersionRequest(_Request):
    """Body of "create a version of a training job"."""

    job_desc: Annotated[str, Field(strict=True, max_length=256)] | None = None
    config: VersionConfig


def _detail(finding: rules.Finding) -> InitErrorDetails:
    """Put a finding into pydantic's form, so that it gets the path of its place."""
    error = PydanticCustomError(
        "rule",
        "{allowed}",
        {"allowed": finding.allowed, "remedy": finding.remedy, "rule": finding.rule},
    )
    return InitErrorDetails(type=error, loc=(finding.field,), input=finding.value)


def _kept(error: Any) -> InitErrorDetails:
    """Carry an error of pydantic's over unchanged."""
    context = error.get("ctx", {})
    kind: Any = error["type"]
    if kind in ("rule", "not_an_integer", "not_a_boolean", "not_pairs"):
        kind = PydanticCustomError(
            kind, error["msg"].replace("{", "{{") if kind != "rule" else "{allowed}", context
        )
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"], ctx=context)
