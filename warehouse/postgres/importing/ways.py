"""Each template's rows as commands, and where they are handled."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from warehouse import commands as c
from warehouse.commands import Command
from warehouse.ledger import Tracking
from warehouse.postgres.documents import boms, documents
from warehouse.postgres.goods import catalogue, master_data, tags
from warehouse.postgres.importing.by_command import ByCommand, Given, Group
from warehouse.valuation import Valuation


def _bom(rows: Group) -> Command:
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


def _item(rows: Group) -> Command:
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


def _unit(rows: Group) -> Command:
    v = rows[0].values
    return c.SetItemUnit(_text(v, "item"), _text(v, "unit"), _whole(v, "factor_num", 0), _whole(v, "factor_den", 1))


def _category(rows: Group) -> Command:
    v = rows[0].values
    limits = _limits(v, ("expiry_warn_days", "dead_after_days"))
    return c.SetCategory(_text(v, "code"), _text(v, "name"), **limits)


def _partner(rows: Group) -> Command:
    v = rows[0].values
    kind = c.PartnerKind(_text(v, "kind") or "supplier")
    return c.SetPartner(_text(v, "code"), _text(v, "name"), kind, **_limits(v, ("usable_days_min",)))


def _location(rows: Group) -> Command:
    v = rows[0].values
    return c.CreateLocation(
        _text(v, "code"),
        _text(v, "name"),
        _text(v, "kind") or "internal",
        _text(v, "level") or "bin",
        _code(v, "parent"),
    )


def _lot(rows: Group) -> Command:
    v = rows[0].values
    expires_on = v.get("expires_on")
    return c.CreateLot(
        _text(v, "item"),
        _text(v, "code"),
        expires_on if isinstance(expires_on, date) else None,
        _text(v, "supplier_lot"),
    )


def _tag(rows: Group) -> Command:
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


def _handling_unit(rows: Group) -> Command:
    v = rows[0].values
    return c.CreateHandlingUnit(_text(v, "code"), _code(v, "epc"), _text(v, "kind") or "pallet", _code(v, "parent"))


def _document(rows: Group) -> Command:
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
            owner=_text(row.values, "owner"),
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


_WITH_ITEM = "from given g join item i on i.code = g.item or i.gtin = g.item"
WAYS: dict[str, ByCommand] = {
    "items": ByCommand(
        _item,
        lambda item_id, _: [("item", item_id)],
        many=master_data.create_items,
        keys=("code",),
        standing="""select g.n, i.code, i.name, gtin, tracking, unit, decimals::int as decimals, category, inspect,
                  weight_kg, volume_m3, valuation, standard_cost, expiry_warn_days, dead_after_days
           from given g join item i using (code)""",
    ),
    "units": ByCommand(
        _unit,
        lambda made, command: [("item_unit", f"{made[0]}/{command.unit}")],
        many=catalogue.set_item_units,
        keys=("item", "unit"),
        standing=f"""select g.n, u.unit, u.factor_num::int as factor_num, u.factor_den::int as factor_den
           {_WITH_ITEM} join item_unit u on u.item_id = i.item_id and u.unit = g.unit""",
    ),
    "categories": ByCommand(
        _category,
        lambda _, command: [("category", command.code)],
        one=catalogue.set_category,
        keys=("code",),
        standing="""select g.n, code, name, expiry_warn_days, dead_after_days
           from given g join category using (code)""",
    ),
    "partners": ByCommand(
        _partner,
        lambda _, command: [("partner", command.code)],
        one=catalogue.set_partner,
        keys=("code",),
        standing="select g.n, code, name, kind, usable_days_min from given g join partner using (code)",
    ),
    "locations": ByCommand(
        _location,
        lambda location_id, _: [("location", location_id)],
        many=master_data.create_locations,
        keys=("code",),
        standing="""select g.n, l.code, l.name, l.kind, l.level, p.code as parent
           from given g join location l using (code) left join location p
               on p.location_id = l.parent_id where not (l.kind = 'outside' and l.name = '')""",
        parent_first=True,
    ),
    "lots": ByCommand(
        _lot,
        lambda lot_id, _: [("lot", lot_id)],
        many=master_data.create_lots,
        keys=("item", "code"),
        standing=f"""select g.n, l.code, l.expires_on, l.supplier_lot
           {_WITH_ITEM} join lot l on l.item_id = i.item_id and l.code = g.code""",
    ),
    "tags": ByCommand(
        _tag,
        lambda _, command: [("tag", command.tags[0].epc.upper())],
        many=lambda conn, commands: tags.bind_tags(conn, [command.tags[0] for command in commands]),
        keys=("epc",),
        standing="""select g.n, i.code as item, l.code as lot, s.code as serial, t.quantity
           from given g join tag t on t.epc = upper(g.epc)
           left join item i using (item_id) left join lot l on l.lot_id = t.lot_id
           left join serial s on s.serial_id = t.serial_id""",
    ),
    "handling-units": ByCommand(
        _handling_unit,
        lambda made, command: [
            ("handling_unit", made[0]),
            *([("tag", command.epc.upper())] if command.epc else []),
        ],
        many=tags.create_handling_units,
        keys=("code",),
        standing="""select g.n, u.code, u.kind, p.code as parent from given g join handling_unit u using (code)
           left join handling_unit p on p.hu_id = u.parent_id""",
    ),
    "boms": ByCommand(
        _bom,
        lambda _, command: [("bom", f"{command.version}/{command.item}")],
        one=boms.create_bom,
        columns={"components.item": "component"},
        grouped_by=("item", "version"),
    ),
    "documents": ByCommand(
        _document,
        lambda made, _: [("document", made["document_id"])],
        one=documents.create_document,
        columns={"uom": "unit"},
        grouped_by=("kind", "number"),
    ),
}
