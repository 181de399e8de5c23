"""Where tags are: the newest evidence wins, the history keeps all of it, whatever the books say."""

from collections.abc import Sequence

from warehouse.loads import LocationUpdate
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.loads.load_facts import ensure_locations
from warehouse.times import from_us

# Updates named in one feed message; a larger batch makes several.
FEED_MAX = 200


def apply(conn: Conn, updates: Sequence[LocationUpdate]) -> int:
    """Record updates in the caller's transaction; how many changed where their tag is now.

    Applying one again changes nothing. Of two at the same time the greater update id wins, so order does not matter.
    """
    if not updates:
        return 0
    ids = ensure_locations(conn, (update.location for update in updates))
    ordered = sorted(updates, key=lambda u: (u.epc, u.at_us, u.update_id))
    rows = [(u.epc, ids[u.location], str(u.event), from_us(u.at_us), u.update_id, u.evidence) for u in ordered]
    conn.execute(
        """insert into location_history (epc, location_id, event, at, update_id, evidence)
           select * from unnest(%s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::uuid[], %s::text[])
           on conflict (update_id, at) do nothing""",
        [list(column) for column in zip(*rows, strict=True)],
    )
    newest = {row[0]: row for row in rows}  # sorted, so the last of each tag stays
    changed = conn.execute(
        """insert into tag_location as l (epc, location_id, event, at, update_id, evidence)
           select * from unnest(%s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::uuid[], %s::text[])
           on conflict (epc) do update set location_id = excluded.location_id, event = excluded.event,
               at = excluded.at, update_id = excluded.update_id, evidence = excluded.evidence
           where (excluded.at, excluded.update_id) > (l.at, l.update_id)
           returning epc""",
        [list(column) for column in zip(*(newest[epc] for epc in sorted(newest)), strict=True)],
    ).fetchall()
    told = {epc for (epc,) in changed}
    news = [u for u in ordered if u.epc in told and newest[u.epc][4] == u.update_id]
    for start in range(0, len(news), FEED_MAX):
        part = news[start : start + FEED_MAX]
        payload = {"updates": [[u.epc, u.location, u.event, u.at_us] for u in part]}
        outbox.add(conn, "location", part[0].location, payload)
    return len(told)
