"""Messages to partners: read from the ledger and the outbox by cursor, one row a message and partner, sent in order.

The rows and the cursors change in one transaction, so each event becomes a message once. Of the messages of one line
(a document, an item) only the oldest that is not delivered may go out; a dead one holds its line until a person replays
or drops it, so a partner never hears of a later state of a document before an earlier one. A sender leases what it
sends; a lease that ran out means the sender died, and the message goes out again under the same id.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from warehouse.epcis import epcis
from warehouse.events import Event, from_outbox, moved, wanted
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.outbox import Cursor
from warehouse.webhooks import SECRET_BYTES, retry_after_s, show_secret

OUTBOX_READER, MOVE_READER = "webhooks outbox", "webhooks move"
PAGE = 1_000
# A partner that does not take more than this is given up: it reconciles by the stock snapshot when it is back.
PENDING_MAX = 100_000
LEASE = timedelta(seconds=60)
KEPT_DAYS = 14

_MOVES = """
    select m.tx::text::bigint, m.seq, d.kind, d.number, d.partner, m.recorded_at, jsonb_build_object(
        'seq', m.seq, 'move_id', m.move_id, 'kind', m.kind, 'item', i.code, 'gtin', i.gtin, 'unit', i.unit,
        'lot', lo.code, 'serial', se.code, 'quantity', m.quantity::text, 'owner', m.owner,
        'source', s.code, 'target', t.code, 'source_status', m.from_status, 'target_status', m.to_status,
        'source_unit', sh.code, 'target_unit', th.code, 'line_no', x.line_no,
        'effective_at', m.effective_at, 'actor', m.actor, 'device', m.device, 'reason', m.reason,
        'passage_id', m.passage_id, 'request_id', m.request_id,
        'source_kind', s.kind, 'target_kind', t.kind, 'reverses', o.move_id,
        'reversed', case when o.seq is not null then jsonb_build_object(
            'kind', o.kind, 'effective_at', o.effective_at,
            'epcs', array(select epc from move_tag g where g.seq = o.seq order by epc)) end,
        'epcs', array(select epc from move_tag g where g.seq = m.seq order by epc))
    from move m join item i on i.item_id = m.item_id
    join location s on s.location_id = m.from_location_id join location t on t.location_id = m.to_location_id
    left join lot lo on lo.lot_id = m.lot_id left join serial se on se.serial_id = m.serial_id
    left join handling_unit sh on sh.hu_id = m.from_hu_id left join handling_unit th on th.hu_id = m.to_hu_id
    left join document_line x on x.line_id = m.line_id left join document d on d.document_id = x.document_id
    left join move o on o.seq = m.reverses
    where (m.tx, m.seq) > (%(tx)s::text::xid8, %(seq)s) and m.tx < pg_snapshot_xmin(pg_current_snapshot())
    order by m.tx, m.seq limit %(limit)s"""


@dataclass(frozen=True, slots=True)
class Target:
    """A partner's endpoint that takes messages."""

    webhook_id: UUID
    types: tuple[str, ...]
    format: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message leased to a sender."""

    n: int
    message_id: str
    webhook_id: UUID
    url: str
    body: str
    attempts: int
    keys: tuple[bytes, ...]


def fan_out(conn: Conn, site: str, timezone: str = "UTC") -> int:
    """Make messages of what became certain since the last time, in one transaction; how many events were read.

    What opened the books is left out: a partner that wants it takes the stock snapshot.
    """
    with conn.transaction():
        row = conn.execute("select pg_try_advisory_xact_lock(hashtextextended('webhooks', 9))").fetchone()
        if row is None or not row[0]:
            return 0  # another process does it
        targets = [
            Target(webhook_id, tuple(types), form)
            for webhook_id, types, form in conn.execute(
                "select webhook_id, types, format from webhook where state <> 'gone' order by created_at"
            )
        ]
        if not targets:
            _forget_position(conn)
            return 0
        start = _position(conn, OUTBOX_READER)
        messages = outbox.read(conn, start, PAGE)
        events = [
            event
            for m in messages
            if (event := from_outbox(m.topic, m.key, m.cursor.seq, m.created_at, m.payload)) is not None
        ]
        if messages:
            _keep_position(conn, OUTBOX_READER, messages[-1].cursor)
        from_seq = _position(conn, MOVE_READER)
        values = {"tx": str(from_seq.tx), "seq": from_seq.seq, "limit": PAGE}
        moves = conn.execute(_MOVES, values).fetchall()
        if moves:
            _keep_position(conn, MOVE_READER, Cursor(moves[-1][0], moves[-1][1]))
        events += _moved(moves)
        for target in targets:
            _queue(conn, target, events, site, timezone)
        return len(messages) + len(moves)


def _moved(rows: Sequence[tuple[Any, ...]]) -> list[Event]:
    # Nor is a partner told that what it never heard of is taken back, which an import's undoing may do a million times.
    told = [row for row in rows if "opening" not in (row[6]["kind"], (row[6]["reversed"] or {}).get("kind"))]
    events = []
    for (tx, kind, number, partner), group in groupby(told, key=lambda row: (row[0], *row[2:5])):
        lines = list(group)
        document = {"kind": kind, "number": number, "partner": partner} if kind is not None else None
        events.append(moved(tx, document, lines[0][5], [line[6] for line in lines]))
    return events


def _queue(conn: Conn, target: Target, events: Sequence[Event], site: str, timezone: str) -> None:
    rows = []
    for event in events:
        if not wanted(target.types, event.type):
            continue
        body = epcis(event, site, timezone) if target.format == "epcis" else event.body()
        if body is not None:
            rows.append((f"msg_{uuid5(target.webhook_id, event.key).hex}", event.line, event.type, body))
    if not rows:
        return
    waiting = conn.execute(
        "select count(*) from webhook_message where webhook_id = %s and state in ('pending', 'dead')",
        (target.webhook_id,),
    ).fetchone()
    if waiting is not None and waiting[0] + len(rows) > PENDING_MAX:
        note = f"{waiting[0]} messages wait: given up; reconcile by the stock snapshot, then activate it again"
        conn.execute("update webhook set state = 'gone', note = %s where webhook_id = %s", (note, target.webhook_id))
        return
    conn.execute(
        """insert into webhook_message (message_id, webhook_id, line, type, body)
           select m.id, %s, m.line, m.type, m.body
           from unnest(%s::text[], %s::text[], %s::text[], %s::text[]) as m (id, line, type, body)
           on conflict (message_id) do nothing""",
        (target.webhook_id, *([list(column) for column in zip(*rows, strict=True)])),
    )


def _position(conn: Conn, name: str) -> Cursor:
    """Where a reader stands; the first time it begins with what is not certain yet."""
    row = conn.execute("select tx::text::bigint, seq from outbox_reader where name = %s for update", (name,)).fetchone()
    if row is not None:
        return Cursor(*row)
    row = conn.execute("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    start = Cursor(row[0], 0)
    _keep_position(conn, name, start)
    return start


def _keep_position(conn: Conn, name: str, cursor: Cursor) -> None:
    conn.execute(
        """insert into outbox_reader (name, tx, seq) values (%s, %s::text::xid8, %s)
           on conflict (name) do update set tx = excluded.tx, seq = excluded.seq, updated_at = now()""",
        (name, str(cursor.tx), cursor.seq),
    )


def _forget_position(conn: Conn) -> None:
    """Nobody listens: the first who does begins with what happens then."""
    conn.execute("delete from outbox_reader where name = any(%s)", ([OUTBOX_READER, MOVE_READER],))


def lease(conn: Conn, now: datetime, limit: int) -> list[Outgoing]:
    """What may be sent now, at most one of a line, leased to the caller."""
    rows = conn.execute(
        """with head as materialized (
               select distinct on (m.webhook_id, m.line) m.n, m.state, m.next_at, m.leased_until
               from webhook_message m join webhook w using (webhook_id)
               where m.state in ('pending', 'dead') and w.state = 'active'
               order by m.webhook_id, m.line, m.n),
           picked as (
               select m.n from webhook_message m join head h on h.n = m.n
               where h.state = 'pending' and m.state = 'pending' and m.next_at <= %(now)s
                 and (m.leased_until is null or m.leased_until < %(now)s)
               order by m.next_at, m.n limit %(limit)s for update of m skip locked)
           update webhook_message m set attempts = m.attempts + 1, leased_until = %(until)s
           from picked p, webhook w where m.n = p.n and w.webhook_id = m.webhook_id
           returning m.n, m.message_id, m.webhook_id, w.url, m.body, m.attempts,
                     array(select s.secret from webhook_secret s where s.webhook_id = m.webhook_id
                           and (s.expires_at is null or s.expires_at > %(now)s) order by s.created_at desc)""",
        {"now": now, "until": now + LEASE, "limit": limit},
    ).fetchall()
    return [
        Outgoing(n, message_id, webhook_id, url, body, attempts, tuple(bytes(key) for key in keys))
        for n, message_id, webhook_id, url, body, attempts, keys in rows
    ]


def settle(conn: Conn, sent: Outgoing, now: datetime, status: int | None, error: str) -> str:
    """Write down how a try ended; the message's state. 2xx is delivered, 410 ends the endpoint, all else is retried."""
    if status is not None and 200 <= status < 300:
        state, next_at = "delivered", now
    else:
        wait_s = retry_after_s(sent.attempts, sent.message_id)
        state = "dead" if wait_s is None else "pending"
        next_at = now + timedelta(seconds=wait_s or 0)
    if status == 410:
        note = "it answered 410 Gone"
        conn.execute("update webhook set state = 'gone', note = %s where webhook_id = %s", (note, sent.webhook_id))
    conn.execute(
        """update webhook_message set state = %s, next_at = %s, leased_until = null, status = %s, error = %s,
                  ended_at = case when %s = 'delivered' then %s::timestamptz end
           where n = %s and state = 'pending'""",
        (state, next_at, status, error[:500], state, now, sent.n),
    )
    return state


def forget_old(conn: Conn) -> int:
    """Remove what ended more than KEPT_DAYS ago; how many."""
    return conn.execute(
        """delete from webhook_message where state in ('delivered', 'dropped')
           and ended_at < now() - make_interval(days => %s)""",
        (KEPT_DAYS,),
    ).rowcount


# Registration --------------------------------------------------------------------------------------------------------


def register(conn: Conn, webhook_id: UUID, partner: str, url: str, types: Sequence[str], form: str, actor: str) -> str:
    """A new endpoint; its secret, which is not shown again. It hears of what happens from now on."""
    conn.execute("select pg_advisory_xact_lock(hashtextextended('webhooks', 9))")
    for reader in (OUTBOX_READER, MOVE_READER):
        _position(conn, reader)
    conn.execute(
        """insert into webhook (webhook_id, partner, url, types, format, created_by) values (%s, %s, %s, %s, %s, %s)""",
        (webhook_id, partner, url, list(types), form, actor),
    )
    audit(conn, actor, "webhook.registered", {"webhook_id": str(webhook_id), "partner": partner, "url": url})
    return _new_secret(conn, webhook_id)


def _new_secret(conn: Conn, webhook_id: UUID) -> str:
    key = secrets.token_bytes(SECRET_BYTES)
    conn.execute(
        "insert into webhook_secret (secret_id, webhook_id, secret) values (gen_random_uuid(), %s, %s)",
        (webhook_id, key),
    )
    return show_secret(key)


def rotate(conn: Conn, webhook_id: UUID, overlap: timedelta, actor: str) -> str | None:
    """A second secret beside the newest one, which ends after `overlap`; older ones end now. None: no such endpoint."""
    if conn.execute("select 1 from webhook where webhook_id = %s for update", (webhook_id,)).fetchone() is None:
        return None
    conn.execute(
        """update webhook_secret s set expires_at = least(s.expires_at, case when s.secret_id = (
               select secret_id from webhook_secret where webhook_id = %(id)s order by created_at desc limit 1)
               then now() + %(overlap)s else now() end) where webhook_id = %(id)s""",
        {"id": webhook_id, "overlap": overlap},
    )
    conn.execute("delete from webhook_secret where webhook_id = %s and expires_at <= now()", (webhook_id,))
    audit(conn, actor, "webhook.secret_rotated", {"webhook_id": str(webhook_id)})
    return _new_secret(conn, webhook_id)


def set_state(conn: Conn, webhook_id: UUID, state: str, actor: str) -> bool:
    """`active` or `paused`; a paused endpoint's messages wait."""
    done = conn.execute("update webhook set state = %s, note = '' where webhook_id = %s", (state, webhook_id)).rowcount
    if done:
        audit(conn, actor, f"webhook.{state}", {"webhook_id": str(webhook_id)})
    return bool(done)


def decide(conn: Conn, message_id: str, state: str, actor: str) -> bool | None:
    """`pending` sends a dead message again, `dropped` gives it up and frees its line. False: not dead; None: none."""
    row = conn.execute("select state from webhook_message where message_id = %s for update", (message_id,)).fetchone()
    if row is None:
        return None
    if row[0] != "dead":
        return bool(row[0] == state)
    conn.execute(
        """update webhook_message set state = %s, attempts = 0, next_at = now(), decided_by = %s,
                  ended_at = case when %s = 'dropped' then now() end where message_id = %s""",
        (state, actor, state, message_id),
    )
    audit(conn, actor, "webhook.replayed" if state == "pending" else "webhook.dropped", {"message_id": message_id})
    return True


def try_out(conn: Conn, webhook_id: UUID, event: Event) -> bool:
    """Queue a test event for one endpoint; False when there is none."""
    row = conn.execute("select 1 from webhook where webhook_id = %s", (webhook_id,)).fetchone()
    if row is None:
        return False
    conn.execute(
        "insert into webhook_message (message_id, webhook_id, line, type, body) values (%s, %s, %s, %s, %s)",
        (f"msg_{uuid5(webhook_id, event.key).hex}", webhook_id, event.line, event.type, event.body()),
    )
    return True


def audit(conn: Conn, actor: str, command: str, after: Mapping[str, Any]) -> None:
    """What was done outside a command, in the audit log."""
    conn.execute(
        "insert into audit_log (actor, command, outcome, after) values (%s, %s, 'done', %s)",
        (actor, command, Jsonb(dict(after))),
    )
