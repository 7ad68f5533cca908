"""Names and ids of what the service offers; against the emulator's catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.exceptions import PayloadValidationError, PermissionDeniedError
from airflow_provider_modelarts.operators.training_job import (
    CreateJobVersionOperator,
    CreateTrainingJobOperator,
)

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
    wrong = config | {"spec_id": "modelarts.vm.cpu.9u", "engine_id": "Caffe/1.0"}

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
    emulator.inject("list_resource_specs", "status", status=403)
    with pytest.raises(PermissionDeniedError):
        client.offer.check(config)

    assert client.offer.check(config) == []


# ---- in operators


def made(emulator: Any) -> dict[str, Any]:
    """Return the config of the one version at the service."""
    (job,) = emulator.jobs()
    return dict(job.versions[-1].config)


def create(config: dict[str, Any], **kwargs: Any) -> CreateTrainingJobOperator:
    """Return a task that creates a job."""
    return CreateTrainingJobOperator(task_id="train", job_name="job", config=config, **kwargs)


def test_operator_takes_names(client, config, emulator, run_task) -> None:
    """Flavor and engine reach the service as ids."""
    run_task(create(config | {"spec_id": SPEC, "engine_id": ENGINE}))

    assert (made(emulator)["spec_id"], made(emulator)["engine_id"]) == (1, 1)


def test_unknown_name_is_one_of_all_errors(client, config, emulator, run_task) -> None:
    """Told with the broken rules of other fields, before anything is made."""
    wrong = config | {"spec_id": "modelarts.vm.cpu.9u", "worker_server_num": 0}

    with pytest.raises(AirflowFailException) as caught:
        run_task(create(wrong))

    error = caught.value.__cause__
    assert isinstance(error, PayloadValidationError)
    assert fields(list(error.violations)) == ["config.spec_id", "config.worker_server_num"]
    assert emulator.jobs() == []


def test_ids_are_looked_up_where_the_author_wants_it(client, config, emulator, run_task) -> None:
    """By default they are not, and nothing but the creation is asked for."""
    wrong = config | {"spec_id": 4711}
    with pytest.raises(AirflowFailException, match=r"spec_id = 4711: one of 1 \(modelarts"):
        run_task(create(wrong, validate_against_service=True))
    assert emulator.jobs() == []

    run_task(create(wrong))

    assert made(emulator)["spec_id"] == 4711


def test_version_takes_names_too(client, config, emulator, run_task) -> None:
    """Also where it inherits the rest."""
    job = client.create_training_job({"job_name": "job", "config": config})
    changes = {"spec_id": "modelarts.vm.cpu.2u"}

    run_task(
        CreateJobVersionOperator(
            task_id="refine",
            job_id=job.job_id,
            config=changes,
            inherit_config=True,
            validate_against_service=True,
        )
    )

    offered = {row.spec_code: row.spec_id for row in client.list_resource_specs()}
    assert made(emulator)["spec_id"] == offered["modelarts.vm.cpu.2u"]


def test_client_takes_names(client, config, emulator) -> None:
    """In a script as in a DAG."""
    client.create_training_job({"job_name": "job", "config": config | {"spec_id": SPEC}})

    assert made(emulator)["spec_id"] == 1
