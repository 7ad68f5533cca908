"""Whether a version trains what a task would train; pure functions, used by ``if_exists="attach"``."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_modelarts.client.findings import show
from airflow_provider_modelarts.client.inherit import ALGORITHM, INPUT, OTHERS, TARGET
from airflow_provider_modelarts.client.ownership import normal_pairs
from airflow_provider_modelarts.exceptions import JobNameExistsError

if TYPE_CHECKING:
    from airflow_provider_modelarts.client.models.job import JobSummary, JobVersion

log = logging.getLogger(__name__)

_PLAIN: Final = (*ALGORITHM, *TARGET, *OTHERS)
_NO_SETTINGS: Final = frozenset({"create_version", "pre_version_id"})

_FILLED_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "model_id": ("app_url", "boot_file_url", "engine_id"),
    "user_image_url": ("engine_id",),
    "spec_id": ("pool_id",),
    "pool_id": ("spec_id",),
}
"""What the service shows although it was not set, by what was set."""

_MOST: Final = 12


@dataclass(frozen=True)
class Comparison:
    """How the settings of a version and those of a task differ.

    :param differing: for people: which settings, and both values where they hold no secret.
    :param unknown: names of settings that the service does not show.
    """

    differing: tuple[str, ...]
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        """List the differences, not more than a reader can take in."""
        more = len(self.differing) - _MOST
        text = "; ".join(self.differing[:_MOST])
        return f"{text}; and {more} more" if more > 0 else text


def name_taken(job: JobSummary, advice: str, but: str = "") -> JobNameExistsError:
    """Return the error for a name that another job has."""
    return JobNameExistsError(
        f"a job named {job.job_name!r} exists (job_id {job.job_id}){but}",
        http_status=200,
        operation="Looking up the job name",
        hint=advice,
    )


def check_same(
    job: JobSummary, version: JobVersion | None, config: Mapping[str, Any], advice: str
) -> None:
    """Make sure that a task may take another's job for what it would train itself.

    :param version: its newest version, if it has one.
    :param config: ``config`` as it would be sent.
    :param advice: how the task comes by a name of its own.
    :raises JobNameExistsError: the settings differ. One that the service does not show is only
        warned about.
    """
    unknown: tuple[str, ...] = ("a version of it",)
    if version is not None:
        found = compare(version, config)
        if found.differing:
            which = f"{version.version_name or ''} (version_id {version.version_id})".lstrip()
            but = f", but its newest version {which} has other settings than this task: {found}"
            raise name_taken(job, advice, but)
        unknown = found.unknown
    if unknown:
        log.warning(
            "Not all settings of job %r can be compared with those of this task, as the service does "
            "not show %s",
            job.job_name,
            ", ".join(unknown),
        )


def compare(version: JobVersion, config: Mapping[str, Any]) -> Comparison:
    """Compare the settings that a version shows with those that a task would send.

    :param config: ``config`` as it would be sent.
    """
    differing: list[str] = []
    unknown: list[str] = []
    filled_in = {name for key, names in _FILLED_IN.items() if key in config for name in names}
    for name in _PLAIN:
        shown, sent = _set(version, name), config.get(name)
        if sent is None:
            if shown is not None and name not in filled_in:
                differing.append(_difference(name, shown, None))
        elif shown is None:
            unknown.append(name)
        elif str(shown) != str(sent):
            differing.append(_difference(name, shown, sent))
    for part in (_inputs, _volumes, _parameters):
        found = part(version, config)
        differing += found.differing
        unknown += found.unknown
    known = {*_PLAIN, *INPUT, *_NO_SETTINGS, "volumes", "parameter"}
    unknown += [str(name) for name in config if name not in known]
    return Comparison(tuple(differing), tuple(unknown))


def _inputs(version: JobVersion, config: Mapping[str, Any]) -> Comparison:
    """Compare the inputs; the service may show one input in two forms."""
    sent = {name: config[name] for name in INPUT if name in config}
    shown = {name: value for name in INPUT if (value := _set(version, name)) is not None}
    differing = [
        _difference(name, shown[name], value)
        for name, value in sent.items()
        if name in shown and not _covers(shown[name], value)
    ]
    return Comparison(tuple(differing), tuple(name for name in sent if name not in shown))


def _volumes(version: JobVersion, config: Mapping[str, Any]) -> Comparison:
    shown, sent = _set(version, "volumes"), config.get("volumes")
    if shown is None:
        return Comparison((), () if sent is None else ("volumes",))
    if sent is not None and _covers(shown, sent):
        return Comparison((), ())
    return Comparison((_difference("volumes", shown, sent),), ())


def _parameters(version: JobVersion, config: Mapping[str, Any]) -> Comparison:
    """Compare by label; values may be secrets and are never shown."""
    sent = config.get("parameter") or []
    if version.parameter is None:
        return Comparison((), ("parameter",) if sent else ())
    there, here = _by_label(version.parameter), _by_label(sent)
    labels = sorted(
        label for label in there.keys() | here.keys() if there.get(label) != here.get(label)
    )
    return Comparison(tuple(f"parameter {show(label)}" for label in labels), ())


def _by_label(pairs: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for label, value in normal_pairs(pairs):
        found.setdefault(label, []).append(value)
    return found


def _set(version: JobVersion, name: str) -> Any:
    """Return what a version shows as set; ids are 0 or "0" where none is."""
    value = getattr(version, name)
    return None if value in (0, "", []) or (value == "0" and name.endswith("_id")) else value


def _covers(shown: Any, sent: Any) -> bool:
    """Whether what is shown has all that was sent, beside keys of the service's own."""
    if isinstance(sent, Mapping):
        return isinstance(shown, Mapping) and all(
            _covers(shown.get(key), value) for key, value in sent.items()
        )
    if isinstance(sent, list):
        return (
            isinstance(shown, list) and len(shown) == len(sent) and all(map(_covers, shown, sent))
        )
    return str(shown) == str(sent)


def _difference(name: str, shown: Any, sent: Any) -> str:
    if name == "user_command":
        return name
    here = "not set" if sent is None else show(sent)
    return f"{name} is {show(shown)} there and {here} here"
