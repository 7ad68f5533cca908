"""Logs of versions: what their runs wrote, or a few generated lines where nothing runs.

A line's cursor is the version's creation time in milliseconds and six digits of line number: 19 digits,
like the published ones.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import checks, codes, queries, statuses
from airflow_provider_modelarts.emulator.errors import EmulatorError, ServiceError
from airflow_provider_modelarts.emulator.storage import PathRefusedError, append_to_log
from airflow_provider_modelarts.emulator.wire import Call, Reply

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from airflow_provider_modelarts.emulator.core import Core
    from airflow_provider_modelarts.emulator.store import Row

MAX_LINES = 500
_LINES_PER_MS = 10**6


# ------------------------------------------------------------------------------------- handlers
def list_log_files(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/training-jobs/{job_id}/versions/{version_id}/log/file-names."""
    job, version = _version(core, call)
    files = _files(core, job, version)
    if not files:
        return _nothing(core, version)
    return Reply({"is_success": True, "log_file_list": list(files)})


def get_log(core: Core, call: Call) -> Reply:
    """GET /v1/{project_id}/training-jobs/{job_id}/versions/{version_id}/aom-log."""
    name = call.query.get("log_file", "")
    if not name:
        raise ServiceError(codes.QUERY_PARAMETER, "Invalid query parameter: log_file is required")
    count = queries.number(call.query, "lines", 50, 0, MAX_LINES)
    # No default is documented.
    later = queries.choice(call.query, "order", "desc", ("asc", "desc")) == "desc"
    job, version = _version(core, call)
    files = _files(core, job, version)
    if not files:
        return _nothing(core, version)
    if name not in files:
        raise ServiceError(codes.LOG_MISSING, f"No log {name[:64]} is found.")
    lines = _lines(job, version, *files[name])
    if not lines and version["status"] not in statuses.FINAL:
        return _nothing(core, version)
    zero = version["create_time"] * _LINES_PER_MS
    base = _base_line(call, zero, len(lines))
    first, last = _range(
        len(lines), count, base, later=later, inclusive=core.settings.base_line_inclusive
    )
    shown = lines[first - 1 : last]
    if not shown:
        # The end of the log: an unchanged cursor, or where the log ends for one from beyond.
        first = last = len(lines) if base is None else min(base, len(lines))
    return Reply(
        {
            "is_success": True,
            "content": "".join(f"{line}\n" for line in shown),
            # A number, a text, a text: so the published sample has it.
            "start_line": zero + first,
            "end_line": str(zero + last),
            "lines": str(len(shown)),
        }
    )


def _base_line(call: Call, zero: int, count: int) -> int | None:
    """Return the number of the line that the caller's cursor stands for; None without a cursor."""
    text = call.query.get("base_line", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ServiceError(
            codes.QUERY_PARAMETER, f"Invalid query parameter: base_line {text[:64]} is no cursor"
        )
    return min(max(int(text) - zero, 0), count + 1)


def _range(
    total: int, count: int, base: int | None, *, later: bool, inclusive: bool
) -> tuple[int, int]:
    """Return the numbers of the first and the last line to show; the first is the greater where there is none."""
    beside = 0 if inclusive else 1
    if base is None:
        last = total
        first = last - count + 1
    elif later:
        first = max(1, base + beside)
        last = first + count - 1
    else:
        last = base - beside
        first = last - count + 1
    return max(1, first), max(0, min(total, last))


def _nothing(core: Core, version: Row) -> Reply:
    """Answer that there is no log: not yet, or not any more."""
    if version["status"] in statuses.FINAL and version["start_time"] is not None:
        raise ServiceError(codes.LOG_GONE, "The log file has been cleaned up.")
    if core.settings.log_not_ready == codes.LOG_NOT_READY:
        raise ServiceError(codes.LOG_NOT_READY, "The log file has not been generated.")
    return Reply(status=204)


# -------------------------------------------------------------------------------------- reading
def _version(core: Core, call: Call) -> tuple[Row, Row]:
    return core.service.look_up_version(
        call.project_id,
        queries.identifier(call.params["job_id"], "job_id"),
        queries.identifier(call.params["version_id"], "version_id"),
    )


def _files(core: Core, job: Row, version: Row) -> dict[str, tuple[int, Path]]:
    """Return the logs there are by name: whose they are and where they are written."""
    ended = version["status"] in statuses.FINAL
    if ended and core.settings.clean_up_logs and "log_url" not in json.loads(version["config"]):
        return {}
    return {
        path.name: (worker, path)
        for worker, path in enumerate(_paths(core, version))
        if path.is_file() or _generated(job, version, worker)
    }


def _lines(job: Row, version: Row, worker: int, path: Path) -> list[str]:
    written = _written(path, whole=version["status"] in statuses.FINAL)
    return [*_generated(job, version, worker), *written]


def _paths(core: Core, version: Row) -> list[Path]:
    try:
        return core.runner.log_paths(version)
    except PathRefusedError:
        # Only a version that does not run can have such a place for its logs.
        return []


def _generated(job: Row, version: Row, worker: int) -> list[str]:
    """Return what the log of a version shows that runs nothing but moves by order."""
    if version["mode"] == "run" or version["start_time"] is None:
        return []
    return [
        f"Emulator: {job['name']} {version['name']} started on worker {worker}",
        f"Emulator: nothing runs, the version moves by order (mode {version['mode']})",
    ]


def _written(path: Path, *, whole: bool) -> list[str]:
    """Return the lines of a file; the last one only when it is complete, or when nothing more will come."""
    if not path.is_file() or path.is_symlink():
        return []
    *lines, rest = path.read_bytes().decode("utf-8", "replace").split("\n")
    return [*lines, rest] if rest and whole else lines


# -------------------------------------------------------------------------------------- control
def add_lines(core: Core, version: Row, lines: Sequence[Any], worker: int) -> None:
    """Write to a version's log as its run would; :raises EmulatorError: naming what is wrong."""
    paths = _paths(core, version)
    if not 0 <= worker < len(paths):
        message = f"log: worker {checks.shown(worker)} is not below {len(paths)}"
        raise EmulatorError(message)
    if not all(isinstance(line, str) for line in lines):
        message = "log: lines is not a list of texts"
        raise EmulatorError(message)
    try:
        append_to_log(paths[worker], "".join(f"{line}\n" for line in lines))
    except (OSError, UnicodeEncodeError) as error:
        message = f"log: {paths[worker].name} cannot be written: {error}"
        raise EmulatorError(message) from error
