"""What must not be sent in the clear, and what must not be shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_modelarts.client import ClientConfig, Password
from airflow_provider_modelarts.exceptions import ConfigurationError
from airflow_provider_modelarts.hooks.connection import ConnectionFields, client_config

HOST = "https://modelarts.eu-de.otc.t-systems.com"
IAM = "https://iam.eu-de.otc.t-systems.com"
SECRET = "the-secret-word"
PASSWORD = {"auth_type": "password", "domain_name": "OTC1", "iam_endpoint": IAM}


def read(extra: dict[str, Any] | None = None, **fields: Any) -> ClientConfig:
    """Read a valid connection with changes; an extra of None is left out."""
    extras = {"project_id": "p1", **(extra or {})}
    given: dict[str, Any] = {"host": HOST, "login": "AK", "password": SECRET, **fields}
    return client_config(
        ConnectionFields(
            "my_conn", extra={k: v for k, v in extras.items() if v is not None}, **given
        )
    )


def problems(extra: dict[str, Any] | None = None, **fields: Any) -> list[str]:
    """Return the lines of the error that a connection causes."""
    with pytest.raises(ConfigurationError) as caught:
        read(extra, **fields)
    first, *lines = str(caught.value).splitlines()
    assert first == "Connection 'my_conn' (type modelarts) cannot be used:"
    assert SECRET not in f"{caught.value} {caught.value!r}"
    return [line.removeprefix("  - ") for line in lines]


@pytest.mark.parametrize(
    "host",
    [
        "http://ma.lab",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
    ],
)
@pytest.mark.parametrize(
    "allowed", [None, False, "false", ""], ids=["-", "False", "false", "empty"]
)
def test_http_is_refused_for_other_hosts(host: str, allowed: Any) -> None:
    """Credentials do not travel in the clear, but to this machine itself."""
    (line,) = problems({"allow_http": allowed}, host=host)

    assert "http:// would send credentials in the clear" in line
    assert "allow_http" in line


def test_http_is_refused_for_iam_too() -> None:
    """The password is worth as much as a token."""
    (line,) = problems({**PASSWORD, "iam_endpoint": "http://iam.lab"})

    assert line.startswith(
        "'IAM endpoint' (extra iam_endpoint) is 'http://iam.lab': http:// would send"
    )


def test_all_mistakes_come_at_once() -> None:
    """Nobody mends a connection one error at a time."""
    extra = {
        "auth_type": "password",
        "project_id": None,
        "cloud": "aws",
        "timeout": "x",
        "verify": "/no/such",
    }

    lines = problems(extra, host="ftp://h", login="", password="")

    fields = "host|login|password|domain_name|iam_endpoint|project_id|cloud|timeout|verify"
    assert len(lines) == 9
    assert all(any(name in line for line in lines) for name in fields.split("|"))


@pytest.mark.parametrize(
    ("field", "where"),
    [("login", {"login": "A€K"}), ("password", {"password": f"{SECRET}€"})],
)
def test_key_that_no_header_can_carry_is_refused(field: str, where: dict[str, str]) -> None:
    """A pasted character that HTTP headers cannot hold is named before any request."""
    (line,) = problems({}, **where)

    assert f"({field}) has" in line


@pytest.mark.parametrize(
    ("extra", "fields"),
    [
        ({}, {"host": f"https://user:{SECRET}@h"}),
        ({**PASSWORD, "iam_endpoint": f"https://user:{SECRET}@h"}, {}),
    ],
    ids=["host", "iam_endpoint"],
)
def test_address_with_a_password_is_refused_without_showing_it(
    extra: dict[str, Any], fields: dict[str, Any]
) -> None:
    """A secret that was put into an address does not get into the error."""
    (line,) = problems(extra, **fields)

    assert "a base URL" in line


def test_umlauts_in_a_password_are_fine() -> None:
    """A password travels in a JSON body, which carries any text, blanks included."""
    config = read(PASSWORD, password="Tränen € 1")

    assert isinstance(config.credentials, Password)
    assert config.credentials.password == "Tränen € 1"


def test_fields_print_no_secret() -> None:
    """The fields may be logged: password and extras stay out of their repr."""
    fields = ConnectionFields("c", password=SECRET, extra={"security_token": SECRET})

    assert SECRET not in repr(fields)


def test_equal_connections_have_equal_configurations() -> None:
    """Clients are shared by configuration, which must be hashable and comparable."""
    assert len({read(), read(), read(login="other")}) == 2


def test_directory_of_certificates_is_a_bundle() -> None:
    """A folder of hashed certificates is accepted like a file."""
    folder = str(Path(__file__).parent)

    assert read({"verify": folder}).verify == folder


@pytest.mark.parametrize(
    ("extra", "fields"),
    [
        ({"project_id": f"{SECRET}/+="}, {"password": SECRET}),
        ({"cloud": SECRET}, {"password": SECRET}),
        ({"timeout": SECRET, "security_token": SECRET}, {}),
        ({"project_id": f"{SECRET}/+={'x' * 3000}"}, {}),
        ({}, {"host": f"https://h/v1?token={SECRET}"}),
    ],
    ids=["project_id", "cloud", "security_token", "long", "query"],
)
def test_secret_in_the_wrong_field_is_refused_without_showing_it(
    extra: dict[str, Any], fields: dict[str, Any]
) -> None:
    """What the connection knows as a secret is masked; what is as long as a token is not shown."""
    (line,) = problems(extra, **fields)

    assert SECRET not in line
    assert len(line) < 200
