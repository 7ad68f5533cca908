"""Names for training jobs that fit and stay unique; standard library only, for DAG files."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 64
"""Characters that the service allows in a job's name."""

_DIGEST: Final = 16
_ALLOWED: Final = re.compile(r"[A-Za-z0-9_-]*")
_TEMPLATE: Final = (
    "{{ macros.uuid.uuid5(macros.uuid.NAMESPACE_OID,"
    " [dag.dag_id, run_id, task.task_id, ti.map_index] | join('/')).hex[:16] }}"
)


def unique_job_name(prefix: str = "") -> str:
    """Return a template for ``job_name`` that gives every task instance a name of its own.

    The name is the prefix and 16 hexadecimal digits of a hash over DAG, run, task and map index. So it
    always fits, however long the id of the run is, differs between runs and mapped tasks, and is the same
    in every retry::

        CreateTrainingJobOperator(job_name=unique_job_name("digits"), ...)

    :param prefix: what a reader recognises the job by: letters, digits, ``_`` and ``-``; cut after 47.
    :raises ValueError: the prefix has other characters in it.
    """
    if not isinstance(prefix, str) or not _ALLOWED.fullmatch(prefix):
        msg = (
            f"prefix is {prefix!r:.80}, but a job name has only letters, digits, '_' and '-'; "
            "templates are not allowed in it"
        )
        raise ValueError(msg)
    return "-".join(filter(None, [prefix[: MOST - _DIGEST - 1], _TEMPLATE]))
