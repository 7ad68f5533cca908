"""Every call of the client reaches its endpoint, and the page's example runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_modelarts.client import ModelArtsClient

IDS = {
    r"/training-jobs/\d+": "/training-jobs/{job_id}",
    r"/versions/\d+": "/versions/{version_id}",
    r"/visualization-jobs/\d+": "/visualization-jobs/{job_id}",
    r"/training-job-configs/[^/]+": "/training-job-configs/{config_name}",
    r"/v1/[0-9a-f]+": "",
}


def endpoint(request: Any) -> str:
    """Return method and path in the form of the page."""
    path = request.path
    for pattern, text in IDS.items():
        path = re.sub(pattern, text, path)
    return f"{request.method} {path}"


def call_everything(client: ModelArtsClient, emulator: Any, config: dict[str, Any]) -> None:
    """Use each endpoint once, in an order that makes sense."""
    job = client.create_training_job({"job_name": "job", "config": config})
    ids = (job.job_id, job.version_id)
    base = config | {"pre_version_id": job.version_id}
    later = client.create_job_version(job.job_id, {"config": base})
    client.update_training_job(job.job_id, "a text")
    list(client.list_training_jobs())
    list(client.list_job_versions(job.job_id))
    client.get_job_version(*ids)
    client.get_log(*ids, client.list_log_files(*ids)[0])
    list(client.follow_log(*ids))
    emulator.set_status(job.job_id, later.version_id, 8)
    client.stop_job_version(job.job_id, later.version_id)
    client.delete_job_version(*ids)
    client.delete_training_job(job.job_id)
    client.create_saved_config(config | {"config_name": "base"})
    list(client.list_saved_configs())
    client.get_saved_config("base")
    client.update_saved_config("base", config)
    client.delete_saved_config("base")
    board = client.create_visualization_job({"job_name": "board", "train_url": "/bucket/out/"})
    list(client.list_visualization_jobs())
    client.get_visualization_job(board.job_id)
    client.update_visualization_job(board.job_id, "a text")
    client.stop_visualization_job(board.job_id)
    emulator.set_visualization_status(board.job_id, 12)
    client.restart_visualization_job(board.job_id)
    client.delete_visualization_job(board.job_id)
    list(client.list_built_in_algorithms())
    client.list_resource_specs()
    client.list_engines()


def test_every_endpoint_of_the_page_is_reached_by_its_method(
    client: Any, emulator: Any, config: dict[str, Any], repo: Path
) -> None:
    """What the table says of a method is what the service sees."""
    page = (repo / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| `(\w+ [^`]+)` \| `(\w+)`", page, re.MULTILINE)

    call_everything(client, emulator, config)

    seen = {(endpoint(request), request.operation) for request in emulator.requests()}
    assert seen == set(rows)
    assert len(rows) == 26


@pytest.mark.parametrize("auth_type", ["aksk", "password", "token"])
def test_token_of_the_emulator_is_sent_nowhere(
    connect: Any, emulator: Any, config: dict[str, Any], auth_type: str
) -> None:
    """It stands in the connection for people and tests; a real service must never see it."""
    call_everything(connect(auth_type), emulator, config)

    token = emulator.connection()["extra"]["emulator_token"]
    sent = [(r.path, r.query, *r.headers.values(), r.body.decode()) for r in emulator.requests()]
    assert len(sent) >= 26
    assert not [parts for parts in sent if any(token in part for part in parts)]


def test_logs_are_followed_while_the_training_runs(
    client: Any, emulator: Any, config: dict[str, Any]
) -> None:
    """Lines come as they are written, each once, across many blocks; the end of the run ends them."""
    emulator.set_transitions("reads", sequence=[8, 8, 8, 10], reads=1)
    job = client.create_training_job({"job_name": "job", "config": config})
    ids = (job.job_id, job.version_id)
    emulator.add_log_lines(*ids, [f"epoch {n}" for n in range(1, 8)])

    found: list[str] = []
    for number, block in enumerate(client.follow_log(*ids, follow=True, lines=3, interval=0.01)):
        found += block.texts()
        if number == 0:
            emulator.add_log_lines(*ids, [f"epoch {n}" for n in range(8, 12)])

    written = [line for line in found if line.startswith("epoch")]
    assert written == [f"epoch {n}" for n in range(1, 12)]


def test_example_of_the_page_runs(
    client: Any, emulator: Any, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code block is a whole script."""
    ((job, version),) = emulator.add_jobs(1, prefix="nightly")
    who = emulator.identity
    (code,) = re.findall(r"```python\n(.*?)```", (repo / "docs" / "api.md").read_text(), re.DOTALL)
    for sample, real in {
        "https://modelarts.eu-de.otc.t-systems.com": emulator.url,
        "my-key-id": who.access_key,
        "my-secret-key": who.secret_key,
        "my-project-id": who.project_id,
        "10, 20": f"{job}, {version}",
    }.items():
        assert sample in code
        code = code.replace(sample, real)

    exec(compile(code, "docs/api.md", "exec"), {})

    assert "nightly" in capsys.readouterr().out
