"""Every rule of severity E: what breaks it is refused with its id, what keeps it is sent as given."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_modelarts.client import CreateJobVersionRequest, CreateTrainingJobRequest
from airflow_provider_modelarts.exceptions import PayloadValidationError

DROP: Any = object()
NFS = {"id": "1", "src_path": "192.168.8.150:/", "dest_path": "/nas"}
HOST_PATH = {"src_path": "/root/work", "dest_path": "/mind"}
OBS = {"type": "obs", "data_url": "/b/d/"}
DATASET = {"type": "dataset", "dataset_id": "d", "dataset_version": "v"}
IMAGE = {
    "user_image_url": "h:1/o/i:1",
    "user_command": "bash",
    "app_url": DROP,
    "boot_file_url": DROP,
    "engine_id": DROP,
}
BUILT_IN = {"model_id": 4, "app_url": DROP, "boot_file_url": DROP, "engine_id": DROP}


def request(kind: str, config: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return a valid request with changes; ``config.x`` is a field of config, DROP takes it out."""
    body: dict[str, Any] = {"config": dict(config)}
    if kind == "version":
        body["config"]["pre_version_id"] = 1
    else:
        body["job_name"] = "job"
    for name, value in change.items():
        _place, _, key = ("", "", name) if name in body else name.rpartition("config.")
        target = body if not _ else body["config"]
        target.pop(key, None)
        if value is not DROP:
            target[key] = value
    return body


def within(**fields: Any) -> dict[str, Any]:
    """Return changes of fields of config."""
    return {f"config.{name}": value for name, value in fields.items()}


def check(kind: str, body: dict[str, Any]) -> Any:
    """Validate a request of one kind."""
    cls = CreateTrainingJobRequest if kind == "job" else CreateJobVersionRequest
    return cls.checked(body)


def violations(kind: str, body: Any) -> list[tuple[str, str]]:
    """Return field and rule of each violation."""
    with pytest.raises(PayloadValidationError) as caught:
        check(kind, body)
    return [(v.field, v.rule.rpartition("(")[2].rstrip(")")) for v in caught.value.violations]


# Rule, kinds of request, what breaks it, at which field.
BROKEN: list[tuple[str, str, dict[str, Any], str]] = [
    ("R01", "job", {"job_name": DROP}, "job_name"),
    ("R01", "job", {"job_name": "a b"}, "job_name"),
    ("R01", "job", {"job_name": "ä"}, "job_name"),
    ("R01", "job", {"job_name": "job\n"}, "job_name"),
    ("R01", "job", {"job_name": "a" * 65}, "job_name"),
    ("R01", "job", {"job_name": 5}, "job_name"),
    ("R02", "job version", {"job_desc": "a" * 257}, "job_desc"),
    ("R02", "job version", {"job_desc": 5}, "job_desc"),
    ("R03", "job version", {"config": DROP}, "config"),
    ("R03", "job version", {"config": [1]}, "config"),
    ("R04", "job", {"workspace_id": ["0"]}, "workspace_id"),
    ("R04", "version", {"workspace_id": "0"}, "workspace_id"),
    ("R05", "job version", within(worker_server_num=DROP), "config.worker_server_num"),
    ("R05", "job version", within(worker_server_num=0), "config.worker_server_num"),
    ("R05", "job version", within(worker_server_num=1.5), "config.worker_server_num"),
    ("R05", "job version", within(worker_server_num=True), "config.worker_server_num"),
    ("R05", "job version", within(worker_server_num="two"), "config.worker_server_num"),
    ("R05", "job version", within(worker_server_num="--2"), "config.worker_server_num"),
    (
        "R06",
        "job version",
        within(app_url=DROP, boot_file_url=DROP, engine_id=DROP),
        "config.app_url",
    ),
    ("R06", "job", within(model_id="m"), "config.model_id"),
    ("R08", "job version", within(app_url=DROP), "config.app_url"),
    ("R08", "job version", within(boot_file_url=DROP), "config.boot_file_url"),
    ("R08", "job", within(app_url=5), "config.app_url"),
    ("R09", "job version", within(boot_file_url="/bucket/other/a.py"), "config.boot_file_url"),
    ("R09", "job version", within(boot_file_url="/bucket/codex/a.py"), "config.boot_file_url"),
    ("R09", "job version", within(boot_file_url="/bucket/code/../a.py"), "config.boot_file_url"),
    ("R09", "job version", within(boot_file_url="/bucket/code/"), "config.boot_file_url"),
    ("R10", "job version", within(engine_id=DROP), "config.engine_id"),
    ("R10", "job version", within(engine_id="x"), "config.engine_id"),
    ("R10", "job version", within(engine_id=2**63), "config.engine_id"),
    ("R11", "job version", within(user_command="bash"), "config.user_command"),
    ("R14", "job version", within(data_url=DROP), "config.data_url"),
    ("R14", "job version", within(data_source=[OBS]), "config.data_source"),
    (
        "R14",
        "job version",
        within(dataset_id="d", dataset_version_id="v"),
        "config.dataset_id",
    ),
    ("R15", "job version", within(data_url=DROP, dataset_id="d"), "config.dataset_version_id"),
    ("R15", "job version", within(data_url=DROP, dataset_version_id="v"), "config.dataset_id"),
    ("R16", "job version", within(data_url=DROP, data_source=[]), "config.data_source"),
    ("R16", "job", within(data_url=DROP, data_source=OBS), "config.data_source"),
    ("R16", "job", within(data_url=DROP, data_source=[OBS, DATASET]), "config.data_source"),
    (
        "R16",
        "job",
        within(data_url=DROP, data_source=[OBS, {"type": "obs"}]),
        "config.data_source[1]",
    ),
    (
        "R16",
        "job",
        within(data_url=DROP, data_source=[{**OBS, "dataset_id": "d"}]),
        "config.data_source[0]",
    ),
    (
        "R16",
        "job",
        within(data_url=DROP, data_source=[{"type": "dataset", "dataset_id": "d"}]),
        "config.data_source[0]",
    ),
    (
        "R16",
        "job",
        within(data_url=DROP, data_source=[{"data_url": "/b/d/"}]),
        "config.data_source[0].type",
    ),
    (
        "R16",
        "job",
        within(data_url=DROP, data_source=[{**OBS, "type": "nfs"}]),
        "config.data_source[0].type",
    ),
    (
        "R16",
        "job version",
        within(data_url=DROP, data_source=[{**OBS, "type": ["obs"]}]),
        "config.data_source[0].type",
    ),
    ("R17", "job version", within(parameter="a=1"), "config.parameter"),
    ("R17", "job version", within(parameter=["a"]), "config.parameter[0]"),
    ("R17", "job version", within(parameter=[{"value": "1"}]), "config.parameter[0].label"),
    ("R17", "job version", within(parameter=[{"label": "a"}]), "config.parameter[0].value"),
    ("R17", "job version", within(parameter={"a": [1]}), "config.parameter[0].value"),
    ("R17", "job version", within(parameter={"a": {"b": 1}}), "config.parameter[0].value"),
    ("R17", "job version", within(parameter={1: "a"}), "config.parameter[0].label"),
    ("R18", "job version", within(spec_id=DROP), "config.spec_id"),
    ("R18", "job version", within(spec_id="x"), "config.spec_id"),
    ("R18", "job version", within(spec_id=-1), "config.spec_id"),
    ("R18", "job", within(pool_id=["p"]), "config.pool_id"),
    ("R19", "version", within(train_url=DROP), "config.train_url"),
    ("R19", "job version", within(train_url=5), "config.train_url"),
    ("R20", "job version", within(log_url=5), "config.log_url"),
    ("R21", "version", within(create_version=True), "config.create_version"),
    ("R21", "job", within(create_version="perhaps"), "config.create_version"),
    ("R21", "job", within(create_version=1), "config.create_version"),
    ("R22", "job", within(pre_version_id=1), "config.pre_version_id"),
    ("R22", "version", within(pre_version_id=DROP), "config.pre_version_id"),
    ("R22", "version", within(pre_version_id="V0001"), "config.pre_version_id"),
    ("R23", "version", within(volumes=[{"nfs": NFS}]), "config.volumes"),
    ("R23", "job", within(volumes=[{}]), "config.volumes[0].nfs"),
    ("R23", "job", within(volumes={"nfs": NFS}), "config.volumes"),
    (
        "R23",
        "job",
        within(volumes=[{"nfs": {k: v for k, v in NFS.items() if k != "id"}}]),
        "config.volumes[0].nfs.id",
    ),
    (
        "R23",
        "job",
        within(volumes=[{"host_path": {"src_path": "/a"}}]),
        "config.volumes[0].host_path.dest_path",
    ),
    ("R26", "job version", within(log_url=None), "config.log_url"),
    ("R26", "job version", within(log_url=""), "config.log_url"),
    ("R26", "job version", within(spec_id=None), "config.spec_id"),
    ("R26", "job version", within(worker_server_num=""), "config.worker_server_num"),
    ("R26", "job version", {"job_desc": None}, "job_desc"),
    ("R26", "job", {"workspace_id": ""}, "workspace_id"),
    ("R26", "job", {"job_name": ""}, "job_name"),
    ("R26", "job version", within(parameter={"a": None}), "config.parameter[0].value"),
    ("R26", "job version", within(parameter={"": "a"}), "config.parameter[0].label"),
    ("R26", "job version", within(data_url=5), "config.data_url"),
    ("R26", "job", within(user_image_url=5), "config.user_image_url"),
    ("R27", "job version", within(brand_new=1), "config.brand_new"),
    ("R27", "job version", within(workspace_id="0"), "config.workspace_id"),
    ("R27", "job version", within(flavor={"code": "x"}), "config.flavor"),
    ("R27", "job version", within(job_name="a"), "config.job_name"),
    ("R27", "job version", {"brand_new": 1}, "brand_new"),
    (
        "R27",
        "job version",
        within(parameter=[{"label": "a", "value": "1", "typ": "s"}]),
        "config.parameter[0].typ",
    ),
]
BROKEN_CASES = [
    pytest.param(kind, change, (field, rule), id=f"{rule}-{kind}-{field}-{n}")
    for n, (rule, kinds, change, field) in enumerate(BROKEN)
    for kind in kinds.split()
]

# Rule, kinds of request, what keeps it although it is close to the edge.
KEPT: list[tuple[str, str, dict[str, Any]]] = [
    ("R01", "job", {"job_name": "Az09_-" + "a" * 58}),
    ("R02", "job version", {"job_desc": "ä" * 256}),
    ("R02", "job version", {"job_desc": ""}),
    ("R03", "job version", {}),
    ("R04", "job", {"workspace_id": "0"}),
    ("R05", "job version", within(worker_server_num=1)),
    ("R06", "job version", within(**BUILT_IN)),
    ("R06", "job version", within(**IMAGE)),
    ("R08", "job version", within(**IMAGE | {"app_url": "/b/c/"})),
    ("R09", "job version", within(app_url="/bucket/code", boot_file_url="/bucket/code/a/b.py")),
    ("R09", "job", within(app_url="obs://bucket/code/", boot_file_url="/bucket/code/a.py")),
    ("R10", "job version", within(engine_id=2**63 - 1)),
    ("R11", "job version", within(**IMAGE | {"user_command": "bash -x"})),
    ("R14", "job version", within(data_url=DROP, data_source=[OBS])),
    ("R15", "job version", within(data_url=DROP, dataset_id="d", dataset_version_id="v")),
    ("R16", "job version", within(data_url=DROP, data_source=[DATASET, DATASET])),
    ("R17", "job version", within(parameter=[{"label": "a", "value": ""}])),
    ("R17", "job version", within(parameter=[])),
    ("R18", "job version", within(spec_id=DROP, pool_id="p")),
    ("R18", "job version", within(spec_id=0)),
    ("R19", "job", within(train_url=DROP)),
    ("R20", "job version", within(log_url="/b/l/")),
    ("R21", "job", within(create_version=False)),
    ("R22", "version", within(pre_version_id=2**40)),
    ("R23", "job", within(volumes=[{"nfs": {**NFS, "read_only": True}}])),
    ("R23", "job", within(volumes=[{"nfs": NFS}, {"host_path": HOST_PATH}])),
]
KEPT_CASES = [
    pytest.param(kind, change, id=f"{rule}-{kind}-{n}")
    for n, (rule, kinds, change) in enumerate(KEPT)
    for kind in kinds.split()
]


@pytest.mark.parametrize(("kind", "change", "expected"), BROKEN_CASES)
def test_broken_rule_is_refused(
    config: dict[str, Any], kind: str, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    """One mistake is exactly one violation, with the path of its field and the id of its rule."""
    assert violations(kind, request(kind, config, change)) == [expected]


@pytest.mark.parametrize(("kind", "change"), KEPT_CASES)
def test_kept_rule_is_sent_as_given(
    config: dict[str, Any], kind: str, change: dict[str, Any]
) -> None:
    """What is allowed goes on the wire as written, and nothing that was left out is added."""
    body = request(kind, config, change)

    assert check(kind, body).to_wire() == body


def test_every_rule_has_both_examples() -> None:
    """Each rule of severity E is broken and kept at least once."""
    refused = {f"R{n:02d}" for n in range(1, 28)} - {"R07", "R12", "R13", "R24", "R25"}

    assert {rule for rule, *_ in BROKEN} == refused
    # What R26 and R27 allow is what all the others show.
    assert {rule for rule, *_ in KEPT} == refused - {"R26", "R27"}
