"""``CreateJobVersionOperator`` against the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.exceptions import NotFoundError, PayloadValidationError
from airflow_provider_modelarts.operators.training_job import (
    CreateJobVersionOperator,
    CreateTrainingJobOperator,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.client import CreatedJob
    from airflow_provider_modelarts.emulator import Emulator


@pytest.fixture
def job(client: Any, config: dict[str, Any]) -> CreatedJob:
    """A job with one completed version."""
    parameter = {"learning_rate": 0.01, "batch_size": 32}
    return client.create_training_job(
        {"job_name": "job", "config": config | {"parameter": parameter, "log_url": "/bucket/log/"}}
    )


@pytest.fixture
def create(job: CreatedJob, config: dict[str, Any]) -> Callable[..., CreateJobVersionOperator]:
    """Return a function that makes an operator for a new version of the job."""

    def make(**kwargs: Any) -> CreateJobVersionOperator:
        return CreateJobVersionOperator(
            **{"task_id": "refine", "job_id": job.job_id, "config": config, **kwargs}
        )

    return make


def body_of(emulator: Emulator) -> dict[str, Any]:
    """Return the body of the one request that creates a version."""
    (request,) = emulator.requests("create_job_version")
    return json.loads(request.body)


def test_version_derives_from_the_newest_by_default(create, emulator, run_task, job) -> None:
    """Without ``pre_version_id`` the newest version is looked up."""
    result = run_task(create())

    assert body_of(emulator)["config"]["pre_version_id"] == job.version_id
    assert result["job_id"] == job.job_id
    assert result["version_name"] == "V0002"
    assert result["resource_id"] is None


@pytest.mark.parametrize("place", ["parameter", "config", "both"])
def test_previous_version_may_be_named_in_two_places(
    create, emulator, run_task, job, config, place: str
) -> None:
    """The id is accepted as a parameter, in ``config``, or in both with the same value."""
    kwargs: dict[str, Any] = {}
    if place in ("parameter", "both"):
        kwargs["pre_version_id"] = str(job.version_id)
    if place in ("config", "both"):
        kwargs["config"] = config | {"pre_version_id": job.version_id}

    run_task(create(**kwargs))

    assert body_of(emulator)["config"]["pre_version_id"] == job.version_id


def test_two_different_previous_versions_are_an_error(create, run_task, config) -> None:
    """A contradiction between parameter and ``config`` is refused, naming both values."""
    task = create(pre_version_id=1, config=config | {"pre_version_id": 2})

    with pytest.raises(AirflowFailException, match="1, but config.pre_version_id = 2"):
        run_task(task)


def test_job_id_may_be_rendered_text(create, emulator, run_task, job) -> None:
    """An id that a template made into text is accepted."""
    run_task(create(job_id="{{ params.job }}"), params={"job": job.job_id})

    (request,) = emulator.requests("create_job_version")
    assert request.path.endswith(f"/training-jobs/{job.job_id}/versions")


def test_id_that_is_no_number_is_refused(create, emulator, run_task) -> None:
    """A template that rendered to nothing useful is named."""
    emulator_requests = len(emulator.requests())

    with pytest.raises(AirflowFailException, match="job_id = 'None': an id"):
        run_task(create(job_id="None"))

    assert len(emulator.requests()) == emulator_requests


def test_unknown_job_fails_for_good(create, run_task) -> None:
    """A job that does not exist cannot appear by retrying."""
    with pytest.raises(AirflowFailException, match="404404") as caught:
        run_task(create(job_id=404404))

    assert isinstance(caught.value.__cause__, NotFoundError)


def test_payload_is_checked_before_the_service_is_asked(create, emulator, run_task, config) -> None:
    """A broken payload costs no request, not even the look-up of the newest version."""
    del config["train_url"]
    before = len(emulator.requests())

    with pytest.raises(AirflowFailException, match="config.train_url = missing") as caught:
        run_task(create())

    assert isinstance(caught.value.__cause__, PayloadValidationError)
    assert "pre_version_id" not in str(caught.value)
    assert len(emulator.requests()) == before


def test_fields_of_a_new_job_are_refused(create, run_task, config) -> None:
    """``volumes``, ``create_version`` and ``workspace_id`` do not belong to a version."""
    task = create(config=config | {"volumes": [], "create_version": True, "workspace_id": "0"})

    with pytest.raises(AirflowFailException) as caught:
        run_task(task)

    fields = {violation.field for violation in caught.value.__cause__.violations}
    assert fields == {"config.volumes", "config.create_version", "config.workspace_id"}


def test_inherit_config_changes_only_what_is_named(create, emulator, run_task, job, config) -> None:
    """Settings of the previous version are taken over and parameters merged by label."""
    task = create(
        inherit_config=True,
        config={"parameter": {"learning_rate": 0.5}, "train_url": "/bucket/out2/"},
    )

    run_task(task)

    sent = body_of(emulator)["config"]
    assert {pair["label"]: pair["value"] for pair in sent["parameter"]} == {
        "learning_rate": "0.5",
        "batch_size": "32",
    }
    assert sent["train_url"] == "/bucket/out2/"
    assert sent["pre_version_id"] == job.version_id
    expected = config | {"log_url": "/bucket/log/"}
    for name in expected.keys() - {"train_url"}:
        assert sent[name] == expected[name]
    assert sent.keys() == expected.keys() | {"parameter", "pre_version_id"}


def test_warnings_are_logged_with_inherit_config_too(create, run_task, logged) -> None:
    """They concern what is sent, not only what the author has named."""
    run_task(create(inherit_config=True, config={"train_url": "obs://bucket/out/"}))

    assert "config.train_url" in logged()


def test_inherit_config_replaces_input_and_algorithm_as_groups(create, emulator, run_task) -> None:
    """Naming one field of a group drops the others of the previous version."""
    source = [{"type": "obs", "data_url": "/bucket/part/"}]

    run_task(create(inherit_config=True, config={"model_id": 4, "data_source": source}))

    sent = body_of(emulator)["config"]
    assert sent["model_id"] == 4
    assert sent["data_source"] == source
    assert sent.keys() & {"app_url", "boot_file_url", "engine_id", "data_url"} == set()


def test_inherit_config_starts_from_the_named_version(
    create, emulator, run_task, job, config
) -> None:
    """``pre_version_id`` decides which version's settings are taken over."""
    run_task(create(config=config | {"train_url": "/bucket/second/"}))
    emulator.clear_requests()

    run_task(create(inherit_config=True, pre_version_id=job.version_id, config={}))

    assert body_of(emulator)["config"]["train_url"] == "/bucket/out/"


@pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])
def test_waiting_returns_the_final_values(create, emulator, run_task, deferrable: bool) -> None:
    """A version can be waited for like a job."""
    emulator.set_transitions("reads", sequence=[1, 8, 10], reads=1)

    result = run_task(create(wait_for_completion=True, deferrable=deferrable, poll_interval=0.01))

    assert result["status"] == 10
    assert result["version_name"] == "V0002"


def test_every_text_id_and_payload_parameter_is_templated() -> None:
    """No parameter that holds text, an id or a payload is left out of the template fields."""
    own = {"job_id", "pre_version_id"}

    assert set(CreateJobVersionOperator.template_fields) == own | (
        set(CreateTrainingJobOperator.template_fields) - {"job_name", "workspace_id"}
    )


def test_warnings_are_logged_once_with_inherited_settings_too(
    completed_job, emulator, run_task, logged, client
) -> None:
    """What the version before had, and what config adds."""
    task = CreateJobVersionOperator(
        task_id="refine",
        job_id=completed_job.job_id,
        inherit_config=True,
        config={"log_url": "/bucket/log", "parameter": [{"label": "a", "value": "1"}] * 2},
    )

    run_task(task)

    text = logged()
    once = text.count("Training: job 'job'")  # Airflow 2 shows each line twice here
    assert text.count("Sent all the same: config.log_url = '/bucket/log'") == once
    assert text.count("a label stands once, not 2 times") == once
