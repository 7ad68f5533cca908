"""The SQLite file behind the emulator: connection, schema, transactions."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_modelarts.emulator.errors import EmulatorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What training and visualization jobs have in common.
_ANY_JOB = """
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    resource_id TEXT NOT NULL
"""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS jobs (
    {_ANY_JOB},
    versions_made INTEGER NOT NULL DEFAULT 0,
    version_count INTEGER NOT NULL DEFAULT 0,
    newest_version INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_name ON jobs (project_id, name);
CREATE INDEX IF NOT EXISTS jobs_listed_by_name ON jobs (project_id, workspace_id, name, id);
CREATE INDEX IF NOT EXISTS jobs_listed_by_time ON jobs (project_id, workspace_id, create_time, id);
CREATE TABLE IF NOT EXISTS versions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    pre_version_id INTEGER,
    status INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    start_time INTEGER,
    end_time INTEGER,
    config TEXT NOT NULL,
    volumes TEXT,
    metrics TEXT,
    mode TEXT NOT NULL,
    plan TEXT,
    plan_start REAL NOT NULL,
    reads INTEGER NOT NULL DEFAULT 0,
    due REAL
);
CREATE INDEX IF NOT EXISTS versions_by_job ON versions (job_id, id);
CREATE INDEX IF NOT EXISTS versions_due ON versions (mode, due) WHERE due IS NOT NULL;
CREATE INDEX IF NOT EXISTS versions_moving ON versions (mode, status) WHERE plan IS NOT NULL;
CREATE TABLE IF NOT EXISTS saved_configs (
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    create_time INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (project_id, name)
);
CREATE TABLE IF NOT EXISTS visualization_jobs (
    {_ANY_JOB},
    body TEXT NOT NULL,
    status INTEGER NOT NULL,
    start_time INTEGER,
    end_time INTEGER,
    plan TEXT,
    plan_start REAL NOT NULL,
    due REAL
);
CREATE UNIQUE INDEX IF NOT EXISTS visualization_jobs_by_name ON visualization_jobs (project_id, name);
CREATE TABLE IF NOT EXISTS deletions (
    kind TEXT NOT NULL,
    id INTEGER NOT NULL,
    due REAL NOT NULL,
    fails INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE TABLE IF NOT EXISTS keys (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tokens (
    digest TEXT PRIMARY KEY,
    project_id TEXT,
    expires REAL NOT NULL
);
"""

# Ids of different things never overlap, so that a caller who swaps them is found out.
FIRST_IDS = {"jobs": 10000, "visualization_jobs": 200000, "versions": 500000}
# What a reset empties; versions go with their jobs, the keys stay.
TABLES = ("jobs", "saved_configs", "visualization_jobs", "deletions", "tokens")


def private_file(path: Path) -> int:
    """Open a file that only its owner may read, and make it so; returns the descriptor.

    :raises EmulatorError: when another user owns it, who could read the keys or put in others.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _keep_private(path, descriptor, 0o600)
    except BaseException:  # whatever went wrong, the file is closed
        os.close(descriptor)
        raise
    return descriptor


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter; :raises EmulatorError: when another user owns it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _keep_private(path, descriptor, 0o700)
    finally:
        os.close(descriptor)


def _keep_private(path: Path, descriptor: int, mode: int) -> None:
    if os.fstat(descriptor).st_uid != os.geteuid():
        message = f"{path} belongs to another user: choose a place of your own with --state"
        raise EmulatorError(message)
    os.fchmod(descriptor, mode)


class Database:
    """One connection, shared by all threads under a lock.

    Write-ahead logging and a commit per change make the state survive a killed emulator.

    :raises EmulatorError: when another emulator uses the same file, or another user owns it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        lock = path.with_name(path.name + ".lock")
        self._guard = os.fdopen(private_file(lock), "w")
        try:
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._guard.close()
            message = f"state file {path} is in use by another emulator"
            raise EmulatorError(message) from error
        try:
            # It holds the keys. SQLite makes its files beside it with the same rights.
            os.close(private_file(path))
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (OSError, EmulatorError):
            self._guard.close()
            raise
        except sqlite3.DatabaseError as error:
            self._guard.close()
            message = f"state file {path} cannot be opened: {error}"
            raise EmulatorError(message) from error
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self.close()
            message = f"state file {path} cannot be used: {error}"
            raise EmulatorError(message) from error

    def _prepare(self) -> None:
        connection = self._connection
        connection.row_factory = sqlite3.Row
        # Waiting for the disk at each commit would only guard against a crash of the machine.
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
        )
        connection.executescript(SCHEMA)
        for table, first in FIRST_IDS.items():
            connection.execute(
                "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? "
                "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)",
                (table, first, table),
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a block as one change; nested blocks join the outer one."""
        with self._lock:
            connection = self._connection
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:  # half a change is none, whatever interrupted it
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Run a block of reads."""
        with self._lock:
            yield self._connection

    def close(self) -> None:
        """Close the file; the object is unusable afterwards."""
        with self._lock:
            self._connection.close()
            self._guard.close()
