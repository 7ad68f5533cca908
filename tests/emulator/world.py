"""One of everything in an emulator, and a request that fits for each operation of the description."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.emulator.conftest import CODE

if TYPE_CHECKING:
    from tests.emulator.contract import Operation

# A version that runs until it is stopped, without a process.
RUNNING = {"mode": "reads", "sequence": [8], "reads": 1}


class World:
    """A training job with a version and a log, a saved parameter set, a visualization job."""

    def __init__(self, caller: Any, name: str = "known") -> None:
        self.caller = caller
        self.emulator = caller.emulator
        self.emulator.set_transitions(**RUNNING)
        self.name = name
        self.project_id = self.emulator.identity.project_id
        self.job_id, self.version_id = caller.create(
            name, {"parameter": [{"label": "rate", "value": "0.1"}]}
        )
        self.emulator.add_log_lines(self.job_id, self.version_id, ["a line"])
        saved = caller.call("POST", "/training-job-configs", {"config_name": name, **CODE})
        board = caller.call(
            "POST", "/visualization-jobs", {"job_name": name, "train_url": "/bucket/out/"}
        )
        assert saved.json()["is_success"], saved.text
        assert board.json()["is_success"], board.text
        self.board_id = int(board.json()["job_id"])
        self.emulator.set_visualization_status(self.board_id, 8)

    def parameters(self, operation: Operation) -> dict[str, Any]:
        """Return what stands in the path of an operation."""
        board = "visualization" in operation.path
        return {
            "project_id": self.project_id,
            "job_id": self.board_id if board else self.job_id,
            "version_id": self.version_id,
            "config_name": self.name,
        }

    def body(self, operation: Operation, sample: str = "") -> Any:
        """Return a published body of an operation, the first or a certain one, with ids that exist."""
        samples = copy.deepcopy(operation.requests())
        body = samples.get(sample) or next(iter(samples.values()), None)
        if body and "pre_version_id" in body.get("config", {}):
            body["config"]["pre_version_id"] = self.version_id
        return body

    def call(self, operation: Operation, sample: str = "", **options: Any) -> Any:
        """Send a request that the operation is to accept, after doing what it needs for that."""
        self.prepare(operation)
        return self.send(operation, sample, **options)

    def prepare(self, operation: Operation) -> None:
        """Do what the operation needs to be accepted."""
        if operation.name == "restart_visualization_job":
            self.emulator.set_visualization_status(self.board_id, 12)

    @property
    def log_file(self) -> str:
        """Return the name of the version's log."""
        return f"job-{self.job_id}-{self.version_id}-worker-0.log"

    def send(self, operation: Operation, sample: str = "", **options: Any) -> Any:
        """Send a request about the things at hand."""
        path = operation.path.format(**self.parameters(operation))
        if operation.name == "get_log":
            path += f"?log_file={self.log_file}"
        return self.caller.call(operation.method, path, self.body(operation, sample), **options)
