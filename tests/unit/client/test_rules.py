"""Rules of severity W: the request is sent, with exactly the named warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.client import CreateTrainingJobRequest

if TYPE_CHECKING:
    from collections.abc import Callable

DROP: Any = object()
OWN_CODE = dict.fromkeys(("app_url", "boot_file_url", "engine_id"), DROP)
IMAGE = {**OWN_CODE, "user_image_url": "h:1/o/i:1", "user_command": "bash"}
NFS = {"id": "1", "src_path": "192.168.8.150:/", "dest_path": "/nas"}
HOST_PATH = {"src_path": "/root", "dest_path": "/mind"}
POOL = {"pool_id": "p", "spec_id": DROP}
TWICE = [{"label": "a", "value": "1"}, {"label": "a", "value": "2"}]

DOUBTFUL: list[tuple[str, dict[str, Any], list[str]]] = [
    ("R07", {"model_id": 4}, ["app_url", "boot_file_url", "engine_id"]),
    ("R07", {"model_id": 4, "app_url": DROP, "boot_file_url": DROP}, ["engine_id"]),
    ("R12", IMAGE | {"user_command": DROP}, ["user_command"]),
    ("R13", IMAGE | {"model_id": 4}, ["model_id"]),
    ("R17d", {"parameter": TWICE}, ["parameter"]),
    ("R18b", {"pool_id": "p"}, ["pool_id"]),
    ("R19n", {"train_url": DROP}, ["train_url"]),
    ("R23o", POOL | {"volumes": [{"nfs": NFS, "host_path": HOST_PATH}]}, ["volumes[0]"]),
    ("R24", {"volumes": [{"nfs": NFS}]}, ["pool_id"]),
    ("R25", {"data_url": "bucket/data/"}, ["data_url"]),
    ("R25", {"train_url": "/bucket/out"}, ["train_url"]),
    ("R25", {"log_url": "/bucket//log/"}, ["log_url"]),
    ("R25", {"data_url": "/bucket/my data/"}, ["data_url"]),
    ("R25", {"data_url": "/bucket/{name}/"}, ["data_url"]),
    ("R25", {"data_url": "/bucket/it's/"}, ["data_url"]),
    ("R25", {"train_url": "/bucket/"}, ["train_url"]),
    ("R25", {"data_url": "obs://bucket/data/"}, ["data_url"]),
]


def checked(config: dict[str, Any], change: dict[str, Any]) -> CreateTrainingJobRequest:
    """Return a valid request with changes."""
    changed = {k: v for k, v in {**config, **change}.items() if v is not DROP}
    return CreateTrainingJobRequest.checked({"job_name": "job", "config": changed})


@pytest.mark.parametrize(
    ("rule", "change", "fields"),
    DOUBTFUL,
    ids=[f"{rule}-{n}" for n, (rule, *_) in enumerate(DOUBTFUL)],
)
def test_doubtful_payload_has_exactly_its_warning(
    config: dict[str, Any], rule: str, change: dict[str, Any], fields: list[str]
) -> None:
    """What is merely advised against is named with rule and field, and nothing else is."""
    warnings = checked(config, change).warnings()

    assert [(w.field, w.rule.rpartition("(")[2]) for w in warnings] == [
        (f"config.{field}", f"{rule})") for field in fields
    ]
    assert all(w.remedy for w in warnings)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"data_url": "/bucket/file.csv"},
        IMAGE,
        {**OWN_CODE, "model_id": 4},
        POOL,
        POOL | {"volumes": [{"nfs": NFS}, {"host_path": HOST_PATH}]},
        {"parameter": {"a": 1, "b": 1}},
        {"train_url": DROP, "create_version": False},
    ],
    ids=["code", "input file", "image", "built-in", "pool", "volumes", "parameters", "no version"],
)
def test_sound_payload_has_no_warning(config: dict[str, Any], change: dict[str, Any]) -> None:
    """What the documentation advises is not warned about."""
    assert checked(config, change).warnings() == []


@pytest.mark.parametrize("name", ["request-custom-image", "request-dataset"])
def test_published_samples_have_no_warning(sample: Callable[[str], Any], name: str) -> None:
    """The vendor's own samples pass without remark."""
    body = sample(f"create_training_job/{name}")

    assert CreateTrainingJobRequest.checked(body).warnings() == []


def test_doubtful_payload_is_sent_unchanged(
    emulated: Callable[..., Any], emulator: Any, config: dict[str, Any]
) -> None:
    """A warning stops nothing and changes nothing."""
    request = checked(config, {"pool_id": "p", "parameter": TWICE, "log_url": "/bucket/log"})

    emulated().create_training_job(request)

    assert len(request.warnings()) == 3
    assert emulator.jobs()[0].versions[0].config["parameter"] == TWICE


def test_repeated_label_is_named_without_its_values(config: dict[str, Any]) -> None:
    """The warning shows the label, never what the parameters hold."""
    pairs = [{"label": "word", "value": "the-secret"}] * 2

    (warning,) = checked(config, {"parameter": pairs}).warnings()

    assert "'word'" in str(warning)
    assert "the-secret" not in str(warning)
