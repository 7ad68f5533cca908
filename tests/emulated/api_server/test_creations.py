"""A user ends a task whose creation is under way."""

from __future__ import annotations

from concurrent.futures import wait

from airflow_provider_modelarts import listener, stopper
from airflow_provider_modelarts.operators.claims import CLAIM
from tests.emulated.api_server.states import AIRFLOW_3, RUNNING, STOPPED, status_of, until

pytestmark = AIRFLOW_3


def test_training_that_appears_after_its_task_was_ended_is_stopped(
    tell, push, intent, client, config, emulator, ordered, instance
) -> None:
    """The answer is slow, Airflow has killed the process, and only the intent is on record."""
    emulator.set_transitions("immediate", status=RUNNING)
    push(CLAIM, intent)
    listener.EndedByUser().on_task_instance_failed(None, instance)
    until(lambda: len(emulator.requests("list_training_jobs")) >= 2)

    client.create_training_job({"job_name": "job", "config": config})
    wait(ordered)

    assert status_of(emulator) in STOPPED


def test_version_that_appears_after_its_task_was_ended_is_stopped(
    push, intent, running, client, config, emulator, ordered, instance
) -> None:
    """It is told from the versions that were there before, and from one with other settings."""
    what = intent["intent"] | {"job_id": running.job_id, "seen": [running.version_id]}
    push(CLAIM, intent | {"intent": what})
    listener.EndedByUser().on_task_instance_failed(None, instance)

    body = {"config": config | {"pre_version_id": running.version_id}}
    other = {"config": body["config"] | {"train_url": "/bucket/other/"}}
    client.create_job_version(running.job_id, other)
    client.create_job_version(running.job_id, body)
    wait(ordered)

    (job,) = emulator.jobs()
    assert [version.status in STOPPED for version in job.versions] == [False, False, True]


def test_job_of_a_later_try_is_not_stopped_for_an_earlier_one(
    push, intent, claim, emulator, ordered, instance, client
) -> None:
    """A task that is marked and then cleared trains anew, perhaps under the same name."""
    push(CLAIM, intent | {"intent": intent["intent"] | {"job_name": "not-there-yet"}})
    listener.EndedByUser().on_task_instance_failed(None, instance)
    until(lambda: len(emulator.requests("list_training_jobs")) >= 2)

    push(CLAIM, claim | {"try_number": 2})
    wait(ordered)

    assert status_of(emulator) == RUNNING


def test_twins_that_wait_for_their_answers_are_not_mixed_up(
    push, intent, running, client, config, emulator, ordered, instance
) -> None:
    """Versions with one payload look alike: what is left once the others have claimed theirs is stopped."""
    what = intent["intent"] | {"job_id": running.job_id, "seen": [running.version_id]}
    other = {"task_id": "other"}
    theirs = intent | {"intent": what, "by": ["run", "other", -1]}
    push(CLAIM, intent | {"intent": what})
    push(CLAIM, theirs, **other)
    body = {"config": config | {"pre_version_id": running.version_id}}
    first, second = (client.create_job_version(running.job_id, body) for _ in range(2))
    listener.EndedByUser().on_task_instance_failed(None, instance)
    seen = len(emulator.requests("list_job_versions"))
    until(lambda: len(emulator.requests("list_job_versions")) >= seen + 3)
    assert emulator.requests("stop_job_version") == []

    claimed = {"job_id": running.job_id, "version_id": first.version_id}
    push(CLAIM, {**theirs, "intent": None, **claimed}, **other)
    wait(ordered)

    (job,) = emulator.jobs()
    statuses = {version.version_id: version.status for version in job.versions}
    assert statuses[first.version_id] == RUNNING
    assert statuses[second.version_id] in STOPPED


def test_search_for_what_never_appears_ends(
    tell, push, intent, client, caplog, monkeypatch
) -> None:
    """The request may never have reached the service."""
    monkeypatch.setattr(stopper, "SEARCH_LIMIT", 0.05)
    caplog.set_level("INFO")
    push(CLAIM, intent)

    tell()

    assert "No training of dag.train of run run has appeared" in caplog.text
