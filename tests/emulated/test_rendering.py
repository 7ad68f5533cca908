"""Texts stay as they are written, with and without native rendering; paths are read where files are meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_modelarts.operators.job_details import (
    ListTrainingJobsOperator,
    UpdateTrainingJobOperator,
)
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from airflow_provider_modelarts.sensors.training_job import TrainingJobSensor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ODD = ["1.10", "0x10", "1_000", "20231023", "012", "[1]", "None", "True", "'quoted'", "{1}", "a\n"]


def dag(**options: Any) -> DAG:
    """Return a DAG of these options."""
    return DAG("test", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), **options)


@pytest.fixture(params=[True, False], ids=["native", "text"])
def create(request: Any, client: Any, config: dict[str, Any], tmp_path: Path) -> Callable[..., Any]:
    """Return a function that makes an operator for a valid job, in a DAG of either rendering."""

    def make(change: dict[str, Any] | None = None, **kwargs: Any) -> CreateTrainingJobOperator:
        own = dag(render_template_as_native_obj=request.param, template_searchpath=str(tmp_path))
        defaults = {"task_id": "create", "job_name": "job", "config": config | (change or {})}
        task = CreateTrainingJobOperator(**{**defaults, **kwargs}, dag=own)
        task.resolve_template_files()
        return task

    return make


@pytest.fixture
def sent(emulator: Any) -> Callable[[], dict[str, Any]]:
    """Return a function that reads the body of the only creation."""

    def body() -> dict[str, Any]:
        (request,) = emulator.requests("create_training_job")
        found: dict[str, Any] = json.loads(request.body)
        return found

    return body


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize(
    "template", ["{}", "{{{{ params.x }}}}", "{{{{ params.x[:1] }}}}{{{{ params.x[1:] }}}}"]
)
def test_text_arrives_as_written(create, sent, run_task, text: str, template: str) -> None:
    """Whether it is a template or none, of one expression or two."""
    written = template.format(text)

    run_task(create({"parameter": {"x": written}}, job_desc=written), params={"x": text})

    assert sent()["config"]["parameter"] == [{"label": "x", "value": text}]
    assert sent()["job_desc"] == text


@pytest.mark.parametrize("name", ["20231023", "{{ params.day }}", "{{ params.number }}"])
def test_name_may_be_all_digits(create, sent, run_task, name: str) -> None:
    """Also where the template's value is a number."""
    run_task(create(job_name=name), params={"day": "20231023", "number": 20231023})

    assert sent()["job_name"] == "20231023"


def test_numbers_of_a_config_are_those_of_the_template(create, sent, run_task) -> None:
    """Ids and counts become numbers, texts the text that the template writes."""
    change = {
        "worker_server_num": "{{ params.n }}",
        "train_url": "/bucket/{{ params.n }}/",
        "parameter": {"n": "{{ params.n }}", "lr": "{{ params.lr }}"},
    }

    run_task(create(change), params={"n": 2, "lr": 0.1})

    config = sent()["config"]
    assert config["worker_server_num"] == 2
    assert config["train_url"] == "/bucket/2/"
    assert [pair["value"] for pair in config["parameter"]] == ["2", "0.1"]


@pytest.mark.parametrize("filtered", ["", " | tojson"])
def test_whole_config_may_be_one_expression(create, sent, run_task, config, filtered: str) -> None:
    """Natively it is a mapping, as text Python's own form or JSON; null and true keep their meaning."""
    given = config | {"create_version": True, "parameter": {"none": "None", "x": 'it\'s "1.10"'}}

    run_task(
        create(
            config=f"{{{{ params.config{filtered} }}}}", extra_config="{{ params.extra | tojson }}"
        ),
        params={"config": given, "extra": {"newer": None, "n": 5}},
    )

    body = sent()["config"]
    assert body["create_version"] is True
    assert [pair["value"] for pair in body["parameter"]] == ["None", 'it\'s "1.10"']
    assert body["newer"] is None
    assert body["n"] == 5


def test_unset_option_of_a_rendered_config_is_named(create, run_task, config) -> None:
    """None is null and not the text 'None'."""
    task = create(config="{{ params.config }}")

    with pytest.raises(
        AirflowFailException, match=r"config.log_url = None: neither null .* \(R26\)"
    ):
        run_task(task, params={"config": config | {"log_url": None}})


@pytest.mark.parametrize("field", ["parameter", "data_source", "volumes"])
def test_list_inside_a_config_may_be_one_expression(
    create, sent, run_task, config, field: str
) -> None:
    """Rendered to text it is read again."""
    value = {
        "parameter": {"a": "1.10"},
        "data_source": [{"type": "obs", "data_url": "/b/d/"}],
        "volumes": [{"nfs": {"id": "1", "src_path": "a:/", "dest_path": "/b", "read_only": True}}],
    }[field]
    if field == "data_source":
        del config["data_url"]

    run_task(create({field: "{{ params.value }}"}), params={"value": value})

    expected = [{"label": "a", "value": "1.10"}] if field == "parameter" else value
    assert sent()["config"][field] == expected


def test_value_that_json_does_not_have_is_refused_with_what_works(create, run_task, config) -> None:
    """A date in a mapping has no form that could be guessed; quoted it goes."""
    task = create({"parameter": "{{ params.value }}"})
    day = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(AirflowFailException, match="config.parameter"):
        run_task(task, params={"value": {"day": day}})


def test_extra_config_keeps_numbers_of_native_templates(client, sent, run_task, config) -> None:
    """Nothing else tells their type there."""
    task = CreateTrainingJobOperator(
        task_id="create",
        job_name="job",
        config=config,
        extra_config={
            "n": "{{ params.n }}",
            "text": "{{ params.text }}",
            "flag": "{{ params.flag }}",
        },
        dag=dag(render_template_as_native_obj=True),
    )

    run_task(task, params={"n": 5, "text": "1.10", "flag": True})

    assert {"n": 5, "text": "1.10", "flag": True}.items() <= sent()["config"].items()


def test_undefined_variable_is_an_error_of_the_template(create, run_task) -> None:
    """Natively Airflow would hand the undefined value on."""
    with pytest.raises(jinja2.UndefinedError, match="nope"):
        run_task(create(job_name="{{ nope }}"))


def test_ids_and_descriptions_of_other_operators_stay_texts(
    client, emulator, run_task, completed_job
) -> None:
    """The base of all operators and sensors renders, not one of them."""
    params = {"job": completed_job.job_id, "version": str(completed_job.version_id), "text": "1.10"}
    native: dict[str, Any] = {"render_template_as_native_obj": True}

    run_task(
        UpdateTrainingJobOperator(
            task_id="u", job_id="{{ params.job }}", job_desc="{{ params.text }}", dag=dag(**native)
        ),
        params=params,
    )
    rows = run_task(
        ListTrainingJobsOperator(
            task_id="l", search_content="{{ 'jo' }}b", status="{{ params.none }}", dag=dag(**native)
        ),
        params=params | {"none": None},
    )
    result = run_task(
        TrainingJobSensor(
            task_id="s",
            job_id="{{ params.job }}",
            version_id="{{ params.version }}",
            dag=dag(**native),
        ),
        params=params,
    )

    assert rows[0]["job_desc"] == "1.10"
    assert result["job_id"] == completed_job.job_id


# ---- files


def test_only_config_and_its_kin_are_files(create, sent, run_task, config, tmp_path: Path) -> None:
    """A description that ends like a path is a description."""
    (tmp_path / "notes.json").write_text('{"worker_server_num": 7}')
    (tmp_path / "extra.yaml").write_text("newer: {{ params.n }}\nversion: 1.10\n")
    (tmp_path / "config.yaml").write_text(json.dumps(config | {"parameter": {"f": "notes.json"}}))

    run_task(
        create(config="config.yaml", extra_config="extra.yaml", job_desc="notes.json"),
        params={"n": 5},
    )

    body = sent()
    assert body["job_desc"] == "notes.json"
    assert body["config"]["parameter"] == [{"label": "f", "value": "notes.json"}]
    assert body["config"]["newer"] == 5
    assert body["config"]["version"] == 1.1


def test_yaml_means_what_it_says(create, sent, run_task, config, tmp_path: Path) -> None:
    """Texts that YAML 1.1 takes for flags, times, octal numbers and dates."""
    written = {
        "a": "NO",
        "b": "on",
        "c": "12:30:45",
        "d": "012",
        "e": "2026-01-01",
        "f": "1.10",
        "g": "1e-5",
    }
    lines = "".join(f"  {key}: {value}\n" for key, value in written.items())
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items())
    (tmp_path / "config.yaml").write_text(f"{text}parameter:\n{lines}pool_id: 12e45\n")

    run_task(create(config="config.yaml"))

    body = sent()["config"]
    assert {pair["label"]: pair["value"] for pair in body["parameter"]} == written
    assert body["pool_id"] == "12e45"


@pytest.mark.parametrize("field", ["config", "extra_config"])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: [\n", "line 3, column 1"),
        ('{"a": 1,\n "b" 2}', "line 2, column 6"),
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: key 'a' stands twice"),
        ('{"a": 1,\n "a": 2}', "line 2, column 2: key 'a' stands twice"),
        ("{'a': datetime.date(2026, 1, 1)}", "a mapping with a datetime.date in it"),
        ("a: " + "[" * 5000, "nested too deeply"),
    ],
    ids=["yaml", "json", "yaml twice", "json twice", "python", "deep"],
)
def test_mistake_in_a_file_is_named_with_its_place(
    create, run_task, tmp_path: Path, field: str, text: str, place: str
) -> None:
    """With line and column where there are some."""
    (tmp_path / "file.yaml").write_text(text)

    with pytest.raises(AirflowFailException, match=f"{field} = a text .*{place}"):
        run_task(create(**{field: "file.yaml"}))


@pytest.mark.parametrize("field", ["config", "extra_config"])
@pytest.mark.parametrize("path", ["nowhere.yaml", "{{ params.path }}"])
def test_path_that_cannot_be_read_is_refused_with_what_works(
    create, run_task, sent, config, tmp_path: Path, field: str, path: str
) -> None:
    """A file that is not there, and a path that is known only once it is rendered."""
    with pytest.raises(
        AirflowFailException, match=f"{field} = 'nowhere.yaml'.*without an expression"
    ):
        run_task(create(**{field: path}), params={"path": "nowhere.yaml"})

    (tmp_path / "nowhere.yaml").write_text(json.dumps(config))
    run_task(create(**{field: "nowhere.yaml"}))
    assert sent()["config"]["spec_id"] == 1


def test_file_of_a_mapped_task_is_read_when_it_runs(
    client, sent, run_task, config, tmp_path
) -> None:
    """Airflow resolves no files of a mapped operator while it parses."""
    (tmp_path / "config.yaml").write_text(
        json.dumps(config | {"worker_server_num": "{{ params.n }}"})
    )
    own = dag(template_searchpath=str(tmp_path))
    task = CreateTrainingJobOperator(
        task_id="create", job_name="job", config="config.yaml", dag=own
    )

    run_task(task, params={"n": 3})  # no resolve_template_files

    assert sent()["config"]["worker_server_num"] == 3


# ---- what is there, and what is not


def test_field_in_extra_config_only_is_not_missing(create, sent, run_task, config) -> None:
    """The rules are about what is sent, not about where it is written."""
    del config["spec_id"], config["data_url"], config["train_url"]
    extra = {"spec_id": 1, "data_url": "/bucket/data/", "train_url": "/bucket/out/"}

    run_task(create(extra_config=extra))

    assert sent()["config"] == config | extra


def test_training_without_output_is_warned_about(create, run_task, logged, config) -> None:
    """It would be green here and fail at the service."""
    del config["train_url"]

    run_task(create())

    assert "config.train_url = missing: expected for a training" in logged()
