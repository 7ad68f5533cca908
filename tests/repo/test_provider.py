"""The provider as Airflow sees it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from typing import TYPE_CHECKING

import jsonschema
import pytest

from airflow_provider_modelarts import client
from airflow_provider_modelarts.get_provider_info import (
    CONN_FIELDS,
    REQUIRED,
    UI_FIELD_BEHAVIOUR,
    get_provider_info,
)
from airflow_provider_modelarts.hooks.fields import named
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC = {
    "airflow_provider_modelarts.hooks.modelarts": ["ModelArtsHook", "reset_caches"],
    "airflow_provider_modelarts.operators.training_job": [
        "CreateTrainingJobOperator",
        "CreateJobVersionOperator",
        "StopJobVersionOperator",
        "DeleteJobVersionOperator",
        "DeleteTrainingJobOperator",
    ],
    "airflow_provider_modelarts.sensors.training_job": ["TrainingJobSensor"],
    "airflow_provider_modelarts.triggers.training_job": ["TrainingJobTrigger"],
    "airflow_provider_modelarts.client": ["ModelArtsClient", "JobStatus", *client.__all__],
    "airflow_provider_modelarts.auth.signing": ["sign"],
    "airflow_provider_modelarts.emulator": ["Emulator"],
}


def test_entry_point_gives_the_provider_info() -> None:
    """Airflow finds the provider by its entry point."""
    (point,) = [
        p
        for p in entry_points(group="apache_airflow_provider")
        if p.value.startswith("airflow_provider_modelarts.")
    ]

    assert point.load()() == get_provider_info()


def test_provider_info_fits_the_schema_of_this_airflow() -> None:
    """The metadata is valid for the Airflow that is installed."""
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())

    jsonschema.validate(get_provider_info(), schema)


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_importable(module: str) -> None:
    """Each name of the public interface is where it is documented."""
    loaded = import_module(module)

    for name in PUBLIC[module]:
        assert hasattr(loaded, name)


@pytest.mark.parametrize("kind", ["hooks", "operators", "sensors", "triggers"])
def test_listed_modules_exist(kind: str) -> None:
    """Every module that the metadata lists can be imported."""
    for entry in get_provider_info()[kind]:
        for module in entry["python-modules"]:
            import_module(module)


def test_airflow_registers_the_listener() -> None:
    """Airflow, as it is started, finds the plugin and calls its listener."""
    code = (
        "from airflow.listeners.listener import get_listener_manager\n"
        "for called in get_listener_manager().hook.on_task_instance_failed.get_hookimpls():\n"
        "    print(type(called.plugin).__module__)"
    )
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True
    )

    assert "airflow_provider_modelarts.listener" in run.stdout.split()


def test_secret_fields_have_names_that_airflow_masks() -> None:
    """Airflow masks extras by their name, so a secret must be called one."""
    assert [name for name in CONN_FIELDS if "token" in name] == ["security_token"]


def test_no_choice_of_the_form_is_called_null() -> None:
    """The form shows each member of an enum by its name; leaving it empty is the cross's business."""
    for field in CONN_FIELDS.values():
        choices = field["schema"].get("enum", [])
        assert None not in choices
        assert set(field["schema"].get("values_display", choices)) == set(choices)


def test_form_marks_what_is_required() -> None:
    """Airflow marks, and insists on, what may not be null; we mark what only nearly all connections need."""
    insists = {name for name, field in CONN_FIELDS.items() if "null" not in field["schema"]["type"]}
    extras = {name for name, field in CONN_FIELDS.items() if field["label"].endswith(REQUIRED)}
    labels = UI_FIELD_BEHAVIOUR["relabeling"].items()
    fields = {name for name, label in labels if label.endswith(REQUIRED)}

    assert insists == {"auth_type"}
    assert all("default" in CONN_FIELDS[name]["schema"] for name in insists)
    assert (extras, fields) == ({"project_id"}, {"login", "password"})


def test_port_is_in_the_form() -> None:
    """A saved connection whose port is empty cannot be tested: the button of Airflow 3.3 sends 0 for it."""
    assert "port" not in UI_FIELD_BEHAVIOUR["hidden-fields"]
    assert "port" in UI_FIELD_BEHAVIOUR["placeholders"]


def test_errors_name_the_fields_as_the_form_does(repo: Path) -> None:
    """The client knows no form, so its texts hold the labels themselves; they must be the present ones."""
    package = repo / "airflow_provider_modelarts"
    sources = [path.read_text() for path in package.rglob("*.py") if "emulator" not in path.parts]
    joined = re.sub(r'"\n\s*f?"', "", "\n".join(sources))  # a text that goes on in the next line
    quoted = re.findall(r"'([A-Z][^'\n]*)' \((extra )?([a-z_]+)\)", joined)

    assert {name for _, _, name in quoted} >= {"host", "login", "password", "project_id"}
    for label, extra, name in quoted:
        assert f"'{label}' ({extra}{name})" == named(name)


def test_form_of_older_airflow_hides_secrets() -> None:
    """Airflow before 3.2 shows an extra as it is, unless its field is one for passwords."""
    pytest.importorskip("flask_appbuilder")
    pytest.importorskip("wtforms")

    widgets = ModelArtsHook.get_connection_form_widgets()

    hidden = {
        name for name, field in widgets.items() if field.field_class.__name__ == "PasswordField"
    }
    assert widgets.keys() == CONN_FIELDS.keys()
    assert hidden == {"security_token"}


def test_form_of_older_airflow_comes_from_the_same_data() -> None:
    """The behaviour for Airflow before 3.2 has the keys it wants."""
    behaviour = ModelArtsHook.get_ui_field_behaviour()

    assert behaviour.keys() == {"hidden_fields", "relabeling", "placeholders"}
