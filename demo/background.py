"""``up`` and ``down``: one process stays behind, holds the stack, and ends it when it is told to.

So there is a single way to stop, whoever asks: the ``with`` around the stack in :func:`serve`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from demo.processes import ComponentDiedError, DemoError, command_lines, tail
from demo.settings import USER
from demo.stack import Stack

_CHECK_INTERVAL = 2.0
_DEATH = "died.txt"
_STOP_TIMEOUT = 90.0


def up(folder: Path, dag_id: str) -> int:
    """Start the stack in the background, wait until it is healthy and say how to use it."""
    if (state := running(folder)) is not None:
        print(f"It is up already:\n\n{_advice(state)}")
        return 0
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder / "serve.log"
    with log.open("ab") as sink:
        server = subprocess.Popen(
            [sys.executable, "-m", "demo", "serve"],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        state = _wait_until_up(server, folder, log)
    except BaseException:
        # Ctrl-C here means that nothing is wanted; the server stops what it has started so far.
        server.terminate()
        server.wait()
        raise
    print(_advice({**state, "dag_id": dag_id}))
    return 0


def down(folder: Path) -> int:
    """End what :func:`up` started; fine when there is nothing."""
    pid = _server_pid(folder)
    if pid is None:
        death = folder / _DEATH
        if death.exists():
            print(
                f"Nothing is up any more; it had to end by itself.\n{death.read_text(encoding='utf-8')}"
            )
            death.unlink()
        else:
            print("Nothing is up. `make up` starts the demo Airflow.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT
    while _server_pid(folder) is not None:
        if time.monotonic() > deadline:
            message = f"process {pid} does not end; see {folder / 'serve.log'}"
            raise DemoError(message)
        time.sleep(0.1)
    print("Everything has been stopped.")
    return 0


def serve(folder: Path, dag_id: str) -> int:
    """Hold the stack until SIGTERM, or until one of its processes dies."""
    _pid_file(folder).write_text(str(os.getpid()), encoding="utf-8")
    state_file = folder / "up.json"
    try:
        with Stack(folder, progress=lambda line: print(line, flush=True)) as stack:
            stack.wait_for_dag(dag_id)
            state = {
                "url": stack.api.url,
                "password": stack.credentials.password,
                "emulator": stack.emulator_url,
            }
            _write_private(
                state_file, {**state, "dag_id": dag_id, "folder": str(folder), "pid": os.getpid()}
            )
            while True:
                stack.check()
                time.sleep(_CHECK_INTERVAL)
    except ComponentDiedError as error:
        (folder / _DEATH).write_text(str(error), encoding="utf-8")
        raise
    finally:
        state_file.unlink(missing_ok=True)
        _pid_file(folder).unlink(missing_ok=True)


def running(folder: Path) -> dict[str, Any] | None:
    """Return the state of a stack that is up, None where there is none; ``DemoError`` while it is starting."""
    pid = _server_pid(folder)
    if pid is None:
        return None
    try:
        state: dict[str, Any] = json.loads((folder / "up.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"It is just being started, or stopped, by process {pid}. Wait a moment, or run `make down`."
        raise DemoError(message) from None
    return state


def _wait_until_up(server: subprocess.Popen[bytes], folder: Path, log: Path) -> dict[str, Any]:
    shown = 0
    while True:
        ended = server.poll() is not None
        text = log.read_text(encoding="utf-8", errors="replace")
        print(text[shown:], end="", flush=True)
        shown = len(text)
        if ended:
            message = f"the demo Airflow did not come up; the end of {log}:\n{tail(log, 30)}"
            raise DemoError(message)
        with contextlib.suppress(FileNotFoundError):
            state: dict[str, Any] = json.loads((folder / "up.json").read_text(encoding="utf-8"))
            return state
        time.sleep(0.2)


def _server_pid(folder: Path) -> int | None:
    """Pid of the living server; a pid file that outlived it, or names a stranger by now, counts for nothing."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        pid = int(_pid_file(folder).read_text(encoding="utf-8"))
        if "-m demo serve" in command_lines([pid]).get(pid, ""):
            return pid
    return None


def _pid_file(folder: Path) -> Path:
    return folder / "serve.pid"


def _write_private(path: Path, content: dict[str, Any]) -> None:
    """Write for the user alone, and whole: a reader sees all of it or no file."""
    draft = path.with_suffix(".tmp")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _advice(state: dict[str, Any]) -> str:
    return f"""
  Airflow      {state["url"]}
  user         {USER}
  password     {state["password"]}
  emulator     {state["emulator"]} (its connection, with the token for control calls: {state["folder"]}/emulator.json)
  files, logs  {state["folder"]}

Start the example: press "Trigger" on {state["url"]}/dags/{state["dag_id"]}
(unpause it with the switch beside its name), or run `make demo` for the same without a browser.
Stop everything: make down"""
