"""Runs the training code of versions in mode ``run``: one thread that starts, watches and ends processes.

The state file says what should be, the run folders what is. Everything here can therefore be taken up by
the next emulator after a kill.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.emulator import statuses
from airflow_provider_modelarts.emulator.errors import ServiceError
from airflow_provider_modelarts.emulator.launch import Launch
from airflow_provider_modelarts.emulator.processes import Run
from airflow_provider_modelarts.emulator.storage import PathRefusedError, Storage, append_to_log

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_modelarts.emulator.clock import Clock
    from airflow_provider_modelarts.emulator.settings import Settings
    from airflow_provider_modelarts.emulator.store import Row, Store

log = logging.getLogger(__name__)

# How often running processes are looked after; nothing is looked after when none runs.
WATCH_INTERVAL = 0.1
RETRY_INTERVAL = 2.0
# How many due versions are looked at in one go.
BATCH = 100
NO_CODE = "Emulator: there is nothing to run for a built-in algorithm or a custom image; the job just completes.\n"


class Runner:
    """The thread behind mode ``run``."""

    def __init__(self, settings: Settings, store: Store, storage: Storage, clock: Clock) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.launch = Launch(settings, storage)
        self.check = self.launch.check
        self._runs: dict[int, Run] = {}
        # Ended, but their supervisors may take a moment to leave; they must not stay as zombies.
        self._leaving: list[Run] = []
        self._wake = threading.Event()
        self._closing = False
        self._sweep_due = True
        # Held while processes are touched, so that a reset finds nothing half done.
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._loop, name="modelarts-emulator-runner", daemon=True
        )

    # ------------------------------------------------------------- lifecycle
    def start(self) -> None:
        """Take up what an earlier emulator left, then go on in a thread."""
        with self._lock:
            self._adopt()
        self._thread.start()

    def wake(self, *, deleted: bool = False) -> None:
        """Look at the state now; after a deletion also at what lies about in the run folders."""
        self._sweep_due = self._sweep_due or deleted
        self._wake.set()

    def first_due(self) -> float:
        """Return when a version created now leaves status 1 (true time: test clocks do not hurry processes)."""
        return time.time() + self.settings.init_delay * self.settings.time_scale

    def log_paths(self, version: Row) -> list[Path]:
        """Return where the workers of a version log; the files need not exist.

        :raises PathRefusedError: when that would be outside the storage.
        """
        config, version_id = json.loads(version["config"]), version["id"]
        folder = self._folder(version_id)
        return self.launch.log_files(config, version["job_id"], version_id, folder)

    def reset(self) -> None:
        """Kill every run and delete its folder; the state is wiped already."""
        with self._lock:
            self._sweep_due = True
            self._drop_unknown()

    def close(self, *, stop_jobs: bool) -> None:
        """End the thread; with ``stop_jobs`` end the processes too, in order where there is time for it."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        with self._lock:
            if stop_jobs:
                self._stop_all()
            deadline = time.monotonic() + 1
            while self._leaving and time.monotonic() < deadline:
                self._leaving = [run for run in self._leaving if not run.collected()]
                time.sleep(0.01)

    def _stop_all(self) -> None:
        for version_id in self._runs:
            self.store.move(version_id, statuses.KILLING, self.clock.now_ms())
        deadline = time.monotonic() + self.settings.grace + 2
        while self._runs and time.monotonic() < deadline:
            self._watch()
            time.sleep(0.02)
        for version_id, run in list(self._runs.items()):
            run.kill()
            self._finish(version_id, run, statuses.KILLED)

    # ------------------------------------------------------------------ loop
    def _loop(self) -> None:
        while not self._closing:
            self._wake.clear()
            with self._lock:
                try:
                    pause = self._step()
                except (OSError, sqlite3.Error):
                    # A full disk must not end the watch for good: without it no job would ever end.
                    log.exception("the runner could not do its work, it tries again")
                    pause = RETRY_INTERVAL
            self._wake.wait(pause)

    def _step(self) -> float | None:
        """Do what is due; return how long nothing will be (None: until woken)."""
        self._drop_unknown()
        self._watch()
        now = time.time()
        for version in self.store.due("run", now, BATCH):
            self._advance(version, now)
        self._leaving = [run for run in self._leaving if not run.collected()]
        pauses = [WATCH_INTERVAL] if self._runs or self._leaving else []
        following = self.store.next_due("run")
        if following is not None:
            # A full house is looked at again when a run ends, and that is watched anyway.
            pauses.append(max(0.01, following - time.time()) if following > now else WATCH_INTERVAL)
        return min(pauses, default=None)

    def _adopt(self) -> None:
        """Find the runs an earlier emulator started."""
        for version in self.store.live("run"):
            run = Run(self._folder(version["id"]))
            started = version["status"] not in {statuses.INIT, statuses.WAITING}
            if run.claimed:
                self._runs[version["id"]] = run
                self.store.undue(version["id"])
            elif started and self.launch.has_code(json.loads(version["config"])):
                # Killed just before or after starting it. A supervisor that is still on its way loses or
                # wins the claim, so the code runs once. What was stopped meanwhile ends as stopped.
                self.store.move(
                    version["id"], version["status"], self.clock.now_ms(), due=time.time()
                )

    def _drop_unknown(self) -> None:
        """Kill runs whose version was deleted, or whose end was forced."""
        wanted = self.store.live_ids("run")
        for version_id in [known for known in self._runs if known not in wanted]:
            self._runs.pop(version_id).kill()
        if self._sweep_due:
            self._sweep_due = False
            self._sweep(wanted)

    def _sweep(self, wanted: set[int]) -> None:
        """Delete the folders of deleted versions, also what an emulator killed in between left running."""
        if not self.settings.runs.is_dir():
            return
        for folder in self.settings.runs.iterdir():
            if not folder.name.isdigit() or int(folder.name) in wanted:
                continue
            if self.store.version_by_id(int(folder.name)) is None:
                run = Run(folder)
                run.kill()
                run.remove()

    # ------------------------------------------------------------ transitions
    def _advance(self, version: Row, now: float) -> None:
        """Take the step that is due."""
        version_id, status = version["id"], version["status"]
        if version_id in self._runs:
            # From here on its processes decide.
            self.store.undue(version_id)
        elif status == statuses.INIT:
            due = now + self.settings.wait_delay * self.settings.time_scale
            self._move(version_id, statuses.WAITING, due=due)
        elif status == statuses.KILLING:
            self._move(version_id, statuses.KILLED, done=True)
        elif not self.launch.has_code(json.loads(version["config"])) and status != statuses.WAITING:
            self._move(version_id, statuses.COMPLETED, done=True)
        else:
            self._launch(version)

    def _launch(self, version: Row) -> None:
        if len(self._runs) >= self.settings.max_running:
            return
        config, version_id = json.loads(version["config"]), version["id"]
        folder = self._folder(version_id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not self.launch.has_code(config):
                (log_file,) = self.log_paths(version)
                append_to_log(log_file, NO_CODE)
                self._move(version_id, statuses.RUNNING, due=time.time() + self.settings.time_scale)
                return
            spec = self.launch.prepare(config, version["job_id"], version_id, folder)
            # Marked first: an emulator killed right here leaves a version in 8, and the next one starts it.
            if not self._move(version_id, statuses.RUNNING):
                return
            run = Run(folder)
            run.start(spec)
        except (OSError, PathRefusedError, ServiceError, ValueError) as error:
            log.warning("version %s cannot be started: %s", version_id, error)
            self._move(version_id, statuses.SUBMIT_FAILED, done=True)
            return
        self._runs[version_id] = run

    def _watch(self) -> None:
        """Look after every run: pass on stops, take in ends."""
        for version_id, run in list(self._runs.items()):
            version = self.store.version_by_id(version_id)
            if version is None:
                continue
            result = run.result()
            if result is None and not run.alive():
                # Between the two looks it may have ended in order.
                result = run.result() or {
                    "codes": [],
                    "stopped": False,
                    "error": None,
                    "lost": True,
                }
            if result is not None:
                self._take_in(version, run, result)
            elif version["status"] == statuses.KILLING and not run.signalled:
                run.stop()

    def _take_in(self, version: Row, run: Run, result: dict[str, Any]) -> None:
        if result.get("lost"):
            run.kill()
            status = statuses.KILLED if version["status"] == statuses.KILLING else statuses.LOST
        elif result["stopped"]:
            status = statuses.KILLED
        elif result["error"]:
            status = statuses.SUBMIT_FAILED
        else:
            status = statuses.FAILED if any(result["codes"]) else statuses.COMPLETED
        metrics = self.launch.metrics(json.loads(version["config"]))
        if metrics is not None and status in {statuses.COMPLETED, statuses.FAILED}:
            self.store.set_metrics(version["id"], metrics)
        self._finish(version["id"], run, status)
        if "ended" in result:
            self.store.set_end_time(version["id"], self.clock.shown_ms(float(result["ended"])))

    def _finish(self, version_id: int, run: Run, status: int) -> None:
        self._runs.pop(version_id, None)
        self._leaving.append(run)
        self._move(version_id, status, done=True)

    def _move(
        self, version_id: int, status: int, *, due: float | None = None, done: bool = False
    ) -> bool:
        """Move a version on; False when it was deleted, stopped or forced to an end meanwhile."""
        with self.store.database.transaction():
            version = self.store.version_by_id(version_id)
            if version is None or version["plan"] is None:
                return False
            if version["status"] == statuses.KILLING and status not in statuses.FINAL:
                return False
            self.store.move(version_id, status, self.clock.now_ms(), due=due, done=done)
        return True

    def _folder(self, version_id: int) -> Path:
        return self.settings.runs / str(version_id)
