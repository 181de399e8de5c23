"""Posting loads: what passed a portal becomes movements and discrepancies, in the caller's transaction, once.

Everything derives from the passage: movement ids are uuid5 of the passage over revision and ordinal, discrepancy ids of
revision, kind and tags, so a replay makes the same rows. A (passage, revision) that was posted gives its stored
outcome and changes nothing; so does a revision older than one that was posted.

A later revision posts only the difference: movements with a tag that no longer belongs are reversed, dated now, their
other tags and the new ones are decided again; discrepancies of the earlier revision that are still open are superseded.

The ledger never blocks the truth of where tags are: movements it refuses are held in a discrepancy for a person.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb
from psycopg.types.range import Range

from warehouse.commands import Actor
from warehouse.fulfilment import Decision, Finding, FindingKind, Flow, LoadFacts, PostLine, ReadTag, Rules, decide
from warehouse.ledger import Circumstance, NewMove
from warehouse.loads import Load
from warehouse.postgres import outbox
from warehouse.postgres.books import reservations
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.ledger import closed_through, post_possible
from warehouse.postgres.books.posting_record import DocumentProgress, Posting, decode_posting, encode_posting
from warehouse.postgres.clock import database_now
from warehouse.postgres.goods.unit_moves import lock_units_of_tags, place_of_unit
from warehouse.postgres.loads import discrepancies, elsewhere
from warehouse.postgres.loads.amendments import difference, posted_before, reverse, turned_round
from warehouse.postgres.loads.elsewhere import Claims
from warehouse.postgres.loads.load_facts import read_facts
from warehouse.postgres.loads.weighings import weigh_again
from warehouse.postgres.transport.task_planning import after_issue, after_loose_receipt, after_receipt
from warehouse.site import Direction, Effect
from warehouse.times import from_us


def post_load(
    conn: Conn, load: Load, rules: Rules | None = None, *, actor: str = "stream", device: str = ""
) -> Posting:
    """Post a load in the caller's transaction. Deadlock and serialisation failures are the caller's to retry."""
    conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(load.passage_id),))
    stored = _stored(conn, load)
    if stored is not None:
        return stored
    posted = posted_before(conn, load.passage_id)
    wanted, removed, settled = difference(load, posted, turned_round(conn, load))
    circumstance = _circumstance(conn, load, actor, device)
    reversals: tuple[UUID, ...] = ()
    if load.revision > 0:
        reversals = reverse(conn, load, removed, circumstance)
        discrepancies.supersede(conn, load, circumstance.effective_at)
    lock_units_of_tags(conn, [tag.epc for tag in load.tags])
    elsewhere.lock_tags(conn, load)
    facts = read_facts(conn, load, [tag.epc for tag in wanted], settled)
    known = {*facts.tags, *settled, *_contents(facts)}
    before = elsewhere.claimed_before(conn, load) if load.revision > 0 else frozenset[str]()
    others = elsewhere.nearby(conn, load, known | before)
    facts = replace(facts, elsewhere=elsewhere.claimed(others))
    if facts.flow is Flow.IN:
        stay = [live.move.target.hu_id for live in posted if live not in removed]
        facts = replace(facts, units_in=frozenset(unit for unit in stay if unit is not None))
    decision = _decide(facts, load, wanted, rules or Rules(load.inferred_share_max))
    if facts.flow is Flow.IN and load.revision > 0:
        decision = replace(decision, lines=tuple(at_their_unit(conn, decision.lines)))
    move_ids, refusals = _post_lines(conn, load, decision, circumstance)
    findings = [] if load.effect is Effect.OBSERVE else [*decision.findings, *refusals]
    asked = discrepancies.Asked.of(load)
    discrepancy_ids = discrepancies.record(conn, asked, findings)
    claims = _claims(load, decision, settled, known)
    elsewhere.ask(conn, load, claims, before, others, circumstance.effective_at)
    if move_ids or reversals:
        _plan_tasks(conn, load, facts, move_ids, circumstance)
        if load.revision > 0:
            weigh_again(conn, load.passage_id, load.revision, circumstance.effective_at)
    _settle_documents(conn, load.passage_id, circumstance.effective_at)
    documents = _progress(conn, load.passage_id, facts.flow)
    posting = Posting(
        load.passage_id,
        load.revision,
        load.effect,
        facts.flow,
        move_ids,
        reversals,
        discrepancy_ids,
        documents,
        *_totals(conn, move_ids, facts.flow),
    )
    _store(conn, load, posting, claims)
    _announce(conn, load, posting)
    discrepancies.announce(conn, asked, discrepancy_ids, findings, alarms=facts.flow is Flow.OUT)
    return posting


def _stored(conn: Conn, load: Load) -> Posting | None:
    row = conn.execute(
        """select revision, digest, outcome from posting where passage_id = %s and revision >= %s
           order by revision limit 1""",
        (load.passage_id, load.revision),
    ).fetchone()
    if row is None:
        return None
    revision, digest, outcome = row
    return replace(
        decode_posting(outcome), repeated=True, differs=revision == load.revision and digest != _digest(load)
    )


def _circumstance(conn: Conn, load: Load, actor: str, device: str) -> Circumstance:
    """When it happened, unless that day is closed: then the first moment of the open period. Now, when the reader's
    clock is ahead: what was seen has happened.
    """
    happened = from_us(load.at_us)
    closed = closed_through(conn)
    effective = min(happened, database_now(conn))
    if closed is not None and happened.date() <= closed:
        effective = datetime.combine(closed + timedelta(days=1), time(), happened.tzinfo)
    return Circumstance(actor, effective, device or load.portal, happened, load.passage_id, load.passage_id, "passage")


def _decide(facts: LoadFacts, load: Load, tags: Sequence[ReadTag], rules: Rules) -> Decision:
    if load.direction is Direction.UNSURE:
        epcs = tuple(tag.epc for tag in tags if tag.sure)
        finding = Finding(
            FindingKind.UNSURE_DIRECTION, f"{len(epcs)} tags passed {load.portal}, which way is unsure", epcs
        )
        # Something broke the beam and no tag is certain: there is nothing a person could post.
        return Decision((), (finding,) if epcs else ())
    decision = decide(facts, tags, rules)
    if load.effect is Effect.POST or not decision.lines:
        return decision
    by_document: dict[int | None, list[PostLine]] = {}
    for line in decision.lines:
        by_document.setdefault(line.document_id, []).append(line)
    suggestions = [
        Finding(
            FindingKind.SUGGESTION,
            f"{load.portal} only suggests: confirm to post",
            tuple(tag.epc for line in lines for tag in line.tags),
            document_id,
            quantity=sum((line.quantity for line in lines), Decimal(0)),
            held=tuple(lines),
        )
        for document_id, lines in by_document.items()
    ]
    return Decision((), (*decision.findings, *suggestions), decision.inferred)


def _contents(facts: LoadFacts) -> list[str]:
    """What lies in the units that were read, by its tags."""
    return [goods.epc for listed in facts.contents.values() for goods in listed if goods.epc is not None]


def _claims(load: Load, decision: Decision, settled: Collection[str], known: set[str]) -> Claims:
    """What the load says of tags that are known, with what came with its units in this revision or an earlier one."""
    sure = frozenset(tag.epc for tag in load.tags if tag.sure) & known
    inferred = frozenset((*decision.inferred, *settled)) - sure
    return Claims(sure, inferred, frozenset(tag.epc for tag in load.tags) & known - sure - inferred)


def _post_lines(
    conn: Conn, load: Load, decision: Decision, circumstance: Circumstance
) -> tuple[tuple[UUID, ...], list[Finding]]:
    moves = to_moves(decision.lines, load.passage_id, str(load.revision))
    if not moves:
        return (), []
    line_of = {move.move_id: line for move, line in zip(moves, decision.lines, strict=True)}
    done, refused = post_possible(conn, moves, circumstance)
    findings = [
        Finding(
            FindingKind.REFUSED,
            f"the ledger refused: {why.detail} ({why.reason})",
            tuple(tag.epc for tag in move.tags),
            line_of[move.move_id].document_id,
            move.line_id,
            move.item_id,
            move.quantity,
            (line_of[move.move_id],),
        )
        for move, why in refused
    ]
    return tuple(move.move_id for move, _ in done), findings


def _plan_tasks(conn: Conn, load: Load, facts: LoadFacts, move_ids: Sequence[UUID], circumstance: Circumstance) -> None:
    """Units that came in are put away; for those that are gone nobody needs to come."""
    actor = Actor(circumstance.actor, circumstance.device)
    units = conn.execute(
        """select distinct u from move m, unnest(array[m.from_hu_id, m.to_hu_id]) as u
           where m.passage_id = %s and u is not null""",
        (load.passage_id,),
    ).fetchall()
    unit_ids = [unit for (unit,) in units]
    after_issue(conn, unit_ids, circumstance.effective_at, actor, load.passage_id)
    if facts.flow is Flow.IN and move_ids:
        at = circumstance.effective_at
        after_receipt(conn, unit_ids, facts.target_id, load.portal, load.passage_id, at, actor, load.passage_id)
        after_loose_receipt(conn, move_ids, load.portal, at, actor, load.passage_id)


def at_their_unit(conn: Conn, lines: Sequence[PostLine]) -> list[PostLine]:
    """Receipts into a handling unit that was put away meanwhile go where it is: a pallet is in one place."""
    result = []
    for line in lines:
        came_in = line.target.hu_id is not None and line.source.hu_id is None
        here = place_of_unit(conn, line.target.hu_id) if came_in and line.target.hu_id is not None else None
        result.append(line if here is None else replace(line, target=replace(line.target, location_id=here)))
    return result


def to_moves(lines: Sequence[PostLine], namespace: UUID, prefix: str) -> list[NewMove]:
    """Movements with ids derived from the namespace, the prefix and their place in the list."""
    return [
        NewMove(
            uuid5(namespace, f"{prefix}/{ordinal}"),
            "passage",
            line.item_id,
            line.quantity,
            line.source,
            line.target,
            line.lot_id,
            line.serial_id,
            line.owner,
            line.line_id,
            line.role,
            tags=line.tags,
        )
        for ordinal, line in enumerate(lines)
    ]


def settle_lines(conn: Conn, line_ids: Iterable[int], at: datetime) -> None:
    """Mark the documents of these lines complete, or open again, by what is fulfilled; free what full ones reserved."""
    lines = sorted(set(line_ids))
    full = conn.execute(
        "select line_id from document_line where line_id = any(%s) and fulfilled >= quantity", (lines,)
    ).fetchall()
    if full:
        reservations.release_line(conn, [line_id for (line_id,) in full])
    conn.execute(
        """update document d set status = s.status, closed_at = case when s.status = 'complete' then %(at)s end
           from (select document_id, case when bool_and(fulfilled >= quantity) then 'complete' else 'open' end as status
                 from document_line
                 where document_id in (select document_id from document_line where line_id = any(%(lines)s))
                 group by 1) s
           where d.document_id = s.document_id and d.status in ('open', 'complete') and d.status <> s.status""",
        {"lines": lines, "at": at},
    )


def _settle_documents(conn: Conn, passage_id: UUID, at: datetime) -> None:
    lines = conn.execute(
        "select distinct line_id from move where passage_id = %s and line_id is not null", (passage_id,)
    ).fetchall()
    if lines:
        settle_lines(conn, (line_id for (line_id,) in lines), at)


def _progress(conn: Conn, passage_id: UUID, flow: Flow) -> tuple[DocumentProgress, ...]:
    """How far the documents are that it moved; a transfer that leaves, by what was shipped of it."""
    rows = conn.execute(
        """select d.kind, d.number, d.status, sum(l.quantity),
                  sum(case when d.kind = 'transfer' and %(leaves)s then l.shipped else l.fulfilled end) from document d
           join document_line l using (document_id)
           where d.document_id in (select x.document_id from document_line x join move m using (line_id)
                                   where m.passage_id = %(passage)s)
           group by d.document_id order by d.document_id""",
        {"passage": passage_id, "leaves": flow is Flow.OUT},
    )
    return tuple(DocumentProgress(*row) for row in rows)


def _totals(conn: Conn, move_ids: Sequence[UUID], flow: Flow) -> tuple[int, Decimal]:
    """Tags and pieces; what a transfer ships and receives in one went through the door once."""
    if not move_ids:
        return 0, Decimal(0)
    row = conn.execute(
        """select (select count(distinct t.epc) from move m join move_tag t using (seq) where m.move_id = any(%(ids)s)),
                  (select coalesce(sum(quantity), 0) from move
                   where move_id = any(%(ids)s) and (line_role = 'fulfil' or %(ships)s))""",
        {"ids": list(move_ids), "ships": flow is Flow.OUT},
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _store(conn: Conn, load: Load, posting: Posting, claims: Claims) -> None:
    conn.execute(
        """insert into posting (passage_id, revision, portal, direction, effect, during, at, sure, inferred, unsure,
                                digest, outcome)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            load.passage_id,
            load.revision,
            load.portal,
            load.direction,
            load.effect,
            Range(elsewhere.began_at(load), from_us(load.at_us), "[]"),
            from_us(load.at_us),
            sorted(claims.sure),
            sorted(claims.inferred),
            sorted(claims.unsure),
            _digest(load),
            Jsonb(encode_posting(posting)),
        ),
    )


def _announce(conn: Conn, load: Load, posting: Posting) -> None:
    if posting.move_ids or posting.reversal_ids:
        words = {"portal": load.portal, "direction": load.direction, **encode_posting(posting)}
        outbox.add(conn, "posting", str(load.passage_id), words)


def _digest(load: Load) -> str:
    """Of what decides a posting; scores may differ in the last digit between machines."""
    tags = sorted((tag.epc, tag.sure) for tag in load.tags)
    words = [load.portal, load.direction, load.effect, load.from_location, load.to_location, load.at_us, tags]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


__all__ = ["DocumentProgress", "Posting", "at_their_unit", "post_load", "settle_lines", "to_moves"]
