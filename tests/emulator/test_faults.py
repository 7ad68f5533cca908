"""Faults to order: each kind, on the wire."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests

from airflow_provider_modelarts.emulator.errors import EmulatorError


def raw(caller: Any, path: str) -> bytes:
    """Send one GET over a plain socket and return every byte that comes back."""
    host, port = caller.emulator.url.removeprefix("http://").split(":")
    token = caller.token_headers()["X-Auth-Token"]
    request = f"GET {caller.project}{path} HTTP/1.1\r\nHost: {host}:{port}\r\nX-Auth-Token: {token}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize("when", ["before", "after"])
def test_status_fault(caller: Any, code: Any, when: str) -> None:
    """A status fault answers as ordered; whether the request was processed is the order's choice."""
    caller.emulator.inject("create_training_job", "status", status=500, when=when)

    reply = caller.call("POST", "/training-jobs", {"job_name": "a", "config": code})

    assert (reply.status_code, reply.json()["error_code"]) == (500, "ModelArts.0010")
    assert len(caller.emulator.jobs()) == (when == "after")
    assert caller.call("GET", "/training-jobs").status_code == 200


def test_status_fault_with_headers_and_body(caller: Any) -> None:
    """Body and headers of the reply can be given; without a body 429 is the gateway's."""
    caller.emulator.inject("*", "status", status=429, headers={"Retry-After": "1"})
    caller.emulator.inject("*", "status", status=502, body="<html>bad gateway</html>")
    throttled, broken = (caller.call("GET", "/training-jobs") for _ in range(2))

    assert throttled.headers["Retry-After"] == "1"
    assert throttled.json()["error_code"] == "APIG.0308"
    assert (broken.status_code, broken.text) == (502, "<html>bad gateway</html>")


def test_times_and_skip(caller: Any) -> None:
    """A fault passes over the first requests and meets only as many as ordered."""
    caller.emulator.inject("list_training_jobs", "status", status=503, skip=1, times=2)

    seen = [caller.call("GET", "/training-jobs").status_code for _ in range(5)]

    assert seen == [200, 503, 503, 200, 200]


def test_iam_faults_have_the_iam_shape(caller: Any) -> None:
    """A fault on a login answers in IAM's shape."""
    caller.emulator.inject("iam_token", "status", status=429)

    reply = caller.call("POST", "/v3/auth/tokens", {}, headers={})

    assert (reply.status_code, reply.json()["error"]["code"]) == (429, 429)


def test_reset_answers_with_a_tcp_reset(caller: Any) -> None:
    """A reset ends the connection with RST and not one byte; the request is not processed."""
    job_id, _ = caller.create()
    caller.emulator.inject("list_training_jobs", "reset")
    with pytest.raises(ConnectionResetError):
        raw(caller, "/training-jobs")
    caller.emulator.inject("delete_training_job", "reset")
    with pytest.raises(requests.ConnectionError):
        caller.call("DELETE", f"/training-jobs/{job_id}")

    assert len(caller.emulator.jobs()) == 1


def test_lost_answer_is_processed(caller: Any, code: Any) -> None:
    """A lost answer: the job is made, and the connection closes without a byte."""
    caller.emulator.inject("create_training_job", "lost_answer")
    with pytest.raises(requests.ConnectionError, match="without response"):
        caller.call("POST", "/training-jobs", {"job_name": "a", "config": code})
    caller.emulator.inject("list_training_jobs", "lost_answer")

    assert raw(caller, "/training-jobs") == b""
    assert [job.job_name for job in caller.emulator.jobs()] == ["a"]
    assert [r.status for r in caller.emulator.requests("create_training_job")] == [None]


def test_slow_answer(caller: Any) -> None:
    """A slow answer comes late but whole, and others are answered meanwhile."""
    caller.emulator.inject("list_training_jobs", "slow", delay=0.5)

    with pytest.raises(requests.Timeout):
        caller.session.get(
            f"{caller.emulator.url}{caller.project}/training-jobs",
            headers=caller.token_headers(),
            timeout=0.1,
        )
    caller.emulator.inject("list_training_jobs", "slow", delay=0.05)
    reply = caller.call("GET", "/training-jobs")

    assert reply.json()["is_success"] is True
    assert reply.elapsed.total_seconds() >= 0.05


def test_garbage(caller: Any, code: Any) -> None:
    """Garbage is a 200 that is no JSON; the request was processed."""
    caller.emulator.inject("create_training_job", "garbage")
    caller.emulator.inject("list_training_jobs", "garbage", body='{"is_success": tr')

    html = caller.call("POST", "/training-jobs", {"job_name": "a", "config": code})
    broken = caller.call("GET", "/training-jobs")

    assert (html.status_code, html.text[:6]) == (200, "<html>")
    assert (broken.status_code, broken.text) == (200, '{"is_success": tr')
    assert len(caller.emulator.jobs()) == 1


def test_truncate(caller: Any) -> None:
    """A truncated answer announces more bytes than come."""
    caller.emulator.inject("list_training_jobs", "truncate", times=2)
    head, _, body = raw(caller, "/training-jobs").partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])

    assert 0 < len(body) < length
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        caller.call("GET", "/training-jobs")


def test_faults_are_listed_and_cleared_over_http(caller: Any) -> None:
    """Faults can be ordered, counted and dropped over HTTP."""
    order = {"operation": "*", "kind": "status", "status": 503, "times": None}
    assert caller.call("POST", "/_emulator/faults", order).status_code == 201
    caller.call("GET", "/training-jobs")
    listed = caller.call("GET", "/_emulator/faults").json()["faults"]
    caller.call("DELETE", "/_emulator/faults")

    assert [(fault["kind"], fault["hits"]) for fault in listed] == [("status", 1)]
    assert caller.call("GET", "/training-jobs").status_code == 200


@pytest.mark.parametrize(
    "order",
    [
        {"operation": "everything", "kind": "reset"},
        {"operation": "*", "kind": "explode"},
        {"operation": "*"},
        {"operation": "*", "kind": "reset", "often": 3},
        {"operation": "*", "kind": "reset", "hits": 3},
        {"operation": "*", "kind": "status", "status": 99},
        {"operation": "*", "kind": "status", "when": "during"},
        {"operation": "*", "kind": "slow", "delay": -1},
        {"operation": "*", "kind": "reset", "times": 0},
        {"operation": "*", "kind": "reset", "skip": -1},
        {"operation": "*", "kind": "status", "headers": {"Retry-After": 1}},
    ],
)
def test_wrong_order_is_refused(caller: Any, order: dict[str, Any]) -> None:
    """An order that cannot be meant is refused and names the field."""
    with pytest.raises(EmulatorError, match="fault"):
        caller.emulator.core.faults.add(order)

    assert caller.call("POST", "/_emulator/faults", order).status_code == 400
