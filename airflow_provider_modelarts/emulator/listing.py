"""Which part of a list a caller wants, in what order; one meaning for every list endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Listing:
    """One page of a list.

    :param sort_by: what the entries are sorted by: a key of theirs, or SQL for the job list.
    :param search: part of a name, case does not count; empty: all.
    """

    sort_by: str
    descending: bool = False
    search: str = ""
    limit: int = 10
    offset: int = 0

    def part(
        self, entries: Iterable[dict[str, Any]], name: str
    ) -> tuple[int, list[dict[str, Any]]]:
        """Return how many entries match and the wanted ones; ``name`` is the key that is searched."""
        found = [entry for entry in entries if self.search.lower() in str(entry[name]).lower()]
        found.sort(key=lambda entry: (entry[self.sort_by], entry[name]), reverse=self.descending)
        return len(found), found[self.offset : self.offset + self.limit]


@dataclass(frozen=True)
class JobFilter:
    """Which jobs to list, training or visualization."""

    project_id: str
    workspace_id: str
    status: int | None
    listing: Listing
