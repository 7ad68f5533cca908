"""Sequences, numbers and flags of other packages are what they are in JSON."""

from __future__ import annotations

import json
from collections import UserList, UserString, deque
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy
import pytest

from airflow_provider_modelarts.client import (
    CreateJobVersionRequest,
    CreateTrainingJobRequest,
    JobVersion,
    validate_config,
)
from airflow_provider_modelarts.client.inherit import inherited
from airflow_provider_modelarts.client.normal import plain
from airflow_provider_modelarts.exceptions import PayloadValidationError


class Lazy(Sequence[Any]):
    """A sequence that is fetched when it is read, as the XComs of mapped tasks."""

    def __init__(self, *items: Any) -> None:
        self._items = items

    def __getitem__(self, index: Any) -> Any:
        """Fetch an item."""
        return self._items[index]

    def __len__(self) -> int:
        """Count the items."""
        return len(self._items)


class Fields(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def __getitem__(self, key: str) -> Any:
        """Return a field."""
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._fields)

    def __len__(self) -> int:
        """Count the fields."""
        return len(self._fields)


def lazy(items: list[Any]) -> Lazy:
    """Return a lazy sequence."""
    return Lazy(*items)


SEQUENCES: Final = pytest.mark.parametrize("kind", [tuple, deque, UserList, lazy])
PAIR: Final = {"label": "lr", "value": "0.1"}
SOURCE: Final = {"type": "obs", "data_url": "/b/data/"}


def sent(config: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return ``config`` as it goes over the wire, through JSON."""
    request = CreateTrainingJobRequest.checked({"job_name": "a", "config": config | fields})
    return json.loads(json.dumps(request.to_wire()))["config"]


@SEQUENCES
def test_any_sequence_is_a_list(config, kind) -> None:
    """All lists of a payload may be any sequence, of any mappings."""
    del config["data_url"]
    found = sent(
        config,
        parameter=kind([Fields(**PAIR)]),
        data_source=kind([MappingProxyType(SOURCE)]),
        volumes=kind([{"host_path": {"src_path": "/a", "dest_path": "/b"}}]),
        pool_id="pool",
    )

    assert found["parameter"] == [PAIR]
    assert found["data_source"] == [SOURCE]
    assert len(found["volumes"]) == 1


@SEQUENCES
@pytest.mark.parametrize(
    "sources",
    [
        [],
        [SOURCE, {"type": "dataset", "dataset_id": "a", "dataset_version": "b"}],
        [{**SOURCE, "dataset_id": "a"}],
    ],
    ids=["empty", "two types", "too many fields"],
)
def test_rules_hold_for_any_sequence(config, kind, sources: list[Any]) -> None:
    """No rule is escaped by another type."""
    del config["data_url"]

    with pytest.raises(PayloadValidationError, match="R16"):
        sent(config, data_source=kind(sources))


@pytest.mark.parametrize("text", ["a=1", b"a=1", bytearray(b"a"), UserString("a")])
def test_text_is_no_list(config, text: Any) -> None:
    """A text is not a list of its letters."""
    with pytest.raises(PayloadValidationError, match="R17"):
        sent(config, parameter=text)


@SEQUENCES
def test_inherited_parameters_are_merged_with_any_sequence(config, kind) -> None:
    """The parameters of the version before are not lost."""
    before = JobVersion.from_wire(
        {"job_id": 1, "version_id": 2, "status": 10, "parameter": [{"label": "epochs", "value": 3}]}
    )

    found = inherited(before, {"parameter": kind([Fields(**PAIR)])})

    assert [pair["label"] for pair in found["parameter"]] == ["epochs", "lr"]


@pytest.mark.parametrize(
    "one", [1, "1", 1.0, Decimal(1), Decimal("1.00"), Fraction(1), numpy.int64(1), numpy.float32(1)]
)
def test_any_whole_number_is_an_integer_or_an_id(config, one: Any) -> None:
    """Where the API wants an integer, or the text of an id."""
    found = sent(config, worker_server_num=one, spec_id=one, pool_id=one)

    assert (found["worker_server_num"], found["spec_id"]) == (1, 1)
    assert type(found["spec_id"]) is int
    assert found["pool_id"] == "1"


@pytest.mark.parametrize(
    "value",
    [
        True,
        numpy.bool_(True),
        1.5,
        Decimal("1.5"),
        Decimal("NaN"),
        Decimal("1e999999999"),
        float("inf"),
        numpy.float64(0.5),
        1j,
    ],
)
def test_other_numbers_are_no_integer(config, value: Any) -> None:
    """Nothing is rounded."""
    with pytest.raises(PayloadValidationError, match=r"config\.spec_id"):
        sent(config, spec_id=value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (0.1, "0.1"),
        (Decimal("0.10"), "0.10"),
        (Fraction(1, 4), "0.25"),
        (numpy.int32(3), "3"),
        (numpy.float64(0.1), "0.1"),
        (numpy.float32(0.1), "0.1"),
        (True, "true"),
        (numpy.bool_(False), "false"),
    ],
)
def test_parameter_is_the_text_of_any_number(config, value: Any, text: str) -> None:
    """The trainer reads what a person would have written."""
    assert sent(config, parameter={"lr": value})["parameter"] == [{"label": "lr", "value": text}]


@pytest.mark.parametrize("value", [True, "true", numpy.bool_(True)])
def test_flag_of_the_payload(config, value: Any) -> None:
    """Numpy's flags are flags."""
    assert sent(config, create_version=value)["create_version"] is True


def test_extra_config_is_plain_json(config) -> None:
    """What is merged in unchecked can be sent, at least."""
    request = CreateJobVersionRequest.checked({"config": config | {"pre_version_id": 1}})
    extra = {
        "new": Fields(
            sizes=(1, numpy.int64(2), Decimal(3)), rate=Decimal("0.5"), on=numpy.bool_(True)
        ),
        "small": numpy.float32(0.1),
    }

    body = json.loads(json.dumps(request.to_wire(extra)))

    assert body["config"]["new"] == {"sizes": [1, 2, 3], "rate": 0.5, "on": True}
    assert body["config"]["small"] == 0.1


def test_nothing_is_too_deep() -> None:
    """A container that holds itself is left to the checks of its depth."""
    loop: dict[str, Any] = {}
    loop["again"] = loop

    assert plain(loop).keys() == {"again"}


def test_template_in_a_tuple_is_judged_after_rendering(config) -> None:
    """``validate_config`` knows of expressions in any sequence."""
    del config["data_url"]
    sources = ({"type": "{{ params.kind }}", "data_url": "/b/data/"},)

    assert validate_config(config | {"data_source": sources}).errors == ()
