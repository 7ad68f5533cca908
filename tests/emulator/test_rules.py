"""What a request body may look like: severity E is refused, severity W passes."""

from __future__ import annotations

from typing import Any

import pytest

DATASET = {"dataset_id": "d", "dataset_version_id": "v"}
OBS = {"type": "obs", "data_url": "/b/d/"}
DATASET_SOURCE = {"type": "dataset", "dataset_id": "d", "dataset_version": "v"}
NO_CODE = {"app_url": ..., "boot_file_url": ..., "engine_id": ...}
IMAGE = {"user_image_url": "h/o/i:1", "user_command": "python x"}


def changed(config: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a config with changes; ``...`` leaves a field out."""
    return {k: v for k, v in {**config, **changes}.items() if v is not ...}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"worker_server_num": ...}, "config.worker_server_num"),
        ({"worker_server_num": 0}, "config.worker_server_num"),
        ({"worker_server_num": "1"}, "config.worker_server_num"),
        ({"worker_server_num": True}, "config.worker_server_num"),
        ({"worker_server_num": 1.0}, "config.worker_server_num"),
        (NO_CODE, "config"),
        ({"app_url": ...}, "config.app_url"),
        ({"boot_file_url": ...}, "config.boot_file_url"),
        ({"engine_id": ...}, "config.engine_id"),
        ({"engine_id": "1"}, "config.engine_id"),
        ({"engine_id": 2**63}, "config.engine_id"),
        ({"user_command": "x"}, "config.user_command"),
        ({**IMAGE, "app_url": ..., "engine_id": ...}, "config.app_url"),
        ({"data_url": ...}, "config.data_url"),
        (DATASET, "config.data_url"),
        ({"data_source": [OBS]}, "config.data_url"),
        ({"data_url": ..., "dataset_id": "d"}, "config.dataset_version_id"),
        ({"data_url": ..., "dataset_version_id": "d"}, "config.dataset_id"),
        ({"data_url": ..., "data_source": []}, "config.data_source"),
        ({"data_url": ..., "data_source": [OBS, DATASET_SOURCE]}, "config.data_source"),
        ({"data_url": ..., "data_source": [{"data_url": "/b/"}]}, "config.data_source.0.type"),
        ({"data_url": ..., "data_source": [{"type": "obs"}]}, "config.data_source.0"),
        ({"data_url": ..., "data_source": [{**OBS, "dataset_id": "d"}]}, "config.data_source.0"),
        ({"data_url": ..., "data_source": [{"type": "s3"}]}, "config.data_source.0.type"),
        ({"parameter": {"a": "b"}}, "config.parameter"),
        ({"parameter": [{"label": "a"}]}, "config.parameter.0.value"),
        ({"parameter": [{"label": "a", "value": 1}]}, "config.parameter.0.value"),
        ({"parameter": [{"label": "", "value": "1"}]}, "config.parameter.0.label"),
        ({"spec_id": ...}, "config.spec_id"),
        ({"spec_id": None}, "config.spec_id"),
        ({"log_url": ""}, "config.log_url"),
        ({"log_url": None}, "config.log_url"),
        ({"train_url": 5}, "config.train_url"),
        ({"data_url": ""}, "config.data_url"),
    ],
)
def test_wrong_config_is_refused_for_jobs_and_versions(
    caller: Any, code: Any, changes: dict[str, Any], field: str
) -> None:
    """A violated rule is 400 ModelArts.0104 and names the field, for both creations alike."""
    job_id, version_id = caller.create("other")
    config = changed(code, changes)
    replies = [
        caller.call("POST", "/training-jobs", {"job_name": "job", "config": config}),
        caller.call(
            "POST",
            f"/training-jobs/{job_id}/versions",
            {"config": {**config, "pre_version_id": version_id}},
        ),
    ]

    for reply in replies:
        assert reply.status_code == 400, reply.text
        body = reply.json()
        assert (body["is_success"], body["error_code"]) == (False, "ModelArts.0104")
        assert f"error: {field} " in body["error_message"]
    assert len(caller.emulator.jobs()) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"job_name": ...}, "job_name"),
        ({"job_name": ""}, "job_name"),
        ({"job_name": "a b"}, "job_name"),
        ({"job_name": "a\n"}, "job_name"),
        ({"job_name": "tränen"}, "job_name"),
        ({"job_name": "x" * 65}, "job_name"),
        ({"job_desc": "x" * 257}, "job_desc"),
        ({"job_desc": None}, "job_desc"),
        ({"workspace_id": 0}, "workspace_id"),
        ({"workspace_id": ""}, "workspace_id"),
        ({"config": ...}, "config"),
        ({"config": "{}"}, "config"),
    ],
)
def test_wrong_job_fields_are_refused(caller: Any, code: Any, body: Any, field: str) -> None:
    """The fields beside the config have their rules, too."""
    reply = caller.call("POST", "/training-jobs", changed({"job_name": "a", "config": code}, body))

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.0104")
    assert f"error: {field} " in reply.json()["error_message"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"pre_version_id": 1}, "config.pre_version_id"),
        ({"create_version": "false"}, "config.create_version"),
        ({"volumes": {}}, "config.volumes"),
        ({"volumes": [{}]}, "config.volumes.0"),
        ({"volumes": [{"nfs": {"id": "1", "src_path": "h:/"}}]}, "config.volumes.0.nfs.dest_path"),
        ({"volumes": [{"host_path": {"src_path": "/"}}]}, "config.volumes.0.host_path.dest_path"),
    ],
)
def test_create_only_fields_are_checked(caller: Any, code: Any, changes: Any, field: str) -> None:
    """Options of a job creation are checked, and a predecessor makes no sense there."""
    body = {"job_name": "a", "config": {**code, **changes}}

    reply = caller.call("POST", "/training-jobs", body)

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.0104")
    assert field in reply.json()["error_message"]


@pytest.mark.parametrize(
    ("changes", "outer", "field"),
    [
        ({"train_url": ...}, {}, "config.train_url"),
        ({"pre_version_id": ...}, {}, "config.pre_version_id"),
        ({"pre_version_id": "1"}, {}, "config.pre_version_id"),
        ({"pre_version_id": 77}, {}, "config.pre_version_id"),
        ({"pre_version_id": 0}, {}, "config.pre_version_id"),
        ({"create_version": True}, {}, "config.create_version"),
        ({"volumes": []}, {}, "config.volumes"),
        ({}, {"workspace_id": "0"}, "workspace_id"),
        ({}, {"job_desc": "x" * 257}, "job_desc"),
    ],
)
def test_version_rules_are_kept(
    caller: Any, code: Any, changes: Any, outer: Any, field: str
) -> None:
    """A version needs train_url and a predecessor of its own job, and takes no create-only field."""
    job_id, version_id = caller.create()
    config = changed({**code, "pre_version_id": version_id}, changes)

    reply = caller.call("POST", f"/training-jobs/{job_id}/versions", {"config": config, **outer})

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.0104")
    assert field in reply.json()["error_message"]


def test_predecessor_of_another_job_is_refused(caller: Any, code: Any) -> None:
    """A version is derived from a version of the same job."""
    job_id, _ = caller.create("a")
    _, foreign = caller.create("b")
    config = {**code, "pre_version_id": foreign}

    reply = caller.call("POST", f"/training-jobs/{job_id}/versions", {"config": config})

    assert reply.json()["error_code"] == "ModelArts.0104"


@pytest.mark.parametrize(
    "boot",
    ["/bucket/train.py", "/bucket/code2/train.py", "/bucket/code/../x.py", "/bucket/code/"],
)
def test_boot_file_outside_the_code_folder(caller: Any, code: Any, boot: str) -> None:
    """The boot file has to lie in the code folder, dots and look-alikes included."""
    body = {"job_name": "a", "config": {**code, "boot_file_url": boot}}

    reply = caller.call("POST", "/training-jobs", body)

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.2792")


@pytest.mark.parametrize(
    "changes",
    [
        {"model_id": 4},
        {**NO_CODE, "model_id": 4, **IMAGE},
        {**NO_CODE, "user_image_url": "h/o/i:1"},
        {**IMAGE, "boot_file_url": ..., "engine_id": ...},
        {**IMAGE, "engine_id": ...},
        {"pool_id": "pool"},
        {"pool_id": "pool", "spec_id": ...},
        {"parameter": [{"label": "a", "value": ""}, {"label": "a", "value": "2"}]},
        {"flavor": {"code": "x"}, "nas_type": None},
        {"data_url": "bucket//with space"},
        {"data_url": "obs://bucket/data/"},
        {"app_url": "/bucket/code"},
        {"train_url": ...},
        {
            "volumes": [
                {
                    "nfs": {"id": "1", "src_path": "a", "dest_path": "b"},
                    "host_path": {"src_path": "a", "dest_path": "b"},
                }
            ]
        },
        {"volumes": []},
        {"worker_server_num": 5000},
        {"data_url": ..., **DATASET},
        {"data_url": ..., "data_source": [DATASET_SOURCE, DATASET_SOURCE]},
        {"parameter": [{"label": "a", "value": "1", "required": True}]},
    ],
)
def test_what_is_only_warned_about_passes(caller: Any, code: Any, changes: Any) -> None:
    """Combinations the table warns about, and undocumented keys, are taken."""
    body = {"job_name": "a", "job_desc": "", "config": changed(code, changes), "tags": []}

    reply = caller.call("POST", "/training-jobs", body)

    assert reply.json()["is_success"] is True, reply.text


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe", b'{"job_name": NaN}', b'{"job_name": "\\ud800"}', b"[" * 100_000],
    ids=["empty", "cut", "not-utf8", "nan", "surrogate", "deep"],
)
def test_body_that_is_not_json(caller: Any, data: bytes) -> None:
    """What cannot be read as JSON is 2787."""
    reply = caller.call("POST", "/training-jobs", data=data)

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.2787")


@pytest.mark.parametrize("body", [[], "text", 5, {}])
def test_body_that_is_no_job(caller: Any, body: Any) -> None:
    """JSON of another kind is a wrong parameter."""
    reply = caller.call("POST", "/training-jobs", body)

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.0104")
