"""Validation outside a DAG run: the function, files, and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from airflow_provider_modelarts.__main__ import main
from airflow_provider_modelarts.client import Findings, validate_config, validate_file

if TYPE_CHECKING:
    from pathlib import Path


def fields(findings: Findings) -> list[str]:
    """Return the fields of the errors."""
    return [violation.field for violation in findings.errors]


def test_good_config_has_no_findings(config: dict[str, Any]) -> None:
    """For both requests; the version's predecessor may be left to the operator."""
    assert validate_config(config) == Findings()
    assert validate_config(config | {"pre_version_id": 7}, kind="version") == Findings()
    assert validate_config(config, kind="version") == Findings()


def test_all_errors_come_at_once(config: dict[str, Any]) -> None:
    """As from an operator."""
    wrong = config | {"worker_server_num": 0, "sepc_id": 1, "engine_id": "tf"}

    assert fields(validate_config(wrong)) == [
        "config.worker_server_num",
        "config.engine_id",
        "config.sepc_id",
    ]


def test_kind_decides_about_fields_of_one_request_only(config: dict[str, Any]) -> None:
    """A version takes no create_version, a job no pre_version_id."""
    assert fields(validate_config(config | {"create_version": False}, kind="version")) == [
        "config.create_version"
    ]
    assert fields(validate_config(config | {"pre_version_id": 1})) == ["config.pre_version_id"]


def test_warnings_are_told_apart(config: dict[str, Any]) -> None:
    """What an operator sends all the same is no error."""
    findings = validate_config(config | {"log_url": "/bucket/log"})

    assert not findings.errors
    assert [violation.field for violation in findings.warnings] == ["config.log_url"]


@pytest.mark.parametrize(
    "later",
    [
        {"worker_server_num": "{{ params.workers }}"},
        {"spec_id": "{{ params.spec }}", "engine_id": "{{ params.engine }}"},
        {"create_version": "{% if params.v %}true{% else %}false{% endif %}"},
        {"parameter": "{{ params.parameter }}"},
        {"app_url": "{{ params.code }}"},
        {"boot_file_url": "{{ params.file }}"},
        {"log_url": "{{ params.log }}"},
    ],
    ids=str,
)
def test_value_that_is_rendered_later_is_not_judged(
    config: dict[str, Any], later: dict[str, Any]
) -> None:
    """A Jinja expression may still become anything."""
    assert validate_config(config | later) == Findings()


def test_what_stands_beside_a_rendered_value_is_judged(config: dict[str, Any]) -> None:
    """Only the expression itself is spared."""
    mixed = config | {"spec_id": "{{ params.spec }}", "worker_server_num": "many"}

    assert fields(validate_config(mixed)) == ["config.worker_server_num"]


def test_names_of_flavor_and_engine_are_not_judged(config: dict[str, Any]) -> None:
    """Only the service knows them; what cannot be a name is an error."""
    named = {"spec_id": "modelarts.vm.cpu.8u", "engine_id": "TensorFlow/TF-1.13.1-python3.6"}

    assert validate_config(config | named) == Findings()
    assert fields(validate_config(config | {"engine_id": "TensorFlow"})) == ["config.engine_id"]


@pytest.mark.parametrize("odd", [None, [], "text", 7], ids=str)
def test_something_else_than_a_mapping_is_an_error(odd: Any) -> None:
    """Not a crash."""
    assert fields(validate_config(odd)) == ["config"]


def test_unknown_kind_is_refused(config: dict[str, Any]) -> None:
    """That is the caller's mistake, not the config's."""
    with pytest.raises(ValueError, match="'model'.*'job', 'version'"):
        validate_config(config, kind="model")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "dump"), [("a.json", json.dumps), ("a.yaml", yaml.safe_dump), ("a.yml", yaml.dump)]
)
def test_file_may_hold_the_config_or_a_whole_request(
    tmp_path: Path, config: dict[str, Any], name: str, dump: Any
) -> None:
    """As JSON or YAML."""
    path = tmp_path / name
    wrong = config | {"worker_server_num": "many"}

    path.write_text(dump(wrong))
    assert fields(validate_file(path)) == ["config.worker_server_num"]
    path.write_text(dump({"job_name": "job", "config": wrong}))
    assert fields(validate_file(path)) == ["config.worker_server_num"]


def test_version_is_told_by_its_predecessor(tmp_path: Path, config: dict[str, Any]) -> None:
    """Unless the kind is given."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(config | {"pre_version_id": 1}))

    assert validate_file(path) == Findings()
    assert fields(validate_file(path, kind="job")) == ["config.pre_version_id"]


@pytest.mark.parametrize("content", ['{"spec_id": {{ params.spec }}}', "a: [", "\t- x: 1: 2"])
def test_file_that_is_neither_json_nor_yaml_is_an_error(tmp_path: Path, content: str) -> None:
    """With what to do."""
    path = tmp_path / "a.yaml"
    path.write_text(content)

    (violation,) = validate_file(path).errors
    assert "a.yaml" in violation.value
    assert "quotes" in violation.remedy


def test_command_prints_findings_and_fails_on_errors(
    tmp_path: Path, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each, with the file first."""
    good, wrong = tmp_path / "good.json", tmp_path / "wrong.json"
    good.write_text(json.dumps(config | {"log_url": "/bucket/log"}))
    wrong.write_text(json.dumps(config | {"worker_server_num": "many"}))

    assert main(["validate", str(good)]) == 0
    assert main(["validate", str(good), str(wrong), str(tmp_path / "absent.json")]) == 1

    out, err = capsys.readouterr()
    assert f"{good}: warning: config.log_url = '/bucket/log'" in out
    assert f"{wrong}: error: config.worker_server_num = 'many'" in out
    assert "absent.json" in out
    assert err.splitlines()[-1] == "files: 3, errors: 2, warnings: 1"


def test_command_needs_no_airflow(tmp_path: Path, config: dict[str, Any]) -> None:
    """It runs wherever the package is installed, in a second."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(config))
    code = (
        "import runpy, sys; sys.modules['airflow'] = None; sys.argv[1:] = ['validate', sys.argv[1]]\n"
        "runpy.run_module('airflow_provider_modelarts', run_name='__main__')"
    )

    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("spec_id: 1\nspec_id: 2", "line 2, column 1: key 'spec_id' stands twice"),
        ('{"spec_id": 1,\n "spec_id": 2}', "line 2, column 2: key 'spec_id' stands twice"),
        ("spec_id: [", "line 1, column 11"),
        ("[" * 5000, "nested too deeply"),
    ],
    ids=["yaml", "json", "open", "deep"],
)
def test_mistake_in_a_file_is_named_with_its_place(
    tmp_path: Path, content: str, place: str
) -> None:
    """As an operator names it."""
    path = tmp_path / "a.yaml"
    path.write_text(content)

    (violation,) = validate_file(path).errors
    assert place in violation.rule


def test_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    """Not a crash."""
    path = tmp_path / "a.json"
    path.write_bytes(b"\xff\xfe")

    (violation,) = validate_file(path).errors
    assert "UTF-8" in violation.rule


def test_yaml_means_what_it_says(tmp_path: Path, config: dict[str, Any]) -> None:
    """The same reader as that of the operators."""
    path = tmp_path / "a.yaml"
    lines = "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items())
    path.write_text(f"{lines}pool_id: NO\nparameter: {{no: on, at: 12:30:45, day: 2026-01-01}}\n")

    assert not validate_file(path).errors
