"""What a service does beside serving: it tidies up, does the work that others queued, tells partners and people.

None of it may end the service, whose doors go on working: a part that fails is logged with its cause and begun again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from tagledger.alerting import keep_alerting
from tagledger.command_desk import WritePool
from tagledger.housekeeping import keep_tidy
from tagledger.jobs import keep_working
from tagledger.printing import keep_printing
from tagledger.pushed_letters import Give, keep_giving_again
from tagledger.webhook_sender import keep_sending
from warehouse.site import Site

AGAIN_AFTER_S = 30.0

_log = structlog.get_logger(__name__)


async def run_background(site: Site, pool: WritePool, give: Give) -> None:
    """Until cancelled. `give` gives again what readers pushed."""
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_going("tidying", lambda: keep_tidy(pool)))
        group.create_task(keep_going("jobs", lambda: keep_working(pool)))
        group.create_task(keep_going("alerts", lambda: keep_alerting(pool, site)))
        group.create_task(keep_going("labels", lambda: keep_printing(pool)))
        group.create_task(keep_going("pushed letters", lambda: keep_giving_again(pool, give)))
        group.create_task(keep_going("webhooks", lambda: keep_sending(pool, site.name, site.webhooks, site.timezone)))


async def keep_going(name: str, part: Callable[[], Awaitable[None]], again_after_s: float = AGAIN_AFTER_S) -> None:
    """Run a part until cancelled, again after each failure."""
    while True:
        try:
            await part()
        except Exception:
            _log.exception("a background part failed and begins again", part=name)
        await asyncio.sleep(again_after_s)
