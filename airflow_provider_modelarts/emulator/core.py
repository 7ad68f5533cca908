"""Puts the parts of one emulator together; what handlers and the Python API work on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_modelarts.emulator import keys
from airflow_provider_modelarts.emulator.clock import Clock
from airflow_provider_modelarts.emulator.database import Database, private_folder
from airflow_provider_modelarts.emulator.deletions import Deleting, Deletions
from airflow_provider_modelarts.emulator.errors import EmulatorError
from airflow_provider_modelarts.emulator.faults import FaultBook
from airflow_provider_modelarts.emulator.identity import Iam
from airflow_provider_modelarts.emulator.recorder import Recorder
from airflow_provider_modelarts.emulator.runner import Runner
from airflow_provider_modelarts.emulator.service import TrainingService
from airflow_provider_modelarts.emulator.storage import Storage
from airflow_provider_modelarts.emulator.store import Store
from airflow_provider_modelarts.emulator.visualization_jobs import VisualizationJobs

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.settings import Settings


class Core:
    """Everything behind the HTTP shell.

    :param operations: names a fault may be ordered for.
    :raises EmulatorError: when settings or the state file cannot be used.
    """

    def __init__(self, settings: Settings, operations: frozenset[str]) -> None:
        self.clock = Clock()
        self.recorder = Recorder()
        self.faults = FaultBook(operations)
        try:
            self.storage = Storage(settings.storage)
            if settings.state.resolve().is_relative_to(self.storage.root):
                message = (
                    f"the state {settings.state} lies in the storage {self.storage.root}, "
                    "where jobs read and write: choose another place with --state"
                )
                raise EmulatorError(message)
            private_folder(settings.runs)
            self._database = Database(settings.state)
        except OSError as error:
            message = (
                f"storage {settings.storage} or state {settings.state} cannot be used: {error}"
            )
            raise EmulatorError(message) from error
        try:
            settings = replace(settings, identity=keys.complete(settings.identity, self._database))
            self.settings = settings
            self.iam = Iam(settings, self._database, self.clock)
            self.store = Store(self._database)
            self.runner = Runner(settings, self.store, self.storage, self.clock)
            self.deletions = Deletions(self._database, self.clock)
            self.service = TrainingService(
                settings, self.store, self.clock, self.runner, self.deletions
            )
            self.visualizations = VisualizationJobs(
                settings, self._database, self.clock, self.deletions
            )
        except BaseException:  # whatever ended the start, its lock on the state file goes with it
            self._database.close()
            raise
        self.runner.start()

    def catch_up(self) -> None:
        """Do what became due since the last request, apart from what the runner does by itself."""
        self.service.catch_up()
        self.visualizations.catch_up()

    def reset(self) -> None:
        """Forget everything that was made, ordered or recorded, and return to the settings of the start."""
        self.faults.clear()
        self.deletions.setting = Deleting()
        self.service.reset()
        self.recorder.clear()

    def close(self, *, stop_jobs: bool) -> None:
        """Stop the threads; running jobs go on unless they are to be stopped."""
        self.runner.close(stop_jobs=stop_jobs)
        self._database.close()
