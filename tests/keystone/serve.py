"""Serves Keystone on an open socket; run by the interpreter of Keystone's own environment.

Arguments: the folder with ``keystone.conf``, and the number of the listening socket. Each request
leaves a line such as ``POST /v3/auth/tokens 201`` in ``requests.log`` of that folder.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import waitress

FOLDER = Path(sys.argv[1])
LISTENER = socket.socket(fileno=int(sys.argv[2]))

# Keystone reads both while it is imported, and takes the command line for its own.
os.environ["OS_KEYSTONE_CONFIG_DIR"] = str(FOLDER)
del sys.argv[1:]

from keystone.wsgi.api import application


def logged(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer as Keystone does, and note what was asked and answered."""

    def start(status: str, *rest: Any) -> Any:
        with (FOLDER / "requests.log").open("a", encoding="utf-8") as log:
            log.write(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {status[:3]}\n")
        return start_response(status, *rest)

    return application(environ, start)


# One thread: SQLite knows one writer at a time.
waitress.serve(logged, sockets=[LISTENER], threads=1, _quiet=True)
