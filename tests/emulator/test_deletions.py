"""Asynchronous deletions: at once by default, later or never where a test orders it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.emulator import Emulator
from airflow_provider_modelarts.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KINDS = pytest.mark.parametrize("kind", ["job", "version", "visualization"])


class Thing:
    """Something that is deleted asynchronously."""

    def __init__(self, caller: Any, kind: str) -> None:
        self.caller = caller
        job_id, version_id = caller.create()
        (board,) = caller.emulator.add_visualization_jobs(1)
        job = f"/training-jobs/{job_id}"
        version = f"{job}/versions/{version_id}"
        self.path = {
            "job": job,
            "version": version,
            "visualization": f"/visualization-jobs/{board}",
        }[kind]
        self.detail = version if kind == "job" else self.path

    def delete(self) -> Any:
        """Ask for the deletion."""
        return self.caller.call("DELETE", self.path)

    def status(self) -> int | None:
        """Return the status shown, None when there is nothing any more."""
        found = self.caller.call("GET", self.detail)
        return found.json()["status"] if found.status_code == 200 else None


@KINDS
def test_thing_is_gone_at_once(caller: Any, kind: str) -> None:
    """By default nothing is left when the reply arrives, and a repetition finds nothing."""
    thing = Thing(caller, kind)

    assert thing.delete().json() == {"is_success": True}
    assert thing.status() is None
    assert thing.delete().status_code in {400, 404}


@KINDS
def test_thing_goes_later(caller: Any, kind: str) -> None:
    """With a delay it is there until its time has come; asking again changes nothing."""
    thing = Thing(caller, kind)
    before = thing.status()
    caller.emulator.set_deletions(delay=600)
    thing.delete()
    caller.emulator.shift_clock(500)
    caller.emulator.set_deletions(delay=600, fails=True)

    assert thing.delete().json() == {"is_success": True}
    assert thing.status() == before
    caller.emulator.shift_clock(200)
    assert thing.status() is None


@KINDS
def test_deletion_fails(caller: Any, kind: str) -> None:
    """Where it is ordered to fail the thing stays, in status 6; another attempt may succeed."""
    thing = Thing(caller, kind)
    caller.emulator.set_deletions(delay=600, fails=True)
    thing.delete()
    caller.emulator.shift_clock(601)

    assert thing.status() == 6
    caller.emulator.set_deletions()
    thing.delete()
    assert thing.status() is None


def test_deleted_name_is_free_when_the_job_is_gone(caller: Any, code: Any) -> None:
    """Until then it is taken."""
    job_id, _ = caller.create("again")
    caller.emulator.set_deletions(delay=600)
    caller.call("DELETE", f"/training-jobs/{job_id}")
    body = {"job_name": "again", "config": code}

    assert caller.call("POST", "/training-jobs", body).json()["error_code"] == "ModelArts.0103"
    caller.emulator.shift_clock(601)
    assert caller.call("POST", "/training-jobs", body).json()["is_success"] is True


def test_job_may_go_before_its_version(caller: Any) -> None:
    """A version whose deletion is under way can vanish with its job."""
    job_id, version_id = caller.create()
    caller.emulator.set_deletions(delay=600)
    caller.call("DELETE", f"/training-jobs/{job_id}/versions/{version_id}")
    caller.emulator.set_deletions()
    caller.call("DELETE", f"/training-jobs/{job_id}")
    caller.emulator.shift_clock(601)

    assert caller.call("GET", "/training-jobs").json()["job_total_count"] == 0


def test_failed_deletion_ends_the_run(running: Any) -> None:
    """What could not be deleted does not go on running."""
    running.write_code("import time\nopen('up', 'w').close()\ntime.sleep(60)\n")
    job_id, version_id = running.create()
    running.wait(job_id, version_id, 8)
    running.emulator.set_deletions(fails=True)
    running.call("DELETE", f"/training-jobs/{job_id}")

    assert running.detail(job_id, version_id)["status"] == 6
    assert (
        running.call("POST", f"/training-jobs/{job_id}/versions/{version_id}/stop")
        .json()["error_message"]
        .endswith("6")
    )


@KINDS
def test_deletion_survives_a_restart(
    tmp_path: Path, new_caller: Callable[[Emulator], Any], kind: str
) -> None:
    """What is being deleted when the emulator ends is gone, or failed, when its time comes."""
    emulator = Emulator(
        storage=tmp_path / "obs", state=tmp_path / "state", transitions={"mode": "immediate"}
    )
    with emulator:
        thing = Thing(new_caller(emulator), kind)
        emulator.set_deletions(delay=600)
        thing.delete()
    with emulator:
        before = thing.status()
        emulator.shift_clock(601)

        assert before is not None
        assert thing.status() is None


def test_order_over_http_is_checked(caller: Any) -> None:
    """The control call takes a delay and a failure, and a reset takes them back."""
    path = "/_emulator/deletions"
    reply = caller.call("PUT", path, {"delay": 2.5, "fails": True}, headers={})

    assert reply.json() == {"delay": 2.5, "fails": True}
    for wrong in ({"delay": -1}, {"delay": "1"}, {"fails": 1}, {"when": 1}):
        assert caller.call("PUT", path, wrong, headers={}).status_code == 400
    with pytest.raises(EmulatorError, match="delay"):
        caller.emulator.set_deletions(delay=float("nan"))
    caller.emulator.reset()
    caller.forget_token()
    thing = Thing(caller, "job")
    thing.delete()
    assert thing.status() is None
