"""Jobs and versions: replies in the vendor's shapes, errors with the vendor's codes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from airflow_provider_modelarts.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable

CREATE_SAMPLES = [
    "request-dataset",
    "request-custom-image",
    "request-volumes",
    "request-built-in",
    "request-obs-sources",
    "request-dataset-sources",
    "request-dedicated-pool",
]
VERSION_SAMPLES = ["request-dataset", "request-custom-image", "request-built-in"]


@pytest.fixture
def conforms(sample: Callable[[str], Any]) -> Callable[[str, Any], None]:
    """Return a check of a reply against a schema of the contract."""
    schemas = sample("schemas")

    def check(name: str, reply: Any) -> None:
        jsonschema.validate(
            reply, {**schemas, "$ref": f"#/$defs/{name}"}, cls=jsonschema.Draft202012Validator
        )

    return check


def shape(reply: dict[str, Any]) -> dict[str, type]:
    """Return the types of a reply's fields."""
    return {name: type(value) for name, value in reply.items()}


@pytest.mark.parametrize("name", CREATE_SAMPLES)
def test_published_create_request_is_accepted(
    caller: Any, sample: Any, conforms: Any, name: str
) -> None:
    """Each published creation body is taken, and the reply has the published shape."""
    body = sample(f"create_training_job/{name}")

    reply = caller.call("POST", "/training-jobs", body)

    assert reply.status_code == 200
    conforms("CreateTrainingJobSuccess", reply.json())
    if body["config"].get("create_version", True):
        assert shape(reply.json()) == shape(sample("create_training_job/200"))
    assert reply.headers["X-Request-Id"]


@pytest.mark.parametrize("name", VERSION_SAMPLES)
def test_published_version_request_is_accepted(
    caller: Any, sample: Any, conforms: Any, name: str
) -> None:
    """Each published version body is taken once it names a real predecessor; numbers are numbers."""
    job_id, version_id = caller.create()
    body = sample(f"create_job_version/{name}")
    body["config"]["pre_version_id"] = version_id

    reply = caller.call("POST", f"/training-jobs/{job_id}/versions", body).json()

    conforms("CreateTrainingJobVersionSuccess", reply)
    assert shape(reply) == shape(sample("create_job_version/200"))
    assert reply["version_name"] == "V0002"
    assert reply["version_id"] != version_id


def test_detail_shows_what_was_sent(caller: Any, conforms: Any, sample: Any, code: Any) -> None:
    """The detail repeats the config, has null for unset options, and has keys no page mentions."""
    code["parameter"] = [{"label": "rate", "value": "0.1"}]
    code["volumes"] = [{"nfs": {"id": "1", "src_path": "h:/", "dest_path": "/m"}}]
    job_id, version_id = caller.create("job", code)

    found = caller.detail(job_id, version_id)

    conforms("TrainingJobVersionDetailSuccess", found)
    assert {k: found[k] for k in ("job_id", "version_id", "status")} == {
        "job_id": job_id,
        "version_id": version_id,
        "status": 10,
    }
    assert found["parameter"][0]["label"] == "rate"
    assert found["volumes"] == code["volumes"]
    assert found["pre_version_id"] is None
    assert found["model_id"] is None
    assert set(sample("get_job_version/200")) <= set(found)
    assert set(found) - set(sample("schemas")["$defs"]["TrainingJobVersion"]["properties"])


def test_version_list_wraps_the_rows(caller: Any, conforms: Any, sample: Any) -> None:
    """The list has the job's fields around the rows, and metrics as a JSON string."""
    job_id, first = caller.create()
    second = caller.create_version(job_id, first)

    reply = caller.call("GET", f"/training-jobs/{job_id}/versions").json()

    conforms("TrainingJobVersionListSuccess", reply)
    assert [v["version_id"] for v in reply["versions"]] == [first, second]
    assert [v["pre_version_id"] for v in reply["versions"]] == [None, first]
    assert reply["version_count"] == 2
    assert json.loads(reply["versions"][0]["system_metric_list"])["interval"] == 1
    assert set(sample("list_job_versions/200")) <= set(reply)


def test_trailing_slash_is_accepted(caller: Any) -> None:
    """The published sample calls the path of versions with a slash at the end."""
    job_id, _ = caller.create()

    assert caller.call("GET", f"/training-jobs/{job_id}/versions/").json()["version_count"] == 1


def test_job_list_row_shows_the_newest_version(caller: Any, conforms: Any) -> None:
    """Version and status of a row are those of the newest version, also after it was deleted."""
    job_id, first = caller.create()
    caller.emulator.set_transitions("immediate", status=11)
    second = caller.create_version(job_id, first)
    before = caller.call("GET", "/training-jobs").json()
    caller.call("DELETE", f"/training-jobs/{job_id}/versions/{second}")
    after = caller.call("GET", "/training-jobs").json()

    conforms("TrainingJobListSuccess", before)
    rows = [reply["jobs"][0] for reply in (before, after)]
    assert [(r["version_id"], r["status"], r["version_count"]) for r in rows] == [
        (second, 11, 2),
        (first, 10, 1),
    ]


def test_job_without_version(caller: Any, code: Any, conforms: Any) -> None:
    """create_version false makes a job without versions, which 0 as predecessor then starts."""
    body = {"job_name": "empty", "config": {**code, "create_version": False}}
    reply = caller.call("POST", "/training-jobs", body).json()
    listed = caller.call("GET", "/training-jobs").json()
    job_id = int(reply["job_id"])

    assert "version_id" not in reply
    conforms("TrainingJobListSuccess", listed)
    assert (listed["jobs"][0]["version_count"], listed["jobs"][0]["version_id"]) == (0, None)
    assert caller.create_version(job_id, 0) > 0
    assert caller.call("GET", f"/training-jobs/{job_id}/versions").json()["version_count"] == 1


def test_taken_name_is_refused(caller: Any, sample: Any) -> None:
    """A second job of the same name is refused with HTTP 200 and the sample's body."""
    caller.create("TestModelArtsJob")
    body = sample("create_training_job/request-dataset")

    reply = caller.call("POST", "/training-jobs", body)

    assert reply.status_code == 200
    assert reply.json() == sample("create_training_job/200-duplicate-name")
    assert len(caller.emulator.jobs()) == 1


def test_stop_after_the_end_is_refused(caller: Any, sample: Any) -> None:
    """A version that ended cannot be stopped; the reply is the sample's."""
    job_id, version_id = caller.create()

    reply = caller.call("POST", f"/training-jobs/{job_id}/versions/{version_id}/stop")

    assert reply.status_code == 200
    assert reply.json() == sample("stop_job_version/200-wrong-state")


def test_newer_codes_can_be_chosen(new_caller: Any, code: Any) -> None:
    """The other generation of codes for both conflicts comes with HTTP 400 and 409."""
    options: Any = {"duplicate_name": "2751", "stop_in_final_state": "2796"}
    with Emulator(transitions={"mode": "immediate"}, **options) as emulator:
        caller = new_caller(emulator)
        job_id, version_id = caller.create("twice")
        again = caller.call("POST", "/training-jobs", {"job_name": "twice", "config": code})
        stop = caller.call("POST", f"/training-jobs/{job_id}/versions/{version_id}/stop")

    assert (again.status_code, again.json()["error_code"]) == (400, "ModelArts.2751")
    assert (stop.status_code, stop.json()["error_code"]) == (409, "ModelArts.2796")


def test_description_is_changed(caller: Any, sample: Any) -> None:
    """PUT changes the description, also to an empty one."""
    job_id, _ = caller.create()
    body = sample("update_training_job/request")
    path = f"/training-jobs/{job_id}"

    assert caller.call("PUT", path, body).json() == {"is_success": True}
    assert caller.emulator.jobs()[0].job_desc == "Nightly run"
    assert caller.call("PUT", path, {"job_desc": ""}).json() == {"is_success": True}
    assert caller.call("PUT", path, {}).json()["error_code"] == "ModelArts.0104"
    assert caller.call("PUT", path, {"job_desc": "x" * 257}).status_code == 400


def test_deleted_job_is_gone_and_its_name_is_free(caller: Any, conforms: Any) -> None:
    """After a deletion the job and its versions are missing, and the name may be used again."""
    job_id, version_id = caller.create("name")
    path = f"/training-jobs/{job_id}"
    deleted = caller.call("DELETE", path)
    replies = [
        caller.call("DELETE", path),
        caller.call("GET", f"{path}/versions"),
        caller.call("GET", f"{path}/versions/{version_id}"),
        caller.call("PUT", path, {"job_desc": ""}),
        caller.call("POST", f"{path}/versions/{version_id}/stop"),
    ]

    assert deleted.json() == {"is_success": True}
    for reply in replies:
        conforms("Failure", reply.json())
        assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.2775")
    assert caller.create("name")[0] != job_id


def test_ids_of_jobs_and_versions_do_not_overlap(caller: Any) -> None:
    """A version is not found under another job, nor by a job's id."""
    first, second = caller.create("a"), caller.create("b")

    for job_id, version_id in ((first[0], second[1]), (first[0], first[0]), (first[1], first[1])):
        reply = caller.call("GET", f"/training-jobs/{job_id}/versions/{version_id}")
        assert reply.json()["error_code"] == "ModelArts.2775"


@pytest.mark.parametrize("job_id", ["abc", "1.5", "-1", "9" * 30, "%20"])
def test_odd_ids_are_refused(caller: Any, job_id: str) -> None:
    """An id that is no 64-bit integer is a bad parameter, never a server fault."""
    reply = caller.call("GET", f"/training-jobs/{job_id}/versions")

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.0104")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "/training-jobs"), ("GET", "/nothing"), ("GET", "/training-jobs//versions")],
)
def test_unknown_api_is_a_gateway_404(caller: Any, method: str, path: str) -> None:
    """A path or method nobody knows is answered by the gateway."""
    reply = caller.call(method, path)

    assert (reply.status_code, reply.json()["error_code"]) == (404, "APIG.0101")


def test_body_above_12_mb_is_refused(caller: Any) -> None:
    """A large body is 413, and the connection stays usable."""
    reply = caller.call("POST", "/training-jobs", data=b" " * (12 * 1024 * 1024 + 1))

    assert (reply.status_code, reply.json()["error_code"]) == (413, "ModelArts.4104")
    assert caller.call("GET", "/training-jobs").status_code == 200


def test_jobs_are_paged_sorted_and_searched(caller: Any) -> None:
    """Pages, order, search and filters of the job list do what the tables say."""
    caller.emulator.add_jobs(25, status=10, prefix="alpha")
    caller.emulator.add_jobs(3, status=11, prefix="beta")

    def names(query: str) -> list[str]:
        reply = caller.call("GET", f"/training-jobs?{query}").json()
        return [row["job_name"] for row in reply["jobs"]]

    assert len(names("")) == 10
    assert names("")[0] == "alpha-00000"
    assert len(names("page=3")) == 8
    assert names("page=4") == []
    assert names("per_page=1&page=28") == ["beta-00027"]
    assert names("per_page=2&order=desc") == ["beta-00027", "beta-00026"]
    assert names("sortBy=create_time&order=desc&per_page=1") == ["beta-00027"]
    assert names("search_content=ETA-") == ["beta-00025", "beta-00026", "beta-00027"]
    assert names("search_content=%25") == []
    assert len(names("status=11&per_page=1000")) == 3
    assert names("status=8") == []
    assert names("workspace_id=other") == []


@pytest.mark.parametrize(
    "key", ["job_name", "job_desc", "status", "duration", "version_count", "create_time"]
)
def test_every_sort_key_pages_without_gaps(caller: Any, key: str) -> None:
    """With any key, the pages together hold each job once."""
    caller.emulator.add_jobs(23)
    seen = [
        row["job_id"]
        for page in (1, 2, 3)
        for row in caller.call("GET", f"/training-jobs?sortBy={key}&order=desc&page={page}").json()[
            "jobs"
        ]
    ]

    assert len(seen) == len(set(seen)) == 23


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("per_page=0", "ModelArts.2764"),
        ("per_page=1001", "ModelArts.2764"),
        ("per_page=ten", "ModelArts.2764"),
        ("page=0", "ModelArts.2764"),
        ("page=65536", "ModelArts.2764"),
        ("order=up", "ModelArts.2764"),
        ("sortBy=engine_type", "ModelArts.2790"),
        ("status=failed", "ModelArts.2789"),
        ("status=3,5", "ModelArts.2789"),
        (f"search_content={'x' * 65}", "ModelArts.0104"),
    ],
)
def test_wrong_query_is_refused(caller: Any, query: str, code: str) -> None:
    """Each limit of the job list's query is kept."""
    reply = caller.call("GET", f"/training-jobs?{query}")

    assert (reply.status_code, reply.json()["error_code"]) == (400, code)


def test_versions_are_paged_only_when_asked(caller: Any) -> None:
    """Page 0 or none gives all versions; from page 1 on per_page counts."""
    job_id, version = caller.create()
    for _ in range(11):
        version = caller.create_version(job_id, version)

    def count(query: str) -> int:
        reply = caller.call("GET", f"/training-jobs/{job_id}/versions?{query}").json()
        assert reply["version_count"] == 12
        return len(reply["versions"])

    assert [count(q) for q in ("", "page=0&per_page=2", "page=1", "page=2")] == [12, 12, 10, 2]
    assert count("page=3") == 0
    assert caller.call("GET", f"/training-jobs/{job_id}/versions?page=-1").status_code == 400


def test_thousands_of_jobs_list_quickly(caller: Any) -> None:
    """With 3,000 jobs, pages of a thousand come in a fraction of the time a client allows."""
    caller.emulator.add_jobs(3000)
    started = time.monotonic()

    for page in (1, 2, 3):
        reply = caller.call("GET", f"/training-jobs?per_page=1000&page={page}").json()
        assert len(reply["jobs"]) == 1000
        assert reply["job_total_count"] == 3000

    assert time.monotonic() - started < 5
