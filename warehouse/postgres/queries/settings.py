"""What a site has set: rules, plans, printers, channels and the rest that commands write, to read."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from warehouse.postgres.queries.paging import AConn, Limit, rows


@dataclass(frozen=True, slots=True)
class DocumentKindView:
    """A kind of document: which way goods go, and the other side of its movements."""

    kind: str
    direction: str
    counterpart: str
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class PutawayRuleView:
    """Where what is received goes; `from_location` null: received anywhere."""

    name: str
    priority: int
    item: str | None
    category: str
    unit_kind: str
    from_location: str | None
    target: str
    task_priority: int
    within_minutes: int | None
    enabled: bool


@dataclass(frozen=True, slots=True)
class RemovalRuleView:
    """Which stock is taken first; `key` names the rule: of an item or a category, for a kind of document or all."""

    key: str
    item: str | None
    category: str | None
    kind: str | None
    removal: str
    remaining_days_min: int
    single_lot: bool
    zones: list[Any]


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """What a place takes at most; null: no limit."""

    location: str
    units_max: int | None
    capacity: Decimal | None
    weight_max_kg: Decimal | None
    volume_max_m3: Decimal | None
    only_when_empty: bool
    single_item: bool


@dataclass(frozen=True, slots=True)
class LotPatternView:
    """How lots are numbered: of an item, of a category, or (neither) of all others."""

    key: str
    item: str | None
    category: str | None
    pattern: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class InspectionPlanView:
    """How receipts are inspected: of an item or a category."""

    key: str
    item: str | None
    category: str | None
    mode: str
    level: str
    aql: Decimal
    characteristics: list[Any]


@dataclass(frozen=True, slots=True)
class CountToleranceView:
    """Which difference of a count passes in a place and those inside it."""

    location: str
    percent: Decimal
    quantity: Decimal
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class AlertRouteView:
    """Which departments an alert about stock is for."""

    kind: str
    departments: list[str]


@dataclass(frozen=True, slots=True)
class AlertChannelView:
    """Who is mailed about what; between `quiet_from` and `quiet_to`, HH:MM there, only about what is urgent."""

    name: str
    departments: list[str]
    kinds: list[str]
    mail_to: list[str]
    quiet_from: str | None
    quiet_to: str | None
    timezone: str
    urgent: list[str]
    active: bool


@dataclass(frozen=True, slots=True)
class NumberPoolView:
    """Numbers for new tags: `next_number` to `last_number` are left."""

    name: str
    scheme: str
    body: str
    prefix_digits: int
    next_number: int
    last_number: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PrinterView:
    """A label printer."""

    name: str
    host: str
    port: int
    active: bool


@dataclass(frozen=True, slots=True)
class LabelTemplateView:
    """What labels look like, in ZPL."""

    name: str
    zpl: str


@dataclass(frozen=True, slots=True)
class CallbackSystem:
    """A system that approves by signed callback; `secrets` are live, of at most two."""

    name: str
    secrets: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PeriodClose:
    """Nothing is posted on or before this day any more."""

    closed_through: date
    closed_by: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class CodeAlias:
    """What another system calls something of ours."""

    source: str
    field: str
    theirs: str
    ours: str
    created_by: str
    created_at: datetime


# By its row: the columns in their order, the tables, and the key, which is also the order.
_OWNER = """case when r.item_id is not null then 'item ' || i.code
    when r.category is not null then 'category ' || r.category else 'all' end"""
_ITEM = "left join item i on i.item_id = r.item_id"
_QUERIES: dict[type[Any], tuple[str, str]] = {
    DocumentKindView: ("select kind, direction, counterpart, needs_approval from document_kind", "kind"),
    PutawayRuleView: (
        """select r.name, r.priority, i.code as item, r.category, r.unit_kind, f.code as from_location,
                  t.code as target, r.task_priority, r.within_minutes, r.enabled
           from putaway_rule r left join item i using (item_id) left join location f on f.location_id = r.from_id
           join location t on t.location_id = r.target_id""",
        "name",
    ),
    RemovalRuleView: (
        f"""select {_OWNER} || coalesce(' for ' || r.kind, '') as key, i.code as item, r.category, r.kind, r.removal,
                  r.remaining_days_min, r.single_lot, r.zones from removal_rule r {_ITEM}""",  # noqa: S608
        "key",
    ),
    StoragePlace: (
        """select l.code as location, s.units_max, s.capacity, s.weight_max_kg, s.volume_max_m3, s.only_when_empty,
                  s.single_item from storage_place s join location l using (location_id)""",
        "location",
    ),
    LotPatternView: (
        f"""select {_OWNER} as key, i.code as item, r.category, r.pattern, r.time_zone
            from lot_pattern r {_ITEM}""",  # noqa: S608
        "key",
    ),
    InspectionPlanView: (
        f"""select {_OWNER} as key, i.code as item, r.category, r.mode, r.level, r.aql, r.characteristics
            from inspection_plan r {_ITEM}""",  # noqa: S608
        "key",
    ),
    CountToleranceView: (
        """select l.code as location, c.percent, c.quantity, c.value
           from count_tolerance c join location l using (location_id)""",
        "location",
    ),
    AlertRouteView: ("select kind, departments from alert_route", "kind"),
    AlertChannelView: (
        """select name, departments, kinds, mail_to, to_char(quiet_from, 'HH24:MI') as quiet_from,
                  to_char(quiet_to, 'HH24:MI') as quiet_to, timezone, urgent, active
           from alert_channel""",
        "name",
    ),
    NumberPoolView: (
        """select name, scheme, body, prefix_digits, next_number, last_number, created_by, created_at
           from number_pool""",
        "name",
    ),
    PrinterView: ("select name, host, port, active from printer", "name"),
    LabelTemplateView: ("select name, zpl from label_template", "name"),
    CallbackSystem: (
        """select p.name, (select count(*) from callback_secret s where s.name = p.name) as secrets, p.created_by,
                  p.created_at from callback_partner p""",
        "name",
    ),
    PeriodClose: ("select closed_through, closed_by, closed_at from period_close", "closed_through"),
}


async def settings(conn: AConn, row_type: type[Any], after: Any, limit: Limit) -> list[Any]:
    """One kind of setting, by its key; `after` is the key of the last row shown."""
    query, key = _QUERIES[row_type]
    # Small tables: the frame keeps the key's own name usable, whatever it is computed from.
    where = "" if after is None else f"where {key} > %(after)s"
    framed = f"select * from ({query}) s {where} order by {key} limit %(limit)s"  # noqa: S608
    return await rows(conn, row_type, framed, {"after": after, "limit": limit})


async def code_aliases(conn: AConn, after: tuple[str, str, str] | None, limit: Limit) -> list[CodeAlias]:
    """By source, field and their word."""
    return await rows(
        conn,
        CodeAlias,
        """select source, field, theirs, ours, created_by, created_at from code_alias
           where %(source)s::text is null or (source, field, theirs) > (%(source)s, %(field)s, %(theirs)s)
           order by source, field, theirs limit %(limit)s""",
        {**dict(zip(("source", "field", "theirs"), after or (None, None, None), strict=True)), "limit": limit},
    )
