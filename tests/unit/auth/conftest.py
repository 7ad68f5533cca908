"""A scripted IAM and ModelArts in one, and threads that start at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.auth.credentials import Password

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def scripted(
    serve: Callable[..., Any], make_client: Callable[..., Any], clock: Any
) -> Callable[..., Any]:
    """Return a function that makes a client and a server, IAM and ModelArts in one, with replies."""

    def make(*replies: Any, project_id: str = PROJECT, project_name: str = "") -> Any:
        server = serve(*replies)
        who = Password("user", "the-password", "domain", server.url, project_id, project_name)
        return make_client(server.url, who, project_id=project_id, clock=clock), server

    return make


@pytest.fixture
def issued() -> Callable[..., Any]:
    """Return a function that makes an answer of IAM with a token."""

    def make(
        token: str = "tok-1", *, hours: float = 24, project: str = PROJECT, name: str = "eu-de"
    ) -> Any:
        """Return IAM's answer with a token that lives so long, on a server whose clock is years off."""
        minutes = int(hours * 60)
        expires = (
            f"2019-02-{12 + minutes // 1440:02d}T{minutes // 60 % 24:02d}:{minutes % 60:02d}:00.0Z"
        )
        body = {
            "issued_at": "2019-02-12T00:00:00.000000Z",
            "expires_at": expires,
            "project": {"id": project, "name": name},
        }
        return 201, {"token": body}, {"X-Subject-Token": token}

    return make


@pytest.fixture
def in_threads() -> Callable[..., list[BaseException | None]]:
    """Return a function that calls something in many threads at once."""

    def run(count: int, call: Callable[[], Any]) -> list[BaseException | None]:
        """Call in many threads at once; return what each raised, or None."""
        barrier = threading.Barrier(count)

        def go(_: int) -> BaseException | None:
            barrier.wait()
            try:
                call()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                return error
            return None

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(go, range(count)))

    return run
