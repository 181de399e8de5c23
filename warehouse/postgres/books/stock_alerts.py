"""What people should know about stock, raised once and cleared when it is over, each told to its departments.

`watch` looks at what changes by the minute: safety stock, rules that cannot be meant, lots near or past their last day.
`watch_stillness` looks at what changes by the day: dead and slow stock. Both write the outbox topic `alert` in the same
transaction; who delivers it is not their business.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from warehouse import shelf_life
from warehouse.ageing import Stillness, Usage, stillness
from warehouse.postgres import outbox
from warehouse.postgres.books.balances import Conn
from warehouse.postgres.books.replenishment import Suggested, rules_held, suggest
from warehouse.replenishment import Watched

# Where neither item nor category says anything.
DEAD_AFTER_DAYS = 365
SLOW_COVER_DAYS = 365

_Key = tuple[int, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Matter:
    """One thing to know. The same (kind, item, lot, location) is one matter."""

    kind: str
    item_id: int
    quantity: Decimal
    detail: str
    lot_id: int | None = None
    location_id: int | None = None

    @property
    def key(self) -> _Key:
        return self.item_id, self.lot_id, self.location_id


def watch(conn: Conn, now: datetime) -> Suggested:
    """Suggestions and the alerts that follow from rules and shelf life, in the caller's transaction."""
    held = rules_held(conn)
    suggested = suggest(conn, held, now)
    low = {
        h.name: Matter(
            "below_safety",
            h.item_id,
            h.available,
            f"{h.available:f} of {h.item} available at {h.location}, safety stock is {h.safety:f}",
            location_id=h.location_id,
        )
        for h in held
        if h.available < h.safety
    }
    known = _open(conn, "below_safety")
    watched = Watched(frozenset((f"{key[0]}/{key[2]}", quantity) for key, quantity in known.items()))
    news, _ = watched.check([(h.name, h.available, h.safety) for h in held])
    _settle(conn, "below_safety", low.values(), now, again={low[name].key for name in news})
    broken = [
        Matter("rule_broken", h.item_id, Decimal(0), f"{h.item} at {h.location}: {why}", location_id=h.location_id)
        for h, why in suggested.broken
    ]
    _settle(conn, "rule_broken", broken, now)
    _watch_shelf_life(conn, now)
    return suggested


def watch_stillness(conn: Conn, now: datetime) -> Mapping[Stillness, int]:
    """Raise and clear `dead` and `slow`; how many items are each."""
    found: dict[Stillness, list[Matter]] = {Stillness.DEAD: [], Stillness.SLOW: []}
    rows = conn.execute(
        """with stock as (
               select b.item_id, sum(b.on_hand) as on_hand, min(b.first_in_at) as first_in_at from balance b
               where b.owner = '' group by 1),
           limits as (
               select i.item_id, i.code, coalesce(i.dead_after_days, k.dead_after_days, %(dead)s) as dead_after_days,
                      coalesce(i.slow_cover_days, k.slow_cover_days, %(slow)s) as slow_cover_days
               from item i left join category k on k.code = i.category),
           used as (
               select m.item_id, sum(case when t.kind in ('customer', 'production') then m.quantity else 0 end)
                                 as used,
                      sum(case when t.kind in ('internal', 'transit') and f.kind not in ('internal', 'transit')
                               then m.quantity else 0 end) as received
               from move m join limits x using (item_id) join location f on f.location_id = m.from_location_id
               join location t on t.location_id = m.to_location_id
               where m.effective_at > %(now)s - make_interval(days => x.dead_after_days) and m.owner = ''
                 and m.kind <> 'conversion' and m.reverses is null
                 and not exists (select from move r where r.reverses = m.seq)
               group by 1)
           select s.item_id, x.code, s.on_hand, coalesce(u.used, 0), coalesce(u.received, 0),
                  greatest(1, least(x.dead_after_days, extract(day from %(now)s - s.first_in_at)::int)),
                  x.dead_after_days, x.slow_cover_days
           from stock s join limits x using (item_id) left join used u using (item_id) order by x.code""",
        {"now": now, "dead": DEAD_AFTER_DAYS, "slow": SLOW_COVER_DAYS},
    )
    for item_id, code, on_hand, used, received, days, dead_after, slow_cover in rows:
        usage = Usage(on_hand, used, received, days)
        state = stillness(usage, dead_after, slow_cover)
        if state is Stillness.DEAD:
            text = f"{usage.still:f} of {code} lie there for {dead_after} days, and nothing of it was used"
            found[state].append(Matter("dead", item_id, usage.still, text))
        elif state is Stillness.SLOW:
            text = f"{on_hand:f} of {code} last {int(usage.cover_days or 0)} days at the rate of the last {days}"
            found[state].append(Matter("slow", item_id, on_hand, text))
    for state, matters in found.items():
        _settle(conn, str(state), matters, now)
    return {state: len(matters) for state, matters in found.items()}


def _watch_shelf_life(conn: Conn, now: datetime) -> None:
    """One warning a lot before it expires and one when it has, never a second, cleared or not."""
    today = now.astimezone(UTC).date()
    rows = conn.execute(
        """select b.lot_id, b.item_id, i.code, lo.code, lo.expires_on, sum(b.on_hand),
                  coalesce(i.expiry_warn_days, k.expiry_warn_days)
           from lot lo join balance b using (lot_id) join item i on i.item_id = b.item_id
           left join category k on k.code = i.category
           where lo.expires_on is not null and b.owner = '' group by 1, 2, 3, 4, 5, 7 order by 1"""
    ).fetchall()
    lots = {}
    matters: dict[str, dict[str, Matter]] = {"near_expiry": {}, "expired": {}}
    for lot_id, item_id, item, lot, expires_on, quantity, warn_days in rows:
        alert_on = expires_on - timedelta(days=warn_days) if warn_days is not None else None
        lots[str(lot_id)] = shelf_life.LotLife(str(lot_id), expires_on, alert_on)
        text = f"{quantity:f} of {item} lot {lot} expire on {expires_on}"
        matters["near_expiry"][str(lot_id)] = Matter("near_expiry", item_id, quantity, text, lot_id)
        text = f"{quantity:f} of {item} lot {lot} expired on {expires_on}"
        matters["expired"][str(lot_id)] = Matter("expired", item_id, quantity, text, lot_id)
    gone = set(shelf_life.expired(lots.values(), today))
    for kind, by_lot in matters.items():
        had = {
            str(lot_id): cleared
            for lot_id, cleared in conn.execute(
                """select lot_id, bool_and(cleared_at is not null) from stock_alert
                   where kind = %s and lot_id is not null group by 1""",
                (kind,),
            )
        }
        closed = [lot for lot, cleared in had.items() if cleared]
        if kind == "expired":
            due = [lot for lot in gone if lot not in closed]
        else:
            living = [life for lot, life in lots.items() if lot not in gone]
            due = list(shelf_life.due(living, today, closed))
        _settle(conn, kind, [by_lot[lot] for lot in due], now)


def _open(conn: Conn, kind: str) -> dict[_Key, Decimal]:
    return {
        (item_id, lot_id, location_id): quantity
        for item_id, lot_id, location_id, quantity in conn.execute(
            """select item_id, lot_id, location_id, quantity from stock_alert
               where kind = %s and cleared_at is null for update""",
            (kind,),
        )
    }


def _settle(
    conn: Conn, kind: str, matters: Iterable[Matter], now: datetime, again: Iterable[_Key] | None = None
) -> None:
    """Make the open alerts of a kind be these. `again`: those of them to tell about although they are open already."""
    standing = _open(conn, kind)
    wanted = {matter.key: matter for matter in matters}
    repeated = set(again or ())
    over = [key for key in standing if key not in wanted]
    for item_id, lot_id, location_id in over:
        conn.execute(
            """update stock_alert set cleared_at = %s where kind = %s and cleared_at is null and item_id = %s
               and lot_id is not distinct from %s and location_id is not distinct from %s""",
            (now, kind, item_id, lot_id, location_id),
        )
    news = [matter for key, matter in wanted.items() if key not in standing or key in repeated]
    for matter in news:
        _raise(conn, matter, now)


def _raise(conn: Conn, matter: Matter, now: datetime) -> None:
    alert_id = uuid5(NAMESPACE_URL, f"tagledger:alert:{matter.kind}:{matter.key}:{now.isoformat()}")
    row = conn.execute(
        """insert into stock_alert as a (alert_id, kind, item_id, lot_id, location_id, quantity, detail, departments,
                                         raised_at)
           select %s, %s, %s, %s, %s, %s, %s, coalesce((select departments from alert_route where kind = %s), '{}'), %s
           on conflict (kind, item_id, lot_id, location_id) where cleared_at is null do update set
               quantity = excluded.quantity, detail = excluded.detail, departments = excluded.departments
           returning alert_id, departments""",
        (alert_id, matter.kind, *matter.key, matter.quantity, matter.detail, matter.kind, now),
    ).fetchone()
    assert row is not None
    told = {
        "kind": matter.kind,
        "departments": row[1],
        "detail": matter.detail,
        "quantity": f"{matter.quantity:f}",
    }
    outbox.add(conn, "alert", str(row[0]), told)
