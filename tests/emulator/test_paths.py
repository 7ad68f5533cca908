"""Storage paths: what a job may name, and that nothing leads out of the storage folder."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.emulator import Emulator
from airflow_provider_modelarts.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("changes", "code_"),
    [
        ({"app_url": "/bucket/none/", "boot_file_url": "/bucket/none/a.py"}, "ModelArts.2757"),
        ({"boot_file_url": "/bucket/code/none.py"}, "ModelArts.2758"),
        ({"boot_file_url": "/bucket/code/folder"}, "ModelArts.2758"),
        ({"boot_file_url": "/bucket/code/link.py"}, "ModelArts.2758"),
        ({"app_url": "/bucket/away/", "boot_file_url": "/bucket/away/passwd"}, "ModelArts.2757"),
        ({"app_url": "/../", "boot_file_url": "/../x"}, "ModelArts.2792"),
        ({"data_url": "/bucket/../../x"}, "ModelArts.2791"),
        ({"data_url": "/bucket/away/"}, "ModelArts.2791"),
        ({"train_url": "obs://../x"}, "ModelArts.2791"),
        ({"train_url": "/bucket/away/new/"}, "ModelArts.2791"),
        ({"log_url": "/"}, "ModelArts.2791"),
        ({"log_url": "/bucket/nul\0/"}, "ModelArts.2791"),
        ({"log_url": f"/bucket/{'a' * 256}/"}, "ModelArts.2791"),
        ({"data_url": "/bucket" + "/\N{SNOWMAN}" * 300}, "ModelArts.2791"),
        ({"boot_file_url": f"/bucket/code/{'a' * 256}"}, "ModelArts.2758"),
        ({"worker_server_num": 17}, "ModelArts.2793"),
    ],
)
def test_paths_never_leave_the_storage(
    running: Any, code: Any, changes: Any, code_: str, tmp_path: Path
) -> None:
    """Missing code and paths that lead out, by dots or links, are refused before anything runs."""
    folder = running.write_code("pass")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("print('escaped')")
    (folder / "link.py").symlink_to(outside / "passwd")
    (folder.parent / "away").symlink_to(outside)
    (folder / "folder").mkdir()

    reply = running.call("POST", "/training-jobs", {"job_name": "a", "config": {**code, **changes}})

    assert (reply.status_code, reply.json()["error_code"]) == (400, code_)
    assert [path.name for path in outside.iterdir()] == ["passwd"]
    assert running.emulator.jobs() == []


def test_link_made_after_creation_is_refused(tmp_path: Path, new_caller: Any) -> None:
    """A path that leads out by the time the job starts ends it as not submitted; nothing is written."""
    outside = tmp_path / "outside"
    outside.mkdir()
    with Emulator(storage=tmp_path / "storage", init_delay=0.3, wait_delay=0) as emulator:
        caller = new_caller(emulator)
        caller.write_code("print('x')")
        ids = caller.create()
        (emulator.storage / "bucket" / "log").symlink_to(outside)
        found = caller.wait(*ids, 5)

    assert found["status"] == 5
    assert not list(outside.iterdir())


def test_absolute_paths_stay_below_the_storage(running: Any, code: Any) -> None:
    """A path such as /etc names the bucket "etc", nothing else."""
    running.write_code("import sys\nprint(sys.argv)")
    running.wait(*running.create("job", {"data_url": "/etc/passwd"}), 10)

    (text,) = running.logs().values()
    assert f"--data_url={running.emulator.storage}/etc/passwd" in text


# Writes what only an attacker wants.
EVIL = "import pathlib, sys; pathlib.Path(sys.argv[0]).with_name('pwned').touch()"


@pytest.mark.parametrize(
    "boot",
    [
        "/bucket/code/{log}",
        "/bucket/code/./{log}/",
        "obs://bucket/code//{log}",
        "/bucket/code/a.py",
    ],
    ids=["name", "detours", "scheme", "link"],
)
def test_lines_of_a_log_are_never_run(running: Any, code: Any, boot: str) -> None:
    """A log among the code is no boot file, by whatever way it is named and whatever was written to it."""
    folder = running.write_code("print('harmless')")
    first = running.create("first", {"log_url": "/bucket/code/"})
    running.wait(*first, 10)
    running.emulator.add_log_lines(*first, [f"1; {EVIL}"])
    (log,) = folder.glob("job-*")
    (folder / "a.py").symlink_to(log)
    scheme = "obs://bucket/code/" if boot.startswith("obs") else "/bucket/code/"
    config = {**code, "app_url": scheme, "boot_file_url": boot.format(log=log.name)}

    reply = running.call("POST", "/training-jobs", {"job_name": "second", "config": config})

    assert EVIL in log.read_text()
    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.2758")
    assert "logs are never run" in reply.json()["error_message"]
    assert len(running.emulator.jobs()) == 1


def test_log_that_a_deleted_job_left_is_never_run(running: Any, code: Any) -> None:
    """The name decides, so neither a deletion nor another state file makes a log a boot file."""
    folder = running.write_code("pass")
    (folder / "JOB-1-2-worker-0.LOG").write_text(EVIL)  # one file with the log on some file systems
    config = {**code, "boot_file_url": "/bucket/code/JOB-1-2-worker-0.LOG"}

    reply = running.call("POST", "/training-jobs", {"job_name": "a", "config": config})

    assert reply.json()["error_code"] == "ModelArts.2758"


def test_boot_file_that_becomes_a_log_is_not_run(tmp_path: Path, new_caller: Any) -> None:
    """The check is repeated when the job starts: what was a script may have become a link to a log."""
    with Emulator(storage=tmp_path / "storage", init_delay=0.3, wait_delay=0) as emulator:
        caller = new_caller(emulator)
        folder = caller.write_code("pass")
        (folder / "job-1-2-worker-0.log").write_text(EVIL)
        ids = caller.create()
        (folder / "train.py").unlink()
        (folder / "train.py").symlink_to(folder / "job-1-2-worker-0.log")
        caller.wait(*ids, 5)

    assert not (folder / "pwned").exists()


@pytest.mark.parametrize("mode", ["immediate", "run"])
def test_log_lines_do_not_follow_a_link(tmp_path: Path, new_caller: Any, mode: str) -> None:
    """Where a link lies in the place of a log, nothing is written to what it leads to."""
    with Emulator(storage=tmp_path / "storage", transitions={"mode": mode}) as emulator:
        caller = new_caller(emulator)
        boot = caller.write_code("pass") / "train.py"
        job_id, version_id = caller.create()
        log = emulator.storage / "bucket" / "log" / f"job-{job_id}-{version_id}-worker-0.log"
        log.parent.mkdir(exist_ok=True)
        log.symlink_to(boot)
        with pytest.raises(EmulatorError, match=f"{log.name} cannot be written"):
            emulator.add_log_lines(job_id, version_id, [EVIL])

    assert boot.read_text() == "pass"


def test_job_without_code_does_not_write_through_a_link(tmp_path: Path, new_caller: Any) -> None:
    """The line of a job that runs nothing goes to a log or nowhere, and ends the job as not submitted."""
    with Emulator(storage=tmp_path / "storage", init_delay=0.3, wait_delay=0) as emulator:
        caller = new_caller(emulator)
        boot = caller.write_code("pass") / "train.py"
        config = {"worker_server_num": 1, "model_id": 1, "data_url": "/b/d/", "spec_id": 1}
        body = {"job_name": "a", "config": {**config, "log_url": "/bucket/log/"}}
        made = caller.call("POST", "/training-jobs", body).json()
        name = f"job-{made['job_id']}-{made['version_id']}-worker-0.log"
        (emulator.storage / "bucket" / "log").mkdir()
        (emulator.storage / "bucket" / "log" / name).symlink_to(boot)
        caller.wait(int(made["job_id"]), int(made["version_id"]), 5)

    assert boot.read_text() == "pass"


def test_answers_tell_the_time_of_the_shifted_clock(caller: Any) -> None:
    """One ``Date``, by the clock that the times of jobs follow too."""
    caller.emulator.shift_clock(7200)
    caller.create("job")

    reply = caller.call("GET", "/training-jobs")

    (row,) = reply.json()["jobs"]
    told = parsedate_to_datetime(reply.headers["Date"]).timestamp()
    assert 0 <= told - row["create_time"] // 1000 < 600
