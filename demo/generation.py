"""What differs between Airflow 2.11 and Airflow 3: one object says it, all else is the same."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import metadata
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from demo.airflow_api import AirflowApi
    from demo.settings import Credentials, Settings


class Generation(ABC):
    """One generation of Airflow."""

    web: ClassVar[str]
    """The command that serves API and pages."""
    api: ClassVar[type[AirflowApi]]
    components: ClassVar[tuple[str, ...]]
    """The commands that together are an Airflow, in the order in which they are started."""
    in_titles: ClassVar[str]
    """SQL for what stands in the title of a process that runs a task instance, by columns of its table."""

    @abstractmethod
    def settings(self, home: Path, port: int, credentials: Credentials) -> Settings:
        """Return the settings that other generations do not have."""

    @abstractmethod
    def prepare(self, home: Path, credentials: Credentials) -> Sequence[Sequence[str]]:
        """Write what Airflow reads besides its settings.

        :return: commands to run once the database is there.
        """


def installed_version() -> tuple[int, int]:
    """Return major and minor version of the Airflow that is installed."""
    major, minor = metadata.version("apache-airflow").split(".")[:2]
    return int(major), int(minor)


def installed() -> Generation:
    """Return the generation that is installed."""
    from demo.airflow2 import Airflow2
    from demo.airflow3 import Airflow3

    return Airflow2() if installed_version()[0] == 2 else Airflow3()
