"""``python -m demo run|up|down``: the command line behind ``make demo``, ``make up`` and ``make down``."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from demo import background, report
from demo.follow import follow
from demo.processes import DemoError
from demo.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

ROOT = Path(__file__).resolve().parent.parent / ".demo"
DAG_ID = "train_and_refine"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status of the process."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        return int(options.command(options))
    except DemoError as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; everything has been stopped", file=sys.stderr, flush=True)
        return 130


def _leave(number: int, _frame: FrameType | None) -> None:
    """Turn a signal into an exception, so that the ``with`` around the stack stops it."""
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="run|up|down")
    run = commands.add_parser(
        "run", help="start everything, run the example DAG once, stop everything"
    )
    run.set_defaults(command=_run)
    run.add_argument("--keep", action="store_true", help="keep the folder of a run that went well")
    run.add_argument(
        "--timeout",
        type=float,
        default=900,
        help="seconds the DAG run may take (default: %(default)s)",
    )
    up = commands.add_parser("up", help="start everything and leave it running")
    up.set_defaults(command=lambda _options: background.up(ROOT / "up", DAG_ID))
    down = commands.add_parser("down", help="end what 'up' started")
    down.set_defaults(command=lambda _options: background.down(ROOT / "up"))
    serve = commands.add_parser(
        "serve"
    )  # the process that 'up' leaves behind; not for the command line
    serve.set_defaults(command=lambda _options: background.serve(ROOT / "up", DAG_ID))
    return parser


def _run(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    folder = ROOT / f"run-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    say = _clock(begun)
    try:
        success = _run_in(folder, options.timeout, say)
    except DemoError:
        print(f"\nAll logs are kept in {folder}", file=sys.stderr)
        raise
    except (KeyboardInterrupt, SystemExit):
        # Who interrupts it wants nothing of it.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if not success:
        print(
            f"\nThe run FAILED after {time.monotonic() - begun:.0f} s. All logs are kept in {folder}",
            flush=True,
        )
        return 1
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    print(
        f"\nThe run succeeded. {time.monotonic() - begun:.0f} s in all, Airflow's start and end included."
    )
    return 0


def _run_in(folder: Path, timeout: float, say: Callable[[str], None]) -> bool:
    with Stack(folder, progress=say) as stack:
        stack.wait_for_dag(DAG_ID)
        run_id = stack.api.trigger(DAG_ID)
        say(f"triggered {DAG_ID}, run {run_id}")
        observed = follow(stack, DAG_ID, run_id, timeout=timeout, say=say)
        report.training_logs(stack.storage, print)
        if observed.state != "success":
            report.failure(stack, observed, print)
            return False
        compared = report.comparison(stack, observed, print)
        print()
        report.deferral_proof(observed, print)
        if not compared:
            print("task 'compare' returned no table")
        say("stopping everything")
        return compared


def _clock(begun: float) -> Callable[[str], None]:
    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:6.1f} s] {line}", flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
