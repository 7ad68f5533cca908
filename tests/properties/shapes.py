"""What may come from outside: JSON of any shape, answers of any kind."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

SECRET = "5ecret-5ecret-5ecret"
"""Stands for password, key or token; servers may echo it anywhere."""

# All characters, lone surrogates too: JSON can write them as escapes.
texts = st.text(st.characters(), max_size=20) | st.just(SECRET)
numbers = st.integers() | st.sampled_from([10**400, float("inf"), float("nan")]) | st.floats()
scalars = st.none() | st.booleans() | numbers | texts | st.integers().map(str)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)


# What has a type, a range or a meaning of its own, so that it goes wrong in another way.
_corners: list[Any] = [
    None,
    True,
    "",
    "true",
    "1",
    1,
    -1,
    [],
    {},
    [[]],
    [{}],
    "9" * 5000,
    "x" * 300,
]
_corners += [10**400, float("inf"), float("nan")]


def nested(levels: int) -> Any:
    """Return a list in a list in a list."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


# Hypothesis cannot print what is nested far deeper; tests/unit has such values.
# What an author, an XCom or a template file can hand over and JSON does not have.
_strange: list[Any] = [
    *(date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), time(12), timedelta(1)),
    *(b"bytes", {1, 2}, object(), Decimal("NaN"), Decimal("1.10"), 1.5, -(10**5000), 10**5000),
    *("9" * 5000, "x" * 100_000, "\ud800", "a\x1b[31m\n", "..", ".", "a/b", "", " ", "None"),
    *({1: "a", "1": "b"}, {None: 1, "a": 2}, {(1, 2): 3}, {"\ud800": 1}, {"x" * 100_000: 1}),
    *(nested(100), nested(60), {"a": nested(80)}, {"nested": [{"a": {1: object()}}]}),
    *("a: 2026-01-01", "a: " + "9" * 5000, "[" * 5000, "a: " + "[" * 5000, "{'a': date(1, 1, 1)}"),
    *('{"a": 1, "a": 2}', "a: 1\na: 2", "a: &a [*a]", "a: !!timestamp x", '"\\ud800"', "a: \0"),
]
_strange_scalars = st.sampled_from(_strange)


@st.composite
def _holding(draw: st.DrawFn) -> Any:
    """Return a list or mapping with something strange in it."""
    inner = draw(_strange_scalars)
    return draw(
        st.sampled_from([[inner], (inner,), {"a": inner}, [{"label": inner}], {"a": [inner]}])
    )


strange = _strange_scalars | _holding() | values

odd = st.booleans().flatmap(lambda corner: st.sampled_from(_corners) if corner else values)


@st.composite
def spoiled(
    draw: st.DrawFn, documents: st.SearchStrategy[Any], by: st.SearchStrategy[Any] = odd
) -> Any:
    """Return documents that are right but for one value, at any depth, which may be anything."""
    document = copy.deepcopy(draw(documents))
    places: list[tuple[Any, Any]] = []
    unseen = [document]
    while unseen:
        inner = unseen.pop()
        keys = range(len(inner)) if isinstance(inner, list) else list(inner)
        places += [(inner, key) for key in keys]
        unseen += [inner[key] for key in keys if isinstance(inner[key], (dict, list))]
    if places:
        inner, key = draw(st.sampled_from(places))
        inner[key] = draw(by)
    return document


def objects(*fields: str, of: st.SearchStrategy[Any] = values) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects with some of these fields, each with a value of any shape."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(fields, of))


_ids = st.integers(0, 3) | values
_rows = objects(
    "job_id", "version_id", "status", "job_name", "create_time", "parameter", "data_source", of=_ids
) | objects("job_id", "version_id", "model_metric_list", "pre_version_id", "duration", of=_ids)
version_answers = st.tuples(
    st.just({"job_id": 1, "version_id": 2, "status": 10}),
    objects("parameter", "data_source", "engine_id", "spec_id", "dataset_id", "pool_id"),
    st.fixed_dictionaries(
        {}, optional={"parameter": st.lists(objects("label", "value", "x") | values, max_size=3)}
    ),
).map(lambda parts: parts[0] | parts[1] | parts[2])
_success = st.tuples(
    _rows,
    st.fixed_dictionaries({}, optional={"jobs": st.lists(_rows, max_size=3) | values}),
    st.fixed_dictionaries({}, optional={"versions": st.lists(_rows, max_size=3) | values}),
).map(lambda parts: parts[0] | parts[1] | parts[2])
_codes = st.sampled_from(["ModelArts.2775", "APIG.0301", "ModelArts.0103", "APIGW.0308"])
_failure = objects(
    *("is_success", "error_code", "error_msg", "error_message", "message", "request_id", "error"),
    of=_codes | values | objects("code", "message", "title", "error_code"),
)
_token = st.fixed_dictionaries(
    {},
    optional={
        "expires_at": st.datetimes().map(lambda t: f"{t.isoformat()}Z") | values,
        "issued_at": st.datetimes().map(lambda t: f"{t.isoformat()}Z") | values,
        "project": objects("id", "name", of=values | st.sampled_from(["p", "eu-de"])) | values,
    },
)
_good_row = st.fixed_dictionaries(
    {
        "job_id": st.integers(1, 3),
        "version_id": st.sampled_from([2, "2"]),
        "status": st.sampled_from([1, 8, 10, 11, "10", 99]),
        "job_name": st.just("name"),
        "create_time": st.just(1543000000000),
        "parameter": st.just([{"label": "a", "value": "1"}]),
        "model_metric_list": st.just('{"metric": [], "total_metric": {}}'),
    }
)
_good = st.tuples(_good_row, st.lists(_good_row, max_size=3)).map(
    lambda parts: {"is_success": True, **parts[0], "jobs": parts[1], "versions": parts[1]}
)
_good_failure = st.fixed_dictionaries(
    {"error_code": _codes, "error_msg": texts, "request_id": texts}
) | st.fixed_dictionaries(
    {"error": st.fixed_dictionaries({"code": st.just(401), "message": texts, "title": texts})}
)
bodies = (
    (spoiled(_good) | spoiled(_good_failure) | _success | _failure | values).map(
        lambda value: json.dumps(value).encode()
    )
    | st.binary(max_size=60)
    | st.sampled_from([b"", b"<html>", b'{"jobs": [', SECRET.encode()])
)
_good_token = st.fixed_dictionaries(
    {
        "issued_at": st.just("2026-01-01T00:00:00.000000Z"),
        "expires_at": st.just("2026-01-02T00:00:00.000000Z"),
        "project": st.fixed_dictionaries({"id": st.just("p"), "name": st.just("eu-de")}),
    }
)
logins = (spoiled(_good_token) | _token | values).map(
    lambda token: json.dumps({"token": token}).encode()
) | bodies

statuses = st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503]) | (
    st.integers(100, 999)
)
_header_names = st.sampled_from(
    [
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "Location",
        "Retry-After",
        "Set-Cookie",
        "Transfer-Encoding",
        "X-Request-Id",
        "X-Subject-Token",
    ]
)
_dates = st.datetimes().map(lambda t: f"{t:%a, %d %b %Y %H:%M:%S} GMT")
_any_number = st.integers(0, 99) | st.integers(-1, 10**30)
_nearly_dates = st.builds(
    "{}{} {} {} {}:{}:{} {}".format,
    st.sampled_from(["", "Mon, ", "Mon ", ","]),
    _any_number,
    st.sampled_from(["Jan", "Dec", "13", ""]),
    *[_any_number] * 4,
    st.sampled_from(["", "GMT", "+0100", "x"]) | _any_number.map("{:+05d}".format),
)
waits = st.integers().map(str) | _dates | _nearly_dates | st.text(st.characters(), max_size=40)
_header_values = (
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)
    | st.sampled_from(["gzip", "deflate", "chunked", "https://[", "//", "a=b", SECRET])
    | waits.filter(lambda text: text.isascii() and "\n" not in text and "\r" not in text)
)


def answer(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """Return the bytes of an answer; its length is right unless a header says else."""
    lines = {"Content-Length": str(len(body)), "Connection": "close"} | headers
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Some Words\r\n{head}\r\n".encode("latin-1") + body


def answers(
    content: st.SearchStrategy[bytes], status: st.SearchStrategy[int] = statuses
) -> st.SearchStrategy[bytes]:
    """Return answers with a body of this kind, with odd headers now and then."""
    headers = st.dictionaries(_header_names, _header_values, max_size=3)
    return st.builds(answer, status, st.just({}) | headers, content)


anything = answers(bodies) | answers(bodies, st.just(200)) | st.binary(max_size=80)
