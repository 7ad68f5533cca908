"""Flavors, engines and built-in algorithms, and the option to refuse what is not among them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EXAMPLES = ("demo", "example_dags")


@pytest.fixture(scope="module")
def strict() -> Iterator[Emulator]:
    """An emulator that knows only its catalogue."""
    with Emulator(transitions={"mode": "immediate"}, strict_catalogue=True) as emulator:
        yield emulator


def rows(caller: Any, path: str, key: str) -> list[dict[str, Any]]:
    """Return the rows of a list."""
    reply = caller.call("GET", path)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()[key]
    return found


def test_specs_tell_limits_and_hardware(caller: Any) -> None:
    """Each flavor has an id of its own, a code, a worker limit and what it is made of."""
    reply = caller.call("GET", "/job/resource-specs").json()

    assert reply["spec_total_count"] == len({spec["spec_id"] for spec in reply["specs"]})
    assert all(spec["max_num"] >= 1 and spec["spec_code"] for spec in reply["specs"])
    assert {bool(spec["gpu_num"]) for spec in reply["specs"]} == {True, False}
    assert {spec["no_resource"] for spec in reply["specs"]} == {True, False}


@pytest.mark.parametrize("path", ["/job/resource-specs", "/job/ai-engines"])
def test_job_type_narrows_the_list(caller: Any, path: str) -> None:
    """Entries for training and for inference are different, overlapping parts of all."""
    key = "specs" if "specs" in path else "engines"
    everything, train, inference = (
        {json.dumps(row) for row in rows(caller, f"{path}{query}", key)}
        for query in ("", "?job_type=train", "?job_type=inference")
    )

    assert train | inference == everything
    assert inference not in (set(), everything)
    assert caller.call("GET", f"{path}?job_type=play").json()["error_code"] == "ModelArts.2764"


def test_specs_fit_an_engine(caller: Any) -> None:
    """With an engine only flavors are listed that it runs on; 0 means any engine."""
    everything = rows(caller, "/job/resource-specs", "specs")
    fitting = {
        engine["engine_id"]: rows(
            caller, f"/job/resource-specs?engine_id={engine['engine_id']}", "specs"
        )
        for engine in rows(caller, "/job/ai-engines", "engines")
    }

    assert rows(caller, "/job/resource-specs?engine_id=0", "specs") == everything
    assert rows(caller, "/job/resource-specs?project_type=1", "specs") == []
    assert all(0 < len(specs) < len(everything) for specs in fitting.values())
    missing = caller.call("GET", "/job/resource-specs?engine_id=77")
    assert (missing.status_code, missing.json()["error_code"]) == (400, "ModelArts.2780")


def test_algorithms_are_paged_and_sorted(caller: Any) -> None:
    """Pages, the sort key, its direction (descending by default) and the search work together."""
    path = "/built-in-algorithms"
    total = caller.call("GET", path).json()["model_total_count"]
    pages = [rows(caller, f"{path}?per_page=5&page={n}", "models") for n in (1, 2, 3, 4)]
    by_size = rows(caller, f"{path}?sortBy=model_size&order=asc&per_page=100", "models")
    found = rows(caller, f"{path}?search_content=resnet_V2", "models")
    sizes = [model["model_size"] for model in by_size]

    assert [len(page) for page in pages] == [5, 5, total - 10, 0]
    names = [model["engine_name"] for page in pages for model in page]
    assert names == sorted(names, reverse=True)
    assert sizes == sorted(sizes)
    assert [model["model_id"] for model in found] == [4]


@pytest.mark.parametrize("key", ["model_precision", "model_usage", "create_time", "parameter"])
def test_algorithms_can_be_sorted_by_every_key(caller: Any, key: str) -> None:
    """Each documented sort key orders the list."""
    models = rows(caller, f"/built-in-algorithms?sortBy={key}&order=asc", "models")

    assert [model[key] for model in models] == sorted(model[key] for model in models)


@pytest.mark.parametrize(
    ("query", "code"),
    [("per_page=101", "2764"), ("per_page=0", "2764"), ("page=0", "2764"), ("sortBy=x", "2790")],
)
def test_wrong_list_query(caller: Any, query: str, code: str) -> None:
    """Pages of algorithms have at most 100 rows, and only documented keys sort."""
    reply = caller.call("GET", f"/built-in-algorithms?{query}")

    assert (reply.status_code, reply.json()["error_code"]) == (400, f"ModelArts.{code}")


def test_algorithms_name_engines_that_exist(caller: Any) -> None:
    """The parts of the catalogue fit together; parameters are JSON in a string."""
    engines = {row["engine_id"]: row for row in rows(caller, "/job/ai-engines", "engines")}

    for model in rows(caller, "/built-in-algorithms?per_page=100", "models"):
        assert model["engine_version"] == engines[model["engine_id"]]["engine_version"]
        assert all(item["label"] and item["value"] for item in json.loads(model["parameter"]))


def test_versions_show_flavor_and_engine(caller: Any, code: Any) -> None:
    """What a version runs on is told in words; nothing is made up for ids that nobody knows."""
    known = caller.detail(*caller.create("known", {**code, "spec_id": 4, "engine_id": 28}))
    unknown = caller.detail(*caller.create("unknown", {**code, "spec_id": 404, "engine_id": 404}))
    shown = ("spec_code", "gpu_num", "engine_name")

    assert [known[name] for name in shown] == ["modelarts.vm.gpu.p100", 1, "PyTorch"]
    assert [unknown[name] for name in shown] == [None] * 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"spec_id": 404}, "2781"),
        ({"engine_id": 404}, "2780"),
        ({"spec_id": 2, "worker_server_num": 3}, "2793"),
        ({"model_id": 404}, "0104"),
    ],
)
def test_strict_catalogue(
    strict: Emulator,
    new_caller: Callable[[Emulator], Any],
    code: Any,
    changes: Any,
    expected: str,
) -> None:
    """As an option jobs, versions and parameter sets may only name what the catalogue has."""
    strict.reset()
    caller = new_caller(strict)
    job_id, version_id = caller.create()
    config = {**code, **changes}
    replies = [
        caller.call("POST", "/training-jobs", {"job_name": "a", "config": config}),
        caller.call(
            "POST",
            f"/training-jobs/{job_id}/versions",
            {"config": {**config, "pre_version_id": version_id}},
        ),
        caller.call("POST", "/training-job-configs", {"config_name": "a", **config}),
    ]

    for reply in replies:
        assert (reply.status_code, reply.json()["error_code"]) == (400, f"ModelArts.{expected}")


def ids_in(folder: Path) -> dict[str, set[int]]:
    """Return the flavors, engines and algorithms that the Python files of a folder name as numbers."""
    text = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    return {
        name: {int(number) for number in re.findall(rf'"{name}": (\d+)', text)}
        for name in ("spec_id", "engine_id", "model_id")
    }


def test_examples_use_what_is_there(caller: Any, repo: Path) -> None:
    """Demo and example DAGs would pass a check against the catalogue."""
    there = {
        "spec_id": rows(caller, "/job/resource-specs?job_type=train", "specs"),
        "engine_id": rows(caller, "/job/ai-engines?job_type=train", "engines"),
        "model_id": rows(caller, "/built-in-algorithms?per_page=100", "models"),
    }
    used = [ids_in(repo / folder) for folder in EXAMPLES]

    assert all(ids["spec_id"] and ids["engine_id"] for ids in used)
    for ids in used:
        for name, known in there.items():
            assert ids[name] <= {row[name] for row in known}
