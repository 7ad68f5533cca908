"""Request models: what an author may write goes over the wire whole and in its documented types."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_modelarts.client import CreateJobVersionRequest, CreateTrainingJobRequest
from airflow_provider_modelarts.emulator import rules
from airflow_provider_modelarts.exceptions import PayloadValidationError
from tests.properties import shapes
from tests.properties.shapes import SECRET

TEXT = st.text(min_size=1, max_size=20)
ID = st.integers(0, 2**63 - 1).flatmap(lambda n: st.sampled_from([n, str(n), f" {n} "]))
NAME_ID = TEXT | st.integers(0, 10**9)
FLAG = st.sampled_from([True, False, "true", " False ", "TRUE"])
FOLDER = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8).map(
    "/bucket/{}/".format
)
PAIR = st.tuples(TEXT, st.text(max_size=20) | st.integers() | st.floats() | st.booleans())
PARAMETER = st.dictionaries(
    *(part for part in (TEXT, PAIR.map(lambda pair: pair[1]))), max_size=3
) | (st.lists(PAIR.map(lambda pair: {"label": pair[0], "value": pair[1]}), max_size=3))


def some(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with all of the first fields and some of the others."""
    return st.fixed_dictionaries(required, optional=optional)


def together(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with the fields of one of each."""
    return st.tuples(*parts).map(lambda found: {key: part[key] for part in found for key in part})


ALGORITHM = (
    FOLDER.flatmap(
        lambda folder: some(
            {
                "app_url": st.just(folder),
                "boot_file_url": st.just(f"{folder}train.py"),
                "engine_id": ID,
            }
        )
    )
    | some({"model_id": ID})
    | some({"user_image_url": TEXT}, user_command=TEXT, app_url=FOLDER)
)
INPUT = (
    some({"data_url": TEXT})
    | some({"dataset_id": NAME_ID, "dataset_version_id": NAME_ID})
    | some(
        {
            "data_source": st.lists(
                some({"type": st.just("obs"), "data_url": TEXT}), min_size=1, max_size=2
            )
            | st.lists(
                some(
                    {"type": st.just("dataset"), "dataset_id": NAME_ID, "dataset_version": NAME_ID}
                ),
                min_size=1,
                max_size=2,
            )
        }
    )
)
TARGET = some({"spec_id": ID}, pool_id=NAME_ID) | some({"pool_id": NAME_ID})
WORKERS = st.integers(1, 10**6).flatmap(lambda n: st.sampled_from([n, str(n)]))
COMMON = together(
    ALGORITHM,
    INPUT,
    TARGET,
    some({"worker_server_num": WORKERS}, parameter=PARAMETER, log_url=TEXT),
)
MOUNT = {"src_path": TEXT, "dest_path": TEXT}
VOLUME = some({"nfs": some({"id": NAME_ID, **MOUNT}, read_only=FLAG)}) | (
    some({"host_path": some(MOUNT, read_only=FLAG)})
)
JOB = some(
    {
        "job_name": st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
        "config": together(
            COMMON,
            some({}, train_url=TEXT, create_version=FLAG, volumes=st.lists(VOLUME, max_size=2)),
        ),
    },
    job_desc=st.text(max_size=256),
    workspace_id=NAME_ID,
)
VERSION = some(
    {"config": together(COMMON, some({"train_url": TEXT, "pre_version_id": ID}))},
    job_desc=st.text(max_size=256),
)
NUMBERS = {"worker_server_num", "engine_id", "model_id", "spec_id", "pre_version_id"}
FLAGS = {"create_version", "read_only"}


def on_the_wire(value: Any, field: str = "") -> Any:
    """Return what an author's value must become: written anew from the documented types."""
    if field == "parameter":
        pairs = (
            [{"label": label, "value": item} for label, item in value.items()]
            if isinstance(value, dict)
            else value
        )
        return [{"label": pair["label"], "value": as_text(pair["value"])} for pair in pairs]
    if isinstance(value, dict):
        return {key: on_the_wire(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [on_the_wire(item) for item in value]
    if field in NUMBERS:
        return int(value)
    if field in FLAGS:
        return str(value).strip().lower() == "true"
    return str(value)


def as_text(value: Any) -> str:
    """Return a parameter's value as text: true and false as in JSON, all else as it is."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


BOTH = pytest.mark.parametrize(
    ("model", "valid"),
    [(CreateTrainingJobRequest, JOB), (CreateJobVersionRequest, VERSION)],
    ids=["job", "version"],
)
ACCEPT = {
    CreateTrainingJobRequest: rules.check_create_job,
    CreateJobVersionRequest: rules.check_create_version,
}


@BOTH
@given(draw=st.data())
def test_valid_payload_goes_whole_and_in_documented_types(
    model: Any, valid: Any, draw: st.DataObject
) -> None:
    """Nothing is lost or added, reading it again gives the same, and the other side accepts it."""
    given_data = draw.draw(valid)

    request = model.checked(given_data)
    wire = json.loads(json.dumps(request.to_wire()))

    assert wire == on_the_wire(given_data)
    assert model.checked(wire) == request
    assert model.checked(wire).to_wire() == wire
    ACCEPT[model](wire)


def check(model: Any, data: Any, extra: Any = None) -> None:
    """Read a payload; anything but a request or a list of violations escapes and fails the test."""
    try:
        request = model.checked(data, extra_config=extra)
        wire = request.to_wire(extra)
        told = request.warnings(extra)
    except PayloadValidationError as error:
        told = error.violations
    else:
        json.dumps(wire, allow_nan=False, ensure_ascii=False).encode()  # no halves of characters
    # One line each, short, and fit for any log.
    assert all(len(str(violation)) < 2000 for violation in told)
    "".join(map(str, told)).encode()


@BOTH
@settings(max_examples=4 * settings().max_examples)
@given(draw=st.data())
def test_any_single_mistake_is_told(model: Any, valid: Any, draw: st.DataObject) -> None:
    """Whatever a template has rendered to in one place, nothing but a violation comes of it."""
    check(model, draw.draw(shapes.spoiled(valid)))


@BOTH
@settings(max_examples=4 * settings().max_examples)
@given(draw=st.data())
def test_any_single_thing_that_json_does_not_have_is_told(
    model: Any, valid: Any, draw: st.DataObject
) -> None:
    """Dates, huge numbers, deep nesting, keys of all types, halves of characters, texts of YAML."""
    check(model, draw.draw(shapes.spoiled(valid, shapes.strange)))


@BOTH
@settings(max_examples=4 * settings().max_examples)
@given(draw=st.data())
def test_any_extra_config_is_merged_or_told(model: Any, valid: Any, draw: st.DataObject) -> None:
    """It is unchecked, but for being strict JSON; what it completes need not be in config."""
    data = draw.draw(valid)
    config = data["config"]
    names = draw.draw(st.lists(st.sampled_from(sorted(config)), max_size=2, unique=True))
    extra = {name: config.pop(name) for name in names}
    check(model, data, extra)

    check(model, data, draw.draw(shapes.strange | shapes.objects(*config, "x", of=shapes.strange)))


@pytest.mark.parametrize("model", [CreateTrainingJobRequest, CreateJobVersionRequest])
@given(
    data=shapes.strange
    | shapes.odd
    | shapes.objects("job_name", "job_desc", "workspace_id", "config", "confg")
)
def test_any_payload_is_a_request_or_a_list_of_violations(model: Any, data: Any) -> None:
    """Not even the outermost shape need be right."""
    check(model, data)


@pytest.mark.parametrize("field", ["parameter", "user_command", "password"])
@given(value=shapes.values)
def test_violation_shows_no_value_of_a_parameter(field: str, value: Any) -> None:
    """Parameters and commands may hold secrets, so that a mistake in them is told without them."""
    config = {field: {"key": [SECRET, value]} if field == "parameter" else [SECRET, value]}

    with pytest.raises(PayloadValidationError) as caught:
        CreateTrainingJobRequest.checked({"job_name": "job", "config": config})

    assert SECRET not in str(caught.value)
