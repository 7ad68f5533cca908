"""Whatever stands in a connection, it becomes a configuration or one error that tells no secret."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_modelarts.client import ClientConfig
from airflow_provider_modelarts.exceptions import ConfigurationError
from airflow_provider_modelarts.get_provider_info import CONN_FIELDS
from airflow_provider_modelarts.hooks.connection import ConnectionFields, client_config
from tests.properties import shapes
from tests.properties.shapes import SECRET

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
ODD = (
    st.sampled_from(["x" * 300, float("nan"), [], {}, 0])
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.lists(TEXTS, max_size=2)
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


@settings(max_examples=4 * settings().max_examples)
@given(
    fields=st.builds(
        ConnectionFields,
        conn_id=TEXTS,
        host=URLS,
        port=st.none() | st.integers(0, 70000),
        login=TEXTS | st.just("AKEXAMPLE"),
        password=SECRETS,
        extra=EXTRAS | shapes.spoiled(GOOD, ODD) | GOOD,
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
