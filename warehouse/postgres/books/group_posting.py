"""Several postings on what was read once: each is planned on what those before it left, and all are written together.

They end as they would one after another, and one that is refused leaves the others alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.types.json import Jsonb

from warehouse.ledger import ZERO, Balance, BalanceKey, Change, Circumstance, NewMove, Refused, Wanted
from warehouse.ledger_rules import absorb, plan, plan_reservation
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import Read, write


@dataclass(frozen=True, slots=True)
class Posting:
    """One of several postings: movements, none of them for a document line or undoing another, or a reservation."""

    circumstance: Circumstance
    moves: tuple[NewMove, ...] = ()
    wanted: Wanted | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What several postings come to: their refusals, None where there is none, and what is to be written."""

    outcomes: tuple[Refused | None, ...]
    posted: Sequence[tuple[NewMove, Circumstance]]
    made: Sequence[Wanted]
    changes: Sequence[Change]


def plan_each(postings: Sequence[Posting], read: Read) -> Planned:
    """What each of the postings does, in their order, or why it is refused; all happen at `read.at`."""
    at = read.at
    posted: list[tuple[NewMove, Circumstance]] = []
    made: list[Wanted] = []
    outcomes: list[Refused | None] = []
    last: dict[BalanceKey, int | None] = {}
    before = dict(read.balances)
    for asked in postings:
        if any(move.line_id is not None or move.reverses is not None for move in asked.moves):
            raise ValueError("movements of document lines, and those that undo others, are posted by themselves")
        under = asked.circumstance
        posting = asked if under.effective_at == at else replace(asked, circumstance=replace(under, effective_at=at))
        changes = _plan_either(posting, at, read)
        if isinstance(changes, Refused):
            outcomes.append(changes)
            continue
        outcomes.append(None)
        absorb(changes, read.balances, read.serials)
        for change in changes:
            last[change.key] = change.index + len(posted) if change.index is not None else last.get(change.key)
        posted += [(move, posting.circumstance) for move in posting.moves]
        if posting.wanted is not None:
            made.append(posting.wanted)
    changed = [_since(key, before.get(key), read.balances[key], index) for key, index in last.items()]
    return Planned(tuple(outcomes), posted, made, changed)


def write_each(conn: Conn, planned: Planned, read: Read, answers: Jsonb) -> None:
    """Write what was planned on `read`, and with it the answers (for `answers_write`), in one call.

    Raises like `ledger.post`, and then nothing is written.
    """
    write(conn, planned.posted, planned.changes, read, {}, planned.made, answers)


def _plan_either(posting: Posting, at: datetime, read: Read) -> Sequence[Change] | Refused:
    if posting.wanted is None:
        return plan(posting.moves, posting.circumstance, read.facts)
    change = plan_reservation(posting.wanted, 0, at, read.balances.get(posting.wanted.key), read.facts.lots)
    return change if isinstance(change, Refused) else (change,)


def _since(key: BalanceKey, before: Balance | None, after: Balance, index: int | None) -> Change:
    """What all postings did to one balance."""
    on_hand, reserved = (before.on_hand, before.reserved) if before is not None else (ZERO, ZERO)
    return Change(key, after.on_hand - on_hand, after.reserved - reserved, after.first_in_at, index)
