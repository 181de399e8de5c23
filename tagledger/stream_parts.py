"""The embedded stream put together, and the watch over tasks that may not end by themselves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from stream.embedded import EmbeddedHost
from stream.store import Store
from warehouse.site import Site

DRAIN_TIMEOUT_S = 30.0


@contextlib.asynccontextmanager
async def running_host(site: Site, dsn: str, *, rebuild: bool = False) -> AsyncIterator[EmbeddedHost]:
    """The embedded stream while the block runs, recovered and ready; the block ends when it does."""
    host = EmbeddedHost(site, Store(dsn, site), rebuild=rebuild)
    streaming = asyncio.create_task(host.run(), name="stream")
    ready = asyncio.ensure_future(host.ready.wait())
    await asyncio.wait({ready, streaming}, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        ready.cancel()
        await streaming
    try:
        with watched(streaming):
            yield host
    finally:
        host.stop()
        await asyncio.wait([streaming], timeout=DRAIN_TIMEOUT_S)
        streaming.cancel()
        await asyncio.gather(streaming, return_exceptions=True)


@contextlib.contextmanager
def watched(*tasks: "asyncio.Task[None]") -> Iterator[None]:
    """End the block when one of the tasks ends, with that task's reason: none of them may end by itself."""
    block = asyncio.current_task()
    assert block is not None
    ended: list[asyncio.Task[None]] = []

    def on_end(task: "asyncio.Task[None]") -> None:
        ended.append(task)
        block.cancel()

    for task in tasks:
        task.add_done_callback(on_end)
    try:
        yield
    except asyncio.CancelledError:
        if not ended:
            raise
        block.uncancel()
        failure = None if ended[0].cancelled() else ended[0].exception()
        raise RuntimeError(f"the {ended[0].get_name()} ended: {failure}") from failure
    finally:
        for task in tasks:
            task.remove_done_callback(on_end)
