"""Refusals that several resources share; two generations of the vendor's codes exist for two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_modelarts.emulator import codes
from airflow_provider_modelarts.emulator.errors import ServiceError

if TYPE_CHECKING:
    from airflow_provider_modelarts.emulator.settings import Settings

_NEWER = {"stop": codes.CANNOT_STOP_NEW, "restart": codes.CANNOT_RESTART_NEW}


def invalid(field: str, why: str) -> ServiceError:
    """Return the refusal of one field of a body."""
    return ServiceError(codes.INVALID_PARAMETER, f"Invalid parameter, error: {field} {why}")


def name_taken(settings: Settings, name: str) -> ServiceError:
    """Return the refusal of a name that exists already."""
    if settings.duplicate_name == codes.NAME_EXISTS_NEW:
        return ServiceError(codes.NAME_EXISTS_NEW, f"The training job name {name} already exists.")
    # The published sample answers so; which HTTP status goes with it is not documented.
    return ServiceError(codes.NAME_EXISTS, f"Job name:{name} is existed", http=200)


def wrong_state(settings: Settings, verb: str, status: int) -> ServiceError:
    """Return the refusal to ``stop`` or ``restart`` a job in its present status."""
    message = f"This job can't be {verb}. job status: {status}"
    if settings.stop_in_final_state == codes.CANNOT_STOP_NEW:
        return ServiceError(_NEWER[verb], message, http=409)
    return ServiceError(codes.WRONG_STATE, message, http=200)


def missing(kind: str, name: object) -> ServiceError:
    """Return the answer about a thing whose kind has no not-found code of its own."""
    return ServiceError(codes.RESOURCE_MISSING, f"The {kind} {name} does not exist.", http=404)
