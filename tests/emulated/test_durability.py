"""One task, one training: retries, clears, lost answers and killed tries, against the emulator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_modelarts.exceptions import JobNameExistsError, TrainingJobFailedError
from airflow_provider_modelarts.operators import memory
from airflow_provider_modelarts.operators.training_job import CreateTrainingJobOperator
from tests.emulated.tries import KILLS, StateStore, TaskRun, versions


@KILLS
def test_killed_try_leaves_one_job_that_the_retry_takes(job_run, emulator, point: str) -> None:
    """Wherever the process dies around the request, the retry ends with the one job."""
    run = job_run(StateStore())
    run.killed_attempt(point)

    result = run.attempt()

    assert [v.version_id for v in versions(emulator)] == [result["version_id"]]


@KILLS
def test_killed_try_leaves_one_version_that_the_retry_takes(
    version_run, emulator, point: str
) -> None:
    """The same for a version, which has no unique name."""
    run = version_run(StateStore())
    run.killed_attempt(point)

    result = run.attempt()

    assert [v.version_id for v in versions(emulator)][1:] == [result["version_id"]]


@pytest.mark.parametrize("kind", ["lost_answer", "garbage", "truncate", "reset"])
@pytest.mark.parametrize("what", ["job", "version"])
def test_lost_answer_is_settled_by_asking(
    job_run, version_run, emulator, request, what: str, kind: str
) -> None:
    """A creation whose answer was lost is found at the service and not sent again."""
    if what == "job":
        run, operation, before = job_run(StateStore()), "create_training_job", 0
        emulator.reset()
        emulator.set_transitions("immediate")
    else:
        run, operation, before = version_run(StateStore()), "create_job_version", 1
    emulator.clear_requests()
    emulator.inject(operation, kind, when="after", times=1)

    result = run.attempt()

    assert len(emulator.requests(operation)) == 1
    assert [v.version_id for v in versions(emulator)][before:] == [result["version_id"]]


@pytest.mark.parametrize("what", ["job", "version"])
def test_creation_that_did_not_happen_is_sent_again(job_run, version_run, emulator, what) -> None:
    """A 500 before any work is followed by a look, and then by a second request."""
    operation = "create_training_job" if what == "job" else "create_job_version"
    if what == "job":
        emulator.reset()
        emulator.set_transitions("immediate")
    run = (job_run if what == "job" else version_run)(StateStore())
    emulator.clear_requests()
    emulator.inject(operation, "status", when="before", status=500, times=1)

    run.attempt()

    assert len(emulator.requests(operation)) == 2
    assert len(versions(emulator)) == (1 if what == "job" else 2)


def test_retry_attaches_to_its_own_running_job(job_run, emulator) -> None:
    """A job that is still running is not submitted a second time."""
    emulator.set_transitions("reads", sequence=[8] * 50, reads=1)
    run = job_run(StateStore())
    first = run.attempt()

    second = run.attempt()

    assert second["version_id"] == first["version_id"]
    assert len(versions(emulator)) == 1


def test_retry_returns_its_own_completed_job(job_run, emulator) -> None:
    """A job that has completed is the result; the XCom has the same form."""
    run = job_run(StateStore())
    first = run.attempt()

    second = run.attempt()

    assert second.keys() == first.keys()
    assert second["version_id"] == first["version_id"]
    assert len(versions(emulator)) == 1


@pytest.mark.parametrize("status", [11, 12])
def test_retry_after_a_failed_training_trains_anew_as_a_version(
    job_run, emulator, status: int
) -> None:
    """The name stays taken, so the next training is a new version of the own job."""
    run = job_run(StateStore(), wait_for_completion=True, poll_interval=0.01)
    emulator.set_transitions("immediate", status=status)
    with pytest.raises(TrainingJobFailedError):
        run.attempt()
    emulator.set_transitions("immediate")

    result = run.attempt()

    assert [v.status for v in versions(emulator)] == [status, 10]
    assert result["version_name"] == "V0002"
    assert versions(emulator)[1].pre_version_id == versions(emulator)[0].version_id


def test_cleared_task_trains_anew(job_run, emulator) -> None:
    """A clear means: again."""
    run = job_run(StateStore())
    first = run.attempt()
    run.clear()

    second = run.attempt()

    assert second["job_id"] == first["job_id"]
    assert second["version_id"] != first["version_id"]


def test_cleared_task_reuses_its_training_where_it_says_so(job_run, emulator) -> None:
    """``on_clear="reuse"`` keeps what is there."""
    run = job_run(StateStore(), on_clear="reuse")
    first = run.attempt()
    run.clear()

    assert run.attempt()["version_id"] == first["version_id"]
    assert len(versions(emulator)) == 1


def test_retry_after_a_clear_attaches_to_the_new_training(job_run, emulator) -> None:
    """The training of the cleared task counts, not that of before."""
    run = job_run(StateStore())
    run.attempt()
    run.clear()
    second = run.attempt()

    assert run.attempt()["version_id"] == second["version_id"]
    assert len(versions(emulator)) == 2


def test_cleared_task_stops_what_it_has_running(job_run, emulator) -> None:
    """There is never more than one live training of a task."""
    emulator.set_transitions("reads", sequence=[8] * 50, reads=1)
    run = job_run(StateStore())
    run.attempt()
    run.clear()

    run.attempt()

    assert versions(emulator)[0].status in (9, 12)
    assert versions(emulator)[1].status == 8


def test_cleared_task_goes_on_where_it_may_not_stop(job_run, emulator) -> None:
    """With ``cancel_on_kill=False`` the running training is kept instead of doubled."""
    emulator.set_transitions("reads", sequence=[8] * 50, reads=1)
    run = job_run(StateStore(), cancel_on_kill=False)
    first = run.attempt()
    run.clear()

    assert run.attempt()["version_id"] == first["version_id"]
    assert len(versions(emulator)) == 1


def test_foreign_job_of_the_same_name_is_never_adopted(job_run, client, config, emulator) -> None:
    """A name taken by somebody else is an error, at the first try and at a retry."""
    client.create_training_job({"job_name": "job", "config": config})
    run = job_run(StateStore())

    for _ in range(2):
        with pytest.raises(AirflowFailException) as caught:
            run.attempt()
        assert isinstance(caught.value.__cause__, JobNameExistsError)
    assert len(versions(emulator)) == 1


@pytest.mark.parametrize("point", ["before intent", "after intent"])
@pytest.mark.parametrize("if_exists", ["fail", "new_version"])
def test_killed_try_does_not_adopt_a_job_of_another_run(
    job_run, client, config, emulator, point: str, if_exists: str
) -> None:
    """A job of the same name and payload that was there before is another's, however young."""
    foreign = client.create_training_job({"job_name": "job", "config": config})
    run = job_run(StateStore(), if_exists=if_exists)
    if if_exists == "fail":
        with pytest.raises(AirflowFailException):
            run.attempt()
        return
    run.killed_attempt(point)

    result = run.attempt()

    assert result["version_id"] != foreign.version_id
    assert len(versions(emulator)) == 2


def test_adoption_does_not_depend_on_the_clock_of_the_service(connect, config, emulator) -> None:
    """What was made is found although the service's clock is an hour slow."""
    connect("token")
    emulator.shift_clock(-3600)
    emulator.inject("create_training_job", "lost_answer", when="after", times=1)

    def task(**changes: Any) -> CreateTrainingJobOperator:
        return CreateTrainingJobOperator(task_id="train", job_name="job", config=config, **changes)

    result = TaskRun(task, store=StateStore()).attempt()

    assert [v.version_id for v in versions(emulator)] == [result["version_id"]]


def test_if_exists_is_not_asked_about_the_own_job(job_run, emulator) -> None:
    """A retry attaches to its own job whatever ``if_exists`` says."""
    run = job_run(StateStore(), if_exists="new_version")
    first = run.attempt()

    assert run.attempt()["version_id"] == first["version_id"]
    assert len(versions(emulator)) == 1


def test_own_job_whose_version_was_deleted_is_trained_anew(job_run, client, emulator) -> None:
    """The job is still this task's, so a new version of it is made."""
    run = job_run(StateStore())
    first = run.attempt()
    run._make().hook.get_conn()
    spare = client.create_job_version(
        first["job_id"],
        {"config": run._make().config | {"pre_version_id": first["version_id"]}},
    )
    client.delete_job_version(first["job_id"], first["version_id"])

    result = run.attempt()

    assert result["version_id"] not in (first["version_id"], spare.version_id)
    assert result["job_id"] == first["job_id"]


def test_without_a_store_a_retry_finds_its_job_by_name_and_payload(job_run, emulator) -> None:
    """Before Airflow 3.3 name, payload and run start decide."""
    run = job_run(None)
    first = run.attempt()

    assert run.attempt()["version_id"] == first["version_id"]
    assert len(versions(emulator)) == 1


@pytest.mark.parametrize("shift", [-7200, 7200], ids=["slow", "fast"])
@pytest.mark.parametrize("made", ["job", "job without a version"])
def test_without_a_store_clocks_need_not_agree(
    job_run, connect, emulator, config, shift: int, made: str
) -> None:
    """A retry finds its own, and only its own, though the service's clock is hours off ours."""
    emulator.shift_clock(shift)
    connect("password")
    create_version = {"create_version": False} if made != "job" else {}
    run = job_run(None, config=config | create_version)
    run.started = datetime.now(UTC)

    first = run.attempt()

    assert run.attempt()["job_id"] == first["job_id"]
    assert len(emulator.jobs()) == 1
    assert len(versions(emulator)) == (1 if made == "job" else 0)


def test_without_a_store_a_retry_finds_its_version(version_run, emulator) -> None:
    """The same for a version, by its predecessor and payload."""
    run = version_run(None)
    first = run.attempt()

    assert run.attempt()["version_id"] == first["version_id"]
    assert len(versions(emulator)) == 2


def test_without_a_store_a_foreign_payload_is_not_adopted(
    job_run, client, config, emulator
) -> None:
    """A job of the same name that trains something else is not this task's."""
    client.create_training_job({"job_name": "job", "config": config | {"spec_id": 99}})
    run = job_run(None)
    with pytest.raises(AirflowFailException):
        run.attempt()

    with pytest.raises(AirflowFailException, match="if_exists"):
        run.attempt()


def test_without_a_store_a_cleared_task_trains_anew(job_run, emulator) -> None:
    """The first try after a clear is told by Airflow's counters."""
    run = job_run(None)
    run.attempt()
    run.clear()

    run.attempt()

    assert len(versions(emulator)) == 2


def test_without_a_store_a_clear_is_forgotten_with_the_try_that_knew_of_it(
    job_run, emulator
) -> None:
    """A known limit: if the first try after a clear is lost, the next one takes the old training."""
    run = job_run(None)
    first = run.attempt()
    run.clear()
    run.number += 1  # a try that died before it had asked for anything

    assert run.attempt()["version_id"] == first["version_id"]
    assert len(versions(emulator)) == 1


def test_record_of_another_release_is_passed_over(job_run, emulator) -> None:
    """A stored record that makes no sense does not break the task."""
    store = StateStore()
    store.values[memory.KEY] = {"format": 99}

    job_run(store).attempt()

    assert len(versions(emulator)) == 1


def test_record_holds_no_payload_and_no_secret(version_run) -> None:
    """What lies in Airflow's database is ids, times and a hash."""
    run = version_run(StateStore())

    run.attempt()

    assert run.store.values[memory.KEY].keys() == {
        "phase",
        "generation",
        "fingerprint",
        "since",
        "job_id",
        "version_id",
        "base",
        "seen",
    }


@pytest.mark.parametrize("running", [True, False])
def test_clear_that_max_tries_does_not_show_is_known_from_a_note(
    job_run, emulator, running: bool
) -> None:
    """Airflow leaves max_tries alone where the process of a cleared task ends otherwise than it meant to."""
    emulator.set_transitions("immediate", status=8 if running else 10)
    store = StateStore()
    run = job_run(store)
    first = run.attempt()

    store.values[memory.CLEARED] = {"try_number": 1}
    second = run.attempt()
    third = run.attempt()

    assert second["version_id"] != first["version_id"]
    assert third["version_id"] == second["version_id"]  # the note is of an earlier try


@pytest.mark.parametrize(
    "note", [{}, {"try_number": "1"}, {"try_number": True}, {"try_number": 2}, 7, []]
)
def test_note_of_a_clear_that_makes_no_sense_is_none(job_run, emulator, note) -> None:
    """A retry goes on with its training."""
    emulator.set_transitions("immediate", status=8)
    store = StateStore()
    run = job_run(store)
    first = run.attempt()

    store.values[memory.CLEARED] = note

    assert run.attempt()["version_id"] == first["version_id"]
