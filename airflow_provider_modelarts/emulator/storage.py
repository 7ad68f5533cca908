"""A folder that stands for object storage: vendor paths to local ones, and never out of the folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SCHEME = "obs://"


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
            message = f"{path!r} is not a path in the storage"
            raise PathRefusedError(message)
        target = self.root.joinpath(*parts)
        try:
            resolved = target.resolve()
        except (OSError, RuntimeError) as error:
            message = f"{path!r} cannot be resolved: {error}"
            raise PathRefusedError(message) from error
        if not resolved.is_relative_to(self.root):
            message = f"{path!r} leads out of the storage"
            raise PathRefusedError(message)
        return resolved
