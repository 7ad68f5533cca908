"""Saved parameter sets: requests and answers.

The body is flat: the fields of a training's ``config`` stand beside name and description. Source:
chapter "Training Job Parameter Configuration" of the ModelArts API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts.client import findings, rules
from airflow_provider_modelarts.client.models.answer import Answer, Integer, Text
from airflow_provider_modelarts.client.models.job import Settings
from airflow_provider_modelarts.client.models.payload import Description, Name, Request
from airflow_provider_modelarts.client.models.payload import Integer as Id
from airflow_provider_modelarts.client.models.request import NESTED, TrainingFields
from airflow_provider_modelarts.client.strict import extra_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_modelarts.exceptions import Violation


class UpdateSavedConfigRequest(TrainingFields, Request):
    """Body of the call that replaces a set; a part of one cannot be changed."""

    config_desc: Description | None = None
    spec_id: Id

    @classmethod
    def _beside(cls, extra: Mapping[str, Any]) -> Mapping[str, Any]:
        return rules.set_options(extra)

    @classmethod
    def _between_fields(cls, data: Mapping[str, Any]) -> list[rules.Finding]:
        return rules.saved_set(data)

    @classmethod
    def _fields(cls) -> findings.Fields:
        names = {"": sorted(cls.model_fields), **NESTED}
        own: dict[str, findings.Rule] = {
            "config_name": ("S01", "1 to 64 letters, digits, '_' or '-'", "Set another name"),
            "config_desc": ("S02", "a text of at most 256 characters", "Set a shorter text"),
        }
        return findings.Fields(names, own, findings.EXTRA)

    def warnings(self, extra_config: Mapping[str, Any] | None = None) -> list[Violation]:
        """Return the broken rules that do not stop the request (severity W)."""
        extra = extra_fields(extra_config)
        found = [doubt for doubt in rules.warnings(self.to_wire()) if doubt.field not in extra]
        return [findings.as_violation(finding, "") for finding in found]


class CreateSavedConfigRequest(UpdateSavedConfigRequest):
    """Body of the call that saves a new set."""

    config_name: Name


class SavedConfigSummary(Answer):
    """A row of the list of saved sets. Times are epoch milliseconds."""

    config_name: str
    config_desc: Text = None
    create_time: Integer = None
    engine_type: Integer = None
    engine_name: Text = None
    engine_id: Integer = None
    engine_version: Text = None
    user_image_url: Text = None
    user_command: Text = None


class SavedConfig(SavedConfigSummary, Settings):
    """A saved set with all its settings."""

    spec_code: Text = None
    dataset_name: Text = None
    dataset_version_name: Text = None
    pool_name: Text = None
