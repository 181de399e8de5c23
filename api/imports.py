"""Imports: a file in, its problems and changes out. Applying, undoing and signing off are commands.

An upload is kept and answered at once; a job then checks it (or, with `apply`, puts it into the books when nothing is
wrong). At most UPLOADS_MAX arrive at a time; what is larger than MEMORY_BYTES waits on disk meanwhile.
"""

import asyncio
import hashlib
import io
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.commands import IdempotencyKey
from api.documented import problems
from api.downloads import CSV_MEDIA_TYPE, CSV_RESPONSE, XLSX_MEDIA_TYPE, attachment, csv_response
from api.encoding import json_response
from api.languages import Language, preferred
from api.moments import Day
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging
from api.postgres import imports as store
from api.postgres.imports import ImportChange, ImportProblem, ImportView, Position, Reconciled
from api.postgres.pool import Pool
from api.principal import principal_of
from api.problems import INVALID, INVALID_CURSOR, KEY_REUSED, UNAVAILABLE, FieldProblem, ProblemError, not_found
from warehouse.commands import Actor
from warehouse.imports import problem_words
from warehouse.imports.template_file import as_csv, as_workbook
from warehouse.imports.templates import TEMPLATES
from warehouse.postgres.database.files import FILE_BYTES_MAX
from warehouse.postgres.exchange.jobs import QueueFull
from warehouse.postgres.importing.work import options_of

UPLOADS_MAX = 2
MEMORY_BYTES = 4 << 20

_BODY = {
    "requestBody": {
        "required": True,
        "description": f"The file itself, at most {FILE_BYTES_MAX >> 20} MiB: CSV (UTF-8, UTF-16 with a mark, GB18030) "
        "or a workbook. What it is, is seen from its first bytes.",
        "content": {
            CSV_MEDIA_TYPE: {
                "schema": {"type": "string", "minLength": 1},
                "example": "item,location,quantity\r\nA-100,RACK-1-03,48\r\n",
            },
            XLSX_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary", "minLength": 1}},
        },
    }
}
TemplateName = Literal[
    "categories",
    "items",
    "units",
    "partners",
    "locations",
    "lots",
    "boms",
    "tags",
    "handling-units",
    "documents",
    "opening-stock",
]
assert set(get_args(TemplateName)) == set(TEMPLATES)


class UploadQuery(BaseModel):
    """What the file is, and what is to be done with it."""

    model_config = ConfigDict(extra="forbid")

    template: Annotated[TemplateName, Field(description="See `/v1/imports/templates`.", examples=["opening-stock"])]
    file_name: Annotated[Code, Field(description="Its name, for people.", examples=["stock-2025.csv"])] = "upload"
    apply: Annotated[bool, Field(description="Also put it into the books, if nothing is wrong with it.")] = False
    as_of: Annotated[
        Day | None, Field(description="The day that opening stock without one is dated.", examples=["2025-12-31"])
    ] = None
    control_rows: Annotated[
        int | None, Field(ge=0, le=2**31, description="Rows by the old system; else it is refused.", examples=[2])
    ] = None
    control_quantity: Annotated[
        str | None,
        Field(
            pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$",
            description="Likewise for the sum of `quantity`.",
            examples=["96"],
        ),
    ] = None


class FileQuery(BaseModel):
    """How a file is written."""

    model_config = ConfigDict(extra="forbid")

    language: Annotated[
        Language | None, Field(description="What `Accept-Language` prefers, unless given.", examples=["zh"])
    ] = None


class RunQuery(Paging):
    """Which runs."""

    template: Annotated[Code | None, Field(examples=["items"])] = None
    state: Annotated[Code | None, Field(examples=["applied"])] = None


@dataclass(frozen=True, slots=True)
class Received:
    """The file is kept; its job says how it goes on."""

    run_id: UUID
    job_id: UUID
    repeated: Annotated[bool, Field(description="It came before, under the same key.")]


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """One column."""

    name: Annotated[str, Field(examples=["quantity"])]
    kind: Annotated[str, Field(examples=["quantity"])]
    required: bool
    meaning: Annotated[str, Field(examples=["How much, above zero."])]
    example: Annotated[str, Field(examples=["48"])]
    other_names: Annotated[list[str], Field(examples=[["qty", "数量"]])]
    choices: Annotated[list[str], Field(description="Every word it takes.", examples=[[]])]


@dataclass(frozen=True, slots=True)
class TemplateView:
    """One template: also at `/v1/imports/templates/NAME.csv` and `.xlsx`."""

    name: Annotated[str, Field(examples=["opening-stock"])]
    meaning: Annotated[str, Field(examples=["What lay where when the books began."])]
    columns: list[TemplateColumn]


@dataclass(frozen=True, slots=True)
class Templates:
    """Every template."""

    items: list[TemplateView]


_RUNS: Lister[ImportView, Position] = Lister("imports", Position, ImportView, "created_at", "run_id")
_PROBLEMS: Lister[ImportProblem, tuple[int]] = Lister("import-problems", tuple[int], ImportProblem, "n")
_CHANGES: Lister[ImportChange, tuple[int]] = Lister("import-changes", tuple[int], ImportChange, "n")

RunId = Annotated[UUID, Path(description="The run.", examples=["0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"])]


def router(pool: Pool, dsn: str) -> APIRouter:
    """Templates, uploads, runs."""
    routes = APIRouter(prefix="/v1/imports", tags=["imports"])
    arriving = asyncio.Semaphore(UPLOADS_MAX)

    @routes.get("/templates", operation_id="imports_templates", summary="The templates", response_model=Templates)
    async def imports_templates() -> Response:
        """Every template with its columns; headers may be in any order, in either language."""
        return json_response(Templates([_template_view(name) for name in TEMPLATES]))

    @routes.get(
        "/templates/{file_name}",
        operation_id="imports_template_file",
        summary="An empty table to fill in",
        response_class=Response,
        responses={
            200: {
                "description": "The header alone; a workbook explains its columns on a second sheet.",
                "content": {
                    CSV_MEDIA_TYPE: {"schema": {"type": "string"}, "example": "item,location,quantity\r\n"},
                    XLSX_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
                },
            }
        },
    )
    async def imports_template_file(
        file_name: Annotated[str, Path(max_length=64, pattern=TEXT_PATTERN, examples=["opening-stock.csv"])],
    ) -> Response:
        """`NAME.csv` or `NAME.xlsx`."""
        name, _, form = file_name.rpartition(".")
        template = TEMPLATES.get(name)
        if template is None or form not in ("csv", "xlsx"):
            raise not_found("template file", file_name)
        if form == "csv":
            return Response(as_csv(template), media_type=CSV_MEDIA_TYPE, headers=attachment(file_name))
        book = io.BytesIO()
        as_workbook(template, book)
        return Response(book.getvalue(), media_type=XLSX_MEDIA_TYPE, headers=attachment(file_name))

    @routes.post(
        "",
        operation_id="imports_upload",
        summary="Send a file",
        status_code=202,
        response_model=Received,
        responses=problems(KEY_REUSED, UNAVAILABLE, INVALID),
        openapi_extra=_BODY,
    )
    async def imports_upload(
        request: Request, query: Annotated[UploadQuery, Query()], idempotency_key: IdempotencyKey = None
    ) -> Response:
        """It is checked in the background, row by row and cell by cell: follow `/v1/jobs/JOB`, then read
        `/v1/imports/RUN` and its problems. All rows or none go into the books, with `apply` at once, else by
        `POST /v1/imports/apply`. The same `Idempotency-Key` with the same file is one run.
        """
        principal = principal_of(request.scope)
        key = idempotency_key or str(uuid4())
        run_id = uuid5(NAMESPACE_URL, f"tagledger:import:{principal.key_id}:{key}")
        options = options_of(
            query.as_of, query.control_rows, Decimal(query.control_quantity) if query.control_quantity else None
        )
        async with arriving:
            with tempfile.SpooledTemporaryFile(MEMORY_BYTES) as content:
                async for chunk in request.stream():
                    content.write(chunk)
                if content.tell() == 0:
                    problem = FieldProblem("the body is empty", "send the file as the body", "")
                    raise ProblemError(INVALID, "there is no file", [problem])
                media_type = request.headers.get("content-type", CSV_MEDIA_TYPE)[:128]
                job_id = uuid5(run_id, "upload")
                try:
                    known = await asyncio.to_thread(
                        store.receive,
                        dsn,
                        run_id,
                        job_id,
                        query.template,
                        query.file_name,
                        media_type,
                        Actor(principal.actor, principal.device),
                        options,
                        content,  # type: ignore[arg-type]  # typeshed has no common type for the two
                        applying=query.apply,
                    )
                except QueueFull as full:
                    raise ProblemError(UNAVAILABLE, str(full), headers={"Retry-After": "60"}) from None
                if known is not None and known != await asyncio.to_thread(_digest, content):
                    problem = FieldProblem(KEY_REUSED.title, KEY_REUSED.fix, None, "header:Idempotency-Key")
                    raise ProblemError(KEY_REUSED, "the key was sent with another file before", [problem])
        return json_response(Received(run_id, job_id, known is not None), 202, {"Location": f"/v1/imports/{run_id}"})

    @routes.get(
        "",
        operation_id="imports_list",
        summary="Imports",
        response_model=Page[ImportView],
        responses=problems(INVALID_CURSOR),
    )
    async def imports_list(request: Request, query: Annotated[RunQuery, Query()]) -> Response:
        """Newest first."""
        rows = await store.run_list(pool, query.template, query.state, _RUNS.start(query), _RUNS.take(query))
        return _RUNS.answer(request, query, rows)

    async def known_run(run_id: UUID) -> ImportView:
        found = await store.run(pool, run_id)
        if found is None:
            raise not_found("import", str(run_id))
        return found

    @routes.get("/{run_id}", operation_id="imports_get", summary="One import", response_model=ImportView)
    async def imports_get(run_id: RunId) -> Response:
        """What it found and what became of it."""
        return json_response(await known_run(run_id))

    @routes.get(
        "/{run_id}/problems",
        operation_id="imports_problems",
        summary="What is wrong, by row and column",
        response_model=Page[ImportProblem],
        responses=problems(INVALID_CURSOR),
    )
    async def imports_problems(request: Request, run_id: RunId, query: Annotated[Paging, Query()]) -> Response:
        """Errors before warnings, the first 10,000 of each; `summary` counts all."""
        await known_run(run_id)
        within = f"/{run_id}"
        after = _PROBLEMS.start(query, within)
        rows = await store.problem_list(pool, run_id, after[0] if after else None, _PROBLEMS.take(query, within))
        return _PROBLEMS.answer(request, query, rows, within)

    @routes.get(
        "/{run_id}/changes",
        operation_id="imports_changes",
        summary="What cleaning changed, by row and column",
        response_model=Page[ImportChange],
        responses=problems(INVALID_CURSOR),
    )
    async def imports_changes(request: Request, run_id: RunId, query: Annotated[Paging, Query()]) -> Response:
        """The first 10,000; `summary` counts all."""
        await known_run(run_id)
        within = f"/{run_id}"
        after = _CHANGES.start(query, within)
        rows = await store.change_list(pool, run_id, after[0] if after else None, _CHANGES.take(query, within))
        return _CHANGES.answer(request, query, rows, within)

    @routes.get(
        "/{run_id}/problems.csv",
        operation_id="imports_problems_file",
        summary="What is wrong, as a file",
        response_class=Response,
        responses=CSV_RESPONSE,
    )
    async def imports_problems_file(request: Request, run_id: RunId, query: Annotated[FileQuery, Query()]) -> Response:
        """For the spreadsheet in which they are corrected."""
        await known_run(run_id)
        rows = await store.problem_list(pool, run_id, None, 100_000)
        if (query.language or preferred(request.scope["headers"])) == "zh":
            return csv_response(f"problems-{run_id}.csv", problem_words.COLUMNS, _in_chinese(rows))
        return csv_response(f"problems-{run_id}.csv", *_table(ImportProblem, rows))

    @routes.get(
        "/{run_id}/changes.csv",
        operation_id="imports_changes_file",
        summary="What cleaning changed, as a file",
        response_class=Response,
        responses=CSV_RESPONSE,
    )
    async def imports_changes_file(run_id: RunId) -> Response:
        """For whoever signs it off."""
        await known_run(run_id)
        rows = await store.change_list(pool, run_id, None, 100_000)
        return csv_response(f"changes-{run_id}.csv", *_table(ImportChange, rows))

    @routes.get(
        "/{run_id}/reconciliation.csv",
        operation_id="imports_reconciliation",
        summary="File and ledger side by side",
        response_class=Response,
        responses=CSV_RESPONSE,
    )
    async def imports_reconciliation(run_id: RunId) -> Response:
        """Per item: rows and quantity in the file, quantity by this run's movements, their difference (0 when all is
        well), and what is on hand now.
        """
        await known_run(run_id)
        names = [field.name for field in fields(Reconciled)]

        async def rows() -> Any:
            async for row in store.reconciled(pool, run_id):
                yield [getattr(row, name) for name in names]

        return csv_response(f"reconciliation-{run_id}.csv", names, rows())

    return routes


async def _in_chinese(rows: Sequence[ImportProblem]) -> AsyncIterator[Sequence[object]]:
    for row in rows:
        yield problem_words.in_chinese(row.row, row.column, row.severity, row.code, row.value, row.message, row.fix)


def _table(row_type: Any, rows: Any) -> tuple[list[str], Any]:
    names = [field.name for field in fields(row_type) if field.name != "n"]

    async def listed() -> Any:
        for row in rows:
            yield [getattr(row, name) for name in names]

    return names, listed()


def _digest(content: Any) -> str:
    content.seek(0)
    return hashlib.file_digest(content, "sha256").hexdigest()


def _template_view(name: str) -> TemplateView:
    template = TEMPLATES[name]
    return TemplateView(
        name,
        template.meaning,
        [
            TemplateColumn(
                column.name,
                column.kind.value,
                column.required,
                column.meaning,
                column.example,
                list(column.other_names),
                list(column.choices),
            )
            for column in template.columns
        ],
    )
