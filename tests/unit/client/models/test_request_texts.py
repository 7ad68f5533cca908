"""How broken rules are told, and how templates' texts become the documented types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_modelarts.client import CreateJobVersionRequest, CreateTrainingJobRequest
from airflow_provider_modelarts.exceptions import PayloadValidationError


def job(config: dict[str, Any], **change: Any) -> dict[str, Any]:
    """Return the body of a new job with changes in config."""
    return {"job_name": "job", "config": {**config, **change}}


def wire(config: dict[str, Any], **change: Any) -> dict[str, Any]:
    """Return the config that goes out."""
    sent: dict[str, Any] = CreateTrainingJobRequest.checked(job(config, **change)).to_wire()
    return dict(sent["config"])


def refusal(body: Any, cls: Any = CreateTrainingJobRequest) -> PayloadValidationError:
    """Return the error of a payload that breaks rules."""
    with pytest.raises(PayloadValidationError) as caught:
        cls.checked(body)
    return caught.value


# ---- how they are told


def test_all_violations_come_at_once(config: dict[str, Any]) -> None:
    """Five mistakes of five kinds are five violations of one error."""
    del config["spec_id"]
    body = job(config, worker_server_num=0, log_url="", datta_url="/b/d/") | {"job_name": "a b"}

    error = refusal(body)

    assert {v.field for v in error.violations} == {
        "job_name",
        "config.worker_server_num",
        "config.log_url",
        "config.datta_url",
        "config.spec_id",
    }
    assert len(error.violations) == 5
    assert "5 problems in the payload, nothing was sent" in str(error)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("woker_server_num", "worker_server_num"),
        ("bootfile_url", "boot_file_url"),
        ("parameters", "parameter"),
        ("dataset_versionid", "dataset_version_id"),
        ("volume", "volumes"),
    ],
)
def test_unknown_field_suggests_the_nearest_name(
    config: dict[str, Any], wrong: str, right: str
) -> None:
    """A misspelt field is answered by the name that was meant."""
    error = refusal(job(config, **{wrong: "x"}))

    (violation,) = error.violations
    assert f"Did you mean '{right}'?" in violation.remedy
    assert "extra_config" in violation.remedy


def test_unknown_field_without_a_near_name_lists_the_known(config: dict[str, Any]) -> None:
    """Where nothing is near, the fields that exist are named."""
    (violation,) = refusal(job(config, xyzzy=1)).violations

    assert "Known here: app_url, boot_file_url, create_version" in violation.remedy


def test_field_of_the_operator_in_config_is_sent_back(config: dict[str, Any]) -> None:
    """job_desc belongs beside config."""
    (violation,) = refusal(job(config, job_desc="x")).violations

    assert violation.remedy == "Give job_desc to the operator itself"


def test_version_key_of_a_dataset_source_is_explained(config: dict[str, Any]) -> None:
    """The key differs from the one beside data_source, which the remedy says."""
    del config["data_url"]
    item = {"type": "dataset", "dataset_id": "d", "dataset_version_id": "v"}

    text = str(refusal(job(config, data_source=[item])))

    assert "Did you mean 'dataset_version'?" in text


@pytest.mark.parametrize(
    ("cls", "change", "wanted"),
    [
        (CreateJobVersionRequest, {}, "Set"),
        (CreateTrainingJobRequest, {"pre_version_id": 1}, "Leave it out of a new job"),
        (CreateTrainingJobRequest, {"create_version": "perhaps"}, "Set"),
        (CreateTrainingJobRequest, {"volumes": 5}, "Set"),
    ],
    ids=["missing predecessor", "predecessor of a job", "odd flag", "odd volumes"],
)
def test_remedy_fits_the_request(
    config: dict[str, Any], cls: Any, change: dict[str, Any], wanted: str
) -> None:
    """Nobody is told to leave out what is needed or allowed."""
    body = job(config, **change)
    if cls is CreateJobVersionRequest:
        del body["job_name"]

    (violation,) = refusal(body, cls).violations

    assert violation.remedy.startswith(wanted)


def test_each_line_has_field_value_rule_and_remedy(config: dict[str, Any]) -> None:
    """Whoever reads the log can mend the payload without the documentation."""
    text = str(refusal(job(config, worker_server_num=0)))

    assert text.splitlines()[1] == (
        "  - config.worker_server_num = 0: an integer of at least 1 (R05). "
        "Set the number of workers, mostly 1"
    )


def test_long_value_is_shortened(config: dict[str, Any]) -> None:
    """A value of many kilobytes does not fill the log."""
    assert len(str(refusal(job(config, log_url=["x" * 10_000])))) < 400


@pytest.mark.parametrize("subject", [None, "create job 'a'"])
def test_error_says_what_the_payload_was_for(subject: str | None) -> None:
    """The first line names the request."""
    with pytest.raises(PayloadValidationError) as caught:
        CreateTrainingJobRequest.checked({}, subject)

    assert str(caught.value).startswith(f"{subject or 'CreateTrainingJobRequest'}: 2 problems")


@pytest.mark.parametrize("body", [None, [], "text", 5], ids=["null", "list", "text", "number"])
def test_payload_that_is_no_mapping_is_refused(body: Any) -> None:
    """Something else than a mapping is a violation, not a crash."""
    assert refusal(body).violations


@pytest.mark.parametrize(
    "change",
    [
        {"parameter": {"password": ["the-secret"]}},
        {"parameter": [{"label": "a", "value": {"k": "the-secret"}}]},
        {"parameter": [{"label": "a", "wert": "the-secret"}]},
        {"parameter": [{"label": "", "value": "the-secret"}]},
        {"parameter": ["the-secret"]},
        {"parameter": "the-secret"},
        {"user_command": "run --password the-secret"},
        {"user_command": ["the-secret"], "user_image_url": "i"},
        {"db_password": "the-secret"},
        {"access_token": {"value": "the-secret"}},
        {"flavor": {"api_secret": "the-secret"}},
    ],
    ids=lambda change: str(next(iter(change))),
)
def test_secrets_are_never_printed(config: dict[str, Any], change: dict[str, Any]) -> None:
    """Values of parameters, commands and fields so named stay out of the error."""
    error = refusal(job(config, **change))

    assert "the-secret" not in f"{error} {error!r} {error.violations}"


def test_parameter_beside_another_mistake_is_not_printed(config: dict[str, Any]) -> None:
    """A mistake elsewhere does not print the parameters that are right."""
    error = refusal(job(config, parameter={"password": "the-secret"}, spec_id="x"))

    assert "the-secret" not in str(error)


# ---- types


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.01", "0.01"),
        ("", ""),
        ("Tränen 训练", "Tränen 训练"),
        ("{brace} %s \\", "{brace} %s \\"),
        (32, "32"),
        (-1, "-1"),
        (0, "0"),
        (0.01, "0.01"),
        (1e-05, "1e-05"),
        (2**70, str(2**70)),
        (True, "true"),
        (False, "false"),
    ],
    ids=repr,
)
def test_parameter_values_become_texts(config: dict[str, Any], value: Any, text: str) -> None:
    """A mapping is sent as pairs of texts, and so are pairs with numbers."""
    pairs = [{"label": "näme", "value": text}]

    assert wire(config, parameter={"näme": value})["parameter"] == pairs
    assert wire(config, parameter=[{"label": "näme", "value": value}])["parameter"] == pairs


def test_order_of_parameters_is_kept(config: dict[str, Any]) -> None:
    """Pairs go out in the order of the mapping."""
    sent = wire(config, parameter={"z": 1, "a": 2, "m": 3})

    assert [pair["label"] for pair in sent["parameter"]] == ["z", "a", "m"]


def test_empty_mapping_is_an_empty_list(config: dict[str, Any]) -> None:
    """No parameters are allowed."""
    assert wire(config, parameter={})["parameter"] == []


@pytest.mark.parametrize("text", ["7", " 7 ", "007"])
@pytest.mark.parametrize("name", ["worker_server_num", "engine_id", "spec_id", "model_id"])
def test_numeric_text_becomes_a_number(config: dict[str, Any], name: str, text: str) -> None:
    """What a template renders goes out as the number that the API documents."""
    sent = wire(config, **{name: text})

    assert sent[name] == 7
    assert isinstance(sent[name], int)


@pytest.mark.parametrize(("text", "flag"), [("true", True), ("False", False), (" TRUE ", True)])
def test_rendered_flag_becomes_a_boolean(config: dict[str, Any], text: str, flag: bool) -> None:
    """So does what a template renders for true and false."""
    volume = {"nfs": {"id": 1, "src_path": "a", "dest_path": "b", "read_only": text}}

    sent = wire(config, create_version=text, volumes=[volume])

    assert sent["create_version"] is flag
    assert sent["volumes"][0]["nfs"]["read_only"] is flag


@pytest.mark.parametrize("name", ["pool_id", "dataset_id"])
def test_number_becomes_a_text_where_the_api_wants_one(config: dict[str, Any], name: str) -> None:
    """Ids that the API documents as texts may be given as numbers."""
    change = {name: 12}
    if name == "dataset_id":
        del config["data_url"]
        change["dataset_version_id"] = 13

    assert wire(config, **change)[name] == "12"


def test_given_mapping_is_left_alone(config: dict[str, Any]) -> None:
    """Validation changes nothing in what the author wrote."""
    body = job(config, parameter={"a": 1}, worker_server_num="1")
    before = json.dumps(body)

    CreateTrainingJobRequest.checked(body)

    assert json.dumps(body) == before


def test_model_passes_unchecked(config: dict[str, Any]) -> None:
    """A request that exists already is fit to be sent."""
    model = CreateTrainingJobRequest.checked(job(config))

    assert CreateTrainingJobRequest.checked(model) is model


def test_repr_shows_no_parameters(config: dict[str, Any]) -> None:
    """Parameters and commands may hold secrets, and a traceback may show a request."""
    del config["app_url"], config["boot_file_url"], config["engine_id"]
    image = {"user_image_url": "registry/image:1", "user_command": "run the-secret"}

    request = CreateTrainingJobRequest.checked(
        job(config, parameter={"API_KEY": "the-secret"}, **image)
    )

    assert request.config.user_command == "run the-secret"
    assert "the-secret" not in f"{request!r} {request}"
