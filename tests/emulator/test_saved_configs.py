"""Saved parameter sets: unique names, full replacement, users' own and those of the service."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_modelarts.emulator import Emulator

CONFIGS = "/training-job-configs"


@pytest.fixture
def body(code: Any) -> dict[str, Any]:
    """A parameter set: a flat config with a name."""
    return {"config_name": "nightly", "config_desc": "Every night", **code}


def error(reply: Any) -> tuple[int, str]:
    """Return status and code of a failure."""
    return reply.status_code, reply.json()["error_code"]


def test_set_is_saved_read_and_deleted(caller: Any, body: Any) -> None:
    """What was saved comes back, with names for flavor and engine; after deleting it is gone."""
    created = caller.call("POST", CONFIGS, body)
    found = caller.call("GET", f"{CONFIGS}/nightly").json()
    deleted = caller.call("DELETE", f"{CONFIGS}/nightly")

    assert created.json() == deleted.json() == {"is_success": True}
    assert {name: found[name] for name in body} == body
    assert (found["spec_code"], found["engine_name"]) == ("modelarts.vm.cpu.8u", "TensorFlow")
    assert (found["model_id"], found["parameter"], found["pool_id"]) == (None, [], None)
    assert error(caller.call("GET", f"{CONFIGS}/nightly")) == (404, "ModelArts.0015")


def test_replacing_drops_what_is_left_out(caller: Any, body: Any, code: Any) -> None:
    """A replacement is the whole set; the name and the creation time stay."""
    caller.call("POST", CONFIGS, {**body, "parameter": [{"label": "a", "value": "1"}]})
    before = caller.call("GET", f"{CONFIGS}/nightly").json()
    change = {**code, "parameter": [{"label": "rate", "value": 0.5}]}

    assert caller.call("PUT", f"{CONFIGS}/nightly", change).json() == {"is_success": True}
    after = caller.call("GET", f"{CONFIGS}/nightly").json()
    assert after["parameter"] == change["parameter"]
    assert after["config_desc"] == ""
    assert after["create_time"] == before["create_time"]


@pytest.mark.parametrize(
    ("option", "expected"),
    [("0103", (200, "ModelArts.0103")), ("2751", (400, "ModelArts.2751"))],
)
def test_name_is_taken_once(new_caller: Any, body: Any, option: str, expected: Any) -> None:
    """A second set of one name is refused and changes nothing."""
    with Emulator(duplicate_name=option) as emulator:
        caller = new_caller(emulator)
        caller.call("POST", CONFIGS, body)
        again = caller.call("POST", CONFIGS, {**body, "config_desc": "Other"})

        assert error(again) == expected
        found = caller.call("GET", f"{CONFIGS}/nightly").json()
        assert found["config_desc"] == "Every night"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"config_name": ...}, "config_name"),
        ({"config_name": "a b"}, "config_name"),
        ({"config_name": "x" * 65}, "config_name"),
        ({"config_desc": "x" * 257}, "config_desc"),
        ({"worker_server_num": ...}, "worker_server_num"),
        ({"worker_server_num": 0}, "worker_server_num"),
        ({"spec_id": ...}, "spec_id"),
        ({"spec_id": ..., "pool_id": "pool"}, "spec_id"),
        ({"app_url": ..., "boot_file_url": ..., "engine_id": ...}, "body"),
        ({"boot_file_url": ...}, "boot_file_url"),
        ({"engine_id": ...}, "engine_id"),
        ({"user_command": "python x"}, "user_command"),
        ({"data_url": ...}, "data_url"),
        ({"dataset_id": "d"}, "dataset_version_id"),
        ({"data_source": []}, "data_source"),
        ({"data_url": ..., "data_source": [{"type": "obs"}]}, "data_source.0"),
        ({"parameter": [{"label": "a"}]}, "parameter.0.value"),
        ({"parameter": [{"label": "", "value": 1}]}, "parameter.0.label"),
        ({"parameter": [{"label": "a", "value": None}]}, "parameter.0.value"),
        ({"train_url": ""}, "train_url"),
    ],
)
def test_rules_are_those_of_a_job(caller: Any, body: Any, changes: Any, field: str) -> None:
    """R05 to R17 hold for saving and replacing; the field is named as it lies in the flat body."""
    wrong = {name: value for name, value in {**body, **changes}.items() if value is not ...}
    replies = [caller.call("POST", CONFIGS, wrong)]
    if "config_name" not in changes:
        caller.call("POST", CONFIGS, body)
        del wrong["config_name"]
        replies.append(caller.call("PUT", f"{CONFIGS}/nightly", wrong))

    for reply in replies:
        assert error(reply) == (400, "ModelArts.0104")
        assert f"error: {field} " in reply.json()["error_message"]


def test_boot_file_outside_the_code_folder(caller: Any, body: Any) -> None:
    """R09 has a code of its own."""
    reply = caller.call("POST", CONFIGS, {**body, "boot_file_url": "/bucket/other.py"})

    assert error(reply) == (400, "ModelArts.2792")


def test_name_cannot_change(caller: Any, body: Any) -> None:
    """A replacement does not rename."""
    caller.call("POST", CONFIGS, body)

    reply = caller.call("PUT", f"{CONFIGS}/nightly", {**body, "config_name": "other"})

    assert error(reply) == (400, "ModelArts.0104")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_set_has_to_exist(caller: Any, code: Any, method: str) -> None:
    """A name that was never saved is not found, whatever is wanted of it."""
    reply = caller.call(method, f"{CONFIGS}/none", code if method == "PUT" else None)

    assert error(reply) == (404, "ModelArts.0015")


def test_list_is_paged_sorted_and_searched(caller: Any, body: Any) -> None:
    """The list has users' sets, descending by name unless told otherwise."""
    for name in ("b-one", "a-two", "c-one"):
        caller.call("POST", CONFIGS, {**body, "config_name": name, "config_desc": name[::-1]})

    def names(query: str) -> list[str]:
        reply = caller.call("GET", f"{CONFIGS}?{query}").json()
        return [config["config_name"] for config in reply["configs"]]

    assert names("") == ["c-one", "b-one", "a-two"]
    assert names("order=asc&per_page=2&page=2") == ["c-one"]
    assert names("sortBy=create_time&order=asc") == ["b-one", "a-two", "c-one"]
    assert names("sortBy=config_desc&order=asc") == ["b-one", "c-one", "a-two"]
    assert names("search_content=ONE") == ["c-one", "b-one"]
    counted = caller.call("GET", f"{CONFIGS}?per_page=1&search_content=one").json()
    assert (counted["config_total_count"], len(counted["configs"])) == (2, 1)


def test_samples_come_with_the_service(caller: Any, body: Any) -> None:
    """Sample sets are a list of their own: read by name, not sorted by time, not to be changed."""
    caller.call("POST", CONFIGS, body)
    samples = caller.call("GET", f"{CONFIGS}?config_type=sample").json()["configs"]
    path = f"{CONFIGS}/{samples[0]['config_name']}"

    assert len(samples) >= 2
    assert caller.call("GET", f"{path}?config_type=sample").json()["is_success"] is True
    assert error(caller.call("GET", path)) == (404, "ModelArts.0015")
    assert error(caller.call("DELETE", path)) == (404, "ModelArts.0015")
    by_time = caller.call("GET", f"{CONFIGS}?config_type=sample&sortBy=create_time")
    assert error(by_time) == (400, "ModelArts.2790")
    assert error(caller.call("GET", f"{CONFIGS}?config_type=mine")) == (400, "ModelArts.2764")


def test_saved_set_makes_a_job(caller: Any, body: Any, code: Any) -> None:
    """What a set holds is what a job takes."""
    caller.call("POST", CONFIGS, body)
    found = caller.call("GET", f"{CONFIGS}/nightly").json()
    config = {name: found[name] for name in code}

    made = caller.call("POST", "/training-jobs", {"job_name": "job", "config": config})

    assert made.json()["is_success"] is True
