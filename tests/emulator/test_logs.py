"""Logs of versions: names, blocks and cursors, and what is answered while there is nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.emulator import Emulator
from airflow_provider_modelarts.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Callable

# What is generated for a version that nothing runs for.
GENERATED = 2


class Log:
    """One version's logs, as its readers see them."""

    def __init__(self, caller: Any, job_id: int, version_id: int) -> None:
        self.caller = caller
        self.ids = (job_id, version_id)
        self.path = f"/training-jobs/{job_id}/versions/{version_id}"

    def names(self) -> Any:
        """Ask for the names of the files."""
        return self.caller.call("GET", f"{self.path}/log/file-names")

    def block(self, **query: Any) -> Any:
        """Ask for lines, of the first worker unless said otherwise."""
        job_id, version_id = self.ids
        query.setdefault("log_file", f"job-{job_id}-{version_id}-worker-0.log")
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return self.caller.call("GET", f"{self.path}/aom-log?{text}")

    def lines(self, **query: Any) -> list[str]:
        """Return the lines of a block."""
        content: str = self.block(**query).json()["content"]
        return content.splitlines()


@pytest.fixture
def log(caller: Any) -> Log:
    """A version that nothing runs for, with ten lines beside the generated ones."""
    found = Log(caller, *caller.create())
    caller.emulator.add_log_lines(*found.ids, [f"line {n}" for n in range(10)])
    return found


def test_a_run_shows_what_it_wrote(running: Any) -> None:
    """Each worker has a file, and its content is the output of the process."""
    running.write_code("import sys\nprint('hello from', sys.argv[-1])\nprint('bye')\n")
    log = Log(running, *running.create(config={"worker_server_num": 2}))
    running.wait(*log.ids, 10)
    names = log.names().json()["log_file_list"]

    assert len(names) == 2
    for index, name in enumerate(names):
        assert log.lines(log_file=name) == [f"hello from --worker_index={index}", "bye"]


def test_a_run_without_log_url_has_logs_too(running: Any, code: Any) -> None:
    """The output is kept beside the state until the version is deleted."""
    running.write_code("print('kept')\n")
    del code["log_url"]
    body = {"job_name": "job", "config": code}
    made = running.call("POST", "/training-jobs", body).json()
    log = Log(running, int(made["job_id"]), int(made["version_id"]))
    running.wait(*log.ids, 10)

    assert log.lines() == ["kept"]


def test_a_line_under_way_is_shown_when_it_is_complete(running: Any) -> None:
    """Half a line is no line while the run may write the rest; a run's last words count without an end."""
    running.write_code(
        "import os, time\n"
        "print('whole'); print('half', end='', flush=True)\n"
        "while not os.path.exists('end'):\n    time.sleep(0.02)\n"
    )
    log = Log(running, *running.create())
    running.wait(*log.ids, 8)
    folder = running.emulator.storage / "bucket"
    log_file = folder / "log" / f"job-{log.ids[0]}-{log.ids[1]}-worker-0.log"
    while not log_file.exists() or "half" not in log_file.read_text():
        assert running.detail(*log.ids)["status"] == 8

    during = log.lines()
    (folder / "code" / "end").touch()
    running.wait(*log.ids, 10)

    assert during == ["whole"]
    assert log.lines() == ["whole", "half"]


def test_versions_that_do_not_run_have_lines(caller: Any) -> None:
    """A version driven by transitions has generated lines, one file for each worker."""
    log = Log(caller, *caller.create(config={"worker_server_num": 3}))
    names = log.names().json()["log_file_list"]

    assert len(names) == 3
    assert [len(log.lines(log_file=name)) for name in names] == [GENERATED] * 3


def test_newest_block_comes_first(log: Log) -> None:
    """Without a cursor a block is the end of the log."""
    reply = log.block(lines=3).json()

    assert reply["content"] == "line 7\nline 8\nline 9\n"
    assert (reply["lines"], len(str(reply["start_line"])), len(reply["end_line"])) == ("3", 19, 19)


def test_cursor_goes_on_to_later_lines(log: Log) -> None:
    """With ``order=desc`` a block starts behind the cursor; at the end the cursor stays."""
    first = log.block(lines=4).json()
    log.caller.emulator.add_log_lines(*log.ids, ["new"])
    second = log.block(base_line=first["end_line"], order="desc").json()
    third = log.block(base_line=second["end_line"], order="desc").json()

    assert second["content"] == "new\n"
    assert (third["content"], third["lines"]) == ("", "0")
    assert third["end_line"] == second["end_line"]


def test_cursor_goes_back_to_earlier_lines(log: Log) -> None:
    """With ``order=asc`` a block ends before the cursor, until there is nothing before it."""
    seen: list[str] = []
    cursor, content = "", "?"
    while content:
        query = {"base_line": cursor, "order": "asc"} if cursor else {}
        reply = log.block(lines=5, **query).json()
        cursor, content = reply["start_line"], reply["content"]
        seen = content.splitlines() + seen

    assert len(seen) == GENERATED + 10
    assert seen[-10:] == [f"line {n}" for n in range(10)]


def test_cursor_can_be_inclusive(new_caller: Callable[[Emulator], Any]) -> None:
    """As an option the line of the cursor is repeated, in both directions."""
    with Emulator(transitions={"mode": "immediate"}, base_line_inclusive=True) as emulator:
        caller = new_caller(emulator)
        log = Log(caller, *caller.create())
        emulator.add_log_lines(*log.ids, ["a", "b", "c"])
        middle = log.block(lines=2).json()["start_line"]

        assert log.lines(base_line=middle, order="desc") == ["b", "c"]
        assert log.lines(base_line=middle, order="asc", lines=2) == ["a", "b"]


@pytest.mark.parametrize("cursor", [0, 1, 9_999_999_999_999_999_999])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_foreign_cursor_is_no_error(log: Log, cursor: int, order: str) -> None:
    """A cursor from elsewhere stands before the first or behind the last line."""
    lines = log.lines(base_line=cursor, order=order)

    assert len(lines) == (GENERATED + 10 if (cursor < 2) == (order == "desc") else 0)


def test_cursor_from_beyond_misses_nothing(log: Log) -> None:
    """Whoever asks from behind the end is told where that is, and reads on from there."""
    end = log.block(base_line="9" * 19, order="desc").json()["end_line"]
    log.caller.emulator.add_log_lines(*log.ids, ["new"])

    assert log.lines(base_line=end, order="desc") == ["new"]


def test_no_lines_tell_where_the_end_is(log: Log) -> None:
    """``lines=0`` shows nothing and gives the cursor of the end."""
    reply = log.block(lines=0).json()

    assert (reply["content"], reply["lines"]) == ("", "0")
    assert reply["end_line"] == log.block().json()["end_line"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"log_file": ""}, "2764"),
        ({"log_file": "../../state.sqlite"}, "0806"),
        ({"lines": 501}, "2764"),
        ({"lines": "x"}, "2764"),
        ({"order": "up"}, "2764"),
        ({"base_line": "x"}, "2764"),
        ({"base_line": "1" * 20}, "2764"),
    ],
)
def test_wrong_query(log: Log, query: Any, code: str) -> None:
    """A query that cannot be meant is refused with a code of its own."""
    reply = log.block(**query)

    assert (reply.status_code, reply.json()["error_code"]) == (400, f"ModelArts.{code}")


@pytest.mark.parametrize("path", ["log/file-names", "aom-log?log_file=x"])
def test_version_has_to_exist(log: Log, path: str) -> None:
    """Logs of a version of another job are no more to be had than the version."""
    other, _ = log.caller.create("other")
    reply = log.caller.call("GET", f"/training-jobs/{other}/versions/{log.ids[1]}/{path}")

    assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.2775")


@pytest.mark.parametrize(("setting", "status"), [("204", 204), ("2818", 400)])
def test_nothing_yet(new_caller: Callable[[Emulator], Any], setting: str, status: int) -> None:
    """Before a version starts there is no log; the answer is one of the two documented ones."""
    plan = {"mode": "time", "sequence": [[1, 0], [8, 60]]}
    with Emulator(transitions=plan, log_not_ready=setting) as emulator:
        log = Log(caller := new_caller(emulator), *caller.create())
        early = [log.names(), log.block()]
        emulator.shift_clock(61)

        for reply in early:
            assert reply.status_code == status
            assert reply.content == b"" or reply.json()["error_code"] == "ModelArts.2818"
        assert len(log.lines()) == GENERATED


def test_log_is_cleaned_up(new_caller: Callable[[Emulator], Any], code: Any) -> None:
    """As an option a version without ``log_url`` loses its log when it ends; with one it stays."""
    bare = {name: value for name, value in code.items() if name != "log_url"}
    with Emulator(transitions={"mode": "immediate"}, clean_up_logs=True) as emulator:
        caller = new_caller(emulator)
        body = {"job_name": "bare", "config": bare}
        made = caller.call("POST", "/training-jobs", body).json()
        gone = Log(caller, int(made["job_id"]), int(made["version_id"]))
        kept = Log(caller, *caller.create("kept"))

        for reply in (gone.names(), gone.block()):
            assert (reply.status_code, reply.json()["error_code"]) == (400, "ModelArts.2819")
        assert len(kept.lines()) == GENERATED


def test_reading_logs_does_not_move_a_version(caller: Any) -> None:
    """In mode ``reads`` only looks at the status count."""
    caller.emulator.set_transitions("reads", sequence=[8, 10])
    log = Log(caller, *caller.create())
    for _ in range(3):
        log.names()
        log.block()

    assert caller.detail(*log.ids)["status"] == 8


def test_lines_are_added_over_http_and_checked(log: Log) -> None:
    """The control call writes to one worker's log; what is no line or no worker is refused."""
    path = f"/_emulator/jobs/{log.ids[0]}/versions/{log.ids[1]}/log"

    assert log.caller.call("POST", path, {"lines": ["x"]}, headers={}).status_code == 200
    assert log.lines()[-1] == "x"
    for wrong in ({"lines": "x"}, {"lines": [1]}, {"lines": [], "worker": 1}, {}):
        assert log.caller.call("POST", path, wrong, headers={}).status_code == 400
    with pytest.raises(EmulatorError, match="worker 5"):
        log.caller.emulator.add_log_lines(*log.ids, ["x"], worker=5)
