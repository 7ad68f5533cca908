"""``if_exists="attach"`` takes another's job only for the very training that the task would start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.exceptions import JobNameExistsError
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from tests.emulated.conftest import TaskInstance

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def attach(client: Any, run_task, config: dict[str, Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a task which attaches; fields of ``config`` may be changed."""

    def run(index: int = -1, if_exists: str = "attach", **fields: Any) -> dict[str, Any]:
        settings = {k: v for k, v in {**config, **fields}.items() if v is not None}
        task = CreateTrainingJobOperator(
            task_id="train", job_name="job", config=settings, if_exists=if_exists
        )
        instance = TaskInstance()
        instance.map_index = index
        return run_task(task, ti=instance)

    return run


@pytest.fixture
def refused(attach, emulator) -> Callable[..., str]:
    """Return a function that gives the text of the refusal; nothing is made."""

    def run(**kwargs: Any) -> str:
        before = len(emulator.jobs()[0].versions)
        with pytest.raises(AirflowFailException) as caught:
            attach(**kwargs)
        assert isinstance(caught.value.__cause__, JobNameExistsError)
        assert len(emulator.jobs()[0].versions) == before
        return str(caught.value)

    return run


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"data_url": "/bucket/more/"},
            "data_url is '/bucket/data/' there and '/bucket/more/' here",
        ),
        ({"spec_id": 2}, "spec_id is 1 there and 2 here"),
        ({"log_url": None}, "log_url is '/bucket/logs/' there and not set here"),
        ({"parameter": {"lr": 0.1, "seed": 1}}, "parameter 'lr'; parameter 'seed'"),
        ({"parameter": {}}, "parameter 'lr'"),
        ({"worker_server_num": 2, "train_url": "/b/x/"}, "train_url is '/bucket/out/'"),
    ],
    ids=["input", "flavor", "not set here", "parameters", "parameter not set here", "two"],
)
def test_other_settings_are_refused_and_named(attach, refused, fields, told: str) -> None:
    """A job with other settings is not what the task would train."""
    common = {"log_url": "/bucket/logs/", "parameter": {"lr": 0.2}}
    attach(**common)

    assert told in refused(**common | fields)


def test_sweep_that_shares_a_name_is_refused(attach, refused, emulator) -> None:
    """Each but the first of the mapped tasks learns that the training is another's, and what to do."""
    attach(index=0, parameter={"lr": 0.1})

    for index in (1, 2, 3):
        text = refused(index=index, parameter={"lr": index})
        assert "{{ ti.map_index }}" in text
        assert "attach" not in text
    assert len(emulator.jobs()) == 1


@pytest.mark.parametrize(("index", "advice"), [(0, "ti.map_index"), (-1, "run_id")])
def test_taken_name_gives_advice_that_fits_the_task(
    attach, refused, index: int, advice: str
) -> None:
    """A mapped task needs its index in the name, another the run."""
    attach()

    text = refused(index=index, if_exists="fail")

    assert advice in text
    assert ("'attach' or 'new_version'" in text) == (index < 0)


def test_secrets_are_not_shown(attach, refused, config) -> None:
    """Values of parameters and the command may hold secrets."""
    image = {
        "user_image_url": "host/image:1",
        "app_url": None,
        "boot_file_url": None,
        "engine_id": None,
    }
    attach(**image, parameter={"key": "hush-1"}, user_command="run --key hush-2")

    text = refused(**image, parameter={"key": "hush-3"}, user_command="run --key hush-4")

    assert "user_command" in text
    assert "parameter 'key'" in text
    assert "hush" not in text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"parameter": {"lr": 0.01, "deep": True}},
        {"data_url": None, "data_source": [{"type": "obs", "data_url": "/bucket/data/"}]},
        {
            "spec_id": None,
            "pool_id": "pool1",
            "volumes": [{"host_path": {"src_path": "/a", "dest_path": "/b"}}],
        },
    ],
    ids=["plain", "parameters", "list of inputs", "volumes"],
)
def test_same_settings_are_attached_to(attach, emulator, logged, fields) -> None:
    """Nothing is made, nothing is warned about, and the log says whose training it is."""
    first = attach(**fields)
    logged()

    second = attach(**fields)

    assert second["version_id"] == first["version_id"]
    assert len(emulator.jobs()[0].versions) == 1
    text = logged()
    assert "not this task's own" in text
    assert "compared" not in text


def test_other_list_of_inputs_is_refused(attach, refused) -> None:
    """Lists are compared item by item."""
    source = {"type": "obs", "data_url": "/bucket/data/"}
    attach(data_url=None, data_source=[source])

    text = refused(data_url=None, data_source=[source, {**source, "data_url": "/bucket/more/"}])

    assert "data_source is" in text


def test_setting_that_the_service_does_not_show_is_warned_about(attach, logged) -> None:
    """What cannot be compared is attached to, and the log says so."""
    attach()

    attach(log_url="/bucket/logs/")

    assert "the service does not show log_url" in logged()


def test_job_without_a_version_is_warned_about(client, attach, logged, config) -> None:
    """Nothing of its settings is shown."""
    client.create_training_job({"job_name": "job", "config": config | {"create_version": False}})

    assert attach()["version_id"] is None
    assert "does not show a version of it" in logged()
