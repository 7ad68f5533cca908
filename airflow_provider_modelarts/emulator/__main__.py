"""Command line of the emulator: ``modelarts-emulator`` or ``python -m airflow_provider_modelarts.emulator``."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_modelarts.emulator import settings as defaults
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.settings import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTION = """\
A local stand-in for ModelArts (training API v1) and IAM. It really runs training jobs: the boot file of a
job is started as a process on this machine, with a folder in the place of object storage. Loopback only."""
EPILOG = """\
object storage   /bucket/key and obs://bucket/key are DIR/bucket/key of --storage
training code    runs as: PYTHON boot_file --data_url=... --train_url=... --LABEL=VALUE per parameter
logs             job-<job_id>-<version_id>-worker-<n>.log below log_url
metrics          a metrics.json in train_url ({"accuracy": 0.9, ...}) shows up in model_metric_list
control          http://HOST:PORT/_emulator/ (health, jobs, requests, faults, transitions, reset, ...)"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    identity = Identity()
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
        "--ready-file", type=Path, metavar="PATH", help='written when listening: {"url", "pid"}'
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
    for name in (
        "access_key",
        "secret_key",
        "user",
        "password",
        "domain",
        "project_id",
        "project_name",
    ):
        option = f"--{name.replace('_', '-')}"
        who.add_argument(
            option, default=getattr(identity, name), metavar="TEXT", help="default %(default)s"
        )
    who.add_argument(
        "--security-token", metavar="TEXT", help="makes the access key a temporary one"
    )
    who.add_argument(
        "--token-lifetime",
        type=_factor,
        default=86400.0,
        metavar="SECONDS",
        help="default 24 hours",
    )
    return parser


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
    names = Identity.__dataclass_fields__
    identity = Identity(**{name: value for name, value in vars(options).items() if name in names})
    with tempfile.TemporaryDirectory(
        prefix="modelarts-emulator-", ignore_cleanup_errors=True
    ) as scratch:
        further = {} if options.max_running is None else {"max_running": options.max_running}
        emulator = Emulator(
            storage=options.storage or Path(scratch) / "storage",
            state=options.state or Path(scratch) / "state.sqlite",
            transitions={"mode": options.transitions},
            identity=identity,
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
            _announce(emulator.url, emulator.storage, emulator.connection_json())
            if options.ready_file is not None:
                _write_ready(options.ready_file, emulator.url)
            over.wait()
        finally:
            emulator.stop()
            if options.ready_file is not None:
                options.ready_file.unlink(missing_ok=True)
    return 0


def _announce(url: str, storage: Path, connection: str) -> None:
    print(f"ModelArts emulator listens on {url}")  # noqa: T201 - a command line talks
    print(f"Storage folder: {storage}")  # noqa: T201
    print(f"export AIRFLOW_CONN_MODELARTS_DEFAULT='{connection}'", flush=True)  # noqa: T201


def _write_ready(path: Path, url: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n", encoding="utf-8")
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
