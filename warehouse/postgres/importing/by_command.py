"""Rows as the commands a person would have sent, judged by the commands' own handlers.

A row whose thing exists already is fine when the books say the same in every column the file fills, and names the
first column that differs when they do not. Nothing here updates what exists.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from warehouse import commands as c
from warehouse.commands import Actor, Command, RefusalCode
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.documents import boms, documents
from warehouse.postgres.goods import catalogue, master_data, tags
from warehouse.postgres.importing.findings import Findings, Found
from warehouse.postgres.importing.outcome import Effect, Outcome, Progress
from warehouse.postgres.importing.reading import Row
from warehouse.postgres.naming import Refuse
from warehouse.valuation import Valuation

PROGRESS_EVERY = 1_000

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ByCommand:
    """How one template's rows become commands. `effects_of` the answer and the command is what was
    made; `standing` is what the books say of a row's thing, by column."""

    command_of: Callable[[list[Row]], Command]
    handle: Callable[[Conn, Any, Actor, UUID], tuple[dict[str, Any], c.Audit]]
    effects_of: Callable[[dict[str, Any], Any], Iterable[tuple[str, object]]]
    standing: str = ""
    columns: Mapping[str, str] | None = None
    grouped_by: tuple[str, ...] = ()
    parent_first: bool = False


def run(
    conn: Conn,
    how: ByCommand,
    rows: Iterable[Row],
    actor: Actor,
    run_id: UUID,
    findings: Findings,
    tell: Progress,
) -> Outcome:
    """Execute every row in the caller's transaction; what was refused is among the findings, and all of it is then
    to be rolled back.
    """
    outcome = Outcome(findings)
    for group in _groups(how, rows):
        outcome.rows += len(group)
        if outcome.rows % PROGRESS_EVERY < len(group):
            tell("rows", outcome.rows, 0)
        _one(conn, how, group, actor, run_id, outcome)
    return outcome


def _one(conn: Conn, how: ByCommand, group: list[Row], actor: Actor, run_id: UUID, outcome: Outcome) -> None:
    first = group[0]
    if how.standing:
        # Looked up first, not after a refusal: what a handler accepts again (a tag) was not made by this run.
        known = _standing(conn, how, first)
        if known is not None:
            differs = _difference(first, known)
            if differs is None:
                outcome.unchanged += len(group)
            else:
                column, now = differs
                message = f"it exists, and there {column} is {now!r}"
                fix = "correct the row, or remove it; an import changes nothing that exists"
                outcome.findings.add(
                    Found(first.row_no, column, "exists_differently", message, fix, first.text(column) or "")
                )
            return
    try:
        command = how.command_of(group)
        response, _ = how.handle(conn, command, actor, run_id)
    except Refuse as refuse:
        row, column = _place(how, group, refuse.refusal.field)
        code = "exists" if refuse.refusal.code == RefusalCode.EXISTS else refuse.refusal.code
        outcome.findings.add(
            Found(row.row_no, column, code, refuse.refusal.message, _FIXES.get(code, ""), row.text(column) or "")
        )
        return
    outcome.made += 1
    outcome.effects += [Effect(entity, str(key), first.row_no) for entity, key in how.effects_of(response, command)]


_FIXES = {
    "not_found": "correct the code, or import what it names first",
    "exists": "remove the row, or give it another code",
    "invalid": "correct the cell",
}


def _standing(conn: Conn, how: ByCommand, row: Row) -> dict[str, Any] | None:
    cursor = conn.execute(how.standing.encode(), row.values)
    found = cursor.fetchone()
    if found is None or cursor.description is None:
        return None
    return dict(zip((column.name for column in cursor.description), found, strict=True))


def _difference(row: Row, known: Given) -> tuple[str, object] | None:
    for column, given in row.values.items():
        if given is not None and column in known and known[column] != given:
            return column, known[column]
    return None


def _bom(rows: list[Row]) -> Command:
    v = rows[0].values
    components = tuple(
        c.ComponentSpec(
            _text(row.values, "component"),
            _quantity(row.values, "quantity", 0),
            _quantity(row.values, "scrap_percent", 0),
        )
        for row in rows
    )
    return c.CreateBom(
        _text(v, "item"),
        _text(v, "version"),
        components,
        _quantity(v, "output_quantity", 1),
        bool(v.get("phantom") or False),
        v.get("effective_from"),  # type: ignore[arg-type]
        v.get("effective_to"),  # type: ignore[arg-type]
    )


def _quantity(values: Given, name: str, default: int) -> Decimal:
    value = values.get(name)
    return value if isinstance(value, Decimal) else Decimal(default)


def _place(how: ByCommand, group: list[Row], field: str) -> tuple[Row, str]:
    """The row and column a refusal's field is about: `lines.2.item` is the third row's item."""
    parts = field.split(".")
    names = how.columns or {}
    row = group[0]
    if len(parts) > 2 and parts[1].isdigit() and int(parts[1]) < len(group):
        row = group[int(parts[1])]
    name = parts[-1]
    return row, names.get(f"{parts[0]}.{name}", names.get(name, name))


def _groups(how: ByCommand, rows: Iterable[Row]) -> Iterator[list[Row]]:
    if how.grouped_by:
        groups: dict[tuple[object, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault(tuple(row.values[name] for name in how.grouped_by), []).append(row)
        yield from groups.values()
    elif how.parent_first:
        yield from ([row] for row in _parents_first(list(rows)))
    else:
        for row in rows:
            yield [row]


def _parents_first(rows: list[Row]) -> Iterator[Row]:
    """Each row after the one its `parent` names, when that is in the file. A cycle comes as it is and is refused."""
    by_code = {row.text("code"): row for row in rows}
    given: set[str | None] = set()
    for row in rows:
        line: list[Row] = []
        at: Row | None = row
        while at is not None and at.text("code") not in given:
            given.add(at.text("code"))
            line.append(at)
            parent = at.text("parent")
            at = by_code.get(parent) if parent is not None else None
        yield from reversed(line)


def _item(rows: list[Row]) -> Command:
    v = rows[0].values
    return c.CreateItem(
        v["code"],  # type: ignore[arg-type]
        _text(v, "name"),
        v.get("gtin"),  # type: ignore[arg-type]
        Tracking(_text(v, "tracking") or "none"),
        _text(v, "unit") or "pc",
        _whole(v, "decimals", 0),
        _text(v, "category"),
        bool(v.get("inspect") or False),
        v.get("weight_kg"),  # type: ignore[arg-type]
        v.get("volume_m3"),  # type: ignore[arg-type]
        Valuation(_text(v, "valuation") or "none"),
        v.get("standard_cost"),  # type: ignore[arg-type]
        **_limits(v, ("expiry_warn_days", "dead_after_days")),
    )


def _limits(values: Given, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values.get(name) for name in names}


def _unit(rows: list[Row]) -> Command:
    v = rows[0].values
    return c.SetItemUnit(_text(v, "item"), _text(v, "unit"), _whole(v, "factor_num", 0), _whole(v, "factor_den", 1))


def _category(rows: list[Row]) -> Command:
    v = rows[0].values
    limits = _limits(v, ("expiry_warn_days", "dead_after_days"))
    return c.SetCategory(_text(v, "code"), _text(v, "name"), **limits)


def _partner(rows: list[Row]) -> Command:
    v = rows[0].values
    kind = c.PartnerKind(_text(v, "kind") or "supplier")
    return c.SetPartner(_text(v, "code"), _text(v, "name"), kind, **_limits(v, ("usable_days_min",)))


def _location(rows: list[Row]) -> Command:
    v = rows[0].values
    return c.CreateLocation(
        _text(v, "code"),
        _text(v, "name"),
        _text(v, "kind") or "internal",
        _text(v, "level") or "bin",
        _code(v, "parent"),
    )


def _lot(rows: list[Row]) -> Command:
    v = rows[0].values
    expires_on = v.get("expires_on")
    return c.CreateLot(
        _text(v, "item"),
        _text(v, "code"),
        expires_on if isinstance(expires_on, date) else None,
        _text(v, "supplier_lot"),
    )


def _tag(rows: list[Row]) -> Command:
    v = rows[0].values
    quantity = v.get("quantity")
    return c.RegisterTags(
        (
            c.TagSpec(
                _text(v, "epc"),
                _text(v, "item"),
                _code(v, "lot"),
                _code(v, "serial"),
                quantity if isinstance(quantity, Decimal) else Decimal(1),
            ),
        )
    )


def _handling_unit(rows: list[Row]) -> Command:
    v = rows[0].values
    return c.CreateHandlingUnit(_text(v, "code"), _code(v, "epc"), _text(v, "kind") or "pallet", _code(v, "parent"))


def _document(rows: list[Row]) -> Command:
    v = rows[0].values
    expected = v.get("expected_on")
    lines = tuple(
        c.LineSpec(
            _text(row.values, "item"),
            row.values["quantity"],  # type: ignore[arg-type]
            _code(row.values, "lot"),
            _whole(row.values, "line_no", n),
            _code(row.values, "unit"),
            row.values.get("unit_cost"),  # type: ignore[arg-type]
        )
        for n, row in enumerate(rows, start=1)
    )
    return c.CreateDocument(
        _text(v, "kind"),
        _text(v, "number"),
        lines,
        _text(v, "partner"),
        _text(v, "door"),
        expected_at=noon(expected) if isinstance(expected, date) else None,
        source=_code(v, "source"),
        target=_code(v, "target"),
    )


def noon(day: date) -> datetime:
    """A day without a time is its noon in UTC, which is that day in nearly every time zone."""
    return datetime.combine(day, time(12), UTC)


def _text(values: Given, name: str) -> str:
    return str(values.get(name) or "")


def _code(values: Given, name: str) -> str | None:
    value = values.get(name)
    return None if value is None else str(value)


def _whole(values: Given, name: str, default: int) -> int:
    value = values.get(name)
    return value if isinstance(value, int) else default


WAYS: dict[str, ByCommand] = {
    "items": ByCommand(
        _item,
        master_data.create_item,
        lambda made, _: [("item", made["item_id"])],
        """select code, name, gtin, tracking, unit, decimals::int as decimals, category, inspect, weight_kg, volume_m3,
                  valuation, standard_cost, expiry_warn_days, dead_after_days
           from item where code = %(code)s""",
    ),
    "units": ByCommand(
        _unit,
        catalogue.set_item_unit,
        lambda made, command: [("item_unit", f"{made['item']}/{command.unit}")],
        """select u.unit, u.factor_num::int as factor_num, u.factor_den::int as factor_den
           from item_unit u join item i using (item_id)
           where u.unit = %(unit)s and (i.code = %(item)s or i.gtin = %(item)s)""",
    ),
    "categories": ByCommand(
        _category,
        catalogue.set_category,
        lambda _, command: [("category", command.code)],
        "select code, name, expiry_warn_days, dead_after_days from category where code = %(code)s",
    ),
    "partners": ByCommand(
        _partner,
        catalogue.set_partner,
        lambda _, command: [("partner", command.code)],
        "select code, name, kind, usable_days_min from partner where code = %(code)s",
    ),
    "locations": ByCommand(
        _location,
        master_data.create_location,
        lambda made, _: [("location", made["location_id"])],
        """select l.code, l.name, l.kind, l.level, p.code as parent from location l
           left join location p on p.location_id = l.parent_id
           where l.code = %(code)s and not (l.kind = 'outside' and l.name = '')""",
        parent_first=True,
    ),
    "lots": ByCommand(
        _lot,
        master_data.create_lot,
        lambda made, _: [("lot", made["lot_id"])],
        """select l.code, l.expires_on, l.supplier_lot from lot l join item i using (item_id)
           where l.code = %(code)s and (i.code = %(item)s or i.gtin = %(item)s)""",
    ),
    "tags": ByCommand(
        _tag,
        tags.register_tags,
        lambda _, command: [("tag", command.tags[0].epc.upper())],
        """select i.code as item, l.code as lot, s.code as serial, t.quantity from tag t
           left join item i using (item_id) left join lot l on l.lot_id = t.lot_id
           left join serial s on s.serial_id = t.serial_id where t.epc = upper(%(epc)s)""",
    ),
    "handling-units": ByCommand(
        _handling_unit,
        tags.create_handling_unit,
        lambda made, command: [
            ("handling_unit", made["hu_id"]),
            *([("tag", command.epc.upper())] if command.epc else []),
        ],
        """select u.code, u.kind, p.code as parent from handling_unit u
           left join handling_unit p on p.hu_id = u.parent_id where u.code = %(code)s""",
    ),
    "boms": ByCommand(
        _bom,
        boms.create_bom,
        lambda _, command: [("bom", f"{command.version}/{command.item}")],
        columns={"components.item": "component"},
        grouped_by=("item", "version"),
    ),
    "documents": ByCommand(
        _document,
        documents.create_document,
        lambda made, _: [("document", made["document_id"])],
        columns={"uom": "unit"},
        grouped_by=("kind", "number"),
    ),
}
