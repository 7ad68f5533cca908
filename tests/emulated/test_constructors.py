"""What constructors of operators and sensors take and refuse, while a DAG file is parsed."""

from __future__ import annotations

import inspect
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import numpy
import pytest
from airflow.providers.common.compat.sdk import DAG, BaseSensorOperator, XComArg

from airflow_provider_modelarts.operators.job_details import ListTrainingJobsOperator
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.sensors.base import ModelArtsSensor
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor
from tests.repo.tasks import tasks

FLAGS: Final = {
    "wait_for_completion",
    "deferrable",
    "cancel_on_kill",
    "inherit_config",
    "validate_against_service",
    "wait_until_ready",
    "soft_fail",
    "never_fail",
    "silent_fail",
    "exponential_backoff",
}
SECONDS: Final = {"poll_interval", "poke_interval", "max_wait", "timeout"}
COUNTS: Final = {"limit", "lines"}
CHOICES: Final = {"if_exists", "on_clear", "mode"}


def parameters(kind: type) -> dict[str, inspect.Parameter]:
    """Return the constructor parameters that the provider's own classes name."""
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if base.__module__.startswith("airflow_provider_modelarts") and "__init__" in vars(base):
            found |= inspect.signature(vars(base)["__init__"]).parameters
    return {n: p for n, p in found.items() if p.kind is p.KEYWORD_ONLY}


def make(kind: type, **arguments: Any) -> Any:
    """Make a task with the needful."""
    needed = {name: "x" for name, p in parameters(kind).items() if p.default is p.empty}
    return kind(task_id="t", **{**needed, **arguments})


CASES: Final = [
    pytest.param(kind, name, id=f"{kind.__name__}.{name}")
    for kind in tasks()
    for name in parameters(kind)
    if name not in kind.template_fields
]


def test_every_argument_that_is_not_templated_is_checked() -> None:
    """A new parameter is either templated or in one of these groups."""
    names = {case.values[1] for case in CASES}

    assert names == FLAGS | SECONDS | COUNTS | CHOICES


@pytest.mark.parametrize(("kind", "name"), CASES)
@pytest.mark.parametrize(
    "value",
    ["", "maybe", "{{ params.x }}", b"1", [], {}, object(), 2j, 10**5000, float("nan")],
    ids=["empty", "word", "template", "bytes", "list", "dict", "object", "complex", "huge", "nan"],
)
def test_nonsense_is_refused(kind: type, name: str, value: Any) -> None:
    """The error is one and names the parameter; its text is short."""
    with pytest.raises(ValueError, match=f"^{name} is .* but must be ") as caught:
        make(kind, **{name: value})

    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_upstream_result_is_refused_where_nothing_is_templated(kind: type, name: str) -> None:
    """``output`` of another task is known only in a run."""
    with DAG("d", schedule=None):
        output = XComArg(ListTrainingJobsOperator(task_id="list"))

    with pytest.raises(ValueError, match=f"{name} is never templated"):
        make(kind, **{name: output})


@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case.values[1] in FLAGS])
def test_texts_of_flags_are_read(kind: type, name: str) -> None:
    """The text "False" is not true."""
    values = [True, "True", "true", numpy.bool_(True), False, "False", " false", numpy.bool_(False)]

    assert [getattr(make(kind, **{name: v}), name) for v in values] == [True] * 4 + [False] * 4


@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case.values[1] in SECONDS])
def test_any_real_number_and_timedelta_are_seconds(kind: type, name: str) -> None:
    """The kind of number does not matter, nor whether it is a text."""
    values = [
        90,
        90.0,
        "90",
        Decimal(90),
        Fraction(90),
        numpy.int64(90),
        numpy.float32(90),
        timedelta(seconds=90),
    ]

    for value in values:
        found = getattr(make(kind, **{name: value}), name)
        assert found in (90, timedelta(seconds=90))  # Airflow keeps max_wait of a sensor so


@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case.values[1] in SECONDS])
@pytest.mark.parametrize("value", [-1, True, "inf", float("inf"), 1e300, timedelta(days=-1)])
def test_impossible_durations_are_refused(kind: type, name: str, value: Any) -> None:
    """Nothing is sent with a duration that fails later."""
    with pytest.raises(ValueError, match=f"^{name} is "):
        make(kind, **{name: value})


@pytest.mark.parametrize(
    ("kind", "name"),
    [case for case in CASES if case.values[1] in ("poll_interval", "poke_interval")],
)
@pytest.mark.parametrize("value", [0, 1e-9, "0", timedelta(0), None])
def test_polls_without_a_pause_are_refused(kind: type, name: str, value: Any) -> None:
    """Hundreds of requests a second help nobody."""
    with pytest.raises(ValueError, match=rf"^{name} is .* at least 0\.01"):
        make(kind, **{name: value})

    assert getattr(make(kind, **{name: 0.5}), name) == 0.5


@pytest.mark.parametrize(("kind", "name"), [case for case in CASES if case.values[1] in COUNTS])
def test_counts_are_whole_numbers(kind: type, name: str) -> None:
    """Any kind of number that is whole will do."""
    values = [7, 7.0, "7", Decimal(7), numpy.int64(7)]

    assert [getattr(make(kind, **{name: v}), name) for v in values] == [7] * 5
    for value in (0, -1, 1.5, True, "7.5", float("inf")):
        with pytest.raises(ValueError, match=f"^{name} is "):
            make(kind, **{name: value})


def test_default_args_are_checked_as_well() -> None:
    """What a DAG gives to all its tasks comes by the same checks."""
    with (
        DAG("d", schedule=None, default_args={"poke_interval": 0}),
        pytest.raises(ValueError, match="poke_interval is 0"),
    ):
        TrainingJobSensor(task_id="t", job_id=1)


def test_none_means_no_limit() -> None:
    """``max_wait`` and ``limit`` may be unset, and ``timeout`` is then Airflow's."""
    assert CreateTrainingJobOperator(task_id="t", job_name="a", config={}).max_wait is None
    assert ListTrainingJobsOperator(task_id="t", limit=None).limit is None
    plain = BaseSensorOperator(task_id="s")
    assert TrainingJobSensor(task_id="t", job_id=1, timeout=None).timeout == plain.timeout
    assert TrainingJobSensor(task_id="t", job_id=1, timeout=0).timeout == 0


def test_sensor_knows_all_arguments_of_its_base() -> None:
    """One that Airflow adds is to be checked too."""
    theirs = inspect.signature(BaseSensorOperator.__init__).parameters
    own = {name for name, p in theirs.items() if p.kind is p.KEYWORD_ONLY}

    assert own <= inspect.signature(ModelArtsSensor.__init__).parameters.keys()
