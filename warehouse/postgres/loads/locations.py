"""Where tags are: the newest evidence wins, the history keeps all of it, whatever the books say.

What was seen has happened: an update that is ahead of the database's clock (an edge's clock is wrong) is dated when it
is first told, or nothing true could outdo it before its time. What its clock said is kept, in words with the evidence
and in `location_ahead`; by it those of one tag keep their order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from warehouse.loads import LocationUpdate
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.clock import NOW
from warehouse.postgres.loads.load_facts import ensure_locations
from warehouse.times import from_us, to_us

# What a clock said ahead is known so long after its time has come: nobody tells an update again after that.
AHEAD_KEPT_DAYS = 30

# Updates named in one feed message; a larger batch makes several.
FEED_MAX = 200


def apply(conn: Conn, updates: Sequence[LocationUpdate]) -> int:
    """Record updates in the caller's transaction; how many changed where their tag is now.

    Applying one again changes nothing. Of two at the same time the greater update id wins, so order does not matter,
    except of those dated ahead: they are dated as of the first time they are told.
    """
    if not updates:
        return 0
    ids = ensure_locations(conn, (update.location for update in updates))
    said: dict[object, datetime] = {}
    dated = _dated(conn, updates, said)
    ordered = sorted(dated, key=lambda u: (u.epc, u.at_us, said.get(u.update_id) or from_us(u.at_us), u.update_id))
    rows = [
        (u.epc, ids[u.location], str(u.event), from_us(u.at_us), u.update_id, u.evidence, said.get(u.update_id))
        for u in ordered
    ]
    conn.execute(
        """insert into location_history (epc, location_id, event, at, update_id, evidence)
           select * from unnest(%s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::uuid[], %s::text[])
           on conflict (update_id, at) do nothing""",
        [list(column) for column in list(zip(*rows, strict=True))[:6]],
    )
    newest = {row[0]: row for row in rows}  # sorted, so the last of each tag stays
    changed = conn.execute(
        """insert into tag_location as l (epc, location_id, event, at, update_id, evidence, said_at)
           select * from unnest(%s::text[], %s::int[], %s::text[], %s::timestamptz[], %s::uuid[], %s::text[],
                                %s::timestamptz[])
           on conflict (epc) do update set location_id = excluded.location_id, event = excluded.event,
               at = excluded.at, update_id = excluded.update_id, evidence = excluded.evidence,
               said_at = excluded.said_at
           where (excluded.at, coalesce(excluded.said_at, excluded.at), excluded.update_id)
                 > (l.at, coalesce(l.said_at, l.at), l.update_id)
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


def forget_old(conn: Conn) -> int:
    """Remove what clocks said ahead that is long past; the evidence of the update tells it still. How many."""
    return conn.execute(
        "delete from location_ahead where said_at < now() - make_interval(days => %s)", (AHEAD_KEPT_DAYS,)
    ).rowcount


def _dated(conn: Conn, updates: Sequence[LocationUpdate], said: dict[object, datetime]) -> list[LocationUpdate]:
    """The updates with no time that is yet to come; those that were dated so before, as they were then. What the clocks
    of these said is added to `said`.
    """
    row = conn.execute(
        f"""select {NOW}, (select json_agg(json_build_array(update_id, at)) from location_ahead
                           where update_id = any(%s))""".encode(),  # noqa: S608  (NOW is a constant)
        ([u.update_id for u in updates],),
    ).fetchone()
    assert row is not None
    now, known = row
    dates = {update_id: datetime.fromisoformat(at) for update_id, at in known or ()}
    new = [u for u in updates if from_us(u.at_us) > now and str(u.update_id) not in dates]
    if new:
        dates |= _first_told(conn, new, now)
    if not dates:
        return list(updates)
    result = []
    for u in updates:
        at = dates.get(str(u.update_id))
        if at is None:
            result.append(u)
            continue
        said[u.update_id] = from_us(u.at_us)
        words = f"{u.evidence}; its clock said {from_us(u.at_us).isoformat(timespec='seconds')}"
        result.append(replace(u, at_us=to_us(at), evidence=words.removeprefix("; ")))
    return result


def _first_told(conn: Conn, updates: Iterable[LocationUpdate], now: datetime) -> dict[str, datetime]:
    """When those that are ahead are dated: now, those of one tag a microsecond apart in the order their clock says."""
    dates: dict[str, datetime] = {}
    said: dict[str, datetime] = {}
    ordered = sorted({u.update_id: u for u in updates}.values(), key=lambda u: (u.epc, u.at_us, u.update_id))
    for _, same in groupby(ordered, key=lambda u: u.epc):
        for back, u in enumerate(reversed(list(same))):
            dates[str(u.update_id)] = now - timedelta(microseconds=back)
            said[str(u.update_id)] = from_us(u.at_us)
    conn.execute(
        """insert into location_ahead (update_id, at, said_at)
           select * from unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) order by 1
           on conflict (update_id) do nothing""",
        (list(dates), list(dates.values()), list(said.values())),
    )
    return dates
