"""Our login against OpenStack Keystone, the service whose interface the vendor's IAM has."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.exceptions import (
    AuthenticationError,
    ModelArtsError,
    PermissionDeniedError,
)
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook, reset_caches
from airflow_provider_modelarts.triggers.training_job import TrainingJobTrigger
from tests.keystone.conftest import DOMAIN, PASSWORD, PROJECT, Account
from tests.keystone.service import LOCKED_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_modelarts.client import ModelArtsClient
    from tests.keystone.gateway import Gateway
    from tests.keystone.service import Keystone

    LogIn = Callable[..., ModelArtsClient]

if "KEYSTONE_PYTHON" not in os.environ:
    pytest.skip("needs Keystone, as `make test-keystone` installs it", allow_module_level=True)

BY_NAME = {"project_id": "", "project_name": PROJECT}
# Never renews by itself, so that only the service's answer tells it that a token has ended.
STANDING_CLOCK = {"clock": partial(float, time.time())}


@pytest.fixture
def connection(
    keystone: Keystone, modelarts: Gateway, user_id: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The default connection, with password and project name."""
    extra = {
        "auth_type": "password",
        "domain_name": DOMAIN,
        "project_name": PROJECT,
        "iam_endpoint": f"{keystone.url}/v3",
    }
    fields = {"conn_type": "modelarts", "host": modelarts.url, "extra": extra}
    fields |= {"login": "trainer", "password": PASSWORD}
    monkeypatch.setenv("AIRFLOW_CONN_MODELARTS_DEFAULT", json.dumps(fields))
    reset_caches()
    yield
    reset_caches()


def refusal(client: ModelArtsClient) -> ModelArtsError:
    """Call the API and return the error that it must give."""
    with pytest.raises(ModelArtsError) as caught:
        list(client.list_training_jobs())
    return caught.value


# ---- login


@pytest.mark.parametrize("scope", [{}, BY_NAME], ids=["id", "name"])
def test_token_is_for_the_project_of_the_users_domain(
    log_in: LogIn,
    keystone: Keystone,
    modelarts: Gateway,
    account: Account,
    user_id: str,
    scope: dict[str, str],
) -> None:
    """Given by id or by a name that another domain has too, the project is the account's own."""
    ((job, version),) = modelarts.emulator.add_jobs(1)

    found = log_in(**scope).get_job_version(job, version)

    (token,) = modelarts.tokens
    described = keystone.describe(token)
    assert (found.job_id, found.version_id) == (job, version)
    assert described is not None
    assert described["project"]["id"] == account.project_id
    assert described["user"]["id"] == user_id


def test_connection_of_airflow_logs_in(connection: None) -> None:
    """The fields of the connection, ``/v3`` at the end of the IAM address included, are enough."""
    assert ModelArtsHook().test_connection()[0] is True


# ---- the life of a token


def test_wait_goes_on_over_several_tokens(connection: None, modelarts: Gateway) -> None:
    """Tokens are renewed before their end, unnoticed by a trigger and by the service."""
    ((job, version),) = modelarts.emulator.add_jobs(1, status=8)
    trigger = TrainingJobTrigger(job, version, poll_interval=0.2)

    async def wait() -> list[Any]:
        waiting = asyncio.create_task(collect())
        while len(modelarts.tokens) < 3 and not waiting.done():  # noqa: ASYNC110 - the gateway's threads
            await asyncio.sleep(0.1)
        modelarts.emulator.set_status(job, version, 10)
        return await waiting

    async def collect() -> list[Any]:
        return [event.payload["status"] async for event in trigger.run()]

    assert asyncio.run(asyncio.wait_for(wait(), 120)) == ["success"]
    assert set(modelarts.statuses) == {200}


@pytest.mark.parametrize("end", ["outlive", "revoke"])
def test_token_that_ended_unnoticed_is_renewed_once(
    log_in: LogIn, keystone: Keystone, modelarts: Gateway, user_id: str, end: str
) -> None:
    """The call that met a 401 is repeated with a new token; the caller learns nothing of it."""
    modelarts.emulator.add_jobs(1)
    client = log_in(STANDING_CLOCK)
    list(client.list_training_jobs())
    getattr(keystone, end)(modelarts.tokens[0])

    rows = list(client.list_training_jobs())

    assert len(rows) == 1
    assert modelarts.statuses == [200, 401, 200]
    assert len(modelarts.tokens) == 2


def test_user_disabled_during_a_wait_is_told_so(
    log_in: LogIn, keystone: Keystone, modelarts: Gateway, new_user: Callable[..., str]
) -> None:
    """The token dies with the user; one login is tried, and its refusal is the result."""
    user_id = new_user("leaver")
    client = log_in(STANDING_CLOCK, user="leaver")
    list(client.list_training_jobs())
    keystone.call("PATCH", f"/v3/users/{user_id}", {"user": {"enabled": False}})
    before = len(keystone.logins())

    error = refusal(client)

    assert isinstance(error, AuthenticationError)
    assert modelarts.statuses == [200, 401]
    assert keystone.logins()[before:] == [401]


# ---- refused logins


@pytest.fixture(scope="module")
def others(new_user: Callable[..., str], user_id: str) -> None:
    """Users who may not log in."""
    new_user("stranger", role=False)
    new_user("disabled", enabled=False)


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "a-wrong-password"},
        {"user": "nobody"},
        {"domain_name": "nowhere"},
        {"domain_name": "nowhere", **BY_NAME},
        {"project_id": "0123456789abcdef0123456789abcdef"},
        {**BY_NAME, "project_name": "unknown"},
        {"user": "stranger"},
        {"user": "stranger", **BY_NAME},
        {"user": "disabled"},
    ],
    ids=[
        "wrong password",
        "unknown user",
        "unknown domain",
        "unknown domain, project by name",
        "unknown project id",
        "unknown project name",
        "no role in the project",
        "no role in the project by name",
        "disabled user",
    ],
)
def test_refused_login_is_tried_once(
    log_in: LogIn,
    keystone: Keystone,
    modelarts: Gateway,
    others: None,
    caplog: pytest.LogCaptureFixture,
    fields: dict[str, str],
) -> None:
    """It fails at once, names what to check, tells no secret, and is remembered for a while."""
    caplog.set_level(logging.DEBUG)
    client = log_in(**fields)
    before = len(keystone.logins())

    errors = [refusal(client), refusal(client)]

    assert keystone.logins()[before:] == [401]
    assert modelarts.seen == []
    for error in errors:
        assert isinstance(error, AuthenticationError)
        assert error.http_status == 401
        assert not error.retryable
    told = f"{errors} {errors[0]} {caplog.text}"
    for named in ("login", "password", "domain_name", "project_id", "project_name"):
        assert named in str(errors[0])
    assert PASSWORD not in told
    assert fields.get("password", PASSWORD) not in told


def test_threads_with_a_wrong_password_do_not_lock_the_user(
    log_in: LogIn, new_user: Callable[..., str]
) -> None:
    """Keystone locks a user after a few failures; many waits that fail at once count as one."""
    new_user("typist")
    client = log_in(user="typist", password="a-wrong-password")
    with ThreadPoolExecutor(4 * LOCKED_AFTER) as pool:
        errors = list(pool.map(refusal, [client] * 4 * LOCKED_AFTER))

    assert {type(error) for error in errors} == {AuthenticationError}
    assert list(log_in(user="typist").list_training_jobs()) == []


def test_token_of_another_project_is_refused_by_the_service(
    log_in: LogIn, keystone: Keystone, modelarts: Gateway, account: Account, user_id: str
) -> None:
    """A project that the user may use, but ModelArts does not serve, is no fault of the login."""
    keystone.allow(user_id, account.other_project_id)
    client = log_in(project_id=account.other_project_id)

    error = refusal(client)

    assert isinstance(error, PermissionDeniedError)
    assert modelarts.statuses == [403]
