"""Alerts about doors, devices and counts; the notices of all alerts; the commands on them.

A matter is one open alert: looked at again it is the same, and it clears when it is over. What is raised and cleared
goes to the outbox (`alert`, `alert_cleared`) in the same transaction, so feed and webhooks have it; mail goes by
notices, one an alert and channel.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from warehouse.commands import (
    AcknowledgeAlert,
    Actor,
    Audit,
    RefusalCode,
    SetAlertChannel,
)
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.handlers import Answer, Handlers
from warehouse.postgres.naming import Refuse
from warehouse.quiet_hours import is_quiet
from warehouse.site import Portal

KINDS = (
    "below_safety", "dead", "slow", "near_expiry", "expired", "rule_broken",
    "unexpected_exit", "count_variance", "device_down", "data_gap",
)  # fmt: skip
# A device is down when it said so this long ago and has not come back.
DOWN_AFTER = timedelta(seconds=60)
GAP_LOOKED_AT = timedelta(days=7)
# So many loads in a row past an eye that saw none of them: the number after which the door itself does without it
# (`silent_max` in `stream.operators.passage_window`).
UNSEEN_LOADS = 3
UNSEEN_LOOKED_AT = timedelta(days=7)
NOTICES_A_MAIL = 100
ATTEMPTS_MAX = 10
RETRY_AFTER_MAX = timedelta(hours=1)

# What is the matter now, by kind: subject and detail of each.
_MATTERS = {
    "unexpected_exit": """
        select 'passage ' || d.passage_id, 'goods left through ' || d.portal || ' without a document: ' || d.detail
        from discrepancy d join posting p on p.passage_id = d.passage_id and p.revision = d.revision
        where d.state = 'open' and d.kind = 'no_document' and p.direction = 'out'""",
    "count_variance": """
        select 'count ' || s.number, count(*) || ' lines beyond tolerance, ' || coalesce(
               'worth ' || sum(abs(c.counted - c.expected) * c.unit_cost), 'not valued')
        from count_sheet s join count_line c using (count_id)
        where s.status = 'counted' and abs(c.counted - c.expected) >
              greatest(coalesce(c.tolerance_quantity, 0), c.expected * coalesce(c.tolerance_percent, 0) / 100)
        group by s.number""",
    "device_down": """
        select 'device ' || device,
               device || ' is down since ' || to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC ' || detail
        from (select distinct on (agent, device) agent, device, kind, at, detail from device_event
              where kind in ('reader_up', 'reader_down') order by agent, device, at desc) e
        where kind = 'reader_down' and at < %(now)s - %(down_after)s""",
    "data_gap": """
        select 'agent ' || agent, sum(last - first + 1 - filled) || ' batches of ' || agent || ' never came'
        from data_gap where filled < last - first + 1 and recorded_at > %(now)s - %(gap_looked_at)s group by agent""",
}

# A load's beams break within its passage; ten seconds are for one that begins with the other eye's.
_BLIND_EYES = """
    select 'photo-eye ' || e.portal || ' ' || e.reader || '/' || e.gpi,
           'the photo-eye of ' || e.portal || ' on the ' || e.side || ' (' || e.reader || ', input ' || e.gpi
           || ') saw none of the last ' || l.loads || ' loads'
    from unnest(%(portals)s::text[], %(readers)s::text[], %(gpis)s::int[], %(sides)s::text[])
         as e (portal, reader, gpi, side)
    cross join lateral (
        select min(opened_at) as since, count(*) as loads from (
            select opened_at from passage
            where portal = e.portal and revision = 0 and belongs > 0
              and closed_at between %(now)s - %(looked_at)s and %(now)s - %(down_after)s
            order by closed_at desc limit %(unseen)s) as last) l
    where l.loads = %(unseen)s and not exists (
        select from device_event d where d.device = e.reader and d.kind = 'gpi' and d.port = e.gpi
        and d.at >= l.since - interval '10 seconds')"""


def watch_site(conn: Conn, now: datetime, portals: Sequence[Portal] = ()) -> tuple[int, int]:
    """Raise what is the matter and clear what is over, in the caller's transaction; how many of each.

    `portals` are those of the site file: a photo-eye of theirs that sees no load is down.
    """
    raised = cleared = 0
    values = {"now": now, "down_after": DOWN_AFTER, "gap_looked_at": GAP_LOOKED_AT}
    for kind, query in _MATTERS.items():
        wanted = dict(conn.execute(query.encode(), values).fetchall())
        if kind == "device_down":
            wanted |= _blind_eyes(conn, now, portals)
        standing = dict(
            conn.execute(
                "select subject, alert_id from site_alert where kind = %s and cleared_at is null", (kind,)
            ).fetchall()
        )
        for subject, alert_id in standing.items():
            if subject not in wanted:
                conn.execute("update site_alert set cleared_at = %s where alert_id = %s", (now, alert_id))
                outbox.add(conn, "alert_cleared", str(alert_id), {"kind": kind, "subject": subject})
                cleared += 1
        for subject in sorted(wanted.keys() - standing.keys()):
            raised += _raise(conn, kind, subject, wanted[subject], now)
    return raised, cleared


def _blind_eyes(conn: Conn, now: datetime, portals: Sequence[Portal]) -> dict[str, str]:
    """Photo-eyes that saw none of the last loads of their portal: blind, covered, turned away or not wired.

    Such a door goes by what its antennas hear; its windows are wider and later then, and its passages less sure.
    """
    eyes = [(portal.name, eye) for portal in portals for eye in portal.photo_eyes]
    if not eyes:
        return {}
    values = {
        "portals": [name for name, _ in eyes],
        "readers": [eye.reader for _, eye in eyes],
        "gpis": [eye.gpi for _, eye in eyes],
        "sides": [str(eye.side) for _, eye in eyes],
        "now": now,
        "down_after": DOWN_AFTER,
        "looked_at": UNSEEN_LOOKED_AT,
        "unseen": UNSEEN_LOADS,
    }
    return dict(conn.execute(_BLIND_EYES, values).fetchall())


def _raise(conn: Conn, kind: str, subject: str, detail: str, now: datetime) -> int:
    alert_id = uuid5(NAMESPACE_URL, f"tagledger:alert:{kind}:{subject}:{now.isoformat()}")
    row = conn.execute(
        """insert into site_alert (alert_id, kind, subject, detail, departments, raised_at)
           select %s, %s, %s, %s, coalesce((select departments from alert_route where kind = %s), '{}'), %s
           on conflict (kind, subject) where cleared_at is null do nothing returning departments""",
        (alert_id, kind, subject, detail, kind, now),
    ).fetchone()
    if row is None:
        return 0
    outbox.add(
        conn, "alert", str(alert_id), {"kind": kind, "subject": subject, "departments": row[0], "detail": detail}
    )
    return 1


# Notices -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mail:
    """What one channel is told now, in one mail. `name` is the same for the same alerts."""

    channel: str
    to: tuple[str, ...]
    name: UUID
    alert_ids: tuple[UUID, ...]
    lines: tuple[str, ...]


def queue_notices(conn: Conn, now: datetime) -> int:
    """A notice for each open alert that nobody has in hand, and each channel it belongs to; once for ever."""
    conn.execute(
        """update alert_notice n set state = 'skipped', ended_at = now() from every_alert e
           left join alert_acknowledgement k using (alert_id)
           where n.alert_id = e.alert_id and n.state = 'pending'
             and (e.cleared_at is not null or k.alert_id is not null)"""
    )
    return conn.execute(
        """insert into alert_notice (alert_id, channel, next_at)
           select e.alert_id, c.name, %s from every_alert e join alert_channel c on c.active
             and (c.kinds = '{}' or e.kind = any (c.kinds)) and (c.departments = '{}' or c.departments && e.departments)
           where e.cleared_at is null
             and not exists (select from alert_acknowledgement k where k.alert_id = e.alert_id)
           on conflict do nothing""",
        (now,),
    ).rowcount


def due_mails(conn: Conn, now: datetime) -> list[Mail]:
    """One mail a channel with everything it may be told now; locked to the end of the transaction."""
    rows = conn.execute(
        """select c.name, c.mail_to, c.quiet_from, c.quiet_to, c.timezone, e.kind = any (c.urgent), e.alert_id, e.kind,
                  e.detail, e.raised_at
           from alert_notice n join alert_channel c on c.name = n.channel and c.active
           join every_alert e on e.alert_id = n.alert_id
           where n.state = 'pending' and n.next_at <= %s order by c.name, e.raised_at, e.alert_id
           for update of n skip locked""",
        (now,),
    ).fetchall()
    by_channel: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        name, _, quiet_from, quiet_to, timezone, urgent, *_ = row
        if urgent or not is_quiet(now, quiet_from, quiet_to, timezone):
            by_channel.setdefault(name, []).append(row)
    return [_mail(name, told[:NOTICES_A_MAIL]) for name, told in by_channel.items()]


def _mail(name: str, rows: Sequence[tuple[Any, ...]]) -> Mail:
    ids = tuple(row[6] for row in rows)
    zone = ZoneInfo(rows[0][4])
    lines = tuple(
        f"{raised_at.astimezone(zone):%Y-%m-%d %H:%M}  {kind.replace('_', ' ')}: {detail}"
        for *_, kind, detail, raised_at in rows
    )
    return Mail(name, tuple(rows[0][1]), uuid5(NAMESPACE_URL, f"{name}:{ids}"), ids, lines)


def settle_mail(conn: Conn, mail: Mail, now: datetime, error: str | None) -> None:
    """Sent, or to be tried again, later each time; given up after ATTEMPTS_MAX."""
    if error is None:
        conn.execute(
            """update alert_notice set state = 'sent', attempts = attempts + 1, ended_at = %s, error = ''
               where channel = %s and alert_id = any(%s)""",
            (now, mail.channel, list(mail.alert_ids)),
        )
        return
    conn.execute(
        """update alert_notice set attempts = attempts + 1, error = %(error)s,
                  next_at = %(now)s + least(interval '30 seconds' * 2 ^ attempts, %(most)s),
                  state = case when attempts + 1 >= %(max)s then 'failed' else 'pending' end,
                  ended_at = case when attempts + 1 >= %(max)s then %(now)s::timestamptz end
           where channel = %(channel)s and alert_id = any(%(ids)s)""",
        {
            "error": error[:500],
            "now": now,
            "most": RETRY_AFTER_MAX,
            "max": ATTEMPTS_MAX,
            "channel": mail.channel,
            "ids": list(mail.alert_ids),
        },
    )


# Commands ------------------------------------------------------------------------------------------------------------


def acknowledge_alert(conn: Conn, c: AcknowledgeAlert, actor: Actor, request_id: UUID) -> Answer:
    row = conn.execute("select kind, cleared_at from every_alert where alert_id = %s", (c.alert_id,)).fetchone()
    if row is None:
        raise Refuse(RefusalCode.NOT_FOUND, "alert_id", f"no alert {c.alert_id}")
    if row[1] is not None:
        raise Refuse(RefusalCode.WRONG_STATE, "alert_id", "it is over already")
    done = conn.execute(
        """insert into alert_acknowledgement (alert_id, acknowledged_by, note) values (%s, %s, %s)
           on conflict do nothing returning 1""",
        (c.alert_id, actor.name, c.note),
    ).fetchone()
    if done is None:
        raise Refuse(RefusalCode.WRONG_STATE, "alert_id", "somebody has it in hand already")
    return {"alert_id": str(c.alert_id), "acknowledged_by": actor.name}, Audit(after={"note": c.note})


_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


def set_alert_channel(conn: Conn, c: SetAlertChannel, actor: Actor, request_id: UUID) -> Answer:
    if not c.name:
        raise Refuse(RefusalCode.INVALID, "name", "a channel needs a name")
    for n, address in enumerate(c.mail_to):
        if not _ADDRESS.fullmatch(address):
            raise Refuse(RefusalCode.INVALID, f"mail_to.{n}", f"{address!r} is no mail address")
    for field in ("kinds", "urgent"):
        for n, kind in enumerate(getattr(c, field)):
            if kind not in KINDS:
                raise Refuse(RefusalCode.INVALID, f"{field}.{n}", f"no kind of alert {kind!r}: {', '.join(KINDS)}")
    try:
        ZoneInfo(c.timezone)
    except (KeyError, ValueError, OSError):
        raise Refuse(RefusalCode.INVALID, "timezone", f"no time zone {c.timezone!r}") from None
    quiet = [_clock(value, field) for field, value in (("quiet_from", c.quiet_from), ("quiet_to", c.quiet_to))]
    if (quiet[0] is None) != (quiet[1] is None):
        raise Refuse(RefusalCode.INVALID, "quiet_to", "quiet hours have a beginning and an end")
    conn.execute(
        """insert into alert_channel (name, departments, kinds, mail_to, quiet_from, quiet_to, timezone, urgent, active)
           values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (name) do update set departments = excluded.departments, kinds = excluded.kinds,
               mail_to = excluded.mail_to, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to,
               timezone = excluded.timezone, urgent = excluded.urgent, active = excluded.active""",
        (c.name, list(c.departments), list(c.kinds), list(c.mail_to), *quiet, c.timezone, list(c.urgent), c.active),
    )
    return {"name": c.name}, Audit(after={"mail_to": list(c.mail_to)})


def _clock(text: str | None, field: str) -> time | None:
    if text is None:
        return None
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise Refuse(RefusalCode.INVALID, field, f"{text!r} is no time of day: write HH:MM, such as 22:00")
    return time.fromisoformat(text)


HANDLERS: Handlers = {
    AcknowledgeAlert: acknowledge_alert,
    SetAlertChannel: set_alert_channel,
}
