"""What all requests share: strict fields, and every broken rule at once.

A model that exists is fit to be sent. pydantic checks each field, ``rules.py`` what holds between
fields; all findings leave as one ``PayloadValidationError``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from airflow_provider_modelarts.client import findings, rules
from airflow_provider_modelarts.client.documents import WrittenFloat
from airflow_provider_modelarts.client.ids import is_well_formed
from airflow_provider_modelarts.client.normal import as_list, is_flag, number_text, whole
from airflow_provider_modelarts.client.strict import extra_fields
from airflow_provider_modelarts.exceptions import PayloadValidationError


def _integer(value: Any) -> Any:
    """Accept 3, "3" as a rendered template gives, and any other number that is whole; not true."""
    if isinstance(value, str):
        text = value.strip()
        if text.lstrip("-").isascii() and text.lstrip("-").isdigit():
            return int(text)
    found = whole(value)
    if is_flag(value) or not isinstance(found, int):
        raise PydanticCustomError("not_an_integer", "not an integer")  # noqa: EM101 - a type
    return found


def _flag(value: Any) -> Any:
    """Accept true and "true", as a rendered template gives."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not is_flag(value):
        raise PydanticCustomError("not_a_boolean", "not true or false")  # noqa: EM101 - a type
    return bool(value)


def _as_written(value: Any) -> Any:
    """Take a number of a JSON or YAML text as it stands there; refuse halves of characters."""
    if isinstance(value, str) and not is_well_formed(value):
        told = {
            "allowed": "text without half characters",
            "remedy": "Write the text anew",
            "rule": "R26",
        }
        raise PydanticCustomError("rule", "{allowed}", told)  # noqa: EM101 - a type
    return str(value) if isinstance(value, WrittenFloat) else value


def _identifier(value: Any) -> Any:
    """Accept a number where the documented type is a string of digits or letters."""
    value = _as_written(value)
    found = whole(value)
    text = number_text(found) if isinstance(found, int) else None
    return value if text is None else text


_LONG_MAX = 2**63 - 1
Integer = Annotated[int, BeforeValidator(_integer), Field(ge=0, le=_LONG_MAX)]
Flag = Annotated[bool, BeforeValidator(_flag)]
AnyText = Annotated[str, BeforeValidator(_as_written), Field(strict=True)]
Text = Annotated[str, BeforeValidator(_as_written), Field(strict=True, min_length=1)]
Identifier = Annotated[str, BeforeValidator(_identifier), Field(strict=True, min_length=1)]
Name = Annotated[
    str,
    BeforeValidator(_as_written),
    Field(strict=True, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$"),
]
Description = Annotated[str, BeforeValidator(_as_written), Field(strict=True, max_length=256)]


class Payload(BaseModel):
    """Base: unknown keys are refused, unset options stay out of the wire."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    @classmethod
    def _beside(cls, extra: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG003
        """Return what ``extra_config`` adds to this part of the request."""
        return {}

    @classmethod
    def _between_fields(cls, data: Mapping[str, Any]) -> list[rules.Finding]:  # noqa: ARG003
        """Return what is wrong between fields; ``data`` has no unset options any more."""
        return []

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(
        cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Add the rules between fields to pydantic's findings instead of stopping at the first."""
        if not isinstance(data, Mapping):
            return handler(data)
        extra = cls._beside(info.context or {})
        # A required field needs a value for the model; all others of extra_config stay unchecked.
        data = {k: extra[k] for k in extra.keys() & cls._required() - data.keys()} | dict(data)
        data = {name: as_list(value) for name, value in data.items()}
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
        between = cls._between_fields(present)
        if between and extra:
            # What extra_config completes is no mistake; it is unchecked, so that it makes none.
            complete = {(f.field, f.rule) for f in cls._between_fields({**present, **extra})}
            between = [f for f in between if (f.field, f.rule) in complete]
        problems += [_detail(f) for f in between if f.field not in unset]
        if problems or model is None:
            raise ValidationError.from_exception_data(cls.__name__, problems)
        return model

    @classmethod
    def _required(cls) -> set[str]:
        return {name for name, field in cls.model_fields.items() if field.is_required()}


class Request(Payload):
    """Base of the whole bodies, which a caller may give as mappings."""

    def to_wire(self, extra_config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON object to send; what was left out stays out.

        :param extra_config: merged in last; unchecked, but for being JSON.
        :raises PayloadValidationError: it is not.
        """
        return self.model_dump(mode="json", exclude_unset=True) | extra_fields(extra_config)

    @classmethod
    def checked(
        cls,
        data: Self | Mapping[str, Any],
        subject: str | None = None,
        extra_config: Mapping[str, Any] | None = None,
    ) -> Self:
        """Validate a mapping, or pass a model on.

        :param data: the request body with the API's field names.
        :param subject: what it is for, in the error's first line.
        :param extra_config: what is merged in later; a field that only it has is not missing.
        :raises PayloadValidationError: lists every broken rule.
        """
        if isinstance(data, cls):
            return data
        try:
            return cls.model_validate(data, context=extra_fields(extra_config))
        except ValidationError as error:
            fields = cls._fields()
            violations = [findings.violation(e, fields) for e in error.errors(include_url=False)]
            raise PayloadValidationError(violations, subject or cls.__name__) from None

    @classmethod
    def _fields(cls) -> findings.Fields:
        """Return the names and rules of all fields, for messages."""
        return findings.Fields({"": sorted(cls.model_fields)})


class DescriptionRequest(Request):
    """Body of the calls that change a description."""

    job_desc: Description


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
