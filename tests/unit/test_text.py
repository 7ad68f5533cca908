"""Text and data from outside are made fit to be shown, stored and handed on."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from airflow_provider_modelarts.text import (
    LINE,
    RESULT,
    fit,
    one_line,
    parse_json,
    strict_json,
    visible,
    well_formed,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cut \ud83d", "cut \ufffd"),
        ("\ude00 cut", "\ufffd cut"),
        ("whole \U0001f600", "whole \U0001f600"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        ("plain ä", "plain ä"),
    ],
)
def test_halves_of_pairs_are_replaced(text: str, expected: str) -> None:
    """So that every text can be encoded."""
    assert well_formed(text) == expected
    assert well_formed(text).encode()


@pytest.mark.parametrize(
    ("text", "shown", "line"),
    [
        ("a\nb\tc", "a\nb\tc", "a\\nb\\tc"),
        ("a\rb", "a\\rb", "a\\rb"),
        ("\x1b[31mred", "\\x1b[31mred", "\\x1b[31mred"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b", "\\x00\\x7f\\x9b"),
        ("\u2028\u202e", "\\u2028\\u202e", "\\u2028\\u202e"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str, line: str) -> None:
    """A terminal obeys none of them, and a line stays a line."""
    assert visible(text) == shown
    assert one_line(text) == line


@pytest.mark.parametrize("text", ["x" * 5_000_000, "\n" * 5_000_000], ids=["letters", "lines"])
def test_line_is_bounded(text: str) -> None:
    """Escapes count as what they are written as."""
    assert len(one_line(text)) == LINE
    assert len(one_line(text, 20)) == 20


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"a": NaN, "b": [Infinity, -Infinity, 1e999, 1.5]}',
            {"a": None, "b": [None, None, None, 1.5]},
        ),
        (b'{"a": 9223372036854775807}', {"a": 2**63 - 1}),
        (b'{"a": 9223372036854775808}', {"a": "9223372036854775808"}),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": "9" * 5000}),
        (b'{"a": "torn \xc3"}', {"a": "torn \ufffd"}),
        (b'{"a": "raw \n\x1b\x00"}', {"a": "raw \n\x1b\x00"}),
        (
            b'{"a\\ud83d": "\\ud83d", "b": ["\\uD83D\\uDE00"]}',
            {"a\ufffd": "\ufffd", "b": ["\U0001f600"]},
        ),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    ],
    ids=["not finite", "int64", "beyond", "digits", "torn", "controls", "halves", "mark"],
)
def test_json_is_parsed_as_far_as_it_can_be_understood(body: bytes, expected: Any) -> None:
    """What strict JSON cannot hold is replaced while it is read."""
    assert parse_json(body) == expected


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000, b'{"a": }'], ids=len)
def test_what_is_no_json_is_an_error_of_one_kind(body: bytes) -> None:
    """Nesting that the parser cannot follow included."""
    with pytest.raises(ValueError, match="."):
        parse_json(body)


def test_any_value_becomes_strict_json() -> None:
    """Whatever it was, it can be encoded and decoded by others."""
    value = {
        "a\ud83d": [math.nan, -math.inf, 2**70, True, None],
        7: ("x" * 10_000, "\x1b"),
        "set": {1},
    }

    found = strict_json(value)

    assert json.loads(json.dumps(found, allow_nan=False).encode()) == found
    assert found["a\ufffd"] == [None, None, "0x400000000000000000", True, None]
    assert len(found["7"][0]) == 2_000
    assert found["7"][1] == "\\x1b"


def test_small_results_are_whole() -> None:
    """Nothing is said where nothing is left out."""
    assert fit({"a": [1.5]}, "there") == ({"a": [1.5]}, "")


@pytest.mark.parametrize(
    "value",
    [
        {
            "rows": [{"image": f"/bucket/{n}.png", "score": 0.5} for n in range(5000)],
            "accuracy": 0.9,
        },
        {str(n): "x" * 100 for n in range(5000)},
        [["x" * 1000] * 100] * 100,
        {"one": {"two": {"three": ["x" * 2000] * 1000}}},
    ],
    ids=["rows", "keys", "nested lists", "deep"],
)
def test_large_results_are_cut_and_say_so(value: Any) -> None:
    """As many entries as fit, and where to read them all."""
    short, told = fit(value, "in the console")

    assert "cut to their first" in told
    assert told.endswith("All of it is in the console")
    assert len(json.dumps(short, ensure_ascii=False).encode()) <= RESULT
    if isinstance(value, dict):
        assert short["left_out"] == told


def test_metrics_keep_what_is_small() -> None:
    """The accuracy beside five thousand rows is still there."""
    rows = [{"image": f"/bucket/{n}.png", "score": 0.5} for n in range(5000)]

    short, _ = fit({"accuracy": 0.9, "rows": rows}, "there")

    assert short["accuracy"] == 0.9
    assert short["rows"] == rows[: len(short["rows"])]
    assert len(short["rows"]) >= 10
