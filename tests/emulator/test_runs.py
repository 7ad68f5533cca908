"""Jobs that really run: arguments, logs, exit codes, stops, workers, paths."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_modelarts.emulator import Emulator
from airflow_provider_modelarts.emulator.supervisor import process_start

SHOW = """
import json, os, sys
print(json.dumps({"arguments": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ)}))
print("to stderr", file=sys.stderr)
"""
WAIT = "import time\nprint('up')\ntime.sleep(60)\n"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\ntime.sleep(60)\n"
# Worker 1 fails once worker 0 is up; worker 0 would go on for a minute.
ONE_FAILS = """
import os, sys, time
index = sys.argv[-1]
print(index)
if index == "--worker_index=1":
    while not os.path.exists("up"):
        time.sleep(0.01)
    sys.exit(4)
open("up", "w").close()
time.sleep(60)
"""
METRICS = """
import json, sys
folder = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--train_url=")][0]
with open(folder + "/metrics.json", "w") as file:
    file.write({content!r})
"""


def wait_for_log(caller: Any, text: str) -> None:
    """Wait until a log holds a text."""
    deadline = time.monotonic() + 15
    folder = caller.emulator.storage / "bucket" / "log"
    while not (folder.is_dir() and any(text in log for log in caller.logs().values())):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stop(caller: Any, job_id: int, version_id: int) -> None:
    """Stop a version."""
    path = f"/training-jobs/{job_id}/versions/{version_id}/stop"
    assert caller.call("POST", path).json() == {"is_success": True}


def test_code_runs_with_local_paths_and_parameters(
    running: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The boot file gets local paths and one argument per parameter; secrets stay out of its environment."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    monkeypatch.setenv("AIRFLOW_CONN_MODELARTS_DEFAULT", running.emulator.connection_json())
    monkeypatch.setenv("MODELARTS_EMULATOR_TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    folder = running.write_code(SHOW)
    storage = running.emulator.storage
    job_id, version_id = running.create(
        "job",
        {"parameter": [{"label": "rate", "value": "0.1 b"}], "train_url": "obs://bucket/out/"},
    )

    found = running.wait(job_id, version_id, 10)

    ((name, text),) = running.logs().items()
    shown = json.loads(text.splitlines()[0])
    assert name == f"job-{job_id}-{version_id}-worker-0.log"
    assert "to stderr" in text
    assert shown["arguments"] == [
        f"--data_url={storage}/bucket/data",
        f"--train_url={storage}/bucket/out",
        "--rate=0.1 b",
    ]
    assert shown["cwd"] == str(folder)
    assert set(shown["environment"]) <= {
        *("PATH", "HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
        *("LD_LIBRARY_PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"),
    }
    identity = running.emulator.identity
    secrets = {identity.secret_key, identity.password, identity.emulator_token, "secret"}
    assert not secrets & set(shown["environment"].values())
    assert (storage / "bucket" / "out").is_dir()
    assert found["start_time"] >= found["create_time"]
    assert found["duration"] >= 0


def test_first_obs_source_is_the_input(running: Any, code: Any) -> None:
    """With data_source, the first object storage entry becomes data_url; no train_url, no argument."""
    running.write_code(SHOW)
    del code["data_url"], code["train_url"]
    code["data_source"] = [{"type": "obs", "data_url": f"/bucket/{n}/"} for n in (1, 2)]
    reply = running.call("POST", "/training-jobs", {"job_name": "a", "config": code}).json()
    running.wait(reply["job_id"], reply["version_id"], 10)

    (text,) = running.logs().values()
    assert json.loads(text.splitlines()[0])["arguments"] == [
        f"--data_url={running.emulator.storage}/bucket/1"
    ]


def test_failing_code_is_a_failed_version(running: Any) -> None:
    """Any other exit code than 0 is status 11, and the traceback is in the log."""
    running.write_code("raise SystemExit(3)")
    failed = running.wait(*running.create("three"), 11)
    running.write_code("1 / 0")
    crashed = running.wait(*running.create("crash"), 11)

    assert (failed["status"], crashed["status"]) == (11, 11)
    assert "ZeroDivisionError" in "".join(running.logs().values())


def test_log_goes_to_the_run_folder_without_log_url(running: Any, code: Any) -> None:
    """Without log_url the output is kept beside the state."""
    running.write_code("print('kept')")
    del code["log_url"]
    reply = running.call("POST", "/training-jobs", {"job_name": "a", "config": code}).json()
    running.wait(reply["job_id"], reply["version_id"], 10)

    (path,) = running.emulator.settings.runs.glob("*/job-*-worker-0.log")
    assert path.read_text() == "kept\n"


@pytest.mark.parametrize("text", [WAIT, STUBBORN], ids=["willing", "stubborn"])
def test_stop_ends_the_process(running: Any, text: str) -> None:
    """A stop leads over 9 to 12, also for code that ignores SIGTERM, and no process is left."""
    running.write_code(text)
    ids = running.create()
    wait_for_log(running, "up")
    assert running.detail(*ids)["status"] == 8
    (claim,) = running.emulator.settings.runs.glob("*/supervisor.json")
    supervisor = json.loads(claim.read_text())

    stop(running, *ids)
    stop(running, *ids)
    found = running.wait(*ids, 12)

    assert found["duration"] > 0
    wait_until_gone(supervisor["pid"], supervisor["start"])


def wait_until_gone(pid: int, start: str) -> None:
    """Wait until a process has ended."""
    deadline = time.monotonic() + 10
    while process_start(pid) == start:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_stop_before_the_start(tmp_path: Path, new_caller: Any) -> None:
    """A version stopped while it waits is never run."""
    with Emulator(storage=tmp_path, init_delay=60) as emulator:
        caller = new_caller(emulator)
        caller.write_code(WAIT)
        ids = caller.create()
        stop(caller, *ids)
        found = caller.wait(*ids, 12)

    assert found["start_time"] is None
    assert not (tmp_path / "bucket" / "log").exists()


def test_two_workers(running: Any) -> None:
    """Each worker gets its index and its log; all have to end well."""
    running.write_code("import sys\nprint(sys.argv[-1])")
    running.wait(*running.create("job", {"worker_server_num": 2}), 10)

    assert list(running.logs().values()) == ["--worker_index=0\n", "--worker_index=1\n"]


def test_one_failing_worker_ends_all(running: Any) -> None:
    """When a worker fails the others are ended, and the version has failed."""
    running.write_code(ONE_FAILS)
    ids = running.create("job", {"worker_server_num": 2})

    assert running.wait(*ids, 11)["status"] == 11


def test_metrics_file_is_shown(running: Any) -> None:
    """Numbers of metrics.json come back as the vendor's JSON string; what is no number does not."""
    content = '{"accuracy": 0.9, "f1_score": 0.8, "loss": NaN, "extra": [1], "epochs": 3}'
    running.write_code(METRICS.format(content=content))
    found = running.wait(*running.create(), 10)

    assert json.loads(found["model_metric_list"])["total_metric"]["total_metric_values"] == {
        "f1_score": 0.8,
        "accuracy": 0.9,
        "epochs": 3,
    }


def test_odd_metrics_do_no_harm(running: Any) -> None:
    """A number that no float holds and half an emoji neither end the emulator's work nor spoil its answers."""
    content = '{"epochs": 1' + 400 * "0" + ', "loss": 1e999, "note": "cut \\ud83d"}'
    running.write_code(METRICS.format(content=content))
    found = running.wait(*running.create(), 10)

    shown = json.loads(found["model_metric_list"])["total_metric"]["total_metric_values"]
    assert shown["epochs"] == 10**400
    assert "loss" not in shown
    running.wait(*running.create("next"), 10)


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_broken_metrics_are_no_failure(running: Any, content: str) -> None:
    """A metrics file that is no JSON object shows no metrics."""
    running.write_code(METRICS.format(content=content))

    assert running.wait(*running.create(), 10)["model_metric_list"] is None


@pytest.mark.parametrize(
    "config",
    [
        {"worker_server_num": 1, "model_id": 4, "data_url": "/b/d/", "spec_id": 1},
        {
            "worker_server_num": 1,
            "user_image_url": "h/o/i:1",
            "user_command": "python x",
            "data_url": "/b/d/",
            "spec_id": 1,
        },
    ],
    ids=["built-in", "image"],
)
def test_jobs_without_code_just_complete(running: Any, config: Any) -> None:
    """Built-in algorithms and images have nothing to run here; the log says so."""
    body = {"job_name": "a", "config": {**config, "log_url": "/bucket/log/"}}
    reply = running.call("POST", "/training-jobs", body).json()
    running.wait(reply["job_id"], reply["version_id"], 10)

    assert "nothing to run" in next(iter(running.logs().values()))


def test_deleted_job_ends_its_process(running: Any) -> None:
    """Deleting a running job kills its processes and removes its run folder."""
    running.write_code(WAIT)
    job_id, version_id = running.create()
    wait_for_log(running, "up")
    folder = running.emulator.settings.runs / str(version_id)
    claim = json.loads((folder / "supervisor.json").read_text())

    running.call("DELETE", f"/training-jobs/{job_id}")

    wait_until_gone(claim["pid"], claim["start"])
    deadline = time.monotonic() + 10
    while folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_reset_kills_everything(running: Any) -> None:
    """After a reset no process is left and a new job runs."""
    running.write_code(WAIT)
    _, version_id = running.create()
    wait_for_log(running, "up")
    folder = running.emulator.settings.runs / str(version_id)
    claim = json.loads((folder / "supervisor.json").read_text())

    running.emulator.reset()
    running.forget_token()

    assert process_start(claim["pid"]) != claim["start"]
    assert running.emulator.jobs() == []
    running.write_code("pass")
    assert running.wait(*running.create(), 10)["version_name"] == "V0001"


def test_forced_end_kills_the_process(running: Any) -> None:
    """Forcing a final status on a running version ends its process and stays."""
    running.write_code(WAIT)
    ids = running.create()
    wait_for_log(running, "up")
    folder = running.emulator.settings.runs / str(ids[1])
    claim = json.loads((folder / "supervisor.json").read_text())

    running.emulator.set_status(*ids, 11)

    wait_until_gone(claim["pid"], claim["start"])
    assert running.detail(*ids)["status"] == 11


def test_lost_supervisor_makes_a_lost_version(running: Any) -> None:
    """When whoever watches a run dies, the version is lost, not running for ever, and its code is ended."""
    running.write_code("import os, time\nprint(os.getpid(), 'up')\ntime.sleep(60)")
    ids = running.create()
    wait_for_log(running, "up")
    (text,) = running.logs().values()
    worker = int(text.split()[0])
    start = process_start(worker)
    folder = running.emulator.settings.runs / str(ids[1])

    os.kill(json.loads((folder / "supervisor.json").read_text())["pid"], 9)

    assert running.wait(*ids, 14)["status"] == 14
    assert start is not None
    wait_until_gone(worker, start)


def test_more_jobs_than_may_run_wait(tmp_path: Path, new_caller: Any) -> None:
    """Beyond max_running versions wait in 7 until there is room."""
    with Emulator(storage=tmp_path, time_scale=0, max_running=1) as emulator:
        caller = new_caller(emulator)
        caller.write_code(WAIT)
        first = caller.create("a")
        wait_for_log(caller, "up")
        caller.write_code("pass")
        second = caller.create("b")
        waiting = caller.wait(*second, 7)["status"]
        stop(caller, *first)
        ended = caller.wait(*second, 10)["status"]

    assert (waiting, ended) == (7, 10)


def test_missing_interpreter_is_a_failed_submission(tmp_path: Path, new_caller: Any) -> None:
    """An interpreter that cannot be started ends the version as not submitted."""
    with Emulator(storage=tmp_path, time_scale=0, python=str(tmp_path / "none")) as emulator:
        caller = new_caller(emulator)
        caller.write_code("pass")
        found = caller.wait(*caller.create(), 5)

    assert found["status"] == 5


def test_many_jobs_at_once(running: Any) -> None:
    """A burst of jobs all run to their end."""
    running.write_code("pass")
    ids = [running.create(f"job-{n}") for n in range(12)]

    assert [running.wait(*pair, 10)["status"] for pair in ids] == [10] * 12
    assert sys.executable == running.emulator.settings.python


def test_no_zombies_are_left(running: Any) -> None:
    """Watchers that have ended are collected while the emulator goes on."""
    running.write_code("pass")
    ids = [running.create(f"job-{n}") for n in range(4)]
    for pair in ids:
        running.wait(*pair, 10)
    pids = [
        json.loads(path.read_text())["pid"]
        for path in running.emulator.settings.runs.glob("*/supervisor.json")
    ]
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert len(pids) == 4
