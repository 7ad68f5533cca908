"""``python -m benchmarks``: measure, print the tables, and write ``docs/performance.md``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks import imports, report, submits, triggerer, waits
from benchmarks.peers import REPO
from benchmarks.sections import table

if TYPE_CHECKING:
    from collections.abc import Callable

MEASURE: Final[dict[str, Callable[..., Any]]] = {
    "a": imports.measure,
    "b": waits.measure,
    "c": submits.measure,
    "e": triggerer.measure,
}
RESULTS: Final = Path(__file__).parent / "results"


def main() -> int:
    """Run the benchmarks that were asked for; the page needs the results of all."""
    letters = sorted({*MEASURE, "d"})
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "letters",
        nargs="*",
        metavar="LETTER",
        help="a: imports, b: waits, c: submits, d: growth of b, e: a real triggerer; default: all",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, minutes; leaves the page alone"
    )
    options = parser.parse_args()
    if unknown := set(options.letters) - set(letters):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    folder = RESULTS / "quick" if options.quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    for letter in options.letters or letters:
        if letter in MEASURE:
            print(f"({letter}) {report.TITLES[letter]}: measuring", flush=True)
            measured = {
                "result": MEASURE[letter](quick=options.quick),
                "made": report.machine(),
            }
            path = folder / f"{letter}.json"
            path.write_text(json.dumps(measured, indent=1), encoding="utf-8")
        if words := _section(folder, letter):
            print(f"\n{words}\n", flush=True)
    return _finish(folder, quick=options.quick)


def _known(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what has been measured, now or earlier."""
    return {
        letter: json.loads((folder / f"{letter}.json").read_text(encoding="utf-8"))
        for letter in MEASURE
        if (folder / f"{letter}.json").exists()
    }


def _section(folder: Path, letter: str) -> str:
    known = _known(folder)
    if letter == "d" and "b" not in known:
        return "(d) is made from the figures of (b), and there are none: python -m benchmarks b d"
    return report.section(letter, {name: entry["result"] for name, entry in known.items()})


def _finish(folder: Path, *, quick: bool) -> int:
    """Tell what is promised and kept, and write the page."""
    known = _known(folder)
    results = {letter: entry["result"] for letter, entry in known.items()}
    promises = report.promises(results)
    print(table(("promise", "at most", "measured", "kept"), promises))
    page = folder / "performance.md" if quick else REPO / "docs" / "performance.md"
    if lacking := sorted(MEASURE.keys() - known.keys()):
        print(f"\n{page} is left alone: it takes {', '.join(lacking)} as well")
    else:
        made = {letter: entry["made"] for letter, entry in known.items()}
        page.write_text(report.page(results, made | {"d": made["b"]}), encoding="utf-8")
        print(f"\nwritten: {page}")
    return 1 if any("**no**" in row for row in promises) else 0


if __name__ == "__main__":
    sys.exit(main())
