"""``CreateTrainingJobOperator`` against the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ConfigurationError,
    JobNameExistsError,
    PayloadValidationError,
    TrainingJobFailedError,
)
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_modelarts.emulator import Emulator

RESULT_KEYS = {
    "job_id",
    "job_name",
    "version_id",
    "version_name",
    "status",
    "create_time",
    "resource_id",
}


@pytest.fixture
def create(client: Any, config: dict[str, Any]) -> Callable[..., CreateTrainingJobOperator]:
    """Return a function that makes an operator for a valid job; arguments replace its own."""

    def make(**kwargs: Any) -> CreateTrainingJobOperator:
        return CreateTrainingJobOperator(
            **{"task_id": "create", "job_name": "job", "config": config, **kwargs}
        )

    return make


def bodies(emulator: Emulator, operation: str = "create_training_job") -> list[dict[str, Any]]:
    """Return the bodies of the requests of one kind."""
    return [json.loads(request.body) for request in emulator.requests(operation)]


def test_job_is_created_and_returned_as_plain_json(create, emulator, run_task) -> None:
    """The XCom has the documented keys and types although the service answers with strings."""
    result = run_task(create())

    assert result.keys() == RESULT_KEYS
    assert json.loads(json.dumps(result)) == result
    assert isinstance(result["job_id"], int)
    assert isinstance(result["version_id"], int)
    assert isinstance(result["status"], int)
    assert result["job_name"] == "job"
    assert result["version_name"] == "V0001"
    assert len(emulator.jobs()) == 1


def test_fields_are_rendered_deeply_before_they_are_checked(
    create, emulator, run_task, config
) -> None:
    """Templates in keys of any depth are rendered, and numbers that became text are sent as numbers."""
    config |= {
        "worker_server_num": "{{ params.n }}",
        "parameter": {"lr": "{{ params.lr }}"},
        "data_url": "/bucket/{{ params.day }}/",
    }
    task = create(job_name="job-{{ params.day }}", job_desc="of {{ params.day }}")

    run_task(task, params={"n": 2, "lr": 0.5, "day": "d1"})

    (body,) = bodies(emulator)
    assert body["job_name"] == "job-d1"
    assert body["job_desc"] == "of d1"
    assert body["config"]["worker_server_num"] == 2
    assert body["config"]["parameter"] == [{"label": "lr", "value": "0.5"}]
    assert body["config"]["data_url"] == "/bucket/d1/"


def test_every_text_id_and_payload_parameter_is_templated() -> None:
    """No parameter that holds text, an id or a payload is left out of the template fields."""
    assert set(CreateTrainingJobOperator.template_fields) == {
        "config",
        "extra_config",
        "from_saved_config",
        "job_desc",
        "job_name",
        "modelarts_conn_id",
        "workspace_id",
    }


def test_what_is_left_out_stays_out_of_the_request(create, emulator, run_task, config) -> None:
    """Neither null nor empty options reach the service."""
    run_task(create())

    (body,) = bodies(emulator)
    assert body == {"job_name": "job", "config": config}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "job.json",
            '{"worker_server_num": {{ params.n }}, "model_id": 4,'
            ' "spec_id": 1, "data_url": "/bucket/data/"}',
        ),
        (
            "job.yaml",
            "worker_server_num: {{ params.n }}\nmodel_id: 4\nspec_id: 1\ndata_url: /bucket/data/\n",
        ),
        (
            "job.yml",
            "{worker_server_num: '{{ params.n }}', model_id: 4, spec_id: 1,"
            " data_url: /bucket/data/}",
        ),
    ],
    ids=["json", "yaml", "yml"],
)
def test_config_may_be_a_template_file(
    create, emulator, run_task, tmp_path: Path, name: str, text: str
) -> None:
    """A path in ``config`` is loaded beside the DAG file, rendered and parsed."""
    (tmp_path / name).write_text(text)
    dag = DAG("files", schedule=None, template_searchpath=str(tmp_path))
    task = create(config=name, dag=dag)
    task.resolve_template_files()

    run_task(task, params={"n": 3})

    (body,) = bodies(emulator)
    assert body["config"]["worker_server_num"] == 3
    assert body["config"]["data_url"] == "/bucket/data/"


def test_template_file_that_is_not_a_mapping_is_refused(create, run_task, tmp_path: Path) -> None:
    """A template file with a list in it is an error that names config."""
    (tmp_path / "job.yaml").write_text("- a\n- b\n")
    dag = DAG("files", schedule=None, template_searchpath=str(tmp_path))

    with pytest.raises(AirflowFailException, match="config = a text that holds a list: a mapping"):
        run_task(create(config="job.yaml", dag=dag))


def test_path_with_a_template_ending_inside_config_is_taken_as_text(
    create, emulator, run_task, config
) -> None:
    """A value like ``/bucket/settings.json`` is not looked up as a template file."""
    config["parameter"] = {"settings": "/bucket/{{ params.day }}.json"}
    task = create(job_desc="see notes.yaml")
    task.resolve_template_files()

    run_task(task, params={"day": "d1"})

    (body,) = bodies(emulator)
    assert body["config"]["parameter"] == [{"label": "settings", "value": "/bucket/d1.json"}]
    assert body["job_desc"] == "see notes.yaml"


def test_extra_config_is_merged_last_and_unchecked(create, emulator, run_task) -> None:
    """A field newer than this release can be sent."""
    task = create(extra_config={"spec_id": 7, "flavor": {"code": "new.{{ params.size }}"}})

    run_task(task, params={"size": "xl"})

    (body,) = bodies(emulator)
    assert body["config"]["spec_id"] == 7
    assert body["config"]["flavor"] == {"code": "new.xl"}


def test_workspace_comes_from_task_or_connection(create, connect, emulator, run_task) -> None:
    """The task's workspace wins over the connection's."""
    connect(extra={"workspace_id": "ws1"})
    run_task(create(job_name="a"))
    run_task(create(job_name="b", workspace_id=7))

    assert [body["workspace_id"] for body in bodies(emulator)] == ["ws1", "7"]


def test_five_mistakes_are_reported_at_once_and_nothing_is_sent(
    create, emulator, run_task, config
) -> None:
    """The task fails for good with a line for each mistake."""
    config |= {"worker_server_num": 0, "data_source": [], "sepc_id": 1, "boot_file_url": "/x/y.py"}

    with pytest.raises(AirflowFailException) as caught:
        run_task(create(job_name="no blanks allowed"))

    cause = caught.value.__cause__
    assert isinstance(cause, PayloadValidationError)
    fields = {violation.field for violation in cause.violations}
    assert fields == {
        "job_name",
        "config.worker_server_num",
        "config.data_source",
        "config.sepc_id",
        "config.boot_file_url",
    }
    assert "Did you mean 'spec_id'?" in str(caught.value)
    assert emulator.requests() == []


def test_warnings_are_logged_and_the_job_is_sent(
    create, emulator, run_task, config, logged
) -> None:
    """A broken rule of severity W does not stop the request."""
    config["data_url"] = "obs://bucket/data/"

    run_task(create())

    text = logged()
    assert "config.data_url" in text
    assert "R25" in text
    assert len(emulator.jobs()) == 1


def test_taken_name_fails_for_good_and_names_the_ways_out(create, run_task) -> None:
    """By default a job of that name is an error that a retry cannot mend."""
    run_task(create())

    with pytest.raises(AirflowFailException, match="if_exists") as caught:
        run_task(create())

    assert isinstance(caught.value.__cause__, JobNameExistsError)


def test_attach_returns_the_newest_version_of_the_job(create, emulator, run_task) -> None:
    """With ``attach`` the existing job is used and nothing is created."""
    first = run_task(create())
    newer = run_task(create(if_exists="new_version"))

    attached = run_task(create(if_exists="attach"))

    assert attached["job_id"] == first["job_id"]
    assert attached["version_id"] == newer["version_id"]
    assert attached.keys() == RESULT_KEYS
    assert len(emulator.jobs()[0].versions) == 2


def test_new_version_is_made_of_an_existing_job(create, emulator, run_task, config, logged) -> None:
    """With ``new_version`` the version derives from the newest; what it cannot take is left out."""
    config["volumes"] = [{"host_path": {"src_path": "/a", "dest_path": "/b"}}]
    first = run_task(create(workspace_id="0"))

    second = run_task(create(workspace_id="0", if_exists="new_version"))

    (body,) = bodies(emulator, "create_job_version")
    assert second["job_id"] == first["job_id"]
    assert second["version_id"] != first["version_id"]
    assert body["config"]["pre_version_id"] == first["version_id"]
    assert "volumes" not in body["config"]
    assert "workspace_id" not in body
    assert "Left out, as a version does not take it: volumes, workspace_id" in logged()


def test_new_version_makes_the_job_if_there_is_none(create, emulator, run_task) -> None:
    """With ``new_version`` and a free name the job itself is created."""
    result = run_task(create(if_exists="new_version"))

    assert result["version_name"] == "V0001"
    assert emulator.requests("create_job_version") == []


def test_new_version_must_satisfy_the_rules_of_both_requests(
    create, emulator, run_task, config
) -> None:
    """What a version needs is asked for even when the job may be created."""
    del config["train_url"]

    with pytest.raises(AirflowFailException, match="config.train_url = missing"):
        run_task(create(if_exists="new_version"))

    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"if_exists": "replace"}, "if_exists is 'replace', but must be one of 'fail'"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"poll_interval": -1.5}, "poll_interval is -1.5"),
    ],
    ids=["if_exists", "zero", "negative"],
)
def test_constructor_refuses_what_is_never_templated(create, kwargs, message) -> None:
    """A wrong choice is found when the DAG is parsed."""
    with pytest.raises(ValueError, match=message):
        create(**kwargs)


def test_job_without_version_is_returned_without_version_id(create, run_task, config) -> None:
    """With ``create_version: false`` the version id is null."""
    config["create_version"] = "false"

    result = run_task(create())

    assert result["version_id"] is None
    assert result["job_id"] > 0


def test_waiting_for_a_job_without_version_is_refused(create, emulator, run_task, config) -> None:
    """``wait_for_completion`` with ``create_version: false`` is a contradiction."""
    config["create_version"] = False

    with pytest.raises(AirflowFailException, match="no version to wait for"):
        run_task(create(wait_for_completion=True))

    assert emulator.requests() == []


@pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])
def test_waiting_returns_the_final_values(create, emulator, run_task, deferrable: bool) -> None:
    """After a wait the XCom has the values of the creation and those of the end."""
    emulator.set_transitions("reads", sequence=[1, 7, 8, 10], reads=1)
    deferrals: list[Any] = []

    result = run_task(
        create(wait_for_completion=True, deferrable=deferrable, poll_interval=0.01),
        deferrals=deferrals,
    )

    assert len(deferrals) == (1 if deferrable else 0)
    assert result["status"] == 10
    assert result["train_url"] == "/bucket/out/"
    assert result.keys() >= RESULT_KEYS | {"duration", "log_url", "metrics"}


@pytest.mark.parametrize("deferrable", [False, True], ids=["sync", "deferrable"])
def test_failed_training_raises_so_that_a_retry_trains_anew(
    create, emulator, run_task, deferrable: bool
) -> None:
    """A waiting operator raises ``TrainingJobFailedError`` itself, which Airflow retries."""
    emulator.set_transitions("reads", sequence=[1, 8, 11], reads=1)

    with pytest.raises(TrainingJobFailedError) as caught:
        run_task(create(wait_for_completion=True, deferrable=deferrable, poll_interval=0.01))

    assert caught.value.status == 11
    assert "11 FAILED" in str(caught.value)


def test_deferrable_without_waiting_does_not_defer(create, run_task) -> None:
    """``wait_for_completion=False`` wins over ``deferrable=True``."""
    deferrals: list[Any] = []

    run_task(create(deferrable=True), deferrals=deferrals)

    assert deferrals == []


def test_job_that_has_ended_already_is_not_deferred_for(create, run_task) -> None:
    """The task looks once before it defers."""
    deferrals: list[Any] = []

    result = run_task(create(wait_for_completion=True, deferrable=True), deferrals=deferrals)

    assert deferrals == []
    assert result["status"] == 10


def test_wrong_secret_key_fails_for_good_after_one_request(
    create, connect, emulator, run_task
) -> None:
    """A refused signature is not repeated, and the error names the connection's field."""
    connect(password="wrong-secret-key")

    with pytest.raises(AirflowFailException, match=r"\(password\) of the connection") as caught:
        run_task(create())

    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert "wrong-secret-key" not in str(caught.value)
    assert len(emulator.requests()) == 1


def test_missing_connection_fails_for_good_and_says_how_to_make_it(create, run_task) -> None:
    """An unknown connection id is named together with the environment variable to set."""
    with pytest.raises(AirflowFailException, match="AIRFLOW_CONN_NOWHERE") as caught:
        run_task(create(modelarts_conn_id="nowhere"))

    assert isinstance(caught.value.__cause__, ConfigurationError)
