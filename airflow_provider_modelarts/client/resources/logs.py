"""Logs of a training job version.

Pages of the ModelArts API reference: 0054 names of the log files, 0149 a block of lines.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_modelarts.client.models.log import LogBlock
from airflow_provider_modelarts.client.operation import Operation, given
from airflow_provider_modelarts.client.resources.training_jobs import TrainingJobs, version_path
from airflow_provider_modelarts.client.status import has_ended
from airflow_provider_modelarts.exceptions import ModelArtsApiError, NotFoundError
from airflow_provider_modelarts.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

T = TypeVar("T")

MAX_LINES: Final = 500

_NOT_YET: Final = frozenset(f"ModelArts.{code}" for code in ("0806", "2776", "2777", "2818"))
_GONE: Final = frozenset(f"ModelArts.{code}" for code in ("2819", "2820"))

log = logging.getLogger(__name__)


class JobLogs(TrainingJobs):
    """The part of the client that reads logs."""

    def list_log_files(self, job_id: int, version_id: int) -> list[str]:
        """Return the names of the log files, one for each worker; none where there is no log yet."""
        return self._once_there(
            Operation(
                "list_log_files",
                "GET",
                version_path(job_id, version_id, "/log/file-names"),
                _names,
            )
        )

    def get_log(
        self,
        job_id: int,
        version_id: int,
        log_file: str,
        *,
        base_line: str | None = None,
        lines: int = 50,
        order: str = "desc",
    ) -> LogBlock:
        """Read one block of lines; an empty one where there is no log yet.

        :param log_file: a name from ``list_log_files``.
        :param base_line: cursor of an earlier block to start from; None: the newest block.
        :param lines: at most so many, 1 to 500.
        :param order: ``desc`` for later lines than ``base_line``, ``asc`` for earlier ones.
        :raises NotFoundError: the log has been cleaned up, or its folder is gone.
        """
        options = {"base_line": base_line, "lines": lines, "log_file": log_file, "order": order}
        return self._once_there(
            Operation(
                "get_log",
                "GET",
                version_path(job_id, version_id, "/aom-log"),
                LogBlock.from_wire,
                query=given(**options),
            )
        )

    def follow_log(
        self,
        job_id: int,
        version_id: int,
        log_file: str = "",
        *,
        base_line: str | None = None,
        tail: bool = False,
        follow: bool = False,
        lines: int = MAX_LINES,
        interval: float = 10.0,
    ) -> Iterator[LogBlock]:
        """Iterate over a log, block by block, each line once.

        It ends quietly where there is no log, and where it has been cleaned up.

        :param log_file: a name from ``list_log_files``; empty: the first.
        :param base_line: ``end_line`` of the block shown last, to go on after it.
        :param tail: without ``base_line``, begin with the newest block instead of the oldest.
        :param follow: wait for more until the version has ended.
        :param lines: lines fetched with one request, 2 to 500.
        :param interval: seconds between looks while there is nothing new.
        """
        shown: str | None = None
        name = log_file
        try:
            while True:
                name = name or next(iter(self.list_log_files(job_id, version_id)), "")
                block = LogBlock()
                if name and base_line is None and not tail:
                    block = self._oldest(job_id, version_id, name, lines)
                elif name:
                    block = self.get_log(
                        job_id, version_id, name, base_line=base_line, lines=lines
                    ).after(base_line, shown)
                if texts := block.texts():
                    yield block
                    base_line, shown = block.end_line, texts[-1]
                    if base_line is None:
                        return  # nothing to go on from
                    continue
                if not follow:
                    return
                # What was written last may have come after this look, so there is one more.
                follow = not has_ended(self.get_job_version(job_id, version_id).status)
                if follow:
                    self._sleep(interval)
        except NotFoundError as error:
            if error.error_code not in _GONE:
                raise
            log.info("The log of version %d is gone: %s", version_id, error)

    def _oldest(self, job_id: int, version_id: int, name: str, lines: int) -> LogBlock:
        """Go back to the first block."""
        block = self.get_log(job_id, version_id, name, lines=lines)
        while block.start_line is not None:
            cursor = block.start_line
            earlier = self.get_log(
                job_id, version_id, name, base_line=cursor, lines=lines, order="asc"
            )
            if not earlier.texts() or earlier.start_line in (None, cursor):
                break
            block = earlier
        return block

    def _once_there(self, operation: Operation[T]) -> T:
        """Call, and read "no log yet" as an answer without content, as its other form, HTTP 204."""
        try:
            return self.call(operation)
        except ModelArtsApiError as error:
            if error.error_code not in _NOT_YET:
                raise
            log.debug("No log yet: %s", error)
            return operation.parse({})


def _names(data: Mapping[str, Any]) -> list[str]:
    """Read the names, which the table types as one text and the sample as a list."""
    names = data.get("log_file_list")
    if isinstance(names, str):
        names = [names]
    return [one_line(str(name), 200) for name in names if name] if isinstance(names, list) else []
