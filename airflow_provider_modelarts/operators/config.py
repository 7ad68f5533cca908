"""What operators with a ``config`` have in common: its templates, its form, its warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.exceptions import PayloadValidationError, Violation
from airflow_provider_modelarts.operators.base import ModelArtsOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_modelarts.client.offer import RequestT


class ConfigOperator(ModelArtsOperator):
    """Base of the operators that send the settings of a training.

    :param config: what to train, by the API's own field names (templated deeply); or the path of a
        ``.json``, ``.yaml`` or ``.yml`` template. ``parameter`` may be a mapping, ``spec_id`` the
        ``spec_code`` of a flavor, ``engine_id`` the ``name/version`` of an engine.
    :param extra_config: merged into ``config`` last and unchecked, for fields newer than this
        release (templated).
    :param validate_against_service: before anything is sent, look flavor, engine, algorithm and the
        number of workers up in the service's catalogue.
    """

    template_fields: Sequence[str] = (*ModelArtsOperator.template_fields, "config", "extra_config")
    template_ext: Sequence[str] = (".json", ".yaml", ".yml")
    template_fields_renderers = {"config": "json", "extra_config": "json"}  # noqa: RUF012 - Airflow's

    def __init__(
        self,
        *,
        config: Mapping[str, Any] | str,
        extra_config: Mapping[str, Any] | None = None,
        validate_against_service: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.extra_config = extra_config
        self.validate_against_service = arguments.flag(
            "validate_against_service", validate_against_service
        )

    def resolve_template_files(self) -> None:
        """Load a template file for ``config`` only."""
        if isinstance(self.config, str):
            super().resolve_template_files()

    def render_template(self, content: Any, *args: Any, **kwargs: Any) -> Any:
        """Render, but take a text like ``/bucket/settings.json`` inside ``config`` for what it is.

        Airflow would look for a template file of that name. An empty Jinja comment at the end
        keeps it from doing so.
        """
        is_path = isinstance(content, str) and content.endswith(tuple(self.template_ext))
        if is_path and content is not self.config:
            content = f"{content}{{##}}"
        return super().render_template(content, *args, **kwargs)

    def _config(self) -> dict[str, Any]:
        """Return ``config`` as a mapping, parsed if it came from a template file."""
        config = _parsed(self.config, "config") if isinstance(self.config, str) else self.config
        if not isinstance(config, Mapping):
            raise _not_a_mapping("config", config)  # noqa: EM101 - a field
        return dict(config)

    def _extra_config(self) -> dict[str, Any]:
        if self.extra_config is None:
            return {}
        if not isinstance(self.extra_config, Mapping):
            raise _not_a_mapping("extra_config", self.extra_config)  # noqa: EM101 - a field
        return dict(self.extra_config)

    def _checked(self, model: type[RequestT], body: Mapping[str, Any], subject: str) -> RequestT:
        """Validate a request; the service is asked only where a name or the author wants it."""
        from airflow_provider_modelarts.client.offer import has_names

        if not self.validate_against_service and not has_names(body.get("config", body)):
            return model.checked(body, subject)
        offer = self.hook.get_conn().offer
        return offer.checked(model, body, subject, against_service=self.validate_against_service)

    def _warn(self, warnings: Sequence[Violation]) -> None:
        for warning in warnings:
            self.log.warning("Sent all the same: %s", warning)


def _parsed(text: str, field: str) -> Any:
    """Parse the rendered content of a template file, JSON or YAML."""
    try:
        return json.loads(text)
    except ValueError:
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            violation = Violation(
                field,
                "a text that is neither JSON nor YAML",
                f"the content of a template file ({str(error).splitlines()[0]})",
                "Mend the file, or pass a mapping",
            )
            raise PayloadValidationError([violation], "template file") from None


def _not_a_mapping(field: str, value: Any) -> PayloadValidationError:
    violation = Violation(
        field,
        f"a {type(value).__name__}",
        "a mapping of the API's field names (R03)",
        "Pass a mapping, or the path of a .json, .yaml or .yml template beside the DAG file",
    )
    return PayloadValidationError([violation], f"operator parameter {field}")
