"""The hook: an Airflow connection becomes a ModelArts client that the process shares."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowNotFoundException,
    BaseHook,
)

from airflow_provider_modelarts.exceptions import (
    REFUSALS,
    ConfigurationError,
    ConnectionLookupError,
    ModelArtsError,
    ResponseLostError,
)
from airflow_provider_modelarts.hooks.connection import client_config, ignored_extras
from airflow_provider_modelarts.hooks.fields import named, shown
from airflow_provider_modelarts.hooks.lookup import (
    checked_id,
    extras_are_readable,
    fields_of,
    not_found,
)
from airflow_provider_modelarts.hooks.masking import mask_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_modelarts.client.caller import ClientConfig
    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.hooks.connection import ConnectionFields

T = TypeVar("T")

CONNECTION_LIFETIME: Final = 300.0
"""Seconds for which a triggerer process uses a connection without looking it up again."""

TEST_LIMIT: Final = 5.0
"""Seconds that a test of a connection may take: somebody sits in front of it."""

log = logging.getLogger(__name__)

_lock = threading.Lock()
_clients: dict[ClientConfig, ModelArtsClient] = {}
_configs: dict[str, tuple[float, ClientConfig]] = {}
_told: set[tuple[str, tuple[str, ...]]] = set()
_pending: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[ClientConfig]] = {}


class ModelArtsHook(BaseHook):
    """Gives access to the ModelArts training API.

    :param modelarts_conn_id: id of a connection of type ``modelarts``.

    .. seealso:: ``docs/connection.md`` for the fields of the connection.
    """

    conn_name_attr = "modelarts_conn_id"
    default_conn_name = "modelarts_default"
    conn_type = "modelarts"
    hook_name = "ModelArts"

    def __init__(self, modelarts_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.modelarts_conn_id = modelarts_conn_id

    def get_conn(self) -> ModelArtsClient:
        """Return the client of this connection; equal connections share one in a process.

        :raises ConfigurationError: the connection does not exist, or its fields cannot be used.
        """
        return _client(self._config)

    def call(self, request: Callable[[ModelArtsClient], T]) -> T:
        """Send a request; if the credentials are refused, once more with new ones of the connection.

        For waits, during which credentials may be replaced.

        :param request: calls a method of the client that it is given.
        :raises ConnectionLookupError: refused, and the connection cannot be read now.
        """
        client = self.get_conn()
        try:
            return request(client)
        except REFUSALS:
            fresh = self.renewed(client)
            if fresh is None:
                raise
        return request(fresh)

    def renewed(self, refused: ModelArtsClient) -> ModelArtsClient | None:
        """Read the connection anew; return its client, or None if it is still the one refused.

        :raises ConnectionLookupError: the connection cannot be read now.
        """
        with _looking_up(self.modelarts_conn_id):
            fields = self._read_fields()
            config = client_config(fields)
        self._fields, self._config = (
            fields,
            config,
        )  # both only now, so that a failure changes nothing
        return None if config == refused.config else self.get_conn()

    @cached_property
    def _config(self) -> ClientConfig:
        return client_config(self._fields)

    @cached_property
    def _fields(self) -> ConnectionFields:
        return self._read_fields()

    def _read_fields(self) -> ConnectionFields:
        conn_id = checked_id(self.modelarts_conn_id)
        try:
            connection = self.get_connection(conn_id)
        except AirflowNotFoundException as error:
            raise not_found(conn_id) from error
        fields = fields_of(conn_id, connection)
        if extras_are_readable(fields):
            _ = connection.extra_dejson  # reading it makes Airflow mask the secrets in it
            del _
        # A traceback shows local variables, and Airflow's object prints its password.
        del connection
        _warn(fields)
        return fields

    @classmethod
    async def aget_client(cls, conn_id: str) -> ModelArtsClient:
        """Return the client from within an event loop, looking the connection up now and then.

        :raises ConfigurationError: the connection does not exist, or its fields cannot be used.
        """
        if (config := _known_config(checked_id(conn_id))) is None:
            key = asyncio.get_running_loop(), conn_id
            # A thousand triggers that start together would jam Airflow's one channel for look-ups, and in
            # 3.0 and 3.1 a question whose trigger is cancelled before the answer breaks it.
            if (look_up := _pending.get(key)) is None:
                look_up = _pending[key] = asyncio.create_task(cls._alook_up(conn_id))
                look_up.add_done_callback(lambda _: _pending.pop(key, None))
            config = await asyncio.shield(look_up)
        return _client(config)

    @classmethod
    async def arenewed(cls, conn_id: str, refused: ModelArtsClient) -> ModelArtsClient | None:
        """Do what ``renewed`` does from within an event loop; waits refused together share one look-up.

        :raises ConnectionLookupError: the connection cannot be read now.
        """
        if _known_config(conn_id) == refused.config:
            _configs.pop(conn_id, None)
        with _looking_up(conn_id):
            client = await cls.aget_client(conn_id)
        return None if client.config == refused.config else client

    @classmethod
    async def _alook_up(cls, conn_id: str) -> ClientConfig:
        from airflow.providers.common.compat.connection import (
            get_async_connection,
            get_async_extra_dejson,
        )

        # The client brings the HTTP library; in the loop, importing it would hold up all other triggers.
        await asyncio.to_thread(import_module, "airflow_provider_modelarts.client.client")
        try:
            connection = await get_async_connection(conn_id, hook=cls)
        except AirflowNotFoundException as error:
            raise not_found(conn_id) from error
        fields = fields_of(conn_id, connection)
        if extras_are_readable(fields):
            await get_async_extra_dejson(connection)  # makes Airflow mask the secrets in it
        del connection
        _warn(fields)
        config = client_config(fields)
        _configs[conn_id] = (time.monotonic() + CONNECTION_LIFETIME, config)
        return config

    def test_connection(self) -> tuple[bool, str]:
        """Log in and read one page of jobs; for the *Test* button of the connection form.

        Takes no longer than ``TEST_LIMIT`` seconds in all.
        """
        try:
            config = (
                self._config
            )  # in this thread: Airflow keeps a connection under test in its context
            _first_job(config)
        except ModelArtsError as error:
            return False, str(error)
        near, own = ignored_extras(self._fields)
        if own:
            near.append(f"of no effect here: extra {', '.join(own)}")
        return True, ". ".join([f"Connected to {config.endpoint}", *near])

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return labels and placeholders of the connection form (before Airflow 3.2)."""
        from airflow_provider_modelarts.get_provider_info import UI_FIELD_BEHAVIOUR

        return {key.replace("-", "_"): value for key, value in UI_FIELD_BEHAVIOUR.items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields of the connection form (before Airflow 3.2)."""
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
        from wtforms import PasswordField, StringField

        from airflow_provider_modelarts.get_provider_info import CONN_FIELDS

        kinds = {
            "password": (PasswordField, BS3PasswordFieldWidget),
            None: (StringField, BS3TextFieldWidget),
        }
        widgets = {}
        for name, field in CONN_FIELDS.items():
            kind, widget = kinds[field["schema"].get("format")]
            widgets[name] = kind(field["label"], widget=widget(), description=field["description"])
        return widgets


def _first_job(config: ClientConfig) -> None:
    """Read one job, within ``TEST_LIMIT`` seconds for name, connection, IAM and answer together."""
    from airflow_provider_modelarts.client.client import ModelArtsClient
    from airflow_provider_modelarts.client.retry import Backoff

    # More than the limit, so that it is this limit that ends the wait and says so.
    hurried = replace(config, timeout=min(config.timeout, TEST_LIMIT + 1))
    client = ModelArtsClient(hurried, backoff=Backoff(attempts=1), on_secrets=mask_secrets)

    def read() -> None:
        with closing(client):
            next(client.list_training_jobs(per_page=1), None)

    worker = ThreadPoolExecutor(1, thread_name_prefix="modelarts-test")
    try:
        worker.submit(read).result(TEST_LIMIT)
    except TimeoutError as error:
        iam = getattr(config.credentials, "iam_endpoint", "")
        where = " or ".join(filter(None, (iam, config.endpoint)))
        what = " and ".join([named("host"), *([named("iam_endpoint")] if iam else [])])
        msg = (
            f"No answer from {where} within {TEST_LIMIT:g} seconds: what is there does not speak, or a firewall or "
            f"proxy on the way drops all. Check {what}"
        )
        raise ResponseLostError(msg) from error
    finally:
        worker.shutdown(wait=False)  # what still hangs there ends by its own timeout


@contextmanager
def _looking_up(conn_id: str) -> Iterator[None]:
    """Let a connection that cannot be read during a wait be an error that passes.

    Where its database or API does not answer, Airflow says that the connection does not exist. And one
    that cannot be used may be half edited.
    """
    try:
        yield
    except _lookup_failures() as error:
        msg = (
            f"The credentials of connection {conn_id!r} were refused, and Airflow cannot read the "
            f"connection anew just now: {error}"
        )
        raise ConnectionLookupError(msg) from error


def _lookup_failures() -> tuple[type[Exception], ...]:
    try:
        from airflow.sdk.exceptions import AirflowRuntimeError  # a failed question, in 3.0 and 3.1
    except ImportError:  # Airflow 2
        return ConfigurationError, AirflowException
    return ConfigurationError, AirflowException, AirflowRuntimeError


def _known_config(conn_id: str) -> ClientConfig | None:
    """Return what a recent look-up has found."""
    until, config = _configs.get(conn_id, (0.0, None))
    return config if time.monotonic() <= until else None


def reset_caches() -> None:
    """Drop what this process remembers: clients with their tokens, and connections. For tests."""
    with _lock:
        for client in _clients.values():
            client.close()
        _forget()


def _client(config: ClientConfig) -> ModelArtsClient:
    from airflow_provider_modelarts.client.client import ModelArtsClient

    with _lock:
        if config not in _clients:
            _clients[config] = ModelArtsClient(config, on_secrets=mask_secrets)
        return _clients[config]


def _warn(fields: ConnectionFields) -> None:
    """Say once in a process which extras of a connection have no effect although they seem to be meant to."""
    near, _ = ignored_extras(fields)
    told = fields.conn_id, tuple(near)
    if near and told not in _told:
        _told.add(told)
        log.warning("Connection %s: %s", shown(fields.conn_id), "; ".join(near))


def _forget() -> None:
    watching = sys.modules.get("airflow_provider_modelarts.client.watcher")
    if watching is not None:  # else nobody has watched anything
        watching.forget_watchers()
    _clients.clear()
    _configs.clear()
    _pending.clear()
    _told.clear()


def _after_fork() -> None:
    """Start afresh in a forked child: sockets and locks of the parent must not be shared."""
    global _lock  # noqa: PLW0603 - a lock held in the parent at the fork would stay locked
    _lock = threading.Lock()
    _forget()


os.register_at_fork(after_in_child=_after_fork)
