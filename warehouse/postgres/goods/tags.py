"""Commands on tags and handling units: what EPCs stand for, and packing lists."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from warehouse.commands import (
    Actor,
    Audit,
    ContentSpec,
    CreateHandlingUnit,
    Refusal,
    RefusalCode,
    RegisterTags,
    RetireTag,
    TagSpec,
)
from warehouse.epc import decode
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.nesting import generations
from warehouse.postgres.goods.tag_events import add_event
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import (
    NamedItem,
    Refuse,
    allowed_by,
    find_item,
    find_items,
    find_lot,
    find_lots,
    or_refuse,
)

Binding = tuple[str, int | None, int | None, int | None, int | None, Decimal]
"""An EPC and the columns of what it stands for: unit, item, lot, serial, quantity."""


def register_tags(conn: Conn, c: RegisterTags, actor: Actor, request_id: UUID) -> Answer:
    """All or none. A tag that stands for the same already is fine; one that stands for something else is refused."""
    made = sum(or_refuse(one, f"tags.{n}.") for n, one in enumerate(bind_tags(conn, c.tags)))
    return {"registered": made, "known": len(c.tags) - made}, Audit(after={"tags": [s.epc for s in c.tags[:50]]})


def bind_tags(conn: Conn, specs: Sequence[TagSpec]) -> list[bool | Refusal]:
    """For each whether it is new, or why it cannot stand for that. One statement a table, however many they are."""
    items = find_items(conn, (spec.item for spec in specs))
    lots = find_lots(conn, {(items[s.item].item_id, s.lot) for s in specs if s.lot is not None and s.item in items})
    made: list[bool | Refusal | None] = [None] * len(specs)
    wanted: dict[int, tuple[str, int, int | None, str | None, Decimal]] = {}
    for n, spec in enumerate(specs):
        try:
            wanted[n] = _stands_for(spec, items.get(spec.item), lots)
        except Refuse as refuse:
            made[n] = refuse.refusal
    serials = _serials(conn, {(item_id, serial): lot for _, item_id, lot, serial, _ in wanted.values() if serial})
    bindings = [
        (epc, None, item_id, lot_id, serials.get((item_id, serial or "")), quantity)
        for epc, item_id, lot_id, serial, quantity in wanted.values()
    ]
    for n, one in zip(wanted, _bind(conn, bindings), strict=True):
        made[n] = one
    return [one for one in made if one is not None]


def _stands_for(
    spec: TagSpec, item: NamedItem | None, lots: Mapping[tuple[int, str], int]
) -> tuple[str, int, int | None, str | None, Decimal]:
    """EPC, item, lot, serial's code, quantity. Raises Refuse."""
    epc = _epc(spec.epc, "epc")
    if item is None:
        raise Refuse(RefusalCode.NOT_FOUND, "item", f"no item {spec.item!r}")
    lot_id = None if spec.lot is None else lots.get((item.item_id, spec.lot))
    if spec.lot is not None and lot_id is None:
        raise Refuse(RefusalCode.NOT_FOUND, "lot", f"no lot {spec.lot!r}")
    if spec.quantity <= 0 or spec.quantity != round(spec.quantity, item.decimals):
        raise Refuse(RefusalCode.INVALID, "quantity", f"{spec.quantity} is no quantity of {item.code}")
    if item.tracking == Tracking.SERIAL:
        if spec.quantity != 1:
            raise Refuse(RefusalCode.INVALID, "quantity", f"item {item.code} is serial-tracked: a tag is one of it")
        return epc, item.item_id, lot_id, spec.serial or decode(epc).serial or epc, spec.quantity
    if item.tracking == Tracking.LOT and lot_id is None:
        raise Refuse(RefusalCode.INVALID, "lot", f"item {item.code} is lot-tracked: name the lot")
    return epc, item.item_id, lot_id, None, spec.quantity


def _serials(conn: Conn, wanted: Mapping[tuple[int, str], int | None]) -> dict[tuple[int, str], int]:
    """Ids by (item id, code); those that are not there are made, of the lot given."""
    if not wanted:
        return {}
    items, codes = ([key[part] for key in wanted] for part in (0, 1))
    rows = conn.execute(
        """insert into serial (item_id, lot_id, code) select * from unnest(%s::bigint[], %s::bigint[], %s::text[])
           on conflict (item_id, code) do update set code = excluded.code returning item_id, code, serial_id""",
        (items, list(wanted.values()), codes),
    )
    return {(item_id, code): serial_id for item_id, code, serial_id in rows}


def retire_tag(conn: Conn, c: RetireTag, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute(
        "update tag set retired_at = now() where epc = %s and retired_at is null returning epc", (c.epc.upper(),)
    ).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "epc", f"no live tag {c.epc!r}")
    add_event(conn, row[0], "retired", actor, request_id, c.reason)
    return {"epc": row[0]}, Audit({"retired": False}, {"retired": True, "reason": c.reason})


def create_handling_unit(conn: Conn, c: CreateHandlingUnit, actor: Actor, request_id: UUID) -> Answer:
    try:
        with conn.transaction():
            hu_id, code = or_refuse(create_handling_units(conn, [c])[0])
    except psycopg.errors.CheckViolation as error:
        kinds = allowed_by(conn, error.diag.constraint_name)
        raise Refuse(RefusalCode.INVALID, "kind", f"{c.kind!r} is no kind of handling unit: {kinds}") from None
    for n, content in enumerate(c.contents):
        _pack(conn, hu_id, content, f"contents.{n}")
    return {"hu_id": hu_id, "code": code}, Audit(after={"code": code, "contents": len(c.contents)})


def create_handling_units(conn: Conn, given: Sequence[CreateHandlingUnit]) -> list[tuple[int, str] | Refusal]:
    """Id and code of each, without contents, or why not; whatever order they nest in."""
    made: dict[int, tuple[int, str] | Refusal] = {}
    named: dict[int, tuple[str, str | None]] = {}  # code and EPC
    for n, c in enumerate(given):
        try:
            named[n] = _named(c)
        except Refuse as refuse:
            made[n] = refuse.refusal
    ids = _units(conn, [c.parent for c in given if c.parent is not None])
    places = list(named)
    sets, lost = generations([(named[n][0], given[n].parent) for n in places], ids)
    for n in (places[at] for at in lost):
        made[n] = Refusal(RefusalCode.NOT_FOUND, "parent", f"no parent {given[n].parent!r}")
    for numbers in ([places[at] for at in generation] for generation in sets):
        new = dict(
            conn.execute(
                """insert into handling_unit (code, kind, parent_id, tare_kg)
                   select * from unnest(%s::text[], %s::text[], %s::bigint[], %s::numeric[])
                   on conflict do nothing returning code, hu_id""",
                (
                    [named[n][0] for n in numbers],
                    [given[n].kind for n in numbers],
                    [None if (p := given[n].parent) is None else ids[p] for n in numbers],
                    [given[n].tare_kg for n in numbers],
                ),
            ).fetchall()
        )
        ids |= new | _units(conn, [named[n][0] for n in numbers if named[n][0] not in new])
        for n in numbers:
            code = named[n][0]
            hu_id = new.pop(code, None)  # of two with one code, the second one exists
            exists = Refusal(RefusalCode.EXISTS, "code", f"a handling unit {code!r} exists")
            made[n] = exists if hu_id is None else (hu_id, code)
    _bind_units(conn, {n: epc for n, (_, epc) in named.items() if epc is not None}, made)
    return [made[n] for n in range(len(given))]


def _units(conn: Conn, codes: list[str]) -> dict[str, int]:
    if not codes:
        return {}
    return dict(conn.execute("select code, hu_id from handling_unit where code = any(%s)", (codes,)).fetchall())


def _named(c: CreateHandlingUnit) -> tuple[str, str | None]:
    epc = _epc(c.epc, "epc") if c.epc is not None else None
    code = c.code or (decode(epc).key if epc is not None else None) or epc or ""
    if not code:
        raise Refuse(RefusalCode.INVALID, "code", "a handling unit needs a code or an EPC")
    if c.tare_kg is not None and c.tare_kg < 0:
        raise Refuse(RefusalCode.INVALID, "tare_kg", "cannot be negative")
    return code, epc


def _bind_units(conn: Conn, epcs: Mapping[int, str], made: dict[int, tuple[int, str] | Refusal]) -> None:
    bindings: dict[int, Binding] = {}
    for n, epc in epcs.items():
        unit = made[n]
        if not isinstance(unit, Refusal):
            bindings[n] = (epc, unit[0], None, None, None, Decimal(1))
    for n, one in zip(bindings, _bind(conn, list(bindings.values())), strict=True):
        if isinstance(one, Refusal):
            made[n] = one


def _pack(conn: Conn, hu_id: int, content: ContentSpec, at: str) -> None:
    if content.epc is not None:
        epc = _epc(content.epc, f"{at}.epc")
        tag = conn.execute("select item_id, lot_id, serial_id, quantity from tag where epc = %s", (epc,)).fetchone()
        if tag is None or tag[0] is None:
            raise Refuse(RefusalCode.NOT_FOUND, f"{at}.epc", f"{epc} is no registered tag of an item")
        values = (hu_id, *tag[:3], epc, tag[3])
    else:
        if content.item is None or content.quantity is None or content.quantity <= 0:
            raise Refuse(RefusalCode.INVALID, at, "a content is an EPC, or an item and a positive quantity")
        item = find_item(conn, content.item, f"{at}.item")
        if item.tracking == Tracking.SERIAL:
            raise Refuse(RefusalCode.INVALID, f"{at}.item", f"item {item.code} is serial-tracked: name its tags")
        values = (hu_id, item.item_id, find_lot(conn, item, content.lot, f"{at}.lot"), None, None, content.quantity)
    try:
        with conn.transaction():
            conn.execute(
                """insert into hu_content (hu_id, item_id, lot_id, serial_id, epc, quantity)
                   values (%s, %s, %s, %s, %s, %s)""",
                values,
            )
    except psycopg.errors.UniqueViolation:
        raise Refuse(RefusalCode.EXISTS, f"{at}.epc", f"{content.epc} is in another handling unit") from None


def _bind(conn: Conn, bindings: Sequence[Binding]) -> list[bool | Refusal]:
    """True for a tag that is new, False for one that stood for the same already."""
    if not bindings:
        return []
    columns = [list(column) for column in zip(*bindings, strict=True)]
    rows = conn.execute(
        """insert into tag (epc, hu_id, item_id, lot_id, serial_id, quantity)
           select * from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::numeric[])
           on conflict do nothing returning epc""",
        columns,
    )
    new = {epc for (epc,) in rows}
    known: dict[str, list[Any]] = {}
    if len(new) < len(bindings):
        rows = conn.execute(
            "select epc, hu_id, item_id, lot_id, serial_id, quantity from tag where epc = any(%s)", (columns[0],)
        )
        known = {epc: stands_for for epc, *stands_for in rows}
    bound: list[bool | Refusal] = []
    for epc, *stands_for in bindings:
        if epc in new:
            new.remove(epc)
            bound.append(True)
        elif known.get(epc) == stands_for:
            bound.append(False)
        else:
            message = f"{epc} stands for something else, or its serial has another tag"
            bound.append(Refusal(RefusalCode.EXISTS, "epc", message))
    return bound


def _epc(text: str, field: str) -> str:
    epc = text.upper()
    if not epc or any(c not in "0123456789ABCDEF" for c in epc):
        raise Refuse(RefusalCode.INVALID, field, f"{text!r} is not hexadecimal")
    return epc


HANDLERS: Handlers = {
    RegisterTags: register_tags,
    RetireTag: retire_tag,
    CreateHandlingUnit: create_handling_unit,
}
