"""Connection fields: what they become, and how mistakes in them are told."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_modelarts.client import AccessKey, ClientConfig, Password, Token
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


# ---- what good fields become


def test_access_key_is_the_default() -> None:
    """Without auth_type login and password are an access key."""
    assert read({"security_token": "st", "workspace_id": "w"}) == ClientConfig(
        HOST, AccessKey("AK", SECRET, "st"), project_id="p1", workspace_id="w"
    )


@pytest.mark.parametrize(
    "scope",
    [{"project_id": "p1"}, {"project_id": None, "project_name": "eu-de"}],
    ids=["id", "name"],
)
def test_password_takes_project_by_id_or_name(scope: dict[str, Any]) -> None:
    """A user is scoped by either."""
    config = read({**PASSWORD, **scope}, login="user")

    assert config.credentials == Password(
        "user", SECRET, "OTC1", IAM, scope["project_id"] or "", scope.get("project_name", "")
    )


def test_ready_token_needs_no_login() -> None:
    """A token stands in password alone."""
    assert read({"auth_type": "token"}, login="").credentials == Token(SECRET)


def test_blanks_around_keys_are_dropped() -> None:
    """What was pasted with a line end still works."""
    config = read(login=" AK\n", password=f"{SECRET}\n")

    assert config.credentials == AccessKey("AK", SECRET)


@pytest.mark.parametrize(
    ("host", "port", "endpoint"),
    [
        ("modelarts.example.com", None, "https://modelarts.example.com"),
        ("modelarts.example.com", 443, "https://modelarts.example.com"),
        ("modelarts.example.com", 8443, "https://modelarts.example.com:8443"),
        ("modelarts.example.com:8443", None, "https://modelarts.example.com:8443"),
        ("https://modelarts.example.com:443/", None, "https://modelarts.example.com"),
        ("https://modelarts.example.com:31943/v1/", None, "https://modelarts.example.com:31943"),
        ("https://modelarts.example.com/v1", None, "https://modelarts.example.com"),
        ("https://modelarts.example.com/gate/v1", None, "https://modelarts.example.com/gate"),
        ("https://modelarts.example.com", 443, "https://modelarts.example.com"),
        ("  https://modelarts.example.com  ", None, "https://modelarts.example.com"),
        ("HTTPS://ModelArts.Example.com", None, "https://modelarts.example.com"),
        ("http://127.0.0.1:80", None, "http://127.0.0.1"),
        ("http://127.0.0.1:8474", None, "http://127.0.0.1:8474"),
        ("http://localhost:8474", None, "http://localhost:8474"),
        ("http://[::1]:8474", None, "http://[::1]:8474"),
        ("https://[2001:db8::1]", None, "https://[2001:db8::1]"),
    ],
)
def test_host_becomes_the_base_url(host: str, port: int | None, endpoint: str) -> None:
    """A bare name means https; default port, version and final slash go."""
    assert read(host=host, port=port).endpoint == endpoint


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        (f"{IAM}/v3", IAM),
        (f"{IAM}/v3/", IAM),
        (f"{IAM}:443", IAM),
        ("iam.eu-de.otc.t-systems.com", IAM),
        ("https://iam.example.com:31943/v3", "https://iam.example.com:31943"),
    ],
)
def test_iam_endpoint_may_have_its_version(given: str, endpoint: str) -> None:
    """With or without /v3 it is the same address."""
    credentials = read({**PASSWORD, "iam_endpoint": given}).credentials

    assert isinstance(credentials, Password)
    assert credentials.iam_endpoint == endpoint


@pytest.mark.parametrize(
    ("cloud", "region", "host", "iam"),
    [
        ("otc", "eu-de", HOST, IAM),
        (
            "otc",
            "eu-nl",
            "https://modelarts.eu-nl.otc.t-systems.com",
            "https://iam.eu-nl.otc.t-systems.com",
        ),
        (
            "otc",
            "eu-ch2",
            "https://modelarts.eu-ch2.sc.otc.t-systems.com",
            "https://iam-pub.eu-ch2.sc.otc.t-systems.com",
        ),
        (
            "huaweicloud",
            "cn-north-4",
            "https://modelarts.cn-north-4.myhuaweicloud.com",
            "https://iam.cn-north-4.myhuaweicloud.com",
        ),
        (
            "huaweicloud",
            "eu-west-101",
            "https://modelarts.eu-west-101.myhuaweicloud.eu",
            "https://iam.eu-west-101.myhuaweicloud.eu",
        ),
    ],
)
def test_cloud_and_region_complete_both_endpoints(
    cloud: str, region: str, host: str, iam: str
) -> None:
    """Where no address is given it is the region's public one."""
    extra = {**PASSWORD, "iam_endpoint": None, "cloud": cloud, "region": region}

    config = read(extra, host="")

    assert isinstance(config.credentials, Password)
    assert (config.endpoint, config.credentials.iam_endpoint) == (host, iam)


def test_given_endpoints_win_over_the_regions() -> None:
    """Tables go wrong; what is set is used."""
    extra = {**PASSWORD, "iam_endpoint": "https://iam.own", "cloud": "otc", "region": "eu-nl"}

    config = read(extra, host="https://ma.own")

    assert isinstance(config.credentials, Password)
    assert config.endpoint == "https://ma.own"
    assert config.credentials.iam_endpoint == "https://iam.own"


@pytest.mark.parametrize(
    ("value", "verify"),
    [
        (None, True),
        ("", True),
        (True, True),
        ("true", True),
        ("True", True),
        (False, False),
        ("false", False),
        (" FALSE ", False),
        (__file__, __file__),
    ],
    ids=["none", "empty", "True", "true", "text", "False", "false", "blanks", "path"],
)
def test_verify_is_a_flag_or_a_path(value: Any, verify: bool | str) -> None:
    """JSON flags, their texts and the path of a bundle are all read."""
    assert read({"verify": value}).verify == verify


@pytest.mark.parametrize(
    ("value", "seconds"), [(None, 60), ("", 60), (5, 5), ("5", 5), (0.5, 0.5), ("0.5", 0.5)]
)
def test_timeout_is_in_seconds(value: Any, seconds: float) -> None:
    """Numbers and their texts are read; the default is one minute."""
    assert read({"timeout": value}).timeout == seconds


@pytest.mark.parametrize("port", [None, 0, "0", ""], ids=repr)
@pytest.mark.parametrize("host", ["https://h", ""], ids=["host", "region"])
def test_port_zero_is_none(host: str, port: Any) -> None:
    """The form sends 0 where its port is empty."""
    extra = {"cloud": "otc", "region": "eu-de"}

    assert read(extra, host=host, port=port) == read(extra, host=host)


def test_port_that_repeats_that_of_the_endpoint_is_fine() -> None:
    """The same port twice is no contradiction."""
    assert read(host="https://h:8443", port=8443).endpoint == "https://h:8443"


@pytest.mark.parametrize("extra", ["", None, "{}", "null", {}], ids=repr)
def test_connection_without_extras_has_none(extra: Any) -> None:
    """All forms of nothing are the same."""
    with pytest.raises(ConfigurationError, match=r"\(extra project_id\) is missing"):
        client_config(ConnectionFields("c", host=HOST, login="AK", password="SK", extra=extra))


def test_numbers_are_read_as_text() -> None:
    """JSON and YAML make numbers of ids."""
    config = read({"project_id": 123, "workspace_id": 4}, login=5)

    assert (config.project_id, config.workspace_id) == ("123", "4")
    assert config.credentials == AccessKey("5", SECRET)


@pytest.mark.parametrize("flag", [True, "true", "True"])
def test_http_is_allowed_where_it_is_meant(flag: Any) -> None:
    """allow_http opens plain connections to other hosts, IAM included."""
    extra = {**PASSWORD, "allow_http": flag, "iam_endpoint": "http://iam.lab"}

    assert read(extra, host="http://ma.lab").endpoint == "http://ma.lab"


# ---- what is refused


@pytest.mark.parametrize(
    ("extra", "fields", "named"),
    [
        ({}, {"login": ""}, "(login) is missing: set it to the access key id"),
        ({}, {"password": " "}, "(password) is missing: set it to the secret access key"),
        ({"auth_type": "token"}, {"password": ""}, "(password) is missing: set it to a project"),
        ({"project_id": None}, {}, "(extra project_id) is missing"),
        (
            {"project_id": None, "project_name": "x"},
            {},
            "'Project name' (extra project_name) replaces it only with",
        ),
        (
            {**PASSWORD, "project_id": None},
            {},
            "(extra project_id) is missing: set it, or 'Project name'",
        ),
        (PASSWORD, {"login": ""}, "(login) is missing: set it to the IAM user name"),
        (PASSWORD, {"password": ""}, "(password) is missing: set it to the IAM user's password"),
        ({**PASSWORD, "domain_name": None}, {}, "(extra domain_name) is missing"),
        ({**PASSWORD, "iam_endpoint": None}, {}, "(extra iam_endpoint) is missing"),
        (
            {"cloud": "otc"},
            {"host": ""},
            "(host) is missing: set it to the base URL, or set 'Cloud' (extra cloud) and",
        ),
        ({"region": "eu-de"}, {"host": ""}, "(host) is missing"),
        ({"cloud": "otc", "region": "eu/de"}, {"host": ""}, "(extra region) is 'eu/de'"),
        ({"cloud": "aws"}, {}, "(extra cloud) is 'aws', but must be one of huaweicloud, otc"),
        ({"auth_type": "basic"}, {}, "(extra auth_type) is 'basic', but must be one of aksk"),
        (
            {"auth_type": "token", "security_token": "x"},
            {},
            "(extra security_token) belongs to a temp",
        ),
        ({**PASSWORD, "security_token": "x"}, {}, "(extra security_token) belongs to a temporary"),
        ({"project_id": "a/b"}, {}, "(extra project_id) is 'a/b'"),
        ({"project_id": ".."}, {}, "(extra project_id) is '..'"),
        ({"project_id": "ü"}, {}, "(extra project_id) is 'ü'"),
        ({"project_id": True}, {}, "(extra project_id) is the flag true, but must be a text"),
        ({"workspace_id": ["w"]}, {}, "'Workspace ID' (extra workspace_id) is a list"),
        ({"workspace_id": {"id": 1}}, {}, "(extra workspace_id) is a JSON object, but must be a"),
        ({"workspace_id": 10**5000}, {}, "(extra workspace_id) is a number, but must be a text"),
        (
            {"workspace_id": "w" * 20_000},
            {},
            "is a text of 20000 characters, but must be a text of",
        ),
        ({"timeout": 1e9}, {}, "'Timeout' (extra timeout) is '1000000000.0'"),
        ({"timeout": [5]}, {}, "(extra timeout) is a list"),
        ({"verify": ["x"]}, {}, "(extra verify) is a list"),
        ({"verify": "a\0b"}, {}, r"(extra verify) is 'a\x00b'"),
        (
            {"allow_http": "yes"},
            {},
            "'Allow http' (extra allow_http) is 'yes', but must be true or",
        ),
        ({"authType": "token"}, {}, "extra 'authType' is not read: rename it to auth_type"),
        ({"Verify": False}, {}, "extra 'Verify' is not read: rename it to verify"),
        ({"project_id": None, "projectId": "p"}, {}, "is missing (extra 'projectId' is not read)"),
        ({"project_id": None, "project": "p"}, {}, "is missing (extra 'project' is not read)"),
        ({"secret_key": "x"}, {"password": ""}, "is missing (extra 'secret_key' is not read)"),
        ({"endpoint": HOST}, {"host": ""}, "is missing (extra 'endpoint' is not read)"),
        ({}, {"port": "http"}, "'Port' (port) is 'http', but must be a number from 1 to 65535"),
        ({}, {"port": -1}, "'Port' (port) is '-1'"),
        ({}, {"port": 65_536}, "'Port' (port) is '65536'"),
        ({}, {"port": "9" * 5000}, "'Port' (port) is '999"),
        ({}, {"port": "²"}, "'Port' (port) is '²'"),
        ({}, {"port": [443]}, "'Port' (port) is a list"),
        ({}, {"host": "https://h:8443", "port": 443}, "has port 8443, but 'Port' (port) is 443"),
        (
            {"cloud": "otc", "region": "eu-de"},
            {"host": "", "port": 8443},
            "is 8443, but 'ModelArts",
        ),
        ({}, {"host": ["https://h"]}, "'ModelArts endpoint' (host) is a list"),
        ({}, {"host": "https://h\ni"}, r"(host) is 'https://h\ni'"),
        ({}, {"host": "https://h/ü"}, "(host) is 'https://h/ü'"),
        ({}, {"host": f"https://{'h' * 500}/?a"}, "(511 characters), but must be a base URL"),
        ({}, {"password": [SECRET]}, "(password) is a list, but must be a text"),
        ({}, {"password": SECRET * 2000}, "(password) is a text of 30000 characters, but must be"),
        ({**PASSWORD, "domain_name": "a\tb"}, {}, r"(extra domain_name) is 'a\tb'"),
        ({**PASSWORD, "project_name": "a\ud83d"}, {}, r"(extra project_name) is 'a\ud83d'"),
        ({"workspace_id": "a b"}, {}, "(extra workspace_id) is 'a b'"),
        (
            {"timeout": "soon"},
            {},
            "(extra timeout) is 'soon', but must be a number of seconds above 0",
        ),
        ({"timeout": 0}, {}, "(extra timeout) is '0'"),
        ({"timeout": -1}, {}, "(extra timeout) is '-1'"),
        ({"timeout": "inf"}, {}, "(extra timeout) is 'inf'"),
        ({"timeout": "nan"}, {}, "(extra timeout) is 'nan'"),
        ({"verify": "/no/such.pem"}, {}, "(extra verify) is '/no/such.pem'"),
        ({"verify": "yes"}, {}, "(extra verify) is 'yes'"),
        ({"verify": 300 * "x"}, {}, "(extra verify) is 'xxx"),
        ({}, {"login": "A K"}, "(login) has blanks, control characters"),
        ({}, {"password": f"{SECRET}\n{SECRET}"}, "(password) has blanks, control characters"),
        ({"security_token": "a\tb"}, {}, "(extra security_token) has blanks"),
        ({}, {"host": "ftp://h"}, "(host) is 'ftp://h', but must be a base URL"),
        ({}, {"host": "https://"}, "(host) is 'https://'"),
        ({}, {"host": "https://h?a=1"}, "(host) is 'https://h?a=1'"),
        ({}, {"host": "https://h#a"}, "(host) is 'https://h#a'"),
        ({}, {"host": "https://h:x"}, "(host) is 'https://h:x'"),
        ({}, {"host": "https://a b"}, "(host) is 'https://a b'"),
        ({}, {"host": "https://[::1"}, "(host) is 'https://[::1'"),
        ({**PASSWORD, "iam_endpoint": "ftp://h"}, {}, "(extra iam_endpoint) is 'ftp://h'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_mistake_is_one_line_with_its_field(
    extra: dict[str, Any], fields: dict[str, Any], named: str
) -> None:
    """A field that is missing, unusable or contradictory is named, with what is allowed."""
    (line,) = problems(extra, **fields)

    assert named in line
