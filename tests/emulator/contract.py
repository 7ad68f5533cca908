"""The OpenAPI description of the API as test data: operations, published samples, schemas of replies.

It is older than the emulator and no part of it, so neither can repeat the other's misreading.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

PATH = Path(__file__).with_name("reference") / "modelarts-v1.openapi.yaml"

# The description's names and ours, which faults are ordered by.
NAMES = {
    "createTrainingJob": "create_training_job",
    "listTrainingJobs": "list_training_jobs",
    "updateTrainingJobDescription": "update_training_job",
    "deleteTrainingJob": "delete_training_job",
    "createTrainingJobVersion": "create_job_version",
    "listTrainingJobVersions": "list_job_versions",
    "getTrainingJobVersion": "get_job_version",
    "deleteTrainingJobVersion": "delete_job_version",
    "stopTrainingJobVersion": "stop_job_version",
    "listTrainingJobLogFiles": "list_log_files",
    "getTrainingJobLog": "get_log",
    "listBuiltInAlgorithms": "list_built_in_algorithms",
    "createTrainingJobConfig": "create_saved_config",
    "listTrainingJobConfigs": "list_saved_configs",
    "getTrainingJobConfig": "get_saved_config",
    "updateTrainingJobConfig": "update_saved_config",
    "deleteTrainingJobConfig": "delete_saved_config",
    "createVisualizationJob": "create_visualization_job",
    "listVisualizationJobs": "list_visualization_jobs",
    "getVisualizationJob": "get_visualization_job",
    "updateVisualizationJobDescription": "update_visualization_job",
    "deleteVisualizationJob": "delete_visualization_job",
    "stopVisualizationJob": "stop_visualization_job",
    "restartVisualizationJob": "restart_visualization_job",
    "listResourceSpecs": "list_resource_specs",
    "listAiEngines": "list_engines",
}


@cache
def document() -> Any:
    """Return the whole description."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(PATH.read_text(encoding="utf-8"), loader)


def follow(node: Any) -> Any:
    """Return a node, or what it refers to."""
    if "$ref" not in node:
        return node
    found = document()
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


@dataclass(frozen=True)
class Operation:
    """One operation of the description."""

    name: str
    method: str
    path: str

    @property
    def node(self) -> Any:
        """Return what the description says about it."""
        return document()["paths"][self.path][self.method.lower()]

    def requests(self) -> dict[str, Any]:
        """Return the published request bodies by name."""
        content = self.node.get("requestBody", {}).get("content", {})
        return _examples(content.get("application/json", {}))

    def replies(self) -> dict[str, Any]:
        """Return the published successful replies by name."""
        found = _examples(follow(self.node["responses"]["200"])["content"]["application/json"])
        return {name: reply for name, reply in found.items() if "error_code" not in reply}

    def check(self, reply: Any) -> None:
        """Check status and body of a reply; :raises AssertionError: or a validation error."""
        responses = self.node["responses"]
        status = str(reply.status_code)
        node = responses.get(status) or responses.get(f"{status[0]}XX")
        assert node is not None, f"{self.name} answers {status}, which is not documented"
        content = follow(node).get("content")
        if content is None:
            assert reply.content == b""
            return
        schema = {**content["application/json"]["schema"], "components": document()["components"]}
        jsonschema.validate(reply.json(), schema, cls=jsonschema.Draft202012Validator)

    def check_accepted(self, body: Any) -> None:
        """Check a body that was accepted; :raises jsonschema.ValidationError: when it should not have been."""
        schema = self.node["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.validate(
            body, {**schema, "components": tolerant()}, cls=jsonschema.Draft202012Validator
        )


@cache
def tolerant() -> Any:
    """Return the schemas without what the reference only warns about.

    That are keys that nobody knows (R27), an algorithm named in two ways (R07, R13), and flavor and pool
    together (R18b).
    """
    components = _open(document()["components"])
    modes = (["model_id"], ["app_url", "boot_file_url", "engine_id"], ["user_image_url"])
    targets = (["spec_id"], ["pool_id"])
    for rule, choices in (("RuleAlgorithmSource", modes), ("RuleComputeTarget", targets)):
        components["schemas"][rule] = {"anyOf": [{"required": names} for names in choices]}
    return components


def _open(node: Any) -> Any:
    if isinstance(node, list):
        return [_open(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {"additionalProperties", "unevaluatedProperties"}
    return {name: _open(value) for name, value in node.items() if name not in closed}


def _examples(content: Any) -> dict[str, Any]:
    return {name: follow(node)["value"] for name, node in content.get("examples", {}).items()}


OPERATIONS = [
    Operation(NAMES[node["operationId"]], method.upper(), path)
    for path, item in document()["paths"].items()
    for method, node in item.items()
    if method in {"get", "post", "put", "delete"}
]
