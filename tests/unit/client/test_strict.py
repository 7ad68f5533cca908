"""``extra_config`` is unchecked, but plain JSON of bounded size."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from airflow_provider_modelarts.client import CreateTrainingJobRequest
from airflow_provider_modelarts.client.documents import parsed
from airflow_provider_modelarts.client.strict import MAX_DEPTH, MAX_VALUES, extra_fields
from airflow_provider_modelarts.exceptions import PayloadValidationError


def nested(levels: int) -> Any:
    """Return a mapping of so many levels."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def itself() -> dict[str, Any]:
    """Return a mapping that holds itself."""
    value: dict[str, Any] = {}
    value["a"] = value
    return value


@pytest.mark.parametrize("value", [None, "", {}, "{}"])
def test_nothing_is_an_empty_mapping(value: Any) -> None:
    """However it is given."""
    assert extra_fields(value) == {}


def test_json_goes_through() -> None:
    """A text that holds it as well; tuples are lists."""
    value = {"a": [1, 0.5, None, True, "ä"], "b": {"c": {}}}

    assert extra_fields(value) == value
    assert extra_fields(json.dumps(value)) == value
    assert extra_fields(repr(value)) == value
    assert extra_fields({"a": (1, 2)}) == {"a": [1, 2]}
    assert json.dumps(extra_fields("a: 1.10")) == '{"a": 1.1}'


@pytest.mark.parametrize(
    ("value", "field", "shown"),
    [
        ({"a": date(2026, 1, 1)}, "extra_config.a", "a date"),
        ({"a": b"x"}, "extra_config.a", "a bytes"),
        ({"a": {1, 2}}, "extra_config.a", "a set"),
        ({"a": float("nan")}, "extra_config.a", "nan"),
        ({"a": [1, float("inf")]}, "extra_config.a[1]", "inf"),
        ({"a": 10**5000}, "extra_config.a", "an integer of more than 300 digits"),
        ({"a": {1: "x", "1": "y"}}, "extra_config.a[1]", "under the key 1"),
        ({None: 1}, "extra_config.None", "under the key None"),
        ({(1, "x"): 1}, "extra_config.(1, 'x')", "under the key (1, 'x')"),
        ({"a": "\ud800"}, "extra_config.a", r"'\ud800'"),
        ({"\ud800": 1}, r"extra_config.'\ud800'", r"under the key '\ud800'"),
        (nested(MAX_DEPTH + 2), "extra_config.a.a.a", "a value below it"),
        (nested(100_000), "extra_config.a.a.a", "a value below it"),
        (itself(), "extra_config.a.a.a", "a value below it"),
        ({"a": [1] * (MAX_VALUES + 1)}, f"extra_config.a[{MAX_VALUES - 2}]", "a value below it"),
        ([1], "extra_config", "a list"),
        (5, "extra_config", "a number"),
        ("[1]", "extra_config", "a text that holds a list"),
        ("a.yaml", "extra_config", "'a.yaml'"),
    ],
    ids=range(19),
)
def test_what_json_does_not_have_is_named(value: Any, field: str, shown: str) -> None:
    """With the path of its place, short and harmless."""
    with pytest.raises(PayloadValidationError) as caught:
        extra_fields(value)

    first = caught.value.violations[0]
    assert (first.field, first.value) == (field, shown)
    assert first.remedy
    assert len(str(caught.value)) < 5000
    str(caught.value).encode()


def test_references_that_grow_are_bounded() -> None:
    """A few lines of YAML can stand for thousands of millions of values."""
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    with pytest.raises(PayloadValidationError, match="values"):
        extra_fields("\n".join(lines))


@pytest.mark.parametrize("text", ["a: 1", "a: &a [*a]"])
def test_client_checks_it_too(config: dict[str, Any], text: str) -> None:
    """Where it becomes part of the request."""
    request = CreateTrainingJobRequest.checked({"job_name": "job", "config": config})
    extra = parsed(text, "extra_config")

    if "&" not in text:
        assert request.to_wire(extra)["config"]["a"] == 1
        return
    with pytest.raises(PayloadValidationError):
        request.to_wire(extra)
