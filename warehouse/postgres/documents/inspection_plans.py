"""What is inspected on receipt, by item or category: the most particular plan counts."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from uuid import UUID

from psycopg.types.json import Jsonb

from warehouse.commands import Actor, Audit, RefusalCode, SetInspectionPlan
from warehouse.commands.receipts import Characteristic, InspectionMode
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.documents.lot_numbers import find_scope
from warehouse.postgres.handlers import Answer
from warehouse.postgres.naming import NamedItem, Refuse
from warehouse.sampling import SamplingError, SamplingPlan, sampling_plan


@dataclass(frozen=True, slots=True)
class InspectionPlan:
    """The plan of an item."""

    mode: InspectionMode
    level: str
    aql: Decimal
    characteristics: tuple[Characteristic, ...]

    def required(self, quantity: Decimal) -> SamplingPlan:
        """Of this many; a broken unit counts as one piece. Every piece without a bad one when all are inspected."""
        pieces = int(quantity.to_integral_value(ROUND_CEILING))
        if self.mode is InspectionMode.ALL:
            return SamplingPlan("", pieces, 0, 1)
        return sampling_plan(pieces, self.level, self.aql)


def set_inspection_plan(conn: Conn, c: SetInspectionPlan, actor: Actor, request_id: UUID) -> Answer:
    """In the place of the plan before, if there was one."""
    item_id, category = find_scope(conn, c.item, c.category)
    if item_id is None and category is None:
        raise Refuse(RefusalCode.INVALID, "item", "a plan is for an item or a category")
    try:
        sampling_plan(1, c.level, c.aql)
    except SamplingError as error:
        raise Refuse(RefusalCode.INVALID, "aql" if "AQL" in str(error) else "level", str(error)) from None
    for n, x in enumerate(c.characteristics):
        if not x.name or x.name in {other.name for other in c.characteristics[:n]}:
            raise Refuse(RefusalCode.INVALID, f"characteristics.{n}.name", "a characteristic has a name of its own")
        if x.lower is not None and x.upper is not None and x.lower > x.upper:
            raise Refuse(RefusalCode.INVALID, f"characteristics.{n}.upper", f"{x.upper} is below {x.lower}")
    conn.execute(
        "delete from inspection_plan where item_id is not distinct from %s and category is not distinct from %s",
        (item_id, category),
    )
    conn.execute(
        """insert into inspection_plan (item_id, category, mode, level, aql, characteristics)
           values (%s, %s, %s, %s, %s, %s)""",
        (item_id, category, c.mode, c.level, c.aql, Jsonb([_plain(x) for x in c.characteristics])),
    )
    return {"mode": str(c.mode)}, Audit(after={"mode": str(c.mode), "level": c.level, "aql": str(c.aql)})


def find_plan(conn: Conn, item: NamedItem) -> InspectionPlan | None:
    row = conn.execute(
        """select p.mode, p.level, p.aql, p.characteristics from inspection_plan p join item i on i.item_id = %s
           where p.item_id = i.item_id or p.category = i.category order by p.item_id nulls last limit 1""",
        (item.item_id,),
    ).fetchone()
    if row is None:
        return None
    mode, level, aql, characteristics = row
    return InspectionPlan(InspectionMode(mode), level, aql, tuple(_read(x) for x in characteristics))


def _plain(x: Characteristic) -> dict[str, str | None]:
    lower, upper = (str(limit) if limit is not None else None for limit in (x.lower, x.upper))
    return {"name": x.name, "lower": lower, "upper": upper, "unit": x.unit}


def _read(x: dict[str, str | None]) -> Characteristic:
    lower, upper = (Decimal(limit) if limit is not None else None for limit in (x["lower"], x["upper"]))
    return Characteristic(x["name"] or "", lower, upper, x["unit"] or "")
