"""How all answers of the service are read: tolerantly.

Numbers may come as decimal strings, unset options as null, as an empty text or not at all, JSON as
JSON or as a text that holds it; unknown keys are ignored, and a field that is not needed to go on
and makes no sense is read as unset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from airflow_provider_modelarts.exceptions import UnreadableResponseError
from airflow_provider_modelarts.text import fit, one_line, parse_json, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ROW: Final = 16 * 1024
"""Bytes of JSON that one object of a result may have."""

ModelT = TypeVar("ModelT", bound="Answer")
RowT = TypeVar("RowT")


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
        return parse_json(value)
    except ValueError:
        return None


def _visible(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value


def _one_line(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value


Id = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""An id without which an answer is of no use."""
Integer = Annotated[int | None, Field(ge=-(2**63), le=2**63 - 1), WrapValidator(_or_unset)]
Text = Annotated[str | None, WrapValidator(_or_unset), AfterValidator(_visible)]
"""A text of any length that may have lines; other control characters are escaped."""
Line = Annotated[str | None, WrapValidator(_or_unset), AfterValidator(_one_line)]
"""A name, path or code, fit for a line of a log."""
Raw = Annotated[str | None, WrapValidator(_or_unset)]
"""A text as the service has it."""
Flag = Annotated[bool | None, WrapValidator(_or_unset)]
Status = Annotated[int, Field(ge=-(2**63), le=2**63 - 1), WrapValidator(_or_zero)]
Objects = Annotated[
    list[dict[str, Any]] | None, WrapValidator(_or_unset), BeforeValidator(_decoded)
]
Object = Annotated[dict[str, Any] | None, WrapValidator(_or_unset), BeforeValidator(_decoded)]


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, coerce_numbers_to_str=True, protected_namespaces=()
    )

    secret_fields: ClassVar[frozenset[str]] = frozenset({"parameter", "user_command"})
    """Fields in which authors put secrets: parameters are environment variables of an image."""

    def plain(self) -> dict[str, Any]:
        """Return it as plain JSON, fit for an XCom: without what may hold secrets."""
        row = self.model_dump(mode="json", exclude=set(self.secret_fields))
        short, _ = fit(row, "at the service", _ROW)
        return dict(short or {})

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Leave the same out where a traceback shows local variables."""
        return (arg for arg in super().__repr_args__() if arg[0] not in self.secret_fields)

    @model_validator(mode="before")
    @classmethod
    def _drop_unset(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None and value != ""}
        return data

    @classmethod
    def from_wire(cls: type[ModelT], data: Any) -> ModelT:
        """Read a JSON object.

        :raises UnreadableResponseError: something is missing without which the answer is of no use.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'answer'}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            )
            msg = f"the answer cannot be read as {cls.__name__}: {problems}"
            raise UnreadableResponseError(msg) from None


def rows_of(
    key: str, read: Callable[[Mapping[str, Any]], RowT]
) -> Callable[[Mapping[str, Any]], list[RowT]]:
    """Return what reads an answer that holds a list of rows under a key."""
    return lambda data: [read(row) for row in rows(data, key)]


def rows(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the list of rows; null counts as empty, anything else is not an answer."""
    found = data.get(key, ...)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        msg = f"the answer has no list {key!r}"
        raise UnreadableResponseError(msg)
    return found
