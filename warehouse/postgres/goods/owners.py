"""Goods become another's where they stand: they leave their owner's stock and come into the next one's, in one posting.

Both movements are told by the place `OWNERSHIP`, as a movement has one owner; neither stands without the other. Value
is booked as for any goods that come to us or leave us. They stay as old as they are, with their tags.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid5

from warehouse.commands import Actor, Audit, ChangeOwner, RefusalCode
from warehouse.fulfilment import Flow
from warehouse.ledger import BalanceKey, Circumstance, MovedTag, NewMove, Place, Refused, StockStatus
from warehouse.postgres.books.balances import Conn, sort_key
from warehouse.postgres.books.ledger import post
from warehouse.postgres.books.measures import find_factor, to_base
from warehouse.postgres.clock import database_now
from warehouse.postgres.control import approval
from warehouse.postgres.goods import unit_moves
from warehouse.postgres.goods.stock import refusal_of
from warehouse.postgres.goods.tags_of_stock import with_its_tags
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.loads.load_facts import standing_of, tags_of
from warehouse.postgres.naming import (
    Refuse,
    check_owner,
    find_id,
    find_item,
    find_location,
    find_lot,
    find_serial,
    find_unit,
    item_by_id,
)
from warehouse.valuation import cost_in_base

KIND = "owner_change"
_PLACE = "OWNERSHIP"


@dataclass(frozen=True, slots=True)
class _Goods:
    """A quantity of one balance, and the tags on it; `field` is where the command says it."""

    key: BalanceKey
    quantity: Decimal
    tags: tuple[str, ...]
    field: str


def change_owner(conn: Conn, c: ChangeOwner, actor: Actor, request_id: UUID) -> Answer:
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "a change of owner needs a reason, such as the agreement")
    if c.owner == c.new_owner:
        raise Refuse(RefusalCode.INVALID, "new_owner", "they are that owner's already")
    check_owner(conn, c.new_owner, "new_owner")
    if c.unit_cost is not None and (c.unit_cost < 0 or c.new_owner):
        message = "a cost cannot be negative" if c.unit_cost < 0 else "only what becomes ours has a value with us"
        raise Refuse(RefusalCode.INVALID, "unit_cost", message)
    goods, factor = _goods(conn, c)
    _refuse_elsewhere(conn, goods)
    by_item: dict[int, Decimal] = defaultdict(Decimal)
    for each in goods:
        by_item[each.key.item_id] += each.quantity
    for item_id, quantity in by_item.items():
        approval.refuse_adjustment(conn, item_id, quantity, goods[0].field)
    cost = None if c.unit_cost is None else cost_in_base(c.unit_cost, factor)
    moves = _moves(conn, c, goods, cost, request_id)
    at = c.effective_at or database_now(conn)
    outcome = post(conn, moves, Circumstance(actor.name, at, actor.device, request_id=request_id, reason=c.reason))
    if isinstance(outcome, Refused):
        refusal = refusal_of(outcome)
        field = goods[outcome.index // 2].field if refusal.field == "quantity" else refusal.field
        raise Refuse(refusal.code, field, refusal.message)
    response = {
        "owner": c.new_owner,
        "moves": [str(move.move_id) for move in moves],
        "quantity": str(sum((each.quantity for each in goods), Decimal(0))),
    }
    return response, Audit({"owner": c.owner}, response)


def _moves(
    conn: Conn, c: ChangeOwner, goods: Sequence[_Goods], cost: Decimal | None, request_id: UUID
) -> list[NewMove]:
    between = Place(find_location(conn, _PLACE))
    moves: list[NewMove] = []
    for n, each in enumerate(sorted(goods, key=lambda one: sort_key(one.key))):
        key = each.key
        here = Place(key.location_id, key.hu_id, StockStatus(key.status))
        out = NewMove(
            uuid5(request_id, f"from/{n}"),
            KIND,
            key.item_id,
            each.quantity,
            here,
            between,
            key.lot_id,
            key.serial_id,
            c.owner,
            tags=tuple(MovedTag(epc) for epc in each.tags),
        )
        if not each.tags:
            out = with_its_tags(conn, out)
        moves.append(out)
        moves.append(
            NewMove(
                uuid5(request_id, f"to/{n}"),
                KIND,
                key.item_id,
                each.quantity,
                between,
                here,
                key.lot_id,
                key.serial_id,
                c.new_owner,
                tags=out.tags,
                unit_cost=cost,
                since=_since(conn, key),
            )
        )
    return moves


def _refuse_elsewhere(conn: Conn, goods: Sequence[_Goods]) -> None:
    """Only what stands in a store of ours; what a transfer has on the way stays whose it was shipped as."""
    kinds = dict(
        conn.execute(
            "select location_id, kind from location where location_id = any(%s)",
            ([each.key.location_id for each in goods],),
        ).fetchall()
    )
    for each in goods:
        kind = kinds[each.key.location_id]
        if kind == "internal":
            continue
        field = "location" if each.field == "quantity" else each.field
        if kind == "transit":
            raise Refuse(RefusalCode.WRONG_STATE, field, "it is in transit: receive it first")
        raise Refuse(RefusalCode.INVALID, field, "no stock stands there")


def _since(conn: Conn, key: BalanceKey) -> datetime | None:
    row = conn.execute(
        """select first_in_at from balance where item_id = %(item_id)s and location_id = %(location_id)s
           and lot_id is not distinct from %(lot_id)s and serial_id is not distinct from %(serial_id)s
           and hu_id is not distinct from %(hu_id)s and owner = %(owner)s and status = %(status)s""",
        key._asdict(),
    ).fetchone()
    return None if row is None else row[0]


def _goods(conn: Conn, c: ChangeOwner) -> tuple[list[_Goods], Fraction]:
    """What the command names, in the items' own units, and how many of those one `uom` is."""
    ways = [name for name in ("item", "epcs") if getattr(c, name)]
    if len(ways) > 1 or (not ways and c.unit is None):
        raise Refuse(RefusalCode.INVALID, "item", "say which goods: an item with its quantity, tags, or a whole unit")
    if ways == ["item"]:
        return _of_item(conn, c)
    for name in ("quantity", "location", "lot", "serial", "uom", *(("unit",) if ways else ())):
        if getattr(c, name) is not None:
            raise Refuse(
                RefusalCode.INVALID, name, f"goes with an item, not with {ways[0] if ways else 'a whole unit'}"
            )
    found = _of_tags(conn, c) if ways else _of_unit(conn, c)
    if c.unit_cost is not None and len({each.key.item_id for each in found}) > 1:
        raise Refuse(RefusalCode.INVALID, "unit_cost", "these are several items: change the owner of one after another")
    return found, Fraction(1)


def _of_item(conn: Conn, c: ChangeOwner) -> tuple[list[_Goods], Fraction]:
    assert c.item is not None
    item = find_item(conn, c.item)
    if c.quantity is None:
        raise Refuse(RefusalCode.INVALID, "quantity", "say how much of the item")
    factor = find_factor(conn, item, c.uom) if c.uom is not None else Fraction(1)
    quantity = to_base(item, c.quantity, factor) if c.uom is not None else c.quantity
    unit_id = find_unit(conn, c.unit, "unit")
    place = find_location(conn, c.location) if c.location is not None else None
    if place is None and unit_id is not None:
        place = unit_moves.place_of_unit(conn, unit_id)
    if place is None:
        raise Refuse(RefusalCode.INVALID, "location", "say where it stands")
    lot_id, serial_id = find_lot(conn, item, c.lot), find_serial(conn, item, c.serial)
    if serial_id is not None and lot_id is None:
        row = conn.execute("select lot_id from serial where serial_id = %s", (serial_id,)).fetchone()
        lot_id = row[0] if row is not None else None
    key = BalanceKey(item.item_id, lot_id, serial_id, place, unit_id, c.owner, c.status)
    return [_Goods(key, quantity, (), "quantity")], factor


def _of_unit(conn: Conn, c: ChangeOwner) -> list[_Goods]:
    assert c.unit is not None
    hu_id = find_id(conn, "select hu_id from handling_unit where code = %s", (c.unit,), "unit", c.unit)
    tree = unit_moves.unit_tree(conn, hu_id)
    unit_moves.lock_units(conn, tree)
    held = [each for each in unit_moves.holdings(conn, tree) if each.key.owner == c.owner]
    if not held:
        whose = c.owner or "ours"
        raise Refuse(RefusalCode.WRONG_STATE, "unit", f"{c.unit} holds nothing that is {whose}")
    tags = unit_moves.tags_in(conn, tree)
    return [_Goods(each.key, each.on_hand, tuple(tags.get(each.key, ())), "unit") for each in held]


def _of_tags(conn: Conn, c: ChangeOwner) -> list[_Goods]:
    epcs = [epc.upper() for epc in c.epcs]
    unit_moves.lock_units_of_tags(conn, epcs)
    known = tags_of(conn, epcs)
    goods = [tag.goods for tag in known.values() if tag.goods is not None and not tag.retired]
    # A flow inward: only what the books have is somewhere.
    standing, owner_of = standing_of(conn, goods, 0, Flow.IN)
    by_key: dict[BalanceKey, list[str]] = defaultdict(list)
    quantity: dict[BalanceKey, Decimal] = defaultdict(Decimal)
    field: dict[BalanceKey, str] = {}
    for n, epc in enumerate(dict.fromkeys(epcs)):
        tag = known.get(epc)
        if tag is None or tag.goods is None:
            what = "is not registered" if tag is None else "is a unit's: name the unit"
            raise Refuse(RefusalCode.NOT_FOUND, f"epcs.{n}", f"{epc} {what}")
        at = standing.get(epc)
        if at is None or owner_of.get(epc) != c.owner:
            item = item_by_id(conn, tag.goods.item_id)
            where = "is not in stock by its tag" if at is None else f"is of {owner_of[epc] or 'our own'}"
            raise Refuse(RefusalCode.WRONG_GOODS, f"epcs.{n}", f"{epc}, {item.code}, {where}")
        key = BalanceKey(
            tag.goods.item_id, tag.goods.lot_id, tag.goods.serial_id, at.location_id, at.hu_id, c.owner, at.status
        )
        by_key[key].append(epc)
        quantity[key] += tag.goods.quantity
        field.setdefault(key, f"epcs.{n}")
    return [_Goods(key, quantity[key], tuple(tags), field[key]) for key, tags in by_key.items()]


HANDLERS: Handlers = {ChangeOwner: change_owner}
