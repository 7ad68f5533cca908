"""A stand-in for three services at once: ModelArts, SageMaker and Databricks Jobs, all equally fast.

``python -m benchmarks.standin --port N --answer-time S``. Every answer but those to ``/control/``
comes so many seconds after its request has been read. Signatures and tokens are not looked at: what
they cost the client is spent all the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import uvicorn

from benchmarks.measure import raise_file_limit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOW = 1_790_000_000
"""When everything was created, in epoch seconds."""


class State:
    """Jobs 1 to ``count``, each of which is an unfinished training until its time has come."""

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.ended: dict[int, float] = {}
        """Job id -> epoch seconds at which it has ended or will have."""
        self.names: dict[str, int] = {}
        self.requests: Counter[str] = Counter()
        self.asked: set[int] = set()
        """Jobs whose status somebody was told."""

    def done(self, job_id: int) -> bool:
        """Whether a job has ended; that somebody asked is noted."""
        self.asked.add(job_id)
        return self.ended.get(job_id, float("inf")) <= time.time()

    def create(self, name: str) -> int:
        """Add a job."""
        self.count += 1
        self.names[name] = self.count
        return self.count


class Standin:
    """The ASGI application."""

    def __init__(self, answer_time: float) -> None:
        self._answer_time = answer_time
        self._state = State()

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        path = scope["path"]
        if path.startswith("/control/"):
            status, answer = 200, self._control(path.removeprefix("/control/"), body)
        else:
            await asyncio.sleep(self._answer_time)
            status, answer = self._answer(scope, path, body)
        data = json.dumps(answer).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    def _control(self, what: str, body: bytes) -> dict[str, Any]:
        """Do or answer what the benchmark wants."""
        told = json.loads(body or b"{}")
        if what == "reset":
            self._state = State(told["count"])
        elif what == "complete":
            # One after another, so that no phase of anybody's interval is favoured.
            now, ids = time.time(), told["ids"]
            self._state.ended = {
                job_id: now + told["over"] * (index + 0.5) / len(ids)
                for index, job_id in enumerate(ids)
            }
            return {"ended": self._state.ended}
        return {"requests": dict(self._state.requests), "asked": len(self._state.asked)}

    def _answer(self, scope: dict[str, Any], path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        query = {key: values[0] for key, values in parse_qs(scope["query_string"].decode()).items()}
        told = json.loads(body or b"{}")
        if path.startswith("/api/"):
            return 200, self._databricks(path.rpartition("/")[2], told or query)
        if path.startswith("/v1/"):
            return 200, self._modelarts(scope["method"], path.split("/")[3:], told or query)
        target = dict(scope["headers"])[b"x-amz-target"].decode()
        return self._sagemaker(target.partition(".")[2], told)

    # ---- ModelArts: fields as in the samples of its API reference

    def _modelarts(self, method: str, path: list[str], told: dict[str, Any]) -> dict[str, Any]:
        if method == "POST":
            self._state.requests["create"] += 1
            job_id = self._state.create(told["job_name"])
            return {"is_success": True, "resource_id": f"res{job_id}", **self._row(job_id)}
        if len(path) > 1:
            self._state.requests["detail"] += 1
            return {"is_success": True, **_DETAIL, **self._row(int(path[1]))}
        self._state.requests["list"] += 1
        if "search_content" in told:
            found = self._state.names.get(told["search_content"])
            rows = [] if found is None else [self._row(found)]
            return {"is_success": True, "job_total_count": len(rows), "jobs": rows}
        page, size = int(told["page"]), int(told["per_page"])
        newest = self._state.count - (page - 1) * size
        rows = [self._row(job_id) for job_id in range(newest, max(newest - size, 0), -1)]
        return {"is_success": True, "job_total_count": self._state.count, "jobs": rows}

    def _row(self, job_id: int) -> dict[str, Any]:
        return {
            "job_id": job_id,
            "job_name": f"training-{job_id}",
            "job_desc": "a training of the benchmark",
            "version_id": job_id,
            "version_name": "V0001",
            "status": 10 if self._state.done(job_id) else 8,
            "create_time": NOW * 1000 + job_id,
            "duration": 60_000,
            "version_count": 1,
        }

    # ---- SageMaker: fields as in the sample of DescribeTrainingJob

    def _sagemaker(self, operation: str, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self._state.requests[operation] += 1
        name = told["TrainingJobName"]
        if operation == "CreateTrainingJob":
            self._state.create(name)
            return 200, {"TrainingJobArn": _arn(name)}
        job_id = self._state.names.get(name) or _number(name)
        if job_id is None:
            message = "Requested resource not found."
            return 400, {"__type": "ValidationException", "message": message}
        done = self._state.done(job_id)
        status = {
            "TrainingJobStatus": "Completed" if done else "InProgress",
            "SecondaryStatus": "Completed" if done else "Training",
        }
        return 200, {"TrainingJobName": name, "TrainingJobArn": _arn(name), **status, **_DESCRIBED}

    # ---- Databricks: fields as in the sample of jobs/runs/get

    def _databricks(self, operation: str, told: dict[str, Any]) -> dict[str, Any]:
        self._state.requests[operation] += 1
        if operation == "submit":
            return {"run_id": self._state.create(told["run_name"])}
        run_id = int(told["run_id"])
        state = (
            {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
            if self._state.done(run_id)
            else {"life_cycle_state": "RUNNING", "state_message": "In run"}
        )
        task = {"run_id": run_id, "task_key": "train", "state": state, **_RUN_TASK}
        return {"job_id": run_id, "run_id": run_id, "state": state, "tasks": [task], **_RUN}


def _number(name: str) -> int | None:
    """Return the job id in a name such as ``training-17``."""
    number = name.removeprefix("training-")
    return int(number) if number.isdigit() else None


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:eu-central-1:123456789012:training-job/{name}"


_DETAIL = {
    "pre_version_id": None,
    "resource_id": "res1",
    "start_time": NOW * 1000,
    "app_url": "/bucket/code/",
    "boot_file_url": "/bucket/code/train.py",
    "engine_id": 1,
    "engine_name": "TensorFlow",
    "engine_version": "TF-1.4.0-python2.7",
    "parameter": [{"label": "learning_rate", "value": "0.01", "required": True}],
    "data_url": "/bucket/data/",
    "train_url": "/bucket/out/",
    "log_url": "/bucket/log/",
    "spec_id": 1,
    "worker_server_num": 1,
    "core": "2",
    "cpu": "8",
    "model_metric_list": None,
    "system_metric_list": {"cpuUsage": ["0"], "memUsage": ["0"], "gpuUtil": ["0"], "interval": 1},
}
_DESCRIBED: dict[str, Any] = {
    "AlgorithmSpecification": {
        "TrainingImage": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/image:1",
        "TrainingInputMode": "File",
    },
    "CreationTime": NOW,
    "HyperParameters": {"learning_rate": "0.01"},
    "LastModifiedTime": NOW,
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10},
    "RoleArn": "arn:aws:iam::123456789012:role/training",
    "SecondaryStatusTransitions": [
        {"StartTime": NOW, "Status": "Training", "StatusMessage": "Training in progress"}
    ],
    "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
    "TrainingEndTime": NOW,
    "TrainingStartTime": NOW,
}
_RUN_TASK = {
    "attempt_number": 0,
    "cluster_instance": {"cluster_id": "0923-164208-meows279"},
    "notebook_task": {"notebook_path": "/Users/someone/train", "source": "WORKSPACE"},
    "start_time": NOW * 1000,
}
_RUN = {
    "creator_user_name": "someone@example.com",
    "number_in_job": 1,
    "run_name": "training",
    "run_page_url": "https://example.com/run/1",
    "run_type": "SUBMIT_RUN",
    "setup_duration": 0,
    "start_time": NOW * 1000,
}


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.standin", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer-time", type=float, required=True, help="seconds")
    options = parser.parse_args()
    raise_file_limit()
    uvicorn.run(
        Standin(options.answer_time),
        port=options.port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        backlog=8192,
        timeout_keep_alive=75,  # nginx's default; uvicorn's own would end connections between polls
    )


if __name__ == "__main__":
    main()
