"""Base URLs: those of the public clouds, and what counts as one."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS: Final = {"https": 443, "http": 80}


def known_endpoint(cloud: str, region: str, service: str) -> str:
    """Return the public endpoint of a region ("Regions and Endpoints" of the two clouds)."""
    if cloud == "otc":
        if region == "eu-ch2":  # Switzerland has its own domain and another name for public IAM
            prefix = "iam-pub" if service == "iam" else service
            return f"https://{prefix}.{region}.sc.otc.t-systems.com"
        return f"https://{service}.{region}.otc.t-systems.com"
    suffix = "eu" if region.startswith("eu-west-1") else "com"
    return f"https://{service}.{region}.myhuaweicloud.{suffix}"


def split_url(text: str) -> SplitResult | None:
    """Take a base URL apart; None if it is none."""
    # What does not print would be dropped in silence here, or fail in the HTTP library.
    if not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return None
    odd = parts.query or parts.fragment or parts.username is not None or not parts.path.isascii()
    known = parts.scheme in DEFAULT_PORTS and _is_host(host)
    return parts if known and not odd else None


def _is_host(host: str) -> bool:
    return ":" in host or (bool(host) and all(char.isalnum() or char in "-._" for char in host))
