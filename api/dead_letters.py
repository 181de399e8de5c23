"""Dead letters: input that could not be processed, kept as it came, and what to do with it."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import Code, Lister, Page, Paging
from api.postgres import dead_letters as store
from api.postgres.dead_letters import DeadLetterRow
from api.postgres.pool import Pool
from api.principal import principal_of
from api.problems import INVALID_CURSOR, ProblemError, ProblemKind, not_found
from warehouse.postgres.queries.paging import NOT_SORTED

ALREADY_DECIDED = ProblemKind(
    "already_decided", 409, "That was decided otherwise before", "Read it; a decision is not taken back."
)


class DeadLetterStatus(StrEnum):
    """`open` waits for a person, `replay` for the stream to take it up; the others are final."""

    OPEN = "open"
    REPLAY = "replay"
    REPLAYED = "replayed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class DeadLetterView:
    """One input that could not be processed."""

    dead_letter_id: Annotated[UUID, Field(examples=["0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"])]
    kind: Annotated[str, Field(examples=["batch_bytes"])]
    source: Annotated[str, Field(description="Topic, or agent/epoch/counter.", examples=["dock/9f1c/1204"])]
    key: Annotated[str, Field(description="The place, tag or passage it was for.", examples=["door-1"])]
    reason: Annotated[str, Field(examples=["schema 9 is not known"])]
    body_bytes: Annotated[int, Field(description="Size of what came.", examples=[812])]
    status: DeadLetterStatus
    note: str
    actor: Annotated[str, Field(description="Who decided.")]
    recorded_at: datetime
    decided_at: datetime | None
    body: Annotated[
        str | None, Field(description="Base64 of the first 65,536 bytes; null in lists.", examples=["gqRraW5k"])
    ] = field(metadata=NOT_SORTED)


class DeadLetterQuery(Paging):
    """Which dead letters."""

    status: DeadLetterStatus | None = None
    kind: Annotated[Code | None, Field(examples=["posting"])] = None


class Decision(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=1000, pattern=r"^[^\u0000]*$", examples=["edge updated"])] = ""


def _view(row: DeadLetterRow) -> DeadLetterView:
    body = None if row.body is None else b64encode(row.body).decode()
    return DeadLetterView(
        row.dead_letter_id,
        row.kind,
        row.source,
        row.key,
        row.reason,
        row.body_bytes,
        DeadLetterStatus(row.status),
        row.note,
        row.actor,
        row.recorded_at,
        row.decided_at,
        body,
    )


_LETTERS: Lister[DeadLetterRow, tuple[datetime, UUID]] = Lister(
    "dead-letters", tuple[datetime, UUID], DeadLetterRow, "recorded_at", "dead_letter_id"
)

LetterId = Annotated[UUID, Path(description="The dead letter.", examples=["0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"])]


def router(pool: Pool) -> APIRouter:
    """List, look, replay, drop."""
    routes = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @routes.get(
        "",
        operation_id="dead_letters_list",
        summary="Input that could not be processed",
        response_model=Page[DeadLetterView],
        responses=problems(INVALID_CURSOR),
    )
    async def dead_letters_list(request: Request, query: Annotated[DeadLetterQuery, Query()]) -> Response:
        """Newest first."""
        rows = await store.dead_letters(pool, query.status, query.kind, _LETTERS.start(query), _LETTERS.take(query))
        return _LETTERS.answer(request, query, rows)

    @routes.get(
        "/{dead_letter_id}",
        operation_id="dead_letters_get",
        summary="One dead letter with what came",
        response_model=DeadLetterView,
    )
    async def dead_letters_get(dead_letter_id: LetterId) -> Response:
        """With the beginning of its bytes."""
        row = await store.dead_letter(pool, dead_letter_id)
        if row is None:
            raise not_found("dead letter", str(dead_letter_id))
        return json_response(_view(row))

    async def decide(request: Request, dead_letter_id: UUID, status: DeadLetterStatus, note: str) -> Response:
        row = await store.decide(pool, dead_letter_id, status, principal_of(request.scope).actor, note)
        if row is None:
            raise not_found("dead letter", str(dead_letter_id))
        reached = {DeadLetterStatus.REPLAY: {"replay", "replayed"}, DeadLetterStatus.DROPPED: {"dropped"}}[status]
        if row.status not in reached:
            raise ProblemError(ALREADY_DECIDED, f"the dead letter is {row.status}")
        return json_response(_view(row))

    @routes.post(
        "/{dead_letter_id}/replay",
        operation_id="dead_letters_replay",
        summary="Give it to the stream again",
        response_model=DeadLetterView,
        responses=problems(ALREADY_DECIDED),
    )
    async def dead_letters_replay(request: Request, dead_letter_id: LetterId, decision: Decision) -> Response:
        """The stream takes it up with its next chunk. Asking twice is harmless."""
        return await decide(request, dead_letter_id, DeadLetterStatus.REPLAY, decision.note)

    @routes.post(
        "/{dead_letter_id}/drop",
        operation_id="dead_letters_drop",
        summary="Give it up",
        response_model=DeadLetterView,
        responses=problems(ALREADY_DECIDED),
    )
    async def dead_letters_drop(request: Request, dead_letter_id: LetterId, decision: Decision) -> Response:
        """It stays listed, and is never processed. Asking twice is harmless."""
        return await decide(request, dead_letter_id, DeadLetterStatus.DROPPED, decision.note)

    return routes
