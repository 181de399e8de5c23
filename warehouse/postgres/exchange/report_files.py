"""Reports as files, made in the background: CSV or a workbook whose second sheet says what the columns mean."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, BinaryIO
from uuid import UUID, uuid5

from warehouse.exports import csv_lines
from warehouse.imports.workbook import write_workbook
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.database import files
from warehouse.postgres.exchange.reports import Asked, rows_of, titles_of
from warehouse.postgres.importing.outcome import Progress
from warehouse.report_titles import REPORT_TITLES
from warehouse.reports import REPORTS

KIND = "report"
# A sheet has 1,048,576 rows.
SHEET_ROWS_MAX = 1_000_000
PROGRESS_EVERY = 5_000
_MEMORY_BYTES = 8 << 20

MEDIA_TYPES = {"csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def as_request(asked: Asked, form: str) -> dict[str, Any]:
    """A job's request; `from_request` reads it back."""
    return {"form": form, **{name: str(value) for name, value in asdict(asked).items() if value is not None}}


def from_request(request: dict[str, Any]) -> tuple[Asked, str]:
    times = {name: datetime.fromisoformat(request[name]) for name in ("since", "until", "now")}
    return (
        Asked(
            request["name"],
            item=request.get("item"),
            location=request.get("location"),
            tolerance_percent=Decimal(request.get("tolerance_percent", 0)),
            language=request.get("language", "en"),
            **times,
        ),
        str(request["form"]),
    )


def write(conn: Conn, asked: Asked, form: str, file: BinaryIO, tell: Progress) -> int:
    """The report into a file; how many rows. ValueError when a sheet cannot hold them."""
    count = 0

    def counted() -> Iterator[tuple[Any, ...]]:
        nonlocal count
        for row in rows_of(conn, asked):
            count += 1
            if count % PROGRESS_EVERY == 0:
                tell("rows", count, 0)
            if form == "xlsx" and count > SHEET_ROWS_MAX:
                raise ValueError(f"more than {SHEET_ROWS_MAX} rows: ask for CSV, or a shorter period")
            yield row

    header = titles_of(asked.name, asked.language)
    if form == "csv":
        for piece in csv_lines(header, counted()):
            file.write(piece)
        return count
    report = REPORTS[asked.name]
    about: list[tuple[object, ...]] = [("report", asked.name), ("definition", report.definition)]
    title = REPORT_TITLES[asked.name] if asked.language == "zh" else asked.name
    if "since" in report.takes:
        about += [("since", asked.since), ("until", asked.until)]
    about += [(name, value) for name in ("item", "location") if (value := getattr(asked, name)) is not None]
    about += [(name, meaning) for name, (_, meaning) in zip(header, report.columns, strict=True)]
    write_workbook(file, [(title, header, counted()), ("about", ("what", "meaning"), about)])
    return count


def make(conn: Conn, job_id: UUID, request: dict[str, Any], actor: str, tell: Progress) -> dict[str, Any]:
    """The work of a job: the report as a stored file; where it is."""
    asked, form = from_request(request)
    conn.execute("set local statement_timeout = 0")
    file_id = uuid5(job_id, "file")
    with tempfile.SpooledTemporaryFile(_MEMORY_BYTES) as content:
        rows = write(conn, asked, form, content, tell)  # type: ignore[arg-type]
        name = f"{asked.name}.{form}"
        files.store(conn, file_id, name, MEDIA_TYPES[form], actor, content)  # type: ignore[arg-type]
    return {"file_id": str(file_id), "link": f"/v1/files/{file_id}", "rows": rows}
