"""Deletions take effect later where a test wants it so, or end in status 6; three resources share this.

The documentation calls deleting a training job, a version or a visualization job asynchronous: the reply
means accepted. By default the thing is gone at once all the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_modelarts.emulator import checks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_modelarts.emulator.clock import Clock
    from airflow_provider_modelarts.emulator.database import Database


@dataclass(frozen=True)
class Deleting:
    """How deletions asked for from now on go.

    :param delay: seconds of the server's clock until they take effect.
    :param fails: they end in status 6 (DELETE_FAILED) instead.
    """

    delay: float = 0.0
    fails: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the form that :func:`parse` reads."""
        return asdict(self)


def parse(setting: Mapping[str, Any]) -> Deleting:
    """Check a setting such as ``{"delay": 3, "fails": true}``; :raises EmulatorError: naming the wrong field."""
    checks.known("deletions", setting, Deleting.__dataclass_fields__)
    delay = checks.seconds("deletions: delay", setting.get("delay", 0.0))
    fails = setting.get("fails", False)
    if not isinstance(fails, bool):
        checks.refuse("deletions: fails", fails, "true or false")
    return Deleting(delay, fails)


class Owner(Protocol):
    """Who has things that can be deleted; either call finds the thing gone without complaint."""

    def remove(self, kind: str, thing_id: int) -> None:
        """Delete for good."""

    def keep(self, kind: str, thing_id: int) -> None:
        """Show that the deletion failed."""


class Deletions:
    """What is being deleted, over restarts too."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.setting = Deleting()
        self._database = database
        self._clock = clock

    def ask(self, owner: Owner, kind: str, thing_id: int) -> None:
        """Take a deletion; one that is under way already goes on as it was asked for first."""
        due = self._clock.now() + self.setting.delay
        with self._database.transaction() as sql:
            sql.execute(
                "INSERT OR IGNORE INTO deletions VALUES (?, ?, ?, ?)",
                (kind, thing_id, due, self.setting.fails),
            )
        self.carry_out(owner, kind)

    def carry_out(self, owner: Owner, kind: str) -> None:
        """Do what is due by the server's clock for one kind of thing."""
        with self._database.reading() as sql:
            due = sql.execute(
                "SELECT * FROM deletions WHERE kind = ? AND due <= ?", (kind, self._clock.now())
            ).fetchall()
        for deletion in due:
            # Killed between the two steps, the next emulator finds the thing gone and forgets about it.
            (owner.keep if deletion["fails"] else owner.remove)(kind, deletion["id"])
            with self._database.transaction() as sql:
                sql.execute(
                    "DELETE FROM deletions WHERE kind = ? AND id = ?", (kind, deletion["id"])
                )
