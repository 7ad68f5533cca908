"""Our provider and the others, each of those in a virtual environment of its own below ``.bench/``."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

REPO: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = REPO / ".bench"
AIRFLOW: Final = metadata.version("apache-airflow")


class NotInstalledError(RuntimeError):
    """A provider cannot be had; the message says why."""


@dataclass(frozen=True)
class Provider:
    """A provider.

    :param title: what the tables call it.
    :param requirement: what to install; empty: it is ours, and installed.
    :param modules: those with operator, sensor and trigger for trainings, as far as it has them.
    """

    title: str
    requirement: str
    modules: tuple[str, ...]

    @property
    def version(self) -> str:
        """Distribution and version."""
        if not self.requirement:
            return f"airflow-provider-modelarts {metadata.version('airflow-provider-modelarts')}"
        return re.sub(r"\[.*?\]", "", self.requirement).replace("==", " ")

    def python(self) -> Path:
        """Return its interpreter, after installing the provider where it is not there yet.

        :raises NotInstalledError: it cannot be installed beside this Airflow.
        """
        if not self.requirement:
            return Path(sys.executable)
        folder = FOLDER / self.title.partition(" ")[0].lower()
        stamp = folder / "installed"
        wanted = f"apache-airflow=={AIRFLOW} {self.requirement}"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, wanted.split())
            stamp.write_text(wanted, encoding="utf-8")
        return folder / "bin" / "python"


OURS: Final = Provider(
    "ours",
    "",
    (
        "airflow_provider_modelarts.operators.training_job",
        "airflow_provider_modelarts.sensors.training_job",
        "airflow_provider_modelarts.triggers.training_job",
    ),
)
SAGEMAKER: Final = Provider(
    "SageMaker (Amazon)",
    "apache-airflow-providers-amazon[aiobotocore]==9.39.0",
    (
        "airflow.providers.amazon.aws.operators.sagemaker",
        "airflow.providers.amazon.aws.sensors.sagemaker",
        "airflow.providers.amazon.aws.triggers.sagemaker",
    ),
)
DATABRICKS: Final = Provider(
    "Databricks",
    "apache-airflow-providers-databricks==7.23.0",
    (
        "airflow.providers.databricks.operators.databricks",
        "airflow.providers.databricks.sensors.databricks",
        "airflow.providers.databricks.triggers.databricks",
    ),
)
VERTEX: Final = Provider(
    "Vertex AI (Google)",
    "apache-airflow-providers-google==22.8.0",
    (  # it has no sensor for trainings
        "airflow.providers.google.cloud.operators.vertex_ai.custom_job",
        "airflow.providers.google.cloud.triggers.vertex_ai",
    ),
)
OVHCLOUD: Final = Provider(
    "OVHcloud AI Training",
    "apache-airflow-provider-ovhcloud-ai==1.0.0",
    ("apache_airflow_provider_ovhcloud_ai.operators.ai_training",),  # neither sensor nor trigger
)
HUAWEI: Final = Provider(
    "Huawei ModelArts",
    "apache-airflow-providers-huawei==1.7.0",
    (  # it has no trigger for trainings
        "airflow.providers.huawei.cloud.operators.modelarts",
        "airflow.providers.huawei.cloud.sensors.modelarts",
    ),
)
ALL: Final = (OURS, SAGEMAKER, DATABRICKS, VERTEX, OVHCLOUD, HUAWEI)


def _install(folder: Path, packages: list[str]) -> None:
    """Install by uv if it can; it reads no pip configuration, so where only pip knows the way pip does it."""
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is not None:
        _run([uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(folder)])
        with contextlib.suppress(NotInstalledError):
            _run([uv, "pip", "install", "--quiet", "--python", python, *packages])
            return
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
    _run([python, "-m", "pip", "install", "--quiet", *packages])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())
        message = f"cannot be installed: {words[-300:]}"
        raise NotInstalledError(message)
