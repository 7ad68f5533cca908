"""A folder that stands for object storage: vendor paths to local ones, and never out of the folder."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SCHEME = "obs://"
# Object storage allows 1024 bytes for a key, the file system 255 for one part of it.
_LONGEST_PATH, _LONGEST_PART = 1024, 255
_LOG_NAME = re.compile(r"job-\d+-\d+-worker-\d+\.log", re.ASCII | re.IGNORECASE)


class PathRefusedError(Exception):
    """The path does not name anything in the storage folder."""


class Storage:
    """Maps ``/bucket/key`` and ``obs://bucket/key`` to ``<root>/bucket/key``."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()

    def local(self, path: str) -> Path:
        """Return the local path; it need not exist.

        :raises PathRefusedError: when it would lie outside, also by way of a symbolic link.
        """
        key = path.removeprefix(_SCHEME)
        parts = [part for part in key.split("/") if part not in {"", "."}]
        if not parts or ".." in parts or "\0" in key or "\\" in key:
            message = f"{_shown(path)} is not a path in the storage"
            raise PathRefusedError(message)
        if _size(key) > _LONGEST_PATH or max(map(_size, parts)) > _LONGEST_PART:
            message = f"{_shown(path)} is longer than a path in object storage may be"
            raise PathRefusedError(message)
        target = self.root.joinpath(*parts)
        try:
            resolved = target.resolve()
        except (OSError, RuntimeError) as error:
            message = f"{_shown(path)} cannot be resolved: {error}"
            raise PathRefusedError(message) from error
        if not resolved.is_relative_to(self.root):
            message = f"{_shown(path)} leads out of the storage"
            raise PathRefusedError(message)
        return resolved


def log_name(job_id: int, version_id: int, worker: int) -> str:
    """Return the name of a worker's log; no file of such a name is ever run."""
    return f"job-{job_id}-{version_id}-worker-{worker}.log"


def is_log(path: Path) -> bool:
    """Return whether a file may be a log, of this run or of any other, deleted ones included.

    What a log holds is up to who calls: parameters that a training prints, lines of a control call.
    """
    return _LOG_NAME.fullmatch(path.name) is not None


def append_to_log(path: Path, text: str) -> None:
    """Write to the end of a log, made when missing; never through a link, which could lead to code.

    :raises OSError: when the file cannot be written, :class:`OSError` with ``ELOOP`` for a link.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o644), "a", encoding="utf-8") as file:
        file.write(text)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _shown(path: str) -> str:
    return repr(path if len(path) <= 100 else f"{path[:100]}...")
