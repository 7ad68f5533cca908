"""What Airflow found under a connection id, and why it may have found nothing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.exceptions import ConfigurationError
from airflow_provider_modelarts.hooks.connection import ConnectionFields
from airflow_provider_modelarts.hooks.fields import kind_of, read_extra, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_ID: Final = 250  # what Airflow allows
_KEYS: Final = ("conn_type", "host", "port", "login", "password", "schema", "description", "extra")


def checked_id(conn_id: object) -> str:
    """Return the id of a connection.

    :raises ConfigurationError: it is none that a connection can have, so that looking it up makes no sense.
    """
    if isinstance(conn_id, str) and conn_id.strip() and conn_id.isprintable():
        if len(conn_id) <= _MAX_ID:
            return conn_id
        what = f"a text of {len(conn_id)} characters"
    else:
        what = shown(conn_id)
    msg = (
        f"modelarts_conn_id is {what}: set it to the id of a connection of type 'modelarts', or leave it out "
        "for 'modelarts_default'"
    )
    raise ConfigurationError(msg)


def fields_of(conn_id: str, connection: Any) -> ConnectionFields:
    """Return the fields of an Airflow connection, unchecked.

    :raises ConfigurationError: Airflow itself refuses to show the extras.
    """
    extra: object = None
    readable = True
    try:
        extra = connection.extra
    except ValueError:  # Airflow 3 checks what stands in its database
        readable = False
    if not readable:
        del (
            connection
        )  # a traceback shows local variables, and Airflow's object prints its password
        msg = f"Connection {shown(conn_id)} cannot be used: extra is not a JSON object"
        raise ConfigurationError(msg)
    return ConnectionFields(
        conn_id,
        host=connection.host,
        port=connection.port,
        login=connection.login,
        password=connection.password,
        extra=extra,
    )


def extras_are_readable(fields: ConnectionFields) -> bool:
    """Whether Airflow's own reading of the extras, which also masks the secret ones, can be asked for."""
    return not read_extra(fields.extra)[1]


def not_found(conn_id: str) -> ConfigurationError:
    """Say what to do about a connection that Airflow has not found, or has found and could not read.

    It tells the two apart only in a line of its log.
    """
    name, variable = shown(conn_id), f"AIRFLOW_CONN_{conn_id.upper()}"
    if written := os.environ.get(variable, ""):
        return ConfigurationError(
            f"Connection {name} stands in environment variable {variable}, but Airflow cannot read it: "
            f"{_flaw(written)}"
        )
    if conn_id.strip().lower() in ("none", "null", "undefined"):
        hint = "modelarts_conn_id seems to come from a template that had no value; set it to"
    else:
        hint = (
            f"create one of type 'modelarts' with this id (Admin > Connections, or environment variable "
            f"{variable}; one in a secrets backend that Airflow cannot read counts as missing too), or set "
            "modelarts_conn_id of the task to"
        )
    return ConfigurationError(f"Connection {name} does not exist: {hint} the id of one that does")


def _flaw(written: str) -> str:
    """Name what keeps a connection in an environment variable from being read, and no part of it."""
    if not written.lstrip().startswith("{"):
        return (
            "a URI must have the form modelarts://login:password@host/?project_id=..., with each part "
            'percent-encoded; JSON, {"conn_type": "modelarts", ...}, needs no such encoding'
        )
    try:
        value = json.loads(written)
    except json.JSONDecodeError as error:
        return f"its JSON is broken: {error.msg} in line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        return "its JSON has a number that is too long, or brackets that are too deep"
    return _flaw_of_object(value)


def _flaw_of_object(value: Mapping[str, Any]) -> str:
    if unknown := [name for name in value if name not in _KEYS]:
        return (
            f"{shown(unknown[0])} is no key of a connection; these are {', '.join(_KEYS)}, and all other "
            "settings belong into extra"
        )
    for name in ("conn_type", "host", "login", "password", "schema", "description"):
        if not isinstance(value.get(name), str | None):
            return f"{name} is {kind_of(value[name])}, but must be a text in quotation marks"
    if not str(value.get("port") or "0").isdecimal():
        return "port must be a number"
    return "its JSON is not that of a connection"
