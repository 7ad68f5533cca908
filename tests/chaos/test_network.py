"""The network and the service answer badly, at every endpoint that a task uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.chaos.stack import ChaosStack

pytestmark = pytest.mark.chaos

REFUSED: list[dict[str, Any]] = [
    {"kind": "reset", "when": "before"},
    {"kind": "slow", "when": "before", "delay": 2},
    *({"kind": "status", "when": "before", "status": status} for status in (500, 502, 503, 504)),
    {"kind": "status", "when": "before", "status": 429, "headers": {"Retry-After": "1"}},
]
"""The request has done nothing."""

DONE: list[dict[str, Any]] = [
    {"kind": "reset", "when": "after"},
    {"kind": "slow", "when": "after", "delay": 2},
    {"kind": "lost_answer"},
    {"kind": "garbage"},
    {"kind": "truncate"},
    *({"kind": "status", "when": "after", "status": status} for status in (500, 502, 504)),
]
"""The request has done its work, and the answer is spoilt."""

FAULTS = [fault for pair in zip(REFUSED, DONE, strict=False) for fault in pair]
FAULTS += DONE[len(REFUSED) :]
COUNT = 12


def order(stack: ChaosStack, operation: str) -> None:
    """Have each fault meet one request."""
    for fault in FAULTS:
        stack.spoil(operation, **fault)


def met(stack: ChaosStack) -> int:
    """Return how many requests were spoilt; every order must have been carried out."""
    faults = stack.emulator("GET", "faults")["faults"]
    assert [fault for fault in faults if not fault["hits"]] == []
    return sum(fault["hits"] for fault in faults)


@pytest.mark.parametrize(
    ("operation", "dag_id"),
    [
        ("create_training_job", "jobs_deferrable"),
        ("create_job_version", "versions_deferrable"),
        ("create_job_version", "twins_deferrable"),
        ("list_job_versions", "versions_deferrable"),
        ("get_job_version", "jobs_deferrable"),
        ("get_job_version", "versions_sync"),
    ],
)
def test_bad_answers(stack: ChaosStack, books: Any, operation: str, dag_id: str) -> None:
    """Every fault at this endpoint, while tasks submit and wait."""
    order(stack, operation)
    run = stack.launch(dag_id, COUNT)
    run.wait_for_waiting()
    stack.wait(lambda: _all_met(stack), "every fault to be met")
    run.finish()
    books(f"{operation}: every fault ({dag_id})", run, spoilt=met(stack))
    stack.emulator("DELETE", "faults")


def test_bad_answers_to_the_question_what_became_of_it(stack: ChaosStack, books: Any) -> None:
    """The answer to a creation is lost, and the service then answers the look for it badly too."""
    stack.spoil("create_training_job", "lost_answer", times=COUNT)
    order(stack, "list_training_jobs")
    run = stack.launch("jobs_deferrable", COUNT)
    run.wait_for_waiting()
    run.finish()
    books("list_training_jobs: every fault, after lost creations", run, spoilt=met(stack))
    stack.emulator("DELETE", "faults")


@pytest.mark.parametrize("dag_id", ["jobs_created", "versions_created"])
def test_bad_answers_to_a_stop(stack: ChaosStack, books: Any, dag_id: str) -> None:
    """Tasks that are cleared stop what they have running, and train anew."""
    run = stack.launch(dag_id, COUNT)
    stack.wait(run.final, "the run to end")
    run.stopped_by_user.update(run.results().values())
    order(stack, "stop_job_version")
    run.clear(*range(COUNT))
    run.wait_for_states("success")
    run.wait_for_stops()
    run.finish()
    books(f"stop_job_version: every fault, after a clear ({dag_id})", run, spoilt=met(stack))
    stack.emulator("DELETE", "faults")


def _all_met(stack: ChaosStack) -> bool:
    return all(fault["hits"] for fault in stack.emulator("GET", "faults")["faults"])
