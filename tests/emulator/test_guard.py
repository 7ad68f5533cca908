"""Who may make the emulator do something: who has its keys, and for control calls its token."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_modelarts.emulator import Emulator, Identity, __main__
from airflow_provider_modelarts.emulator.database import private_file, private_folder
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.guard import HEALTH, TOKEN_HEADER
from airflow_provider_modelarts.emulator.routes import CONTROL
from airflow_provider_modelarts.emulator.settings import RANDOM_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PUBLISHED = ("EMULATORACCESSKEY", "emulator-secret-key")
"""The keys of earlier releases, which anybody knows."""


# ------------------------------------------------------------------------------------- control calls
@pytest.mark.parametrize("shown", [None, "", "wrong", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
@pytest.mark.parametrize(
    ("method", "path"),
    [(route.method, route.path) for route in CONTROL if route.path != HEALTH]
    + [("GET", "/_emulator/none"), ("GET", "/%5Femulator/jobs")],
)
def test_control_calls_need_the_token(caller: Any, method: str, path: str, shown: Any) -> None:
    """Without the token nothing below ``/_emulator/`` is done or told, whether it exists or not."""
    job_id, version_id = caller.create()
    headers = {} if shown is None else {TOKEN_HEADER: shown.encode("latin-1")}
    url = caller.emulator.url + path.format(job_id=job_id, version_id=version_id)

    reply = caller.session.request(method, url, headers=headers, json={"lines": ["x"]}, timeout=20)

    assert (reply.status_code, reply.json()["ok"]) == (401, False)
    assert TOKEN_HEADER in reply.json()["error"]
    assert caller.emulator.identity.emulator_token not in reply.text
    assert len(caller.emulator.jobs()) == 1


def test_health_tells_strangers_only_that_it_is_up(caller: Any) -> None:
    """Process and folder are for who has the token."""
    url = caller.emulator.url + HEALTH

    assert caller.session.get(url, timeout=20).json() == {"ok": True}
    assert caller.call("GET", HEALTH).json()["storage"] == str(caller.emulator.storage)


def test_token_is_in_every_connection(caller: Any) -> None:
    """Who has the connection can make control calls."""
    for auth_type in ("aksk", "password", "token"):
        token = caller.emulator.connection(auth_type)["extra"]["emulator_token"]
        headers = {TOKEN_HEADER: token}
        url = f"{caller.emulator.url}/_emulator/jobs"
        assert requests.get(url, headers=headers, timeout=20).json() == {"jobs": []}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "evil.example]"},
        {"Host": "127.0.0.1:80@evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/_emulator/jobs", HEALTH, "/v3/projects"])
def test_web_pages_are_kept_out(caller: Any, headers: Any, path: str) -> None:
    """What a browser sends for a foreign page is refused even with the keys: jobs are code that runs here."""
    reply = caller.call("GET", path, headers={**caller.token_headers(), **headers})

    assert reply.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8474", "[::1]:8474"])
def test_local_names_are_let_in(caller: Any, host: str) -> None:
    """The names of this machine's loopback are fine, with any port, and so is an address typed in."""
    headers = {**caller.token_headers(), "Host": host, "Sec-Fetch-Site": "none"}

    assert caller.call("GET", "/training-jobs", headers=headers).status_code == 200


# --------------------------------------------------------------------------------------------- keys
def test_each_emulator_has_keys_of_its_own() -> None:
    """Two starts share no key, none is a published one, and none shows in a repr."""
    with Emulator() as one, Emulator() as other:
        found = [
            [getattr(emulator.identity, name) for name in RANDOM_KEYS] for emulator in (one, other)
        ]
        shown = repr(one.identity) + repr(one.settings)

    assert len({*found[0], *found[1]}) == 2 * len(RANDOM_KEYS)
    assert min(map(len, found[0])) >= 20
    assert not [key for key in found[0][1:] if key in shown]


def test_published_keys_are_refused(signer: Any) -> None:
    """What worked for everybody on the machine before opens nothing any more."""
    with Emulator() as emulator:
        url = f"{emulator.url}/v1/{emulator.identity.project_id}/training-jobs"
        headers = signer("GET", url, access_key=PUBLISHED[0], secret_key=PUBLISHED[1])
        reply = requests.get(url, headers=headers, timeout=20)

    assert reply.status_code == 401


@pytest.mark.parametrize("way", ["identity", "fields"])
def test_given_keys_are_used(way: str, signer: Any) -> None:
    """A test may fix the keys, all or some; what it leaves out is random."""
    keys = {"access_key": "AK", "secret_key": "SK", "emulator_token": "T"}
    given: dict[str, Any] = {"identity": Identity(**keys)} if way == "identity" else keys
    with Emulator(**given) as emulator:
        url = f"{emulator.url}/v1/{emulator.identity.project_id}/training-jobs"
        headers = signer("GET", url, access_key="AK", secret_key="SK")
        assert requests.get(url, headers=headers, timeout=20).status_code == 200
        headers = {TOKEN_HEADER: "T"}
        assert requests.get(f"{emulator.url}/_emulator/jobs", headers=headers, timeout=20).ok
        assert len(emulator.identity.password) == 40


def test_keys_stay_with_the_state(tmp_path: Path) -> None:
    """A restart over the same state has the same keys, also after a reset; one that is given wins."""
    state = tmp_path / "state" / "emulator.sqlite"
    with Emulator(state=state) as emulator:
        first = emulator.identity
        emulator.reset()
    with Emulator(state=state) as emulator:
        second = emulator.identity
    with Emulator(state=state, secret_key="given") as emulator:
        third = emulator.identity
    with Emulator(state=state) as emulator:
        fourth = emulator.identity

    assert first == second == fourth
    assert third == replace(first, secret_key="given")


def test_keys_stay_with_the_object(tmp_path: Path) -> None:
    """An object that is started again answers to the connection it gave before."""
    emulator = Emulator(storage=tmp_path)
    with emulator:
        first = emulator.connection()
    with emulator:
        second = emulator.connection()

    assert (first["login"], first["password"]) == (second["login"], second["password"])


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_state_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    """The files that hold keys, and logs of runs, cannot be read by other users, nor can an older one."""
    state = tmp_path / "emulator.sqlite"
    state.touch(mode=0o666)
    old = os.umask(umask)
    try:
        with Emulator(state=state) as emulator:
            emulator.add_jobs(1)
            found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(old)

    assert found.pop("emulator.sqlite.runs") == 0o700
    assert set(found.values()) == {0o600}
    assert {"emulator.sqlite", "emulator.sqlite-wal", "emulator.sqlite.lock"} <= set(found)


@pytest.mark.parametrize("keep", [private_file, private_folder])
def test_place_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: Callable[[Path], Any]
) -> None:
    """In a shared folder somebody else may have made it first, to read the keys or to put in others."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(EmulatorError, match="belongs to another user"):
        keep(tmp_path / "state")


def test_state_does_not_lie_in_the_storage(tmp_path: Path) -> None:
    """Jobs read and write the storage, so keys and run folders have no place there."""
    with pytest.raises(EmulatorError, match="lies in the storage"):
        Emulator(storage=tmp_path, state=tmp_path / "bucket" / "state.sqlite").start()


# ------------------------------------------------------------------------------------- command line
@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., tuple[dict[str, Any], str]]]:
    """Return a function that starts and ends the command, and returns the ready file and the output."""

    def start(*options: str, **environment: str) -> tuple[dict[str, Any], str]:
        ready = tmp_path / "ready.json"
        command = [sys.executable, "-m", "airflow_provider_modelarts.emulator", "--port", "0"]
        process = subprocess.Popen(
            [*command, "--ready-file", str(ready), "--storage", str(tmp_path / "obs"), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **environment},
        )
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert stat.S_IMODE(ready.stat().st_mode) == 0o600
        found = json.loads(ready.read_text())
        process.send_signal(signal.SIGTERM)
        return found, process.communicate(timeout=60)[0]

    return start


def test_command_prints_what_to_paste(run: Any) -> None:
    """The connection and the token are printed, and are those of the ready file."""
    found, output = run()
    line = next(line for line in output.splitlines() if line.startswith("export AIRFLOW_CONN_"))
    shell = ["sh", "-c", f'{line}; printf %s "$AIRFLOW_CONN_MODELARTS_DEFAULT"']
    pasted = json.loads(subprocess.run(shell, capture_output=True, check=True).stdout)

    assert pasted == found["connection"]
    assert f"{TOKEN_HEADER}: {pasted['extra']['emulator_token']}" in output
    assert len(pasted["password"]) == 40


def test_keys_come_from_the_environment(run: Any) -> None:
    """Secrets are given where other users of the machine do not see them, quotes included."""
    found, output = run(
        MODELARTS_EMULATOR_ACCESS_KEY="AK",
        MODELARTS_EMULATOR_SECRET_KEY="it's",
        MODELARTS_EMULATOR_SECURITY_TOKEN="ST",
        MODELARTS_EMULATOR_TOKEN="ET",
    )
    connection = found["connection"]

    assert (connection["login"], connection["password"]) == ("AK", "it's")
    assert (connection["extra"]["security_token"], connection["extra"]["emulator_token"]) == (
        "ST",
        "ET",
    )
    line = next(line for line in output.splitlines() if line.startswith("export AIRFLOW_CONN_"))
    shell = ["sh", "-c", f'{line}; printf %s "$AIRFLOW_CONN_MODELARTS_DEFAULT"']
    assert json.loads(subprocess.run(shell, capture_output=True, check=True).stdout) == connection


def test_secret_argument_is_warned_about(run: Any) -> None:
    """A secret on the command line works, and the better place is named."""
    found, output = run(
        "--secret-key", "SK", "--access-key", "AK", MODELARTS_EMULATOR_SECRET_KEY="x"
    )

    assert found["connection"]["password"] == "SK"
    assert "--secret-key can be read by everybody on this machine" in output
    assert "MODELARTS_EMULATOR_SECRET_KEY" in output


def test_help_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The help names the variables, not what is in them."""
    for name, variable in __main__.ENVIRONMENT.items():
        monkeypatch.setenv(variable, f"secret-{name}")
    with pytest.raises(SystemExit):
        __main__.main(["--help"])
    shown = capsys.readouterr().out

    assert "secret-" not in shown.replace("secret-key", "")
    assert "MODELARTS_EMULATOR_SECRET_KEY" in shown
