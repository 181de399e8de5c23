"""The plant's vehicles as the demo follows them: what they have put away, and whether something is left to do."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg

from tagledger.plant_process import RunningPlant

NEWS_EVERY_S = 0.5
# Vehicles need about half a minute a pallet; longer than this they are stuck, and the score says so.
PUT_AWAY_S = 180.0

_NEWS = """select e.recorded_at, e.beat, e.at at time zone 'utc', e.event, e.owner, h.code, l.code, e.reason
    from task_event e join task t using (task_id) join handling_unit h using (hu_id)
    left join location l on l.location_id = t.target_id
    where (e.recorded_at, e.beat) > (%s, %s) and e.event in ('done', 'failed', 'lost', 'cancelled')
    order by e.recorded_at, e.beat"""
_LEFT = "select from task where state in ('open', 'assigned', 'in_progress') limit 1"

Tell = Callable[[datetime, str, str], None]
"""Takes when it happened, who did it, and what in words."""


async def tell_tasks(dsn: str, tell: Tell) -> None:
    """Say what vehicles have put away, and what went wrong, until cancelled."""
    told: tuple[Any, ...] = ("-infinity", 0)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        while True:
            rows = await connection.execute(_NEWS, told)
            for recorded_at, beat, at, event, owner, unit, target, reason in await rows.fetchall():
                told = (recorded_at, beat)
                tell(
                    at,
                    owner or "nobody",
                    f"put {unit} into {target}" if event == "done" else f"{event} {unit}: {reason}",
                )
            await asyncio.sleep(NEWS_EVERY_S)


async def all_put_away(dsn: str, running: RunningPlant) -> None:
    """Let the vehicles finish what the day has left them, at most for `PUT_AWAY_S` of plant time."""
    end_us = running.clock.now_us() + round(PUT_AWAY_S * 1e6)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        while running.clock.now_us() < end_us:
            left = await connection.execute(_LEFT)
            if await left.fetchone() is None:
                return
            await running.clock.sleep_until(running.clock.now_us() + 500_000)
