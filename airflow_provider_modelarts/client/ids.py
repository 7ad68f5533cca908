"""What becomes part of a request's path or query: ids, names, and the options of lists.

A part of a path must not lead to another path: ``DELETE /v1/{project_id}/`` is not the call that was meant.
"""

from __future__ import annotations

import re
from decimal import Decimal
from numbers import Integral
from typing import Any, Final

from airflow_provider_modelarts.client.shown import shown
from airflow_provider_modelarts.exceptions import (
    ConfigurationError,
    PayloadValidationError,
    Violation,
)

MAX_ID: Final = 2**63 - 1
MAX_NAME: Final = 255
MAX_OPTION: Final = 1000

_HALVES: Final = re.compile("[\ud800-\udfff]")
"""Halves of characters: JSON's escapes can write them, UTF-8 cannot."""

_SOURCES: Final[dict[str, str]] = {
    "pre_version_id": "Pass the version_id of the version before, or leave it out for the newest",
    "engine_id": "Take it from ListEnginesOperator, or from the client's list_engines",
}


def checked_id(value: Any, field: str, remedy: str = "") -> int:
    """Return an id that was given as a number or as a text of digits.

    :param field: its name, for the error.
    :param remedy: what to do about a wrong one; empty: a fitting one is chosen.
    :raises PayloadValidationError: it is neither, or not between 0 and 2**63 - 1.
    """
    number = -1
    if isinstance(value, bool):
        pass  # an int for Python, but no id
    elif isinstance(value, Integral):
        number = int(value)
    elif isinstance(value, (str, Decimal)):
        text = str(value).strip()
        # So many digits have all ids; of thousands Python makes no number.
        if text.isascii() and text.isdigit() and len(text.lstrip("0")) <= len(str(MAX_ID)):
            number = int(text.lstrip("0") or "0")
    if 0 <= number <= MAX_ID:
        return number
    remedy = (
        remedy
        or _SOURCES.get(field)
        or (
            "Pass the XCom of the task that created it, for example "
            f"{{{{ ti.xcom_pull('create')['{field}'] }}}}"
        )
    )
    allowed = "an id, as a number or a text of digits"
    raise PayloadValidationError(
        [Violation(field, shown(value), allowed, remedy)], f"use of {field}"
    )


def checked_name(value: Any, field: str) -> str:
    """Return a name that may become one part of a path.

    :param field: its name, for the error.
    :raises PayloadValidationError: it is no text, empty, too long, ``.`` or ``..``, or holds a slash, a
        control character or half of a character.
    """
    if isinstance(value, str) and _is_path_part(value):
        return value
    allowed = (
        f"a name of 1 to {MAX_NAME} printable characters, without '/' and '\\', not '.' or '..'"
    )
    remedy = "Pass a config_name as ListSavedConfigsOperator returns it"
    raise PayloadValidationError(
        [Violation(field, shown(value), allowed, remedy)], f"use of {field}"
    )


def checked_project(value: Any, *, answered: bool = False) -> str:
    """Return the id of a project.

    :param answered: the identity service has named it; its words are not shown.
    :raises ConfigurationError: it cannot be one.
    """
    if isinstance(value, str) and _is_path_part(value) and value.isascii() and " " not in value:
        return value
    what = "what the identity service has answered" if answered else shown(value)
    msg = (
        f"project_id is {what}, but must be letters, digits, '-' and '_': set it to the id that "
        "the console shows under My Credentials, Projects"
    )
    raise ConfigurationError(msg)


def checked_option(name: str, value: Any) -> str:
    """Return the value of an option, such as a filter of a list, as a text.

    :raises PayloadValidationError: it is no text and no number, or cannot be written into a URL.
    """
    if isinstance(value, int) and value.bit_length() <= 64:
        return str(int(value))
    if isinstance(value, float):
        return str(value)
    if isinstance(value, str) and len(value) <= MAX_OPTION and is_well_formed(value):
        return value
    allowed = f"a text of at most {MAX_OPTION} whole characters, or a number of at most 64 bits"
    remedy = "Pass it as a text"
    raise PayloadValidationError([Violation(name, shown(value), allowed, remedy)], f"use of {name}")


def is_well_formed(text: str) -> bool:
    """Whether a text can be sent: there is no half of a character in it."""
    return not _HALVES.search(text)


def _is_path_part(text: str) -> bool:
    return (
        0 < len(text) <= MAX_NAME
        and text.isprintable()
        and text.strip(".") != ""
        and not {"/", "\\"} & set(text)
    )
