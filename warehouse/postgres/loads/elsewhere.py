"""What other doors saw at the same time: one tag at two doors is one question, whichever load is posted first.

Goods do not go through two doors within ten seconds. So of two loads at different doors with less than that between
them, the one beginning and the other over:

- A tag that both were sure of is two tags with one EPC, or a door that is wrong: a `duplicate_tag` of the later load
  (by reader time, then by passage), whose id follows from the two postings. Contents that came unread with their unit
  count at one of the doors, not at both. What the ledger made of it is no second question.
- A tag that one doubted and the other was sure of went with the other: the doubt is not asked.

Whoever is posted second sees the first, because the rows of the tags are locked before anybody looks; what was asked by
then and needs no answer any more is superseded. Nothing is read from movements: which of two loads moved a tag hangs on
who was posted first, and taking a movement back does not make one tag of two.

A later revision asks anew. What it no longer has, and another door saw, that door is asked about: a load that was sure
of it may have kept the other from moving it.

Tags nobody registered, and doors that only observe, are left out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from warehouse.fulfilment import ANSWERED_ELSEWHERE, Finding, FindingKind
from warehouse.loads import Load
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.posting_record import decode_line
from warehouse.postgres.loads import discrepancies
from warehouse.postgres.loads.discrepancies import Asked
from warehouse.site import Effect
from warehouse.times import from_us

# Goods do not go through two doors in less.
APART_S = 10
# A carton on a pallet on a pallet is 3; the bound ends a circle made by hand.
_NESTED_MAX = 5


@dataclass(frozen=True, slots=True)
class Claims:
    """What a load says of its tags: `sure` were read and belong, `inferred` come with a unit, `unsure` may belong."""

    sure: frozenset[str]
    inferred: frozenset[str]
    unsure: frozenset[str]


@dataclass(frozen=True, slots=True)
class Nearby:
    """The newest posting of a load at another door that was there at the same time."""

    asked: Asked
    claims: Claims


def began_at(load: Load) -> datetime:
    """When the load began to pass."""
    return from_us(load.at_us if load.began_us is None else min(load.began_us, load.at_us))


def lock_tags(conn: Conn, load: Load) -> None:
    """Nobody else posts a load with these tags, or with what is in their units, until the transaction ends."""
    conn.execute(
        """with recursive unit (hu_id, depth) as (
               select hu_id, 0 from tag where epc = any(%(epcs)s) and hu_id is not null
               union all select h.hu_id, u.depth + 1 from handling_unit h join unit u on h.parent_id = u.hu_id
               where u.depth < %(nested)s)
           select from tag where epc in (
               select unnest(%(epcs)s::text[])
               union select c.epc from hu_content c join unit using (hu_id) where c.epc is not null
               union select unnest(p.sure || p.inferred || p.unsure) from posting p where p.passage_id = %(passage)s)
           order by epc for no key update""",
        {"epcs": [tag.epc for tag in load.tags], "passage": load.passage_id, "nested": _NESTED_MAX},
    )


def nearby(conn: Conn, load: Load, known: Collection[str]) -> tuple[Nearby, ...]:
    """Postings at other doors at the same time that say anything of these known tags, the earliest first."""
    if load.effect is Effect.OBSERVE or not known:
        return ()
    rows = conn.execute(
        """select p.passage_id, p.revision, p.portal, p.at,
                  array(select unnest(p.sure) intersect select unnest(%(epcs)s::text[])),
                  array(select unnest(p.inferred) intersect select unnest(%(epcs)s::text[])),
                  array(select unnest(p.unsure) intersect select unnest(%(epcs)s::text[]))
           from posting p
           where p.during && tstzrange(%(from)s, %(to)s, '()')
             and p.portal <> %(portal)s and p.effect <> 'observe' and p.passage_id <> %(passage)s
             and not exists (select from posting n where n.passage_id = p.passage_id and n.revision > p.revision)
           order by p.at, p.passage_id""",
        {
            "epcs": sorted(known),
            "from": began_at(load) - timedelta(seconds=APART_S),
            "to": from_us(load.at_us) + timedelta(seconds=APART_S),
            "portal": load.portal,
            "passage": load.passage_id,
        },
    ).fetchall()
    found = (Nearby(Asked(*row[:4]), Claims(frozenset(row[4]), frozenset(row[5]), frozenset(row[6]))) for row in rows)
    return tuple(each for each in found if each.claims.sure or each.claims.inferred or each.claims.unsure)


def claimed_before(conn: Conn, load: Load) -> frozenset[str]:
    """What the revision posted before this one was sure of."""
    row = conn.execute(
        "select sure || inferred from posting where passage_id = %s order by revision desc limit 1", (load.passage_id,)
    ).fetchone()
    return frozenset(row[0] if row is not None else ())


def claimed(others: Sequence[Nearby]) -> frozenset[str]:
    """Tags that another door was sure of."""
    return frozenset().union(*(other.claims.sure | other.claims.inferred for other in others))


def ask(conn: Conn, load: Load, claims: Claims, before: frozenset[str], others: Sequence[Nearby], at: datetime) -> None:
    """Record what is to be asked about tags at this door and at another, and take back what was asked and is answered.

    `before` is what an earlier revision was sure of.
    """
    here = Asked.of(load)
    dropped = before - claims.sure - claims.inferred
    for other in others:
        alone = dropped & (other.claims.sure | other.claims.inferred | other.claims.unsure)
        if alone:
            finding = Finding(
                FindingKind.UNSURE, f"they were at {load.portal} too, which took that back", tuple(sorted(alone))
            )
            _record(conn, other.asked, finding, here)
        _answer(conn, other.asked, claims.sure | claims.inferred, f"passage {load.passage_id}", at)
        twice = claims.sure & (other.claims.sure | other.claims.inferred) | claims.inferred & other.claims.sure
        if twice:
            first, later = sorted((here, other.asked), key=lambda asked: (asked.at, asked.passage_id))
            detail = (
                f"{len(twice)} tags passed {first.portal} and {later.portal} within {APART_S} s: are there two of each?"
            )
            finding = Finding(FindingKind.DUPLICATE_TAG, detail, tuple(sorted(twice)))
            _record(conn, later, finding, first)


def _record(conn: Conn, asked: Asked, finding: Finding, other: Asked) -> None:
    ids = discrepancies.record(conn, asked, (finding,), other=other)
    discrepancies.announce(conn, asked, ids, (finding,))


def _answer(conn: Conn, asked: Asked, epcs: frozenset[str], note: str, at: datetime) -> None:
    """Ask that load's open questions about these tags no more; what remains of one is asked anew."""
    rows = conn.execute(
        """update discrepancy set state = 'superseded', resolved_by = 'stream', resolved_at = %s, note = %s
           where passage_id = %s and revision = %s and state = 'open' and kind = any(%s) and epcs && %s
           returning kind, detail, epcs, document_id, line_id, item_id, quantity, held""",
        (at, note, asked.passage_id, asked.revision, sorted(ANSWERED_ELSEWHERE), sorted(epcs)),
    ).fetchall()
    if not rows:
        return
    gone = sorted(epcs & {epc for row in rows for epc in row[2]})
    pieces = dict(conn.execute("select epc, quantity from tag where epc = any(%s)", (gone,)).fetchall())
    remaining = [rest for row in rows if (rest := _without(_finding(row), pieces)).epcs]
    remaining.sort(key=lambda finding: (finding.kind, finding.epcs))
    ids = discrepancies.record(conn, asked, remaining)
    discrepancies.announce(conn, asked, ids, remaining)


def _finding(row: Sequence[Any]) -> Finding:
    kind, detail, epcs, document_id, line_id, item_id, quantity, held = row
    lines = tuple(decode_line(line) for line in held or ())
    return Finding(FindingKind(kind), detail, tuple(epcs), document_id, line_id, item_id, quantity, lines)


def _without(finding: Finding, pieces: Mapping[str, Decimal]) -> Finding:
    """The finding without these tags and the pieces they stand for."""
    epcs = tuple(epc for epc in finding.epcs if epc not in pieces)
    less = sum((pieces[epc] for epc in finding.epcs if epc in pieces), Decimal(0))
    held = []
    for line in finding.held:
        tags = tuple(tag for tag in line.tags if tag.epc not in pieces)
        if tags:
            fewer = sum((pieces[tag.epc] for tag in line.tags if tag.epc in pieces), Decimal(0))
            held.append(replace(line, tags=tags, quantity=line.quantity - fewer))
    quantity = None if finding.quantity is None else finding.quantity - less
    return replace(finding, epcs=epcs, quantity=quantity, held=tuple(held))
