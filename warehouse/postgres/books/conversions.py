"""Lots split and merged, goods repacked into other items: out of stock and back in one posting, traced both ways."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid5

from warehouse.commands import Actor, Audit, Conversion, ConvertedStock, ConvertStock, RefusalCode
from warehouse.ledger import Circumstance, NewMove, Place, Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import database_now
from warehouse.postgres.goods.stock import post_or_refuse
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import NamedItem, Refuse, find_item, find_location, find_lot, find_serial, find_unit

_PLACE = "CONVERSION"


def convert_stock(conn: Conn, c: ConvertStock, actor: Actor, request_id: UUID) -> Answer:
    if not c.inputs or not c.outputs:
        raise Refuse(RefusalCode.INVALID, "outputs" if c.inputs else "inputs", "something goes in and something out")
    _check_shape(c)
    between = Place(find_location(conn, _PLACE))
    moves: list[NewMove] = []
    lots: list[int] = []
    for n, spec in enumerate(c.inputs):
        item = find_item(conn, spec.item, f"inputs.{n}.item")
        lot_id = find_lot(conn, item, spec.lot, f"inputs.{n}.lot")
        lots += [lot_id] if lot_id is not None else []
        here = _place(conn, spec, f"inputs.{n}")
        serial_id = find_serial(conn, item, spec.serial, f"inputs.{n}.serial")
        moves.append(
            NewMove(uuid5(request_id, f"in/{n}"), "conversion", item.item_id, spec.quantity, here, between, lot_id,
                    serial_id)
        )  # fmt: skip
    expires_on = _earliest(conn, lots)
    made: list[str] = []
    for n, spec in enumerate(c.outputs):
        item = find_item(conn, spec.item, f"outputs.{n}.item")
        lot_id, is_new = _lot(conn, item, spec, expires_on, f"outputs.{n}.lot")
        made += [spec.lot] if is_new and spec.lot is not None else []
        serial_id = find_serial(conn, item, spec.serial, f"outputs.{n}.serial")
        here = _place(conn, spec, f"outputs.{n}")
        moves.append(
            NewMove(uuid5(request_id, f"out/{n}"), "conversion", item.item_id, spec.quantity, between, here, lot_id,
                    serial_id)
        )  # fmt: skip
    at = database_now(conn)
    why = f"{c.conversion}: {c.reason}" if c.reason else str(c.conversion)
    post_or_refuse(conn, moves, Circumstance(actor.name, at, actor.device, request_id=request_id, reason=why))
    response = {"conversion": str(c.conversion), "moves": [str(move.move_id) for move in moves], "lots_made": made}
    return response, Audit(after={"conversion": str(c.conversion), "moves": len(moves), "lots_made": made})


def _check_shape(c: ConvertStock) -> None:
    if c.conversion is Conversion.REPACK:
        return
    one, many = (c.inputs, c.outputs) if c.conversion is Conversion.SPLIT else (c.outputs, c.inputs)
    field = "inputs" if c.conversion is Conversion.SPLIT else "outputs"
    if len(one) != 1:
        raise Refuse(RefusalCode.INVALID, field, f"a {c.conversion} has one of these")
    went, came = _totals(c.inputs), _totals(c.outputs)
    if went != came:
        differ = [item for item in sorted({*went, *came}) if came[item] != went[item]]
        said = ", ".join(f"{came[item] - went[item]:+} {item}" for item in differ)
        raise Refuse(RefusalCode.INVALID, "outputs", f"what goes in comes out: {said}")
    if {spec.lot for spec in one} & {spec.lot for spec in many} and len(many) == 1:
        raise Refuse(RefusalCode.INVALID, field, "nothing would change")


def _totals(specs: tuple[ConvertedStock, ...]) -> defaultdict[str, Decimal]:
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for spec in specs:
        totals[spec.item] += spec.quantity
    return totals


def _place(conn: Conn, spec: ConvertedStock, at: str) -> Place:
    return Place(find_location(conn, spec.location, f"{at}.location"), find_unit(conn, spec.unit, f"{at}.unit"))


def _lot(
    conn: Conn, item: NamedItem, spec: ConvertedStock, expires_on: date | None, field: str
) -> tuple[int | None, bool]:
    if spec.lot is None:
        return None, False
    if item.tracking == Tracking.NONE:
        raise Refuse(RefusalCode.INVALID, field, f"{item.code} has no lots")
    row = conn.execute(
        """insert into lot (item_id, code, expires_on) values (%s, %s, %s)
           on conflict (item_id, code) do nothing returning lot_id""",
        (item.item_id, spec.lot, expires_on),
    ).fetchone()
    if row is not None:
        return int(row[0]), True
    known = conn.execute(
        "select lot_id, expires_on from lot where item_id = %s and code = %s", (item.item_id, spec.lot)
    ).fetchone()
    assert known is not None
    if expires_on is not None and (known[1] is None or known[1] > expires_on):
        message = f"lot {spec.lot} lives until {known[1] or 'ever'}, what goes in only until {expires_on}"
        raise Refuse(RefusalCode.INVALID, field, message)
    return int(known[0]), False


def _earliest(conn: Conn, lots: list[int]) -> date | None:
    row = conn.execute("select min(expires_on) from lot where lot_id = any(%s)", (lots,)).fetchone()
    return row[0] if row is not None else None


HANDLERS: Handlers = {
    ConvertStock: convert_stock,
}
