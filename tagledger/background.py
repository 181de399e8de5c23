"""What a service does beside serving: it tidies up and does the work that others queued.

Each part goes on by itself when the database is away for a while; one that ends is a bug and ends the others.
"""

import asyncio

from tagledger.command_desk import WritePool
from tagledger.housekeeping import keep_tidy
from tagledger.jobs import keep_working


async def run_background(pool: WritePool) -> None:
    """Until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_tidy(pool), name="tidying")
        group.create_task(keep_working(pool), name="jobs")
