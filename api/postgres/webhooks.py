"""Endpoints of partners and their messages, as the API shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, LiteralString
from uuid import UUID

from pydantic import Field

from api.postgres.pool import Pool
from api.postgres.select import select_one, select_page
from warehouse.postgres.queries.paging import Limit


@dataclass(frozen=True, slots=True)
class WebhookView:
    """An endpoint. `gone`: it answered 410 or took nothing for too long; activate it again."""

    webhook_id: UUID
    partner: Annotated[str, Field(examples=["erp"])]
    url: Annotated[str, Field(examples=["https://erp.example/hooks/tagledger"])]
    types: Annotated[list[str], Field(examples=[["stock.moved", "document.changed"]])]
    format: Annotated[str, Field(description="tagledger or epcis.", examples=["tagledger"])]
    state: Annotated[str, Field(description="active, paused or gone.", examples=["active"])]
    note: str
    secrets: Annotated[int, Field(description="Live ones: two while one is being replaced.", examples=[1])]
    pending: Annotated[int, Field(examples=[0])]
    dead: Annotated[int, Field(examples=[0])]
    created_by: Annotated[str, Field(examples=["admin"])]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message to a partner: `message_id` is its `webhook-id` at every try."""

    n: Annotated[int, Field(examples=[17])]
    message_id: Annotated[str, Field(examples=["msg_8e03978e40d543e8bc936894a57f9324"])]
    webhook_id: UUID
    line: Annotated[str, Field(description="Messages of one line go out in order.", examples=["document delivery/D-1"])]
    type: Annotated[str, Field(examples=["stock.moved"])]
    body: Annotated[str, Field(examples=['{"type":"stock.moved"}'])]
    state: Annotated[str, Field(description="pending, delivered, dead or dropped.", examples=["dead"])]
    attempts: Annotated[int, Field(examples=[3])]
    next_at: datetime
    status: Annotated[int | None, Field(description="HTTP status of the last answer.", examples=[503])]
    error: Annotated[str, Field(examples=["ConnectError: refused"])]
    created_at: datetime
    ended_at: datetime | None


_WEBHOOK: LiteralString = """select w.webhook_id, w.partner, w.url, w.types, w.format, w.state, w.note,
    (select count(*) from webhook_secret s where s.webhook_id = w.webhook_id
     and (s.expires_at is null or s.expires_at > now())) as secrets,
    (select count(*) from webhook_message m where m.webhook_id = w.webhook_id and m.state = 'pending') as pending,
    (select count(*) from webhook_message m where m.webhook_id = w.webhook_id and m.state = 'dead') as dead,
    w.created_by, w.created_at from webhook w"""
_MESSAGE: LiteralString = """select n, message_id, webhook_id, line, type, body, state, attempts, next_at, status,
    error, created_at, ended_at from webhook_message"""


async def webhook_list(pool: Pool, after: tuple[datetime, UUID] | None, limit: Limit) -> Sequence[WebhookView]:
    """Newest first."""
    conditions: Mapping[LiteralString, bool] = {"(w.created_at, w.webhook_id) < (%(at)s, %(id)s)": after is not None}
    at, key = after or (None, None)
    order: LiteralString = "order by w.created_at desc, w.webhook_id desc limit %(limit)s"
    return await select_page(pool, WebhookView, _WEBHOOK, conditions, order, {"at": at, "id": key, "limit": limit})


async def webhook(pool: Pool, webhook_id: UUID) -> WebhookView | None:
    return await select_one(pool, WebhookView, _WEBHOOK + " where w.webhook_id = %(id)s", {"id": webhook_id})


async def message_list(
    pool: Pool, webhook_id: UUID, state: str | None, before: int | None, limit: Limit
) -> Sequence[MessageView]:
    """Newest first."""
    conditions: Mapping[LiteralString, bool] = {
        "webhook_id = %(id)s": True,
        "state = %(state)s": state is not None,
        "n < %(before)s": before is not None,
    }
    values = {"id": webhook_id, "state": state, "before": before, "limit": limit}
    return await select_page(pool, MessageView, _MESSAGE, conditions, "order by n desc limit %(limit)s", values)


async def message(pool: Pool, message_id: str) -> MessageView | None:
    return await select_one(pool, MessageView, _MESSAGE + " where message_id = %(id)s", {"id": message_id})
