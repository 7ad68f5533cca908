"""What of this machine stands between a request and the service: proxies and CA bundles."""

from __future__ import annotations

import os
import re
import socket
import ssl
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

_ADDRESS: Final = re.compile(
    r"(?:\w[\w+.-]*://)?(?P<host>\[[\da-fA-F:.]+\]|[\w.-]+)(?P<port>:\d+)?/?"
)
_BY_HASH: Final = re.compile(r"[0-9a-f]{8}\.\d+")


def is_loopback(host: str) -> bool:
    """Whether this host is this machine, in any form that a socket takes (``127.1`` too)."""
    name = host.lower().removesuffix(".")
    if name == "localhost":
        return True
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        try:
            return socket.inet_aton(name)[0] == 127
        except (OSError, ValueError):
            return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


@dataclass(frozen=True)
class Proxy:
    """A proxy as it may be named to people.

    :param address: host and port, without user name and password.
    :param setting: where it is set.
    """

    address: str
    setting: str

    @classmethod
    def of(cls, url: str, scheme: str) -> Proxy:
        """Describe a proxy that is used for URLs of this scheme.

        :param url: as it is set, credentials and all.
        """
        # What cannot be taken apart may have its password anywhere.
        match = _ADDRESS.fullmatch(url.rpartition("@")[2])
        address = f"{match['host']}{match['port'] or ''}" if match else "(not a readable address)"
        names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
        name = next((name for name in names if os.environ.get(name)), "")
        return cls(address, f"environment variable {name}" if name else "settings of this machine")


@dataclass(frozen=True)
class Bundle:
    """The certificates that are trusted.

    :param path: file or folder.
    :param setting: where it is set.
    """

    path: str
    setting: str

    def problem(self) -> str:
        """Say why no certificate can be checked with it; empty if one can."""
        path = Path(self.path)
        try:
            if path.is_dir():
                by_hash = any(_BY_HASH.fullmatch(entry.name) for entry in path.iterdir())
                return (
                    ""
                    if by_hash
                    else "is a folder without certificates that 'openssl rehash' has named"
                )
            with path.open("rb") as file:
                file.read(1)
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except ssl.SSLError:
            return "holds no certificate in PEM form"
        except FileNotFoundError:
            return "does not exist"
        except (OSError, ValueError) as error:  # a path with a NUL in it is a ValueError
            return f"cannot be read: {getattr(error, 'strerror', error)}"
        return ""
