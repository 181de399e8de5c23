"""Commands that say where goods are put: what places take, and the put-away rules."""

from uuid import UUID

from warehouse.commands import Actor, Audit, DescribeStorage, HandlingUnitKind, RefusalCode, SetPutawayRule
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse, find_item, find_location
from warehouse.postgres.transport.loads import LOOSE


def describe_storage(conn: Conn, c: DescribeStorage, actor: Actor, request_id: UUID) -> Answer:
    location_id = find_location(conn, c.location)
    kind = conn.execute("select kind from location where location_id = %s", (location_id,)).fetchone()
    if kind is None or kind[0] != "internal":
        raise Refuse(
            RefusalCode.INVALID, "location", f"{c.location} is of kind {kind and kind[0]}: goods are not kept there"
        )
    for name in ("units_max", "capacity", "weight_max_kg", "volume_max_m3"):
        value = getattr(c, name)
        if value is not None and value <= 0:
            raise Refuse(RefusalCode.INVALID, name, "a limit is above zero; leave it out for none")
    if c.removed:
        conn.execute("delete from storage_place where location_id = %s", (location_id,))
    else:
        conn.execute(
            """insert into storage_place (location_id, units_max, capacity, weight_max_kg, volume_max_m3,
                                          only_when_empty, single_item)
               values (%s, %s, %s, %s, %s, %s, %s)
               on conflict (location_id) do update set units_max = excluded.units_max, capacity = excluded.capacity,
                   weight_max_kg = excluded.weight_max_kg, volume_max_m3 = excluded.volume_max_m3,
                   only_when_empty = excluded.only_when_empty, single_item = excluded.single_item""",
            (location_id, c.units_max, c.capacity, c.weight_max_kg, c.volume_max_m3, c.only_when_empty, c.single_item),
        )
    return {"location": c.location, "storage": not c.removed}, Audit(after={"location": c.location})


def set_putaway_rule(conn: Conn, c: SetPutawayRule, actor: Actor, request_id: UUID) -> Answer:
    if not c.name:
        raise Refuse(RefusalCode.INVALID, "name", "a rule needs a name")
    kinds = (*HandlingUnitKind, LOOSE)
    if c.unit_kind not in ("", *kinds):
        raise Refuse(RefusalCode.INVALID, "unit_kind", f"{c.unit_kind!r} is none of {', '.join(kinds)}")
    if c.within_minutes is not None and c.within_minutes <= 0:
        raise Refuse(RefusalCode.INVALID, "within_minutes", "a deadline lies ahead: give minutes above zero")
    target_id = find_location(conn, c.target, "target")
    source_id = find_location(conn, c.source, "source") if c.source is not None else None
    item_id = find_item(conn, c.item).item_id if c.item is not None else None
    before = conn.execute("select enabled, priority from putaway_rule where name = %s", (c.name,)).fetchone()
    conn.execute(
        """insert into putaway_rule (name, priority, item_id, category, unit_kind, from_id, target_id, task_priority,
                                     within_minutes, enabled)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (name) do update set priority = excluded.priority, item_id = excluded.item_id,
               category = excluded.category, unit_kind = excluded.unit_kind, from_id = excluded.from_id,
               target_id = excluded.target_id, task_priority = excluded.task_priority,
               within_minutes = excluded.within_minutes, enabled = excluded.enabled""",
        (c.name, c.priority, item_id, c.category, c.unit_kind, source_id, target_id, c.task_priority,
         c.within_minutes, c.enabled),
    )  # fmt: skip
    audit = Audit(None if before is None else {"enabled": before[0], "priority": before[1]}, {"enabled": c.enabled})
    return {"name": c.name, "enabled": c.enabled}, audit


HANDLERS: Handlers = {
    DescribeStorage: describe_storage,
    SetPutawayRule: set_putaway_rule,
}
