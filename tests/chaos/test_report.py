"""The page of the chaos tests: one section for each line of Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos import report
from tests.chaos.books import Row

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = "## Airflow 1.10.15\n\nMade long ago.\n\n### Kills\n\n| one | 1 |\n"


def test_section_of_another_line_stays(tmp_path: Path) -> None:
    """What another Airflow has gone through is kept when this one's table is renewed."""
    page = tmp_path / "chaos.md"
    page.write_text(f"# Chaos\n\nWords.\n\n{OTHERS}", encoding="utf-8")

    for kills in (1, 2):
        report.write(page, [Row("a case", "none", killed=kills)], {"a thing": "there is none"})

    text = page.read_text(encoding="utf-8")
    assert text.count(OTHERS) == 1
    assert text.count("## Airflow ") == 2
    assert "| a case | none | 2 |" in text
    assert "| a case | none | 1 |" not in text
    assert "Left out: a thing, as there is none." in text


def test_page_is_made_anew(tmp_path: Path) -> None:
    """Without a page there is nothing to keep."""
    page = tmp_path / "chaos.md"

    report.write(page, [Row("a case", "none")], {})

    assert page.read_text(encoding="utf-8").count("## Airflow ") == 1


def test_choice_of_cases_is_said(tmp_path: Path) -> None:
    """A table of some of the cases does not pass for one of all."""
    page = tmp_path / "chaos.md"

    report.write(page, [Row("a case", "none")], {}, "user_kills or network")

    assert """CHAOS_OPTIONS="-k 'user_kills or network'\"` on""" in page.read_text(encoding="utf-8")
