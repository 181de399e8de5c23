"""What a task brings, as it is in the books now: a handling unit with all that is in it, or loose goods.

Loose goods are a quantity of one item, lot and owner in one place, in no handling unit; those with serial numbers are
these numbers. They have no name that could be locked: the ledger's locks are theirs, and a task for them is a claim on
a quantity, not on things.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from warehouse.ledger import BalanceKey, StockStatus
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.loose_moves import LooseGoods
from warehouse.postgres.goods.unit_moves import unit_tree
from warehouse.putaway import Goods

# How rules of put-away call what stands in no handling unit, beside the kinds of these.
LOOSE = "loose"
# Serial numbers that one task is about; more are several tasks.
SERIALS_MAX = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What will take up room at the target. `loose` is what loose goods are, None of a handling unit."""

    kind: str
    goods: tuple[Goods, ...]
    categories: frozenset[str]
    item_ids: tuple[int, ...]
    hu_id: int | None = None
    loose: LooseGoods | None = None
    tags: tuple[str, ...] = ()

    @property
    def quantity(self) -> Decimal:
        return sum((goods.quantity for goods in self.goods), Decimal(0))

    @property
    def weight_kg(self) -> Decimal:
        return sum((goods.quantity * goods.weight_kg for goods in self.goods), Decimal(0))

    @property
    def volume_m3(self) -> Decimal:
        return sum((goods.quantity * goods.volume_m3 for goods in self.goods), Decimal(0))


def contents_of(conn: Conn, hu_id: int) -> Load:
    """What is in a unit and the units in it now, by the books."""
    rows = conn.execute(
        """select b.item_id, i.code, i.category, sum(b.on_hand), coalesce(i.weight_kg, 0), coalesce(i.volume_m3, 0),
                  i.decimals
           from balance b join item i using (item_id) where b.hu_id = any(%s) and b.on_hand > 0
           group by b.item_id, i.code, i.category, i.weight_kg, i.volume_m3, i.decimals order by i.code""",
        (unit_tree(conn, hu_id),),
    ).fetchall()
    kind = conn.execute("select kind from handling_unit where hu_id = %s", (hu_id,)).fetchone()
    assert kind is not None
    return Load(
        kind[0],
        tuple(_goods(code, quantity, *rest, whole=True) for _, code, _, quantity, *rest in rows),
        frozenset(row[2] for row in rows),
        tuple(row[0] for row in rows),
        hu_id,
    )


def loose(conn: Conn, found: LooseGoods, quantity: Decimal, tags: Iterable[str] = ()) -> Load:
    """So much of goods that are in no handling unit."""
    key = found.key
    row = conn.execute(
        "select code, category, coalesce(weight_kg, 0), coalesce(volume_m3, 0), decimals from item where item_id = %s",
        (key.item_id,),
    ).fetchone()
    assert row is not None
    code, category, weight_kg, volume_m3, decimals = row
    decimals = 0 if found.serial_ids else decimals
    goods = _goods(code, quantity, weight_kg, volume_m3, decimals, whole=False)
    return Load(LOOSE, (goods,), frozenset({category}), (key.item_id,), loose=found, tags=tuple(tags))


def _goods(
    code: str, quantity: Decimal, weight_kg: Decimal, volume_m3: Decimal, decimals: int, *, whole: bool
) -> Goods:
    return Goods(code, quantity, weight_kg, volume_m3, whole, Decimal(1).scaleb(-decimals))


# Stock of these goods in each status that nobody reserved, and what other tasks for them count on there: those that
# somebody is at already, and of the open ones those that were there first.
_FREE = """select b.serial_id, b.status, b.on_hand - b.reserved from balance b
    where b.item_id = %(item_id)s and b.lot_id is not distinct from %(lot_id)s and b.owner = %(owner)s
      and case when %(serial_ids)s::bigint[] = '{}' then b.serial_id is null
               else b.serial_id = any(%(serial_ids)s) end
      and b.location_id = %(location_id)s and b.hu_id is null and b.on_hand > b.reserved
    order by b.status <> %(status)s, b.status, b.serial_id"""
_OTHERS = """from task t
    where t.hu_id is null and t.item_id = %(item_id)s and t.lot_id is not distinct from %(lot_id)s
      and t.stock_owner = %(owner)s and t.source_id = %(location_id)s and t.carrier_id is null
      and t.task_id is distinct from %(task_id)s
      and (t.state in ('assigned', 'in_progress') or t.state = 'open' and t.seq < coalesce(%(seq)s, t.seq + 1))"""
_COUNTED_ON = f"select coalesce(sum(t.quantity), 0) {_OTHERS} and t.serial_ids = '{{}}'"
_NUMBERS_COUNTED_ON = f"select unnest(t.serial_ids) {_OTHERS} and t.serial_ids && %(serial_ids)s::bigint[]"


def free_parts(conn: Conn, found: LooseGoods) -> list[tuple[BalanceKey, Decimal]]:
    """What nobody reserved of goods in a place, by balance; in the status of the goods' key first.

    Then in the others: an inspection that decided about them since does not make them other goods.
    """
    rows: list[tuple[Any, ...]] = conn.execute(_FREE, _values(found)).fetchall()
    return [
        (found.key._replace(serial_id=serial_id, status=StockStatus(status)), quantity)
        for serial_id, status, quantity in rows
    ]


def left_for(
    conn: Conn, found: LooseGoods, task_id: UUID | None = None, seq: int | None = None
) -> tuple[Decimal, LooseGoods]:
    """How much of goods in a place, and which of them, there are for a task (None: one yet to be made) beside the
    others' share.
    """
    values = {**_values(found), "task_id": task_id, "seq": seq}
    free = free_parts(conn, found)
    if found.serial_ids:
        others = {serial_id for (serial_id,) in conn.execute(_NUMBERS_COUNTED_ON.encode(), values)}
        here = {key.serial_id for key, _ in free}
        left = found.only(n for n in found.serial_ids if n in here and n not in others)
        return Decimal(len(left.serial_ids)), left
    row = conn.execute(_COUNTED_ON.encode(), values).fetchone()
    assert row is not None
    return sum((quantity for _, quantity in free), Decimal(0)) - Decimal(row[0]), found


def numbers_at(conn: Conn, key: BalanceKey) -> LooseGoods:
    """All serial numbers of an item that stand in a place in no handling unit, by number."""
    rows = conn.execute(
        """select distinct b.serial_id, s.code from balance b join serial s using (serial_id)
           where b.item_id = %(item_id)s and b.lot_id is not distinct from %(lot_id)s and b.owner = %(owner)s
             and b.location_id = %(location_id)s and b.hu_id is null and b.on_hand > 0 order by s.code""",
        key._asdict(),
    )
    return LooseGoods(key._replace(serial_id=None), tuple(serial_id for serial_id, _ in rows))


def _values(found: LooseGoods) -> dict[str, Any]:
    return {**found.key._asdict(), "serial_ids": list(found.serial_ids)}
