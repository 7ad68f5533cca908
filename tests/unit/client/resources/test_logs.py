"""Logs are read forward, each line once, and their absence is no error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from airflow_provider_modelarts.client import LogBlock
from airflow_provider_modelarts.exceptions import NotFoundError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = 1551252759254000000
NAMES = (200, {"is_success": True, "log_file_list": ["job.0", "job.1"]})
EMPTY = (204, b"")


def failed(code: str) -> Any:
    """Return the reply of a failure."""
    return 400, {"is_success": False, "error_code": f"ModelArts.{code}", "error_message": "no"}


def block(*numbers: int, **changes: Any) -> Any:
    """Return a block with these lines; cursors as in the published sample, one of each type."""
    body = {
        "is_success": True,
        "content": "\n".join(f"line {n}" for n in numbers),
        "lines": str(len(numbers)),
    }
    if numbers:
        body |= {"start_line": BASE + numbers[0], "end_line": str(BASE + numbers[-1])}
    return 200, body | changes


def state(status: int) -> Any:
    """Return the detail of a version."""
    return 200, {"is_success": True, "status": status}


def asked(server: Any) -> list[dict[str, str]]:
    """Return the queries of the requests for blocks."""
    return [
        dict(parse_qsl(query))
        for path, _, query in (seen.target.partition("?") for seen in server.requests)
        if path.endswith("/aom-log")
    ]


def lines_of(blocks: Any) -> list[str]:
    """Return all lines."""
    return [line for found in blocks for line in found.texts()]


@pytest.fixture
def numbered() -> Callable[..., list[str]]:
    """Return a function that gives the lines with these numbers."""
    return lambda *numbers: [f"line {n}" for n in numbers]


# ---- one call


@pytest.mark.parametrize(
    ("names", "expected"),
    [(["a", "b"], ["a", "b"]), ("a", ["a"]), ([], []), (None, []), ("", []), (7, [])],
)
def test_names_are_read_in_both_documented_types(
    serve: Callable[..., Any], make_client: Callable[..., Any], names: Any, expected: list[str]
) -> None:
    """The table says one text, the sample has a list; none is an empty list."""
    server = serve((200, {"is_success": True, "log_file_list": names}))

    assert make_client(server.url).list_log_files(1, 2) == expected
    assert server.requests[0].target.endswith("/training-jobs/1/versions/2/log/file-names")


def test_published_block_is_read_with_cursors_as_texts(
    serve: Callable[..., Any], make_client: Callable[..., Any], sample: Callable[[str], Any]
) -> None:
    """Nineteen digits survive, whether they come as a number or as a text."""
    server = serve((200, sample("get_log/200")))

    found = make_client(server.url).get_log(1, 2, "job.0", base_line="5", lines=7, order="asc")

    assert found == LogBlock(
        content="Log string",
        lines=1,
        start_line="1551252759254000002",
        end_line="1551252759254000003",
    )
    assert asked(server) == [{"base_line": "5", "lines": "7", "log_file": "job.0", "order": "asc"}]


@pytest.mark.parametrize(
    "reply", [EMPTY, failed("2818"), failed("0806")], ids=["204", "2818", "0806"]
)
def test_log_that_is_not_there_yet_is_empty(
    serve: Callable[..., Any], make_client: Callable[..., Any], reply: Any
) -> None:
    """All forms of "not there yet" read the same."""
    client = make_client(serve(reply).url)

    assert client.list_log_files(1, 2) == []
    assert client.get_log(1, 2, "job.0") == LogBlock()


@pytest.mark.parametrize("code", ["2819", "2820"])
def test_block_of_a_log_that_is_gone_is_not_found(
    serve: Callable[..., Any], make_client: Callable[..., Any], code: str
) -> None:
    """One block of a log that was cleaned up is an error of its own."""
    with pytest.raises(NotFoundError):
        make_client(serve(failed(code)).url).get_log(1, 2, "job.0")


# ---- following


@pytest.mark.parametrize("repeats", [False, True], ids=["exclusive", "inclusive"])
def test_log_is_read_from_its_oldest_line(
    serve: Callable[..., Any], make_client: Callable[..., Any], numbered: Any, repeats: bool
) -> None:
    """First back to the start, then forward; no line is lost or comes twice at a border."""
    back = block(4, 5, 6) if repeats else block(3, 4, 5)
    far = block(2, 3, 4) if repeats else block(1, 2)
    # Newest, earlier, earliest, nothing before it; then forward.
    newest = block(6, 7, 8)
    steps = [newest, back, far, block(2) if repeats else block()]
    first = 4 if repeats else 2
    overlap = 0 if repeats else 1
    forward = [
        block(*range(first + overlap, 7)),
        block(*range(6 + overlap, 9)),
        block(8) if repeats else block(),
    ]
    server = serve(NAMES, *steps, *forward)

    found = lines_of(make_client(server.url).follow_log(1, 2, lines=3))

    assert found == numbered(*range(2 if repeats else 1, 9))
    assert [query["order"] for query in asked(server)] == [
        "desc",
        *["asc"] * 3,
        *["desc"] * 3,
    ]
    assert {query["log_file"] for query in asked(server)} == {"job.0"}


def test_tail_begins_with_the_newest_block(
    serve: Callable[..., Any], make_client: Callable[..., Any], numbered: Any
) -> None:
    """Nothing before it is asked for."""
    server = serve(block(6, 7), block())

    blocks = make_client(server.url).follow_log(1, 2, "job.1", tail=True, lines=2)

    assert lines_of(blocks) == numbered(6, 7)
    assert asked(server)[0] == {"lines": "2", "log_file": "job.1", "order": "desc"}
    assert asked(server)[1]["base_line"] == str(BASE + 7)


def test_reading_goes_on_from_a_cursor(
    serve: Callable[..., Any], make_client: Callable[..., Any], numbered: Any
) -> None:
    """The line of the cursor was shown before and is dropped where it is repeated."""
    server = serve(block(6, 7), block(7))

    (found,) = make_client(server.url).follow_log(1, 2, "job.0", base_line=str(BASE + 6))

    assert found.texts() == numbered(7)
    assert found.end_line == str(BASE + 7)


@pytest.mark.parametrize("start", [None, BASE + 8], ids=["no start", "start of its own"])
def test_equal_lines_that_follow_each_other_are_kept(
    serve: Callable[..., Any], make_client: Callable[..., Any], start: Any
) -> None:
    """Only where no cursor tells are texts compared."""
    again = block(8, content="line 7\nline 8", start_line=start)
    server = serve(block(6, 7), again, block(), block())

    found = lines_of(make_client(server.url).follow_log(1, 2, "job.0", tail=True))

    assert found == [*("line 6", "line 7"), *(["line 7"] if start else []), "line 8"]


@pytest.mark.parametrize("end", [block(), block(7), EMPTY, failed("2818")])
def test_reading_ends_where_nothing_follows(
    serve: Callable[..., Any], make_client: Callable[..., Any], numbered: Any, end: Any
) -> None:
    """No content, the same line again or no answer: the end of what is there."""
    server = serve(block(6, 7), end)

    assert lines_of(make_client(server.url).follow_log(1, 2, "a", tail=True)) == numbered(6, 7)
    assert len(server.requests) == 2


def test_block_without_a_cursor_is_the_last(
    serve: Callable[..., Any], make_client: Callable[..., Any], numbered: Any
) -> None:
    """Without a cursor there is nothing to go on from."""
    server = serve(block(6, 7, start_line=None, end_line=None))

    assert lines_of(make_client(server.url).follow_log(1, 2, "a")) == numbered(6, 7)


def test_running_version_is_followed_to_its_end(
    serve: Callable[..., Any], make_client: Callable[..., Any], numbered: Any
) -> None:
    """While it runs one waits for more; after its end there is one more look."""
    pauses: list[float] = []
    server = serve(
        *(EMPTY, state(1)),  # no name yet
        *(NAMES, failed("2818"), state(8)),  # a name, but no log yet
        *(block(1, 2), block(), block(2), state(8)),  # the oldest block, and nothing more
        *(block(3), block(), state(11)),
        *(block(4), block(), state(11)),  # written between the last look and the end
    )
    client = make_client(server.url, sleep=pauses.append)

    found = lines_of(client.follow_log(1, 2, follow=True, interval=3.0))

    assert found == numbered(1, 2, 3, 4)
    assert pauses == [3.0] * 3


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("reply", [EMPTY, failed("0806")])
def test_version_that_ended_without_a_log_has_no_lines(
    serve: Callable[..., Any], make_client: Callable[..., Any], reply: Any, follow: bool
) -> None:
    """No log, no lines, no error."""
    server = serve(*[reply, state(11)] * 2 if follow else [reply])

    assert list(make_client(server.url).follow_log(1, 2, follow=follow)) == []


@pytest.mark.parametrize("code", ["2819", "2820"])
def test_log_that_is_gone_ends_the_reading(
    serve: Callable[..., Any], make_client: Callable[..., Any], numbered: Any, code: str
) -> None:
    """What was read stays read."""
    server = serve(block(1, 2), failed(code))
    blocks = make_client(server.url).follow_log(1, 2, "a", tail=True, follow=True)

    assert lines_of(blocks) == numbered(1, 2)


@pytest.mark.parametrize(
    ("reply", "error"), [(failed("2775"), NotFoundError), ((500, b""), ServiceUnavailableError)]
)
def test_other_errors_come_out(
    serve: Callable[..., Any], make_client: Callable[..., Any], reply: Any, error: type
) -> None:
    """An unknown job or a fault of the service is not an empty log."""
    with pytest.raises(error):
        list(make_client(serve(reply).url).follow_log(1, 2))
