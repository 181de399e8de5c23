"""What a person or key limited to warehouses sees: one condition a table, in one place, for every query there is.

For them the schema `within` stands before `public` on the search path. It holds a view of the same name for every
table, which shows the rows that are about places in the warehouses of the session; so each query of the program is
limited by being run, also one that is written tomorrow. Whoever may read everywhere never meets these views.

A row is about every place it names: a transfer is seen at both ends, a movement from and to. What names no place can
happen anywhere and is seen by all until it has happened somewhere: a document without source, target and door, until
goods move on it. Names are no secret (items, lots, places, partners, bills of material); what is where, is. A table
that nobody put into a list below shows nothing.

The views are made after the migrations, from the tables as these left them, so no migration has to mind them.
"""

# ruff: noqa: S608  (what is put into the queries here are the constants below and the names of our tables)

import hashlib
from typing import Any

from psycopg import Connection, sql

from warehouse.postgres.database.grants import SERVICE_ROLE

SCHEMA = "within"

# For a connection that reads for somebody limited to the warehouses `codes`; one round trip each. Without the schema
# the names would be those of the tables: then it fails.
ENTER = """select 'within'::regnamespace,
    set_config('search_path', 'within, ' || current_setting('search_path'), false),
    set_config('tagledger.within', (select coalesce(array_agg(location_id), '{}')::text from location
                                    where code = any(%(codes)s) and level in ('site', 'warehouse')), false)"""
LEAVE = "reset search_path; reset tagledger.within"

# Which of their rows are shown, of a table as `t`. A later one may look at an earlier one's view.
_MINE = """exists (select from public.location_within w where w.location_id = {} and w.warehouse_id = any(
    current_setting('tagledger.within')::int[]))"""


def _mine(*columns: str) -> str:
    return "(" + " or ".join(_MINE.format(f"t.{column}") for column in columns) + ")"


_PORTAL = "exists (select from within.portal p where p.name = t.{})"
_MOVED = """exists (select from public.document_line l join public.move m on m.line_id = l.line_id
    where l.document_id = t.document_id{})"""
_OF_DOCUMENT = "exists (select from within.document d where d.document_id = t.{})"

CONDITIONS: dict[str, str] = {
    "location_shown": f"{_mine('location_id')} or exists (select from public.location l"
    " where l.location_id = t.location_id and l.kind not in ('internal', 'outside'))",
    "portal": _mine("inside_id", "outside_id"),
    "zone": _mine("location_id"),
    # Stock and the ledger
    "balance": _mine("location_id"),
    "stock_snapshot": _mine("location_id"),
    "reservation": _mine("location_id"),
    "move": _mine("from_location_id", "to_location_id"),
    "move_tag": "exists (select from within.move m where m.seq = t.seq)",
    "value_entry": "exists (select from within.move m where m.seq = t.seq)",
    "inspection": "exists (select from within.move m where m.move_id = t.move_id)",
    "stock_rule": _mine("location_id"),
    "replenishment": _mine("location_id"),
    "stock_alert": _mine("location_id"),
    # A packing list: of what stands with them, or was only announced.
    "hu_content": """exists (select from within.balance b where b.hu_id = t.hu_id and b.on_hand > 0)
        or not exists (select from public.balance b where b.hu_id = t.hu_id)""",
    # Documents and what hangs on them
    "document": f"""{_mine("source_id", "target_id")} or {_PORTAL.format("door")}
        or {_MOVED.format(" and " + _mine("from_location_id", "to_location_id").replace("t.", "m."))}
        or t.source_id is null and t.target_id is null and not {_MOVED.format("")}
           and not exists (select from public.portal p where p.name = t.door)""",
    "document_line": _OF_DOCUMENT.format("document_id"),
    "document_tag": _OF_DOCUMENT.format("document_id"),
    "work_order": f"{_OF_DOCUMENT.format('issue_document_id')} or {_OF_DOCUMENT.format('output_document_id')}",
    "pick_line": "exists (select from within.reservation r where r.reservation_id = t.reservation_id)",
    "pick_list": f"""{_mine("stage_id")}
        or exists (select from within.pick_line p where p.pick_list_id = t.pick_list_id)""",
    "count_line": _mine("location_id"),
    "count_sheet": "exists (select from within.count_line c where c.count_id = t.count_id)",
    "task": _mine("source_id", "target_id", "carrier_id"),
    "task_event": "exists (select from within.task k where k.task_id = t.task_id)",
    # Where things were seen, and what doors did
    "tag_location": _mine("location_id"),
    "location_history": _mine("location_id"),
    "passage": _PORTAL.format("portal"),
    "passage_tag": "exists (select from within.passage p where p.passage_id = t.passage_id"
    " and p.revision = t.revision)",
    "posting": _PORTAL.format("portal"),
    "site_alert": """case when starts_with(t.subject, 'passage ') then exists (
            select from within.passage p where p.passage_id = substr(t.subject, 9)::uuid)
        else exists (select from within.count_sheet c where t.subject = 'count ' || c.number) end""",
    "signal": _PORTAL.format("portal"),
    "signal_override": _PORTAL.format("portal"),
    "weighing": f"{_PORTAL.format('place')} or exists (select from within.zone z where z.name = t.place)",
    "discrepancy": f"""{_PORTAL.format("portal")} or exists (select from within.zone z where z.name = t.portal)
        or t.portal = '' and {_OF_DOCUMENT.format("document_id")}""",
}

# Names, rules and numbers that are about no place.
SHARED = frozenset(
    {
        "item", "item_unit", "category", "partner", "lot", "serial", "location", "location_within", "handling_unit",
        "tag", "tag_event", "document_kind", "bom", "bom_line", "bom_substitute", "lot_pattern", "inspection_plan",
        "removal_rule", "approval_rule", "storage_place", "putaway_rule", "road_distance", "snapshot_day",
        "period_close", "alert_route", "alert_acknowledgement", "role", "printer", "label_template", "print_job",
        "label", "number_pool", "device_event",
    }
)  # fmt: skip

_TABLES = """select c.relname, c.relkind, case when c.relkind = 'v' then pg_get_viewdef(c.oid) end,
        array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
              and not a.attisdropped order by a.attnum)
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v')
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
    order by c.relkind = 'v', c.oid"""


def clear_views(conn: Connection[Any]) -> None:
    """Before migrations change what the views stand on. In the caller's transaction or its own."""
    conn.execute(f"drop schema if exists {SCHEMA} cascade".encode())


def make_views(conn: Connection[Any]) -> bool:
    """The views as the tables are now, and the service's right to them; whether anything changed."""
    statements = _statements(conn)
    digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    found = conn.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s", (SCHEMA,)
    ).fetchone()
    service = conn.execute("select from pg_roles where rolname = %s", (SERVICE_ROLE,)).fetchone() is not None
    changed = found is None or found[0] != digest
    with conn.transaction():
        if changed:
            clear_views(conn)
            conn.execute(f"create schema {SCHEMA}".encode())
            # Views of views are read from their text, where names are those of the tables before.
            conn.execute(f"set local search_path = {SCHEMA}, public".encode())
            for statement in statements:
                conn.execute(statement.encode())
            conn.execute(sql.SQL("comment on schema within is {}").format(digest))
        if service:
            role = sql.Identifier(SERVICE_ROLE)
            conn.execute(sql.SQL("grant usage on schema within to {}").format(role))
            conn.execute(sql.SQL("grant select on all tables in schema within to {}").format(role))
    return changed


def _statements(conn: Connection[Any]) -> list[str]:
    """`create view` of every table, conditions in their order before what nobody may see; then views of views."""
    tables = {name: (kind, text, columns) for name, kind, text, columns in conn.execute(_TABLES)}
    made: list[str] = []
    for name, condition in CONDITIONS.items():
        columns = ", ".join(f't."{column}"' for column in tables[name][2])
        made.append(f"create view {SCHEMA}.{name} as select {columns} from public.{name} t where {condition}")
    for name, (kind, text, columns) in tables.items():
        if name in CONDITIONS or name in SHARED:
            continue
        if kind == "v":
            made.append(f"create view {SCHEMA}.{name} as {text}")
        else:
            listed = ", ".join(f'"{column}"' for column in columns)
            made.append(f"create view {SCHEMA}.{name} as select {listed} from public.{name} where false")
    return made
