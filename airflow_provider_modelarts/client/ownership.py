"""Whether a version at the service is the one that a given request has made; pure functions.

Used when the answer to a creation was lost. The service offers no request token, so what it shows
of the version is compared with what was sent.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.client.status import Outcome, outcome_of, stop_shows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_modelarts.client.models.job import JobVersion, Settings

CLOCK_SKEW: Final = 900.0
"""Seconds of grace where the start of a run is compared with times of the service.

The start is put into the service's time first (``service_time``). The machines of one Airflow may differ,
and a ``Date`` header may be a little old.
"""

_COMPARED: Final = (
    "worker_server_num",
    "app_url",
    "boot_file_url",
    "engine_id",
    "model_id",
    "user_image_url",
    "user_command",
    "data_url",
    "dataset_id",
    "dataset_version_id",
    "spec_id",
    "pool_id",
    "train_url",
    "log_url",
)


def made_by(
    versions: Iterable[JobVersion],
    config: Mapping[str, Any],
    *,
    since: float,
    seen: Iterable[int] | None = None,
    claimed: Iterable[int] = (),
) -> JobVersion | None:
    """Return the version that this request can have made, or None.

    Of several it is the first after those that were seen; where that is not known, the one that is
    most worth having (:func:`worth`).

    :param versions: all versions of the job.
    :param config: ``config`` as it was sent.
    :param since: epoch seconds by the service's clock, before which the request was not sent; only
        asked where ``seen`` is None.
    :param seen: versions that were there before it was sent, where that is known.
    :param claimed: versions that are known to be another task's.
    """
    excluded = {*(seen or ()), *claimed}
    earliest = (since - CLOCK_SKEW) * 1000 if seen is None else 0.0
    ours = [
        version
        for version in versions
        if version.version_id not in excluded
        and (version.create_time is None or version.create_time >= earliest)
        and has_settings(version, config)
    ]
    if seen is None:
        return max(ours, key=worth, default=None)
    return min(ours, key=lambda version: version.version_id, default=None)


def worth(version: JobVersion) -> tuple[int, int]:
    """Return what to compare versions by, of which a task has made one and does not know which.

    One that goes on comes before one that has completed, as it must be waited for or stopped, and
    that before what has failed, was stopped or is being stopped; among equals the last.
    """
    if not stop_shows(version.status):
        return 2, version.version_id
    return int(outcome_of(version.status) is Outcome.SUCCEEDED), version.version_id


def has_settings(version: Settings, config: Mapping[str, Any]) -> bool:
    """Whether a version, or a saved set, shows the settings that were sent.

    What it does not show cannot contradict.
    """
    for name in _COMPARED:
        shown, sent = getattr(version, name), config.get(name)
        if sent is not None and shown is not None and shown != sent:
            return False
    expected = config.get("pre_version_id")
    if expected is not None and getattr(version, "pre_version_id", None) not in (None, expected):
        return False
    return normal_pairs(version.parameter) == normal_pairs(config.get("parameter"))


def outline(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what :func:`shows` compares of settings, without what may hold a secret."""
    plain = {name: config[name] for name in _COMPARED if name in config and name != "user_command"}
    return plain | {"parameter": _digest(config.get("parameter"))}


def shows(version: Settings, settings: Mapping[str, Any]) -> bool:
    """Whether a version shows the settings of which this is the :func:`outline`."""
    plain = {name: value for name, value in settings.items() if name in _COMPARED}
    agree = all(getattr(version, name) in (None, value) for name, value in plain.items())
    return agree and _digest(version.parameter) == settings.get("parameter")


def _digest(parameter: Iterable[Mapping[str, Any]] | None) -> str:
    return hashlib.sha256(json.dumps(normal_pairs(parameter)).encode()).hexdigest()[:16]


def normal_pairs(parameter: Iterable[Mapping[str, Any]] | None) -> list[tuple[str, str]]:
    """Return label/value pairs in a form in which 0.01 and "0.010" are equal."""
    return sorted((str(pair.get("label")), _normal(pair.get("value"))) for pair in parameter or ())


def _normal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        return str(value)
