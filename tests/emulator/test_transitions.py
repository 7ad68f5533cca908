"""Status changes without processes: at once, by reads, by the clock, by force."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_modelarts.emulator import Emulator
from airflow_provider_modelarts.emulator.errors import EmulatorError


def stop(caller: Any, job_id: int, version_id: int) -> dict[str, Any]:
    """Stop a version and return the reply."""
    reply: dict[str, Any] = caller.call(
        "POST", f"/training-jobs/{job_id}/versions/{version_id}/stop"
    ).json()
    return reply


def test_immediate_mode_is_final_at_creation(caller: Any, code: Any) -> None:
    """The creation's reply and the first read show the chosen status."""
    caller.emulator.set_transitions("immediate", status=11)
    reply = caller.call("POST", "/training-jobs", {"job_name": "a", "config": code}).json()

    assert reply["status"] == "11"
    assert caller.detail(reply["job_id"], reply["version_id"])["status"] == 11


def test_reads_mode_moves_with_each_read(caller: Any) -> None:
    """Each status is seen as often as asked, the last one for ever."""
    caller.emulator.set_transitions("reads", sequence=[1, 8, 10], reads=2)
    ids = caller.create()

    assert [caller.detail(*ids)["status"] for _ in range(7)] == [1, 1, 8, 8, 10, 10, 10]


def test_all_three_endpoints_count_as_reads(caller: Any) -> None:
    """Detail, version list and job list each are a read; the control list is none."""
    caller.emulator.set_transitions("reads", sequence=[1, 7, 8, 10])
    job_id, version_id = caller.create()
    seen = [
        caller.detail(job_id, version_id)["status"],
        caller.call("GET", f"/training-jobs/{job_id}/versions").json()["versions"][0]["status"],
    ]
    assert caller.emulator.jobs()[0].versions[0].status == 8
    seen.append(caller.call("GET", "/training-jobs").json()["jobs"][0]["status"])

    assert seen == [1, 7, 8]
    assert caller.detail(job_id, version_id)["status"] == 10


def test_times_follow_the_status(caller: Any) -> None:
    """Start time and duration are unset before the run and fixed after its end."""
    caller.emulator.set_transitions("reads", sequence=[7, 8, 10])
    ids = caller.create()
    waiting, running, ended, later = (caller.detail(*ids) for _ in range(4))

    assert (waiting["start_time"], waiting["duration"]) == (None, None)
    assert running["start_time"] >= running["create_time"]
    assert ended["duration"] == later["duration"] >= 0


def test_time_mode_follows_the_shifted_clock(caller: Any) -> None:
    """Statuses come when the server's clock says so, with times as planned."""
    caller.emulator.set_transitions("time", sequence=[[1, 0], [8, 100], [10, 500]])
    ids = caller.create()
    assert caller.detail(*ids)["status"] == 1

    caller.emulator.shift_clock(101)
    assert caller.detail(*ids)["status"] == 8
    caller.emulator.shift_clock(1000)
    found = caller.detail(*ids)

    assert found["status"] == 10
    assert found["start_time"] - found["create_time"] == pytest.approx(100_000, abs=2)
    assert found["duration"] == pytest.approx(400_000, abs=2)


def test_time_scale_stretches_time_mode(new_caller: Any) -> None:
    """Seconds of the time mode are multiplied by the time scale."""
    setting = {"mode": "time", "sequence": [[1, 0], [10, 10]]}
    with Emulator(transitions=setting, time_scale=100) as emulator:
        caller = new_caller(emulator)
        ids = caller.create()
        emulator.shift_clock(900)
        before = caller.detail(*ids)["status"]
        emulator.shift_clock(200)
        after = caller.detail(*ids)["status"]

    assert (before, after) == (1, 10)


def test_unknown_status_code_may_be_played(caller: Any) -> None:
    """Codes outside the table can be shown, since the set of codes grew before."""
    caller.emulator.set_transitions("reads", sequence=[8, 99, 10])
    ids = caller.create()

    assert [caller.detail(*ids)["status"] for _ in range(3)] == [8, 99, 10]


def test_setting_applies_to_later_versions_only(caller: Any) -> None:
    """A version keeps the plan it was created with."""
    caller.emulator.set_transitions("reads", sequence=[8, 10])
    ids = caller.create()
    caller.emulator.set_transitions("immediate", status=11)

    assert [caller.detail(*ids)["status"] for _ in range(2)] == [8, 10]


def test_status_is_forced(caller: Any) -> None:
    """A forced status stays, whatever was planned, and may be replaced."""
    caller.emulator.set_transitions("reads", sequence=[1, 8, 10])
    ids = caller.create()
    caller.emulator.set_status(*ids, 14)
    seen = [caller.detail(*ids)["status"] for _ in range(3)]
    caller.emulator.set_status(*ids, 8)

    assert seen == [14, 14, 14]
    assert caller.detail(*ids)["status"] == 8


@pytest.mark.parametrize(
    ("setting", "seen"),
    [
        ({"mode": "reads", "sequence": [8]}, [9, 12]),
        ({"mode": "reads", "sequence": [1, 8, 10]}, [9, 12]),
        ({"mode": "immediate", "status": 8}, [12, 12]),
    ],
    ids=["last-step", "under-way", "immediate"],
)
def test_stop_passes_killing(caller: Any, setting: dict[str, Any], seen: list[int]) -> None:
    """After a stop 9 and 12 follow where reads move a version, and 12 where nothing does."""
    caller.emulator.set_transitions(**setting)
    ids = caller.create()
    if setting.get("sequence") == [8]:
        seen = [12, 12]  # nothing lay before it any more
        caller.detail(*ids)

    assert stop(caller, *ids) == {"is_success": True}
    assert [caller.detail(*ids)["status"] for _ in range(2)] == seen


def test_stop_in_time_mode_ends_a_second_later(caller: Any) -> None:
    """In time mode a stopped version is in 9 for a second of the server's clock."""
    caller.emulator.set_transitions("time", sequence=[[8, 0], [10, 3600]])
    ids = caller.create()
    stop(caller, *ids)
    before = caller.detail(*ids)["status"]
    again = stop(caller, *ids)
    caller.emulator.shift_clock(2)

    assert (before, again) == (9, {"is_success": True})
    assert caller.detail(*ids)["status"] == 12


@pytest.mark.parametrize(
    "setting",
    [
        {"mode": "sometimes"},
        {"mode": "reads"},
        {"mode": "reads", "sequence": []},
        {"mode": "reads", "sequence": ["8"]},
        {"mode": "reads", "sequence": [8], "reads": 0},
        {"mode": "time", "sequence": [8]},
        {"mode": "time", "sequence": [[8, 5], [10, 2]]},
        {"mode": "immediate", "sequence": [8]},
    ],
)
def test_wrong_setting_is_refused(caller: Any, setting: dict[str, Any]) -> None:
    """A setting that cannot be meant is refused, in Python and over HTTP."""
    with pytest.raises(EmulatorError, match="transitions"):
        caller.emulator.set_transitions(**setting)
    reply = caller.call("PUT", "/_emulator/transitions", setting)

    assert reply.status_code == 400
    assert "transitions" in reply.json()["error"]
