"""Commands that wait are executed together: one transaction and two calls for up to `GROUP_MAX` of them.

What is usual and touches balances alone goes into a group (`_PREPARE`): moves that keep their status and reservations
without a line, without a unit of measure or a time of their own, by actors who may do them everywhere. What they name
is looked up and locked for all at once (`group_facts`); then the ledger plans each on what those before it left, so a
group ends as its commands would one after another, and what is refused leaves the rest alone. Anything else, and a
group in which something broke, is executed command by command.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

import psycopg

from warehouse.commands import Actor, Command, MoveStock, Refusal, ReserveStock, Result
from warehouse.postgres.books.balances import Conn, LedgerBroken
from warehouse.postgres.books.group_posting import plan_each, write_each
from warehouse.postgres.commands import execute_request
from warehouse.postgres.control import authority
from warehouse.postgres.goods import reserving, stock
from warehouse.postgres.group_facts import ask
from warehouse.postgres.naming import Refuse, StockNames, check_numbers
from warehouse.postgres.requests import Answered, Request, rows_of, store
from warehouse.postgres.transaction import in_transaction

# Longer groups gain nothing more and hold their locks longer.
GROUP_MAX = 64

Outcome = Result | Refusal | BaseException
"""An exception is what executing that command alone raised."""

_PREPARE: Mapping[type[Command], Callable[[Any, StockNames, Actor, UUID], stock.Asks]] = {
    MoveStock: stock.prepare_move,
    ReserveStock: reserving.prepare_reservation,
}


def fits(asked: Request) -> bool:
    """Whether a command goes into a group: one that asks nothing of the database but names, stock and its answer."""
    match asked.command:
        case MoveStock(effective_at=None, uom=None, to_status=None):
            pass
        case ReserveStock(document_kind=None, document_number=None, line_no=None, uom=None):
            pass
        case _:
            return False
    # Neither kind moves goods on a document, so the right it needs is all that can be asked, and everywhere is enough.
    return asked.actor.rights.cover({asked.command.NEEDS})


def execute_all(conn: Conn, requests: Sequence[Request]) -> list[Outcome]:
    """Execute each once, in their order; what waits together goes together. The connection is outside a transaction.

    Whoever calls wakes the readers of the outbox afterwards (`outbox.wake`): a group does not.
    """
    outcomes: list[Outcome] = []
    for grouped, run in groupby(requests, key=fits):
        together = list(run)
        for begin in range(0, len(together), GROUP_MAX):
            part = together[begin : begin + GROUP_MAX]
            outcomes += _execute_group(conn, part) if grouped and len(part) > 1 else _execute_each(conn, part)
    return outcomes


def _execute_each(conn: Conn, requests: Sequence[Request]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for asked in requests:
        try:
            outcomes.append(execute_request(conn, asked))
        except Exception as error:  # it is that command's; the others are executed all the same
            outcomes.append(error)
    return outcomes


def _execute_group(conn: Conn, requests: Sequence[Request]) -> list[Outcome]:
    twins = len({(asked.source, asked.client_event_id) for asked in requests}) < len(requests)
    if twins:
        return _execute_each(conn, requests)
    try:
        return in_transaction(conn, lambda: _post_group(conn, requests))
    except (psycopg.Error, LedgerBroken):
        return _execute_each(conn, requests)


def _post_group(conn: Conn, requests: Sequence[Request]) -> list[Outcome]:
    found = ask(conn, requests)
    outcomes: dict[int, Outcome] = dict(found.answers)
    answers: dict[int, Answered] = {}
    asks: dict[int, stock.Asks] = {}
    for n, asked in enumerate(requests):
        if n in found.answers:
            continue
        try:
            check_numbers(asked.command)
            authority.check_asked(conn, asked.command, asked.actor)
            asks[n] = _PREPARE[type(asked.command)](asked.command, found.names(n), asked.actor, asked.request_id)
        except Refuse as refuse:
            outcomes[n], answers[n] = refuse.refusal, Answered.refused(asked, refuse.refusal)
    planned = plan_each([each.posting for each in asks.values()], found.read)
    for (n, each), refused in zip(asks.items(), planned.outcomes, strict=True):
        if refused is not None:
            refusal = stock.refusal_of(refused, requests[n].command)
            outcomes[n], answers[n] = refusal, Answered.refused(requests[n], refusal)
        else:
            outcomes[n] = Result(requests[n].request_id, each.response)
            answers[n] = Answered.done(requests[n], each.response, each.audit)
    stored = [answers[n] for n in sorted(answers)]
    if planned.posted or planned.made:
        write_each(conn, planned, found.read, rows_of(stored))
    elif stored:
        store(conn, stored)
    return [outcomes[n] for n in range(len(requests))]
