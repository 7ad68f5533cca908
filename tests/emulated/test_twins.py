"""Tasks with the same payload end with a version each, whoever is killed; against the emulator."""

from __future__ import annotations

from typing import Any

from airflow_provider_modelarts.operators import memory
from tests.emulated.tries import KILLS, StateStore, versions


@KILLS
def test_mapped_tasks_with_one_payload_never_share_a_version(
    version_run, emulator, point: str
) -> None:
    """A killed try does not take the version of its twin for its own."""
    xcoms: dict[Any, Any] = {}
    killed = version_run(StateStore(), xcoms, index=0)
    twin = version_run(StateStore(), xcoms, index=1)
    if point == "after intent":
        killed.killed_attempt(point)  # the intent is there, the request was never sent
        other = twin.attempt()
    else:
        other = twin.attempt()
        killed.killed_attempt(point)

    result = killed.attempt()

    assert result["version_id"] != other["version_id"]
    assert len(versions(emulator)) == 3


def test_two_killed_twins_end_with_two_versions(version_run, emulator) -> None:
    """Both die after their request, with no claim left of either; each ends with one of its own."""
    xcoms: dict[Any, Any] = {}
    twins = [version_run(StateStore(), xcoms, index=index) for index in range(2)]
    for twin in twins:
        twin.killed_attempt("before made")

    results = [twin.attempt() for twin in twins]

    found = {result["version_id"] for result in results}
    assert found == {v.version_id for v in versions(emulator)[1:]}
    assert len(found) == 2


def test_twin_that_lost_its_version_takes_the_one_left_over(version_run, emulator) -> None:
    """While one twin restarts its claim is gone; the other may take its version, and both end well."""
    xcoms: dict[Any, Any] = {}
    first, second = (version_run(StateStore(), xcoms, index=index) for index in range(2))
    first.killed_attempt("after made")  # on record, but never claimed
    second.killed_attempt("before made")  # made, but not on record

    results = [second.attempt(), first.attempt()]

    found = {result["version_id"] for result in results}
    assert found == {v.version_id for v in versions(emulator)[1:]}
    assert len(found) == 2


def test_claim_of_the_task_that_was_answered_wins(version_run, emulator, monkeypatch) -> None:
    """A task that adopts gives way to the one that shows a moment later that it made the version."""
    xcoms: dict[Any, Any] = {}
    adopting = version_run(StateStore(), xcoms, index=0)
    adopting.killed_attempt("after intent")
    made: list[dict[str, Any]] = []
    maker = version_run(StateStore(), {}, index=1)  # its claim shows only when it is copied over
    made.append(maker.attempt())

    def late(_: float) -> None:
        xcoms.setdefault(("refine", 1, memory.CLAIM), maker._xcoms["refine", 1, memory.CLAIM])

    monkeypatch.setattr(memory.time, "sleep", late)

    result = adopting.attempt()

    assert result["version_id"] != made[0]["version_id"]
    assert len(versions(emulator)) == 3


def test_version_on_record_of_two_tasks_goes_to_one(version_run, emulator, monkeypatch) -> None:
    """Both died before they settled whose it is, and both retries claim it at the same moment."""
    xcoms: dict[Any, Any] = {}
    first, second = (version_run(StateStore(), xcoms, index=index) for index in range(2))
    first.killed_attempt("after made")
    record = first.store.values[memory.KEY]
    second.store.values[memory.KEY] = dict(record)
    ids = {name: record[name] for name in ("job_id", "version_id", "since")}

    def late(_: float) -> None:
        claim = {**ids, "own": True, "by": ["refine", 0]}
        xcoms.setdefault(("refine", 0, memory.CLAIM), claim)

    monkeypatch.setattr(memory.time, "sleep", late)

    result = second.attempt()

    assert result["version_id"] != record["version_id"]
    assert len(versions(emulator)) == 3
