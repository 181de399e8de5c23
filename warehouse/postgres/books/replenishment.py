"""Replenishment: every rule held against projected stock, a suggestion for each that needs more, until it is decided.

One suggestion a rule is open at a time; while it is, its quantity follows the need, and it is withdrawn when the need
is over. A dismissed one comes again only when projected stock has changed since. Rules that cannot be meant are
reported and stop no other (`warehouse.replenishment.run`).
"""

# ruff: noqa: S608  (what is put into the query here are constants, never a value)

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import NAMESPACE_URL, UUID, uuid5

from warehouse.commands import (
    AcceptReplenishment,
    Actor,
    Audit,
    CreateDocument,
    DismissReplenishment,
    LineSpec,
    RefusalCode,
    RouteAlerts,
    SetStockRule,
)
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.quantities import COLUMNS, COUNTED
from warehouse.postgres.documents import documents
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item, find_location
from warehouse.replenishment import MinMax, ReorderPoint, RuleError, Run, needed_by, run

_RULE = """select r.item_id, r.location_id, i.code as item, l.code as location, r.minimum, r.maximum, r.multiple,
        r.reorder_level, r.order_quantity, r.lead_time_days, r.safety
    from stock_rule r join item i using (item_id) join location l using (location_id) where r.active and i.active"""


@dataclass(frozen=True, slots=True)
class Held:
    """A rule and what its place holds."""

    item_id: int
    location_id: int
    item: str
    location: str
    rule: MinMax | ReorderPoint | None
    lead_time_days: int
    safety: Decimal
    available: Decimal
    projected: Decimal

    @property
    def name(self) -> str:
        return f"{self.item_id}/{self.location_id}"


@dataclass(frozen=True, slots=True)
class Suggested:
    """What a run did: suggestions made and withdrawn, and rules that cannot be meant with the reason."""

    made: int
    withdrawn: int
    broken: tuple[tuple[Held, str], ...]


def rules_held(conn: Conn) -> list[Held]:
    """Every active rule with the quantities of its place, by one query."""
    rows = conn.execute(
        f"""with recursive rule as ({_RULE}), scope as (select item_id, location_id as root_id from rule), {COUNTED},
            named as (select item_id, root_id, {COLUMNS} from quantities)
            select r.*, n.available, n.projected from rule r
            join named n on n.item_id = r.item_id and n.root_id = r.location_id order by r.item, r.location""",
        {"owner": ""},
    )
    held = []
    for item_id, location_id, item, place, low, high, multiple, level, quantity, lead, safety, available, on in rows:
        rule: MinMax | ReorderPoint | None = None
        if level is not None and quantity is not None:
            rule = ReorderPoint(level, quantity)
        elif low is not None and high is not None:
            rule = MinMax(low, high, multiple)
        held.append(Held(item_id, location_id, item, place, rule, lead, safety, available, on))
    return held


def suggest(conn: Conn, held: list[Held], now: datetime) -> Suggested:
    """Make, follow and withdraw suggestions, in the caller's transaction."""
    by_name = {h.name: h for h in held}
    outcome: Run = run([(h.name, h) for h in held], _quantity)
    wanted = {name: quantity for name, quantity in outcome.orders if quantity > 0}
    open_now = {
        f"{item_id}/{location_id}": replenishment_id
        for replenishment_id, item_id, location_id in conn.execute(
            "select replenishment_id, item_id, location_id from replenishment where state = 'open' for update"
        )
    }
    dismissed = {
        f"{item_id}/{location_id}": projected
        for item_id, location_id, projected in conn.execute(
            """select distinct on (item_id, location_id) item_id, location_id,
                      case when state = 'dismissed' then projected end
               from replenishment where state <> 'open' order by item_id, location_id, created_at desc"""
        )
    }
    over = [replenishment_id for name, replenishment_id in open_now.items() if name not in wanted]
    conn.execute(
        "update replenishment set state = 'withdrawn', decided_at = %s where replenishment_id = any(%s)", (now, over)
    )
    made = 0
    today = now.astimezone(UTC).date()
    for name, quantity in wanted.items():
        h = by_name[name]
        due = needed_by(today, h.lead_time_days)
        if name in open_now:
            conn.execute(
                """update replenishment set quantity = %s, projected = %s, needed_by = %s, reason = %s
                   where replenishment_id = %s and (quantity, projected) <> (%s, %s)""",
                (quantity, h.projected, due, _reason(h), open_now[name], quantity, h.projected),
            )
        elif dismissed.get(name) != h.projected:
            _make(conn, h, quantity, due.isoformat(), now)
            made += 1
    return Suggested(made, len(over), tuple((by_name[name], why) for name, why in outcome.broken))


def _quantity(h: Held) -> Decimal:
    return Decimal(0) if h.rule is None else h.rule.quantity(h.projected)


def _reason(h: Held) -> str:
    match h.rule:
        case MinMax(minimum, maximum):
            return f"{h.projected:f} projected, below the minimum of {minimum:f}; up to {maximum:f}"
        case ReorderPoint(level, _):
            return f"{h.projected:f} projected, at or below the reorder level of {level:f}"
        case _:
            return ""


def _make(conn: Conn, h: Held, quantity: Decimal, due: str, now: datetime) -> None:
    replenishment_id = uuid5(NAMESPACE_URL, f"tagledger:replenishment:{h.name}:{now.isoformat()}")
    conn.execute(
        """insert into replenishment (replenishment_id, item_id, location_id, quantity, projected, needed_by, reason,
                                      created_at) values (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (replenishment_id, h.item_id, h.location_id, quantity, h.projected, due, _reason(h), now),
    )
    told = {"item": h.item, "location": h.location, "quantity": f"{quantity:f}", "needed_by": due, "reason": _reason(h)}
    outbox.add(conn, "replenishment", str(replenishment_id), told)


def set_stock_rule(conn: Conn, c: SetStockRule, actor: Actor, request_id: UUID) -> Answer:
    item = find_item(conn, c.item)
    location_id = find_location(conn, c.location)
    stocked = conn.execute(
        "select 1 from location where location_id = %s and kind = 'internal'", (location_id,)
    ).fetchone()
    if stocked is None:
        raise Refuse(RefusalCode.INVALID, "location", f"{c.location} holds no stock of ours")
    for names in (("minimum", "maximum"), ("reorder_level", "order_quantity")):
        given = [getattr(c, name) is not None for name in names]
        if any(given) and not all(given):
            raise Refuse(RefusalCode.INVALID, names[given.index(False)], f"{names[0]} and {names[1]} go together")
    if c.minimum is not None and c.reorder_level is not None:
        raise Refuse(RefusalCode.INVALID, "reorder_level", "either minimum and maximum, or reorder level and quantity")
    for name in ("safety", "minimum", "maximum", "multiple", "reorder_level", "order_quantity", "lead_time_days"):
        value = getattr(c, name)
        if value is not None and value < 0:
            raise Refuse(RefusalCode.INVALID, name, "cannot be negative")
    try:
        if c.minimum is not None and c.maximum is not None:
            MinMax(c.minimum, c.maximum, c.multiple).quantity(Decimal(0))
    except RuleError as error:
        raise Refuse(RefusalCode.INVALID, "maximum", str(error)) from None
    if c.order_quantity is not None and c.order_quantity == 0:
        raise Refuse(RefusalCode.INVALID, "order_quantity", "has to be above zero")
    before = conn.execute(
        """select to_jsonb(r) from stock_rule r where item_id = %s and location_id = %s for update""",
        (item.item_id, location_id),
    ).fetchone()
    conn.execute(
        """insert into stock_rule as r values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (item_id, location_id) do update set safety = excluded.safety, minimum = excluded.minimum,
               maximum = excluded.maximum, multiple = excluded.multiple, reorder_level = excluded.reorder_level,
               order_quantity = excluded.order_quantity, lead_time_days = excluded.lead_time_days,
               active = excluded.active""",
        (item.item_id, location_id, c.safety, c.minimum, c.maximum, c.multiple, c.reorder_level, c.order_quantity,
         c.lead_time_days, c.active),
    )  # fmt: skip
    return {"item": item.code, "location": c.location}, Audit(before[0] if before else None, {"active": c.active})


def accept(conn: Conn, c: AcceptReplenishment, actor: Actor, request_id: UUID) -> Answer:
    item, location, quantity, due = _open(conn, c.replenishment_id)
    if c.kind not in ("purchase_order", "transfer"):
        raise Refuse(RefusalCode.INVALID, "kind", "a purchase_order or a transfer brings stock")
    if c.quantity is not None and c.quantity <= 0:
        raise Refuse(RefusalCode.INVALID, "quantity", "has to be above zero")
    line = LineSpec(item, c.quantity if c.quantity is not None else quantity)
    order = CreateDocument(c.kind, c.number, (line,), c.partner, expected_at=due, source=c.source, target=location)
    made, _ = documents.create_document(conn, order, actor, request_id)
    conn.execute(
        """update replenishment set state = 'accepted', decided_by = %s, decided_at = now(), document_id = %s
           where replenishment_id = %s""",
        (actor.name, made["document_id"], c.replenishment_id),
    )
    return {"replenishment_id": str(c.replenishment_id), "state": "accepted", **made}, Audit(
        {"state": "open"}, {"state": "accepted", "quantity": str(line.quantity)}
    )


def dismiss(conn: Conn, c: DismissReplenishment, actor: Actor, request_id: UUID) -> Answer:
    _open(conn, c.replenishment_id)
    if not c.note:
        raise Refuse(RefusalCode.INVALID, "note", "say why")
    conn.execute(
        """update replenishment set state = 'dismissed', decided_by = %s, decided_at = now(), note = %s
           where replenishment_id = %s""",
        (actor.name, c.note, c.replenishment_id),
    )
    return {"replenishment_id": str(c.replenishment_id), "state": "dismissed"}, Audit(
        {"state": "open"}, {"state": "dismissed", "note": c.note}
    )


def route_alerts(conn: Conn, c: RouteAlerts, actor: Actor, request_id: UUID) -> Answer:
    before = conn.execute("select departments from alert_route where kind = %s for update", (c.kind,)).fetchone()
    if before is None:
        kinds = ", ".join(kind for (kind,) in conn.execute("select kind from alert_route order by kind"))
        raise Refuse(RefusalCode.INVALID, "kind", f"no kind of alert {c.kind!r}: {kinds}")
    if not c.departments or any(not name for name in c.departments):
        raise Refuse(RefusalCode.INVALID, "departments", "name at least one department")
    conn.execute("update alert_route set departments = %s where kind = %s", (list(c.departments), c.kind))
    return {"kind": c.kind, "departments": list(c.departments)}, Audit(
        {"departments": before[0]}, {"departments": list(c.departments)}
    )


def _open(conn: Conn, replenishment_id: UUID) -> tuple[str, str, Decimal, datetime]:
    row = conn.execute(
        """select i.code, l.code, r.quantity, r.needed_by::timestamp at time zone 'utc', r.state from replenishment r
           join item i using (item_id) join location l using (location_id)
           where replenishment_id = %s for update of r""",
        (replenishment_id,),
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "replenishment_id", f"no replenishment {replenishment_id}")
    if row[4] != "open":
        raise Refuse(RefusalCode.WRONG_STATE, "replenishment_id", f"it is {row[4]}")
    return row[0], row[1], row[2], row[3]


HANDLERS: Handlers = {
    SetStockRule: set_stock_rule,
    AcceptReplenishment: accept,
    DismissReplenishment: dismiss,
    RouteAlerts: route_alerts,
}
