"""Executing commands: once per (source, client_event_id), in one transaction, audited, refusals as values."""

from collections.abc import Mapping
from datetime import datetime

from warehouse.commands import Actor, Command, Refusal, Result
from warehouse.postgres.books import conversions, replenishment, value
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import stand_at
from warehouse.postgres.control import access, approval, authority, people
from warehouse.postgres.dating import dated
from warehouse.postgres.documents import (
    allocation,
    backorders,
    boms,
    count_items,
    count_sweep,
    count_tolerances,
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
    owners,
    print_jobs,
    recall,
    reserving,
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
from warehouse.postgres.naming import Refuse, check_numbers
from warehouse.postgres.requests import Answered, Request, begin, store
from warehouse.postgres.transaction import in_transaction
from warehouse.postgres.transport import task_creation, tasks

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
    **count_items.HANDLERS,
    **count_tolerances.HANDLERS,
    **inspection.HANDLERS,
    **replenishment.HANDLERS,
    **stock.HANDLERS,
    **owners.HANDLERS,
    **reserving.HANDLERS,
    **value.HANDLERS,
    **allocation.HANDLERS,
    **people.HANDLERS,
    **access.HANDLERS,
    **approval.HANDLERS,
    **lot_numbers.HANDLERS,
    **scanning.HANDLERS,
    **overrides.HANDLERS,
    **storage.HANDLERS,
    **task_creation.HANDLERS,
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


def execute(
    conn: Conn, command: Command, *, actor: Actor, source: str, client_event_id: str, done_at: datetime | None = None
) -> Result | Refusal:
    """Execute once. The connection must be outside a transaction; deadlocks are retried inside.

    A refusal is an answer and is stored too: after the world changed, ask again under a new id. `done_at` is when it
    was done, for a replay.
    """
    return execute_request(conn, Request.of(command, actor, source, client_event_id, done_at))


def execute_request(conn: Conn, asked: Request) -> Result | Refusal:
    """The same of a request that has been made up."""
    try:
        return in_transaction(conn, lambda: _execute(conn, asked))
    except Refuse as refuse:
        # What the handler had written is rolled back. A savepoint would keep it to one transaction, and would cost
        # every command that is done two statements more.
        refusal = refuse.refusal
        return in_transaction(conn, lambda: _refuse(conn, asked, refusal))


def _execute(conn: Conn, asked: Request) -> Result | Refusal:
    stored = begin(conn, asked)
    if stored is not None:
        return stored
    if asked.done_at is not None:
        stand_at(conn, asked.done_at)
    check_numbers(asked.command)
    authority.check_asked(conn, asked.command, asked.actor)
    command = dated(conn, asked.command)
    response, audit = _HANDLERS[type(command)](conn, command, asked.actor, asked.request_id)
    authority.check_done(conn, asked.command, asked.actor, asked.request_id)
    store(conn, [Answered.done(asked, response, audit)])
    return Result(asked.request_id, response)


def _refuse(conn: Conn, asked: Request, refusal: Refusal) -> Result | Refusal:
    stored = begin(conn, asked)
    if stored is not None:
        return stored
    store(conn, [Answered.refused(asked, refusal)])
    return refusal


def forget_old_requests(conn: Conn) -> int:
    """Remove answers older than REQUESTS_KEPT_DAYS; how many."""
    return conn.execute(
        "delete from request where created_at < now() - make_interval(days => %s)", (REQUESTS_KEPT_DAYS,)
    ).rowcount
