"""Answers are read tolerantly; only what one cannot go on without must be there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_modelarts.client import CreatedJob, JobSummary, JobVersion
from airflow_provider_modelarts.client.models.job import CreatedVersion, newest
from airflow_provider_modelarts.exceptions import ResponseLostError

if TYPE_CHECKING:
    from collections.abc import Callable

IDS = {"job_id": 1, "version_id": 2, "status": 8}
OPTIONAL = sorted(set(JobVersion.model_fields) - {"job_id", "version_id", "status", "metrics"})


def version(**fields: Any) -> JobVersion:
    """Read a version with these fields beside the needed ones."""
    return JobVersion.from_wire({**IDS, **fields})


# ---- published replies


@pytest.mark.parametrize(
    ("operation", "cls"),
    [("create_training_job", CreatedJob), ("create_job_version", CreatedVersion)],
)
def test_published_reply_to_a_creation_is_read(
    sample: Callable[[str], Any], operation: str, cls: Any
) -> None:
    """Numbers as texts and numbers as numbers give the same integers."""
    created = cls.from_wire(sample(f"{operation}/200"))

    assert (created.job_id, created.version_id, created.status) == (10, 10, 1)
    assert created.create_time == 1524189990635
    assert (created.job_name, created.version_name) == ("TestModelArtsJob", "V0001")


def test_published_detail_is_read(sample: Callable[[str], Any]) -> None:
    """Every field that the client uses comes out of the published sample."""
    found = JobVersion.from_wire(sample("get_job_version/200"))

    assert (found.job_id, found.version_id, found.pre_version_id, found.status) == (10, 10, 5, 10)
    assert (found.app_url, found.boot_file_url) == ("/usr/app/", "/usr/app/boot.py")
    assert found.parameter == [{"label": "learning_rate", "value": 0.01}]
    assert found.data_source == [{"type": "obs", "data_url": "/my-bucket/minst/data/"}]
    assert (found.duration, found.start_time) == (532003, 1563172362000)
    assert found.metrics is not None
    assert found.metrics["total_metric"]["total_metric_values"]["recall"] == 0.005833


def test_recorded_detail_with_nulls_is_read(sample: Callable[[str], Any]) -> None:
    """Nulls, unknown keys and metrics that are no text are no obstacle."""
    found = JobVersion.from_wire(sample("get_job_version/200-nulls"))

    assert (found.job_id, found.version_id, found.status) == (9275, 10617, 10)
    assert (found.app_url, found.data_source, found.pre_version_id) == (None, None, None)
    assert found.metrics is not None
    assert found.metrics["total_metric"]["total_metric_values"]["accuracy"] == 0.996094


def test_published_lists_are_read(
    sample: Callable[[str], Any], serve: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    """Both list replies come out as rows."""
    jobs = serve((200, sample("list_training_jobs/200")))
    versions = serve((200, sample("list_job_versions/200")))

    (job,) = make_client(jobs.url).list_training_jobs()
    (found,) = make_client(versions.url).list_job_versions(10)

    assert (job.job_id, job.job_name, job.version_id) == (10, "testModelArtsJob", 10)
    assert (found.job_id, found.job_name, found.version_id) == (10, "testModelArtsJob", 10)


# ---- loose types


@pytest.mark.parametrize(
    ("value", "number"), [(7, 7), ("7", 7), (" 7 ", 7), (None, None), ("", None), (0, 0), ("0", 0)]
)
def test_loose_number_is_read(value: Any, number: int | None) -> None:
    """Numbers, decimal texts, null and empty texts are what the service sends."""
    assert version(duration=value, create_time=value).duration == number


def test_missing_number_is_unset() -> None:
    """What is not there is unset."""
    assert version().duration is None


@pytest.mark.parametrize(
    "nonsense", [[], {}, "x", [1], {"a": 1}, 1.5, True, -1, "2026-01-01"], ids=repr
)
@pytest.mark.parametrize("name", [*OPTIONAL, "model_metric_list"])
def test_nonsense_in_a_field_does_not_lose_the_answer(name: str, nonsense: Any) -> None:
    """The status is read whatever stands in a field that nobody depends on."""
    assert version(**{name: nonsense}).status == 8


@pytest.mark.parametrize("name", ["engine_id", "duration", "worker_server_num"])
def test_nonsense_is_read_as_unset(name: str) -> None:
    """A field that makes no sense counts as not set."""
    assert getattr(version(**{name: "x"}), name) is None


def test_number_in_a_text_field_is_a_text() -> None:
    """Ids of data sets may come as numbers."""
    assert version(dataset_id=12).dataset_id == "12"


def test_unknown_keys_are_ignored() -> None:
    """Replies carry keys that no page mentions."""
    assert version(is_zombie=None, ui_extra={"folded": True}) == version()


@pytest.mark.parametrize(
    ("value", "metrics"),
    [
        ('{"metric": []}', {"metric": []}),
        ({"metric": []}, {"metric": []}),
        (None, None),
        ("", None),
        ("{", None),
        ("[1]", None),
        ("[" * 100_000, None),
    ],
    ids=["text", "object", "null", "empty", "broken", "list", "deep"],
)
def test_metrics_come_as_text_or_object(value: Any, metrics: Any) -> None:
    """Both forms are parsed; what cannot be parsed is unset."""
    assert version(model_metric_list=value).metrics == metrics


# ---- what must be there


@pytest.mark.parametrize(
    "spoilt", [None, "", [], {}, ...], ids=["null", "empty", "list", "object", "missing"]
)
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (CreatedJob, "job_id"),
        (CreatedVersion, "job_id"),
        (CreatedVersion, "version_id"),
        (JobVersion, "job_id"),
        (JobVersion, "version_id"),
        (JobVersion, "status"),
        (JobSummary, "job_id"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_answer_without_a_needed_field_is_lost(cls: Any, name: str, spoilt: Any) -> None:
    """Without ids, name or status nobody can go on, so the answer counts as lost."""
    data = {**IDS, "job_name": "a", name: spoilt}
    if spoilt is ...:
        del data[name]

    with pytest.raises(ResponseLostError, match=f"cannot be read as {cls.__name__}: {name}: "):
        cls.from_wire(data)


def test_job_without_version_is_read() -> None:
    """A job created with create_version false has no version, and that is no fault."""
    created = CreatedJob.from_wire({"job_id": "10", "status": "0", "job_name": "a"})

    assert (created.job_id, created.version_id) == (10, None)


@pytest.mark.parametrize("ids", [{}, {"job_id": None}, {"job_id": "", "version_id": None}])
def test_detail_without_its_ids_has_those_asked_for(
    serve: Callable[..., Any], make_client: Callable[..., Any], ids: dict[str, Any]
) -> None:
    """The ids of a detail are known from the question; missing, null and empty are alike."""
    server = serve((200, {**ids, "status": 8}))

    found = make_client(server.url).get_job_version(5, 6)

    assert (found.job_id, found.version_id) == (5, 6)


@pytest.mark.parametrize("data", [None, [], "x", 5], ids=["null", "list", "text", "number"])
def test_answer_that_is_no_object_is_lost(data: Any) -> None:
    """Something else than an object is no answer."""
    with pytest.raises(ResponseLostError, match="cannot be read as JobVersion"):
        JobVersion.from_wire(data)


def test_error_of_an_unreadable_answer_shows_no_values() -> None:
    """Field names and reasons are told, the content is not."""
    with pytest.raises(ResponseLostError) as caught:
        JobVersion.from_wire({**IDS, "status": "the-secret"})

    assert "the-secret" not in str(caught.value)


# ---- order


def test_newest_version_is_the_one_created_last() -> None:
    """Creation time decides, then the id; no versions have no newest."""
    rows = [
        version(version_id=9, create_time=1),
        version(version_id=3, create_time=5),
        version(version_id=4, create_time="5"),
        version(version_id=99),
    ]

    found = newest(rows)

    assert found is not None
    assert found.version_id == 4
    assert newest([]) is None


def test_answers_are_plain_data() -> None:
    """An answer can be dumped to JSON, as XComs need it."""
    assert json.loads(json.dumps(version(duration="7").model_dump()))["duration"] == 7


@pytest.mark.parametrize("spoilt", [None, "", "nonsense", [], ...], ids=repr)
def test_odd_row_of_a_list_is_kept_with_its_id(spoilt: Any) -> None:
    """A row without a usable status or name does not lose the page it is on; 0 means unknown."""
    data = {"job_id": 1, "status": spoilt, "job_name": [] if spoilt == "nonsense" else spoilt}
    if spoilt is ...:
        data = {"job_id": 1}

    row = JobSummary.from_wire(data)

    assert (row.job_id, row.status, row.job_name) == (1, 0, None)


def test_repr_shows_no_parameters() -> None:
    """Parameters and commands may hold secrets, and a traceback may show an answer."""
    pairs = [{"label": "API_KEY", "value": "the-secret"}]

    found = JobVersion.from_wire(
        {**IDS, "status": 8, "parameter": pairs, "user_command": "the-secret"}
    )

    assert found.parameter == pairs
    assert "the-secret" not in f"{found!r} {found}"
