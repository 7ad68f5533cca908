"""What the service answers about the logs of a version.

Source: pages "Querying the Names of Training Job Log Files" and "Querying Training Job Logs" of the
ModelArts API reference.
"""

from __future__ import annotations

from airflow_provider_modelarts.client.models.answer import Answer, Integer, Raw, Text
from airflow_provider_modelarts.text import visible


class LogBlock(Answer):
    """Some lines of a log file; without content if there is nothing (yet).

    ``start_line`` and ``end_line`` are cursors of 19 digits, texts because a float could not hold
    them; ``lines`` is the number of lines.
    """

    content: Raw = None
    lines: Integer = None
    start_line: Text = None
    end_line: Text = None

    def texts(self) -> list[str]:
        """Return the lines as a terminal would show them.

        Of a line that was written over, as a progress bar is, that is what follows its last carriage
        return. Other control characters are escaped.
        """
        lines = (self.content or "").split("\n")
        if lines[-1] == "":
            lines.pop()  # what follows the last line feed is no line
        return [_shown(line) for line in lines]

    def after(self, cursor: str | None, shown: str | None) -> LogBlock:
        """Return it without what was shown before.

        Whether a block repeats the line it is asked to start from is not documented.

        :param cursor: of the line shown last.
        :param shown: that line, where it is known.
        """
        if cursor is None or not self.content:
            return self
        if self.end_line == cursor:
            return LogBlock(end_line=cursor)
        first, *others = self.texts()
        if self.start_line is None:
            repeated = first == shown
        else:
            repeated = self.start_line == cursor and shown in (None, first)
        if not repeated:
            return self
        return self.model_copy(update={"content": "\n".join(others), "lines": len(others)})


def _shown(line: str) -> str:
    return visible(line.rstrip("\r").rpartition("\r")[2])
