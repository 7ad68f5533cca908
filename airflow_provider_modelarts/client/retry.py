"""Whether and when to send a call again: pure decisions on top of tenacity.

Follows the retry table of the API: what was certainly refused or never sent may be repeated by any
call, what may have worked only by calls that do no harm twice.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_base, wait_random_exponential

from airflow_provider_modelarts.client.operation import Repeat
from airflow_provider_modelarts.exceptions import (
    ModelArtsApiError,
    RequestNotSentError,
    ResponseLostError,
    ServiceUnavailableError,
    ThrottledError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

# 503 answers that come before any work was done: identity service down, gateway restarting.
_NOTHING_DONE: Final = frozenset({"APIG.0613", "APIGW.0613", "ModelArts.4700"})
CHANGED_MEANWHILE: Final = "ModelArts.2878"
"""Code of a refusal because the state has changed since it was read: look again."""


@dataclass(frozen=True)
class Backoff:
    """How patiently a call is repeated.

    :param attempts: how often it is sent at most.
    :param initial: longest first pause in seconds; doubled each time.
    :param maximum: longest pause in seconds, unless the service asks for more.
    :param retry_after: longest pause in seconds that the service may ask for.
    """

    attempts: int = 6
    initial: float = 1.0
    maximum: float = 30.0
    retry_after: float = 300.0


def may_repeat(error: BaseException, repeat: Repeat) -> bool:
    """Whether the call may be sent again after this error."""
    if isinstance(error, (RequestNotSentError, ThrottledError)):
        return True
    if isinstance(error, UnexpectedResponseError):
        # A gateway's page seldom goes within seconds: the wait repeats a read.
        return repeat is Repeat.ABSENT_IS_DONE
    if isinstance(error, (ServiceUnavailableError, ResponseLostError)):
        harmless = isinstance(error, ServiceUnavailableError) and (
            error.http_status == 503 and error.error_code in _NOTHING_DONE
        )
        return harmless or repeat is not Repeat.ASK_FIRST
    return (
        isinstance(error, ModelArtsApiError)
        and error.error_code == CHANGED_MEANWHILE
        and repeat is Repeat.SAFE
    )


def retrying(backoff: Backoff, repeat: Repeat, sleep: Callable[[float], None]) -> Retrying:
    """Return the loop for one call."""
    return Retrying(
        stop=stop_after_attempt(backoff.attempts),
        wait=_Wait(backoff),
        retry=retry_if_exception(lambda error: may_repeat(error, repeat)),
        sleep=sleep,
        before_sleep=_tell,
        reraise=True,
    )


class _Wait(wait_base):
    """Random exponential pauses, but never shorter than the service's ``Retry-After``."""

    def __init__(self, backoff: Backoff) -> None:
        self._exponential = wait_random_exponential(backoff.initial, backoff.maximum)
        self._longest = backoff.retry_after

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, ModelArtsApiError) else None
        return max(self._exponential(retry_state), min(asked or 0.0, self._longest))


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0.0
    log.warning("Attempt %d failed, next in %.1f s: %s", state.attempt_number, pause, error)
