"""Algorithms, flavors and engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def query(seen: Any) -> dict[str, str]:
    """Return the query parameters of a request."""
    return dict(parse_qsl(seen.target.partition("?")[2]))


def test_published_algorithms_are_read(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """The parameters of an algorithm come as JSON in a text."""
    server = serve((200, sample("list_built_in_algorithms/200")))

    (found,) = make_client(server.url).list_built_in_algorithms(search_content="ResNet")

    assert (found.model_id, found.model_name, found.engine_id) == (4, "ResNet_v2_50", 501)
    assert [item["label"] for item in found.parameter] == ["batch_size", "lr"]
    assert server.requests[0].target.partition("?")[0].endswith("/built-in-algorithms")
    assert query(server.requests[0]) == {
        "search_content": "ResNet",
        "sortBy": "create_time",
        "order": "desc",
        "per_page": "100",
        "page": "1",
    }


def test_algorithms_are_paged(serve: Callable[..., Any], make_client: Callable[..., Any]) -> None:
    """Pages are asked for until a short one, and a row that moved comes once."""
    pages = [{"models": [{"model_id": n} for n in ids]} for ids in ([4, 3], [3, 2], [1])]
    server = serve(*((200, page) for page in pages))

    found = make_client(server.url).list_built_in_algorithms(per_page=2)

    assert [row.model_id for row in found] == [4, 3, 2, 1]
    assert [query(seen)["page"] for seen in server.requests] == ["1", "2", "3"]


@pytest.mark.parametrize("parameter", ["no json", "{}", "7", None])
def test_parameters_without_sense_are_unset(
    serve: Callable[..., Any], make_client: Callable[..., Any], parameter: Any
) -> None:
    """An odd field does not lose the row."""
    server = serve((200, {"models": [{"model_id": "4", "parameter": parameter}]}))

    (found,) = make_client(server.url).list_built_in_algorithms()

    assert (found.model_id, found.parameter) == (4, None)


def test_published_flavors_are_read(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """A flavor has the limit of workers and says whether it is sold out."""
    server = serve((200, sample("list_resource_specs/200")))

    (found,) = make_client(server.url).list_resource_specs(engine_id=28)

    assert (found.spec_id, found.max_num, found.no_resource) == (2, 2, False)
    assert (found.core, found.cpu) == ("2", "8")
    assert server.requests[0].target.partition("?")[0].endswith("/job/resource-specs")
    assert query(server.requests[0]) == {"job_type": "train", "engine_id": "28"}


def test_published_engines_are_read(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """An engine has id, name and version."""
    server = serve((200, sample("list_engines/200")))

    (found,) = make_client(server.url).list_engines(job_type="inference")

    assert (found.engine_id, found.engine_name) == (1, "TensorFlow")
    assert found.engine_version == "TF-1.4.0-python2.7"
    assert server.requests[0].target.partition("?")[0].endswith("/job/ai-engines")
    assert query(server.requests[0]) == {"job_type": "inference"}
