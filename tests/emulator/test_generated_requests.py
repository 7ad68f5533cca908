"""Thousands of generated requests, valid and not, against each operation of the description.

Schemathesis makes the requests from the OpenAPI file and checks the answers against it. It is in the extra
``dev`` alone, since ``test`` is also installed beside Airflow 2.11, whose pins it does not fit; there this
module is skipped. Everything else in this folder runs everywhere.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

schemathesis = pytest.importorskip("schemathesis", reason="is in the extra dev alone")

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from airflow_provider_modelarts.emulator import Emulator
from tests.emulator.contract import NAMES, OPERATIONS, PATH, Operation
from tests.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Of each kind for each operation; fixed requests, so that a failure comes again.
EXAMPLES = 30
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
NAME_TAKEN, INVALID, QUERY = "ModelArts.0103", "ModelArts.0104", "ModelArts.2764"
BOOT_FILE_OUTSIDE, OBS_PATH = "ModelArts.2792", "ModelArts.2791"
# Why a request may be refused that the description allows and that names things which are there:
# a schema cannot say it, or the description is wider than the vendor's tables.
REFUSALS = {
    "create_training_job": {BOOT_FILE_OUTSIDE, NAME_TAKEN},
    "create_job_version": {BOOT_FILE_OUTSIDE},
    # Any text is a cursor there.
    "get_log": {QUERY},
    # Rule R17 asks for a label and a value, the description's tolerant form for neither.
    "create_saved_config": {BOOT_FILE_OUTSIDE, NAME_TAKEN, INVALID},
    "update_saved_config": {BOOT_FILE_OUTSIDE, INVALID},
    # Sample sets are others, and not sorted by time.
    "list_saved_configs": {QUERY, "ModelArts.2790"},
    "get_saved_config": {"ModelArts.0015"},
    # Any text is a path there.
    "create_visualization_job": {OBS_PATH, NAME_TAKEN},
    # Stopped by an earlier request.
    "stop_visualization_job": {"ModelArts.0105"},
    # Any number is allowed there, however large or small, and any engine.
    "list_training_jobs": {"ModelArts.2789"},
    "list_job_versions": {QUERY},
    "list_built_in_algorithms": {QUERY},
    "list_visualization_jobs": {QUERY, "ModelArts.2789"},
    "list_resource_specs": {QUERY, "ModelArts.2780"},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    """One emulator for all operations."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(scope="module")
def answers() -> Counter[tuple[str, int, str | None]]:
    """How often which operation was answered with which status and code."""
    return Counter()


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The operations as Schemathesis reads them, by our names."""
    schema = schemathesis.openapi.from_path(PATH)
    found = [result.ok() for result in schema.get_all_operations()]
    return {NAMES[operation.definition.raw["operationId"]]: operation for operation in found}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_generated_requests_are_answered_as_described(
    server: Emulator,
    new_caller: Callable[[Emulator], Any],
    described: dict[str, Any],
    answers: Counter[tuple[str, int, str | None]],
    operation: Operation,
    mode: GenerationMode,
) -> None:
    """No request makes the emulator fail or answer what is not described; valid ones are accepted, and no others."""
    server.reset()
    caller = new_caller(server)
    worlds = (World(caller, f"world-{number}") for number in count())
    world = next(worlds)

    @SETTINGS
    @given(case=described[operation.name].as_strategy(mode), known=st.booleans())
    def send(case: Any, known: bool) -> None:
        nonlocal world
        if known and operation.name.startswith("delete_"):
            world = next(worlds)
        aim(case, world, operation, known=known)
        if known:
            world.prepare(operation)
        reply = case.call(
            server.url, session=caller.session, headers=caller.token_headers(), timeout=20
        )
        code = reply.json().get("error_code") if reply.content else None
        answers[operation.name, reply.status_code, code] += 1
        assert reply.status_code < 500
        case.validate_response(reply, checks=CHECKS)
        if mode is GenerationMode.POSITIVE and known:
            assert code in {None, *REFUSALS.get(operation.name, ())}, reply.text
        if operation.requests() and code is None:
            operation.check_accepted(json.loads(reply.request.body))

    send()


def aim(case: Any, world: World, operation: Operation, *, known: bool) -> None:
    """Let a generated request reach the emulator's project and, if ``known``, things that are there."""
    there = world.parameters(operation)
    kept = (case.path_parameters or {}) if not known else there
    case.path_parameters = {**there, **kept, "project_id": there["project_id"]}
    if known:
        case.body = whole(case.body)
        if operation.name == "get_log":
            case.query = {**(case.query or {}), "log_file": world.log_file}
    body = case.body if isinstance(case.body, dict) else {}
    if known and "pre_version_id" in (body.get("config") or ()):
        body["config"]["pre_version_id"] = world.version_id


def whole(value: Any) -> Any:
    """Write 5.0 as 5: an integer to JSON Schema, but not to a service with 64-bit fields."""
    if isinstance(value, dict):
        return {name: whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def test_every_operation_was_asked_and_answered(
    answers: Counter[tuple[str, int, str | None]],
) -> None:
    """The requests really were made, and each operation accepted some of them."""
    if not answers:
        pytest.skip("counts what the tests above sent, and none of them was selected")
    by_status: Counter[int] = Counter()
    for (_, status, _), number in answers.items():
        by_status[status] += number
    print(f"{answers.total()} generated requests, by status: {dict(sorted(by_status.items()))}")  # noqa: T201

    assert {name for name, _, code in answers if code is None} == set(NAMES.values())
    assert answers.total() >= len(OPERATIONS) * EXAMPLES
