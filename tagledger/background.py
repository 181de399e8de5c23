"""What a service does beside serving: it tidies up and does the work that others queued.

Each part goes on by itself when the database is away for a while; one that ends is a bug and ends the others.
"""

import asyncio

from tagledger.alerting import keep_alerting
from tagledger.command_desk import WritePool
from tagledger.housekeeping import keep_tidy
from tagledger.jobs import keep_working
from tagledger.printing import keep_printing
from tagledger.webhook_sender import keep_sending
from warehouse.site import Site


async def run_background(site: Site, pool: WritePool) -> None:
    """Until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_tidy(pool), name="tidying")
        group.create_task(keep_working(pool), name="jobs")
        group.create_task(keep_alerting(pool, site.name, site.mail), name="alerts")
        group.create_task(keep_printing(pool), name="labels")
        group.create_task(keep_sending(pool, site.name, site.webhooks), name="webhooks")
