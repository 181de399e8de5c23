"""Movements: the ledger, newest first, and the explanation of each."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.moments import Moment
from api.paging import Code, Lister, Page, Paging
from api.postgres.explanations import CommandTrace, MovedTagView, command_of, moved_tags
from api.postgres.passages import PassageView, passage
from api.postgres.pool import Pool
from api.problems import INVALID_CURSOR, NOT_SEALED, ProblemError, not_found
from api.query_route import QueryRoute
from api.reading_scope import reading
from warehouse.postgres.queries.documents import Document, document
from warehouse.postgres.queries.movements import Movement, movement, movements
from warehouse.postgres.queries.proofs import Proof, prove

# An explanation shows this many tags; `/tags` has all.
EXPLAINED_TAGS_MAX = 100


# A number is unique within its kind only.
DocumentName = Annotated[
    str,
    Field(
        max_length=256,
        pattern=r"^[a-z_]+/[^\u0000-\u001f\u007f]+$",
        description="Kind and number.",
        examples=["purchase_receipt/ASN-1001"],
    ),
]


class MovementQuery(Paging):
    """Which movements."""

    item: Annotated[Code | None, Field(examples=["A-100"])] = None
    lot: Annotated[Code | None, Field(examples=["L-2026-014"])] = None
    location: Annotated[Code | None, Field(description="From it or to it.", examples=["hall-a"])] = None
    passage: Annotated[UUID | None, Field(description="Made by this passage.")] = None
    document: DocumentName | None = None
    since: Annotated[Moment | None, Field(description="Happened at or after.")] = None
    until: Annotated[Moment | None, Field(description="Happened before.")] = None


@dataclass(frozen=True, slots=True)
class MovementExplanation:
    """Why a movement is in the books; null where it does not apply. Its antennas: the passage's evidence."""

    movement: Movement
    document: Document | None
    passage: PassageView | None
    evidence: Annotated[
        str | None,
        Field(description="Power over time at each antenna.", examples=["/v1/passages/5a3f…/evidence"]),
    ]
    command: CommandTrace | None
    tags: Annotated[list[MovedTagView], Field(description="The first 100; `/tags` has all.")]


_MOVEMENTS: Lister[Movement, tuple[int]] = Lister("movements", tuple[int], Movement, "seq")
_TAGS: Lister[MovedTagView, tuple[str]] = Lister("movement-tags", tuple[str], MovedTagView, "epc")

MoveId = Annotated[UUID, Path(description="The movement.", examples=["5a3f0f53-5dd8-5b05-9c61-7b3a24b9e0aa"])]


def document_named(text: str | None) -> tuple[str, str] | None:
    """Kind and number; the number may have slashes of its own."""
    if text is None:
        return None
    kind, _, number = text.partition("/")
    return kind, number


def router(pool: Pool) -> APIRouter:
    """The ledger."""
    routes = APIRouter(prefix="/v1/movements", tags=["movements"], route_class=QueryRoute)

    async def known(move_id: UUID) -> Movement:
        async with pool.connection() as connection:
            found = await movement(connection, move_id)
        if found is None:
            raise not_found("movement", str(move_id))
        return found

    @routes.get(
        "",
        operation_id="movements_list",
        summary="The ledger",
        response_model=Page[Movement],
        responses=problems(INVALID_CURSOR),
    )
    async def movements_list(request: Request, query: Annotated[MovementQuery, Query()]) -> Response:
        """Newest first, in the order they were written."""
        after = _MOVEMENTS.start(query)
        async with pool.connection() as connection:
            rows = await movements(
                connection,
                after[0] if after else None,
                _MOVEMENTS.take(query),
                item=query.item,
                lot=query.lot,
                location=query.location,
                passage_id=query.passage,
                document=document_named(query.document),
                since=query.since,
                until=query.until,
            )
        return _MOVEMENTS.answer(request, query, rows)

    @routes.get("/{move_id}", operation_id="movements_get", summary="One movement", response_model=Movement)
    async def movements_get(move_id: MoveId) -> Response:
        """One row of the ledger."""
        return json_response(await known(move_id))

    @routes.get(
        "/{move_id}/tags",
        operation_id="movements_tags",
        summary="Which tags it moved",
        response_model=Page[MovedTagView],
        responses=problems(INVALID_CURSOR),
    )
    async def movements_tags(request: Request, move_id: MoveId, query: Annotated[Paging, Query()]) -> Response:
        """By EPC, with the portal's verdict on each."""
        await known(move_id)
        within = f"/{move_id}"
        after = _TAGS.start(query, within)
        rows = await moved_tags(pool, move_id, after[0] if after else None, _TAGS.take(query, within))
        return _TAGS.answer(request, query, rows, within)

    @routes.get(
        "/{move_id}/explain",
        operation_id="movements_explain",
        summary="Why is it in the books",
        response_model=MovementExplanation,
    )
    async def movements_explain(move_id: MoveId) -> Response:
        """Passage, tags with their verdicts, document line, person, device and command."""
        row = await known(move_id)
        paper = None
        if row.document_kind is not None and row.document is not None:
            async with pool.connection() as connection:
                paper = await document(connection, row.document_kind, row.document)
        load = None if row.passage_id is None else await passage(pool, row.passage_id, None)
        evidence = f"/v1/passages/{load.passage_id}/evidence" if load is not None and load.has_evidence else None
        command = None if row.request_id is None else await command_of(pool, row.request_id)
        tags = list(await moved_tags(pool, move_id, None, EXPLAINED_TAGS_MAX))
        return json_response(MovementExplanation(row, paper, load, evidence, command, tags))

    @routes.get(
        "/{move_id}/proof",
        operation_id="movements_proof",
        summary="Prove that it is in the ledger, unchanged",
        response_model=Proof,
        responses=problems(NOT_SEALED),
    )
    async def movements_proof(move_id: MoveId) -> Response:
        """Two inclusion proofs by RFC 9162: of the movement in its stretch, and of that in the ledger with this head.

        Heads are told as they are made (`ledger_sealed`): an auditor who kept one needs nobody's word.
        """
        await known(move_id)
        with reading(None):  # the hashes of others' movements tell nothing of them
            async with pool.connection() as connection:
                proof = await prove(connection, move_id)
        if proof is None:
            raise ProblemError(NOT_SEALED, f"movement {move_id} is newer than the last seal")
        return json_response(proof)

    return routes
