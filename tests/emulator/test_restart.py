"""State over restarts: a killed emulator goes on where it was, running jobs included."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_modelarts.emulator import Emulator
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.supervisor import process_start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PASSWORD = "test-password"
# Runs until the test says how to end.
UNTIL_TOLD = """
import os, sys, time
open("up", "a").write(str(os.getpid()) + "\\n")
while not os.path.exists("end"):
    time.sleep(0.02)
sys.exit(int(open("end").read()))
"""


class Process:
    """An emulator as a process of its own, with its own small caller."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.code = folder / "storage" / "bucket" / "code"
        self.code.mkdir(parents=True, exist_ok=True)
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        command = [sys.executable, "-m", "airflow_provider_modelarts.emulator", "--port", "0"]
        where = ["--storage", str(folder / "storage"), "--state", str(folder / "state.sqlite")]
        self.output = (folder / "output").open("ab")
        self.process = subprocess.Popen(
            [*command, *where, "--time-scale", "0", "--ready-file", str(ready), *options],
            stdout=self.output,
            stderr=self.output,
            env={**os.environ, "MODELARTS_EMULATOR_PASSWORD": PASSWORD},
        )
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert self.process.poll() is None, (folder / "output").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        found = json.loads(ready.read_text())
        assert found["pid"] == self.process.pid
        self.url, self.connection = found["url"], found["connection"]
        self.base = f"{self.url}/v1/{self.connection['extra']['project_id']}/training-jobs"
        self.headers: dict[str, str] = {}

    def login(self) -> dict[str, str]:
        """Get a token."""
        user = {
            "name": "emulator-user",
            "password": PASSWORD,
            "domain": {"name": "emulator-domain"},
        }
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"name": "eu-de"}}}}
        reply = requests.post(f"{self.url}/v3/auth/tokens", json=body, timeout=10)
        return {"X-Auth-Token": reply.headers["X-Subject-Token"]}

    def create(self, code: dict[str, Any], name: str = "job") -> tuple[str, str]:
        """Create a job."""
        body = {"job_name": name, "config": code}
        reply = requests.post(self.base, json=body, headers=self.headers, timeout=10).json()
        return reply["job_id"], reply["version_id"]

    def wait(self, ids: tuple[str, str], *statuses: int) -> dict[str, Any]:
        """Read until one of the statuses is seen."""
        deadline = time.monotonic() + 20
        while True:
            url = f"{self.base}/{ids[0]}/versions/{ids[1]}"
            found: dict[str, Any] = requests.get(url, headers=self.headers, timeout=10).json()
            if found["status"] in statuses:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.output.close()
        return code

    def supervisor(self, ids: tuple[str, str]) -> dict[str, Any]:
        """Return who watches over a run, once it has shown up."""
        path = self.folder / "state.sqlite.runs" / ids[1] / "supervisor.json"
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        found: dict[str, Any] = json.loads(path.read_text())
        return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Return a starter of emulator processes that share one state."""
    made: list[Process] = []

    def starter(*options: str) -> Process:
        made.append(Process(tmp_path, *options))
        return made[-1]

    yield starter
    for found in made:
        if found.process.poll() is None:
            headers = {"X-Emulator-Token": found.connection["extra"]["emulator_token"]}
            requests.post(f"{found.url}/_emulator/reset", headers=headers, timeout=20)
            found.end(signal.SIGKILL)


@pytest.mark.parametrize(("told", "status"), [("0", 10), ("3", 11)])
def test_job_runs_on_while_the_emulator_is_killed(
    start: Any, code: Any, told: str, status: int
) -> None:
    """A job started before a SIGKILL runs once, goes on, and its exit code is seen by the next emulator."""
    first = start()
    first.headers = first.login()
    (first.code / "train.py").write_text(UNTIL_TOLD)
    ids = first.create(code)
    first.wait(ids, 8)
    first.end(signal.SIGKILL)
    second = start()
    second.headers = first.headers

    before = second.wait(ids, 8)
    (first.code / "end").write_text(told)
    after = second.wait(ids, 10, 11)

    assert before["start_time"] == after["start_time"]
    assert after["status"] == status
    assert len((first.code / "up").read_text().split()) == 1


def test_job_that_ends_while_no_emulator_runs(start: Any, code: Any) -> None:
    """The exit code of a job that ended in between is seen, with the time of its end."""
    first = start()
    first.headers = first.login()
    (first.code / "train.py").write_text(UNTIL_TOLD)
    ids = first.create(code)
    first.wait(ids, 8)
    claim = first.supervisor(ids)
    first.end(signal.SIGKILL)
    (first.code / "end").write_text("0")
    wait_until_gone(claim)
    ended = time.time()
    time.sleep(0.3)
    second = start()
    second.headers = first.headers

    found = second.wait(ids, 10)

    assert found["start_time"] + found["duration"] <= (ended + 0.2) * 1000


def wait_until_gone(claim: dict[str, Any]) -> None:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 10
    while process_start(claim["pid"]) == claim["start"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_job_whose_watcher_died_too_is_lost(start: Any, code: Any) -> None:
    """When emulator and watcher both were killed, the version is lost, and its code is ended."""
    first = start()
    first.headers = first.login()
    (first.code / "train.py").write_text(UNTIL_TOLD)
    ids = first.create(code)
    first.wait(ids, 8)
    deadline = time.monotonic() + 10
    while not ((first.code / "up").exists() and (first.code / "up").read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    worker = int((first.code / "up").read_text())
    began = process_start(worker)
    claim = first.supervisor(ids)
    first.end(signal.SIGKILL)
    os.kill(claim["pid"], signal.SIGKILL)
    second = start()
    second.headers = first.headers

    assert second.wait(ids, 14)["status"] == 14
    assert began is not None
    wait_until_gone({"pid": worker, "start": began})


def test_stop_reaches_a_job_of_an_earlier_emulator(start: Any, code: Any) -> None:
    """A job taken over after a restart can be stopped."""
    first = start()
    first.headers = first.login()
    (first.code / "train.py").write_text(UNTIL_TOLD)
    ids = first.create(code)
    first.wait(ids, 8)
    claim = first.supervisor(ids)
    first.end(signal.SIGTERM)
    second = start()
    url = f"{second.base}/{ids[0]}/versions/{ids[1]}/stop"
    second.headers = first.headers

    assert process_start(claim["pid"]) == claim["start"]
    reply = requests.post(url, headers=second.headers, timeout=10)
    assert reply.json() == {"is_success": True}
    assert second.wait(ids, 12)["status"] == 12


def test_stop_jobs_on_exit(start: Any, code: Any) -> None:
    """With the flag, a graceful end takes the running jobs along and notes it."""
    first = start("--stop-jobs-on-exit")
    first.headers = first.login()
    (first.code / "train.py").write_text(UNTIL_TOLD)
    ids = first.create(code)
    first.wait(ids, 8)
    claim = first.supervisor(ids)

    assert first.end(signal.SIGTERM) == 0

    assert process_start(claim["pid"]) != claim["start"]
    second = start()
    second.headers = first.headers
    assert second.wait(ids, 12)["status"] == 12


def test_start_that_was_cut_short_is_made_up(start: Any, code: Any, tmp_path: Path) -> None:
    """A version in 8 without anyone running it, as a kill right at the start leaves it, is run."""
    first = start("--transitions", "immediate")
    first.headers = first.login()
    (first.code / "train.py").write_text("print('ran')")
    ids = first.create(code)
    first.end(signal.SIGKILL)
    with sqlite3.connect(tmp_path / "state.sqlite") as state:
        state.execute(
            "UPDATE versions SET status = 8, mode = 'run', plan = '{\"mode\": \"run\"}', end_time = NULL"
        )
    state.close()
    second = start()
    second.headers = first.headers

    assert second.wait(ids, 10)["status"] == 10


def test_state_survives_in_python(tmp_path: Path, new_caller: Any) -> None:
    """Jobs, plans and tokens are there again when an emulator is started on the same state."""
    where: Any = {"storage": tmp_path / "storage", "state": tmp_path / "state"}
    with Emulator(**where, transitions={"mode": "reads", "sequence": [1, 8, 10]}) as emulator:
        ids = new_caller(emulator).create()
        assert new_caller(emulator).detail(*ids)["status"] == 1
        token = emulator.issue_token()
    with Emulator(**where, transitions={"mode": "immediate"}) as emulator:
        caller = new_caller(emulator)
        headers = {"X-Auth-Token": token}
        listed = caller.call("GET", "/training-jobs", headers=headers).json()
        last = caller.detail(*ids)["status"]
        assert caller.create("next")[0] > ids[0]

    assert [row["status"] for row in listed["jobs"]] == [8]
    assert last == 10


def test_state_has_one_owner(tmp_path: Path) -> None:
    """Two emulators never share one state file."""
    with Emulator(state=tmp_path / "state"), pytest.raises(EmulatorError, match="in use"):
        Emulator(state=tmp_path / "state").start()


def test_foreign_file_is_refused_as_state(tmp_path: Path) -> None:
    """A file that is no SQLite database is a clear error, and is left as it was."""
    path = tmp_path / "state"
    path.write_text("something else entirely, long enough to be looked at " * 20)

    with pytest.raises(EmulatorError, match="cannot be used"):
        Emulator(state=path).start()
    assert path.read_text().startswith("something else")


def test_strict_catalogue_on_the_command_line(start: Callable[..., Process], code: Any) -> None:
    """Started with --strict-catalogue the emulator refuses a flavor that it does not offer."""
    process = start("--strict-catalogue")
    body = {"job_name": "job", "config": {**code, "spec_id": 404}}

    reply = requests.post(process.base, json=body, headers=process.login(), timeout=10)

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.2781")
