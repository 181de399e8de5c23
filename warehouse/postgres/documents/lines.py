"""A document's line as somebody asks for it, read against what there is."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from warehouse.commands import LineSpec, RefusalCode
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.measures import find_factor, to_base
from warehouse.postgres.documents.sources import find_source
from warehouse.postgres.naming import NamedItem, Refuse, check_owner, find_item, find_lot
from warehouse.valuation import cost_in_base


@dataclass(frozen=True, slots=True)
class EnteredLine:
    """`quantity` and `unit_cost` are of the item's own unit; it was entered in `unit`, which is `factor` of those."""

    item: NamedItem
    lot_id: int | None
    quantity: Decimal
    unit: str
    factor: Fraction
    unit_cost: Decimal | None
    source_id: int | None


def read_line(conn: Conn, line: LineSpec, kind: str, at: str) -> EnteredLine:
    """A line of a document of that kind; `at` is its path, such as `lines.0`. Raises Refuse."""
    item = find_item(conn, line.item, f"{at}.item")
    lot_id = find_lot(conn, item, line.lot, f"{at}.lot")
    quantity, factor = line.quantity, Fraction(1)
    if line.uom is not None:
        factor = find_factor(conn, item, line.uom, f"{at}.uom")
        quantity = to_base(item, quantity, factor, f"{at}.quantity")
    if line.unit_cost is not None and line.unit_cost < 0:
        raise Refuse(RefusalCode.INVALID, f"{at}.unit_cost", "a cost cannot be negative")
    if quantity <= 0 or quantity != round(quantity, item.decimals):
        message = f"{quantity} is no quantity of {item.code} ({item.decimals} decimals)"
        raise Refuse(RefusalCode.INVALID, f"{at}.quantity", message)
    unit_cost = None if line.unit_cost is None else cost_in_base(line.unit_cost, factor)
    check_owner(conn, line.owner, f"{at}.owner")
    source_id = find_source(conn, line.source, item, kind, line.owner, f"{at}.source")
    return EnteredLine(item, lot_id, quantity, line.uom or item.unit, factor, unit_cost, source_id)
