"""Control endpoints, the Python object, the command line."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_modelarts.emulator import Emulator, Identity, __main__
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.routes import CONTROL, CONTROL_PREFIX
from airflow_provider_modelarts.emulator.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def control(caller: Any, method: str, path: str, body: Any = None) -> Any:
    """Make a control call, with the emulator's token alone, and return the JSON."""
    reply = caller.call(method, f"/_emulator/{path}", body, headers={})
    assert reply.status_code < 300, reply.text
    return reply.json()


def test_health(caller: Any) -> None:
    """Health tells the process and the storage folder."""
    assert control(caller, "GET", "health")["pid"] == os.getpid()


def test_requests_are_recorded(caller: Any, code: Any) -> None:
    """Each call is kept with its operation, raw query, headers, body and answer."""
    caller.call("POST", "/training-jobs", {"job_name": "a", "config": code})
    caller.call("GET", "/training-jobs?search_content=a%20b")
    created, listed = control(caller, "GET", "requests")["requests"]

    assert (created["operation"], created["status"]) == ("create_training_job", 200)
    assert json.loads(created["body"])["job_name"] == "a"
    assert base64.b64decode(created["body_base64"]) == created["body"].encode()
    assert (listed["method"], listed["query"]) == ("GET", "search_content=a%20b")
    assert listed["headers"]["x-auth-token"]
    (kept,) = caller.emulator.requests("list_training_jobs")
    assert kept.path == f"{caller.project}/training-jobs"
    control(caller, "DELETE", "requests")
    assert caller.emulator.requests() == []


def test_jobs_are_listed_with_versions(caller: Any) -> None:
    """The control list shows what there is, with configs, over HTTP and in Python alike."""
    job_id, version_id = caller.create("seen")
    (job,) = control(caller, "GET", "jobs")["jobs"]

    assert (job["job_id"], job["job_name"]) == (job_id, "seen")
    assert job["versions"][0]["version_id"] == version_id
    assert job["versions"][0]["config"]["app_url"] == "/bucket/code/"
    assert caller.emulator.jobs()[0].versions[0].config == job["versions"][0]["config"]


def test_jobs_are_added_in_bulk(caller: Any) -> None:
    """Synthetic jobs are made at once and read like others."""
    order = {"count": 40, "status": 8, "prefix": "x", "workspace_id": "w"}
    made = control(caller, "POST", "jobs", order)["jobs"]
    rows = caller.call("GET", "/training-jobs?workspace_id=w&per_page=50").json()["jobs"]

    assert len(rows) == 40
    assert {row["status"] for row in rows} == {8}
    assert [row["job_id"] for row in rows] == [job["job_id"] for job in made]
    with pytest.raises(AssertionError, match="count"):
        control(caller, "POST", "jobs", {"count": -1})
    with pytest.raises(AssertionError, match="unknown fields"):
        control(caller, "POST", "jobs", {"count": 1, "n": 1})


def test_everything_can_be_driven_over_http(caller: Any) -> None:
    """Transitions, statuses, tokens and the clock have their calls, and reset undoes all."""
    setting = {"mode": "reads", "sequence": [1, 8], "reads": 1}
    assert control(caller, "PUT", "transitions", setting) == setting
    ids = caller.create()
    control(caller, "PUT", f"jobs/{ids[0]}/versions/{ids[1]}", {"status": 13})
    assert caller.detail(*ids)["status"] == 13
    shifted = control(caller, "POST", "clock", {"seconds": 3600})["time"]
    assert shifted > time.time() + 3500
    assert control(caller, "POST", "expire-tokens")["expired"] >= 1
    assert caller.call("GET", "/training-jobs").status_code == 401

    control(caller, "POST", "reset")

    assert control(caller, "GET", "transitions") == {"mode": "immediate", "status": 10}
    assert control(caller, "GET", "jobs") == {"jobs": []}
    assert control(caller, "GET", "health")["time"] < time.time() + 10


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "transitions", []),
        ("PUT", "jobs/1/versions/x", {"status": 1}),
        ("PUT", "jobs/1/versions/2", {"status": 1}),
        ("PUT", "jobs/1/versions/2", {}),
        ("POST", "clock", {"seconds": "1"}),
        ("POST", "jobs", {"count": 10**9}),
    ],
)
def test_wrong_control_call(caller: Any, method: str, path: str, body: Any) -> None:
    """A control call that cannot be meant is 400 with a reason."""
    assert caller.call(method, f"/_emulator/{path}", body, headers={}).status_code == 400


@pytest.mark.parametrize("auth_type", ["aksk", "password", "token"])
def test_connection_is_complete(caller: Any, auth_type: str) -> None:
    """The connection holds what the contract asks for each way to authenticate."""
    found = caller.emulator.connection(auth_type)
    extra = found["extra"]

    assert (found["conn_type"], found["host"]) == ("modelarts", caller.emulator.url)
    assert extra["auth_type"] == auth_type
    assert extra["project_id"] == caller.emulator.identity.project_id
    assert json.loads(caller.emulator.connection_json(auth_type))["host"] == found["host"]
    if auth_type == "password":
        assert extra["iam_endpoint"] == caller.emulator.url
        assert extra["domain_name"] == "emulator-domain"
    if auth_type == "token":
        headers = {"X-Auth-Token": found["password"]}
        assert caller.call("GET", "/training-jobs", headers=headers).status_code == 200
    with pytest.raises(EmulatorError, match="auth_type"):
        caller.emulator.connection("magic")


def test_temporary_key_is_in_the_connection() -> None:
    """A security token of the identity is part of the connection."""
    identity = Identity(security_token="sts")
    with Emulator(identity=identity) as emulator:
        assert emulator.connection()["extra"]["security_token"] == "sts"


def test_nothing_is_left_behind(new_caller: Any) -> None:
    """After the end there are no threads, no open port and no temporary folder."""
    before = set(threading.enumerate())
    with Emulator() as emulator:
        new_caller(emulator).call("GET", "/training-jobs")
        folder, url = emulator.storage, emulator.url
    deadline = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not set(threading.enumerate()) - before
    assert not folder.parent.exists()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/_emulator/health", timeout=5)
    with pytest.raises(EmulatorError, match="not running"):
        _ = emulator.url


def test_emulator_starts_once(caller: Any) -> None:
    """Starting a running emulator is an error, not a second one."""
    with pytest.raises(EmulatorError, match="runs already"):
        caller.emulator.start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", ""])
def test_only_loopback_is_served(host: str) -> None:
    """Any address that others could reach is refused."""
    with pytest.raises(EmulatorError, match="refused"):
        Emulator(host=host).start()


def test_taken_port_is_a_clear_error(caller: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A port in use is named, in Python and on the command line."""
    port = int(caller.emulator.url.rsplit(":", 1)[1])
    with pytest.raises(EmulatorError, match=f"port {port} on 127.0.0.1 is taken"):
        Emulator(port=port).start()
    old = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        assert __main__.main(["--port", str(port)]) == 1
    finally:
        for number, handler in old:
            signal.signal(number, handler)

    assert "is taken" in capsys.readouterr().err


def test_help_is_helpful(capsys: pytest.CaptureFixture[str]) -> None:
    """The help names every option of the command line."""
    with pytest.raises(SystemExit):
        __main__.main(["--help"])
    shown = capsys.readouterr().out

    for option in ("--host", "--port", "--storage", "--state", "--time-scale", "--transitions"):
        assert option in shown
    for option in ("--python", "--stop-jobs-on-exit", "--ready-file", "--access-key"):
        assert option in shown


@pytest.mark.parametrize(
    "arguments",
    [["--python", "/none"], ["--time-scale", "-1"], ["--max-running", "0"], ["--port", "x"]],
)
def test_wrong_option_is_refused(arguments: list[str]) -> None:
    """An option that cannot be meant ends the command with code 2."""
    try:
        code: Any = __main__.main(arguments)
    except SystemExit as end:
        code = end.code

    assert code == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_line_announces_itself(tmp_path: Path, number: signal.Signals) -> None:
    """Started with --ready-file it says where it listens, serves its identity, and ends with 0."""
    ready = tmp_path / "new" / "ready.json"
    command = [sys.executable, "-m", "airflow_provider_modelarts.emulator", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--ready-file", str(ready), "--access-key", "OTHER", "--storage", str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not ready.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    found = json.loads(ready.read_text())
    headers = {"X-Emulator-Token": found["connection"]["extra"]["emulator_token"]}
    health = requests.get(f"{found['url']}/_emulator/health", headers=headers, timeout=10).json()
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)

    assert found["pid"] == health["pid"] == process.pid
    assert process.returncode == 0
    assert found["url"] in output
    assert str(tmp_path) in output
    line = next(line for line in output.splitlines() if "AIRFLOW_CONN" in line)
    assert json.loads(line.split("=", 1)[1].strip("'"))["login"] == "OTHER"
    assert not ready.exists()


def test_import_is_light() -> None:
    """Importing the package loads no HTTP stack; the name of the class does."""
    program = (
        "import sys; import airflow_provider_modelarts.emulator as e;"
        "light = {'starlette', 'uvicorn', 'jsonschema', 'sqlite3'} & set(sys.modules);"
        "assert not light, light; assert not hasattr(e, 'nothing'); e.Emulator;"
        "assert 'uvicorn' in sys.modules;"
        "assert not [m for m in sys.modules if m.split('.')[0] == 'airflow']"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("kind", ["training-jobs", "training-job-configs", "visualization-jobs"])
def test_many_callers_at_once(emulator: Emulator, kind: str) -> None:
    """Parallel creations of one name make one thing; all are answered."""
    from concurrent.futures import ThreadPoolExecutor

    token = emulator.issue_token()
    config = {"worker_server_num": 1, "model_id": 1, "data_url": "/b/d/", "spec_id": 1}
    body = {
        "training-jobs": {"job_name": "one", "config": config},
        "training-job-configs": {"config_name": "one", **config},
        "visualization-jobs": {"job_name": "one", "train_url": "/b/d/"},
    }[kind]

    def create(_: int) -> bool:
        reply = requests.post(
            f"{emulator.url}/v1/{emulator.identity.project_id}/{kind}",
            json=body,
            headers={"X-Auth-Token": token},
            timeout=20,
        )
        return bool(reply.json()["is_success"])

    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(create, range(48)))

    assert made.count(True) == 1


def test_page_names_every_method_and_choice(repo: Path) -> None:
    """What a test may call, and what it may choose between, is on the page of the emulator."""
    page = (repo / "docs" / "emulator.md").read_text()
    methods = {
        name
        for name, member in vars(Emulator).items()
        if callable(member) and not name.startswith("_")
    }
    # Beginning and end, and what the example shows.
    methods -= {"start", "stop", "issue_token", "connection", "connection_json"}
    choices = {field.name for field in fields(Settings) if field.type == "bool"}
    choices |= {"duplicate_name", "stop_in_final_state", "log_not_ready"}
    calls = {route.path.removeprefix(CONTROL_PREFIX) for route in CONTROL}

    assert {name for name in methods if f"`{name}`" not in page} == set()
    assert {name for name in choices - {"stop_jobs_on_exit"} if f"`{name}`" not in page} == set()
    assert {call for call in calls if f" {call}`" not in page} == {"health"}


def test_half_a_request_does_no_harm(caller: Any) -> None:
    """A caller that goes away in the middle of its body leaves the emulator working."""
    host, port = caller.emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"POST {caller.project}/training-jobs HTTP/1.1\r\nHost: {host}\r\n"
            "Content-Length: 500\r\n\r\n{".encode()
        )

    assert caller.call("GET", "/training-jobs").json()["jobs"] == []
