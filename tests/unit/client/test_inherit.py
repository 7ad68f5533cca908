"""What a new version takes over from the version before."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airflow_provider_modelarts.client import CreateJobVersionRequest, JobVersion
from airflow_provider_modelarts.client.inherit import inherited

BEFORE = {
    "worker_server_num": 2,
    "app_url": "/b/code/",
    "boot_file_url": "/b/code/a.py",
    "engine_id": 28,
    "data_url": "/b/data/",
    "spec_id": 5,
    "train_url": "/b/out/",
    "log_url": "/b/log/",
}


def previous(**fields: Any) -> JobVersion:
    """Return the version before, as read from the service."""
    ids = {"job_id": 1, "version_id": 2, "status": 10}
    return JobVersion.from_wire({**ids, **BEFORE, **fields})


def without(*names: str) -> dict[str, Any]:
    """Return what the version before has set, but for some fields."""
    return {name: value for name, value in BEFORE.items() if name not in names}


def test_nothing_named_takes_over_all() -> None:
    """An empty config starts from everything that is set."""
    assert inherited(previous(), {}) == BEFORE


def test_named_field_wins() -> None:
    """What config names replaces what was, and only that."""
    assert inherited(previous(), {"spec_id": 9, "train_url": "/b/2/"}) == {
        **BEFORE,
        "spec_id": 9,
        "train_url": "/b/2/",
    }


@pytest.mark.parametrize(
    "config",
    [
        {"model_id": 4},
        {"user_image_url": "h/i:1", "user_command": "bash"},
        {"app_url": "/b/x/", "boot_file_url": "/b/x/a.py", "engine_id": 1},
    ],
    ids=["built-in", "image", "code"],
)
def test_algorithm_is_replaced_as_a_group(config: dict[str, Any]) -> None:
    """Naming one algorithm field takes none of the old ones over."""
    expected = {**without("app_url", "boot_file_url", "engine_id"), **config}

    assert inherited(previous(), config) == expected


@pytest.mark.parametrize(
    "config",
    [
        {"data_source": [{"type": "obs", "data_url": "/b/2/"}]},
        {"dataset_id": "d", "dataset_version_id": "v"},
        {"data_url": "/b/2/"},
    ],
    ids=["sources", "dataset", "url"],
)
def test_input_is_replaced_as_a_group(config: dict[str, Any]) -> None:
    """Naming one input field takes none of the old ones over."""
    found = inherited(previous(dataset_id="old", dataset_version_id="old"), config)

    assert found == {**without("data_url"), **config}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in ("log_url", "user_command") for value in (None, "", [])),
        *(
            (name, value)
            for name in ("engine_id", "model_id", "spec_id", "pool_id", "dataset_id")
            for value in (None, "", [], 0, "0")
        ),
    ],
)
def test_unset_options_are_not_taken_over(name: str, value: Any) -> None:
    """Null, empty texts, empty lists and id 0 mean that nothing was set."""
    assert name not in inherited(previous(**{name: value}), {})


def test_unset_source_list_does_not_hide_the_url() -> None:
    """An empty list of sources is none."""
    assert inherited(previous(data_source=[]), {})["data_url"] == "/b/data/"


def test_one_input_shown_in_two_forms_is_taken_once() -> None:
    """Answers show data_url beside data_source; a request may have one of them."""
    sources = [{"type": "obs", "data_url": "/b/1/", "dataset_id": None, "extra": 1}]

    found = inherited(previous(data_source=sources), {})

    assert found == {**without("data_url"), "data_source": [{"type": "obs", "data_url": "/b/1/"}]}


def test_dataset_beside_its_url_is_taken_as_dataset() -> None:
    """The pair of ids says more than the URL behind it."""
    found = inherited(previous(dataset_id="d", dataset_version_id="v"), {})

    assert found == {**without("data_url"), "dataset_id": "d", "dataset_version_id": "v"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [("a", "1"), ("b", "2")]),
        ({"parameter": {"b": 3}}, [("a", "1"), ("b", "3")]),
        ({"parameter": [{"label": "c", "value": "3"}]}, [("a", "1"), ("b", "2"), ("c", "3")]),
        ({"parameter": {}}, [("a", "1"), ("b", "2")]),
    ],
    ids=["none", "one changed", "one more", "empty"],
)
def test_parameters_are_merged_by_label(
    given: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """What config names replaces the pair of that label, the others stay; numbers become texts."""
    before = [
        {"label": "a", "value": 1, "required": True, "placeholder": ""},
        {"label": "b", "value": "2"},
        {"label": "", "value": "x"},
        {"label": "unset", "value": None},
        {"label": ["no", "text"], "value": "x"},
    ]

    found = inherited(previous(parameter=before), given)

    assert [(pair["label"], str(pair["value"])) for pair in found["parameter"]] == expected
    assert all(pair.keys() == {"label", "value"} for pair in found["parameter"])


@pytest.mark.parametrize("mistake", [[], {}], ids=["list", "mapping"])
def test_mistake_in_a_label_is_left_to_the_rules(mistake: Any) -> None:
    """A label of any type is merged like another, so that validation can name it."""
    given = [{"label": mistake, "value": "2"}]

    found = inherited(previous(parameter=[{"label": "a", "value": "1"}]), {"parameter": given})

    assert found["parameter"] == [{"label": "a", "value": "1"}, *given]


@pytest.mark.parametrize("mistake", [None, "a=1", 5], ids=["null", "text", "number"])
def test_mistake_in_parameters_is_left_to_the_rules(mistake: Any) -> None:
    """What is no set of parameters stays as written, so that validation can name it."""
    before = [{"label": "a", "value": "1"}]

    assert inherited(previous(parameter=before), {"parameter": mistake})["parameter"] == mistake


@pytest.mark.parametrize("engine", [501, "501"])
def test_built_in_algorithm_is_taken_over_alone(engine: Any) -> None:
    """Answers show beside it the engine and the code that it is made of."""
    found = inherited(previous(model_id=4, engine_id=engine), {})

    assert found == {**without("app_url", "boot_file_url", "engine_id"), "model_id": 4}
    request = CreateJobVersionRequest.checked({"config": found | {"pre_version_id": 2}})
    assert request.warnings() == []


@pytest.mark.parametrize(
    ("pool_type", "expected"),
    [
        ("SYSTEM_DEFINED", {"spec_id": 5}),
        ("USER_DEFINED", {"pool_id": "pool1"}),
        (None, {"spec_id": 5}),
    ],
)
def test_one_of_flavor_and_pool_is_taken_over(
    pool_type: str | None, expected: dict[str, Any]
) -> None:
    """Answers show both; nobody can ask for the pool that all share."""
    found = inherited(previous(pool_id="pool1", pool_type=pool_type), {})

    assert found == {**without("spec_id"), **expected}


@pytest.mark.parametrize("config", [{"pool_id": "mine"}, {"spec_id": 9}])
def test_target_is_replaced_as_a_group(config: dict[str, Any]) -> None:
    """Naming a pool takes no flavor over, nor the other way round."""
    assert inherited(previous(pool_id="pool1"), config) == {**without("spec_id"), **config}


def test_nothing_is_changed_in_place() -> None:
    """The author's config and the version before stay as they are."""
    config = {"parameter": {"b": 1}, "spec_id": 3}
    version = previous(parameter=[{"label": "a", "value": 1}])
    before = copy.deepcopy((config, version))

    inherited(version, config)

    assert (config, version) == before


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"parameter": [{"label": "a", "value": 0.5, "required": True}]},
        {"data_source": [{"type": "obs", "data_url": "/b/1/"}]},
        {"model_id": 4, "app_url": None, "boot_file_url": None, "engine_id": 0},
    ],
    ids=["code", "parameters", "sources", "built-in"],
)
def test_result_is_a_valid_version(fields: dict[str, Any]) -> None:
    """What was accepted once is accepted again."""
    config = inherited(previous(**fields), {"pre_version_id": 2})

    assert CreateJobVersionRequest.checked({"config": config}).warnings() == []


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        # The engine of a built-in algorithm.
        ({"model_id": 4, "app_url": "", "boot_file_url": None}, ["model_id"]),
        ({"model_id": 4}, ["model_id"]),
        ({"model_id": 0}, ["app_url", "boot_file_url", "engine_id"]),
        (
            {"user_image_url": "h/i:1", "user_command": "bash", "model_id": 4},
            ["app_url", "boot_file_url", "engine_id", "user_image_url", "user_command"],
        ),
    ],
)
def test_one_algorithm_is_taken_over(shown: dict[str, Any], expected: list[str]) -> None:
    """An answer shows more than one way to say what runs; a request takes one."""
    names = inherited(previous(**shown), {}).keys()

    assert sorted(names & {*BEFORE, "model_id", "user_image_url", "user_command"}) == sorted(
        [*expected, *(BEFORE.keys() - {"app_url", "boot_file_url", "engine_id"})]
    )


@pytest.mark.parametrize(
    ("shown", "config", "expected"),
    [
        ({"pool_id": "pool1"}, {}, {"spec_id": 5}),
        ({"pool_id": "pool1", "spec_id": 0}, {}, {"pool_id": "pool1"}),
        ({"pool_id": "pool1"}, {"pool_id": "mine"}, {"pool_id": "mine"}),
        ({"pool_id": "pool1"}, {"spec_id": 9}, {"spec_id": 9}),
    ],
)
def test_flavor_or_pool_is_taken_over(
    shown: dict[str, Any], config: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Answers show the system's own pool beside the flavor, which no request may name."""
    found = inherited(previous(**shown), config)

    assert {name: found[name] for name in ("spec_id", "pool_id") if name in found} == expected


@pytest.mark.parametrize(
    "given", ['{"lr": 0.1}', "{'lr': 0.1}", '[{"label": "lr", "value": "0.1"}]'], ids=str
)
def test_parameters_that_a_template_has_made_text_are_merged(given: str) -> None:
    """Those of the version before are not lost over it."""
    before = previous(parameter=[{"label": "epochs", "value": "3"}, {"label": "lr", "value": "1"}])

    assert inherited(before, {"parameter": given})["parameter"] == [
        {"label": "epochs", "value": "3"},
        {"label": "lr", "value": "0.1"},
    ]


def test_parameters_that_cannot_be_read_are_left_to_validation() -> None:
    """Which names what is wrong with them."""
    before = previous(parameter=[{"label": "epochs", "value": "3"}])

    assert inherited(before, {"parameter": "{"})["parameter"] == "{"
