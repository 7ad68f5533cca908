"""Advice works: each mistake is refused with its remedy, and what the remedy says is accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_modelarts.client import (
    CreateJobVersionRequest,
    CreateSavedConfigRequest,
    CreateTrainingJobRequest,
    CreateVisualizationJobRequest,
)
from airflow_provider_modelarts.client.ids import checked_id
from airflow_provider_modelarts.client.strict import extra_fields, mapping
from airflow_provider_modelarts.exceptions import PayloadValidationError
from airflow_provider_modelarts.waiting import as_status

OUT: Any = object()
"""Leaves a field out."""

IMAGE = {"user_image_url": "h:1/o/i:1", "user_command": "bash"}
OWN_CODE = ("app_url", "boot_file_url", "engine_id")
NFS = {"id": "1", "src_path": "192.168.8.150:/", "dest_path": "/nas"}
OBS, DATASET = {"type": "obs", "data_url": "/b/d/"}, {"type": "dataset", "dataset_id": "d"}
NO_CODE = dict.fromkeys(OWN_CODE, OUT)

# Wrong change of a valid config; words of the remedy; the change that does what it says.
JOBS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"worker_server_num": "many"}, "mostly 1", {"worker_server_num": 1}),
    ({"engine_id": "tf"}, "engine list", {"engine_id": 3}),
    ({"model_id": "resnet", **NO_CODE}, "the id of an algorithm", {"model_id": 7, **NO_CODE}),
    ({"spec_id": []}, "flavor list", {"spec_id": 5}),
    ({"spec_id": OUT}, "set pool_id", {"spec_id": OUT, "pool_id": "p"}),
    ({"spec_id": OUT}, "Take spec_id", {"spec_id": 5}),
    ({"pool_id": ["p"], "spec_id": OUT}, "the id of a dedicated", {"pool_id": "p", "spec_id": OUT}),
    ({"train_url": 5}, "'/bucket/output/'", {"train_url": "/bucket/output/"}),
    ({"log_url": 5}, "'/bucket/logs/'", {"log_url": "/bucket/logs/"}),
    ({"log_url": 5}, "leave it out", {"log_url": OUT}),
    ({"log_url": ""}, "Leave it out", {"log_url": OUT}),
    ({"create_version": "perhaps"}, "true or false", {"create_version": "false"}),
    ({"pre_version_id": 1}, "Leave it out of a new job", {"pre_version_id": OUT}),
    ({"volumes": 5}, "list of nfs and host_path", {"volumes": [{"nfs": NFS}]}),
    ({"volumes": [{}]}, "Set one of the two", {"volumes": [{"nfs": NFS}]}),
    ({"volumes": [{"nfs": {"id": 1}}]}, "src_path", {"volumes": [{"nfs": NFS}]}),
    ({"parameter": 5}, "Pass a mapping or a list", {"parameter": {"a": 1}}),
    ({"parameter": 5}, "| tojson", {"parameter": '{"a": 1}'}),
    (
        {"parameter": "a=1"},
        "Pass a mapping or a list",
        {"parameter": [{"label": "a", "value": "1"}]},
    ),
    ({"parameter": '{"a": 1,'}, "| tojson", {"parameter": json.dumps({"a": 1})}),
    ({"parameter": {"a": {"b": 1}}}, "nested value as JSON", {"parameter": {"a": '{"b": 1}'}}),
    (
        {"parameter": [{"value": "1"}]},
        "Name the parameter",
        {"parameter": [{"label": "a", "value": "1"}]},
    ),
    ({"data_source": [], "data_url": OUT}, "Add one", {"data_source": [OBS], "data_url": OUT}),
    ({"data_source": [OBS]}, "leave data_url out", {"data_source": [OBS], "data_url": OUT}),
    ({"data_source": "[{"}, "| tojson", {"data_source": json.dumps([OBS]), "data_url": OUT}),
    (
        {"data_source": [{"type": "s3"}], "data_url": OUT},
        "Name the type",
        {"data_source": [OBS], "data_url": OUT},
    ),
    (
        {"data_source": [DATASET | {"dataset_version_id": "v"}], "data_url": OUT},
        "dataset_version",
        {"data_source": [DATASET | {"dataset_version": "v"}], "data_url": OUT},
    ),
    (
        {"dataset_id": "d", "data_url": OUT},
        "Set both ids",
        {"dataset_id": "d", "dataset_version_id": "v", "data_url": OUT},
    ),
    ({"data_url": OUT}, "data_url like '/bucket/data/'", {"data_url": "/bucket/data/"}),
    ({"app_url": OUT}, "Set the code folder", {"app_url": "/bucket/code/"}),
    ({"boot_file_url": OUT}, "a file below app_url", {"boot_file_url": "/bucket/code/a.py"}),
    (
        {"boot_file_url": "/other/a.py"},
        "Set app_url to the folder",
        {"boot_file_url": "/other/a.py", "app_url": "/other/"},
    ),
    (
        {"boot_file_url": "/bucket/code/../a.py"},
        "Write the path out",
        {"boot_file_url": "/bucket/code/a.py"},
    ),
    ({"engine_id": OUT}, "engine list", {"engine_id": 1}),
    (NO_CODE, "app_url, boot_file_url and engine_id", {}),
    (NO_CODE, "model_id", {**NO_CODE, "model_id": 4}),
    (NO_CODE, "user_image_url and user_command", {**NO_CODE, **IMAGE}),
    ({"user_command": "x"}, "leave user_command out", {"user_command": OUT}),
    ({"user_command": "x"}, "Set user_image_url", IMAGE),
    ({"log_url": "\ud800"}, "Write the text anew", {"log_url": "/bucket/log/"}),
    ({"parameter": {"a": "\ud800"}}, "Write the text anew", {"parameter": {"a": "b"}}),
    ({"parameter": {"\ud800": "b"}}, "Write the text anew", {"parameter": {"a": "b"}}),
    ({"pool_id": "\ud800"}, "Write the text anew", {}),
    ({"sepc_id": 5}, "Did you mean 'spec_id'", {"spec_id": 5}),
    ({"job_desc": "x"}, "Give job_desc to the operator", {}),
    ({"user_image_url": 5}, "Set user_image_url as the API", IMAGE),
]


def changed(config: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return a config with changes."""
    return {key: value for key, value in {**config, **change}.items() if value is not OUT}


@pytest.mark.parametrize(("wrong", "words", "right"), JOBS, ids=range(len(JOBS)))
def test_remedy_of_a_config(
    config: dict[str, Any], wrong: dict[str, Any], words: str, right: dict[str, Any]
) -> None:
    """Of each rule of severity E for a job."""
    with pytest.raises(PayloadValidationError) as caught:
        CreateTrainingJobRequest.checked({"job_name": "job", "config": changed(config, wrong)})

    assert any(words in violation.remedy for violation in caught.value.violations)
    CreateTrainingJobRequest.checked({"job_name": "job", "config": changed(config, right)})


BODIES: list[tuple[Any, dict[str, Any], str, dict[str, Any]]] = [
    (CreateTrainingJobRequest, {"job_name": "a b"}, "Set job_name", {"job_name": "a-b"}),
    (CreateTrainingJobRequest, {"job_desc": "x" * 257}, "shorten", {"job_desc": "x" * 256}),
    (CreateTrainingJobRequest, {"job_desc": 5}, "Set job_desc to a text", {"job_desc": "5"}),
    (
        CreateTrainingJobRequest,
        {"job_desc": "\ud83d"},
        "Write the text anew",
        {"job_desc": "\U0001f600"},
    ),
    (CreateTrainingJobRequest, {"workspace_id": []}, "Set workspace_id", {"workspace_id": 3}),
    (
        CreateTrainingJobRequest,
        {"workspace": 1},
        "Did you mean 'workspace_id'",
        {"workspace_id": 1},
    ),
    (CreateVisualizationJobRequest, {"job_name": "x" * 21}, "shorter", {"job_name": "x" * 20}),
    (
        CreateVisualizationJobRequest,
        {"train_url": None},
        "Leave it out, or set it",
        {"train_url": "/b/o/"},
    ),
    (
        CreateVisualizationJobRequest,
        {"job_type": "X"},
        "one of the two",
        {"job_type": "MindInsight"},
    ),
    (
        CreateVisualizationJobRequest,
        {"schedule": {"type": "stop", "time_unit": "HOURS", "duration": 25}},
        "Set the hours",
        {"schedule": {"type": "stop", "time_unit": "HOURS", "duration": 24}},
    ),
    (CreateVisualizationJobRequest, {"flavor": "x"}, "Leave it out", {}),
]


@pytest.mark.parametrize(("model", "wrong", "words", "right"), BODIES, ids=range(len(BODIES)))
def test_remedy_of_a_body(
    config: dict[str, Any], model: Any, wrong: dict[str, Any], words: str, right: dict[str, Any]
) -> None:
    """Of what stands beside config, and of a visualization job."""
    body = {"job_name": "job", "config": config}
    if model is CreateVisualizationJobRequest:
        body = {"job_name": "job", "train_url": "/b/o/"}
    with pytest.raises(PayloadValidationError, match=words):
        model.checked(body | wrong)

    model.checked(body | right)


VERSIONS: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"train_url": OUT}, "'/bucket/output/'", {"train_url": "/bucket/output/"}),
    ({"pre_version_id": "v1"}, "version_id of the version before", {"pre_version_id": "1"}),
    ({"create_version": True}, "Leave it out of a version", {"create_version": OUT}),
    ({"volumes": []}, "Leave it out of a version", {"volumes": OUT}),
    ({"newer": 1}, "extra_config", {"newer": OUT}),
]


@pytest.mark.parametrize(("wrong", "words", "right"), VERSIONS, ids=range(len(VERSIONS)))
def test_remedy_of_a_version(
    config: dict[str, Any], wrong: dict[str, Any], words: str, right: dict[str, Any]
) -> None:
    """Of the rules that only a version has."""
    config |= {"pre_version_id": 1}
    with pytest.raises(PayloadValidationError, match=words):
        CreateJobVersionRequest.checked({"config": changed(config, wrong)})

    CreateJobVersionRequest.checked({"config": changed(config, right)})


# ---- extra_config completes


IN_EXTRA: list[tuple[str, Any]] = [
    ("spec_id", 5),
    ("spec_id", {"newer": "form"}),
    ("data_url", "/b/d/"),
    ("data_source", [OBS]),
    ("worker_server_num", 2),
    ("boot_file_url", "/bucket/code/a.py"),
    ("engine_id", 3),
]


@pytest.mark.parametrize(("name", "value"), IN_EXTRA, ids=range(len(IN_EXTRA)))
def test_field_that_only_extra_config_has_is_not_missing(
    config: dict[str, Any], name: str, value: Any
) -> None:
    """The rules are about what is sent."""
    missing = "data_url" if name == "data_source" else name
    body = {"job_name": "job", "config": changed(config, {missing: OUT})}
    with pytest.raises(PayloadValidationError):
        CreateTrainingJobRequest.checked(body)

    request = CreateTrainingJobRequest.checked(body, extra_config={name: value})

    assert request.to_wire({name: value})["config"][name] == value
    assert request.warnings({name: value}) == []


def test_version_takes_its_required_fields_from_extra_config_too(config: dict[str, Any]) -> None:
    """A version needs two more than a job."""
    extra = {"train_url": "/b/o/", "pre_version_id": 4}
    body = {"config": changed(config, {"train_url": OUT})}

    request = CreateJobVersionRequest.checked(body, extra_config=extra)

    assert request.to_wire(extra)["config"]["pre_version_id"] == 4


def test_extra_config_that_is_unset_completes_nothing(config: dict[str, Any]) -> None:
    """Null is no flavor."""
    body = {"job_name": "job", "config": changed(config, {"spec_id": OUT})}

    with pytest.raises(PayloadValidationError, match="R18"):
        CreateTrainingJobRequest.checked(body, extra_config={"spec_id": None})


def test_newer_field_goes_as_advised(config: dict[str, Any]) -> None:
    """The remedy of an unknown field names extra_config."""
    with pytest.raises(PayloadValidationError, match="A newer field goes into extra_config"):
        CreateTrainingJobRequest.checked({"job_name": "job", "config": config | {"xyzzy": 1}})

    request = CreateTrainingJobRequest.checked({"job_name": "job", "config": config})

    assert request.to_wire({"xyzzy": 1})["config"]["xyzzy"] == 1


# ---- beside the models


@pytest.mark.parametrize(
    ("wrong", "words", "right"),
    [
        ({"a": object()}, "Write it as a text", {"a": "object"}),
        ({"a": float("nan")}, "Write it as a text", {"a": "nan"}),
        ({"a": 10**30}, "Write it as a text", {"a": str(10**30)}),
        ({1: "x"}, "as a text, in quotes", {"1": "x"}),
        ([1], "Pass a mapping", {"a": 1}),
        ("OrderedDict([('a', 1)])", "| tojson", '{"a": 1}'),
        ("{'a': date(2026, 1, 1)}", "pass a mapping", {"a": "2026-01-01"}),
    ],
    ids=range(7),
)
def test_remedy_of_extra_config(wrong: Any, words: str, right: Any) -> None:
    """It is unchecked, but for being JSON."""
    with pytest.raises(PayloadValidationError) as caught:
        extra_fields(wrong)
    assert words in caught.value.violations[0].remedy

    assert extra_fields(right)


def test_remedy_of_a_config_as_text() -> None:
    """From a template."""
    with pytest.raises(PayloadValidationError, match=r"\{\{ params.config \| tojson \}\}"):
        mapping("text", "config")

    assert mapping(json.dumps({"a": None}), "config") == {"a": None}


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("job_id", "ti.xcom_pull('create')['job_id']"),
        ("version_id", "ti.xcom_pull('create')['version_id']"),
        ("pre_version_id", "version_id of the version before"),
        ("engine_id", "ListEnginesOperator"),
    ],
)
def test_remedy_of_an_id_names_where_it_comes_from(field: str, words: str) -> None:
    """No XCom has an engine or a predecessor."""
    with pytest.raises(PayloadValidationError) as caught:
        checked_id("None", field)

    assert words in caught.value.violations[0].remedy
    assert checked_id("7", field) == 7


@pytest.mark.parametrize("value", [8, "8", "RUNNING", "running", " JOBSTAT_RUNNING "])
def test_status_may_be_a_name(value: Any) -> None:
    """As the documentation and the messages write it."""
    assert as_status(value) == 8


@pytest.mark.parametrize("value", ["RUNING", -1, [], True, "9" * 5000])
def test_remedy_of_a_status(value: Any) -> None:
    """A code that is not documented may be asked for."""
    with pytest.raises(PayloadValidationError, match="such as 8 or 'RUNNING'"):
        as_status(value)

    assert as_status("RUNNING") == 8
    assert as_status(99) == 99


def test_remedy_of_a_saved_set(config: dict[str, Any]) -> None:
    """Whose fields stand beside its name."""
    body = config | {"config_name": "a b"}
    with pytest.raises(PayloadValidationError, match="Set another name"):
        CreateSavedConfigRequest.checked(body)

    CreateSavedConfigRequest.checked(body | {"config_name": "a-b"})
