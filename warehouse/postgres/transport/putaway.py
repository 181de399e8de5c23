"""Which place takes a load, by the rules, the limits of the places and what is there or on its way there.

Planning is one at a time (`_LOCK`), so that two receipts cannot count on the same room; what a live task will bring is
counted as there. Loose goods may be spread over places; `units_max` is about handling units alone. Bound: the
`PLACES_MAX` nearest places of each rule are looked at.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.unit_moves import outermost_units
from warehouse.postgres.transport.loads import LOOSE, Load
from warehouse.putaway import Shelf, place_for_unit, plan, unit_refusal

PLACES_MAX = 2_000
RULES_MAX = 1_000
_LOCK = 0x7075_7461
_FAR = 1 << 40


@dataclass(frozen=True, slots=True)
class Choice:
    """A place by a rule; `target_id` None: a rule fits, and no place of it has room."""

    rule: str
    target_id: int | None
    task_priority: int = 0
    within_minutes: int | None = None


@dataclass(slots=True)
class _Fill:
    held: Decimal = Decimal(0)
    weight_kg: Decimal = Decimal(0)
    volume_m3: Decimal = Decimal(0)
    units: set[int] = field(default_factory=set)
    items: set[str] = field(default_factory=set)


def choose(
    conn: Conn,
    load: Load,
    source_id: int,
    pickup: str,
    task_id: UUID | None = None,
    but_ids: Collection[int] = (),
) -> Choice | None:
    """Where the rules put all of a load that stands at `source_id`, not in `but_ids`; None when no rule is about it.

    Room that its own task `task_id` keeps is its own. Holds the planning lock to the end of the transaction.
    """
    rules = _rules(conn, load, source_id)
    if not rules:
        return None
    conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    for rule in rules:
        shelves, ids = _open_shelves(conn, load, rule.target_id, source_id, pickup, task_id)
        code = place_for_unit([shelf for shelf in shelves if ids[shelf.code] not in but_ids], load.goods)
        if code is not None:
            return replace(rule, target_id=ids[code])
    return replace(rules[0], target_id=None)


def spread(conn: Conn, load: Load, source_id: int, pickup: str) -> list[tuple[Choice, Decimal]]:
    """Where the rules put loose goods, in as many places as it takes; the last without a target when some are left.

    Empty when no rule is about them. Holds the planning lock to the end of the transaction.
    """
    rules = _rules(conn, load, source_id)
    if not rules:
        return []
    conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    (left,) = load.goods
    taken: set[int] = set()
    parts: list[tuple[Choice, Decimal]] = []
    for rule in rules:
        shelves, ids = _open_shelves(conn, load, rule.target_id, source_id, pickup, None)
        done = plan([shelf for shelf in shelves if ids[shelf.code] not in taken], left)
        parts += [(replace(rule, target_id=ids[code]), quantity) for code, quantity in done.parts]
        taken |= {ids[code] for code, _ in done.parts}
        left = replace(left, quantity=done.unassigned)
        if not left.quantity:
            return parts
    return [*parts, (replace(rules[0], target_id=None), left.quantity)]


def still_fits(conn: Conn, load: Load, target_id: int, task_id: UUID | None = None) -> bool:
    """Whether a place that a person named, or a rule chose before, takes the load. One without limits takes all."""
    conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    row = conn.execute(_STORAGE, (target_id,)).fetchone()
    if row is None:
        return True
    fill = _fills(conn, [target_id], load.hu_id, task_id)[target_id]
    return unit_refusal(_filled(_shelf(row[1:], 0), fill, load), load.goods) is None


def _open_shelves(
    conn: Conn, load: Load, within_id: int | None, source_id: int, pickup: str, task_id: UUID | None
) -> tuple[list[Shelf], dict[str, int]]:
    """The storage places of a rule as they are filled, and their ids by code."""
    assert within_id is not None
    shelves = _shelves(conn, within_id, pickup, source_id)
    fills = _fills(conn, list(shelves), load.hu_id, task_id)
    ids = {shelf.code: location_id for location_id, shelf in shelves.items()}
    return [_filled(shelf, fills[at], load) for at, shelf in shelves.items()], ids


_STORAGE = """select p.location_id, l.code, p.units_max, p.capacity, p.weight_max_kg, p.volume_max_m3,
    p.only_when_empty, p.single_item
    from storage_place p join location l using (location_id) where p.location_id = %s"""


def _rules(conn: Conn, load: Load, source_id: int) -> list[Choice]:
    """The rules about such a load from such a place, in order, with where they choose a place; none in storage."""
    rows = conn.execute(
        """with recursive above (location_id, parent_id, depth) as (
               select location_id, parent_id, 0 from location where location_id = %(source)s
               union all select l.location_id, l.parent_id, a.depth + 1 from location l
               join above a on l.location_id = a.parent_id where a.depth < 10)
           select name, target_id, task_priority, within_minutes from putaway_rule
           where enabled and (item_id is null or array[item_id] = %(items)s::bigint[])
             and (category = '' or array[category] = %(categories)s::text[])
             and (unit_kind = %(kind)s or unit_kind = '' and %(kind)s <> %(loose)s)
             and (from_id is null or from_id in (select location_id from above))
             and not exists (select from storage_place where location_id = %(source)s)
           order by priority, name limit %(limit)s""",
        {
            "source": source_id,
            "items": list(load.item_ids),
            "categories": sorted(load.categories),
            "kind": load.kind,
            "loose": LOOSE,
            "limit": RULES_MAX,
        },
    )
    return [Choice(*row) for row in rows]


def _shelves(conn: Conn, target_id: int, pickup: str, source_id: int) -> dict[int, Shelf]:
    """The open storage places in a place with their limits, by how far it is; a bin is as far as what it is in."""
    rows = conn.execute(
        """with recursive inside (location_id, metres, depth) as (
               select l.location_id, d.metres, 0 from location l left join ways d on d.location = l.code
               where l.location_id = %(target)s
               union all select l.location_id, coalesce(d.metres, i.metres), i.depth + 1 from location l
               join inside i on l.parent_id = i.location_id left join ways d on d.location = l.code
               where i.depth < 10 and not l.closed),
           ways as (
               select location, min(metres) as metres from road_distance
               where pickup in (%(pickup)s, (select code from location where location_id = %(source)s)) group by 1)
           select i.metres, p.location_id, l.code, p.units_max, p.capacity, p.weight_max_kg, p.volume_max_m3,
                  p.only_when_empty, p.single_item
           from inside i join storage_place p using (location_id) join location l using (location_id)
           where not l.closed order by i.metres nulls last, l.code limit %(limit)s""",
        {"target": target_id, "pickup": pickup, "source": source_id, "limit": PLACES_MAX},
    )
    return {row[1]: _shelf(row[2:], _FAR if row[0] is None else round(row[0] * 1000)) for row in rows}


def _shelf(row: tuple[Any, ...], distance: int) -> Shelf:
    code, units_max, capacity, weight_max_kg, volume_max_m3, only_when_empty, single_item = row
    return Shelf(
        code,
        capacity=capacity,
        weight_max_kg=weight_max_kg,
        volume_max_m3=volume_max_m3,
        only_when_empty=only_when_empty,
        single_item=single_item,
        distance=distance,
        units_max=units_max,
    )


def _fills(
    conn: Conn, location_ids: Sequence[int], but_hu_id: int | None, but_task_id: UUID | None
) -> dict[int, _Fill]:
    """What stands in places and what live tasks will bring there, other than for the load in question."""
    fills = {location_id: _Fill() for location_id in location_ids}
    standing = conn.execute(
        """select b.location_id, b.hu_id, i.code, sum(b.on_hand), sum(b.on_hand * coalesce(i.weight_kg, 0)),
                  sum(b.on_hand * coalesce(i.volume_m3, 0))
           from balance b join item i using (item_id) where b.location_id = any(%s) and b.on_hand > 0
           group by b.location_id, b.hu_id, i.code""",
        (list(location_ids),),
    ).fetchall()
    outermost = outermost_units(conn, sorted({row[1] for row in standing if row[1] is not None}))
    for location_id, hu_id, code, quantity, weight_kg, volume_m3 in standing:
        fill = fills[location_id]
        fill.held += quantity
        fill.weight_kg += weight_kg
        fill.volume_m3 += volume_m3
        fill.items.add(code)
        if hu_id is not None:
            fill.units.add(outermost[hu_id])
    for location_id, hu_id, quantity, weight_kg, volume_m3, codes in conn.execute(
        """select t.target_id, t.hu_id, t.quantity, t.weight_kg, t.volume_m3,
                  array(select code from item where item_id = any(t.items))
           from task t where t.target_id = any(%s) and t.state in ('open', 'assigned', 'in_progress')
             and (t.hu_id is null or t.hu_id is distinct from %s) and t.task_id is distinct from %s""",
        (list(location_ids), but_hu_id, but_task_id),
    ):
        fill = fills[location_id]
        fill.held += quantity
        fill.weight_kg += weight_kg
        fill.volume_m3 += volume_m3
        fill.items.update(codes)
        if hu_id is not None:
            fill.units.add(hu_id)
    return fills


def _filled(shelf: Shelf, fill: _Fill, load: Load) -> Shelf:
    return replace(
        shelf,
        units_max=None if load.kind == LOOSE else shelf.units_max,
        held=fill.held,
        weight_kg=fill.weight_kg,
        volume_m3=fill.volume_m3,
        items=frozenset(fill.items),
        units=len(fill.units),
    )
