"""Names for training jobs that always fit: short enough, unique, and the same at every try."""

from __future__ import annotations

import re
from typing import Final

MAX_LENGTH: Final = 64
"""Characters of a job name that the service takes."""

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_PREFIX_LENGTH: Final = 24
_HASH_LENGTH: Final = 16


def unique_job_name(prefix: str = "job") -> str:
    """Return a template for the ``job_name`` of an operator.

    It renders to the prefix, as much of the run id as fits, and a hash of DAG, run, task and map index: at
    most 64 letters, digits, ``_`` and ``-``, whatever the run id is. Two tasks, runs or mapped tasks never
    get the same name, and all tries of a task get the same one.

    :param prefix: begins the name; at most 24 characters of it are used, other characters become ``-``.
    """
    start = re.sub(r"[^A-Za-z0-9_-]", "-", prefix)[:_PREFIX_LENGTH]
    start = f"{start}-" if start else ""
    rest = MAX_LENGTH - len(start) - 1 - _HASH_LENGTH
    run = f"{{{{ (run_id | select('in', '{_ALPHABET}') | join)[:{rest}] }}}}"
    ids = "[task.dag_id, run_id, task.task_id, ti.map_index] | join(' ')"
    unique = f"macros.uuid.uuid5(macros.uuid.NAMESPACE_URL, {ids}).hex[:{_HASH_LENGTH}]"
    return f"{start}{run}-{{{{ {unique} }}}}"
