"""What the service answers about jobs and their versions.

Answers are read tolerantly: numbers may come as decimal strings, unset options as null, as an empty
text or not at all, unknown keys are ignored, and a field that is not needed to go on and makes no
sense is read as unset. Only ids and the status must be there.
Source: pages "Creating a Training Job", "Querying a Training Job List" and "Querying the Details
About a Training Job Version" of the ModelArts API reference.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from airflow_provider_modelarts.exceptions import ResponseLostError

ModelT = TypeVar("ModelT", bound="Answer")


def _or_unset(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Read nonsense in a field nobody depends on as unset, instead of losing the whole answer."""
    try:
        return handler(value)
    except ValidationError:
        return None


def _or_zero(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    return _or_unset(value, handler) or 0


def _decoded(value: Any) -> Any:
    """Decode what is JSON in a string on one page and plain JSON on another."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


_Integer = Annotated[int | None, WrapValidator(_or_unset)]
_Text = Annotated[str | None, WrapValidator(_or_unset)]
_List = Annotated[list[dict[str, Any]] | None, WrapValidator(_or_unset)]
_Metrics = Annotated[dict[str, Any] | None, WrapValidator(_or_unset), BeforeValidator(_decoded)]


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, coerce_numbers_to_str=True, protected_namespaces=()
    )

    @model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None and value != ""}
        return data

    @classmethod
    def from_wire(cls: type[ModelT], data: Any) -> ModelT:
        """Read a JSON object.

        :raises ResponseLostError: something is missing without which the answer is of no use.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
            msg = f"the answer cannot be read as {cls.__name__}: {problems}"
            raise ResponseLostError(msg) from None


class CreatedJob(Answer):
    """Answer to the creation of a job or of a version. Times are epoch milliseconds."""

    job_id: int
    job_name: _Text = None
    version_id: _Integer = None
    version_name: _Text = None
    status: _Integer = None
    create_time: _Integer = None
    resource_id: _Text = None


class CreatedVersion(CreatedJob):
    """Answer to the creation of a version: without its id nothing can be waited for."""

    version_id: int


class JobSummary(Answer):
    """A row of the job list; ``version_id`` and ``status`` are those of its newest version.

    One odd row must not lose a whole page, so only the id must be there; status 0 is "unknown".
    """

    job_id: int
    job_name: _Text = None
    status: Annotated[int, WrapValidator(_or_zero)] = 0
    version_id: _Integer = None
    version_count: _Integer = None
    job_desc: _Text = None
    create_time: _Integer = None
    duration: _Integer = None

    def as_created(self) -> CreatedJob:
        """Return it in the form of the answer to its creation."""
        return CreatedJob(
            job_id=self.job_id,
            job_name=self.job_name,
            status=self.status,
            create_time=self.create_time,
        )


class JobVersion(Answer):
    """One version (run) of a job. Times and durations are milliseconds."""

    job_id: int
    version_id: int
    status: int
    job_name: _Text = None
    job_desc: _Text = None
    version_name: _Text = None
    pre_version_id: _Integer = None
    create_time: _Integer = None
    start_time: _Integer = None
    duration: _Integer = None
    resource_id: _Text = None
    worker_server_num: _Integer = None
    app_url: _Text = None
    boot_file_url: _Text = None
    engine_id: _Integer = None
    model_id: _Integer = None
    user_image_url: _Text = None
    user_command: _Text = None
    parameter: _List = None
    data_url: _Text = None
    dataset_id: _Text = None
    dataset_version_id: _Text = None
    data_source: _List = None
    spec_id: _Integer = None
    pool_id: _Text = None
    train_url: _Text = None
    log_url: _Text = None
    metrics: _Metrics = Field(default=None, alias="model_metric_list")


def newest(versions: list[JobVersion]) -> JobVersion | None:
    """Return the version created last; ids break a tie."""
    return max(versions, key=lambda v: (v.create_time or 0, v.version_id), default=None)
