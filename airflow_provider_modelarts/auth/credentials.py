"""The three kinds of credentials, as plain values that never print their secrets.

Secrets are given as text and kept as :class:`~airflow_provider_modelarts.secret.Secret`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_modelarts.secret import Secret


@dataclass(frozen=True)
class AccessKey:
    """Access key; with ``security_token`` a temporary one."""

    access_key: str
    secret_key: str | Secret = field(repr=False)
    security_token: str | Secret = field(default="", repr=False)

    def __post_init__(self) -> None:
        _hide(self, "secret_key", "security_token")


@dataclass(frozen=True)
class Password:
    """IAM user and password, exchanged for a token that belongs to one project.

    :param user: IAM user name.
    :param password: its password.
    :param domain_name: IAM account (domain) of the user.
    :param iam_endpoint: IAM base URL without ``/v3``.
    :param project_id: scope by id, or
    :param project_name: scope by name; the id is then read from the token.
    """

    user: str
    password: str | Secret = field(repr=False)
    domain_name: str
    iam_endpoint: str
    project_id: str = ""
    project_name: str = ""

    def __post_init__(self) -> None:
        _hide(self, "password")


@dataclass(frozen=True)
class Token:
    """A project token made elsewhere; it cannot be renewed here."""

    token: str | Secret = field(repr=False)

    def __post_init__(self) -> None:
        _hide(self, "token")


Credentials = AccessKey | Password | Token


def _hide(credentials: Credentials, *names: str) -> None:
    for name in names:
        object.__setattr__(credentials, name, Secret.of(getattr(credentials, name)))
