"""The vendor's error codes the emulator uses (``ModelArts.`` or ``APIG.`` goes before them)."""

from __future__ import annotations

# Service. Two generations of codes exist for a taken name and for a stop that comes too late.
INTERNAL = "0010"
NAME_EXISTS = "0103"
INVALID_PARAMETER = "0104"
WRONG_STATE = "0105"
OTHER_PROJECT = "0210"
NO_PROJECT = "0212"
NAME_EXISTS_NEW = "2751"
CODE_FOLDER = "2757"
BOOT_FILE = "2758"
QUERY_PARAMETER = "2764"
JOB_MISSING = "2775"
NOT_JSON = "2787"
FILTER = "2789"
SORT_KEY = "2790"
OBS_PATH = "2791"
BOOT_FILE_OUTSIDE = "2792"
TOO_MANY_WORKERS = "2793"
WRONG_STATE_NEW = "2796"
BODY_TOO_LARGE = "4104"
BACKEND_UNAVAILABLE = "4302"

# Gateway.
API_UNKNOWN = "0101"
BAD_GATEWAY = "0202"
GATEWAY_TIMEOUT = "0203"
NOT_AUTHENTICATED = "0301"
THROTTLED = "0308"
