"""How a process ends: SIGTERM and SIGINT cancel its one main task, which takes everything down in order."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_until_signalled(main: Coroutine[Any, Any, T]) -> T | None:
    """Run until it ends by itself, with what it gives, or a signal ends it; a second signal is not waited for.

    Also where the shell that started it in the background had it ignore SIGINT.
    """

    async def supervised() -> T | None:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _cancel_once, loop, number, task)
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            return None

    return asyncio.run(supervised())


def _cancel_once(loop: asyncio.AbstractEventLoop, number: int, task: "asyncio.Future[Any]") -> None:
    loop.remove_signal_handler(number)  # the default again: the next one ends the process
    task.cancel()
