"""Command line: ``python -m airflow_provider_modelarts validate FILE``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_modelarts.client.validation import validate_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_modelarts.client.validation import Kind


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 fine, 1 errors found, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_modelarts")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "validate",
        help="check configs of training jobs as the operators do, without Airflow or a network",
        description="Checks the config in JSON or YAML files. Values with a Jinja expression are not judged.",
    )
    command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    command.add_argument(
        "--kind",
        choices=("job", "version"),
        help="which request it is for (default: a version if the config names pre_version_id)",
    )
    options = parser.parse_args(arguments)
    return _validate(options.files, options.kind)


def _validate(files: Sequence[Path], kind: Kind | None) -> int:
    errors = warnings = 0
    for path in files:
        findings = validate_file(path, kind)
        errors += len(findings.errors)
        warnings += len(findings.warnings)
        for label, found in (("error", findings.errors), ("warning", findings.warnings)):
            for violation in found:
                print(f"{path}: {label}: {violation}")  # noqa: T201 - a command line tool
    print(f"files: {len(files)}, errors: {errors}, warnings: {warnings}", file=sys.stderr)  # noqa: T201
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
