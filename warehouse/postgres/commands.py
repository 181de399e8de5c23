"""Executing commands: once per (source, client_event_id), in one transaction, with an audit row, refusals as values."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from psycopg.types.json import Jsonb

from warehouse import commands as c
from warehouse.commands import Actor, Audit, Command, Refusal, RefusalCode, Result
from warehouse.postgres import allocation, counts, documents, inspection, master_data, outbox, stock, tags, transfers
from warehouse.postgres.balances import Conn
from warehouse.postgres.handlers import Handlers
from warehouse.postgres.naming import Refuse
from warehouse.postgres.transaction import in_transaction

# Answers are kept this long; the same id after that would be executed again.
REQUESTS_KEPT_DAYS = 90

_HANDLERS: Handlers = {
    **master_data.HANDLERS,
    **tags.HANDLERS,
    **documents.HANDLERS,
    **transfers.HANDLERS,
    **counts.HANDLERS,
    **inspection.HANDLERS,
    **stock.HANDLERS,
    **allocation.HANDLERS,
}

# Every command by its name, as captures and the audit log write it.
KINDS: Mapping[str, type[Command]] = {kind.__name__: kind for kind in _HANDLERS}


def execute(conn: Conn, command: Command, *, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
    """Execute once. The connection must be outside a transaction; deadlocks are retried inside.

    A refusal is an answer and is stored too: after the world changed, ask again under a new id.
    """
    return in_transaction(conn, lambda: execute_within(conn, command, actor, source, client_event_id))


def execute_within(conn: Conn, command: Command, actor: Actor, source: str, client_event_id: str) -> Result | Refusal:
    """The same, in the caller's transaction."""
    digest = c.digest(command)
    # Held to the end of the transaction: the second of two clicks waits here and then finds the answer.
    conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 1))", (f"{source}\n{client_event_id}",))
    stored = _stored(conn, source, client_event_id, digest)
    if stored is not None:
        return stored
    request_id = uuid5(NAMESPACE_URL, f"tagledger:request:{source}:{client_event_id}")
    outcome: Result | Refusal
    audit = Audit()
    try:
        with conn.transaction():
            response, audit = _HANDLERS[type(command)](conn, command, actor, request_id)
        outcome = Result(request_id, response)
    except Refuse as refuse:
        outcome = refuse.refusal
    _store(conn, command, actor, source, client_event_id, digest, request_id, outcome, audit)
    return outcome


def _stored(conn: Conn, source: str, client_event_id: str, digest: str) -> Result | Refusal | None:
    row = conn.execute(
        "select request_id, digest, accepted, response from request where source = %s and client_event_id = %s",
        (source, client_event_id),
    ).fetchone()
    if row is None:
        return None
    request_id, stored_digest, accepted, response = row
    if stored_digest != digest:
        message = f"{client_event_id!r} from {source!r} was another command: use a new id"
        return Refusal(RefusalCode.REQUEST_ID_REUSED, "client_event_id", message)
    if accepted:
        return Result(request_id, cast(dict[str, Any], response), repeated=True)
    return Refusal(response["code"], response["field"], response["message"])


def _store(
    conn: Conn,
    command: Command,
    actor: Actor,
    source: str,
    client_event_id: str,
    digest: str,
    request_id: UUID,
    outcome: Result | Refusal,
    audit: Audit,
) -> None:
    accepted = isinstance(outcome, Result)
    name = type(command).__name__
    if isinstance(outcome, Result):
        response = outcome.response
    else:
        response = {"code": outcome.code, "field": outcome.field, "message": outcome.message}
    conn.execute(
        """insert into request (source, client_event_id, request_id, digest, actor, accepted, response)
           values (%s, %s, %s, %s, %s, %s, %s)""",
        (source, client_event_id, request_id, digest, actor.name, accepted, Jsonb(response)),
    )
    after = {"command": c.encode(command), **audit.after} if accepted else {"command": c.encode(command), **response}
    conn.execute(
        """insert into audit_log (actor, device, command, request_id, outcome, before, after)
           values (%s, %s, %s, %s, %s, %s, %s)""",
        (
            actor.name,
            actor.device,
            name,
            request_id,
            "done" if accepted else response["code"],
            Jsonb(audit.before) if audit.before is not None else None,
            Jsonb(after),
        ),
    )
    if accepted:
        outbox.add(conn, "command", str(request_id), {"command": name, "actor": actor.name, "response": response})


def forget_old_requests(conn: Conn) -> int:
    """Remove answers older than REQUESTS_KEPT_DAYS; how many."""
    return conn.execute(
        "delete from request where created_at < now() - make_interval(days => %s)", (REQUESTS_KEPT_DAYS,)
    ).rowcount
