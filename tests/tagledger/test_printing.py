"""Printing to a real TCP listener: whole jobs arrive, a printer that is away is told apart from one that is there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from psycopg_pool import ConnectionPool

from edge.label_printer import PrinterError, send
from tagledger.printing import keep_printing, print_one
from tests.warehouse.postgres.store import Store, open_store
from warehouse import commands as c


class Printer:
    """Takes what comes and closes when the other side has."""

    def __init__(self) -> None:
        self.jobs: asyncio.Queue[bytes] = asyncio.Queue()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.jobs.put_nowait(await reader.read())
        writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Printer, int]]:
    printer = Printer()
    server = await asyncio.start_server(printer, "127.0.0.1", 0)
    async with server:
        yield printer, server.sockets[0].getsockname()[1]


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = open_store(database)
    made.items(2)
    made.do(c.SetLabelTemplate("T", "^XA^FH_^FD{item}^FS^XZ"))
    made.do(c.CreateNumberPool("N", c.PoolScheme.SGTIN, 6, Decimal(1), Decimal(999), "I2"))
    yield made
    made.conn.close()


@pytest.fixture
def pool(database: str) -> Iterator[ConnectionPool]:
    with ConnectionPool(database, min_size=1, max_size=4, kwargs={"autocommit": True}) as made:
        yield made


def queue(store: Store, printer: str, count: int) -> list[str]:
    epcs: list[str] = store.do(c.PrintLabels(printer, "T", (c.LabelSpec("N", count, "I2"),)))["epcs"]
    return epcs


async def test_a_job_arrives_whole_and_is_sent_once(store: Store, pool: ConnectionPool) -> None:
    async with listening() as (printer, port):
        store.do(c.SetPrinter("P", "127.0.0.1", port))
        epcs = queue(store, "P", 500)
        assert await print_one(pool)
        data = await asyncio.wait_for(printer.jobs.get(), 10)
        assert [line.split(b"^FD")[1][:24].decode() for line in data.splitlines()] == epcs
        assert not await print_one(pool)
    assert store.one("select state from print_job") == "sent"


async def test_a_printer_that_is_away_holds_up_nobody_else(store: Store, pool: ConnectionPool) -> None:
    async with listening() as (printer, port):
        store.do(c.SetPrinter("AWAY", "127.0.0.1", 1))
        store.do(c.SetPrinter("P", "127.0.0.1", port))
        queue(store, "AWAY", 1)
        epcs = queue(store, "P", 1)
        printing = asyncio.create_task(keep_printing(pool))
        try:
            assert epcs[0].encode() in await asyncio.wait_for(printer.jobs.get(), 10)
            for _ in range(1_000):  # until the sender has written down what it met
                if "cannot be reached" in store.one("select error from print_job where printer = 'AWAY'"):
                    break
                await asyncio.sleep(0.02)
        finally:
            printing.cancel()
            await asyncio.gather(printing, return_exceptions=True)
    said = store.one("select state || ': ' || error from print_job where printer = 'AWAY'")
    assert said.startswith("queued: 127.0.0.1:1 cannot be reached")


async def test_a_printer_that_resets_the_connection_has_not_taken_the_job() -> None:
    def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server:
        with pytest.raises(PrinterError, match=r"127\.0\.0\.1"):
            await send("127.0.0.1", server.sockets[0].getsockname()[1], b"x" * 5_000_000)
