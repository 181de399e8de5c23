"""Commands on items, lots, locations: one at a time, and any number at once for imports.

What makes many is one statement a table and answers for each, in order: the new id, or why not. A command is a set of
one, so an import refuses what a person is refused.
"""

from collections.abc import Sequence
from uuid import UUID

import psycopg

from warehouse.commands import (
    Actor,
    Audit,
    CreateItem,
    CreateLocation,
    CreateLot,
    Refusal,
    RefusalCode,
)
from warehouse.ledger import Tracking
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.goods.catalogue import check_gtin, check_limits, retired_categories
from warehouse.postgres.goods.nesting import generations
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, allowed_by, find_items, or_refuse
from warehouse.valuation import Valuation

Made = int | Refusal
"""The id of what was made, or why it was not."""


def create_item(conn: Conn, c: CreateItem, actor: Actor, request_id: UUID) -> Answer:
    item_id = or_refuse(create_items(conn, [c])[0])
    return {"item_id": item_id, "code": c.code}, Audit(after={"code": c.code})


def create_items(conn: Conn, given: Sequence[CreateItem]) -> list[Made]:
    """One answer each. Their codes differ."""
    made: dict[int, Made] = {}
    for n, c in enumerate(given):
        try:
            _check_item(c)
        except Refuse as refuse:
            made[n] = refuse.refusal
    retired = retired_categories(conn, {c.category for n, c in enumerate(given) if n not in made})
    for n, c in enumerate(given):
        if n not in made and c.category in retired:
            made[n] = Refusal(RefusalCode.WRONG_STATE, "category", f"category {c.category!r} is retired")
    sound = [c for n, c in enumerate(given) if n not in made]
    ids = dict(
        conn.execute(
            """insert into item (code, name, gtin, tracking, unit, decimals, category, inspect, weight_kg, volume_m3,
                                 valuation, standard_cost, expiry_warn_days, dead_after_days, slow_cover_days)
               select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::text[],
                                    %s::boolean[], %s::numeric[], %s::numeric[], %s::text[], %s::numeric[],
                                    %s::int[], %s::int[], %s::int[])
               on conflict do nothing returning code, item_id""",
            [
                [getattr(c, name) for c in sound]
                for name in ("code", "name", "gtin", "tracking", "unit", "decimals", "category", "inspect", "weight_kg",
                             "volume_m3", "valuation", "standard_cost", "expiry_warn_days", "dead_after_days",
                             "slow_cover_days")
            ],
        ).fetchall()
    )  # fmt: skip
    there = set()
    if len(ids) < len(sound):
        there = {code for (code,) in conn.execute("select code from item where code = any(%s)", (_codes(sound),))}
    for n, c in enumerate(given):
        if n not in made:
            # Not new and not there under its code: it is the GTIN that another item has.
            field = "code" if c.code in there else "gtin"
            message = f"an item with {field} {getattr(c, field)!r} exists"
            made[n] = ids[c.code] if c.code in ids else Refusal(RefusalCode.EXISTS, field, message)
    return [made[n] for n in range(len(given))]


def _check_item(c: CreateItem) -> None:
    """What can be said of it without the books."""
    if not c.code:
        raise Refuse(RefusalCode.INVALID, "code", "an item needs a code")
    check_gtin(c.gtin)
    if not 0 <= c.decimals <= 9:
        raise Refuse(RefusalCode.INVALID, "decimals", "the scale of a unit is 0 to 9 decimals")
    if c.tracking is Tracking.SERIAL and c.decimals != 0:
        raise Refuse(RefusalCode.INVALID, "decimals", "a serial is one whole piece")
    check_limits(c)
    if c.valuation is Valuation.STANDARD and c.standard_cost is None:
        raise Refuse(RefusalCode.INVALID, "standard_cost", "valuation at standard cost needs it")


def create_lot(conn: Conn, c: CreateLot, actor: Actor, request_id: UUID) -> Answer:
    lot_id = or_refuse(create_lots(conn, [c])[0])
    return {"lot_id": lot_id, "code": c.code}, Audit(after={"item": c.item, "code": c.code})


def create_lots(conn: Conn, given: Sequence[CreateLot]) -> list[Made]:
    """One answer each."""
    items = find_items(conn, (c.item for c in given))
    sound = [c for c in given if c.item in items and c.code]
    ids = {
        (item_id, code): lot_id
        for item_id, code, lot_id in conn.execute(
            """insert into lot (item_id, code, supplier_lot, expires_on)
               select * from unnest(%s::bigint[], %s::text[], %s::text[], %s::date[])
               on conflict (item_id, code) do nothing returning item_id, code, lot_id""",
            (
                [items[c.item].item_id for c in sound],
                _codes(sound),
                [c.supplier_lot for c in sound],
                [c.expires_on for c in sound],
            ),
        )
    }
    made: list[Made] = []
    for c in given:
        item = items.get(c.item)
        if item is None:
            made.append(Refusal(RefusalCode.NOT_FOUND, "item", f"no item {c.item!r}"))
        elif not c.code:
            made.append(Refusal(RefusalCode.INVALID, "code", "a lot needs a code"))
        else:
            # Taken out: of two that are the same lot, the second one exists.
            lot_id = ids.pop((item.item_id, c.code), None)
            exists = Refusal(RefusalCode.EXISTS, "code", f"item {c.item!r} has a lot {c.code!r}")
            made.append(exists if lot_id is None else lot_id)
    return made


def create_location(conn: Conn, c: CreateLocation, actor: Actor, request_id: UUID) -> Answer:
    try:
        with conn.transaction():
            location_id = or_refuse(create_locations(conn, [c])[0])
    except psycopg.errors.CheckViolation as error:
        field = "level" if "level" in (error.diag.constraint_name or "") else "kind"
        words = allowed_by(conn, error.diag.constraint_name)
        raise Refuse(RefusalCode.INVALID, field, f"{getattr(c, field)!r} is no {field} of location: {words}") from None
    return {"location_id": location_id, "code": c.code}, Audit(after={"code": c.code, "kind": c.kind})


def create_locations(conn: Conn, given: Sequence[CreateLocation]) -> list[Made]:
    """One answer each, whatever order they nest in. Their codes differ. CheckViolation for an unknown kind or level."""
    ids = _there(conn, [c.parent for c in given if c.parent is not None])
    sets, lost = generations([(c.code, c.parent) for c in given], ids)
    made: dict[int, Made] = {
        n: Refusal(RefusalCode.NOT_FOUND, "parent", f"no parent {given[n].parent!r}") for n in lost
    }
    for numbers in sets:
        sound = [given[n] for n in numbers if given[n].code]
        new = dict(
            conn.execute(
                """insert into location as l (code, name, kind, level, parent_id)
                   select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::int[])
                   on conflict (code) do update set name = excluded.name, kind = excluded.kind, level = excluded.level,
                       parent_id = excluded.parent_id
                   where l.kind = 'outside' and l.name = '' and not exists (
                       select from move m where l.location_id in (m.from_location_id, m.to_location_id))
                   returning code, location_id""",
                (
                    _codes(sound),
                    [c.name for c in sound],
                    [c.kind for c in sound],
                    [c.level for c in sound],
                    [None if c.parent is None else ids[c.parent] for c in sound],
                ),
            ).fetchall()
        )
        ids |= _there(conn, [c.code for c in sound if c.code not in new]) | new
        for n in numbers:
            code = given[n].code
            none = Refusal(RefusalCode.INVALID, "code", "a location needs a code")
            exists = Refusal(RefusalCode.EXISTS, "code", f"a location {code!r} exists")
            made[n] = new.get(code, exists if code else none)
    return [made[n] for n in range(len(given))]


def _there(conn: Conn, codes: list[str]) -> dict[str, int]:
    if not codes:
        return {}
    return dict(conn.execute("select code, location_id from location where code = any(%s)", (codes,)).fetchall())


def _codes(given: Sequence[CreateItem | CreateLot | CreateLocation]) -> list[str]:
    return [c.code for c in given]


HANDLERS: Handlers = {
    CreateItem: create_item,
    CreateLot: create_lot,
    CreateLocation: create_location,
}
