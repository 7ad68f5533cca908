"""Tasks with the same payload end with a version each, whoever is killed; against the emulator."""

from __future__ import annotations

import time
from typing import Any

import pytest

from airflow_provider_modelarts.client.client import ModelArtsClient
from airflow_provider_modelarts.operators import claims, memory
from tests.emulated.tries import KILLS, StateStore, TaskRun, versions

pytestmark = pytest.mark.parametrize(
    "places",
    [
        [{"index": 0}, {"index": 1}],
        [{"run_id": "manual__1"}, {"run_id": "manual__2"}],
    ],
    ids=["mapped tasks of a run", "runs of a DAG"],
)


@pytest.fixture
def twins(version_run, places: list[dict[str, Any]]) -> list[TaskRun]:
    """Two task instances that make the same version of one job, and see each other's XComs."""
    xcoms: dict[Any, Any] = {}
    return [version_run(StateStore(), xcoms, **place) for place in places]


@KILLS
def test_twins_never_share_a_version(twins, emulator, point: str) -> None:
    """A killed try does not take the version of its twin for its own."""
    killed, twin = twins
    if point == "after intent":
        killed.killed_attempt(point)  # the intent is there, the request was never sent
        other = twin.attempt()
    else:
        other = twin.attempt()
        killed.killed_attempt(point)

    result = killed.attempt()

    assert result["version_id"] != other["version_id"]
    assert len(versions(emulator)) == 3


def test_two_killed_twins_end_with_two_versions(twins, emulator) -> None:
    """Both die after their request, with no claim left of either; each ends with one of its own."""
    for twin in twins:
        twin.killed_attempt("before made")

    results = [twin.attempt() for twin in twins]

    found = {result["version_id"] for result in results}
    assert found == {v.version_id for v in versions(emulator)[1:]}
    assert len(found) == 2


def test_twin_that_lost_its_version_takes_the_one_left_over(twins, emulator) -> None:
    """While one twin restarts its claim is gone; the other may take its version, and both end well."""
    first, second = twins
    first.killed_attempt("after made")  # on record, but never claimed
    second.killed_attempt("before made")  # made, but not on record

    results = [second.attempt(), first.attempt()]

    found = {result["version_id"] for result in results}
    assert found == {v.version_id for v in versions(emulator)[1:]}
    assert len(found) == 2


def test_claim_of_the_task_that_was_answered_wins(
    version_run, places, emulator, monkeypatch
) -> None:
    """A task that adopts gives way to the one that shows a moment later that it made the version."""
    xcoms: dict[Any, Any] = {}
    adopting = version_run(StateStore(), xcoms, **places[0])
    adopting.killed_attempt("after intent")
    maker = version_run(StateStore(), {}, **places[1])
    made = maker.attempt()

    def late(_: float) -> None:
        xcoms.update(maker.xcoms)  # only now does its claim show

    monkeypatch.setattr(claims.time, "sleep", late)

    result = adopting.attempt()

    assert result["version_id"] != made["version_id"]
    assert len(versions(emulator)) == 3


def test_version_adopted_before_its_answer_came_stays_with_who_adopted_it(
    twins, emulator, monkeypatch
) -> None:
    """While the answer is on its way nothing shows whose the version is; the maker makes another."""
    adopting, maker = twins
    adopting.killed_attempt("after intent")
    adopted: list[dict[str, Any]] = []
    create = ModelArtsClient.create_job_version

    def slowly(*args: Any) -> Any:
        answer = create(*args)
        if not adopted:
            adopted.append(adopting.attempt())
        return answer

    monkeypatch.setattr(ModelArtsClient, "create_job_version", slowly)
    monkeypatch.setattr(claims, "SETTLING", 0)  # no answer comes sooner

    result = maker.attempt()

    first, second = (version.version_id for version in versions(emulator)[1:])
    assert (adopted[0]["version_id"], result["version_id"]) == (first, second)


@pytest.mark.parametrize("outcome", ["settles", "withdraws", "dies"])
def test_later_claim_is_waited_for(twins, emulator, monkeypatch, outcome: str) -> None:
    """A claim that was slow to show cannot know whether the other's task had looked before."""
    first, second = twins
    first.killed_attempt("before made")
    wanted = versions(emulator)[-1].version_id
    where = (*second.where, claims.CLAIM)
    claim = {"job_id": 1, "version_id": wanted, "since": time.time() + 60, "own": True}
    later = {"settles": {"settled": True}, "withdraws": {"version_id": None}, "dies": {}}
    looks: list[float] = []

    def play(_: float) -> None:
        looks.append(_)
        change = later[outcome] if len(looks) > 2 else {}
        first.xcoms[where] = {**claim, "by": list(second.where), **change}

    monkeypatch.setattr(claims.time, "sleep", play)

    result = first.attempt()

    assert (result["version_id"] == wanted) == (outcome != "settles")
    assert len(versions(emulator)) == (3 if outcome == "settles" else 2)


def test_version_on_record_of_two_tasks_goes_to_one(twins, emulator, monkeypatch) -> None:
    """Both died before they settled whose it is, and both retries claim it at the same moment."""
    first, second = twins
    first.killed_attempt("after made")
    record = first.store.values[memory.KEY]
    second.store.values[memory.KEY] = dict(record)
    ids = {name: record[name] for name in ("job_id", "version_id", "since")}

    def late(_: float) -> None:
        claim = {**ids, "own": True, "by": list(first.where)}
        first.xcoms[*first.where, claims.CLAIM] = claim

    monkeypatch.setattr(claims.time, "sleep", late)

    result = second.attempt()

    assert result["version_id"] != record["version_id"]
    assert len(versions(emulator)) == 3


def test_without_a_store_the_twin_that_gives_way_takes_what_is_left(
    version_run, places, emulator, monkeypatch
) -> None:
    """Two retries start together, with no claim left of either, and reach for the same version."""
    xcoms: dict[Any, Any] = {}
    first, second = (version_run(None, xcoms, **place) for place in places)
    left, wanted = (twin.attempt()["version_id"] for twin in (first, second))
    del xcoms[*first.where, claims.CLAIM]  # its retry has started

    def late(_: float) -> None:
        by = list(first.where)
        claim = {"job_id": 1, "version_id": wanted, "since": 1, "own": True, "by": by}
        xcoms.setdefault((*first.where, claims.CLAIM), claim)

    monkeypatch.setattr(claims.time, "sleep", late)

    result = second.attempt()

    assert result["version_id"] == left
    assert len(versions(emulator)) == 3


@pytest.mark.parametrize("status", [9, 12, 10], ids=["being stopped", "stopped", "completed"])
def test_without_a_store_a_cleared_task_stops_what_still_runs(
    version_run, places, emulator, status: int
) -> None:
    """Two were cleared together, and one of them has dealt with a training already."""
    xcoms: dict[Any, Any] = {}
    first, second = (version_run(None, xcoms, **place) for place in places)
    emulator.set_transitions("immediate", status=8)
    left, dealt_with = (twin.attempt()["version_id"] for twin in (first, second))
    (job,) = emulator.jobs()
    emulator.set_status(job.job_id, dealt_with, status)
    xcoms.clear()
    first.clear()

    first.attempt()

    found = {version.version_id: version.status for version in versions(emulator)}
    assert found[left] in {9, 12}
    assert found[dealt_with] == status
