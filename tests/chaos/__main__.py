"""``python -m tests.chaos``: the full proof by destruction, and the page that shows it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def main() -> int:
    """Run all cases and write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--report",
        default=str(HERE.parent.parent / "docs" / "chaos.md"),
        help="where to write the table (default: docs/chaos.md)",
    )
    parser.add_argument("--rounds", default="1", help="how often each case is repeated")
    parser.add_argument("-k", default="", help="only cases whose name matches, as for pytest")
    options = parser.parse_args()
    return pytest.main(
        [
            str(HERE),
            "-m",
            "chaos",
            "-k",
            options.k,
            "--chaos-report",
            options.report,
            "--chaos-rounds",
            options.rounds,
            "-v",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
