"""Reports: at once as JSON, CSV or a workbook, or in the background with a link."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.documented import problems
from api.downloads import CSV_MEDIA_TYPE, XLSX_MEDIA_TYPE, attachment
from api.encoding import json_response
from api.moments import Moment
from api.paging import Code
from api.postgres.pool import Pool
from api.principal import principal_of
from api.problems import UNAVAILABLE, ProblemError, ProblemKind, not_found
from warehouse.postgres.database import files
from warehouse.postgres.database.connect import connect, with_options
from warehouse.postgres.exchange import jobs
from warehouse.postgres.exchange.report_files import KIND, as_request, write
from warehouse.postgres.exchange.reports import Asked, ask, columns_of, rows_of
from warehouse.report_titles import COLUMN_TITLES, REPORT_TITLES
from warehouse.reports import REPORTS

EMPTY_PERIOD = ProblemKind("empty_period", 400, "The period ends before it begins", "Let `since` be before `until`.")
ROWS_MAX = 10_000
AT_ONCE = 2
# At once: what takes longer belongs into a job.
STATEMENT_TIMEOUT_MS = 20_000

ReportName = Literal[
    "stock",
    "movements",
    "turnover",
    "dead-stock",
    "dead-stock-rate",
    "frequency",
    "utilisation-bins",
    "utilisation-zones",
    "accuracy",
    "picking",
    "count-variance",
    "portals",
]
assert set(get_args(ReportName)) == set(REPORTS)

_DEFINITIONS = "\n\n".join(f"**{report.name}**: {report.definition}" for report in REPORTS.values())


class ReportQuery(BaseModel):
    """Of when and what. A report ignores what it does not take (`takes` in the list of reports)."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[
        Moment | None,
        Field(description="30 days before `until` when not given.", examples=["2026-03-01T00:00:00Z"]),
    ] = None
    until: Annotated[
        Moment | None, Field(description="Not included; now when not given.", examples=["2026-04-01T00:00:00Z"])
    ] = None
    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    location: Annotated[Code | None, Field(description="With the places in it.", examples=["hall-a"])] = None
    tolerance_percent: Annotated[
        str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3})?$", description="For accuracy.", examples=["2"])
    ] = "0"
    format: Annotated[Literal["json", "csv", "xlsx"], Field(description="json: the first 10,000 rows.")] = "json"
    language: Annotated[Literal["en", "zh"], Field(description="Of a file's header; JSON keeps its names.")] = "en"


class ReportOrder(BaseModel):
    """A report to be made in the background."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"report": "movements", "format": "csv", "since": "2026-01-01T00:00:00Z"}]},
    )

    report: ReportName
    format: Literal["csv", "xlsx"] = "csv"
    language: Literal["en", "zh"] = "en"
    since: Moment | None = None
    until: Moment | None = None
    item: Code | None = None
    location: Code | None = None
    tolerance_percent: Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,3})?$")] = "0"


@dataclass(frozen=True, slots=True)
class ReportColumn:
    name: Annotated[str, Field(examples=["turnover"])]
    title_zh: Annotated[str, Field(description="In Chinese.", examples=["周转次数"])]
    meaning: Annotated[str, Field(examples=["Times the average went out; empty when there was none."])]


@dataclass(frozen=True, slots=True)
class ReportAbout:
    """What a report says, exactly."""

    name: Annotated[str, Field(examples=["turnover"])]
    title_zh: Annotated[str, Field(description="In Chinese.", examples=["库存周转率"])]
    definition: Annotated[str, Field(examples=["turnover = issued / average"])]
    takes: Annotated[list[str], Field(examples=[["since", "until", "item"]])]
    columns: list[ReportColumn]


@dataclass(frozen=True, slots=True)
class ReportList:
    """Every report."""

    items: list[ReportAbout]


@dataclass(frozen=True, slots=True)
class ReportResult:
    """A report's rows, each in the order of `columns`."""

    report: Annotated[str, Field(examples=["turnover"])]
    since: datetime
    until: datetime
    columns: Annotated[list[str], Field(examples=[["item", "turnover"]])]
    rows: Annotated[list[list[Any]], Field(examples=[[["A-100", "3.5"]]])]
    truncated: Annotated[bool, Field(description="There are more: ask for a file.", examples=[False])]


@dataclass(frozen=True, slots=True)
class Ordered:
    """The job that makes it; its `result.link` is the file."""

    job_id: UUID


def router(pool: Pool, dsn: str) -> APIRouter:
    """Reports and files."""
    routes = APIRouter(prefix="/v1", tags=["reports"])
    working = asyncio.Semaphore(AT_ONCE)
    limited = with_options(dsn, f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC")

    @routes.get("/reports", operation_id="reports_list", summary="The reports", response_model=ReportList)
    async def reports_list() -> Response:
        """With their definitions and columns."""
        return json_response(
            ReportList(
                [
                    ReportAbout(
                        report.name,
                        REPORT_TITLES[report.name],
                        report.definition,
                        list(report.takes),
                        [ReportColumn(name, COLUMN_TITLES[name], meaning) for name, meaning in report.columns],
                    )
                    for report in REPORTS.values()
                ]
            )
        )

    @routes.get(
        "/reports/{report}",
        operation_id="reports_get",
        summary="A report at once",
        description="At most 20 s; what takes longer is made by `POST /v1/reports/jobs`.\n\n" + _DEFINITIONS,
        response_model=ReportResult,
        responses={
            200: {
                "content": {
                    CSV_MEDIA_TYPE: {"schema": {"type": "string"}, "example": "item,turnover\r\nA-100,3.5\r\n"},
                    XLSX_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
                }
            },
            **problems(EMPTY_PERIOD, UNAVAILABLE),
        },
    )
    async def reports_get(
        request: Request,
        report: Annotated[ReportName, Path(examples=["turnover"])],
        query: Annotated[ReportQuery, Query()],
    ) -> Response:
        asked = _asked(report, query)
        async with working:
            if query.format == "json":
                rows = await asyncio.to_thread(_first_rows, limited, asked)
                columns = columns_of(report)
                shown = [list(row) for row in rows[:ROWS_MAX]]
                return json_response(
                    ReportResult(report, asked.since, asked.until, columns, shown, len(rows) > ROWS_MAX)
                )
            file = await asyncio.to_thread(_file, limited, asked, query.format)
        media_type = CSV_MEDIA_TYPE if query.format == "csv" else XLSX_MEDIA_TYPE
        return StreamingResponse(_pieces(file), media_type=media_type, headers=attachment(f"{report}.{query.format}"))

    @routes.post(
        "/reports/jobs",
        operation_id="reports_order",
        summary="A report in the background",
        status_code=202,
        response_model=Ordered,
        responses=problems(EMPTY_PERIOD, UNAVAILABLE),
    )
    async def reports_order(request: Request, order: ReportOrder) -> Response:
        """Follow `/v1/jobs/JOB`; when it is done, `result.link` is the file, kept 30 days."""
        asked = _asked(order.report, order)
        job_id, actor = uuid4(), principal_of(request.scope).actor

        def queue() -> None:
            with connect(dsn) as connection, connection.transaction():
                jobs.enqueue(connection, job_id, KIND, order.report, actor, as_request(asked, order.format))

        try:
            await asyncio.to_thread(queue)
        except jobs.QueueFull as full:
            raise ProblemError(UNAVAILABLE, str(full), headers={"Retry-After": "60"}) from None
        return json_response(Ordered(job_id), 202, {"Location": f"/v1/jobs/{job_id}"})

    @routes.get(
        "/files/{file_id}",
        operation_id="files_get",
        summary="A file that was made",
        response_class=Response,
        responses={
            200: {
                "description": "The file.",
                "content": {
                    CSV_MEDIA_TYPE: {"schema": {"type": "string"}, "example": "item,turnover\r\n"},
                    XLSX_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
                },
            }
        },
    )
    async def files_get(
        file_id: Annotated[UUID, Path(examples=["5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"])],
    ) -> Response:
        """Only what reports made; uploads are not given out again."""
        query = """select name, media_type from stored_file f where file_id = %s
            and not exists (select from import_run r where r.file_id = f.file_id)"""
        async with pool.connection() as connection:
            row = await (await connection.execute(query.encode(), (file_id,))).fetchone()
        if row is None:
            raise not_found("file", str(file_id))

        def copied() -> Any:
            copy = tempfile.SpooledTemporaryFile(files.PART_BYTES)  # noqa: SIM115  (closed with the answer)
            with connect(dsn) as connection, files.opened(connection, file_id) as content:
                while piece := content.read(files.PART_BYTES):
                    copy.write(piece)
            copy.seek(0)
            return copy

        file = await asyncio.to_thread(copied)
        return StreamingResponse(_pieces(file), media_type=row[1], headers=attachment(row[0]))

    return routes


def _asked(report: str, query: ReportQuery | ReportOrder) -> Asked:
    try:
        return ask(
            report,
            datetime.now(UTC),
            query.since,
            query.until,
            query.item,
            query.location,
            Decimal(query.tolerance_percent),
            query.language,
        )
    except (ValueError, OverflowError) as error:
        raise ProblemError(EMPTY_PERIOD, str(error)) from None


def _first_rows(dsn: str, asked: Asked) -> list[tuple[Any, ...]]:
    found = []
    with connect(dsn) as connection, connection.transaction():
        connection.execute("set transaction read only")
        for row in rows_of(connection, asked):
            found.append(row)
            if len(found) > ROWS_MAX:
                break
    return found


def _file(dsn: str, asked: Asked, form: str) -> Any:
    file = tempfile.SpooledTemporaryFile(files.PART_BYTES)  # noqa: SIM115  (closed with the answer)
    with connect(dsn) as connection, connection.transaction():
        connection.execute("set transaction read only")
        write(connection, asked, form, file, lambda *_: None)  # type: ignore[arg-type]
    file.seek(0)
    return file


def _pieces(file: Any) -> Iterator[bytes]:
    with file:
        while piece := file.read(files.PART_BYTES):
            yield piece
