"""Every published sample: requests are taken, and replies have the published fields and types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.emulator import Emulator
from tests.emulator.contract import OPERATIONS, Operation
from tests.emulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUESTS = [
    pytest.param(operation, name, id=f"{operation.name}-{name}")
    for operation in OPERATIONS
    for name in operation.requests()
]
REPLIES = [
    pytest.param(operation, name, id=f"{operation.name}-{name}")
    for operation in OPERATIONS
    for name in operation.replies()
]
# Where ours differs from a published reply, and why; the numbers are the reference's quirks.
EXCEPTIONS = {
    "get_job_version-success .core: int, here str": "20: text in the table and in a recorded reply",
    "get_job_version-success .cpu: int, here str": "20: text in the table and in a recorded reply",
    "get_job_version-success .parameter[].value: float, here str": "17: comes back as it was sent",
    "get_job_version-recordedStyle .system_metric_list.gpuMemUsage: missing": "18: no documented key",
}


@pytest.fixture(scope="module", params=[False, True], ids=["any", "strict"])
def server(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """An emulator that takes any flavor and engine, and one that knows its catalogue only."""
    with Emulator(strict_catalogue=request.param) as emulator:
        yield emulator


@pytest.fixture
def world(server: Emulator, new_caller: Callable[[Emulator], Any]) -> World:
    """An emulator with one of everything."""
    server.reset()
    return World(new_caller(server))


@pytest.mark.parametrize(("operation", "name"), REQUESTS)
def test_published_request_is_taken(world: World, operation: Operation, name: str) -> None:
    """Each published body is accepted, once it names a predecessor that exists.

    Where jobs are run the code has to be in the storage as well, as at the service.
    """
    reply = world.call(operation, name)

    assert reply.json()["is_success"] is True, reply.text
    operation.check(reply)


@pytest.mark.parametrize(("operation", "name"), REPLIES)
def test_reply_has_the_published_fields(world: World, operation: Operation, name: str) -> None:
    """Each field of a published reply is in ours, with the same type of value; null stands for any."""
    published, ours = operation.replies()[name], world.call(operation).json()

    sample = f"{operation.name}-{name} "
    found = {sample + difference for difference in differences(published, ours)}
    assert found == {exception for exception in EXCEPTIONS if exception.startswith(sample)}


def differences(published: Any, ours: Any, at: str = "") -> Iterator[str]:
    """Yield where our reply lacks a published field or has another type; lists count by their first item."""
    if published is None or ours is None:
        return
    if type(published) is not type(ours):
        yield f"{at}: {type(published).__name__}, here {type(ours).__name__}"
    elif isinstance(published, dict):
        for key, value in published.items():
            if key in ours:
                yield from differences(value, ours[key], f"{at}.{key}")
            else:
                yield f"{at}.{key}: missing"
    elif isinstance(published, list) and published and ours:
        yield from differences(published[0], ours[0], f"{at}[]")
