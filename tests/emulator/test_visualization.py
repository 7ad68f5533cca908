"""Visualization jobs: they come up with the clock, are stopped, restarted and stopped by schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JOBS = "/visualization-jobs"
BODY = {"job_name": "board", "train_url": "/bucket/out/"}
SCHEDULE = {"type": "stop", "time_unit": "HOURS", "duration": 2}
# Of the emulator's delays: the clock is moved by more than a slow machine may lose in between.
SCALE = 100
# Longer than the emulator takes to bring a job up or down.
A_WHILE = 3 * SCALE


class Board:
    """One visualization job."""

    def __init__(self, caller: Any, **fields: Any) -> None:
        self.caller = caller
        self.created = caller.call("POST", JOBS, {**BODY, **fields}).json()
        self.path = f"{JOBS}/{self.created['job_id']}"

    def read(self) -> dict[str, Any]:
        """Return the job's detail."""
        reply = self.caller.call("GET", self.path)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def post(self, verb: str) -> Any:
        """Stop or restart the job."""
        return self.caller.call("POST", f"{self.path}/{verb}")

    def after(self, seconds: float) -> int:
        """Return the status some time later."""
        self.caller.emulator.shift_clock(seconds)
        self.caller.forget_token()
        status: int = self.read()["status"]
        return status


@pytest.fixture(scope="module")
def slow() -> Iterator[Emulator]:
    """An emulator whose delays no machine is too slow for."""
    with Emulator(time_scale=SCALE) as emulator:
        yield emulator


@pytest.fixture
def caller(slow: Emulator, new_caller: Callable[[Emulator], Any]) -> Any:
    """A caller of that emulator, empty."""
    slow.reset()
    return new_caller(slow)


@pytest.fixture
def board(caller: Any) -> Board:
    """A job that was just created."""
    return Board(caller)


def error(reply: Any) -> tuple[int, str]:
    """Return status and code of a failure."""
    return reply.status_code, reply.json()["error_code"]


def test_job_comes_up_with_the_clock(board: Board) -> None:
    """A job begins in 1 and passes 7 to 8; its address and its duration begin there."""
    first = board.read()
    waiting = board.after(0.6 * SCALE)
    running = board.after(A_WHILE)

    assert (board.created["status"], first["status"], waiting, running) == ("1", 1, 7, 8)
    assert (first["service_url"], first["duration"]) == (None, None)
    found = board.read()
    assert f"/{found['job_id']}/" in found["service_url"]
    assert found["duration"] > 1000
    assert board.after(7 * 24 * 3600) == 8


def test_detail_has_no_flag(board: Board) -> None:
    """Reading one job answers without ``is_success``, whether it is there or not."""
    missing = board.caller.call("GET", f"{JOBS}/1")

    assert "is_success" not in board.read()
    assert error(missing) == (404, "ModelArts.0015")
    assert "is_success" not in missing.json()


def test_stop_and_restart(board: Board) -> None:
    """A stop leads to 9 and 12, a restart from there to 8 again, with times of its own."""
    board.after(3600)
    long = board.read()["duration"]

    assert board.post("stop").json() == {"is_success": True}
    assert board.read()["status"] == 9
    assert board.post("stop").json() == {"is_success": True}
    assert board.after(A_WHILE) == 12
    assert board.read()["service_url"] is None
    assert board.post("restart").json() == {"is_success": True}
    assert board.read()["status"] == 1
    assert board.after(A_WHILE) == 8
    assert board.read()["duration"] < long


@pytest.mark.parametrize(
    ("option", "stop", "restart"),
    [
        ("0105", (200, "ModelArts.0105"), (200, "ModelArts.0105")),
        ("2796", (409, "ModelArts.2796"), (409, "ModelArts.2813")),
    ],
)
def test_wrong_state(
    new_caller: Callable[[Emulator], Any], option: str, stop: Any, restart: Any
) -> None:
    """What has ended cannot be stopped, what has not cannot be restarted; the codes can be chosen."""
    with Emulator(stop_in_final_state=option, time_scale=0) as emulator:
        board = Board(new_caller(emulator))

        assert error(board.post("restart")) == restart
        board.post("stop")
        assert error(board.post("stop")) == stop
        assert board.read()["status"] == 12


@pytest.mark.parametrize("schedule", [SCHEDULE, [SCHEDULE]], ids=["object", "list"])
def test_schedule_stops_a_job(caller: Any, schedule: Any) -> None:
    """After its hours a scheduled job stops by itself, and a restart begins them anew."""
    board = Board(caller, schedule=schedule)

    assert board.after(2 * 3600 - 60) == 8
    assert board.after(60 + A_WHILE) == 12
    assert board.read()["duration"] == pytest.approx((2 * 3600 + SCALE) * 1000, abs=1)
    board.post("restart")
    assert board.after(3600) == 8
    assert board.after(3600 + A_WHILE) == 12


def test_schedule_of_no_hours_never_stops(caller: Any) -> None:
    """0 hours is within the documented range and is taken to mean no schedule."""
    assert Board(caller, schedule={**SCHEDULE, "duration": 0}).after(30 * 3600) == 8


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"job_name": ...}, "job_name"),
        ({"job_name": "x" * 21}, "job_name"),
        ({"job_name": "a b"}, "job_name"),
        ({"job_desc": "x" * 257}, "job_desc"),
        ({"train_url": ...}, "train_url"),
        ({"train_url": ""}, "train_url"),
        ({"job_type": "notebook"}, "job_type"),
        ({"flavor": {}}, "flavor.code"),
        ({"schedule": []}, "schedule"),
        ({"schedule": [SCHEDULE, SCHEDULE]}, "schedule"),
        ({"schedule": "2h"}, "schedule"),
        ({"schedule": {**SCHEDULE, "duration": 25}}, "schedule.duration"),
        ({"schedule": [{**SCHEDULE, "duration": "1"}]}, "schedule.0.duration"),
        ({"schedule": {**SCHEDULE, "type": "start"}}, "schedule.type"),
        ({"schedule": {**SCHEDULE, "time_unit": "DAYS"}}, "schedule.time_unit"),
    ],
)
def test_wrong_body(caller: Any, changes: Any, field: str) -> None:
    """A violated rule is 400 ModelArts.0104 and names the field."""
    body = {name: value for name, value in {**BODY, **changes}.items() if value is not ...}

    reply = caller.call("POST", JOBS, body)

    assert error(reply) == (400, "ModelArts.0104")
    assert f"error: {field} " in reply.json()["error_message"]
    assert caller.call("GET", JOBS).json()["job_total_count"] == 0


@pytest.mark.parametrize("path", ["/bucket/../../etc/", "/"])
def test_output_lies_in_the_storage(caller: Any, path: str) -> None:
    """A path that is none in the storage is 2791."""
    assert error(caller.call("POST", JOBS, {**BODY, "train_url": path})) == (400, "ModelArts.2791")


def test_name_is_taken_once(board: Board) -> None:
    """Names are unique among visualization jobs, and theirs alone."""
    again = board.caller.call("POST", JOBS, BODY)

    assert error(again) == (200, "ModelArts.0103")
    assert again.json()["error_message"] == "Job name:board is existed"
    board.caller.emulator.set_transitions("immediate")
    assert board.caller.create("board")


def test_quota(caller: Any) -> None:
    """The quota is told by the list; at its end creating is refused."""
    caller.emulator.add_visualization_jobs(98)
    Board(caller)
    before = caller.call("GET", JOBS).json()
    Board(caller, job_name="last")
    refused = caller.call("POST", JOBS, {**BODY, "job_name": "one-more"})

    assert (before["quotas"], before["job_count_limit"]) == (100, 1)
    assert error(refused) == (400, "ModelArts.2815")


def test_description_is_changed(board: Board) -> None:
    """PUT changes the description, under the rules of any description."""
    assert board.caller.call("PUT", board.path, {"job_desc": "new"}).json() == {"is_success": True}
    assert board.read()["job_desc"] == "new"
    assert error(board.caller.call("PUT", board.path, {})) == (400, "ModelArts.0104")


def test_list_is_filtered_paged_and_sorted(caller: Any) -> None:
    """Status, workspace, search, sort key and page narrow the list; by default it goes by id."""
    ids = caller.emulator.add_visualization_jobs(3, status=8, prefix="b")
    ids += caller.emulator.add_visualization_jobs(2, status=12, prefix="a")
    elsewhere = caller.emulator.add_visualization_jobs(1, workspace_id="w")

    def listed(query: str) -> list[int]:
        return [job["job_id"] for job in caller.call("GET", f"{JOBS}?{query}").json()["jobs"]]

    assert listed("") == ids
    assert listed("order=desc&per_page=2&page=2") == [ids[2], ids[1]]
    assert listed("status=12") == ids[3:]
    assert listed("search_content=A-") == ids[3:]
    assert listed("sortBy=job_name") == [*ids[3:], *ids[:3]]
    assert listed("sortBy=status&order=desc") == [ids[4], ids[3], ids[2], ids[1], ids[0]]
    assert listed("workspace_id=w") == elsewhere
    assert caller.call("GET", f"{JOBS}?per_page=1").json()["job_total_count"] == 5


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("sortBy=duration", "2790"),
        ("status=x", "2789"),
        ("per_page=1001", "2764"),
        ("order=up", "2764"),
        (f"search_content={'x' * 65}", "0104"),
    ],
)
def test_wrong_list_query(caller: Any, query: str, code: str) -> None:
    """The list refuses what it does not document."""
    assert error(caller.call("GET", f"{JOBS}?{query}")) == (400, f"ModelArts.{code}")


@pytest.mark.parametrize(
    ("method", "rest"), [("DELETE", ""), ("PUT", ""), ("POST", "/stop"), ("POST", "/restart")]
)
@pytest.mark.parametrize("job_id", ["77", "x"])
def test_job_has_to_exist(caller: Any, method: str, rest: str, job_id: str) -> None:
    """An unknown id is not found, and what is no id is a wrong parameter."""
    reply = caller.call(method, f"{JOBS}/{job_id}{rest}", {"job_desc": ""})

    expected = (404, "ModelArts.0015") if job_id == "77" else (400, "ModelArts.0104")
    assert error(reply) == expected


def test_status_is_forced(board: Board) -> None:
    """A forced status holds until the job is stopped or restarted."""
    board.caller.emulator.set_visualization_status(board.created["job_id"], 11)

    assert board.after(A_WHILE) == 11
    board.post("restart")
    assert board.after(A_WHILE) == 8


def test_control_over_http(caller: Any) -> None:
    """Seeding and forcing have their calls."""
    order = {"count": 2, "status": 7, "prefix": "x"}
    made = caller.call("POST", "/_emulator/visualization-jobs", order, headers={}).json()["jobs"]
    path = f"/_emulator/visualization-jobs/{made[0]['job_id']}"

    assert caller.call("PUT", path, {"status": 14}, headers={}).status_code == 200
    jobs = caller.call("GET", JOBS).json()["jobs"]
    assert [(job["job_id"], job["status"]) for job in jobs] == [
        (made[0]["job_id"], 14),
        (made[1]["job_id"], 7),
    ]
    assert caller.call("PUT", path, {}, headers={}).status_code == 400
    missing = "/_emulator/visualization-jobs/1"
    assert caller.call("PUT", missing, {"status": 1}, headers={}).status_code == 404


@pytest.mark.parametrize(("tool", "part"), [("mindinsight", "mindinsight"), (None, "tensorboard")])
def test_address_names_the_tool(caller: Any, tool: str | None, part: str) -> None:
    """The address of a running job says what it shows with; TensorBoard is the default."""
    board = Board(caller, **({} if tool is None else {"job_type": tool}))
    board.after(A_WHILE)

    assert f"/{part}/" in board.read()["service_url"]
