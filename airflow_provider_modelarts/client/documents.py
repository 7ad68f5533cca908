"""Reads settings that come as text: a template file, or what a template has rendered to.

JSON, YAML, or a mapping as Python writes it, which is what ``{{ params.config }}`` renders to. YAML is
read by the rules of YAML 1.2 and a bit stricter: ``NO``, ``on``, ``12:30:45``, ``2026-01-01``, ``012`` and
``1_000`` are texts, numbers keep the form in which they were written, and a key stands once.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.client.shown import shown
from airflow_provider_modelarts.exceptions import PayloadValidationError, Violation

if TYPE_CHECKING:
    import yaml

_LONGEST_NUMBER: Final = 40
"""Characters of a number; a longer one is a text, as Python reads no integer of thousands of digits."""

_TAG: Final = "tag:yaml.org,2002:"
_NULL: Final = re.compile(r"~|null|Null|NULL|")
_BOOLEAN: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER: Final = re.compile(rf"-?(0|[1-9][0-9]{{0,{_LONGEST_NUMBER - 1}}})")
_FLOAT: Final = re.compile(
    r"(?=.{1,40}$)-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
)
_LOOKS_LIKE_JSON: Final = re.compile(r'\s*[{\[]\s*["{\[}\]]')

FIX_FILE: Final = "Correct the text there, or pass a mapping"


class WrittenFloat(float):
    """A number that knows how it was written, for a field that is a text: ``1.10`` is not ``1.1``."""

    __slots__ = ("written",)

    def __new__(cls, written: str) -> WrittenFloat:
        """Read the number."""
        number = super().__new__(cls, written)
        number.written = written
        return number

    written: str

    def __str__(self) -> str:
        return self.written


def _number(text: str) -> WrittenFloat | str:
    """Return a number; one that is too large for a float stays the text that it was."""
    number = WrittenFloat(text)
    return number if isfinite(number) else text


class _UnreadableError(ValueError):
    """The text cannot be read; its message says why and where."""


def parsed(text: str, field: str, *, source: str = "", remedy: str = FIX_FILE) -> Any:
    """Return what a text holds.

    :param text: JSON, YAML, or a literal of Python.
    :param field: path of the parameter that is the text, for the error.
    :param source: where the text is from, for the error.
    :param remedy: what to do about a text that cannot be read.
    :raises PayloadValidationError: it is none of the three, has a key twice, or is nested too deeply.
    """
    try:
        return _read(text)
    except RecursionError:
        problem = "it is nested too deeply"
    except _UnreadableError as error:
        problem = str(error)
    # Never the text itself, which may hold a secret.
    value = source or f"a text of {len(text)} characters"
    violation = Violation(field, value, f"JSON or YAML, but {problem} (R03)", remedy)
    raise PayloadValidationError([violation], f"read {field}")


def _read(text: str) -> Any:
    try:
        return _json(text)
    except ValueError as error:  # JSON's error is one
        if isinstance(error, _UnreadableError):
            raise
        literal = _literal(text)
        if literal is not None:
            return literal
        if _LOOKS_LIKE_JSON.match(text) and isinstance(error, json.JSONDecodeError):
            msg = f"line {error.lineno}, column {error.colno}: {error.msg}"
            raise _UnreadableError(msg) from None
    return _yaml(text)


# ---- JSON


def _json(text: str) -> Any:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(found)
        if len(result) < len(found):
            keys = [key for key, _ in found]
            twice = next(key for key in keys if keys.count(key) > 1)
            _yaml(text)  # which knows the place; JSON's reader does not
            msg = f"key {shown(twice)} stands twice"
            raise _UnreadableError(msg)
        return result

    def integer(digits: str) -> int | str:
        return int(digits) if len(digits) <= _LONGEST_NUMBER else digits

    return json.loads(
        text, object_pairs_hook=pairs, parse_float=_number, parse_int=integer, parse_constant=str
    )


# ---- Python


def _literal(text: str) -> Any:
    """Return a dict or list as Python writes it, or None if the text is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
    except (ValueError, SyntaxError, MemoryError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            msg = f"a mapping with a {ast.unparse(node.func)[:40]} in it, as Python writes it"
            raise _UnreadableError(msg)
        if isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            twice = [key for key in keys if keys.count(key) > 1]
            if twice:
                msg = f"key {shown(twice[0])} stands twice"
                raise _UnreadableError(msg)
    try:
        found = ast.literal_eval(tree)
    except (ValueError, TypeError, MemoryError):
        return None
    return found if isinstance(found, (dict, list)) else None


# ---- YAML


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, _loader())  # noqa: S506 - a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        msg = f"{place}{error.problem or error.context}"
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        msg = (
            f"line {line}, column {column}: character {shown(chr(error.character))} is not allowed"
        )
    raise _UnreadableError(msg)


@cache
def _loader() -> type[yaml.SafeLoader]:
    """Return the loader; made on first use, since few tasks read YAML."""
    import yaml
    from yaml.constructor import ConstructorError

    class Loader(yaml.SafeLoader):
        """Reads the types of JSON and no others."""

        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            """Refuse a second equal key, which would win silently; all keys are texts."""
            node = super().compose_mapping_node(anchor)
            seen: set[str] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.tag == f"{_TAG}merge":
                    continue
                if key.value in seen:
                    problem = f"key {shown(key.value)} stands twice"
                    raise ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
                key.tag = f"{_TAG}str"
            mapping: yaml.MappingNode = node
            return mapping

        def number(self, node: yaml.ScalarNode) -> Any:
            """Make the value of a scalar that its own pattern has recognised."""
            pattern, make = _SCALARS[node.tag.removeprefix(_TAG)]
            if not isinstance(node, yaml.ScalarNode) or not pattern.fullmatch(node.value):
                problem = "the value does not fit its tag"
                raise ConstructorError(None, None, problem, node.start_mark)
            return make(node.value)

    kept = {f"{_TAG}{kind}" for kind in ("null", "str", "seq", "map")} | {None}
    Loader.yaml_constructors = {
        tag: make for tag, make in Loader.yaml_constructors.items() if tag in kept
    }
    Loader.yaml_implicit_resolvers = {"<": [(f"{_TAG}merge", re.compile("^<<$"))]}
    Loader.add_implicit_resolver(f"{_TAG}null", re.compile(rf"^(?:{_NULL.pattern})$"), None)
    for kind, (pattern, _) in _SCALARS.items():
        Loader.add_constructor(f"{_TAG}{kind}", Loader.number)
        Loader.add_implicit_resolver(f"{_TAG}{kind}", re.compile(rf"^(?:{pattern.pattern})$"), None)
    return Loader


_SCALARS: Final[dict[str, tuple[re.Pattern[str], Any]]] = {
    "bool": (_BOOLEAN, lambda text: text.lower() == "true"),
    "int": (_INTEGER, int),
    "float": (_FLOAT, _number),
}
