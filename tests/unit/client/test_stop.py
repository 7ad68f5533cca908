"""Stopping a version: the state is read before anything is sent twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.client import Backoff, JobStatus
from airflow_provider_modelarts.exceptions import (
    ConflictError,
    NotFoundError,
    ResponseLostError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.emulator import Emulator

LOST = b""
DONE = (200, {"is_success": True})
BROKEN = (500, b"")


def state(status: int) -> Any:
    """Return the reply to a look at the version."""
    return 200, {"is_success": True, "status": status}


def calls(server: Any) -> list[str]:
    """Return what was asked, as "stop" and "look"."""
    return ["stop" if seen.method == "POST" else "look" for seen in server.requests]


def test_stop_ends_a_running_version(emulator: Emulator, emulated: Callable[..., Any]) -> None:
    """A version that runs is stopped with one request, and nothing is read."""
    ((job, version),) = emulator.add_jobs(1, status=8)

    emulated().stop_job_version(job, version)

    assert [r.operation for r in emulator.requests()] == ["stop_job_version"]
    assert emulator.jobs()[0].versions[0].status in {9, 12}


@pytest.mark.parametrize("fault", [LOST, BROKEN], ids=["lost", "500"])
@pytest.mark.parametrize("status", [JobStatus.KILLING, JobStatus.KILLED, JobStatus.COMPLETED])
def test_lost_stop_that_has_worked_is_done(
    serve: Callable[..., Any], make_client: Callable[..., Any], fault: Any, status: int
) -> None:
    """After a lost answer a version that is being stopped, or has ended, needs no second stop."""
    server = serve(fault, state(status))

    make_client(server.url).stop_job_version(1, 2)

    assert calls(server) == ["stop", "look"]


@pytest.mark.parametrize("fault", [LOST, BROKEN], ids=["lost", "500"])
def test_lost_stop_without_effect_is_repeated(
    serve: Callable[..., Any], make_client: Callable[..., Any], fault: Any
) -> None:
    """A version that still runs after a lost answer is stopped again, after a pause."""
    pauses: list[float] = []
    server = serve(fault, state(8), fault, state(8), DONE)

    make_client(server.url, sleep=pauses.append).stop_job_version(1, 2)

    assert calls(server) == ["stop", "look", "stop", "look", "stop"]
    assert len(pauses) == 2


def test_stop_without_effect_is_not_repeated_for_ever(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """The last error comes out when no attempt shows an effect."""
    server = serve(*[BROKEN, state(8)] * 10)

    with pytest.raises(ServiceUnavailableError):
        make_client(server.url, backoff=Backoff(attempts=3)).stop_job_version(1, 2)

    assert calls(server) == ["stop", "look"] * 3


def test_lost_answer_is_the_error_where_reading_fails_too(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Where the state cannot be read the caller gets a transport error, and no second stop is sent."""
    server = serve(LOST)

    with pytest.raises(ResponseLostError):
        make_client(server.url, backoff=Backoff(attempts=2)).stop_job_version(1, 2)

    assert calls(server) == ["stop", "look", "look"]


@pytest.mark.parametrize("status", [JobStatus.KILLING, JobStatus.COMPLETED, JobStatus.RUNNING])
def test_state_that_changed_meanwhile_is_read_again(
    serve: Callable[..., Any], make_client: Callable[..., Any], status: int
) -> None:
    """Code 2878 is no refusal: the state tells whether the stop is still needed."""
    body = {"is_success": False, "error_code": "ModelArts.2878", "error_message": "changed"}
    server = serve((409, body), state(status), DONE)

    make_client(server.url).stop_job_version(1, 2)

    again = ["stop"] if status == JobStatus.RUNNING else []
    assert calls(server) == ["stop", "look", *again]


def test_throttled_stop_is_repeated_without_a_look(
    serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """A 429 has done nothing, so the stop is simply sent again."""
    server = serve((429, b""), DONE)

    make_client(server.url).stop_job_version(1, 2)

    assert calls(server) == ["stop", "stop"]


def test_stop_of_an_ended_version_is_a_conflict(
    emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """What has ended cannot be stopped: the service says so, and it is not tried again."""
    ((job, version),) = emulator.add_jobs(1, status=10)

    with pytest.raises(ConflictError):
        emulated().stop_job_version(job, version)

    assert len(emulator.requests("stop_job_version")) == 1


def test_stop_of_a_missing_version_is_not_found(
    emulator: Emulator, emulated: Callable[..., Any]
) -> None:
    """A version that does not exist is named as such."""
    with pytest.raises(NotFoundError):
        emulated().stop_job_version(1, 2)
