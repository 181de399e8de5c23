"""The written definitions are those of the code, and every report and column has a title in Chinese, each its own."""

from pathlib import Path

import warehouse
from warehouse.report_titles import COLUMN_TITLES, REPORT_TITLES
from warehouse.reports import REPORTS

WRITTEN = Path(warehouse.__file__).with_name("REPORTS.md")


def as_markdown() -> str:
    """The part of the page that the definitions are."""
    parts = []
    for report in REPORTS.values():
        rows = [f"| `{name}` | {COLUMN_TITLES[name]} | {meaning} |" for name, meaning in report.columns]
        table = "\n".join(["| column | 中文 | meaning |", "|---|---|---|", *rows])
        parts.append(f"## {report.name} ({REPORT_TITLES[report.name]})\n\n{report.definition}\n\n{table}\n")
    return "\n".join(parts)


def test_the_page_says_what_the_code_does() -> None:
    assert as_markdown() in WRITTEN.read_text()


def test_titles_are_for_what_there_is_and_tell_columns_of_a_report_apart() -> None:
    assert REPORT_TITLES.keys() == REPORTS.keys()
    names = {name for report in REPORTS.values() for name, _ in report.columns}
    assert COLUMN_TITLES.keys() == names
    for report in REPORTS.values():
        titles = [COLUMN_TITLES[name] for name, _ in report.columns]
        assert len(set(titles)) == len(titles), report.name
