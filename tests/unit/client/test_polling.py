"""When a wait looks again, and when it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.client import JobVersion
from airflow_provider_modelarts.client.polling import SILENCE_LIMIT, Poll, check_success
from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RequestNotSentError,
    ResponseLostError,
    ServiceUnavailableError,
    StatusUnknownError,
    ThrottledError,
    TrainingJobCanceledError,
    TrainingJobFailedError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_modelarts.exceptions import ModelArtsError

FAILED = [3, 5, 6, 11, 14, 16, 17, 21, 22]
CANCELED = [12, 13]
ENDED = [*FAILED, *CANCELED, 10]
LOST = ResponseLostError("no answer")


def version(status: int, **fields: Any) -> JobVersion:
    """Return a version in a status."""
    return JobVersion(job_id=1, version_id=2, status=status, **fields)


@pytest.fixture
def poll(clock: Any) -> Callable[..., Poll]:
    """Return a function that makes a poll which sees the given statuses and errors in order."""

    def make(
        *seen: int | ModelArtsError,
        interval: float = 30,
        wait: float | None = None,
        exhausted: bool = False,
    ) -> Poll:
        script = iter(seen)

        def read() -> JobVersion:
            item = next(script)
            if isinstance(item, Exception):
                raise item
            return version(item)

        end = None if wait is None else clock() + wait
        return Poll(
            read,
            "Job 1, version 2",
            interval=interval,
            end_time=end,
            exhausted=exhausted,
            clock=clock,
        )

    return make


@pytest.mark.parametrize("status", range(23))
def test_wait_ends_with_the_run(poll: Callable[..., Poll], status: int) -> None:
    """An ended version is returned, whatever its end; one that goes on is looked at again."""
    found = poll(status).look()

    assert (found is not None) is (status in ENDED)


def test_version_is_returned_as_read(poll: Callable[..., Poll]) -> None:
    """The last look is the result."""
    waiting = poll(1, 8, 9, 10)

    looks = [waiting.look() for _ in range(4)]

    assert looks == [None, None, None, version(10)]


# ---- end of the wait


def test_time_is_up_only_after_one_last_look(poll: Callable[..., Poll], clock: Any) -> None:
    """A version that has ended meanwhile is a result although the time is over."""
    waiting = poll(8, 10, wait=60)
    waiting.look()
    clock.advance(1000)

    assert waiting.look() == version(10)


@pytest.mark.parametrize(("late", "over"), [(59, False), (60, True), (61, True)])
def test_time_is_up_at_the_end_time(
    poll: Callable[..., Poll], clock: Any, late: float, over: bool
) -> None:
    """The wait ends at its absolute end time, with the last status in the message."""
    waiting = poll(8, wait=60)
    clock.advance(late)

    if over:
        with pytest.raises(WaitTimeoutError, match="Its status is 8 RUNNING"):
            waiting.look()
    else:
        assert waiting.look() is None


def test_time_is_up_while_the_service_is_silent(poll: Callable[..., Poll], clock: Any) -> None:
    """A failed last look is a timeout too, with an unknown status."""
    waiting = poll(LOST, wait=60)
    clock.advance(60)

    with pytest.raises(WaitTimeoutError, match="Its status is unknown"):
        waiting.look()


def test_wait_without_end_goes_on(poll: Callable[..., Poll], clock: Any) -> None:
    """No end time means no timeout."""
    waiting = poll(8, 8)
    waiting.look()
    clock.advance(10**9)

    assert waiting.look() is None


@pytest.mark.parametrize(
    ("wait", "passed", "pause"),
    [(None, 0, 30), (1000, 0, 30), (40, 30, 10), (40, 40, 0), (40, 50, 0)],
    ids=["no end", "far end", "near end", "at the end", "past the end"],
)
def test_pause_ends_at_the_end_of_the_wait(
    poll: Callable[..., Poll], clock: Any, wait: float | None, passed: float, pause: float
) -> None:
    """The pause is the interval, but never longer than what is left."""
    waiting = poll(wait=wait)
    clock.advance(passed)

    assert waiting.pause() == pytest.approx(pause)


# ---- failed looks


@pytest.mark.parametrize(
    "error",
    [
        LOST,
        RequestNotSentError("x"),
        ThrottledError("x", http_status=429),
        ServiceUnavailableError("x", http_status=503),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failed_look_does_not_end_the_wait(
    poll: Callable[..., Poll], clock: Any, error: ModelArtsError
) -> None:
    """Passing faults are looked through for thirty minutes."""
    waiting = poll(8, *[error] * 3, 10)
    waiting.look()

    for _ in range(3):
        clock.advance(SILENCE_LIMIT / 3)
        assert waiting.look() is None

    assert waiting.look() == version(10)


@pytest.mark.parametrize("looks", [0, 1], ids=["from the start", "after an answer"])
def test_long_silence_ends_the_wait_with_its_cause(
    poll: Callable[..., Poll], clock: Any, looks: int
) -> None:
    """After thirty minutes without one good answer the last error comes out."""
    waiting = poll(*[8] * looks, LOST)
    for _ in range(looks):
        waiting.look()
    clock.advance(SILENCE_LIMIT + 1)

    with pytest.raises(ResponseLostError, match="no answer"):
        waiting.look()


def test_good_answer_starts_the_silence_anew(poll: Callable[..., Poll], clock: Any) -> None:
    """Only an unbroken silence counts, not the sum of faults."""
    waiting = poll(*[LOST, 8] * 5)

    for _ in range(5):
        clock.advance(SILENCE_LIMIT - 1)
        assert waiting.look() is None
        assert waiting.look() is None


@pytest.mark.parametrize("nothing", [0, LOST], ids=["status 0", "no answer"])
def test_looks_rarer_than_the_limit_are_three_at_least(
    poll: Callable[..., Poll], clock: Any, nothing: Any
) -> None:
    """One bad moment does not end a wait that looks once in a few hours."""
    waiting = poll(8, *[nothing] * 3, 8, interval=7200)

    for _ in range(4):
        assert waiting.look() is None
        clock.advance(7200)
    assert waiting.look() is None


# ---- status 0


def test_unknown_state_is_waited_at_for_half_an_hour(poll: Callable[..., Poll], clock: Any) -> None:
    """Status 0 says nothing about the end, so healthy runs are not given up at once."""
    waiting = poll(8, *[0] * 3, 10)
    waiting.look()

    for _ in range(3):
        clock.advance(SILENCE_LIMIT / 3)
        assert waiting.look() is None

    assert waiting.look() == version(10)


@pytest.mark.parametrize("before", [[], [8], [8, LOST]], ids=["start", "answer", "failed look"])
def test_state_that_stays_unknown_ends_the_wait(
    poll: Callable[..., Poll], clock: Any, before: list[Any]
) -> None:
    """After thirty minutes of looks that tell nothing the wait ends, and can be tried again."""
    waiting = poll(*before, 0, 0)
    for _ in before:
        waiting.look()
    assert waiting.look() is None
    clock.advance(SILENCE_LIMIT + 1)

    with pytest.raises(StatusUnknownError, match="for 30 minutes \\(status 0 UNKNOWN") as caught:
        waiting.look()

    assert caught.value.retryable


def test_known_state_starts_the_count_anew(poll: Callable[..., Poll], clock: Any) -> None:
    """Only consecutive sightings count."""
    waiting = poll(*[0, 8] * 5)

    for _ in range(5):
        clock.advance(SILENCE_LIMIT - 1)
        assert waiting.look() is None
        assert waiting.look() is None


@pytest.mark.parametrize(("nothing", "error"), [(0, StatusUnknownError), (LOST, ResponseLostError)])
def test_exhausted_wait_ends_unless_the_next_look_tells_something(
    poll: Callable[..., Poll], nothing: Any, error: type
) -> None:
    """A task whose trigger has given up looks once itself, and goes on only if that helps."""
    with pytest.raises(error):
        poll(nothing, exhausted=True).look()
    waiting = poll(8, nothing, exhausted=True)
    assert waiting.look() is None
    assert waiting.look() is None


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationError("x", http_status=401),
        PermissionDeniedError("x", http_status=403),
        NotFoundError("x", http_status=404),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_that_stays_ends_the_wait_at_once(
    poll: Callable[..., Poll], error: ModelArtsError
) -> None:
    """Where asking again cannot help the error comes out at the first look."""
    with pytest.raises(type(error)):
        poll(error).look()


# ---- what is told


def test_status_is_told_once_per_change(
    poll: Callable[..., Poll], caplog: pytest.LogCaptureFixture
) -> None:
    """A status that stays is not repeated in the log."""
    caplog.set_level(logging.INFO)
    waiting = poll(7, 8, 8, 8, 9)

    for _ in range(5):
        waiting.look()

    assert [record.getMessage() for record in caplog.records] == [
        "Job 1, version 2: 7 WAITING (queued for resources)",
        "Job 1, version 2: 8 RUNNING (running)",
        "Job 1, version 2: 9 KILLING (being stopped)",
    ]


def test_unknown_status_is_warned_about_once(
    poll: Callable[..., Poll], caplog: pytest.LogCaptureFixture
) -> None:
    """A code that is not in the table is waited for, with one warning."""
    waiting = poll(99, 99, 99)

    looks = [waiting.look() for _ in range(3)]

    assert looks == [None] * 3
    (record,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert record.getMessage() == "Job 1, version 2: 99 (a status that this release does not know)"


# ---- what the end means


def test_completed_run_is_a_success() -> None:
    """Status 10 raises nothing."""
    check_success(version(10))


@pytest.mark.parametrize("status", [*FAILED, *CANCELED])
def test_other_end_is_an_error_with_the_ids(status: int) -> None:
    """Failed and cancelled runs raise their own class, with ids, status and what to do."""
    with pytest.raises(TrainingJobFailedError) as caught:
        check_success(version(status, job_name="a", version_name="V0003", log_url="/b/log/"))

    error = caught.value
    assert isinstance(error, TrainingJobCanceledError) is (status in CANCELED)
    assert (error.job_id, error.version_id, error.status) == (1, 2, status)
    assert "Training job 'a' (job_id 1), version V0003 (version_id 2) ended" in str(error)
    assert ("/b/log/" in str(error)) is (status in FAILED)
