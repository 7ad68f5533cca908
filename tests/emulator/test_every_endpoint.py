"""What holds for each of the 26 operations of the description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.emulator import Emulator, Identity
from tests.emulator.contract import NAMES, OPERATIONS, Operation
from tests.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ALL = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
OTHER_PROJECT = "f" * 32


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    """An emulator whose account has a second project."""
    with Emulator(identity=Identity(other_projects={"eu-de_x": OTHER_PROJECT})) as emulator:
        yield emulator


@pytest.fixture
def world(server: Emulator, new_caller: Callable[[Emulator], Any]) -> World:
    """An emulator with one of everything."""
    server.reset()
    return World(new_caller(server))


def test_all_operations_are_there() -> None:
    """The description has 26 operations, each with a name of ours."""
    assert len(OPERATIONS) == len(NAMES) == 26
    assert {operation.name for operation in OPERATIONS} == set(NAMES.values())


@ALL
def test_fitting_request_is_answered_as_described(world: World, operation: Operation) -> None:
    """A request that fits is answered with 200 and a body of the documented shape."""
    reply = world.call(operation)

    assert reply.status_code == 200, reply.text
    assert "error_code" not in reply.json()
    operation.check(reply)


@ALL
def test_credentials_are_asked_for(world: World, operation: Operation) -> None:
    """Without credentials nothing is answered, and not with those for another project."""
    nobody = world.call(operation, headers={})
    world.project_id = OTHER_PROJECT
    stranger = world.call(operation)

    for reply, status, code in ((nobody, 401, "APIG.0301"), (stranger, 403, "ModelArts.0210")):
        assert (reply.status_code, reply.json()["error_code"]) == (status, code)
        operation.check(reply)


@ALL
def test_faults_and_records_know_the_name(world: World, operation: Operation) -> None:
    """A fault ordered for the operation meets it, once, and both requests are on record."""
    world.emulator.clear_requests()
    world.emulator.inject(operation.name, "status", status=503)
    spoilt, fine = world.call(operation), world.call(operation)

    assert (spoilt.status_code, fine.status_code) == (503, 200)
    operation.check(spoilt)
    assert [request.status for request in world.emulator.requests(operation.name)] == [503, 200]
    assert len(world.emulator.requests()) == 2


@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.path.count("{") > 1], ids=lambda o: o.name
)
def test_missing_things_are_refused_as_described(world: World, operation: Operation) -> None:
    """What is not there is refused with a code for that, in a documented shape."""
    world.job_id = world.version_id = world.board_id = 77
    world.name = "nobody"

    reply = world.send(operation)

    operation.check(reply)
    assert (reply.status_code, reply.json()["error_code"]) in {
        (400, "ModelArts.2775"),
        (404, "ModelArts.0015"),
    }


@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.requests()], ids=lambda operation: operation.name
)
def test_bodies_that_are_none(world: World, operation: Operation) -> None:
    """What is not JSON, or not an object, is refused in a documented shape."""
    path = operation.path.format(**world.parameters(operation))
    replies = [
        world.caller.call(operation.method, path, data=data)
        for data in (b"", b"{", b"[]", b"null", b"\xff")
    ]

    for reply in replies:
        assert reply.status_code == 400
        operation.check(reply)


def test_everything_survives_a_restart(tmp_path: Path, new_caller: Any) -> None:
    """Every operation that reads answers the same after a restart as before."""
    emulator = Emulator(storage=tmp_path / "obs", state=tmp_path / "state.sqlite")
    reading = [operation for operation in OPERATIONS if operation.method == "GET"]
    answers = []
    with emulator:
        world = World(new_caller(emulator))
        answers.append([without_times(world.call(operation).json()) for operation in reading])
    with emulator:
        answers.append([without_times(world.call(operation).json()) for operation in reading])

    assert len(answers[0]) == 12
    assert answers[0] == answers[1]


def without_times(found: Any) -> Any:
    """Leave out what depends on the clock and on the port."""
    if isinstance(found, list):
        return [without_times(item) for item in found]
    if isinstance(found, dict):
        return {
            name: without_times(value)
            for name, value in found.items()
            if name not in {"duration", "service_url"}
        }
    return found
