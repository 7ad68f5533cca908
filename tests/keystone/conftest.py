"""One Keystone for all tests of this folder, an account in it, and clients that log in there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.client import ClientConfig, ModelArtsClient, Password
from airflow_provider_modelarts.emulator import Emulator, Identity
from tests.keystone.gateway import Gateway
from tests.keystone.service import Keystone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOMAIN = "acme"
PROJECT = "eu-de"
PASSWORD = "the-password-of-the-user"


@dataclass(frozen=True)
class Account:
    """Ids of what the tests need in Keystone."""

    domain_id: str
    project_id: str
    other_project_id: str


@pytest.fixture(scope="session")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """A Keystone that runs; it takes a quarter of a minute to start."""
    python = Path(os.environ["KEYSTONE_PYTHON"]).absolute()
    with Keystone(python, tmp_path_factory.mktemp("keystone")) as service:
        yield service


@pytest.fixture(scope="session")
def account(keystone: Keystone) -> Account:
    """A domain with two projects; another domain has a project of the same name."""
    domain_id = keystone.create("domain", name=DOMAIN)
    keystone.create("project", name=PROJECT, domain_id="default")
    return Account(
        domain_id,
        keystone.create("project", name=PROJECT, domain_id=domain_id),
        keystone.create("project", name="eu-de_other", domain_id=domain_id),
    )


@pytest.fixture(scope="session")
def new_user(keystone: Keystone, account: Account) -> Callable[..., str]:
    """Return a function that makes a user, mostly with a role in the project, and returns the id."""

    def make(name: str, *, role: bool = True, **fields: Any) -> str:
        user_id = keystone.create(
            "user", name=name, password=PASSWORD, domain_id=account.domain_id, **fields
        )
        if role:
            keystone.allow(user_id, account.project_id)
        return user_id

    return make


@pytest.fixture(scope="session")
def user_id(new_user: Callable[..., str]) -> str:
    """The user whom clients log in as."""
    return new_user("trainer")


@pytest.fixture(scope="session")
def _emulator(account: Account) -> Iterator[Emulator]:
    """An emulator with the project of the account."""
    who = Identity(project_id=account.project_id, project_name=PROJECT)
    with Emulator(identity=who) as server:
        yield server


@pytest.fixture
def modelarts(keystone: Keystone, _emulator: Emulator) -> Iterator[Gateway]:
    """ModelArts, empty."""
    _emulator.reset()
    with Gateway(keystone, _emulator) as running:
        yield running


@pytest.fixture
def log_in(
    keystone: Keystone, account: Account, modelarts: Gateway
) -> Iterator[Callable[..., ModelArtsClient]]:
    """Return a function that makes a client with a password; it logs in with its first call.

    Keyword arguments replace fields of the credentials, ``options`` are the client's.
    """
    clients: list[ModelArtsClient] = []

    def make(options: dict[str, Any] | None = None, **fields: Any) -> ModelArtsClient:
        who = {
            "user": "trainer",
            "password": PASSWORD,
            "domain_name": DOMAIN,
            "iam_endpoint": keystone.url,
            "project_id": account.project_id,
            **fields,
        }
        config = ClientConfig(modelarts.url, Password(**who), project_id=who["project_id"])
        clients.append(ModelArtsClient(config, **(options or {})))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
