"""Executing commands: once per (source, client_event_id), in one transaction, audited, refusals as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from psycopg.types.json import Jsonb

from warehouse import commands as c
from warehouse.commands import Actor, Command, Refusal, RefusalCode, Result
from warehouse.postgres.books import conversions, replenishment, value
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.control import access, approval, authority, people
from warehouse.postgres.documents import (
    allocation,
    backorders,
    boms,
    count_sweep,
    counts,
    documents,
    inspection,
    kits,
    lot_numbers,
    picking,
    removal_rules,
    scanning,
    transfers,
    work_orders,
)
from warehouse.postgres.exchange import alerts, inbox
from warehouse.postgres.goods import (
    catalogue,
    master_data,
    number_pools,
    print_jobs,
    recall,
    seen_here,
    stock,
    storage,
    tag_events,
    tags,
    units,
)
from warehouse.postgres.handlers import Handlers
from warehouse.postgres.importing import decisions as imports
from warehouse.postgres.loads import overrides
from warehouse.postgres.naming import Refuse
from warehouse.postgres.transaction import in_transaction
from warehouse.postgres.transport import tasks

# Answers are kept this long; the same id after that would be executed again.
REQUESTS_KEPT_DAYS = 90

_HANDLERS: Handlers = {
    **master_data.HANDLERS,
    **catalogue.HANDLERS,
    **tags.HANDLERS,
    **documents.HANDLERS,
    **transfers.HANDLERS,
    **counts.HANDLERS,
    **count_sweep.HANDLERS,
    **inspection.HANDLERS,
    **replenishment.HANDLERS,
    **stock.HANDLERS,
    **value.HANDLERS,
    **allocation.HANDLERS,
    **people.HANDLERS,
    **access.HANDLERS,
    **approval.HANDLERS,
    **lot_numbers.HANDLERS,
    **scanning.HANDLERS,
    **overrides.HANDLERS,
    **storage.HANDLERS,
    **tasks.HANDLERS,
    **boms.HANDLERS,
    **work_orders.HANDLERS,
    **kits.HANDLERS,
    **backorders.HANDLERS,
    **removal_rules.HANDLERS,
    **imports.HANDLERS,
    **alerts.HANDLERS,
    **inbox.HANDLERS,
    **picking.HANDLERS,
    **recall.HANDLERS,
    **number_pools.HANDLERS,
    **print_jobs.HANDLERS,
    **tag_events.HANDLERS,
    **seen_here.HANDLERS,
    **units.HANDLERS,
    **conversions.HANDLERS,
}

# Every command by its name, as captures and the audit log write it.
KINDS: Mapping[str, type[Command]] = {kind.__name__: kind for kind in _HANDLERS}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request: what, by whom, and under which id."""

    command: Command
    digest: str
    actor: Actor
    source: str
    client_event_id: str
    request_id: UUID


def execute(conn: Conn, command: Command, *, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
    """Execute once. The connection must be outside a transaction; deadlocks are retried inside.

    A refusal is an answer and is stored too: after the world changed, ask again under a new id.
    """
    request_id = uuid5(NAMESPACE_URL, f"tagledger:request:{source}:{client_event_id}")
    asked = _Asked(command, c.digest(command), actor, source, client_event_id, request_id)
    try:
        return in_transaction(conn, lambda: _execute(conn, asked))
    except Refuse as refuse:
        # What the handler had written is rolled back. A savepoint would keep it to one transaction, and would cost
        # every command that is done two statements more.
        refusal = refuse.refusal
        return in_transaction(conn, lambda: _refuse(conn, asked, refusal))


def _execute(conn: Conn, asked: _Asked) -> Result | Refusal:
    stored = _begin(conn, asked)
    if stored is not None:
        return stored
    authority.check_asked(conn, asked.command, asked.actor)
    response, audit = _HANDLERS[type(asked.command)](conn, asked.command, asked.actor, asked.request_id)
    authority.check_done(conn, asked.command, asked.actor, asked.request_id)
    told = {"command": type(asked.command).__name__, "actor": asked.actor.name, "response": response}
    _store(conn, asked, "done", response, audit.before, audit.after, told)
    return Result(asked.request_id, response)


def _refuse(conn: Conn, asked: _Asked, refusal: Refusal) -> Result | Refusal:
    stored = _begin(conn, asked)
    if stored is not None:
        return stored
    response = {"code": refusal.code, "field": refusal.field, "message": refusal.message}
    _store(conn, asked, refusal.code, response, None, response, None)
    return refusal


def _begin(conn: Conn, asked: _Asked) -> Result | Refusal | None:
    """The stored answer. The second of two clicks waits here until the first is committed, and then finds it."""
    row = conn.execute(
        "select request_id, digest, accepted, response from request_begin(%s, %s)",
        (asked.source, asked.client_event_id),
    ).fetchone()
    if row is None:
        return None
    request_id, digest, accepted, response = row
    if digest != asked.digest:
        message = f"{asked.client_event_id!r} from {asked.source!r} was another command: use a new id"
        return Refusal(RefusalCode.REQUEST_ID_REUSED, "client_event_id", message)
    if accepted:
        return Result(request_id, cast(dict[str, Any], response), repeated=True)
    return Refusal(response["code"], response["field"], response["message"])


def _store(
    conn: Conn,
    asked: _Asked,
    outcome: str,
    response: dict[str, Any],
    before: dict[str, Any] | None,
    after: dict[str, Any],
    told: dict[str, Any] | None,
) -> None:
    """The answer, the audit row, and what is `told` to others: all in one statement."""
    conn.execute(
        """with stored as (
               insert into request (source, client_event_id, request_id, digest, actor, accepted, response)
               values (%(source)s, %(client_event_id)s, %(request_id)s, %(digest)s, %(actor)s, %(accepted)s,
                       %(response)s)),
           audited as (
               insert into audit_log (actor, device, command, request_id, outcome, before, after)
               values (%(actor)s, %(device)s, %(command)s, %(request_id)s, %(outcome)s, %(before)s, %(after)s))
           insert into outbox (topic, key, payload)
           select 'command', %(request_id)s::text, %(told)s::jsonb where %(accepted)s""",
        {
            "source": asked.source,
            "client_event_id": asked.client_event_id,
            "request_id": asked.request_id,
            "digest": asked.digest,
            "actor": asked.actor.name,
            "device": asked.actor.device,
            "command": type(asked.command).__name__,
            "accepted": told is not None,
            "outcome": outcome,
            "response": Jsonb(response),
            "before": Jsonb(before) if before is not None else None,
            "after": Jsonb({"command": c.encode(asked.command), **after}),
            "told": Jsonb(told),
        },
    )


def forget_old_requests(conn: Conn) -> int:
    """Remove answers older than REQUESTS_KEPT_DAYS; how many."""
    return conn.execute(
        "delete from request where created_at < now() - make_interval(days => %s)", (REQUESTS_KEPT_DAYS,)
    ).rowcount
