"""One scale, polled over Modbus TCP, RTU or RTU over TCP.

A failed poll ends the connection; a new one begins. Commands share the connection with the polls.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from readers.modbus.connection import ModbusAddress, ModbusConnection, ModbusRefused, ModbusUnavailable
from readers.modbus.profile import BLOCK_MAX, Action, ActionKind, ScaleProfile
from readers.modbus.reading import Reading, read

RETRY_FIRST_S = 0.2
RETRY_MAX_S = 10.0
EDGE_HOLD_S = 0.1
REGISTERS_MAX = 10_000


class ScaleSink(Protocol):
    """What the edge gives a scale to deliver into. Calls never block and never raise."""

    def on_reading(self, scale: str, reading: Reading) -> None:
        """One poll's result."""

    def on_link(self, scale: str, up: bool, detail: str) -> None:
        """The connection came up, or was lost and why."""


class ScaleDriver:
    """One scale, polled until cancelled. `now_us` and `sleep` are the edge's clock."""

    def __init__(
        self,
        name: str,
        address: ModbusAddress,
        profile: ScaleProfile,
        poll_ms: int,
        now_us: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._address = address
        self._profile = profile
        self._poll_s = poll_ms / 1000
        self._now_us = now_us
        self._sleep = sleep
        self._connection: ModbusConnection | None = None

    async def run(self, sink: ScaleSink) -> None:
        """Connect, poll, deliver; reconnect for ever, waiting `RETRY_FIRST_S` to `RETRY_MAX_S` between attempts."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                connection = await ModbusConnection.open(self._address)
            except ModbusUnavailable as error:
                sink.on_link(self.name, False, str(error))
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_MAX_S)
                continue
            self._connection = connection
            sink.on_link(self.name, True, str(self._address))
            try:
                while True:
                    sink.on_reading(self.name, await self.poll())
                    wait_s = RETRY_FIRST_S
                    await self._sleep(self._poll_s)
            except ModbusUnavailable as error:
                sink.on_link(self.name, False, str(error))
            finally:
                self._connection = None
                connection.close()
            # Also after a connection that stood: a unit that accepts and then refuses is not asked without a pause.
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_MAX_S)

    async def poll(self) -> Reading:
        """One request, weight and status together. Raises `ModbusUnavailable`."""
        profile = self._profile
        registers = await self._connected().read_registers(profile.function, profile.first, profile.count)
        return read(profile, registers, self._now_us())

    async def command(self, action: Action) -> None:
        """Zero, tare or clear. Raises `ModbusUnavailable`."""
        connection = self._connected()
        if action.kind is ActionKind.COIL:
            await connection.write_coil(action.address, bool(action.value))
        elif action.kind is ActionKind.WRITE:
            await connection.write_register(action.address, action.value)
        else:
            await connection.write_register(action.address, 1 << action.bit)
            await asyncio.sleep(EDGE_HOLD_S)
            await connection.write_register(action.address, 0)

    def _connected(self) -> ModbusConnection:
        if self._connection is None:
            raise ModbusUnavailable("not connected")
        return self._connection


async def read_registers(address: ModbusAddress, function: int, first: int, count: int) -> dict[int, int]:
    """Register values by PDU address; those that the unit does not have are not there.

    A refused block is asked for again in halves, down to single registers, so that one missing address does not hide
    the others; at most twice as many requests as registers. A block that is not answered is asked for once more, over a
    new connection: of thousands of requests a slow indicator leaves one out.

    `function` 3 reads holding, 4 input registers. Raises `ModbusUnavailable` when there is no connection or no answer,
    ValueError for a range that is none.
    """
    if not (0 <= first <= 0xFFFF and 1 <= count <= REGISTERS_MAX and first + count <= 0x10000):
        raise ValueError(f"{count} registers from {first} are not within 0 to 65535, {REGISTERS_MAX} at once")
    connection = await ModbusConnection.open(address)
    try:
        found: dict[int, int] = {}
        unanswered: tuple[int, int] | None = None
        waiting = [(start, min(BLOCK_MAX, first + count - start)) for start in range(first, first + count, BLOCK_MAX)]
        while waiting:
            start, length = waiting.pop(0)
            try:
                values = await connection.read_registers(function, start, length)
            except ModbusRefused:
                if length > 1:
                    half = length // 2
                    waiting[:0] = [(start, half), (start + half, length - half)]
                continue
            except ModbusUnavailable:
                if unanswered == (start, length):
                    raise
                unanswered = start, length
                waiting[:0] = [unanswered]
                connection.close()
                connection = await ModbusConnection.open(address)
                continue
            found.update(zip(range(start, start + length), values, strict=True))
        return found
    finally:
        connection.close()
