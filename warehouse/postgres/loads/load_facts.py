"""What the warehouse knows about the tags of one load: a fixed number of queries, the document lines locked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from typing import Any

from warehouse.epc import decode
from warehouse.fulfilment import Flow, Goods, ItemFacts, LineFacts, LoadFacts, LotFacts, TagFacts, went_key
from warehouse.ledger import STOCKED_KINDS, Place, StockStatus
from warehouse.loads import Load
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.documents.sources import lock_lines, went
from warehouse.times import from_us

# Open lines considered for one load, nearest documents first; a door never has that many at once.
LINES_MAX = 1_000


def read_facts(
    conn: Conn, load: Load, epcs: Sequence[str], settled: Collection[str] = (), only: int | None = None
) -> LoadFacts:
    """Facts for these tags of the load; `settled` ones were posted by an earlier revision and stay.

    With `only`, that document is the only one there is: what a person scans is for the one in hand.

    Registers tags whose GTIN is an item's, and locations nobody described.
    """
    source_id, target_id, flow = _flow(conn, load)
    register_by_gtin(conn, [tag.epc for tag in load.tags if tag.sure and tag.epc in set(epcs)])
    tags = tags_of(conn, epcs)
    transit = frozenset(i for (i,) in conn.execute("select location_id from location where kind = 'transit'"))
    unit_ids = sorted({t.hu_id for t in tags.values() if t.hu_id is not None})
    contents, unit_standing = _contents(conn, unit_ids, flow)
    contents = {hu: tuple(g for g in listed if g.epc not in settled) for hu, listed in contents.items()}
    goods = [t.goods for t in tags.values() if t.goods is not None] + [g for c in contents.values() for g in c]
    all_epcs = sorted({*epcs, *(g.epc for g in goods if g.epc is not None)})
    item_ids = sorted({g.item_id for g in goods})
    announced = _announced(conn, all_epcs, flow)
    standing, owner_of = standing_of(conn, goods, source_id, flow)
    if owner_of:
        tags = {epc: replace(t, goods=_owned(t.goods, owner_of)) if t.goods else t for epc, t in tags.items()}
        contents = {hu: tuple(_owned(g, owner_of) for g in listed) for hu, listed in contents.items()}
    return LoadFacts(
        flow,
        load.portal,
        from_us(load.at_us).astimezone(UTC).date(),
        source_id,
        target_id,
        _location_id(conn, "SUPPLIER" if flow is Flow.IN else "CUSTOMER"),
        tags,
        contents,
        unit_standing,
        _items(conn, item_ids),
        lots_of(conn, sorted({g.lot_id for g in goods if g.lot_id is not None})),
        standing,
        _lines(conn, goods, load.portal, flow, (source_id, target_id), only),
        announced,
        transit=transit,
    )


def _owned(goods: Goods, owner_of: Mapping[str, str]) -> Goods:
    return goods if goods.epc is None else replace(goods, owner=owner_of.get(goods.epc))


def ensure_locations(conn: Conn, codes: Iterable[str]) -> dict[str, int]:
    """Ids by code. A code nobody described becomes a place `outside`: seen, but holding no stock until described."""
    wanted = sorted(set(codes))
    found = dict(conn.execute("select code, location_id from location where code = any(%s)", (wanted,)).fetchall())
    missing = [code for code in wanted if code not in found]
    if missing:
        conn.execute(
            "insert into location (code, kind) select code, 'outside' from unnest(%s::text[]) as c (code)"
            " on conflict (code) do nothing",
            (missing,),
        )
        found |= dict(
            conn.execute("select code, location_id from location where code = any(%s)", (missing,)).fetchall()
        )
    return found


def register_by_gtin(conn: Conn, epcs: Sequence[str]) -> None:
    """Bind unregistered SGTIN tags to the item with that GTIN; if serial-tracked, to the serial the EPC says."""
    known = {e for (e,) in conn.execute("select epc from tag where epc = any(%s)", (list(epcs),))}
    decoded = {epc: decode(epc) for epc in sorted(set(epcs) - known)}
    by_gtin = {epc: value for epc, value in decoded.items() if value.gtin is not None}
    if not by_gtin:
        return
    rows = [(epc, value.gtin, value.serial) for epc, value in by_gtin.items()]
    columns = [list(column) for column in zip(*rows, strict=True)]
    # Lot-tracked items are left out: an EPC does not say the lot.
    conn.execute(
        """with t as (select * from unnest(%s::text[], %s::text[], %s::text[]) as t (epc, gtin, serial)),
           wanted as (select t.epc, t.serial, i.item_id, i.tracking from t join item i using (gtin)
                      where i.tracking <> 'lot'),
           made as (insert into serial (item_id, code)
                    select item_id, serial from wanted where tracking = 'serial' order by 1, 2
                    on conflict (item_id, code) do update set code = excluded.code
                    returning serial_id, item_id, code)
           insert into tag (epc, item_id, serial_id)
           select w.epc, w.item_id, m.serial_id from wanted w
           left join made m on w.tracking = 'serial' and m.item_id = w.item_id and m.code = w.serial
           where m.serial_id is null or not exists (select from tag x where x.serial_id = m.serial_id)
           order by w.epc on conflict do nothing""",
        columns,
    )


def _flow(conn: Conn, load: Load) -> tuple[int, int, Flow]:
    ids = ensure_locations(conn, (load.from_location, load.to_location))
    kinds = dict(
        conn.execute(
            "select location_id, kind from location where location_id = any(%s)", (list(ids.values()),)
        ).fetchall()
    )
    source_id, target_id = ids[load.from_location], ids[load.to_location]
    comes = kinds[source_id] in STOCKED_KINDS
    goes = kinds[target_id] in STOCKED_KINDS
    flow = {(False, True): Flow.IN, (True, False): Flow.OUT, (True, True): Flow.INTERNAL, (False, False): Flow.NONE}
    return source_id, target_id, flow[comes, goes]


def _location_id(conn: Conn, code: str) -> int:
    return ensure_locations(conn, (code,))[code]


def tags_of(conn: Conn, epcs: Sequence[str]) -> dict[str, TagFacts]:
    """What is known of these tags, by EPC."""
    rows = conn.execute(
        """select t.epc, t.hu_id, t.item_id, t.lot_id, t.serial_id, t.quantity, t.retired_at is not null, c.hu_id
           from tag t left join hu_content c on c.epc = t.epc where t.epc = any(%s)""",
        (list(epcs),),
    )
    return {
        epc: TagFacts(
            epc,
            hu_id,
            Goods(item_id, quantity, lot_id, serial_id, epc) if item_id is not None else None,
            in_hu,
            retired,
        )
        for epc, hu_id, item_id, lot_id, serial_id, quantity, retired, in_hu in rows
    }


def _contents(conn: Conn, unit_ids: list[int], flow: Flow) -> tuple[dict[int, tuple[Goods, ...]], dict[int, Place]]:
    """Per unit that was read its contents, and per unit where it stands: by its packing list; untagged contents in
    stock by the books. A unit stands for the units in it, which keep what is theirs.
    """
    if not unit_ids:
        return {}, {}
    # The outermost of those that were read. 5 levels: carton on pallet on pallet is 3.
    nested = dict(
        conn.execute(
            """with recursive n (hu_id, top, depth) as (
                   select u, u, 0 from unnest(%s::bigint[]) as u
                   union all select h.hu_id, n.top, n.depth + 1 from handling_unit h join n on h.parent_id = n.hu_id
                   where n.depth < 5)
               select distinct on (hu_id) hu_id, top from n order by hu_id, depth desc, top""",
            (unit_ids,),
        ).fetchall()
    )
    listed: dict[int, list[Goods]] = {unit_id: [] for unit_id in unit_ids}
    standing: dict[int, Place] = {}
    untagged: dict[tuple[int, int, int | None], Decimal] = {}
    owner_of: dict[tuple[int, int, int | None], str] = {}
    for hu_id, location_id, status, item_id, lot_id, on_hand, owner in conn.execute(
        """select hu_id, location_id, status, item_id, lot_id, on_hand, owner from balance
           where hu_id = any(%s) and serial_id is null order by balance_id""",
        (list(nested),),
    ):
        standing[hu_id] = Place(location_id, hu_id, StockStatus(status))
        key = hu_id, item_id, lot_id
        untagged[key] = untagged.get(key, Decimal(0)) + on_hand
        owner_of[key] = owner
    in_stock = {hu_id for hu_id, _, _ in untagged}
    for hu_id, item_id, lot_id, serial_id, epc, quantity, is_booked_here in conn.execute(
        """select hu_id, item_id, lot_id, serial_id, epc, quantity, hu_id = (
               select m.to_hu_id from move_tag x join move m using (seq)
               where x.epc = c.epc order by x.seq desc limit 1)
           from hu_content c where hu_id = any(%s) order by content_id""",
        (list(nested),),
    ):
        if epc is not None or serial_id is not None or flow is Flow.IN or hu_id not in in_stock:
            listed[nested[hu_id]].append(Goods(item_id, quantity, lot_id, serial_id, epc, hu_id))
        if is_booked_here and (hu_id, item_id, lot_id) in untagged:
            # The unit's balance holds these pieces too: they are not there a second time without a tag.
            untagged[hu_id, item_id, lot_id] -= quantity
    if flow is not Flow.IN:
        for (hu_id, item_id, lot_id), quantity in untagged.items():
            if quantity > 0:
                owner = owner_of[hu_id, item_id, lot_id]
                listed[nested[hu_id]].append(Goods(item_id, quantity, lot_id, hu_id=hu_id, owner=owner))
    return {unit_id: tuple(goods) for unit_id, goods in listed.items()}, standing


def _announced(conn: Conn, epcs: Sequence[str], flow: Flow) -> dict[str, tuple[int, ...]]:
    """The documents that announce each tag: itself, or the unit whose packing list names it, read or not."""
    announced: dict[str, tuple[int, ...]] = {}
    for epc, document_id in conn.execute(
        """with told as (
               select epc, epc as announcing from unnest(%(epcs)s::text[]) as e (epc)
               union select c.epc, u.epc from hu_content c join tag u using (hu_id) where c.epc = any(%(epcs)s))
           select distinct t.epc, a.document_id from told t join document_tag a on a.epc = t.announcing
           join document d using (document_id) join document_kind k using (kind)
           where d.status in ('open', 'complete') and k.direction in (%(flow)s, 'internal')
           order by t.epc, a.document_id""",
        {"epcs": list(epcs), "flow": str(flow)},
    ):
        announced[epc] = (*announced.get(epc, ()), document_id)
    return announced


def _items(conn: Conn, item_ids: Sequence[int]) -> dict[int, ItemFacts]:
    rows = conn.execute("select item_id, code, inspected(item_id) from item where item_id = any(%s)", (list(item_ids),))
    return {item_id: ItemFacts(code, inspect) for item_id, code, inspect in rows}


def lots_of(conn: Conn, lot_ids: Sequence[int]) -> dict[int, LotFacts]:
    """These lots, by id."""
    rows = conn.execute("select lot_id, code, expires_on, blocked from lot where lot_id = any(%s)", (list(lot_ids),))
    return {lot_id: LotFacts(code, expires_on, blocked) for lot_id, code, expires_on, blocked in rows}


def standing_of(
    conn: Conn, goods: Sequence[Goods], source_id: int, flow: Flow
) -> tuple[dict[str, Place], dict[str, str]]:
    """Where tagged goods stand: a serial by its balance, others where their tag was last posted to, if stocked. And
    whose they are.
    """
    serials = {g.serial_id: g.epc for g in goods if g.serial_id is not None and g.epc is not None}
    standing: dict[str, Place] = {}
    owner_of: dict[str, str] = {}
    if serials:
        for serial_id, location_id, hu_id, status, owner in conn.execute(
            """select serial_id, location_id, hu_id, status, owner from balance
               where serial_id = any(%s) and on_hand > 0""",
            (list(serials),),
        ):
            standing[serials[serial_id]] = Place(location_id, hu_id, StockStatus(status))
            owner_of[serials[serial_id]] = owner
    others = [g.epc for g in goods if g.serial_id is None and g.epc is not None]
    if not others:
        return standing, owner_of
    known: set[str] = set()
    for epc, location_id, hu_id, status, kind, owner in conn.execute(
        """select t.epc, m.to_location_id, m.to_hu_id, m.to_status, l.kind, m.owner
           from unnest(%s::text[]) as t (epc)
           cross join lateral (select seq from move_tag x where x.epc = t.epc order by seq desc limit 1) last
           join move m using (seq) join location l on l.location_id = m.to_location_id""",
        (others,),
    ):
        known.add(epc)
        if kind in STOCKED_KINDS:
            standing[epc] = Place(location_id, hu_id, StockStatus(status))
            owner_of[epc] = owner
    if flow is not Flow.IN:
        # Stock that came in without its tags being read stands, as far as anyone knows, where the load comes from.
        standing |= {epc: Place(source_id) for epc in others if epc not in known}
    return standing, owner_of


def _lines(
    conn: Conn, goods: Sequence[Goods], portal: str, flow: Flow, ends: tuple[int, int], only: int | None
) -> tuple[LineFacts, ...]:
    item_ids = sorted({g.item_id for g in goods})
    if flow is Flow.NONE or not item_ids:
        return ()
    candidates = [
        line_id
        for (line_id,) in conn.execute(
            """with recursive up (start, location_id, depth) as (
                   select e, e, 0 from unnest(%(ends)s::int[]) as e
                   union all select up.start, l.parent_id, up.depth + 1 from up join location l using (location_id)
                   where l.parent_id is not null and up.depth < 10)
               select l.line_id from document_line l join document d using (document_id)
               join document_kind k on k.kind = d.kind
               where d.status = 'open' and l.item_id = any(%(items)s)
                 and (k.direction = %(flow)s and k.direction <> 'internal' or k.direction = 'internal'
                      and (%(flow)s = 'in' or d.source_id in (select location_id from up where start = %(source)s))
                      and (%(flow)s = 'out' or d.target_id in (select location_id from up where start = %(target)s)))
                 and (%(only)s::bigint is null or d.document_id = %(only)s)
               order by d.door <> %(door)s, d.door <> '', d.expected_at nulls last, d.document_id, l.line_no
               limit %(limit)s""",
            {
                "flow": str(flow),
                "items": list(item_ids),
                "door": portal,
                "limit": LINES_MAX,
                "only": only,
                "ends": sorted(set(ends)),
                "source": ends[0],
                "target": ends[1],
            },
        )
    ]
    if not candidates:
        return ()
    lock_lines(conn, candidates)  # what they take is read under the locks
    rows: list[tuple[Any, ...]] = conn.execute(
        """select l.line_id, l.document_id, d.number, d.door, l.item_id, l.lot_id,
                  case when k.direction <> 'internal'
                       then greatest(0, l.quantity * (1 + d.over_percent / 100) - l.fulfilled)
                       when %(flow)s = 'in' then l.shipped - l.fulfilled
                       else l.quantity - l.shipped end,
                  p.location_id,
                  k.direction = 'out' and p.kind in ('supplier', 'scrap'), l.source_line_id,
                  source_room(l.source_line_id), l.owner, case when k.direction = 'internal' then d.source_id end,
                  d.expected_at, sk.direction <> 'plan'
           from document_line l join document d using (document_id) join document_kind k on k.kind = d.kind
           join location p on p.code = k.counterpart
           left join document_line s on s.line_id = l.source_line_id
           left join document sd on sd.document_id = s.document_id left join document_kind sk on sk.kind = sd.kind
           where l.line_id = any(%(lines)s) and d.status = 'open' order by l.line_id""",
        {"lines": candidates, "flow": str(flow)},
    ).fetchall()
    order = sorted(range(len(rows)), key=lambda n: (rows[n][13] is None, rows[n][13] or 0, rows[n][1], rows[n][0]))
    awaited = _awaited(conn, sorted({row[1] for row in rows}), item_ids)
    inside = _inside(conn, {row[12] for row in rows if row[12] is not None})
    returned = {row[9] for row in rows if row[14]}
    back = went(conn, returned, {went_key(g.lot_id, g.serial_id) for g in goods}) if returned else {}
    lines = []
    for rank, n in enumerate(order):
        line_id, document_id, number, door, item_id, lot_id, room, counterpart_id = rows[n][:8]
        rejects, source_line_id, source_room, owner, source_id = rows[n][8:13]
        kept = min(room, awaited.get((document_id, item_id), Decimal(0)))
        if kept:
            awaited[document_id, item_id] -= kept
        ships_from = inside[source_id] if source_id is not None else None
        lines.append(
            LineFacts(
                line_id,
                document_id,
                number,
                door,
                item_id,
                lot_id,
                room,
                counterpart_id,
                rank,
                kept,
                rejects,
                source_line_id,
                source_room,
                owner,
                ships_from,
                back.get(source_line_id),
            )
        )
    return tuple(lines)


def _inside(conn: Conn, places: Collection[int]) -> dict[int, frozenset[int]]:
    """Each place with all those in it."""
    if not places:
        return {}
    found: dict[int, set[int]] = {}
    for root, location_id in conn.execute(
        """with recursive tree (root, location_id, depth) as (
               select p, p, 0 from unnest(%s::int[]) as p
               union all select t.root, l.location_id, t.depth + 1
               from location l join tree t on l.parent_id = t.location_id where t.depth < 10)
           select root, location_id from tree""",
        (sorted(places),),
    ):
        found.setdefault(root, set()).add(location_id)
    return {root: frozenset(within) for root, within in found.items()}


def _awaited(conn: Conn, document_ids: Sequence[int], item_ids: Sequence[int]) -> dict[tuple[int, int], Decimal]:
    """Pieces of an item that a document announced by tag, or by their unit's, and that none of its movements moved."""
    return {
        (document_id, item_id): quantity
        for document_id, item_id, quantity in conn.execute(
            """with announced as (
                   select a.document_id, t.epc, t.hu_id, t.item_id, t.quantity
                   from document_tag a join tag t using (epc)
                   where a.document_id = any(%(documents)s)),
               whole as (
                   select document_id, epc, item_id, quantity from announced where item_id = any(%(items)s)
                   union select a.document_id, c.epc, c.item_id, c.quantity
                   from announced a join hu_content c on c.hu_id = a.hu_id
                   where c.epc is not null and c.item_id = any(%(items)s))
               select document_id, item_id, sum(quantity) from whole w
               where not exists (
                   select from move_tag mt join move m using (seq) join document_line l using (line_id)
                   where mt.epc = w.epc and l.document_id = w.document_id and m.reverses is null
                     and not exists (select from move r where r.reverses = m.seq))
               group by 1, 2""",
            {"documents": list(document_ids), "items": list(item_ids)},
        )
    }
