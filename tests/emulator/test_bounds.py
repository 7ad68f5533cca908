"""What the emulator takes and shows is bounded: bodies, their depth, headers, and every field of an order."""

from __future__ import annotations

import base64
import itertools
import json
import math
import time
from typing import Any

import pytest

from airflow_provider_modelarts.emulator import faults, recorder
from airflow_provider_modelarts.emulator.app import MAX_BODY
from airflow_provider_modelarts.emulator.clock import Clock
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.guard import MAX_HEAD
from airflow_provider_modelarts.emulator.routes import API, CONTROL
from airflow_provider_modelarts.emulator.wire import MAX_DEPTH, decode
from tests.emulator.world import World

ODD_BODIES = {
    "deep-list": b"[" * 100_000 + b"]" * 100_000,
    "deep-object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "too-deep": b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2),
    "surrogate": b'{"status": "\\ud83d"}',
    "nan": b'{"seconds": NaN}',
    "infinite": b'{"seconds": 1e999}',
    "digits": b'{"seconds": ' + b"9" * 5000 + b"}",
    "not-utf8": b"\xff\xfe",
    "null": b"null",
    "list": b"[]",
    "empty": b"",
}
"""Bodies that no call with a body can mean."""
WITH_BODY = [route for route in (*API, *CONTROL) if route.method in {"POST", "PUT"}]
BODILESS = {"reset", "expire_tokens", "stop_job_version", "stop_visualization_job"}
BODILESS |= {"restart_visualization_job"}


@pytest.fixture
def world(caller: Any) -> World:
    """One of everything."""
    return World(caller)


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
@pytest.mark.parametrize(
    "route", [r for r in WITH_BODY if r.operation not in BODILESS], ids=lambda r: r.operation
)
def test_odd_body_is_a_clean_400(world: World, route: Any, body: bytes) -> None:
    """Whatever is nested, cut or infinite in it, the answer is a refusal in the form of the call."""
    path = route.path.format(
        project_id=world.project_id,
        job_id=world.board_id if "visualization" in route.path else world.job_id,
        version_id=world.version_id,
        config_name=world.name,
    )

    reply = world.caller.call(route.method, path, data=body)

    assert reply.status_code == 400, reply.text[:500]
    assert {"error", "error_code"} & set(reply.json())
    assert len(reply.content) < 1000


def test_depth_is_allowed_up_to_the_limit() -> None:
    """The limit counts objects and lists in one another, not their number."""
    for levels, allowed in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        body = b"[" * levels + b"]" * levels
        if allowed:
            assert json.dumps(decode(body)).encode() == body
        else:
            with pytest.raises(ValueError, match="64 levels"):
                decode(body)
    assert len(decode(b"[" + b"[1]," * 10_000 + b"[]]")) == 10_001
    # A pair of halves is one character, and text that only mentions an escape is none.
    assert decode(b'["\\ud83d\\ude00", "\\\\ud83d"]') == ["\N{GRINNING FACE}", "\\ud83d"]


@pytest.mark.parametrize("path", ["/training-jobs", "/_emulator/faults"])
def test_body_is_bounded(caller: Any, path: str) -> None:
    """A body over the limit is 413, for control calls too."""
    reply = caller.call("POST", path, data=b" " * (MAX_BODY + 1))

    assert reply.status_code == 413


@pytest.mark.parametrize("where", ["header", "headers", "query", "path"])
def test_head_is_bounded(caller: Any, where: str) -> None:
    """Address and headers over the limit are refused, in one piece or in many."""
    headers = {
        "header": {"X-Long": "a" * MAX_HEAD},
        "headers": {f"X-{n}": "a" * 1000 for n in range(70)},
    }.get(where, {})
    long = "a" * MAX_HEAD
    path = {"query": f"/training-jobs?a={long}", "path": f"/training-jobs/{long}"}
    given = {**caller.token_headers(), **headers}

    reply = caller.call("GET", path.get(where, "/training-jobs"), headers=given)

    # The server gives up by itself, with 400, where the head came in pieces.
    assert reply.status_code in {400, 431}
    assert caller.emulator.requests() == []
    assert caller.call("GET", "/training-jobs").status_code == 200


# ------------------------------------------------------------------------------------ control calls
ODD_VALUES = [None, True, -1, 10**30, 1.5, 1e300, "", "x" * 70_000, [], {}, [[1]], {"a": 1}]
ORDERS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "faults"): {
        "operation": "*",
        "kind": "status",
        "when": "before",
        "status": 500,
        "headers": {},
        "delay": 0,
        "times": 1,
        "skip": 0,
    },
    ("POST", "clock"): {"seconds": 1},
    ("PUT", "transitions"): {"mode": "reads", "sequence": [1, 8], "reads": 1},
    ("PUT", "deletions"): {"delay": 0, "fails": False},
    ("POST", "jobs"): {
        "count": 0,
        "status": 8,
        "prefix": "p",
        "workspace_id": "0",
        "project_id": "p",
    },
    ("POST", "visualization-jobs"): {"count": 0, "status": 8, "prefix": "p"},
    ("PUT", "jobs/{job_id}/versions/{version_id}"): {"status": 8},
    ("POST", "jobs/{job_id}/versions/{version_id}/log"): {"lines": ["a"], "worker": 0},
    ("PUT", "visualization-jobs/{board_id}"): {"status": 8},
}
MEANT: dict[str, list[Any]] = {
    "faults.when": [""],  # the kind's own
    "faults.status": [None],
    "faults.times": [None],
    "faults.delay": [1.5],
    "faults.headers": [{}],
    "faults.body": ODD_VALUES,
    "clock.seconds": [-1, 1.5],
    "deletions.fails": [True],
    "deletions.delay": [1.5],
    "jobs.prefix": [""],
    "jobs.workspace_id": [""],
    "jobs.project_id": [""],
    "visualization-jobs.prefix": [""],
    "log.lines": [[]],
}
"""Odd values that a field may have all the same."""


def odd_orders() -> list[Any]:
    """Return each order with each field spoilt in each way, and with a field that is not known."""
    spoilt = []
    for (call, order), value in itertools.product(ORDERS.items(), ODD_VALUES):
        what = "status" if "{" in call[1] else call[1]
        what = "log" if call[1].endswith("log") else what
        for name in (*order, "x" * 1000):
            meant = [repr(allowed) for allowed in MEANT.get(f"{what}.{name}", [])]
            if repr(value) not in meant:
                words = name if name in order else "unknown"
                label = f"{what}-{words}-{str(value)[:9]}"
                spoilt.append(pytest.param(call, {**order, name: value}, words, id=label))
    return spoilt


@pytest.mark.parametrize(("call", "order", "name"), odd_orders())
def test_odd_order_is_refused_by_name(world: World, call: Any, order: Any, name: str) -> None:
    """Every field has a type and bounds; the refusal names it and is short."""
    method, path = call
    where = path.format(job_id=world.job_id, version_id=world.version_id, board_id=world.board_id)
    before = world.caller.call("GET", "/_emulator/faults").json()

    reply = world.caller.call(method, f"/_emulator/{where}", order)

    assert reply.status_code == 400, reply.text[:500]
    assert name in reply.json()["error"]
    assert len(reply.content) < 1000
    assert world.caller.call("GET", "/_emulator/faults").json() == before


@pytest.mark.parametrize(
    "body",
    [b'{"seconds": NaN}', b'{"seconds": 1e400}', b'{"seconds": -Infinity}', b'{"seconds": "1"}'],
)
def test_clock_takes_finite_numbers(caller: Any, body: bytes) -> None:
    """The clock stays where it is when a shift is no number."""
    assert caller.call("POST", "/_emulator/clock", data=body).status_code == 400
    assert abs(caller.emulator.core.clock.now() - time.time()) < 60


@pytest.mark.parametrize(
    "seconds", [math.nan, math.inf, -math.inf, 10**400, 1e300, True, "1", None]
)
def test_clock_is_bounded_in_python_too(seconds: Any) -> None:
    """The Python object has the same bounds."""
    clock = Clock()
    with pytest.raises(EmulatorError, match="clock: seconds"):
        clock.shift(seconds)


def test_clock_does_not_creep_out_of_its_bounds(caller: Any) -> None:
    """Many shifts, each allowed, end at the bound, and logins and jobs still work there."""
    decade = 10 * 365 * 86400
    for name, step in (("late", decade), ("early", -decade)):
        replies = [caller.call("POST", "/_emulator/clock", {"seconds": step}) for _ in range(30)]
        caller.forget_token()

        assert "from 1980 to 2200" in replies[-1].json()["error"]
        assert caller.detail(*caller.create(name))["create_time"] > 0


# ------------------------------------------------------------------------------------------- faults
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("delay", math.inf),
        ("delay", math.nan),
        ("delay", 600.5),
        ("delay", True),
        ("status", True),
        ("times", True),
        ("skip", True),
        ("kind", ["reset"]),
        ("operation", {}),
        ("when", ["before"]),
        ("headers", {"X-A": "a\r\nX-B: b"}),
        ("headers", {"X-A\n": "a"}),
        ("headers", {"X-A": "\N{SNOWMAN}"}),
        ("headers", {"": "a"}),
        ("headers", {"content-length": "5"}),
        ("headers", {f"X-{n}": "a" for n in range(101)}),
        ("body", {1, 2}),
    ],
)
def test_fault_is_refused_by_field(caller: Any, field: str, value: Any) -> None:
    """A fault that could not be played is refused when it is ordered, in Python too."""
    order = {"operation": "*", "kind": "status", field: value}
    with pytest.raises(EmulatorError, match=f"fault: {field}"):
        caller.emulator.inject(**order)
    assert caller.call("GET", "/training-jobs").status_code == 200


def test_number_of_faults_is_bounded(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spent orders make room for new ones; beyond that the bound is named."""
    monkeypatch.setattr(faults, "MAX_FAULTS", 3)
    caller.emulator.inject("list_training_jobs", "status")
    caller.call("GET", "/training-jobs")
    for _ in range(3):
        caller.emulator.inject("get_log", "status")
    with pytest.raises(EmulatorError, match="faults: 3 are in force, 3 "):
        caller.emulator.inject("get_log", "status")


def test_bodies_of_faults_are_bounded(caller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All bodies together have a bound; a list shows their beginning and their size."""
    monkeypatch.setattr(faults, "MAX_BODIES", 5000)
    for body in ("a" * 2000, b"b" * 500, {"text": "c" * 2000}):
        caller.emulator.inject("get_log", "garbage", body=body)
    with pytest.raises(EmulatorError, match="bodies"):
        caller.emulator.inject("get_log", "garbage", body="d" * 1000)
    shown = caller.call("GET", "/_emulator/faults").json()["faults"]

    assert [fault["body_size"] for fault in shown] == [2000, 500, 2012]
    assert [len(fault["body"]) for fault in shown] == [1000, 500, 1000]


def test_fault_may_send_half_an_emoji(caller: Any) -> None:
    """What a service might answer can be ordered: JSON with a lone surrogate, raw bytes."""
    caller.emulator.inject("list_training_jobs", "status", status=400, body={"error_msg": "\ud83d"})
    caller.emulator.inject("list_training_jobs", "status", status=400, body=b"\xf0\x9f")

    assert caller.call("GET", "/training-jobs").content == b'{"error_msg": "\\ud83d"}'
    assert caller.call("GET", "/training-jobs").content == b"\xf0\x9f"


# ----------------------------------------------------------------------------------------- requests
def test_requests_show_no_secret(caller: Any, signer: Any) -> None:
    """Tokens, signatures, passwords and keys are masked in every place in which they are sent."""
    identity = caller.emulator.identity
    url = f"{caller.emulator.url}{caller.project}/training-jobs?X-Security-Token=q-secret&page=1"
    signed = signer("GET", url, headers={"X-Security-Token": "sts-secret"})
    caller.session.get(url, headers={**signed, "Cookie": "c-secret"})
    user = {"name": identity.user, "password": identity.password, "domain": {"name": "x"}}
    login = {"identity": {"methods": ["password", "token"], "password": {"user": user}}}
    login["identity"]["token"] = {"id": "t-secret"}
    caller.call("POST", "/v3/auth/tokens", {"auth": login}, headers={})
    caller.call("POST", "/v3/auth/tokens", data=b'{"password": "torn-secret', headers={})
    caller.call("POST", "/v2.0/tokens", {"auth": {"apiAccessKeySecret": "o-secret"}}, headers={})
    headers = {**caller.token_headers(), "X-Emulator-Token": identity.emulator_token}
    caller.call("GET", "/training-jobs", headers=headers)
    caller.emulator.inject("*", "status", status=500)
    caller.call("POST", "/training-jobs", {"job_name": "kept"})
    shown = caller.call("GET", "/_emulator/requests")
    decoded = [base64.b64decode(r["body_base64"]).decode() for r in shown.json()["requests"]]
    everything = shown.text + "".join(decoded) + repr(caller.emulator.requests())

    secrets = [identity.password, identity.emulator_token, caller.token_headers()["X-Auth-Token"]]
    signature = signed["Authorization"].rsplit("Signature=", 1)[1]
    assert not [secret for secret in (*secrets, signature, "-secret") if secret in everything]
    first = shown.json()["requests"][0]
    assert f"Access={identity.access_key}, " in first["headers"]["authorization"]
    assert first["query"] == "X-Security-Token=***&page=1"
    # What tells one login from another stays, and so does a job's body.
    assert json.loads(decoded[1])["auth"]["identity"]["methods"] == ["password", "token"]
    assert json.loads(decoded[1])["auth"]["identity"]["password"]["user"]["name"] == identity.user
    assert json.loads(decoded[-1]) == {"job_name": "kept"}
    # In the process itself an assertion about them is possible.
    assert caller.emulator.requests()[0].headers["x-security-token"] == "sts-secret"


def test_bodies_of_requests_are_cut(caller: Any) -> None:
    """A long body is kept and shown up to a limit, with its size beside it."""
    size = recorder.KEPT_BODY + 1000
    caller.call("POST", "/training-jobs", data=b"a" * size)
    (kept,) = caller.emulator.requests()
    (shown,) = caller.call("GET", "/_emulator/requests").json()["requests"]

    assert (len(kept.body), kept.body_size) == (recorder.KEPT_BODY, size)
    assert (len(shown["body"]), shown["body_size"]) == (recorder.SHOWN_BODY, size)
    assert len(base64.b64decode(shown["body_base64"])) == recorder.SHOWN_BODY


def test_number_of_requests_shown_is_bounded(caller: Any) -> None:
    """A list shows the newest, oldest first, and how many there are."""
    for number in range(5):
        caller.call("GET", f"/training-jobs?page={number + 1}")
    shown = caller.call("GET", "/_emulator/requests?limit=2").json()

    assert shown["total"] == 5
    assert [request["query"] for request in shown["requests"]] == ["page=4", "page=5"]
    for limit in ("0", "2001", "x", "-1", "9" * 5000):
        reply = caller.call("GET", f"/_emulator/requests?limit={limit}")
        assert reply.status_code == 400
        assert "limit" in reply.json()["error_message"]


def test_requests_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Number and size of all that is kept have a bound, headers and addresses included."""
    monkeypatch.setattr(recorder, "LIMIT", 10)
    monkeypatch.setattr(recorder, "SIZE_LIMIT", 5000)
    book = recorder.Recorder()
    for number in range(20):
        book.add(recorder.RecordedRequest(number, "GET", "/", "", {}, b"", "op"))
    assert [request.time for request in book.all()] == list(range(10, 20))

    book.add(recorder.RecordedRequest(20, "GET", "/", "", {"a": "b" * 3000}, b"", "op"))
    book.add(recorder.RecordedRequest(21, "GET", "/" + "c" * 3000, "", {}, b"", "op"))
    assert [request.time for request in book.all()] == [21]
    book.clear()
    assert book.all() == []
