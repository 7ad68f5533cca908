"""Settings that come as text: JSON, YAML and Python's own form."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_modelarts.client.documents import WrittenFloat, parsed
from airflow_provider_modelarts.exceptions import PayloadValidationError


def refusal(text: str) -> str:
    """Return why a text cannot be read."""
    with pytest.raises(PayloadValidationError) as caught:
        parsed(text, "config")
    (violation,) = caught.value.violations
    assert violation.field == "config"
    return violation.rule


@pytest.mark.parametrize(
    "text",
    ["NO", "on", "y", "12:30:45", "012", "0o14", "0x10", "1_000", "2026-01-01", ".inf", "+5", "1."],
)
def test_plain_scalar_of_yaml_is_a_text_unless_it_is_surely_none(text: str) -> None:
    """YAML 1.1 makes flags, times, dates and other numbers of these."""
    assert parsed(f"a: {text}\n{text}: b", "config") == {"a": text, text: "b"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("False", False), ("5", 5), ("-3", -3), ("0", 0), ("~", None), ("null", None)],
)
def test_scalars_of_json_are_those_of_yaml(text: str, value: Any) -> None:
    """Flags, integers and null."""
    assert parsed(f"a: {text}", "config") == {"a": value}


@pytest.mark.parametrize("form", ["a: {}", '{{"a": {}}}'], ids=["yaml", "json"])
@pytest.mark.parametrize("text", ["1.10", "1e-5", "-0.50", "1E3"])
def test_number_keeps_its_form(form: str, text: str) -> None:
    """It counts as a number, and is written as it was where a text is meant."""
    found = parsed(form.format(text), "config")["a"]

    assert isinstance(found, WrittenFloat)
    assert found == float(text)
    assert str(found) == text


@pytest.mark.parametrize("form", ["a: {}", '{{"a": {}}}', "{{'a': {}}}"])
@pytest.mark.parametrize("text", ["9" * 5000, "1e999"])
def test_number_that_is_too_large_for_python_stays_a_text(form: str, text: str) -> None:
    """Whether it is JSON or YAML; as Python writes it, only the integer comes."""
    found = parsed(form.format(text), "config")["a"]

    assert found == text or found == float("inf")


def test_python_form_is_read_as_python() -> None:
    """What a template without native rendering makes of a mapping."""
    value = {"a": None, "b": True, "c": ["it's", 1.5], "d": {"e": "1.10"}}

    assert parsed(repr(value), "config") == value


def test_references_and_merges_of_yaml_work() -> None:
    """A key of its own beside a merged one is no duplicate."""
    text = "base: &b {a: 1, b: 2}\nx: {<<: *b, a: 3}\ny: {deep: {<<: [*b], c: 4}}"

    assert parsed(text, "config") == {
        "base": {"a": 1, "b": 2},
        "x": {"a": 3, "b": 2},
        "y": {"deep": {"a": 1, "b": 2, "c": 4}},
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2", "line 2, column 1: key 'a' stands twice"),
        ("x:\n  - a: 1\n    a: 2", "line 3, column 5: key 'a' stands twice"),
        ('{"a": {"b": 1, "b": 2}}', "column 16: key 'b' stands twice"),
        ("{'a': 1, 'a': 2}", "key 'a' stands twice"),
        ('{"a": 1,\n "b": }', "line 2, column 7: Expecting value"),
        ("a: [", "line 1, column 5"),
        ("a: \x00", "line 1, column 4: character '\\x00' is not allowed"),
        ("ok: 1\na: \ud800", "line 2, column 4: character '\\ud800' is not allowed"),
        ("a: !!timestamp foo", "line 1, column 4: could not determine a constructor"),
        ("a: !!python/object:os.system x", "line 1, column 4: could not determine a constructor"),
        ("a: !!int foo", "line 1, column 4: the value does not fit its tag"),
        ("a: !!bool foo", "line 1, column 4: the value does not fit its tag"),
        ("? [1]\n: c", "line 1, column 3: found unhashable key"),
        ("---\na: 1\n---\nb: 1", "line 3, column 1"),
        ("{'a': datetime.date(2026, 1, 1)}", "datetime.date in it, as Python writes it"),
        ("[" * 5000, "nested too deeply"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("{'a': " + "[" * 5000, "line 1, column"),
    ],
    ids=lambda text: text[:16],
)
def test_mistake_is_told_with_its_place(text: str, problem: str) -> None:
    """Never with an error of the libraries beneath."""
    if "[[[" in text:
        assert refusal(text).startswith("JSON or YAML, but ")
    else:
        assert problem in refusal(text)


def test_text_itself_is_not_shown() -> None:
    """It may hold a secret."""
    with pytest.raises(PayloadValidationError) as caught:
        parsed("password: the-secret\na: [", "config")

    assert "the-secret" not in str(caught.value)
