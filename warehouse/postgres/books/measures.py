"""Quantities as people enter them, in the item's own unit: boxes and pallets become pieces, exactly or not at all."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from warehouse.commands import RefusalCode
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.naming import NamedItem, Refuse
from warehouse.units import UnitError, factor_of, in_base


class _Entered(Protocol):
    @property
    def quantity(self) -> Decimal: ...
    @property
    def uom(self) -> str | None: ...


EnteredT = TypeVar("EnteredT", bound=_Entered)


def measured(conn: Conn, entered: EnteredT, item: NamedItem, at: str = "") -> EnteredT:
    """The same command or line with its quantity in the item's own unit, and no `uom`. Raises Refuse.

    `at` is the path of the entered value, such as `lines.0`.
    """
    if entered.uom is None:
        return entered
    factor = find_factor(conn, item, entered.uom, f"{at}.uom" if at else "uom")
    plain: Any = entered
    changed: EnteredT = replace(
        plain, quantity=to_base(item, entered.quantity, factor, f"{at}.quantity" if at else "quantity"), uom=None
    )
    return changed


def find_factor(conn: Conn, item: NamedItem, uom: str, field: str = "uom") -> Fraction:
    """How many of the item's own unit one `uom` is. Raises Refuse."""
    own = {
        unit: Fraction(num, den)
        for unit, num, den in conn.execute(
            "select unit, factor_num, factor_den from item_unit where item_id = %s and active", (item.item_id,)
        )
    }
    try:
        return factor_of(uom, item.unit, own)
    except UnitError as error:
        raise Refuse(RefusalCode.NOT_FOUND, field, f"{item.code}: {error}") from None


def to_base(item: NamedItem, quantity: Decimal, factor: Fraction, field: str = "quantity") -> Decimal:
    """Exact, or Refuse."""
    try:
        return in_base(quantity, factor, item.decimals)
    except UnitError as error:
        raise Refuse(RefusalCode.INVALID, field, f"{item.code}: {error}") from None
