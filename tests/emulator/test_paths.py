"""Storage paths: what a job may name, and that nothing leads out of the storage folder."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.emulator import Emulator

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


def test_answers_tell_the_time_of_the_shifted_clock(caller: Any) -> None:
    """One ``Date``, by the clock that the times of jobs follow too."""
    caller.emulator.shift_clock(7200)
    caller.create("job")

    reply = caller.call("GET", "/training-jobs")

    (row,) = reply.json()["jobs"]
    told = parsedate_to_datetime(reply.headers["Date"]).timestamp()
    assert 0 <= told - row["create_time"] // 1000 < 600
