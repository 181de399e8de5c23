"""Signed callbacks: an office system says how a document was decided. No key is needed, the signature is who it is.

Signed as our own webhooks are (Standard Webhooks 1.0): `webhook-id`, `webhook-timestamp`, `webhook-signature`. The id
makes a callback that is sent again the same command; the timestamp may be five minutes off.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.command_routes.route import DECIDED
from api.commands import Done
from api.documented import problems
from api.encoding import json_response
from api.paging import TEXT_PATTERN, Code
from api.ports import CommandBus
from api.postgres.pool import Pool
from api.principal import principal_of
from api.problems import UNAUTHENTICATED, ProblemError
from api.refusals import REFUSALS, refused
from warehouse.commands import (
    Actor,
    ApproveDocument,
    CancelDocument,
    Command,
    Permission,
    Refusal,
    RefusalCode,
    Rights,
)
from warehouse.postgres.database.connect import connect
from warehouse.postgres.exchange import callbacks
from warehouse.webhooks import is_signed

# What a callback's signature is good for, and no more.
_RIGHTS = Rights(frozenset({Permission.APPROVE, Permission.DOCUMENT}))

SystemName = Annotated[str, Path(max_length=128, pattern=TEXT_PATTERN, examples=["oa"])]


class SystemSpec(BaseModel):
    """Whose callbacks are taken."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "oa", "overlap_hours": 24}]})

    name: Code
    overlap_hours: Annotated[int, Field(ge=0, le=720, description="How long an older key stays good.")] = 24


class Approval(BaseModel):
    """How a document that waits for approval was decided."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "scrap", "number": "S-1", "decision": "approve", "person": "lee", "note": ""}]
        },
    )

    kind: Code
    number: Code
    decision: Literal["approve", "reject"]
    person: Annotated[Code, Field(description="Who decided, there; the books name SYSTEM:PERSON.")]
    note: Annotated[str, Field(max_length=256, pattern=r"^[^\u0000-\u001f\u007f]*$")] = ""


@dataclass(frozen=True, slots=True)
class SystemKey:
    """Shown once."""

    name: Annotated[str, Field(examples=["oa"])]
    secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]


def router(pool: Pool, dsn: str, bus: CommandBus) -> APIRouter:
    """Keys of systems, and their callbacks."""
    routes = APIRouter(prefix="/v1", tags=["inbox"])

    @routes.post(
        "/callback-systems",
        operation_id="callbacks_register",
        summary="Make a key for a system's callbacks",
        status_code=201,
        response_model=SystemKey,
    )
    async def callbacks_register(request: Request, spec: SystemSpec) -> Response:
        """The key is shown once. Asked again it makes a second one, and the first ends after `overlap_hours`."""
        actor = principal_of(request.scope).actor

        def make() -> str:
            with connect(dsn) as connection, connection.transaction():
                return callbacks.register(connection, spec.name, timedelta(hours=spec.overlap_hours), actor)

        return json_response(SystemKey(spec.name, await asyncio.to_thread(make)), 201)

    @routes.post(
        "/callbacks/{system}/approvals",
        operation_id="callbacks_approve",
        summary="A document was approved or rejected elsewhere",
        response_model=Done,
        responses=problems(UNAUTHENTICATED, *(REFUSALS[code] for code in (*DECIDED, RefusalCode.OWN_REQUEST))),
    )
    async def callbacks_approve(
        request: Request,
        system: SystemName,
        approval: Approval,
        webhook_id: Annotated[str, Header(min_length=1, max_length=128, pattern=r"^[!-~]+$", examples=["msg_1"])],
        webhook_timestamp: Annotated[int, Header(ge=0, le=2**40, examples=[1772352000])],
        webhook_signature: Annotated[str, Header(max_length=1024, pattern=r"^[ -~]+$", examples=["v1,K5oZfz…"])],
    ) -> Response:
        """Approving opens it, rejecting cancels it. Signed with the system's key; the same id again is the same."""
        async with pool.connection() as connection:
            cursor = await connection.execute(callbacks.LIVE_KEYS.encode(), (system,))
            keys = [bytes(row[0]) for row in await cursor.fetchall()]
        body = await request.body()
        if not is_signed(keys, webhook_id, webhook_timestamp, body, webhook_signature, int(time.time())):
            raise ProblemError(UNAUTHENTICATED, "no key of that system made this signature, or its time is not now")
        command: Command = ApproveDocument(approval.kind, approval.number)
        if approval.decision == "reject":
            command = CancelDocument(approval.kind, approval.number, approval.note or f"rejected in {system}")
        actor = Actor(f"{system}:{approval.person}", "", _RIGHTS)
        outcome = await asyncio.to_thread(bus.execute, command, actor, f"callback:{system}", webhook_id)
        if isinstance(outcome, Refusal):
            raise refused(outcome)
        return json_response(Done(outcome.request_id, outcome.repeated, outcome.response))

    return routes
