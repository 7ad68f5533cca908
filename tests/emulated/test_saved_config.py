"""Operators for saved parameter sets, and trainings that start from one, against the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.exceptions import JobNameExistsError, NotFoundError
from airflow_provider_modelarts.operators.saved_config import (
    CreateSavedConfigOperator,
    DeleteSavedConfigOperator,
    GetSavedConfigOperator,
    ListSavedConfigsOperator,
    UpdateSavedConfigOperator,
)
from airflow_provider_modelarts.operators.training_job import (
    CreateJobVersionOperator,
    CreateTrainingJobOperator,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def save(config: dict[str, Any], run_task: Any, client: Any) -> Callable[..., Any]:
    """Return a function that saves a set with changes to a valid one."""

    def make(kind: type = CreateSavedConfigOperator, config_desc: str = "", **changes: Any) -> Any:
        settings = {n: v for n, v in (config | changes).items() if v is not None}
        options = {"config_name": "base", "config_desc": config_desc, "config": settings}
        return run_task(kind(task_id="save", **options))

    return make


def sent(emulator: Any, operation: str = "create_training_job") -> dict[str, Any]:
    """Return the ``config`` that was sent last."""
    body = json.loads(emulator.requests(operation)[-1].body)
    return body.get("config", body)


# ---- the sets themselves


def test_set_is_saved_with_its_settings(save, client, config) -> None:
    """The set shows what the operator was given; parameters may be a mapping."""
    assert save(config_desc="nightly", parameter={"lr": 0.01}) is None

    found = client.get_saved_config("base")
    assert (found.config_desc, found.app_url, found.spec_id) == ("nightly", "/bucket/code/", 1)
    assert found.parameter == [{"label": "lr", "value": "0.01"}]


def test_saving_again_is_fine_with_the_same_settings_only(save, emulator, logged) -> None:
    """A retry finds its own set; another's is an error that names the name."""
    save(parameter={"lr": 0.01})
    save(parameter={"lr": 0.01})
    assert "Saved already with these settings: 'base'" in logged()

    with pytest.raises(AirflowFailException, match="base") as caught:
        save(parameter={"lr": 0.02})

    assert isinstance(caught.value.__cause__, JobNameExistsError)


def test_lost_answer_to_saving_makes_no_second_set(save, client, emulator) -> None:
    """The name is looked up before anything is sent again."""
    emulator.inject("create_saved_config", "lost_answer", when="after", times=1)

    save()

    assert len(emulator.requests("create_saved_config")) == 1
    assert [row.config_name for row in client.list_saved_configs()] == ["base"]


def test_set_is_replaced_as_a_whole(save, client) -> None:
    """What the new settings leave out is gone."""
    save(config_desc="nightly", log_url="/bucket/log/")

    save(UpdateSavedConfigOperator, spec_id=2)

    found = client.get_saved_config("base")
    assert (found.spec_id, found.log_url, found.config_desc) == (2, None, None)


def test_replacing_what_is_not_there_is_an_error_for_good(save) -> None:
    """A slip in the name is not mended by a retry."""
    with pytest.raises(AirflowFailException) as caught:
        save(UpdateSavedConfigOperator)

    assert isinstance(caught.value.__cause__, NotFoundError)


@pytest.mark.parametrize("kind", [CreateSavedConfigOperator, UpdateSavedConfigOperator])
def test_broken_rules_come_at_once_before_anything_is_sent(save, emulator, kind: type) -> None:
    """The payload is checked like that of a training."""
    with pytest.raises(AirflowFailException, match="2 problems") as caught:
        save(kind, spec_id=-1, engine_id=None)

    assert "engine_id" in str(caught.value)
    assert emulator.requests() == []


def test_doubtful_settings_are_warned_about(save, logged) -> None:
    """Severity W is sent all the same."""
    save(train_url="/bucket/out")

    assert "Sent all the same: train_url" in logged()


def test_sets_are_read_listed_and_deleted(save, run_task, client, logged) -> None:
    """The XComs are plain JSON without parameters and commands."""
    save(parameter={"API_KEY": "very-secret"})

    read = run_task(GetSavedConfigOperator(task_id="t", config_name="{{ name }}"), name="base")
    listed = run_task(ListSavedConfigsOperator(task_id="t", search_content="bas", limit=1))
    for _ in range(2):
        run_task(DeleteSavedConfigOperator(task_id="t", config_name="base"))

    assert read["train_url"] == "/bucket/out/"
    assert [row["config_name"] for row in listed] == ["base"]
    assert "very-secret" not in json.dumps([read, listed])
    assert list(client.list_saved_configs()) == []
    assert "Nothing to delete" in logged()


# ---- trainings that start from one


def test_training_starts_from_a_saved_set(save, emulator, run_task, config) -> None:
    """``config`` changes what it names: groups as groups, parameters by label."""
    save(parameter={"lr": 0.01, "batch": 32}, log_url="/bucket/log/")
    task = CreateTrainingJobOperator(
        task_id="t",
        job_name="job",
        from_saved_config="{{ base }}",
        config={"model_id": 4, "parameter": {"lr": 0.1}},
    )

    run_task(task, base="base")

    found = sent(emulator)
    assert found["parameter"] == [
        {"label": "batch", "value": "32"},
        {"label": "lr", "value": "0.1"},
    ]
    assert found["model_id"] == 4
    assert not {"app_url", "boot_file_url", "engine_id"} & found.keys()
    assert (found["log_url"], found["data_url"]) == ("/bucket/log/", "/bucket/data/")


def test_saved_set_may_be_all_there_is(save, emulator, run_task, config) -> None:
    """An empty config takes the set as it is; it is read once."""
    save()

    run_task(
        CreateTrainingJobOperator(
            task_id="t",
            job_name="job",
            config={},
            from_saved_config="base",
            if_exists="new_version",
        )
    )

    assert sent(emulator) == config
    assert len(emulator.requests("get_saved_config")) == 1


def test_version_starts_from_its_predecessor_then_the_saved_set_then_config(
    save, emulator, run_task, client, config
) -> None:
    """The three lie on top of each other."""
    first = client.create_training_job(
        {"job_name": "job", "config": config | {"log_url": "/bucket/log/", "spec_id": 3}}
    )
    save(spec_id=2, train_url="/bucket/saved/")

    run_task(
        CreateJobVersionOperator(
            task_id="t",
            job_id=first.job_id,
            inherit_config=True,
            from_saved_config="base",
            config={"train_url": "/bucket/named/"},
        )
    )

    found = sent(emulator, "create_job_version")
    assert (found["log_url"], found["spec_id"]) == ("/bucket/log/", 2)
    assert found["train_url"] == "/bucket/named/"


def test_missing_saved_set_is_an_error_before_anything_is_created(
    client, emulator, run_task
) -> None:
    """A retry does not make it appear."""
    task = CreateTrainingJobOperator(
        task_id="t", job_name="job", config={}, from_saved_config="nowhere"
    )

    with pytest.raises(AirflowFailException, match="nowhere"):
        run_task(task)

    assert emulator.jobs() == []


def test_text_parameters_are_templated() -> None:
    """Name, description and settings can come from a template."""
    fields = {"modelarts_conn_id", "config_name"}
    assert set(GetSavedConfigOperator.template_fields) == fields
    assert set(CreateSavedConfigOperator.template_fields) == {
        *fields,
        "config",
        "extra_config",
        "config_desc",
    }
