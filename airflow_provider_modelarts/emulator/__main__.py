"""Command line of the emulator: ``modelarts-emulator`` or ``python -m airflow_provider_modelarts.emulator``."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import settings as defaults
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.guard import TOKEN_HEADER
from airflow_provider_modelarts.emulator.settings import Identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_modelarts.emulator.api import Emulator

DESCRIPTION = """\
A local stand-in for ModelArts (training API v1) and IAM. It really runs training jobs: the boot file of a
job is started as a process on this machine, with a folder in the place of object storage. Loopback only."""
EPILOG = """\
object storage   /bucket/key and obs://bucket/key are DIR/bucket/key of --storage
training code    runs as: PYTHON boot_file --data_url=... --train_url=... --LABEL=VALUE per parameter
logs             job-<job_id>-<version_id>-worker-<n>.log below log_url
metrics          a metrics.json in train_url ({"accuracy": 0.9, ...}) shows up in model_metric_list
control          http://HOST:PORT/_emulator/ (health, jobs, requests, faults, transitions, reset, ...),
                 with the header X-Emulator-Token
keys             random at each start, and printed; with --state they are kept. To give them yourself, set
                 MODELARTS_EMULATOR_ACCESS_KEY, ..._SECRET_KEY, ..._PASSWORD, ..._SECURITY_TOKEN, ..._TOKEN"""
# Arguments are seen by everybody on the machine, the environment is not.
ENVIRONMENT = {
    "access_key": "MODELARTS_EMULATOR_ACCESS_KEY",
    "secret_key": "MODELARTS_EMULATOR_SECRET_KEY",
    "security_token": "MODELARTS_EMULATOR_SECURITY_TOKEN",
    "password": "MODELARTS_EMULATOR_PASSWORD",
    "emulator_token": "MODELARTS_EMULATOR_TOKEN",
}
_SECRET_OPTIONS = ("secret_key", "password", "security_token")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="modelarts-emulator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serving = parser.add_argument_group("serving")
    serving.add_argument(
        "--host", default="127.0.0.1", help="127.0.0.1 (default), localhost or ::1"
    )
    serving.add_argument(
        "--port", type=int, default=defaults.DEFAULT_PORT, help="default %(default)s; 0: a free one"
    )
    serving.add_argument(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help='written when listening, for you alone: {"url", "pid", "connection"}',
    )
    state = parser.add_argument_group("state")
    state.add_argument(
        "--storage", type=Path, metavar="DIR", help="folder for object storage (default: temporary)"
    )
    state.add_argument(
        "--state", type=Path, metavar="FILE", help="SQLite file to go on from (default: temporary)"
    )
    jobs = parser.add_argument_group("jobs")
    jobs.add_argument(
        "--transitions", choices=["run", "immediate"], default="run", help="default %(default)s"
    )
    jobs.add_argument(
        "--python", default=sys.executable, metavar="PATH", help="interpreter for boot files"
    )
    jobs.add_argument(
        "--time-scale",
        type=_factor,
        default=1.0,
        metavar="X",
        help="factor for the emulator's delays",
    )
    jobs.add_argument(
        "--max-running", type=_positive, metavar="N", help="versions run at a time, the others wait"
    )
    jobs.add_argument(
        "--strict-catalogue",
        action="store_true",
        help="refuse flavors, engines and algorithms that the catalogue does not have",
    )
    jobs.add_argument(
        "--stop-jobs-on-exit", action="store_true", help="end running jobs on SIGTERM and Ctrl-C"
    )
    who = parser.add_argument_group("identity")
    who.add_argument("--access-key", metavar="TEXT", help="default random")
    for name in ("user", "domain", "project_id", "project_name"):
        who.add_argument(
            _option(name),
            default=getattr(Identity, name),
            metavar="TEXT",
            help="default %(default)s",
        )
    for name in _SECRET_OPTIONS:
        who.add_argument(
            _option(name),
            metavar="TEXT",
            help=f"seen by everybody on this machine: better set {ENVIRONMENT[name]}",
        )
    who.add_argument(
        "--token-lifetime",
        type=_factor,
        default=86400.0,
        metavar="SECONDS",
        help="default 24 hours",
    )
    return parser


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C; returns the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        return _serve(options)
    except ModuleNotFoundError as error:
        if error.name not in {"starlette", "uvicorn", "jsonschema", "anyio"}:
            raise
        _complain(f"{error.name} is missing: pip install 'airflow-provider-modelarts[emulator]'")
        return 1


def _serve(options: argparse.Namespace) -> int:
    from airflow_provider_modelarts.emulator.api import Emulator

    python = Path(options.python)
    if not os.access(python, os.X_OK) or python.is_dir():
        _complain(f"--python {python}: no such program")
        return 2
    with tempfile.TemporaryDirectory(
        prefix="modelarts-emulator-", ignore_cleanup_errors=True
    ) as scratch:
        further = {} if options.max_running is None else {"max_running": options.max_running}
        emulator = Emulator(
            storage=options.storage or Path(scratch) / "storage",
            state=options.state or Path(scratch) / "state.sqlite",
            transitions={"mode": options.transitions},
            identity=_identity(vars(options)),
            host=options.host,
            port=options.port,
            time_scale=options.time_scale,
            strict_catalogue=options.strict_catalogue,
            # Where the state is thrown away, nobody could ever look after the jobs again.
            stop_jobs_on_exit=options.stop_jobs_on_exit or options.state is None,
            python=str(python.absolute()),
            token_lifetime=options.token_lifetime,
            **further,
        )
        over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: over.set())
        try:
            emulator.start()
        except EmulatorError as error:
            _complain(str(error))
            return 1
        try:
            _announce(emulator)
            if options.ready_file is not None:
                _write_ready(options.ready_file, emulator)
            over.wait()
        finally:
            emulator.stop()
            if options.ready_file is not None:
                options.ready_file.unlink(missing_ok=True)
    return 0


def _identity(options: Mapping[str, Any]) -> Identity:
    """Take the account from the options, then from the environment; what neither gives stays empty."""
    given = {name: options.get(name) for name in Identity.__dataclass_fields__}
    for name in (name for name in _SECRET_OPTIONS if given[name]):
        _complain(
            f"{_option(name)} can be read by everybody on this machine; set {ENVIRONMENT[name]} instead"
        )
    found: dict[str, Any] = {
        name: value or os.environ.get(ENVIRONMENT.get(name, "")) for name, value in given.items()
    }
    return Identity(**{name: value for name, value in found.items() if value})


def _announce(emulator: Emulator) -> None:
    connection = shlex.quote(emulator.connection_json())
    print(f"ModelArts emulator listens on {emulator.url}")  # noqa: T201 - a command line talks
    print(f"Storage folder: {emulator.storage}")  # noqa: T201
    print(f"Control calls: header {TOKEN_HEADER}: {emulator.identity.emulator_token}")  # noqa: T201
    print(f"export AIRFLOW_CONN_MODELARTS_DEFAULT={connection}", flush=True)  # noqa: T201


def _write_ready(path: Path, emulator: Emulator) -> None:
    """Write for the user alone, since it holds the keys, and whole: a reader sees all of it or no file."""
    content = {"url": emulator.url, "pid": os.getpid(), "connection": emulator.connection()}
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(content) + "\n")
    draft.replace(path)


def _complain(message: str) -> None:
    print(f"modelarts-emulator: {message}", file=sys.stderr)  # noqa: T201


def _factor(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")  # noqa: EM102
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")  # noqa: EM102
    return value


if __name__ == "__main__":
    sys.exit(main())
