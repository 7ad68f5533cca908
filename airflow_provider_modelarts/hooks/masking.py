"""Gives secrets to Airflow's masker that Airflow cannot know: tokens from IAM, keys without the blanks around them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from airflow.providers.common.compat.sdk import conf

from airflow_provider_modelarts.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

# Core and SDK have a masker each; a log line goes through that of its process.
_MASKERS: Final = ("airflow.sdk._shared.secrets_masker", "airflow._shared.secrets_masker")
_OLDER_MASKERS: Final = (
    "airflow.sdk.execution_time.secrets_masker",  # 3.0
    "airflow.utils.log.secrets_masker",  # 2.11
)
_SHORTEST: Final = 5
_TELLS_SUPERVISOR: Final = "airflow.sdk.execution_time.secrets_masker"
"""Masker of Airflow 3.0, whose ``mask_secret`` writes to the supervisor, of which a triggerer dies."""


def mask_secrets(secrets: Iterable[str | Secret]) -> None:
    """Have texts masked in every log line of this process.

    Only in this process: Airflow's ``mask_secret`` would also tell the supervisor, over a channel that breaks when
    a thread of a triggerer or a signal handler uses it. What is too short for Airflow is left out, since it would
    write a warning, and would hide half of every line.
    """
    shortest = conf.getint("logging", "min_length_masked_secret", fallback=_SHORTEST)
    plain = [Secret.of(secret).reveal() for secret in secrets]
    forms = {form for secret in plain for form in (secret, quote(secret))}
    for masker in _loaded(_MASKERS) or _loaded(_OLDER_MASKERS):
        for form in sorted(forms):
            if len(form) >= max(shortest, _SHORTEST):
                _mask(masker, form)


def _mask(masker: ModuleType, form: str) -> None:
    if masker.__name__ == _TELLS_SUPERVISOR:
        masker._secrets_masker().add_mask(form)  # noqa: SLF001 - all that its mask_secret does besides
    else:
        masker.mask_secret(form)


def _loaded(names: Iterable[str]) -> list[ModuleType]:
    return [module for name in names if (module := sys.modules.get(name)) is not None]
