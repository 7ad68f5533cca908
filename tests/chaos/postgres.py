"""A throw-away PostgreSQL cluster that listens on a Unix socket only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_ACCOUNT = "postgres"
"""Who runs the server where the tests run as root, which the server refuses."""


_PROGRAMS = ("initdb", "pg_ctl", "postgres", "createdb")


def binaries() -> Path | None:
    """Return the folder with the server's programs, which Debian keeps off the search path."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    complete = (f for f in folders if all((f / program).is_file() for program in _PROGRAMS))
    return next(complete, None)


class Postgres:
    """A cluster with one database, ``airflow``; gone after the ``with``."""

    def __init__(self) -> None:
        where = binaries()
        if where is None:
            message = "there is no PostgreSQL server here (Debian: apt-get install postgresql)"
            raise FileNotFoundError(message)
        self._bin = where
        self._user = _ACCOUNT if os.geteuid() == 0 else None
        self._folder = Path()

    def __enter__(self) -> Self:
        # Not below pytest's folder: only its owner may look into that.
        self._folder = Path(tempfile.mkdtemp(prefix="chaos-pg-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "-D", "data", "-A", "trust", "-U", "airflow", "--no-sync", "-E", "UTF8")
        options = (
            f"-c listen_addresses='' -c unix_socket_directories={self._folder} "
            "-c fsync=off -c max_connections=300"
        )
        self._run("pg_ctl", "-D", "data", "-w", "-l", "server.log", "-o", options, "start")
        self._run("createdb", "-h", str(self._folder), "-U", "airflow", "airflow")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def environment(self) -> Mapping[str, str]:
        """Return the settings by which Airflow uses this database."""
        where = f"airflow@/airflow?host={self._folder}"
        return {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{where}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{where}",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",  # which Airflow 2 refuses on SQLite
        }

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Run one SELECT and return what it finds."""
        import psycopg2

        connection = psycopg2.connect(host=str(self._folder), user="airflow", dbname="airflow")
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, arguments)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def _run(self, program: str, *arguments: str) -> None:
        # The server outlives pg_ctl and would hold a pipe open, so its output goes to a file.
        log = self._folder / "commands.log"
        with log.open("ab") as sink:
            status = subprocess.run(
                [str(self._bin / program), *arguments],
                cwd=self._folder,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                check=False,
            ).returncode
        if status:
            message = f"{program} ended with status {status}:\n{log.read_text(errors='replace')}"
            raise RuntimeError(message)
