"""Looks for what is the matter with doors, devices and counts, and mails every alert to its channels.

A mail and its notices are settled in one transaction around the sending; a process that dies between the two sends the
same mail again, under the same Message-ID. One process at a time does it.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage

import psycopg
import structlog

from tagledger.command_desk import WritePool
from warehouse.postgres.exchange.alerts import Mail, due_mails, queue_notices, settle_mail, watch_site
from warehouse.site import Portal, Site
from warehouse.site_settings import MailSettings

LOOK_EVERY_S = 15.0
SMTP_TIMEOUT_S = 20.0
LOCK = 0x616C7274

_log = structlog.get_logger(__name__)


async def keep_alerting(pool: WritePool, site: Site) -> None:
    """Until cancelled. A database or mail server that is away now is asked again."""
    while True:
        try:
            await asyncio.to_thread(alert_once, pool, site.name, site.mail, datetime.now(UTC), site.portals)
        except psycopg.Error as error:
            _log.warning("no alerts", error=str(error))
        await asyncio.sleep(LOOK_EVERY_S)


def alert_once(
    pool: WritePool, site: str, settings: MailSettings, now: datetime, portals: Sequence[Portal] = ()
) -> int:
    """Raise, clear, and mail what is due; how many mails were sent."""
    with pool.connection() as connection:
        with connection.transaction():
            row = connection.execute("select pg_try_advisory_xact_lock(%s)", (LOCK,)).fetchone()
            if row is None or not row[0]:
                return 0
            watch_site(connection, now, portals)
            queue_notices(connection, now)
        if not settings.host:
            return 0
        sent = 0
        with connection.transaction():
            for mail in due_mails(connection, now):
                error = _send(settings, site, mail)
                settle_mail(connection, mail, now, error)
                sent += error is None
                if error is not None:
                    _log.warning("alert not mailed", channel=mail.channel, error=error)
        return sent


def _send(settings: MailSettings, site: str, mail: Mail) -> str | None:
    """None when the server took it, else what went wrong."""
    message = EmailMessage()
    more = f" and {len(mail.lines) - 1} more" if len(mail.lines) > 1 else ""
    message["Subject"] = " ".join(f"[{site}] {mail.lines[0][18:]}"[:180].split()) + more
    message["From"] = settings.sender
    message["To"] = ", ".join(mail.to)
    message["Message-ID"] = f"<{mail.name}@tagledger>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(mail.lines) + "\n")
    context = ssl.create_default_context(cafile=settings.tls_ca or None)
    try:
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=SMTP_TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=SMTP_TIMEOUT_S)
        with server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.username:
                server.login(settings.username, settings.password)
            refused = server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        return f"{type(error).__name__}: {error}"
    return f"not taken for {', '.join(sorted(refused))}" if refused else None
