"""Names and ids of what the service offers; against the emulator's catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow_provider_modelarts.client import ModelArtsClient

SPEC, ENGINE = "modelarts.vm.cpu.8u", "TensorFlow/TF-1.4.0-python2.7"
LISTS = {
    "spec_id": "list_resource_specs",
    "engine_id": "list_engines",
    "model_id": "list_built_in_algorithms",
}


def fields(violations: list[Any]) -> list[str]:
    """Return the fields of violations."""
    return [violation.field for violation in violations]


def test_names_become_ids(client: ModelArtsClient, config: dict[str, Any]) -> None:
    """A flavor by its code, an engine by name and version; ids stay what they are."""
    named, violations = client.offer.with_ids(config | {"spec_id": SPEC, "engine_id": ENGINE})

    assert not violations
    assert named == config | {"spec_id": 1, "engine_id": 1}
    assert client.offer.with_ids(config | {"spec_id": "1"}) == (config | {"spec_id": "1"}, [])


def test_unknown_names_are_told_with_what_there_is(
    client: ModelArtsClient, config: dict[str, Any]
) -> None:
    """Both at once, with the nearest name."""
    wrong = config | {"spec_id": "modelarts.vm.cpu.9u", "engine_id": "Caffe"}

    named, violations = client.offer.with_ids(wrong)

    assert fields(violations) == ["config.spec_id", "config.engine_id"]
    assert f"1 ({SPEC})" in violations[0].rule
    assert violations[0].remedy == f"Did you mean {SPEC!r}?"
    assert named["spec_id"] == 1  # so that the other rules can be checked


def test_good_config_passes(client: ModelArtsClient, config: dict[str, Any]) -> None:
    """The emulator has what the tests and the examples use."""
    assert client.offer.check(config) == []


@pytest.mark.parametrize("field", LISTS)
def test_unknown_id_is_told(client: ModelArtsClient, config: dict[str, Any], field: str) -> None:
    """With the ids that there are."""
    (violation,) = client.offer.check(config | {field: 4711})

    assert violation.field == f"config.{field}"
    assert violation.value == "4711"
    assert "1 (" in violation.rule


def test_too_many_workers_are_told(client: ModelArtsClient, config: dict[str, Any]) -> None:
    """The flavor has the limit."""
    (violation,) = client.offer.check(config | {"worker_server_num": 17})

    assert violation.field == "config.worker_server_num"
    assert f"at most 16 with flavor 1 ({SPEC})" in violation.rule


def test_each_list_is_fetched_once(
    client: ModelArtsClient, emulator: Any, config: dict[str, Any]
) -> None:
    """However many configs are checked; what a config does not name is not fetched."""
    for _ in range(3):
        client.offer.check(config | {"model_id": 1})

    asked = [request.operation for request in emulator.requests()]
    assert [asked.count(operation) for operation in LISTS.values()] == [1, 1, 1]


def test_list_that_cannot_be_fetched_is_asked_for_again(
    client: ModelArtsClient, emulator: Any, config: dict[str, Any]
) -> None:
    """A failure is not remembered."""
    from airflow_provider_modelarts.exceptions import PermissionDeniedError

    emulator.inject("list_resource_specs", "status", status=403)
    with pytest.raises(PermissionDeniedError):
        client.offer.check(config)

    assert client.offer.check(config) == []
