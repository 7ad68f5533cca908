"""ModelArts behind a gateway that asks Keystone about every token.

The emulator knows the tokens of its own identity service only. As a real API gateway does, this
one lets a call through when Keystone vouches for its token; the call goes on with a token of the
emulator's. It answers refusals as the vendor's gateway does.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import requests

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator import Emulator
    from tests.keystone.service import Keystone

BAD_TOKEN = {
    "error_code": "APIG.0301",
    "error_msg": "Incorrect IAM authentication information: decrypt token fail",
    "request_id": "0123456789abcdef0123456789abcdef",
}
OTHER_PROJECT = {
    "error_code": "ModelArts.0210",
    "error_message": "The project id in the path is not the one of the token.",
    "is_success": False,
}


class Gateway:
    """A running gateway; use it as a context manager.

    :param keystone: who is asked about tokens.
    :param emulator: who answers the calls that are let through; its project is one of Keystone's.
    """

    def __init__(self, keystone: Keystone, emulator: Emulator) -> None:
        self.keystone = keystone
        self.emulator = emulator
        self.seen: list[tuple[str, int]] = []
        """Token and HTTP status of each call."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05])
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def tokens(self) -> list[str]:
        """Return the different tokens that came, in order."""
        return list(dict.fromkeys(token for token, _ in self.seen))

    @property
    def statuses(self) -> list[int]:
        """Return the HTTP status of each call."""
        return [status for _, status in self.seen]

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to one call."""
        described = self.keystone.describe(token)
        if described is None:
            return 401, json.dumps(BAD_TOKEN).encode()
        if path.split("/")[2] != described.get("project", {}).get("id"):
            return 403, json.dumps(OTHER_PROJECT).encode()
        headers = {"Content-Type": "application/json", "X-Auth-Token": self.emulator.issue_token()}
        answer = requests.request(
            method, self.emulator.url + path, headers=headers, data=body, timeout=60
        )
        return answer.status_code, answer.content


def _handler(gateway: Gateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # A connection kept open would hold its thread, and with it the end of the tests.
        timeout = 5

        def pass_on(self) -> None:
            token = self.headers.get("X-Auth-Token", "")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = gateway.answer(self.command, self.path, token, body)
            gateway.seen.append((token, status))
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = pass_on  # noqa: N815 - the base class's names

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    return Handler
