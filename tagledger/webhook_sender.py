"""Sends webhooks: signed, pinned to an address that was checked, bounded in time and answer.

A name is resolved here and the connection goes to an address that `may_connect` lets through, under the name's
certificate: what the name resolves to a moment later does not matter. Redirects are not followed.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
import psycopg
import structlog

from tagledger.command_desk import WritePool
from warehouse.postgres.exchange import webhooks
from warehouse.postgres.exchange.webhooks import Outgoing
from warehouse.site_settings import WebhookSettings
from warehouse.webhooks import may_connect, sign

AT_ONCE = 8
LOOK_EVERY_S = 1.0
ANSWER_BYTES_MAX = 4_096

_log = structlog.get_logger(__name__)


class NotAllowed(Exception):
    """The address is none that messages may be sent to."""


async def keep_sending(pool: WritePool, site: str, settings: WebhookSettings, timezone: str) -> None:
    """Until cancelled. A database that is away now is asked again."""
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(
        timeout=settings.timeout_s, limits=limits, follow_redirects=False, trust_env=False
    ) as client:
        while True:
            try:
                busy = await send_due(pool, site, settings, client, timezone)
            except psycopg.Error as error:
                _log.warning("no webhooks sent", error=str(error))
                busy = False
            if not busy:
                await asyncio.sleep(LOOK_EVERY_S)


async def send_due(
    pool: WritePool, site: str, settings: WebhookSettings, client: httpx.AsyncClient, timezone: str = "UTC"
) -> bool:
    """Make messages of what happened, and send what is due, once; whether there was any."""

    def take() -> tuple[int, list[Outgoing]]:
        with pool.connection() as connection:
            read = webhooks.fan_out(connection, site, timezone)
            return read, webhooks.lease(connection, datetime.now(UTC), AT_ONCE)

    read, leased = await asyncio.to_thread(take)
    if leased:
        async with asyncio.TaskGroup() as group:
            for message in leased:
                group.create_task(_send(pool, settings, client, message))
    return bool(read or leased)


async def _send(pool: WritePool, settings: WebhookSettings, client: httpx.AsyncClient, message: Outgoing) -> None:
    status, error = await post(client, settings, message)

    def settle() -> str:
        with pool.connection() as connection, connection.transaction():
            return webhooks.settle(connection, message, datetime.now(UTC), status, error)

    state = await asyncio.to_thread(settle)
    if state != "delivered":
        _log.warning(
            "webhook not taken", url=message.url, message=message.message_id, status=status, error=error, state=state
        )


async def post(client: httpx.AsyncClient, settings: WebhookSettings, message: Outgoing) -> tuple[int | None, str]:
    """Send once: the HTTP status, or None with what went wrong."""
    at_s = int(time.time())
    body = message.body.encode()
    try:
        # As a whole: a peer that sends a byte now and then would keep each single wait short.
        async with asyncio.timeout(settings.timeout_s):
            request = await _request(client, message.url, settings.allow_networks, body)
            request.headers.update(
                {
                    "webhook-id": message.message_id,
                    "webhook-timestamp": str(at_s),
                    "webhook-signature": sign(message.keys, message.message_id, at_s, body),
                }
            )
            answer = await client.send(request, stream=True)
            try:
                said = b""
                async for chunk in answer.aiter_raw():
                    said += chunk
                    if len(said) >= ANSWER_BYTES_MAX:
                        break
            finally:
                await answer.aclose()
    except TimeoutError:
        return None, f"no answer within {settings.timeout_s:g} s"
    except (NotAllowed, OSError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"
    return answer.status_code, "" if answer.is_success else said[:200].decode("utf-8", "replace")


async def _request(client: httpx.AsyncClient, url: str, allowed: Sequence[str], body: bytes) -> httpx.Request:
    target = httpx.URL(url)
    port = target.port or (443 if target.scheme == "https" else 80)
    found = await asyncio.get_running_loop().getaddrinfo(target.host, port, proto=6)  # TCP
    addresses = [str(entry[4][0]) for entry in found]
    good = [address for address in addresses if may_connect(address, allowed)]
    if not good:
        raise NotAllowed(f"{target.host} is at {', '.join(addresses)}, which no message may be sent to")
    if target.scheme != "https" and not may_connect_plainly(good[0], allowed):
        raise NotAllowed(f"{target.host} is a public address: https only")
    headers = {"Host": target.netloc.decode(), "Content-Type": "application/json", "User-Agent": "tagledger"}
    request = client.build_request("POST", target.copy_with(host=good[0]), content=body, headers=headers)
    request.extensions["sni_hostname"] = target.host
    return request


def may_connect_plainly(address: str, allowed: Sequence[str]) -> bool:
    """Without TLS only into networks that the site names."""
    return any(may_connect(address, [network]) and not may_connect(address, []) for network in allowed)
