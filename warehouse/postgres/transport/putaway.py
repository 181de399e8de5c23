"""Which place takes a handling unit, by the rules, the limits of the places and what is there or on its way there.

Planning is one at a time (`_LOCK`), so that two receipts cannot count on the same room; what a live task will bring is
counted as there. Bound: the `PLACES_MAX` nearest places of each rule are looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.unit_moves import outermost_units, unit_tree
from warehouse.putaway import Goods, Shelf, place_for_unit, unit_refusal

PLACES_MAX = 2_000
RULES_MAX = 1_000
_LOCK = 0x7075_7461
_FAR = 1 << 40


@dataclass(frozen=True, slots=True)
class UnitContents:
    """What a handling unit holds, and so will take up."""

    hu_id: int
    kind: str
    goods: tuple[Goods, ...]
    categories: frozenset[str]
    item_ids: tuple[int, ...]

    @property
    def quantity(self) -> Decimal:
        return sum((goods.quantity for goods in self.goods), Decimal(0))

    @property
    def weight_kg(self) -> Decimal:
        return sum((goods.quantity * goods.weight_kg for goods in self.goods), Decimal(0))

    @property
    def volume_m3(self) -> Decimal:
        return sum((goods.quantity * goods.volume_m3 for goods in self.goods), Decimal(0))


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


def contents_of(conn: Conn, hu_id: int) -> UnitContents:
    """What is in a unit and the units in it now, by the books."""
    rows = conn.execute(
        """select b.item_id, i.code, i.category, sum(b.on_hand), coalesce(i.weight_kg, 0), coalesce(i.volume_m3, 0)
           from balance b join item i using (item_id) where b.hu_id = any(%s) and b.on_hand > 0
           group by b.item_id, i.code, i.category, i.weight_kg, i.volume_m3 order by i.code""",
        (unit_tree(conn, hu_id),),
    ).fetchall()
    kind = conn.execute("select kind from handling_unit where hu_id = %s", (hu_id,)).fetchone()
    assert kind is not None
    return UnitContents(
        hu_id,
        kind[0],
        tuple(Goods(code, quantity, weight, volume, whole=True) for _, code, _, quantity, weight, volume in rows),
        frozenset(row[2] for row in rows),
        tuple(row[0] for row in rows),
    )


def choose(conn: Conn, unit: UnitContents, source_id: int, pickup: str) -> Choice | None:
    """Where the rules put a unit that stands at `source_id`; None when no rule is about it.

    Holds the planning lock to the end of the transaction.
    """
    rules = _rules(conn, unit, source_id)
    if not rules:
        return None
    conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    for name, target_id, task_priority, within_minutes in rules:
        shelves = _shelves(conn, target_id, pickup, source_id)
        fills = _fills(conn, list(shelves), unit.hu_id)
        ids = {shelf.code: location_id for location_id, shelf in shelves.items()}
        code = place_for_unit([_filled(shelf, fills[at]) for at, shelf in shelves.items()], unit.goods)
        if code is not None:
            return Choice(name, ids[code], task_priority, within_minutes)
    return Choice(rules[0][0], None, rules[0][2], rules[0][3])


def still_fits(conn: Conn, unit: UnitContents, target_id: int) -> bool:
    """Whether a place that a person named, or a rule chose before, takes the unit. One without limits takes all."""
    conn.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    row = conn.execute(_STORAGE, (target_id,)).fetchone()
    if row is None:
        return True
    fill = _fills(conn, [target_id], unit.hu_id)[target_id]
    return unit_refusal(_filled(_shelf(row[1:], 0), fill), unit.goods) is None


_STORAGE = """select p.location_id, l.code, p.units_max, p.capacity, p.weight_max_kg, p.volume_max_m3,
    p.only_when_empty, p.single_item
    from storage_place p join location l using (location_id) where p.location_id = %s"""


def _rules(conn: Conn, unit: UnitContents, source_id: int) -> list[tuple[Any, ...]]:
    """The rules about such a unit from such a place, in order; none for one that stands in storage already."""
    return conn.execute(
        """with recursive above (location_id, parent_id, depth) as (
               select location_id, parent_id, 0 from location where location_id = %(source)s
               union all select l.location_id, l.parent_id, a.depth + 1 from location l
               join above a on l.location_id = a.parent_id where a.depth < 10)
           select name, target_id, task_priority, within_minutes from putaway_rule
           where enabled and (item_id is null or array[item_id] = %(items)s::bigint[])
             and (category = '' or array[category] = %(categories)s::text[])
             and unit_kind in ('', %(kind)s)
             and (from_id is null or from_id in (select location_id from above))
             and not exists (select from storage_place where location_id = %(source)s)
           order by priority, name limit %(limit)s""",
        {
            "source": source_id,
            "items": list(unit.item_ids),
            "categories": sorted(unit.categories),
            "kind": unit.kind,
            "limit": RULES_MAX,
        },
    ).fetchall()


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


def _fills(conn: Conn, location_ids: Sequence[int], but_hu_id: int) -> dict[int, _Fill]:
    """What stands in places and what live tasks will bring there, other than for the unit in question."""
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
             and t.hu_id <> %s""",
        (list(location_ids), but_hu_id),
    ):
        fill = fills[location_id]
        fill.held += quantity
        fill.weight_kg += weight_kg
        fill.volume_m3 += volume_m3
        fill.items.update(codes)
        fill.units.add(hu_id)
    return fills


def _filled(shelf: Shelf, fill: _Fill) -> Shelf:
    return replace(
        shelf,
        held=fill.held,
        weight_kg=fill.weight_kg,
        volume_m3=fill.volume_m3,
        items=frozenset(fill.items),
        units=len(fill.units),
    )
