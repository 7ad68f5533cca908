"""The pages say what the code does."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from airflow_provider_modelarts import exceptions
from airflow_provider_modelarts.get_provider_info import CONN_FIELDS
from tests.repo.tasks import tasks

if TYPE_CHECKING:
    from pathlib import Path

TASKS = tasks()


def test_smallest_dag_of_the_readme_is_the_tested_one(repo: Path) -> None:
    """The code block is the marked part of the example file."""
    example = (repo / "example_dags" / "smallest.py").read_text()
    marked = example.split("# [START smallest]\n")[1].split("# [END smallest]")[0]

    assert f"```python\n{marked}```" in (repo / "README.md").read_text()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.__name__)
def test_every_operator_is_documented_with_every_parameter(repo: Path, task: type) -> None:
    """A parameter that nobody can read about does not exist for a user."""
    page = (repo / "docs" / "operators.md").read_text()
    parameters: set[str] = set()
    for cls in task.__mro__:
        if cls.__module__.startswith("airflow_provider_modelarts"):
            parameters |= {
                name
                for name, parameter in inspect.signature(cls.__init__).parameters.items()
                if parameter.kind is parameter.KEYWORD_ONLY
            }

    assert task.__name__ in page
    assert {name for name in parameters if f"`{name}`" not in page} == set()


def test_every_error_is_documented(repo: Path) -> None:
    """Each class that can leave a task is on the page of errors, and drawn in the module's tree."""
    page = (repo / "docs" / "errors.md").read_text()
    names = {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type) and issubclass(value, exceptions.ModelArtsError)
    }
    parents = {"TransportError", "ModelArtsApiError"}

    assert {name for name in names - parents if f"`{name}`" not in page} == set()
    assert {name for name in names if name not in (exceptions.__doc__ or "")} == set()


def test_every_field_of_the_connection_is_documented(repo: Path) -> None:
    """The form and the page know the same fields."""
    page = (repo / "docs" / "connection.md").read_text()

    assert {name for name in CONN_FIELDS if f"`{name}`" not in page} == set()


def test_every_rule_is_documented(repo: Path) -> None:
    """Each rule that an error can cite is in the table."""
    page = (repo / "docs" / "operators.md").read_text()
    sources = [
        import_module(f"airflow_provider_modelarts.client.{m}")
        for m in ("rules", "findings", "models.saved_config", "models.visualization_job")
    ]
    cited = {
        rule
        for source in sources
        for rule in re.findall(r'"([RSV]\d\d[a-z]?)"', inspect.getsource(source))
    }

    assert len(cited) > 20
    assert {rule for rule in cited if f"| {rule} |" not in page} == set()


def test_links_between_pages_lead_somewhere(repo: Path) -> None:
    """No link of README or docs points to a page that is not there."""
    pages = [*repo.glob("*.md"), *repo.glob("docs/*.md")]
    broken = [
        (page.name, target)
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert broken == []


def test_make_targets_of_the_pages_exist(repo: Path) -> None:
    """Every ``make`` command that a page names is in the Makefile."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (repo / "Makefile").read_text(), re.MULTILINE))
    named = {
        target
        for page in [*repo.glob("*.md"), *repo.glob("docs/*.md")]
        for target in re.findall(
            r"^make ([a-z0-9-]+)|`make ([a-z0-9-]+)`", page.read_text(), re.MULTILINE
        )
    }

    assert {name for pair in named for name in pair if name} - targets == set()
