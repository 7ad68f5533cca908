"""The example DAGs in a real Airflow: scheduler, triggerer, API server, and a training that really trains."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from demo.follow import Observed, follow
from demo.stack import Stack

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

DAG_ID = "train_and_refine"
SECOND_DAG_ID = "saved_set_and_board"
COMPLETED = 10
# Only a hang runs into it: the run takes about a minute on an idle two-core machine.
RUN_TIMEOUT = 900
# What a request that was logged whole would show, beside the keys themselves.
FORBIDDEN = ("Signature=", "X-Auth-Token", "X-Subject-Token")


@dataclass
class Finished:
    """What one run left behind, collected before and after Airflow was stopped."""

    stack: Stack
    observed: Observed
    jobs: list[dict[str, Any]]
    table: Any
    task_logs: dict[str, str]
    trigger_rows: list[str]
    leftovers: list[int]
    second: Observed | None = None


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Run the example DAG once, from nothing to nothing."""
    trigger_rows: list[str] = []
    with Stack(tmp_path_factory.mktemp("stack"), progress=print) as stack:
        stack.wait_for_dag(DAG_ID)
        run_id = stack.api.trigger(DAG_ID)

        def say(line: str) -> None:
            print(line)  # noqa: T201 - pytest shows it when a test fails
            # Airflow deletes a trigger's row once it has fired, so it is read while the task waits.
            trigger_rows.extend(str(row) for row in stack.database.rows("SELECT * FROM trigger"))

        observed = follow(stack, DAG_ID, run_id, timeout=RUN_TIMEOUT, say=say)
        result = Finished(
            stack=stack,
            observed=observed,
            jobs=stack.emulator_call("/_emulator/jobs")["jobs"],
            table=stack.api.xcom(DAG_ID, run_id, "compare"),
            task_logs=_texts_below(stack.home / "logs"),
            trigger_rows=trigger_rows,
            leftovers=[],
        )
        second_id = stack.api.trigger(SECOND_DAG_ID)
        result.second = follow(stack, SECOND_DAG_ID, second_id, timeout=RUN_TIMEOUT, say=print)
        result.task_logs = _texts_below(stack.home / "logs")
    result.leftovers = stack.leftovers()
    return result


def test_run_succeeds_with_every_task_successful(finished: Finished) -> None:
    """The DAG does what its page promises, at the first go."""
    states = {task.task_id: task.state for task in finished.observed.tasks.values()}

    assert (finished.observed.state, set(states.values())) == ("success", {"success"}), _explain(
        finished
    )
    assert len(states) == 7


def test_one_job_has_two_completed_versions(finished: Finished) -> None:
    """The service saw one job, refined once; nothing was submitted twice."""
    assert len(finished.jobs) == 1, finished.jobs
    versions = finished.jobs[0]["versions"]

    assert [version["status"] for version in versions] == [COMPLETED, COMPLETED]
    assert versions[1]["pre_version_id"] == versions[0]["version_id"]


def test_second_version_changes_only_learning_rate_and_output(finished: Finished) -> None:
    """``inherit_config`` takes over the rest from the first version."""
    first, second = (version["config"] for version in finished.jobs[0]["versions"])
    ours = ("app_url", "boot_file_url", "data_url", "log_url", "spec_id", "engine_id")

    assert {key: first[key] for key in ours} == {key: second[key] for key in ours}
    assert first["train_url"] != second["train_url"]
    changed = {
        label for label, value in _parameters(first).items() if _parameters(second)[label] != value
    }
    assert changed == {"learning_rate"}


def test_refined_version_is_better(finished: Finished) -> None:
    """The table compares two real trainings, and the parameter chosen from the first one helped."""
    first, second = finished.table["versions"]

    assert second["accuracy"] > first["accuracy"]
    assert "best V0002" in finished.table["table"]


@pytest.mark.parametrize("task_id", ["wait_for_training", "wait_for_refined"])
def test_sensor_waits_deferred_without_worker_process(finished: Finished, task_id: str) -> None:
    """While the database says ``deferred``, no process runs for the task; running ones are seen."""
    assert finished.observed.deferrals[task_id] == 0
    assert max(finished.observed.busiest.values()) > 0


def test_no_credential_in_logs_database_or_triggers(finished: Finished) -> None:
    """Neither key nor signature reached a log, an XCom, a rendered template or a trigger's row."""
    database = finished.stack.database
    kept = {
        f"table {table}": "\n".join(map(str, database.rows(f"SELECT * FROM {table}")))
        for table in ("xcom", "rendered_task_instance_fields", "trigger", "task_instance")
    }
    process_logs = _texts_below(finished.stack.logs)
    everything = {**kept, **finished.task_logs, **process_logs}
    everything["trigger rows while waiting"] = "\n".join(finished.trigger_rows)

    assert "TrainingJobTrigger" in everything["trigger rows while waiting"]
    assert "job_id" in kept["table xcom"]
    assert finished.task_logs
    connection = finished.stack.emulator_connection
    keys = (connection["password"], connection["extra"]["emulator_token"])
    # The emulator prints the connection it can be reached with, which is no log of Airflow.
    leaks = [
        (place, word)
        for place, text in everything.items()
        for word in (*FORBIDDEN, *keys)
        if word in text and not place.endswith("emulator.log")
    ]
    assert leaks == []


def test_other_operators_work_together(finished: Finished) -> None:
    """A saved set, a built-in algorithm, its log, and a visualization job over its output."""
    assert finished.second is not None
    states = {task.task_id: task.state for task in finished.second.tasks.values()}

    names = {"save", "train", "show_log", "board", "ready", "stop"}
    assert states == dict.fromkeys(names, "success"), _explain(finished)


def test_nothing_is_left_running(finished: Finished) -> None:
    """No process and no listener outlives the stack."""
    assert finished.leftovers == []
    for url in (finished.stack.api.url, finished.stack.emulator_url):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", urlsplit(url).port or 0)) != 0


def _explain(finished: Finished) -> str:
    return json.dumps(finished.task_logs, indent=1)[-20_000:]


def _parameters(config: dict[str, Any]) -> dict[str, str]:
    return {item["label"]: item["value"] for item in config["parameter"]}


def _texts_below(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
