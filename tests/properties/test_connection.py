"""Whatever stands in a connection, it becomes a configuration or one error that tells no secret."""

from __future__ import annotations

import json
import os
from typing import Any
from unittest import mock

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_provider_modelarts.client import ClientConfig
from airflow_provider_modelarts.exceptions import ConfigurationError
from airflow_provider_modelarts.get_provider_info import CONN_FIELDS
from airflow_provider_modelarts.hooks.connection import (
    ConnectionFields,
    client_config,
    ignored_extras,
)
from airflow_provider_modelarts.hooks.lookup import checked_id, not_found
from tests.properties import shapes
from tests.properties.shapes import SECRET

MAX_TOLD = 10_000
"""Longest error: each field once, each value cut."""

# What a user may write, without the secret itself.
TEXTS = st.text(st.characters(), max_size=20)
SECRETS = st.just(SECRET) | TEXTS.map(lambda text: f"{text}{SECRET}{text}")
URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "https://", "http://", "HTTPS://", "ftp://", "//", "://"]),
    st.sampled_from(["", "user@", f"user:{SECRET}@", f":{SECRET}@"]),
    st.sampled_from(["", "127.0.0.1", "modelarts.eu-de.otc.t-systems.com", "[::1]", "[", "ü"])
    | TEXTS,
    st.sampled_from(["", ":", ":443", ":8080", ":port", ":99999"]),
    st.sampled_from(["", "/", "/v1", "/v3/", "?a=b", "#c"]) | TEXTS,
)
CHOICES: dict[str, list[Any]] = {
    "auth_type": ["aksk", "password", "token"],
    "cloud": ["otc", "huaweicloud"],
    "region": ["eu-de", "eu-ch2"],
    "project_id": ["0123456789abcdef0123456789abcdef"],
    "project_name": ["eu-de"],
    "domain_name": ["OTC0000"],
    "timeout": [5, "5", "nan", "inf", -1],
    "verify": [True, "false", "/no/such/bundle", "x" * 300],
    "allow_http": [True, "true", False],
}
NAMES = sorted({*CHOICES, *(name.removeprefix("extra__modelarts__") for name in CONN_FIELDS)})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
CORNERS = ["x" * 300, "x" * 20_000, "9" * 5000, "..", "\ud83d", [], {}, 0, 10**400, float("nan")]
ODD = st.sampled_from(CORNERS) | st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=5,
)
# One with all fields, right but for one of them, reads further than one that is odd throughout.
GOOD = st.fixed_dictionaries(
    {name: st.sampled_from(given[:1]) for name, given in CHOICES.items()}
    | {"auth_type": st.sampled_from(CHOICES["auth_type"]), "iam_endpoint": URLS}
)
EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        name: SECRETS
        if name == "security_token"
        else URLS
        if name == "iam_endpoint"
        else st.sampled_from(CHOICES.get(name, [""])) | ODD
        for name in NAMES
    },
)
# A known name, as other providers or other hands write it.
MISSPELT = GOOD.flatmap(
    lambda good: st.fixed_dictionaries(
        {},
        optional={
            spelling(name): st.just(value)
            for name, value in good.items()
            for spelling in (str.upper, str.title, lambda name: name.replace("_", "-"))
        },
    )
)
# What stands in a database or an environment variable: JSON, JSON of JSON, or a torn piece of it.
WRITTEN = st.builds(
    lambda extra, times, cut: _written(extra, times)[cut:],
    GOOD | ODD,
    st.integers(1, 3),
    st.integers(0, 3),
) | st.sampled_from(["[" * 5_000, '{"a": ' + "9" * 5000 + "}", "", "null"])


def _written(value: object, times: int) -> str:
    for _ in range(times):
        value = json.dumps(value)
    return str(value)


@settings(max_examples=4 * settings().max_examples)
@given(
    fields=st.builds(
        ConnectionFields,
        conn_id=TEXTS,
        host=URLS | ODD,
        port=st.none() | st.integers(-1, 70000) | ODD,
        login=TEXTS | st.just("AKEXAMPLE") | ODD,
        password=SECRETS | SECRETS.map(lambda text: [text]),
        extra=EXTRAS | shapes.spoiled(GOOD, ODD) | GOOD | MISSPELT | WRITTEN | ODD,
    )
)
def test_any_connection_is_a_configuration_or_an_error_of_ours(fields: ConnectionFields) -> None:
    """All that is wrong is told at once, and no password, key, token or user information in it."""
    try:
        config = client_config(fields)
    except ConfigurationError as error:
        told = f"{error} {error!r}"
    else:
        assert isinstance(config, ClientConfig)
        told = repr(config)
    assert SECRET not in told
    assert SECRET not in repr(fields) or SECRET in f"{fields.host}"
    assert len(told) < MAX_TOLD
    near, own = ignored_extras(fields)
    assert all(line.isprintable() for line in (*told.splitlines(), *near, *own))


@given(conn_id=ODD | TEXTS)
def test_any_id_is_an_id_or_an_error_of_ours(conn_id: object) -> None:
    """What comes out can be looked up; whatever is not found is told, and nothing else is raised."""
    try:
        checked = checked_id(conn_id)
    except ConfigurationError as error:
        told = str(error)
    else:
        assert checked == conn_id
        told = str(not_found(checked))
    assert told.isprintable()
    assert len(told) < MAX_TOLD


@given(written=URLS | WRITTEN | ODD.map(str))
def test_any_environment_variable_is_told_without_what_stands_in_it(written: str) -> None:
    """Airflow calls what it cannot parse missing; the error says why, and no part of it."""
    assume("\0" not in written and _encodable(written))
    with mock.patch.dict(os.environ, {"AIRFLOW_CONN_ODD": written}):
        told = str(not_found("odd"))

    assert SECRET not in told
    assert len(told) < MAX_TOLD


def _encodable(text: str) -> bool:
    try:
        return bool(os.fsencode(text)) or not text
    except UnicodeEncodeError:
        return False
