"""Stock that could be taken for a line: available, accepted, of no blocked or expired lot, in an open place of ours,
and of the owner that the line names.

Read without locks: whoever takes it locks and checks. Distance counts steps in the tree of places: two bins of a rack
are 2 apart, two of different racks 4.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from warehouse.ledger import BalanceKey
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.documents.removal_rules import Strategy
from warehouse.removal import Order, Source, Taken, ZoneRule, choose, take_by_zone, usable


def choose_stock(
    conn: Conn,
    item_id: int,
    need: Decimal,
    strategy: Strategy,
    today: date,
    *,
    owner: str = "",
    lot_id: int | None = None,
    serial_id: int | None = None,
    within: int | None = None,
    near: int | None = None,
    used: Mapping[BalanceKey, Decimal] | None = None,
) -> Taken:
    """What to take for `need`, and what is short; `used` is not there any more."""
    sources = _sources(conn, item_id, owner, lot_id, serial_id, within)
    if used:
        left = [replace(s, quantity=s.quantity - used.get(s.key, Decimal(0))) for s in sources]
        sources = [s for s in left if s.quantity > 0]
    if strategy.order is Order.CLOSEST:
        sources = _with_distances(conn, sources, near if near is not None else within)
    sources = usable(sources, today, strategy.remaining_days_min)
    if strategy.zones:
        return take_by_zone(_with_zones(conn, sources, strategy.zones), need, strategy.zones, strategy.order)
    return choose(sources, need, strategy.order, strategy.single_lot)


def _sources(
    conn: Conn, item_id: int, owner: str, lot_id: int | None, serial_id: int | None, within: int | None
) -> list[Source]:
    rows = conn.execute(
        """with recursive tree (location_id, depth) as (
               select location_id, 0 from location where %(within)s::int is null or location_id = %(within)s
               union all select l.location_id, t.depth + 1 from location l join tree t on l.parent_id = t.location_id
               where %(within)s::int is not null and t.depth < 10)
           select b.item_id, b.lot_id, b.serial_id, b.location_id, b.hu_id, b.owner, b.status,
                  b.on_hand - b.reserved, b.first_in_at, l.code, lo.code, lo.expires_on
           from balance b join location l using (location_id) left join lot lo on lo.lot_id = b.lot_id
           where b.item_id = %(item)s and b.owner = %(owner)s and (%(lot)s::bigint is null or b.lot_id = %(lot)s)
             and (%(serial)s::bigint is null or b.serial_id = %(serial)s) and b.status = 'available'
             and b.on_hand > b.reserved and l.kind = 'internal' and not l.closed and not coalesce(lo.blocked, false)
             and b.location_id in (select location_id from tree)
           order by b.balance_id""",
        {"item": item_id, "owner": owner, "lot": lot_id, "serial": serial_id, "within": within},
    )
    return [
        Source(BalanceKey(*row[:7]), row[7], row[8], "", row[10], row[11], package=row[4] is not None, place=row[9])
        for row in rows
    ]


def _with_zones(conn: Conn, sources: Sequence[Source], zones: Sequence[ZoneRule]) -> list[Source]:
    """Each with the nearest place around it that a rule is about."""
    chains = _chains(conn, {source.key.location_id for source in sources})
    named = {rule.zone for rule in zones}
    return [
        replace(s, zone=next((str(at) for at in chains[s.key.location_id] if str(at) in named), "")) for s in sources
    ]


def _chains(conn: Conn, places: Collection[int]) -> dict[int, list[int]]:
    """Each place with those around it, the nearest first."""
    chains: dict[int, list[int]] = {}
    for start, location_id in conn.execute(
        """with recursive up (start, location_id, depth) as (
               select l, l, 0 from unnest(%s::int[]) as l
               union all select u.start, p.parent_id, u.depth + 1 from up u join location p using (location_id)
               where p.parent_id is not null and u.depth < 10)
           select start, location_id from up order by start, depth""",
        (sorted(places),),
    ):
        chains.setdefault(start, []).append(location_id)
    return chains


def _with_distances(conn: Conn, sources: Sequence[Source], near: int | None) -> list[Source]:
    if near is None:
        return list(sources)
    chains = _chains(conn, {source.key.location_id for source in sources} | {near})
    home = chains[near]

    def steps(location_id: int) -> int:
        chain = chains[location_id]
        for up, place in enumerate(chain):
            if place in home:
                return up + home.index(place)
        return len(chain) + len(home)  # no place in common: by way of the outermost

    return [replace(s, distance=steps(s.key.location_id)) for s in sources]
