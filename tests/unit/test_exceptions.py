"""Every error travels between processes and says what went wrong."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

from airflow_provider_modelarts import exceptions
from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ConfigurationError,
    DeletionFailedError,
    JobNameExistsError,
    ModelArtsApiError,
    ModelArtsError,
    NotFoundError,
    PayloadValidationError,
    RequestNotSentError,
    ResponseLostError,
    ServiceUnavailableError,
    StatusUnknownError,
    ThrottledError,
    TrainingJobCanceledError,
    TrainingJobFailedError,
    Violation,
    VisualizationJobFailedError,
    WaitTimeoutError,
)

API = {
    "error_code": "ModelArts.2775",
    "http_status": 400,
    "request_id": "0af7",
    "operation": "GET /v1/{project_id}/training-jobs/10",
    "retry_after": 2.5,
    "hint": "Look again",
}


def instances() -> list[ModelArtsError]:
    """Make one of every class of the tree, with all attributes set."""
    violation = Violation("config.spec_id", "missing", "needed (R18)", "Set it")
    made: list[ModelArtsError] = []
    for _, cls in inspect.getmembers(exceptions, inspect.isclass):
        if not issubclass(cls, ModelArtsError):
            continue
        if issubclass(cls, ModelArtsApiError):
            made.append(cls("no such job", **API))
        elif issubclass(cls, TrainingJobFailedError):
            made.append(cls("it failed", job_id=10, version_id=20, status=11))
        elif issubclass(cls, VisualizationJobFailedError):
            made.append(cls("it does not run", job_id="10", status=12))
        elif issubclass(cls, PayloadValidationError):
            made.append(cls([violation, violation], "create job 'a'"))
        else:
            made.append(cls("what went wrong"))
    return made


each_error = pytest.mark.parametrize("error", instances(), ids=lambda error: type(error).__name__)


def test_every_class_of_the_tree_is_under_test() -> None:
    """The tree has the classes that the contract names."""
    names = {type(error).__name__ for error in instances()}

    assert len(names) == 25
    assert {"ModelArtsError", "ModelArtsApiError", "TrainingJobCanceledError"} < names


@each_error
@pytest.mark.parametrize(
    "travel",
    [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_error_arrives_whole_from_another_process(error: ModelArtsError, travel: Any) -> None:
    """Class, text, arguments and attributes survive pickling and copying."""
    arrived = travel(error)

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert arrived.args == error.args
    assert vars(arrived) == vars(error)


def test_api_error_tells_all_it_knows_on_one_line() -> None:
    """Operation, status, code, message, remedy and request id are in the text."""
    text = str(NotFoundError("no such job.", **API))

    assert text == (
        "GET /v1/{project_id}/training-jobs/10: there is no such object. Look again. "
        "The service said: no such job. (HTTP 400 ModelArts.2775, request id 0af7)"
    )


def test_api_error_without_details_is_still_a_sentence() -> None:
    """Nothing empty is printed where code, hint and request id are unknown."""
    assert str(ModelArtsApiError("broken", http_status=500)) == (
        "ModelArts: the request failed. The service said: broken (HTTP 500)"
    )


def test_error_in_our_own_words_quotes_nobody() -> None:
    """What the client itself has found out is a sentence, and the advice another one."""
    error = JobNameExistsError(
        "a job named 'a' exists (job_id 7)", http_status=200, hint="Take another"
    )

    assert str(error) == "A job named 'a' exists (job_id 7). Take another."
    assert error.lines() == ["A job named 'a' exists (job_id 7).", "Take another."]


def test_class_brings_its_hint_where_none_is_given() -> None:
    """The default hint of the class is used, and a given one wins."""
    assert "login" in AuthenticationError("no").hint
    assert AuthenticationError("no", hint="another").hint == "another"


@pytest.mark.parametrize(
    ("cls", "retryable"),
    [
        (RequestNotSentError, True),
        (ResponseLostError, True),
        (ThrottledError, True),
        (ServiceUnavailableError, True),
        (DeletionFailedError, True),
        (StatusUnknownError, True),
        (VisualizationJobFailedError, True),
        (WaitTimeoutError, True),
        (TrainingJobFailedError, True),
        (ConfigurationError, False),
        (PayloadValidationError, False),
        (AuthenticationError, False),
        (exceptions.PermissionDeniedError, False),
        (exceptions.QuotaExceededError, False),
        (NotFoundError, False),
        (exceptions.JobNameExistsError, False),
        (exceptions.InvalidRequestError, False),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_only_passing_troubles_are_worth_a_retry(cls: Any, retryable: bool) -> None:
    """What a retry of the task cannot mend is marked so."""
    assert cls.retryable is retryable


def test_payload_error_lists_every_violation() -> None:
    """Each broken rule has its line with field, value, rule and remedy."""
    violations = [
        Violation("config.spec_id", "missing", "needed (R18)", "Set it"),
        Violation("job_name", "'a b'", "letters only (R01)", "Rename it"),
    ]

    lines = str(PayloadValidationError(violations, "create job 'a b'")).splitlines()

    assert lines == [
        "create job 'a b': 2 problems in the payload, nothing was sent:",
        "  - config.spec_id = missing: needed (R18). Set it",
        "  - job_name = 'a b': letters only (R01). Rename it",
    ]


def test_one_violation_is_one_problem() -> None:
    """The first line counts in plain English."""
    error = PayloadValidationError([Violation("a", "1", "no", "Mend it")])

    assert "1 problem in the payload" in str(error)


def test_canceled_training_is_a_failed_one() -> None:
    """Whoever catches a failed training catches a stopped one too, with its ids."""
    error = TrainingJobCanceledError("stopped", job_id=10, version_id=20, status=12)

    assert isinstance(error, TrainingJobFailedError)
    assert (error.job_id, error.version_id, error.status) == (10, 20, 12)
