"""Systems whose callbacks are taken (an office system that approves), and the keys they sign with."""

import secrets
from datetime import timedelta

from warehouse.postgres.books.balances import Conn
from warehouse.postgres.exchange.webhooks import audit
from warehouse.webhooks import SECRET_BYTES, show_secret


def register(conn: Conn, name: str, overlap: timedelta, actor: str) -> str:
    """A key for a system, shown once. A system that has one keeps the newest beside it for `overlap`."""
    conn.execute(
        "insert into callback_partner (name, created_by) values (%s, %s) on conflict do nothing", (name, actor)
    )
    conn.execute("select 1 from callback_partner where name = %s for update", (name,))
    conn.execute(
        """update callback_secret s set expires_at = least(s.expires_at, case when s.secret_id = (
               select secret_id from callback_secret where name = %(name)s order by created_at desc limit 1)
               then now() + %(overlap)s else now() end) where name = %(name)s""",
        {"name": name, "overlap": overlap},
    )
    conn.execute("delete from callback_secret where name = %s and expires_at <= now()", (name,))
    key = secrets.token_bytes(SECRET_BYTES)
    conn.execute(
        "insert into callback_secret (secret_id, name, secret) values (gen_random_uuid(), %s, %s)", (name, key)
    )
    audit(conn, actor, "callback.key_made", {"name": name})
    return show_secret(key)


LIVE_KEYS = """select secret from callback_secret where name = %s and (expires_at is null or expires_at > now())
    order by created_at desc"""
