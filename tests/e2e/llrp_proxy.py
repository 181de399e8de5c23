"""A TCP proxy that spoils a live LLRP session on purpose: it splits, merges, delays, corrupts and cuts. Seeded."""

import asyncio
import contextlib
import random
from dataclasses import dataclass


@dataclass(slots=True)
class Mischief:
    """What the proxy does to each chunk it forwards; may be changed while it runs.

    `piece_bytes_max` cuts chunks into pieces of 1 to that many bytes; `merge_s` collects chunks for so long;
    `corrupt_every` flips one bit in about one of so many bytes; `cut_after` closes both sides after so many bytes.
    """

    piece_bytes_max: int = 0
    merge_s: float = 0.0
    delay_s_max: float = 0.0
    corrupt_every: int = 0
    cut_after: int = 0


class Proxy:
    """Forwards connections to `port` on this machine and spoils them in both directions."""

    def __init__(self, port: int, seed: int, mischief: Mischief) -> None:
        self._target = port
        self._random = random.Random(seed)
        self.mischief = mischief
        self.port = 0
        self.connections = 0
        self.corrupted = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._join(stream, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _join(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            up_stream, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        try:
            with contextlib.suppress(OSError):
                await asyncio.wait(
                    (
                        asyncio.create_task(self._forward(stream, up_writer)),
                        asyncio.create_task(self._forward(up_stream, writer)),
                    ),
                    return_when=asyncio.FIRST_COMPLETED,
                )
        finally:
            writer.close()
            up_writer.close()

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        forwarded = 0
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if self.mischief.merge_s:
                    await asyncio.sleep(self.mischief.merge_s)
                if self.mischief.delay_s_max:
                    await asyncio.sleep(self._random.uniform(0, self.mischief.delay_s_max))
                data = self._corrupt(data)
                for piece in self._pieces(data):
                    sink.write(piece)
                    await sink.drain()
                    if self.mischief.piece_bytes_max:
                        await asyncio.sleep(0)
                    forwarded += len(piece)
                if self.mischief.cut_after and forwarded >= self.mischief.cut_after:
                    return

    def _corrupt(self, data: bytes) -> bytes:
        every = self.mischief.corrupt_every
        if not every:
            return data
        spoiled = bytearray(data)
        for place in range(len(spoiled)):
            if self._random.random() < 1 / every:
                spoiled[place] ^= 1 << self._random.randrange(8)
                self.corrupted += 1
        return bytes(spoiled)

    def _pieces(self, data: bytes) -> list[bytes]:
        largest = self.mischief.piece_bytes_max
        if not largest:
            return [data]
        pieces, start = [], 0
        while start < len(data):
            size = self._random.randint(1, largest)
            pieces.append(data[start : start + size])
            start += size
        return pieces
