"""The three kinds of credentials, as plain values that never print their secrets."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AccessKey:
    """Access key; with ``security_token`` a temporary one."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str = field(default="", repr=False)


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
    password: str = field(repr=False)
    domain_name: str
    iam_endpoint: str
    project_id: str = ""
    project_name: str = ""


@dataclass(frozen=True)
class Token:
    """A project token made elsewhere; it cannot be renewed here."""

    token: str = field(repr=False)


Credentials = AccessKey | Password | Token
