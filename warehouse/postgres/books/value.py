"""Commands on value: how items are valued, and what their stock is worth from now on."""

from decimal import Decimal
from uuid import UUID

from warehouse.commands import Actor, Audit, RefusalCode, RevalueStock, SetValuation
from warehouse.ledger import ZERO, Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.value_pools import PoolKey, lock_pools, save_pools
from warehouse.postgres.clock import database_now
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import NamedItem, Refuse, find_item, find_lot, find_serial
from warehouse.valuation import Booked, Pool, Valuation, revalue, rounded


def set_valuation(conn: Conn, c: SetValuation, actor: Actor, request_id: UUID) -> Answer:
    """Postings wait while the stock of the moment becomes pools: a posting sees all of it or nothing."""
    item = find_item(conn, c.item)
    for name in ("standard_cost", "unit_cost"):
        if (value := getattr(c, name)) is not None and value < 0:
            raise Refuse(RefusalCode.INVALID, name, "a cost cannot be negative")
    conn.execute("lock table balance in share mode")
    row = conn.execute(
        "select valuation, standard_cost from item where item_id = %s for update", (item.item_id,)
    ).fetchone()
    assert row is not None
    before, standard = Valuation(row[0]), c.standard_cost if c.standard_cost is not None else row[1]
    if c.valuation is Valuation.STANDARD and standard is None:
        raise Refuse(RefusalCode.INVALID, "standard_cost", "valuation at standard cost needs it")
    stock = _stock(conn, item)
    pools = lock_pools(conn, stock) if stock else {}
    booked: dict[PoolKey, Booked] = {}
    for key, quantity in stock.items():
        pool = pools[key] if before is not Valuation.NONE else Pool(quantity)
        if c.valuation is Valuation.STANDARD:
            worth, basis = rounded((standard or ZERO) * quantity), "standard"
        elif before is Valuation.NONE:
            cost = c.unit_cost if c.unit_cost is not None else standard
            worth, basis = rounded((cost or ZERO) * quantity), "none" if cost is None else "given"
        else:
            worth, basis = pool.value, "average"
        gone = c.valuation is Valuation.NONE
        booked[key] = revalue(pool, ZERO if gone else worth, c.valuation, "none" if gone else basis)
    conn.execute(
        "update item set valuation = %s, standard_cost = %s where item_id = %s", (c.valuation, standard, item.item_id)
    )
    amount = _write(conn, booked, actor, c.reason or f"valuation {c.valuation}")
    if c.valuation is Valuation.NONE:
        conn.execute("delete from value_pool where item_id = %s", (item.item_id,))
    after = {"valuation": str(c.valuation), "standard_cost": None if standard is None else f"{standard:f}"}
    return {"item": item.code, **after, "revaluation": f"{amount:f}"}, Audit(
        {"valuation": str(before), "standard_cost": None if row[1] is None else f"{row[1]:f}"}, after
    )


def revalue_stock(conn: Conn, c: RevalueStock, actor: Actor, request_id: UUID) -> Answer:
    item = find_item(conn, c.item)
    if c.unit_cost < 0:
        raise Refuse(RefusalCode.INVALID, "unit_cost", "a cost cannot be negative")
    if not c.reason:
        raise Refuse(RefusalCode.INVALID, "reason", "a revaluation needs a reason")
    row = conn.execute("select valuation from item where item_id = %s for share", (item.item_id,)).fetchone()
    valuation = Valuation(row[0]) if row is not None else Valuation.NONE
    if valuation in (Valuation.NONE, Valuation.STANDARD):
        message = "it has no value" if valuation is Valuation.NONE else "change its standard cost"
        raise Refuse(RefusalCode.WRONG_STATE, "item", f"{item.code}: {message}")
    lot_id, serial_id = find_lot(conn, item, c.lot), find_serial(conn, item, c.serial)
    keys = [
        PoolKey(*found)
        for found in conn.execute(
            """select item_id, lot_id, serial_id from value_pool where item_id = %s and quantity > 0
               and (%s::bigint is null or lot_id = %s) and (%s::bigint is null or serial_id = %s)""",
            (item.item_id, lot_id, lot_id, serial_id, serial_id),
        )
    ]
    if not keys:
        raise Refuse(RefusalCode.WRONG_STATE, "item", f"nothing of {item.code} is there")
    pools = lock_pools(conn, keys)
    booked = {key: revalue(pool, c.unit_cost * pool.quantity, valuation) for key, pool in pools.items()}
    amount = _write(conn, booked, actor, c.reason)
    return {"item": item.code, "revaluation": f"{amount:f}"}, Audit(
        {"value": f"{sum((pool.value for pool in pools.values()), ZERO):f}"}, {"revaluation": f"{amount:f}"}
    )


def _stock(conn: Conn, item: NamedItem) -> dict[PoolKey, Decimal]:
    """Our own stock by pool."""
    lot = "lot_id" if item.tracking == Tracking.LOT else "null::bigint"
    serial = "serial_id" if item.tracking == Tracking.SERIAL else "null::bigint"
    rows = conn.execute(
        f"select item_id, {lot}, {serial}, sum(on_hand) from balance where item_id = %s and owner = ''"  # noqa: S608
        " group by 1, 2, 3 having sum(on_hand) > 0",
        (item.item_id,),
    )
    return {PoolKey(*row[:3]): row[3] for row in rows}


def _write(conn: Conn, booked: dict[PoolKey, Booked], actor: Actor, note: str) -> Decimal:
    save_pools(conn, {key: b.pool for key, b in booked.items()})
    at = database_now(conn)
    with conn.cursor() as cursor:
        cursor.executemany(
            """insert into value_entry (kind, item_id, lot_id, serial_id, quantity, amount, basis, effective_at, actor,
                                        note) values ('revaluation', %s, %s, %s, 0, %s, %s, %s, %s, %s)""",
            [(*key, b.amount, b.basis, at, actor.name, note) for key, b in booked.items() if b.amount != 0],
        )
    return sum((b.amount for b in booked.values()), ZERO)


HANDLERS: Handlers = {
    SetValuation: set_valuation,
    RevalueStock: revalue_stock,
}
