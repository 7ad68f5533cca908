"""What Airflow's masker is given: secrets, all of them, and nothing else."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from airflow.providers.common.compat.sdk import redact

from airflow_provider_modelarts.hooks.masking import mask_secrets
from airflow_provider_modelarts.hooks.modelarts import ModelArtsHook


def test_secret_is_masked_in_every_form() -> None:
    """As it is, and as it stands in an address."""
    mask_secrets(["s3cret/of&masking"])

    assert redact("a s3cret/of&masking z") == "a *** z"
    assert redact(quote("s3cret/of&masking")) == "***"


def test_masker_tells_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Airflow 3.0 a triggerer dies of a message that a thread of it writes to its supervisor."""
    runner = pytest.importorskip("airflow.sdk.execution_time.task_runner")
    told: list[Any] = []

    class Channel:
        """The way to the supervisor."""

        def send(self, message: Any) -> None:
            """Take a message."""
            told.append(message)

    monkeypatch.setattr(runner, "SUPERVISOR_COMMS", Channel(), raising=False)

    mask_secrets(["another-secret-of-masking"])

    assert redact("another-secret-of-masking") == "***"
    assert told == []


@pytest.mark.parametrize("text", ["", "true", "7", "AK"])
def test_short_text_is_not_given(text: str, caplog: Any) -> None:
    """Airflow would warn of it, and hide parts of other words."""
    mask_secrets([text])

    assert redact(f"_{text}_") == f"_{text}_"
    assert "too short" not in caplog.text


def test_key_is_masked_as_it_is_used(monkeypatch: pytest.MonkeyPatch, serve: Any) -> None:
    """Airflow masks what was pasted; what is sent is without the line end."""
    server = serve((200, {"jobs": []}))
    connection = {
        "conn_type": "modelarts",
        "host": server.url,
        "login": "not-a-secret-key-id",
        "password": "pasted-secret-key\n",
        "extra": {"project_id": "not-a-secret-project", "security_token": " pasted-token "},
    }
    monkeypatch.setenv("AIRFLOW_CONN_MASKED", json.dumps(connection))

    list(ModelArtsHook("masked").get_conn().list_training_jobs())

    assert redact("pasted-secret-key pasted-token") == "*** ***"
    assert (
        redact("not-a-secret-key-id not-a-secret-project")
        == "not-a-secret-key-id not-a-secret-project"
    )


def issued(token: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return IAM's answer with a token."""
    life = {"issued_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z"}
    return 201, {"token": {**life, "project": {"id": "p1"}}}, {"X-Subject-Token": token}


def test_every_token_from_iam_is_masked(monkeypatch: pytest.MonkeyPatch, serve: Any) -> None:
    """The first one, and the one that replaces it after a refusal."""
    iam = serve(issued("first-token-of-iam"), issued("second-token-of-iam"))
    refusal = {"error_code": "ModelArts.0203", "error_msg": "first-token-of-iam has ended"}
    server = serve((401, refusal), (200, {"jobs": []}))
    extra = {"auth_type": "password", "domain_name": "D", "project_id": "p1"}
    connection = {
        "conn_type": "modelarts",
        "host": server.url,
        "login": "user",
        "password": "password-of-the-user",
        "extra": {**extra, "iam_endpoint": iam.url},
    }
    monkeypatch.setenv("AIRFLOW_CONN_MASKED", json.dumps(connection))

    list(ModelArtsHook("masked").get_conn().list_training_jobs())

    assert len(iam.requests) == 2
    assert redact("first-token-of-iam second-token-of-iam") == "*** ***"
    assert redact("password-of-the-user") == "***"
