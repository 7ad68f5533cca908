"""Looking a connection up: odd ids, connections that Airflow cannot read, fields of any type, ignored extras."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.exceptions import ConfigurationError
from airflow_provider_modelarts.hooks.connection import ConnectionFields
from airflow_provider_modelarts.hooks.lookup import fields_of
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook, reset_caches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRET = "the-secret-word"
GOOD = {
    "conn_type": "modelarts",
    "host": "https://modelarts.eu-de.otc.t-systems.com",
    "login": "AK",
    "password": SECRET,
}
EXTRA = {"project_id": "p1"}


def in_task(conn_id: Any = "odd") -> Any:
    """Look a connection up as an operator does."""
    return ModelArtsHook(conn_id).get_conn()


def in_trigger(conn_id: Any = "odd") -> Any:
    """Look a connection up as a trigger does."""
    return asyncio.run(ModelArtsHook.aget_client(conn_id))


BOTH = pytest.mark.parametrize("look_up", [in_task, in_trigger], ids=["task", "trigger"])


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    reset_caches()
    yield
    reset_caches()


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    """Define connection ``odd`` in the environment, as text or as an object."""

    def write(connection: object) -> None:
        text = connection if isinstance(connection, str) else json.dumps(connection)
        monkeypatch.setenv("AIRFLOW_CONN_ODD", text)

    return write


def failure(look_up: Callable[..., Any], *conn_id: Any) -> str:
    """Return the text of the error, which tells no secret."""
    with pytest.raises(ConfigurationError) as caught:
        look_up(*conn_id)
    assert SECRET not in f"{caught.value} {caught.value!r}"
    return str(caught.value)


@BOTH
@pytest.mark.parametrize(
    ("conn_id", "named"),
    [
        (None, "modelarts_conn_id is None: set it to the id"),
        ("", "modelarts_conn_id is ''"),
        (" ", "modelarts_conn_id is ' '"),
        (5, "modelarts_conn_id is a number"),
        (True, "modelarts_conn_id is the flag true"),
        (["modelarts_default"], "modelarts_conn_id is a list"),
        ("a\nb", r"modelarts_conn_id is 'a\nb'"),
        ("cut \ud83d", r"modelarts_conn_id is 'cut \ud83d'"),
        ("x" * 300, "modelarts_conn_id is a text of 300 characters"),
    ],
    ids=["None", "empty", "blank", "int", "bool", "list", "newline", "surrogate", "long"],
)
def test_id_that_no_connection_can_have_is_told(look_up: Any, conn_id: Any, named: str) -> None:
    """What is no id is no connection that does not exist."""
    message = failure(look_up, conn_id)

    assert message.startswith(named)
    assert "or leave it out for 'modelarts_default'" in message


@BOTH
def test_id_of_an_empty_template_is_told(look_up: Any) -> None:
    """Jinja writes None where a value is missing."""
    assert "seems to come from a template that had no value" in failure(look_up, "None")


@BOTH
def test_missing_connection_is_told_with_where_to_make_it(look_up: Any) -> None:
    """A connection that nobody has made."""
    message = failure(look_up, "nowhere")

    assert message.startswith("Connection 'nowhere' does not exist: create one of type 'modelarts'")
    assert "AIRFLOW_CONN_NOWHERE" in message


@BOTH
@pytest.mark.parametrize(
    ("written", "named"),
    [
        (
            f"modelarts://AK:{SECRET}/x@h",
            "a URI must have the form modelarts://login:password@host",
        ),
        (f"modelarts://AK:{SECRET}@h:port", "a URI must have the form"),
        (f"modelarts://a://b://{SECRET}", "a URI must have the form"),
        (f'{{"password": "{SECRET}",}}', "its JSON is broken: "),
        (f'{{"password": "{SECRET}"', "its JSON is broken: "),
        (f'{{"password": {"9" * 5000}}}', "a number that is too long"),
        (
            {**GOOD, "project_id": "p"},
            "'project_id' is no key of a connection; these are conn_type",
        ),
        ({**GOOD, "port": SECRET}, "port must be a number"),
    ],
    ids=["slash", "port", "schemes", "comma", "brace", "digits", "key", "json-port"],
)
def test_connection_that_does_not_parse_is_told_as_such(
    look_up: Any, define: Any, written: object, named: str
) -> None:
    """Airflow calls it missing; here its author learns that it is there, and what is wrong."""
    define(written)

    message = failure(look_up)

    assert "'odd' stands in environment variable AIRFLOW_CONN_ODD, but" in message
    assert named in message


@BOTH
@pytest.mark.parametrize("name", ["host", "login", "password"])
@pytest.mark.parametrize("value", [["x"], {"a": 1}, True], ids=["list", "object", "flag"])
def test_field_that_is_no_text_is_named(look_up: Any, define: Any, name: str, value: Any) -> None:
    """Whether Airflow stumbles over it or passes it on, the error names the field."""
    define({**GOOD, "extra": EXTRA, name: value})

    assert name in failure(look_up)


@BOTH
@pytest.mark.parametrize(
    ("extra", "named"),
    [
        (["project_id"], "extra is a list, but must be a JSON object"),
        (json.dumps(json.dumps(EXTRA)), "extra was encoded as JSON twice"),
        ("project_id=p1", "extra is not JSON (Expecting value in line 1, column 1)"),
        ("7", "extra is a number, but must be a JSON object"),
        ("[" * 100_000, "extra is not JSON (a number is too long, or the brackets are too deep)"),
        ('{"a": ' + "9" * 5000 + "}", "extra is not JSON (a number is too long"),
    ],
    ids=["list", "twice", "no-json", "number", "deep", "digits"],
)
def test_extra_that_is_no_object_is_told(look_up: Any, extra: Any, named: str) -> None:
    """Connections that a secrets backend makes are checked by nobody before us."""
    connection = type("Made", (), {**GOOD, "port": None, "extra": extra, "extra_dejson": None})()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelArtsHook, "get_connection", staticmethod(lambda conn_id: connection))
        if hasattr(ModelArtsHook, "aget_connection"):

            async def get(conn_id: str) -> Any:
                return connection

            patch.setattr(ModelArtsHook, "aget_connection", staticmethod(get))
        message = failure(look_up)

    first, line = message.splitlines()  # and not that project_id is missing, which nobody knows
    assert first == "Connection 'odd' (type modelarts) cannot be used:"
    assert named in line


def test_extra_that_airflow_refuses_to_show_is_told() -> None:
    """Airflow 3 checks the extras when they are read from its database."""

    class Refused:
        @property
        def extra(self) -> str:
            raise ValueError(SECRET)

    assert "extra is not a JSON object" in failure(lambda: fields_of("odd", Refused()))


@BOTH
def test_extra_with_no_effect_is_warned_about_once(look_up: Any, define: Any, caplog: Any) -> None:
    """Who writes verify_ssl believes to have set something; what is somebody's own is left alone."""
    define(
        {
            **GOOD,
            "extra": {**EXTRA, "verify_ssl": False, "bucket": "b", "emulator_token": "long-enough"},
        }
    )

    look_up()
    ModelArtsHook("odd").get_conn()

    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("airflow_provider")]
    assert line == (
        "Connection 'odd': extra 'verify_ssl' is not read; did you mean 'TLS verification' (extra verify)?"
    )


def test_extra_beside_the_right_one_is_not_warned_about(define: Any, caplog: Any) -> None:
    """Who has set the right one has no mistake to look for."""
    define({**GOOD, "extra": {**EXTRA, "verify": False, "verify_ssl": False}})

    in_task()

    assert "verify_ssl" not in caplog.text


def test_fields_are_taken_as_they_are() -> None:
    """What Airflow's connection holds is not touched before it is checked."""
    connection = type("Made", (), {**GOOD, "port": "0", "extra": "{}"})()

    assert fields_of("c", connection) == ConnectionFields(
        "c", host=GOOD["host"], port="0", login="AK", password=SECRET, extra="{}"
    )
