"""Requests and their answers: what asks for a command under an id, and what is kept of how it was answered.

An id is answered once. The second of two clicks waits until the first is committed and then gets the stored answer;
another command under the same id is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from psycopg.types.json import Jsonb

from warehouse import commands
from warehouse.commands import Actor, Audit, Command, Refusal, RefusalCode, Result
from warehouse.postgres.books.balances import Conn


@dataclass(frozen=True, slots=True)
class Request:
    """One request: what, by whom, and under which id; of one that is done again, when it was done."""

    command: Command
    digest: str
    actor: Actor
    source: str
    client_event_id: str
    request_id: UUID
    done_at: datetime | None = None

    @classmethod
    def of(
        cls, command: Command, actor: Actor, source: str, client_event_id: str, done_at: datetime | None = None
    ) -> "Request":
        request_id = uuid5(NAMESPACE_URL, f"tagledger:request:{source}:{client_event_id}")
        return cls(command, commands.digest(command), actor, source, client_event_id, request_id, done_at)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to store, with its audit row; who did what is told to others, a refusal is not."""

    asked: Request
    accepted: bool
    outcome: str
    response: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any]

    @classmethod
    def done(cls, asked: Request, response: dict[str, Any], audit: Audit) -> "Answered":
        return cls(asked, True, "done", response, audit.before, audit.after)

    @classmethod
    def refused(cls, asked: Request, refusal: Refusal) -> "Answered":
        response = {"code": refusal.code, "field": refusal.field, "message": refusal.message}
        return cls(asked, False, refusal.code, response, None, response)


def begin(conn: Conn, asked: Request) -> Result | Refusal | None:
    """The stored answer. The second of two clicks waits here until the first is committed, and then finds it."""
    row = conn.execute(
        "select request_id, digest, accepted, response from request_begin(%s, %s)",
        (asked.source, asked.client_event_id),
    ).fetchone()
    return None if row is None else answer_of(asked, *row)


def answer_of(asked: Request, request_id: UUID, digest: str, accepted: bool, response: Any) -> Result | Refusal:
    """What was stored under the request's id, as the answer to it."""
    if digest != asked.digest:
        message = f"{asked.client_event_id!r} from {asked.source!r} was another command: use a new id"
        return Refusal(RefusalCode.REQUEST_ID_REUSED, "client_event_id", message)
    if accepted:
        return Result(request_id, cast(dict[str, Any], response), repeated=True)
    return Refusal(response["code"], response["field"], response["message"])


def store(conn: Conn, answers: Sequence[Answered]) -> None:
    """The answers, their audit rows and what is told to others: one call."""
    conn.execute("select answers_write(%s)", (rows_of(answers),))


def rows_of(answers: Sequence[Answered]) -> Jsonb:
    """The answers as `answers_write` takes them."""
    rows = [
        {
            "source": answered.asked.source,
            "client_event_id": answered.asked.client_event_id,
            "request_id": answered.asked.request_id,
            "digest": answered.asked.digest,
            "actor": answered.asked.actor.name,
            "device": answered.asked.actor.device,
            "command": type(answered.asked.command).__name__,
            "accepted": answered.accepted,
            "outcome": answered.outcome,
            "response": answered.response,
            "before": answered.before,
            "after": {"command": commands.encode(answered.asked.command), **answered.after},
        }
        for answered in answers
    ]
    return Jsonb(rows, dumps=msgspec.json.encode)
