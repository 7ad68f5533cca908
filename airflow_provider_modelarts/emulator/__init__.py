"""A local stand-in for ModelArts (API v1) and IAM that really runs training jobs.

For trying DAGs without an account and for tests. It shares no code with the client on purpose: a
wrong reading of the vendor's documentation cannot pass on both sides. Importing this package is
light; the HTTP stack is loaded when :class:`Emulator` is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.api import Emulator, Job, Version
    from airflow_provider_modelarts.emulator.recorder import RecordedRequest
    from airflow_provider_modelarts.emulator.settings import Identity

__all__ = ["Emulator", "Identity", "Job", "RecordedRequest", "Version"]

_HOMES = {
    "Emulator": "api",
    "Job": "api",
    "Version": "api",
    "RecordedRequest": "recorder",
    "Identity": "settings",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
