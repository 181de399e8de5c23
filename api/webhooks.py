"""Partners' endpoints: who is told what, and what became of each message."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar, get_args
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Query
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from api.documented import problems
from api.encoding import json_response
from api.paging import TEXT_PATTERN, Code, Lister, Page, Paging
from api.postgres import webhooks as store
from api.postgres.pool import Pool
from api.postgres.webhooks import MessageView, WebhookView
from api.principal import principal_of
from api.problems import INVALID_CURSOR, ProblemError, ProblemKind, not_found
from warehouse.events import TYPES, Event
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.database.connect import connect
from warehouse.postgres.exchange import webhooks

NOT_DEAD = ProblemKind("not_dead", 409, "The message is no dead letter", "Read it; only dead messages are decided.")

EventType = Literal[
    "*",
    "stock.moved",
    "document.changed",
    "discrepancy.opened",
    "alarm.raised",
    "alert.raised",
    "alert.cleared",
    "import.changed",
    "tag.located",
    "webhook.test",
]
assert set(get_args(EventType)) == {"*", *TYPES}

_RECEIVING = """
Messages are POSTed as JSON and signed after the Standard Webhooks specification 1.0: headers `webhook-id`,
`webhook-timestamp` and `webhook-signature` (`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; two while a
secret is being replaced). Answer 2xx **after** your own commit. Anything else, or no answer, and the message comes
again under the same `webhook-id`, after 5 s, 1 min, 5 min, 30 min, 2 h, 5 h, 10 h, 24 h and 24 h; then it is a dead
letter until somebody replays or drops it. **Keep the ids you have acted on**, so that a message whose answer got lost
acts once. 410 ends the endpoint. Messages about one document (or item) come one after the other; others come side by
side.

Types: """ + "; ".join(f"`{name}`: {meaning}" for name, meaning in TYPES.items())


class WebhookSpec(BaseModel):
    """Whom to tell what."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"partner": "erp", "url": "https://erp.example/hooks/tagledger", "types": ["stock.moved"]},
            ]
        },
    )

    partner: Code
    url: Annotated[
        AnyHttpUrl, Field(max_length=2048, description="https; http only into networks the site file allows.")
    ]
    types: Annotated[list[EventType], Field(min_length=1, max_length=20, description="`*` is all.")]
    format: Annotated[
        Literal["tagledger", "epcis"], Field(description="epcis: EPCIS 2.0 JSON-LD, for stock.moved and tag.located.")
    ] = "tagledger"


class Rotation(BaseModel):
    """How long the old secret goes on signing beside the new one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Annotated[int, Field(ge=0, le=720)] = 24


class StateSpec(BaseModel):
    """Whether messages go out; those of a paused endpoint wait."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "paused"}]})

    state: Literal["active", "paused"]


class MessageQuery(Paging):
    """Which messages."""

    state: Annotated[Literal["pending", "delivered", "dead", "dropped"] | None, Field(examples=["dead"])] = None


@dataclass(frozen=True, slots=True)
class Secret:
    """Shown once."""

    webhook_id: UUID
    secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]


_WEBHOOKS: Lister[WebhookView, tuple[datetime, UUID]] = Lister(
    "webhooks", tuple[datetime, UUID], WebhookView, "created_at", "webhook_id"
)
_MESSAGES: Lister[MessageView, tuple[int]] = Lister("webhook-messages", tuple[int], MessageView, "n")

WebhookId = Annotated[UUID, Path(examples=["0e6c4c7e-3a53-5f8e-9f0c-2b8f5a7d1c11"])]
MessageId = Annotated[str, Path(max_length=64, pattern=TEXT_PATTERN, examples=["msg_8e03978e40d543e8bc936894a57f9324"])]
ResultT = TypeVar("ResultT")


def router(pool: Pool, dsn: str) -> APIRouter:
    """Endpoints and messages."""
    routes = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

    def changing(work: Callable[[Conn], ResultT]) -> ResultT:
        with connect(dsn) as connection, connection.transaction():
            return work(connection)

    async def known(webhook_id: UUID) -> WebhookView:
        found = await store.webhook(pool, webhook_id)
        if found is None:
            raise not_found("webhook", str(webhook_id))
        return found

    @routes.post(
        "",
        operation_id="webhooks_register",
        summary="Register an endpoint",
        description="The answer has its secret, once." + _RECEIVING,
        status_code=201,
        response_model=Secret,
    )
    async def webhooks_register(request: Request, spec: WebhookSpec) -> Response:
        webhook_id, actor = uuid4(), principal_of(request.scope).actor
        secret = await asyncio.to_thread(
            changing,
            lambda c: webhooks.register(c, webhook_id, spec.partner, str(spec.url), spec.types, spec.format, actor),
        )
        return json_response(Secret(webhook_id, secret), 201)

    @routes.get(
        "",
        operation_id="webhooks_list",
        summary="Endpoints",
        response_model=Page[WebhookView],
        responses=problems(INVALID_CURSOR),
    )
    async def webhooks_list(request: Request, query: Annotated[Paging, Query()]) -> Response:
        """Newest first."""
        rows = await store.webhook_list(pool, _WEBHOOKS.start(query), _WEBHOOKS.take(query))
        return _WEBHOOKS.answer(request, query, rows)

    @routes.get("/{webhook_id}", operation_id="webhooks_get", summary="One endpoint", response_model=WebhookView)
    async def webhooks_get(webhook_id: WebhookId) -> Response:
        """With how many messages wait and how many are dead."""
        return json_response(await known(webhook_id))

    @routes.post(
        "/{webhook_id}/secret",
        operation_id="webhooks_rotate",
        summary="Replace its secret",
        response_model=Secret,
    )
    async def webhooks_rotate(request: Request, webhook_id: WebhookId, rotation: Rotation) -> Response:
        """Messages carry both signatures until the old one ends."""
        overlap, actor = timedelta(hours=rotation.overlap_hours), principal_of(request.scope).actor
        secret = await asyncio.to_thread(changing, lambda c: webhooks.rotate(c, webhook_id, overlap, actor))
        if secret is None:
            raise not_found("webhook", str(webhook_id))
        return json_response(Secret(webhook_id, secret))

    @routes.post(
        "/{webhook_id}/state", operation_id="webhooks_state", summary="Pause or activate it", response_model=WebhookView
    )
    async def webhooks_state(request: Request, webhook_id: WebhookId, spec: StateSpec) -> Response:
        """Activating one that was `gone` lets its messages out again."""
        actor = principal_of(request.scope).actor
        if not await asyncio.to_thread(changing, lambda c: webhooks.set_state(c, webhook_id, spec.state, actor)):
            raise not_found("webhook", str(webhook_id))
        return json_response(await known(webhook_id))

    @routes.post(
        "/{webhook_id}/test", operation_id="webhooks_test", summary="Send it a test", response_model=WebhookView
    )
    async def webhooks_test(request: Request, webhook_id: WebhookId) -> Response:
        """Queues an event of type `webhook.test`; see what becomes of it among its messages."""
        key = uuid4().hex
        event = Event(
            "webhook.test", datetime.now(UTC), f"test {key}", key, {"asked_by": principal_of(request.scope).actor}
        )
        if not await asyncio.to_thread(changing, lambda c: webhooks.try_out(c, webhook_id, event)):
            raise not_found("webhook", str(webhook_id))
        return json_response(await known(webhook_id))

    @routes.get(
        "/{webhook_id}/messages",
        operation_id="webhooks_messages",
        summary="Messages and what became of them",
        response_model=Page[MessageView],
        responses=problems(INVALID_CURSOR),
    )
    async def webhooks_messages(
        request: Request, webhook_id: WebhookId, query: Annotated[MessageQuery, Query()]
    ) -> Response:
        """Newest first; delivered ones are kept 14 days."""
        await known(webhook_id)
        within = f"/{webhook_id}"
        after = _MESSAGES.start(query, within)
        rows = await store.message_list(
            pool, webhook_id, query.state, after[0] if after else None, _MESSAGES.take(query, within)
        )
        return _MESSAGES.answer(request, query, rows, within)

    async def decide(request: Request, message_id: str, state: str) -> Response:
        actor = principal_of(request.scope).actor
        decided = await asyncio.to_thread(changing, lambda c: webhooks.decide(c, message_id, state, actor))
        if decided is None:
            raise not_found("message", message_id)
        if not decided:
            raise ProblemError(NOT_DEAD, NOT_DEAD.title)
        return json_response(await store.message(pool, message_id))

    settled: Any = problems(NOT_DEAD)

    @routes.post(
        "/messages/{message_id}/replay",
        operation_id="webhooks_replay",
        summary="Send a dead message again",
        response_model=MessageView,
        responses=settled,
    )
    async def webhooks_replay(request: Request, message_id: MessageId) -> Response:
        """Under the same id, from the first try on. Asking twice is harmless."""
        return await decide(request, message_id, "pending")

    @routes.post(
        "/messages/{message_id}/drop",
        operation_id="webhooks_drop",
        summary="Give a dead message up",
        response_model=MessageView,
        responses=settled,
    )
    async def webhooks_drop(request: Request, message_id: MessageId) -> Response:
        """What waited behind it goes out. Asking twice is harmless."""
        return await decide(request, message_id, "dropped")

    return routes
