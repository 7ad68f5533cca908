"""The refusals the emulator knows, with the vendor's code and HTTP status; no HTTP machinery."""

from __future__ import annotations

from http import HTTPStatus
from typing import Self


class EmulatorError(Exception):
    """The emulator itself was set up or driven wrongly (bad port, bad fault, bad transition)."""


class RefusalError(Exception):
    """Base of every documented refusal of a request.

    :param http: HTTP status of the reply.
    :param message: text for the caller.
    """

    def __init__(self, http: int, message: str) -> None:
        super().__init__(http, message)
        self.http = http
        self.message = message

    def body(self, request_id: str) -> dict[str, object]:
        """Return the reply's JSON body."""
        raise NotImplementedError


class ServiceError(RefusalError):
    """A refusal by ModelArts: ``is_success``, ``error_message``, ``error_code``."""

    def __init__(self, code: str, message: str, http: int = 400) -> None:
        super().__init__(http, message)
        self.code = f"ModelArts.{code}"
        self._flag = {"is_success": False}

    def without_flag(self) -> Self:
        """Leave ``is_success`` out, for the one endpoint that never sends it."""
        self._flag = {}
        return self

    def body(self, request_id: str) -> dict[str, object]:  # noqa: ARG002 - only the gateway names it
        """Return the service's failure body."""
        return {**self._flag, "error_message": self.message, "error_code": self.code}


class GatewayError(RefusalError):
    """A refusal by the API gateway: ``error_msg``, ``error_code``, ``request_id``."""

    def __init__(self, code: str, message: str, http: int = 401) -> None:
        super().__init__(http, message)
        self.code = f"APIG.{code}"

    def body(self, request_id: str) -> dict[str, object]:
        """Return the gateway's failure body."""
        return {"error_msg": self.message, "error_code": self.code, "request_id": request_id}


class IamError(RefusalError):
    """A refusal by IAM: one ``error`` object."""

    def body(self, request_id: str) -> dict[str, object]:  # noqa: ARG002 - the id is in a header only
        """Return IAM's failure body."""
        title = HTTPStatus(self.http).phrase
        return {"error": {"code": self.http, "message": self.message, "title": title}}
