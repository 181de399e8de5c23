"""A TCP proxy that can cut what goes through it, and slow it down. In a thread of its own."""

import asyncio
import threading
from contextlib import suppress

CHUNK = 65536


class Proxy:
    """Listens on a port of its own for `target`; `cut`, `slow` and `heal` from any thread."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._delay_s = 0.0
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def cut(self) -> None:
        """Break every connection and accept no more that lasts."""
        self._is_cut = True
        self._loop.call_soon_threadsafe(self._break)

    def slow(self, delay_s: float) -> None:
        """Let everything arrive that much later."""
        self._delay_s = delay_s

    def heal(self) -> None:
        """As if nothing had been."""
        self._is_cut, self._delay_s = False, 0.0

    def close(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def listen() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()

        self._loop.run_until_complete(listen())
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    def _break(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there_reader, there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there}
        try:
            with suppress(asyncio.CancelledError):  # the run is over
                await asyncio.gather(self._pass(reader, there), self._pass(there_reader, writer))
        finally:
            self._writers -= {writer, there}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                writer.write(data)
                await writer.drain()
        writer.close()
