"""Tasks that somebody asks for, for a handling unit or for loose goods; the others come with what was received.

Stock stays where it is until the task says otherwise (`warehouse.postgres.transport.tasks`).
"""

from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid5

from warehouse.commands import Actor, Audit, CreateTask, RefusalCode
from warehouse.ledger import BalanceKey, LedgerRefusal, Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import to_base
from warehouse.postgres.clock import database_now
from warehouse.postgres.goods.loose_moves import LooseGoods
from warehouse.postgres.goods.unit_moves import lock_units, place_of_unit
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_location, find_stock, find_unit
from warehouse.postgres.transport.loads import SERIALS_MAX, Load, contents_of, left_for, loose, numbers_at
from warehouse.postgres.transport.task_planning import move_task, put_away
from warehouse.postgres.transport.task_rows import live_task_of


def create_task(conn: Conn, c: CreateTask, actor: Actor, request_id: UUID) -> Answer:
    target_id = find_location(conn, c.target, "target") if c.target is not None else None
    load, source_id = _unit_asked(conn, c) if c.unit is not None else _goods_asked(conn, c)
    if source_id == target_id:
        raise Refuse(RefusalCode.INVALID, "target", f"{c.unit or c.item} is there already")
    if target_id is not None:
        check_stands(conn, target_id, "target")
    at, task_id = database_now(conn), uuid5(request_id, "task")
    pickup = _code(conn, source_id)
    if target_id is not None:
        row = move_task(
            conn, task_id, load, source_id, pickup, target_id, at, actor, request_id, c.priority, c.deadline
        )
    else:
        made = put_away(
            conn, task_id, load, source_id, pickup, at, actor, request_id, None, c.priority or None, c.deadline
        )
        if made is None:
            message = f"no put-away rule is about {c.unit or c.item} where it stands"
            raise Refuse(RefusalCode.NOT_FOUND, "target", message)
        row = made
    return row.answer(), Audit(after={"task": str(task_id), "state": row.state})


def _unit_asked(conn: Conn, c: CreateTask) -> tuple[Load, int]:
    """The named handling unit and where it stands, locked."""
    for field in ("item", "source", "quantity", "lot", "serial"):
        if getattr(c, field) is not None:
            message = "a task is about a handling unit with all that is in it, or about loose goods: leave one out"
            raise Refuse(RefusalCode.INVALID, field, message)
    hu_id = find_unit(conn, c.unit, "unit")
    assert hu_id is not None
    lock_units(conn, [hu_id])
    if live_task_of(conn, hu_id) is not None:
        raise Refuse(RefusalCode.EXISTS, "unit", f"{c.unit} has a task already: cancel or release that one")
    source_id = place_of_unit(conn, hu_id)
    if source_id is None:
        raise Refuse(RefusalCode.NOT_FOUND, "unit", f"{c.unit} holds no stock")
    return contents_of(conn, hu_id), source_id


def _goods_asked(conn: Conn, c: CreateTask) -> tuple[Load, int]:
    """The named loose goods, as many as are wanted and no other task is about, and where they stand."""
    if c.item is None or c.source is None:
        missing = "item" if c.item is None else "source"
        raise Refuse(RefusalCode.INVALID, missing, "name a unit, or the item of loose goods and the source they are at")
    named = find_stock(conn, c.item, c.lot, c.serial, {"source": c.source}, {})
    key = BalanceKey(
        named.item.item_id, named.lot_id, named.serial_id, named.locations["source"], None, c.stock_owner,
        c.stock_status,
    )  # fmt: skip
    goods = LooseGoods.of(key)
    if named.item.tracking == Tracking.SERIAL and not goods.serial_ids:
        goods = numbers_at(conn, key)
    free, goods = left_for(conn, goods)
    quantity = free if c.quantity is None else to_base(named.item, c.quantity, Fraction(1))
    if quantity <= 0 and c.quantity is not None:
        raise Refuse(RefusalCode.INVALID, "quantity", "a task brings more than nothing")
    if quantity <= 0 or quantity > free:
        message = (
            f"{max(free, Decimal(0)).normalize():f} of {c.item} are loose at {c.source}, free and in no other task"
        )
        raise Refuse(LedgerRefusal.NOT_ENOUGH, "quantity" if c.quantity is not None else "item", message)
    if goods.serial_ids:
        if quantity > SERIALS_MAX:
            raise Refuse(RefusalCode.INVALID, "quantity", f"a task is about {SERIALS_MAX} serial numbers at most")
        goods = goods.only(goods.serial_ids[: int(quantity)])
    return loose(conn, goods, quantity), key.location_id


def check_stands(conn: Conn, location_id: int, field: str) -> None:
    """Refuse a place in which no stock stands."""
    row = conn.execute("select kind, closed, code from location where location_id = %s", (location_id,)).fetchone()
    assert row is not None
    kind, closed, code = row
    if kind not in ("internal", "transit") or closed:
        raise Refuse(
            RefusalCode.INVALID, field, f"{code} is {'closed' if closed else f'of kind {kind}'}: no stock stands there"
        )


def _code(conn: Conn, location_id: int) -> str:
    row = conn.execute("select code from location where location_id = %s", (location_id,)).fetchone()
    assert row is not None
    return str(row[0])


HANDLERS: Handlers = {CreateTask: create_task}
