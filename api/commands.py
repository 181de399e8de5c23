"""Commands: one operation for each command of the warehouse, its body made from the command itself.

A command runs in a worker thread through the `CommandBus` port, at most `RUNNING_MAX` at once; others wait. It is
executed once per key and `Idempotency-Key`. Who asked and with which device goes into the books.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Header
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.command_models import body_model, to_command
from api.command_routes import COMMANDS, CommandRoute
from api.documented import problems
from api.encoding import json_response
from api.ports import Accounts, CommandBus
from api.principal import principal_of
from api.problems import KEY_REUSED
from api.refusals import REFUSALS, refused
from warehouse.commands import Actor, Command, Refusal

RUNNING_MAX = 8

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]+$",
        description="Made and kept by the caller before the first try. Without it every request is a new command.",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]
Device = Annotated[
    str | None,
    Header(
        alias="X-Device",
        min_length=1,
        max_length=64,
        pattern=r"^[!-~]+$",
        description="The device in use, for the books; a key that is bound to a device has its own.",
        examples=["pda-7"],
    ),
]


@dataclass(frozen=True, slots=True)
class Done:
    """A command was executed, now or before."""

    request_id: Annotated[UUID, Field(description="The id movements and audit log name it by.")]
    repeated: Annotated[bool, Field(description="It was done before; this is the stored answer.")]
    response: Annotated[dict[str, Any], Field(examples=[{"item_id": 17, "code": "A-100"}])]


def router(bus: CommandBus, accounts: Accounts) -> APIRouter:
    """One route a command."""
    routes = APIRouter()
    running = asyncio.Semaphore(RUNNING_MAX)
    for route in COMMANDS:
        _add(routes, bus, accounts, running, route)
    return routes


def _add(
    routes: APIRouter, bus: CommandBus, accounts: Accounts, running: asyncio.Semaphore, route: CommandRoute
) -> None:
    model = body_model(route.command, route.example)

    async def execute(
        request: Request,
        body: BaseModel,
        idempotency_key: IdempotencyKey = None,
        device: Device = None,
    ) -> Response:
        principal = principal_of(request.scope)
        command: Command = to_command(route.command, body)
        actor = Actor(principal.actor, principal.device or device or "", principal.rights)
        client_event_id = idempotency_key or str(uuid4())
        async with running:
            outcome = await asyncio.to_thread(bus.execute, command, actor, f"api:{principal.key_id}", client_event_id)
        if isinstance(outcome, Refusal):
            raise refused(outcome)
        response = outcome.response
        if route.shown_once:
            secret = None if outcome.repeated else await asyncio.to_thread(accounts.secret_for, command, response)
            response = {**response, route.shown_once: secret}
        return json_response(Done(outcome.request_id, outcome.repeated, response))

    execute.__annotations__["body"] = model
    kinds = [KEY_REUSED, *(REFUSALS[code] for code in route.refusals)]
    routes.add_api_route(
        route.path,
        execute,
        methods=["POST"],
        operation_id=route.operation_id,
        summary=route.summary,
        description=route.description,
        tags=[route.tag],
        response_model=Done,
        responses=problems(*dict.fromkeys(kinds)),
    )
