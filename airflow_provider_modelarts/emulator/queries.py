"""Reads ids and queries of requests as the service would; the bodies are in :mod:`.rules`."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_modelarts.emulator import codes
from airflow_provider_modelarts.emulator.errors import ServiceError
from airflow_provider_modelarts.emulator.listing import JobFilter, Listing

Query = Mapping[str, str]

# The longest search text of the job lists; other lists document no limit.
SEARCH_LIMIT = 64
# Where no upper limit is documented, a number still has to fit the service's integers.
NO_LIMIT = 2**31


def listing(
    query: Query,
    keys: Mapping[str, str],
    default_key: str,
    *,
    order: str = "asc",
    per_page: int = 1000,
    pages: int = NO_LIMIT,
) -> Listing:
    """Read the part of a query that all paged lists share.

    :param keys: what ``sortBy`` may name, and what stands behind it.
    :param order: the direction when none is asked for.
    :param per_page: the largest page.
    :param pages: the last page that may be asked for.
    :raises ServiceError: naming the wrong part.
    """
    sort_by = query.get("sortBy") or default_key
    if sort_by not in keys:
        raise ServiceError(codes.SORT_KEY, f"The sort key is not supported: sortBy {sort_by}")
    limit = number(query, "per_page", 10, 1, per_page)
    page = number(query, "page", 1, 1, pages)
    return Listing(
        sort_by=keys[sort_by],
        descending=choice(query, "order", order, ("asc", "desc")) == "desc",
        search=query.get("search_content", ""),
        limit=limit,
        offset=(page - 1) * limit,
    )


def job_filter(
    project_id: str,
    query: Query,
    keys: Mapping[str, str],
    default_key: str,
    *,
    pages: int = NO_LIMIT,
) -> JobFilter:
    """Read the query of a job list, training or visualization; :raises ServiceError: naming the wrong part."""
    status = query.get("status") or None
    if status is not None and not _is_number(status, 10):
        raise ServiceError(codes.FILTER, f"The filter is not supported: status {status}")
    if len(query.get("search_content", "")) > SEARCH_LIMIT:
        raise ServiceError(
            codes.INVALID_PARAMETER,
            f"The length of search content should be in [0,{SEARCH_LIMIT}]",
        )
    return JobFilter(
        project_id=project_id,
        workspace_id=query.get("workspace_id") or "0",
        status=None if status is None else int(status),
        listing=listing(query, keys, default_key, pages=pages),
    )


def version_page(query: Query) -> tuple[int, int]:
    """Read the query of the version list: limit and offset; page 0 or none switches paging off."""
    per_page = number(query, "per_page", 10, 1, 1000)
    page = number(query, "page", 0, 0, NO_LIMIT)
    return (per_page, (page - 1) * per_page) if page else (-1, 0)


def identifier(text: str, field: str) -> int:
    """Read a 64-bit id from a path; :raises ServiceError: naming the field."""
    if not (_is_number(text, 20) and int(text) < 2**63):
        raise ServiceError(
            codes.INVALID_PARAMETER,
            f"Invalid parameter, error: {field} is not a 64-bit integer: {text[:64]}",
        )
    return int(text)


def number(query: Query, name: str, default: int, lowest: int, highest: int) -> int:
    """Read a whole number within bounds; :raises ServiceError: naming it."""
    text = query.get(name, "")
    if not text:
        return default
    if not (_is_number(text, 12) and lowest <= int(text) <= highest):
        raise ServiceError(
            codes.QUERY_PARAMETER,
            f"Invalid query parameter: {name} {text[:64]} is not in [{lowest},{highest}]",
        )
    return int(text)


def choice(query: Query, name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Read one of a few words; :raises ServiceError: naming it."""
    text = query.get(name) or default
    if text not in allowed:
        raise ServiceError(
            codes.QUERY_PARAMETER, f"Invalid query parameter: {name} {text[:64]} is not supported"
        )
    return text


def _is_number(text: str, digits: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) < digits
