"""Which tags and units may not pass a door for its open documents, and why: the SQL around `fulfilment.release`.

Two steps, so that a door with nothing wrong costs little. First the lots and balances that could be wrong for any
line: a lot blocked, expired, with too few days, or other than all lines of its item name, while there is stock of it
(for what comes in, while it is announced or named); stock not in status available; stock of another owner than all
lines of its item, or all of it reserved and some of it for others. Then the tags of these: those last posted there,
those of such a lot that were never posted, those announced; and the units around such stock. Each is judged by the
rule.

Bound: `CANDIDATES_MAX` tags and as many units are looked at, `BARRED_MAX` named, the most urgent documents first. What
is beyond shows as goods of its item always did, and is held by the books when it passes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.fulfilment.facts import Flow, Goods
from warehouse.fulfilment.release import Passing, Taker, why_barred
from warehouse.ledger import USE_KINDS, BalanceKey, LineLife, Place, StockStatus
from warehouse.loads import Barred, WhyBarred
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.loads.load_facts import lots_of, standing_of, tags_of

# A door asks every few seconds: 20,000 tags took a third of a second of the process's time, each time.
BARRED_MAX = 5_000
CANDIDATES_MAX = 5_000
ANYWHERE = 0


@dataclass(frozen=True, slots=True)
class _Line:
    document_id: int
    item_id: int
    flow: Flow
    taker: Taker


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A tag, or a unit with such goods in it, and the balance they are of. `at` is where they stand in our stock: None
    when they do not, `ANYWHERE` when the books have not heard of the tag.
    """

    epc: str
    key: BalanceKey
    at: int | None


def barred_at(conn: Conn, document_ids: Sequence[int], day: date) -> dict[int, tuple[Barred, ...]]:
    """By document, in the order of `document_ids`; documents without any are left out."""
    lines = _lines(conn, document_ids)
    lots, balances, withheld = _suspicious(conn, lines, day)
    if not lots and not balances:
        return {}
    coming_in = sorted({line.document_id for line in lines if line.flow is Flow.IN})
    candidates = _tags(conn, lots, balances, withheld, coming_in) + _units(
        conn, lots, balances, document_ids, coming_in
    )
    facts = lots_of(conn, sorted({c.key.lot_id for c in candidates if c.key.lot_id is not None}))
    reserved, taken = _reserved(conn, lines, withheld)
    transit = {i for (i,) in conn.execute("select location_id from location where kind = 'transit'")}
    by_document: dict[int, list[_Line]] = {document_id: [] for document_id in document_ids}
    for line in lines:
        by_document[line.document_id].append(line)
    room = BARRED_MAX
    result: dict[int, tuple[Barred, ...]] = {}
    for document_id, own in by_document.items():
        if not own:
            continue
        flow = own[0].flow
        away = {Flow.IN: (None, ANYWHERE), Flow.INTERNAL: (None, *transit)}.get(flow, (None,))
        why_of: dict[str, tuple[WhyBarred, str]] = {}
        takers: dict[int, list[Taker]] = defaultdict(list)
        for line in own:
            takers[line.item_id].append(line.taker)
        for candidate in candidates:
            key = candidate.key
            status = None if candidate.at in away else StockStatus(key.status)
            lot = facts.get(key.lot_id) if key.lot_id is not None else None
            owner = None if candidate.at in (None, ANYWHERE) else key.owner
            goods = Passing(key.lot_id, lot, status, reserved.get(key, frozenset()), key not in taken, owner)
            why = why_barred(goods, flow, takers[key.item_id], day) if key.item_id in takers else None
            if why is not None and len(why_of) < room:
                why_of.setdefault(candidate.epc, (why, lot.code if lot is not None else ""))
        room -= len(why_of)
        if why_of:
            result[document_id] = _grouped(why_of)
    return result


def _grouped(why_of: Mapping[str, tuple[WhyBarred, str]]) -> tuple[Barred, ...]:
    groups: dict[tuple[WhyBarred, str], list[str]] = defaultdict(list)
    for epc, why in sorted(why_of.items()):
        groups[why].append(epc)
    return tuple(Barred(why, lot, tuple(epcs)) for (why, lot), epcs in sorted(groups.items()))


def _lines(conn: Conn, document_ids: Sequence[int]) -> list[_Line]:
    rows = conn.execute(
        """select l.line_id, l.document_id, l.item_id, l.lot_id, k.direction, p.kind,
                  coalesce(partner.usable_days_min, 0), coalesce(r.remaining_days_min, 0), l.owner
           from document_line l join document d using (document_id) join document_kind k on k.kind = d.kind
           join location p on p.code = k.counterpart left join partner on partner.code = d.partner
           left join lateral (
               select x.remaining_days_min from removal_rule_of(l.line_id) x
               where exists (select from lot where lot.item_id = l.item_id and lot.expires_on is not null)) r on true
           where l.document_id = any(%s) and l.fulfilled < l.quantity order by l.line_id""",
        (list(document_ids),),
    )
    return [
        _Line(
            document_id,
            item_id,
            Flow(direction),
            Taker(
                line_id,
                lot_id,
                direction == "out" and counterpart in ("supplier", "scrap"),
                counterpart in USE_KINDS,
                LineLife(insisted, ruled),
                owner,
            ),
        )
        for line_id, document_id, item_id, lot_id, direction, counterpart, insisted, ruled, owner in rows
    ]


def _suspicious(conn: Conn, lines: Sequence[_Line], day: date) -> tuple[list[int], list[int], list[int]]:
    """Lots, and balances, whose goods no line may take, or not every line; the last are balances among these of another
    owner, or reserved.
    """
    if not lines:
        return [], [], []
    row = conn.execute(
        """with line as (
               select * from unnest(%(documents)s::bigint[], %(items)s::bigint[], %(lots)s::bigint[],
                                    %(days)s::int[], %(comes)s::bool[], %(lines)s::bigint[], %(owners)s::text[])
                   as l (document_id, item_id, lot_id, days, comes, line_id, owner)),
           asked as (
               select document_id, item_id, comes, max(days) as days, bool_and(lot_id is not null) as names_lots,
                      array_agg(lot_id) as lots, array_agg(line_id) as lines, array_agg(owner) as owners
               from line group by 1, 2, 3),
           announced as (
               select distinct a.document_id, coalesce(t.lot_id, c.lot_id) as lot_id
               from document_tag a join tag t using (epc) left join hu_content c on c.hu_id = t.hu_id
               where a.document_id = any(%(documents)s) and coalesce(t.lot_id, c.lot_id) is not null),
           bad as (
               select distinct lo.lot_id from asked a join lot lo using (item_id)
               where (lo.blocked or lo.expires_on < %(day)s + a.days or a.names_lots and lo.lot_id <> all(a.lots))
                 and case when a.comes then lo.lot_id = any(a.lots) or exists (
                              select from announced x where x.document_id = a.document_id and x.lot_id = lo.lot_id)
                     else exists (select from balance b where b.lot_id = lo.lot_id and b.on_hand > 0) end),
           held as (
               select b.balance_id from balance b
               where b.item_id in (select item_id from asked where not comes)
                 and b.status <> 'available' and b.on_hand > 0
               union
               select b.balance_id from bad join balance b using (lot_id) where b.on_hand > 0),
           withheld as (
               select b.balance_id from asked a join balance b using (item_id)
               where not a.comes and b.owner <> '' and b.owner <> all(a.owners) and b.on_hand > 0
               union
               select b.balance_id from asked a join balance b using (item_id)
               where not a.comes and b.owner = '' and '' <> all(a.owners) and b.on_hand > 0
               union
               select b.balance_id from asked a join reservation r on r.item_id = a.item_id and r.state = 'pending'
               join balance b on b.item_id = r.item_id and b.location_id = r.location_id and b.owner = r.owner
                   and b.status = r.status and b.lot_id is not distinct from r.lot_id
                   and b.serial_id is not distinct from r.serial_id and b.hu_id is not distinct from r.hu_id
               where not a.comes and (r.line_id is null or r.line_id <> all(a.lines)) and b.reserved >= b.on_hand
                 and b.on_hand > 0)
           select array(select lot_id from bad order by 1),
                  array(select balance_id from held union select balance_id from withheld order by 1),
                  array(select balance_id from withheld order by 1)""",
        {
            "documents": [line.document_id for line in lines],
            "items": [line.item_id for line in lines],
            "lots": [line.taker.lot_id for line in lines],
            "days": [line.taker.life.days_min(False) for line in lines],
            "comes": [line.flow is Flow.IN for line in lines],
            "lines": [line.taker.line_id for line in lines],
            "owners": [line.taker.owner for line in lines],
            "day": day,
        },
    ).fetchone()
    assert row is not None
    lots, balances, withheld = row
    return lots, balances, withheld


def _tags(
    conn: Conn, lots: Sequence[int], balances: Sequence[int], withheld: Sequence[int], coming_in: Sequence[int]
) -> list[_Candidate]:
    """Tags of such goods, the youngest movements first, with where they stand by the books' own rule."""
    rows = conn.execute(
        """(select t.epc from balance b join tag t using (serial_id) where b.balance_id = any(%(balances)s)
            limit %(limit)s)
           union
           (select mt.epc from balance b
            join move m on m.to_location_id = b.location_id and m.item_id = b.item_id and m.to_status = b.status
                       and m.to_hu_id is not distinct from b.hu_id and m.lot_id is not distinct from b.lot_id
            join move_tag mt using (seq)
            where b.balance_id = any(%(balances)s) and b.serial_id is null and b.status <> 'available'
              and m.to_status <> 'available' order by m.seq desc limit %(limit)s)
           union
           (select mt.epc from balance b
            join move m on m.lot_id = b.lot_id and m.to_location_id = b.location_id
                       and m.to_hu_id is not distinct from b.hu_id
            join move_tag mt using (seq)
            where b.balance_id = any(%(balances)s) and b.lot_id = any(%(lots)s) and b.serial_id is null
            order by m.seq desc limit %(limit)s)
           union
           (select mt.epc from balance b
            join move m on m.to_location_id = b.location_id and m.item_id = b.item_id and m.to_status = b.status
                       and m.to_hu_id is not distinct from b.hu_id and m.lot_id is not distinct from b.lot_id
                       and m.owner = b.owner
            join move_tag mt using (seq)
            where b.balance_id = any(%(withheld)s) and b.serial_id is null order by m.seq desc limit %(limit)s)
           union
           (select t.epc from tag t where t.lot_id = any(%(lots)s)
              and not exists (select from move_tag mt where mt.epc = t.epc) limit %(limit)s)
           union
           (select coalesce(c.epc, t.epc) from document_tag a join tag t using (epc)
            left join hu_content c on c.hu_id = t.hu_id
            where a.document_id = any(%(coming_in)s) and coalesce(c.lot_id, t.lot_id) = any(%(lots)s)
              and (c.epc is not null or t.hu_id is null) limit %(limit)s)
           limit %(limit)s""",
        {
            "balances": balances,
            "lots": lots,
            "withheld": withheld,
            "coming_in": coming_in,
            "limit": CANDIDATES_MAX,
        },
    )
    tags = tags_of(conn, [epc for (epc,) in rows])
    goods = [tag.goods for tag in tags.values() if tag.goods is not None and not tag.retired]
    standing, owner_of = standing_of(conn, goods, ANYWHERE, Flow.OUT)
    return [_candidate(each, standing.get(each.epc or ""), owner_of.get(each.epc or "", "")) for each in goods]


def _candidate(goods: Goods, place: Place | None, owner: str) -> _Candidate:
    at, hu_id = (place.location_id, place.hu_id) if place is not None else (None, None)
    status = place.status if place is not None else StockStatus.AVAILABLE
    key = BalanceKey(goods.item_id, goods.lot_id, goods.serial_id, at or ANYWHERE, hu_id, owner, status)
    return _Candidate(goods.epc or "", key, at)


def _units(
    conn: Conn, lots: Sequence[int], balances: Sequence[int], documents: Sequence[int], coming_in: Sequence[int]
) -> list[_Candidate]:
    """Announced units with such goods in them, or in units in them: a pallet is read, its goods may have no tags."""
    rows = conn.execute(
        """with recursive goods as (
               select b.hu_id, b.item_id, b.lot_id, b.serial_id, b.location_id, b.owner, b.status from balance b
               where b.balance_id = any(%(balances)s) and b.hu_id is not null
               union
               select c.hu_id, c.item_id, c.lot_id, c.serial_id, null, '', 'available' from document_tag a
               join tag t using (epc) join hu_content c on c.hu_id = t.hu_id
               where a.document_id = any(%(coming_in)s) and c.lot_id = any(%(lots)s)),
           around (inner_id, hu_id, depth) as (
               select hu_id, hu_id, 0 from goods
               union select a.inner_id, h.parent_id, a.depth + 1 from around a join handling_unit h using (hu_id)
               where h.parent_id is not null and a.depth < 5)
           select distinct t.epc, g.item_id, g.lot_id, g.serial_id, g.location_id, g.hu_id, g.owner, g.status
           from goods g join around a on a.inner_id = g.hu_id join tag t on t.hu_id = a.hu_id
           where t.retired_at is null
             and exists (select from document_tag d where d.epc = t.epc and d.document_id = any(%(documents)s))
           order by 1, 2, 3, 4 limit %(limit)s""",
        {"balances": balances, "lots": lots, "coming_in": coming_in, "documents": documents, "limit": CANDIDATES_MAX},
    )
    return [_Candidate(epc, BalanceKey(*key), key[3]) for epc, *key in rows]


def _reserved(
    conn: Conn, lines: Sequence[_Line], withheld: Sequence[int]
) -> tuple[dict[BalanceKey, frozenset[int]], set[BalanceKey]]:
    """By balance the lines that stock there is reserved for; and the balances all of which is reserved."""
    found: dict[BalanceKey, set[int]] = defaultdict(set)
    for line_id, *key in conn.execute(
        """select line_id, item_id, lot_id, serial_id, location_id, hu_id, owner, status from reservation
           where line_id = any(%s) and state = 'pending'""",
        ([line.taker.line_id for line in lines],),
    ):
        found[BalanceKey(*key)].add(line_id)
    taken = {
        BalanceKey(*key)
        for key in conn.execute(
            """select item_id, lot_id, serial_id, location_id, hu_id, owner, status from balance
               where balance_id = any(%s) and reserved >= on_hand""",
            (list(withheld),),
        )
    }
    return {key: frozenset(line_ids) for key, line_ids in found.items()}, taken
