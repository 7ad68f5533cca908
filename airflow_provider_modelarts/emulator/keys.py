"""Random keys: made at a start that is given none, and kept in the state, so that a restart has the same."""

from __future__ import annotations

import secrets
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from airflow_provider_modelarts.emulator.settings import RANDOM_KEYS, Identity

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.database import Database


def complete(identity: Identity, database: Database) -> Identity:
    """Return the identity with every key that was left empty filled in: from the state, or made now."""
    missing = [
        field.name
        for field in fields(Identity)
        if field.name in RANDOM_KEYS and not getattr(identity, field.name)
    ]
    with database.transaction() as sql:
        # What a caller gave itself is not written down.
        sql.executemany(
            "INSERT OR IGNORE INTO keys VALUES (?, ?)", [(name, _new(name)) for name in missing]
        )
        kept = {row["name"]: row["value"] for row in sql.execute("SELECT name, value FROM keys")}
    return replace(identity, **{name: kept[name] for name in missing})


def _new(name: str) -> str:
    # Letters and digits only, in the length of the vendor's: 20 for the key's id, 40 for what is secret.
    return secrets.token_hex(10).upper() if name == "access_key" else secrets.token_hex(20)
