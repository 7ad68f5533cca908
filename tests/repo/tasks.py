"""The operators and sensors that Airflow is told about."""

from __future__ import annotations

import inspect
from importlib import import_module

from airflow_provider_modelarts.get_provider_info import get_provider_info


def tasks() -> list[type]:
    """Return every public class of the listed modules that a DAG can use."""
    info = get_provider_info()
    names = [
        name
        for kind in ("operators", "sensors")
        for entry in info[kind]
        for name in entry["python-modules"]
    ]
    return [
        value
        for name in names
        for value in vars(import_module(name)).values()
        if inspect.isclass(value)
        and value.__module__ == name
        and not value.__name__.startswith("_")
    ]
