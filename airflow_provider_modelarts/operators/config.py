"""What operators with a ``config`` have in common: its templates, its form, its warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts import arguments
from airflow_provider_modelarts.operators.base import ModelArtsOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_modelarts.client.offer import RequestT
    from airflow_provider_modelarts.exceptions import Violation

_FILES: Final = ("config", "extra_config")
"""Parameters that may be the path of a template file."""


class ConfigOperator(ModelArtsOperator):
    """Base of the operators that send the settings of a training.

    :param config: what to train, by the API's own field names (templated deeply); or the path of a
        ``.json``, ``.yaml`` or ``.yml`` template. ``parameter`` may be a mapping, ``spec_id`` the
        ``spec_code`` of a flavor, ``engine_id`` the ``name/version`` of an engine.
    :param extra_config: merged into ``config`` last and unchecked, for fields newer than this
        release (templated); or the path of a template, as for ``config``.
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
        extra_config: Mapping[str, Any] | str | None = None,
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
        """Load template files for ``config`` and ``extra_config``; no other text is a path."""
        for name in _FILES:
            setattr(self, name, self._loaded(getattr(self, name, None), None))
        self.prepare_template()

    def render_template(self, content: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        """Render; a path is loaded only where ``config`` or ``extra_config`` as a whole is one."""
        if self._rendered_field or not (name := self._field_of(content)):
            return super().render_template(content, context, *args, **kwargs)
        # A mapped task is loaded only now.
        content = self._loaded(content, args[0] if args else kwargs.get("jinja_env"))
        self._rendered_field = name
        try:
            return super().render_template(content, context, *args, **kwargs)
        finally:
            self._rendered_field = ""

    _rendered_field: str = ""
    """Which of the two is being rendered, with all that is in it."""

    def _field_of(self, content: Any) -> str:
        if content is None:
            return ""
        return next((name for name in _FILES if content is getattr(self, name)), "")

    def _keeps(self, value: Any) -> bool:
        """Numbers as well where nothing else tells their type."""
        if self._rendered_field == "extra_config":
            return True
        return isinstance(value, bool) or super()._keeps(value)

    def _loaded(self, content: Any, env: Any) -> Any:
        """Return the content of a template file; anything else, and a path to nowhere, as it is."""
        if not isinstance(content, str) or not content.endswith(tuple(self.template_ext)):
            return content
        from jinja2 import TemplateNotFound

        env = env or self.get_template_env()
        try:
            return env.loader.get_source(env, content)[0] if env.loader else content
        except TemplateNotFound:
            self.log.warning("There is no template file %r", content)
            return content

    def _config(self) -> dict[str, Any]:
        """Return ``config`` as a mapping, parsed if it is a text."""
        from airflow_provider_modelarts.client.strict import mapping

        return dict(mapping(self.config, "config"))

    def _extra_config(self) -> dict[str, Any]:
        """Return ``extra_config`` as a mapping, parsed if it is a text."""
        from airflow_provider_modelarts.client.strict import extra_fields

        return extra_fields(self.extra_config)

    def _checked(self, model: type[RequestT], body: Mapping[str, Any], subject: str) -> RequestT:
        """Validate a request; the service is asked only where a name or the author wants it."""
        from airflow_provider_modelarts.client.offer import has_names

        extra = self._extra_config()
        if not self.validate_against_service and not has_names(body.get("config", body)):
            return model.checked(body, subject, extra)
        offer = self.hook.get_conn().offer
        return offer.checked(
            model,
            body,
            subject,
            against_service=self.validate_against_service,
            extra_config=extra,
        )

    def _warn(self, warnings: Sequence[Violation]) -> None:
        """Log what is sent all the same, each once although a request may be made several times."""
        for warning in warnings:
            if warning not in self._warned:
                self._warned = (*self._warned, warning)
                self.log.warning("Sent all the same: %s", warning)

    _warned: tuple[Violation, ...] = ()
