"""How a process ends: SIGTERM and SIGINT cancel its one main task, which takes everything down in order."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


def run_until_signalled(main: Coroutine[Any, Any, None]) -> None:
    """Run until it ends by itself or a signal ends it; a second signal is not waited for."""

    async def supervised() -> None:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _cancel_once, loop, number, task)
        try:
            await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise

    asyncio.run(supervised())


def _cancel_once(loop: asyncio.AbstractEventLoop, number: int, task: "asyncio.Future[None]") -> None:
    loop.remove_signal_handler(number)  # the default again: the next one ends the process
    task.cancel()
