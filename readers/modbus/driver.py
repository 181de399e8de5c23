"""One scale, polled over Modbus TCP, RTU or RTU over TCP. The only file of this package that knows pymodbus.

The connection is ours to keep: pymodbus's own reconnecting is off, so that one place decides how long to wait and the
caller hears of every loss. A failed poll closes the connection: after a time-out an answer may still come, and the next
request must not read it as its own.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from readers.modbus.profile import BLOCK_MAX, Action, ActionKind, ScaleProfile
from readers.modbus.reading import BlockError, Reading, read

RETRY_FIRST_S = 0.2
RETRY_MAX_S = 10.0
EDGE_HOLD_S = 0.1
REGISTERS_MAX = 10_000


class Link(StrEnum):
    """How the frames travel."""

    TCP = "tcp"
    RTU = "rtu"
    RTU_OVER_TCP = "rtu_over_tcp"


@dataclass(frozen=True, slots=True)
class ScaleAddress:
    """Where a scale is: `host` and `port`, or `host` as a serial device such as /dev/ttyUSB0 at `baudrate`."""

    link: Link
    host: str
    port: int = 502
    unit: int = 1
    baudrate: int = 9600
    timeout_s: float = 1.0


class ScaleSink(Protocol):
    """What the edge gives a scale to deliver into. Calls never block and never raise."""

    def on_reading(self, scale: str, reading: Reading) -> None:
        """One poll's result."""

    def on_link(self, scale: str, up: bool, detail: str) -> None:
        """The connection came up, or was lost and why."""


class ScaleUnavailable(ConnectionError):
    """The scale cannot be reached now, or answered with a Modbus exception; the text says which."""


class ScaleDriver:
    """One scale, polled until cancelled. `now_us` is the edge's clock."""

    def __init__(
        self, name: str, address: ScaleAddress, profile: ScaleProfile, poll_ms: int, now_us: Callable[[], int]
    ) -> None:
        self.name = name
        self._address = address
        self._profile = profile
        self._poll_s = poll_ms / 1000
        self._now_us = now_us
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        # One request at a time: commands and polls share a connection, and RTU has no transaction ids.
        self._turn = asyncio.Lock()

    async def run(self, sink: ScaleSink) -> None:
        """Connect, poll, deliver; reconnect for ever, waiting `RETRY_FIRST_S` to `RETRY_MAX_S` between attempts."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                client = await self._connect()
            except ScaleUnavailable as error:
                sink.on_link(self.name, False, str(error))
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_MAX_S)
                continue
            wait_s = RETRY_FIRST_S
            sink.on_link(self.name, True, f"{self._address.link} {self._address.host}")
            try:
                while True:
                    sink.on_reading(self.name, await self.poll())
                    await asyncio.sleep(self._poll_s)
            except ScaleUnavailable as error:
                sink.on_link(self.name, False, str(error))
            finally:
                self._client = None
                client.close()

    async def poll(self) -> Reading:
        """One request, weight and status together. Raises `ScaleUnavailable`."""
        return read(self._profile, await self._block(), self._now_us())

    async def command(self, action: Action) -> None:
        """Zero, tare or clear. Raises `ScaleUnavailable`."""
        if action.kind is ActionKind.COIL:
            await self._ask(lambda c, unit: c.write_coil(action.address, bool(action.value), device_id=unit))
        elif action.kind is ActionKind.WRITE:
            await self._ask(lambda c, unit: c.write_register(action.address, action.value, device_id=unit))
        else:
            for level in (1 << action.bit, 0):
                await self._ask(lambda c, unit, level=level: c.write_register(action.address, level, device_id=unit))
                await asyncio.sleep(EDGE_HOLD_S if level else 0)

    async def _connect(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        where = self._address
        client: AsyncModbusTcpClient | AsyncModbusSerialClient
        if where.link is Link.RTU:
            client = AsyncModbusSerialClient(
                where.host, baudrate=where.baudrate, timeout=where.timeout_s, retries=0, reconnect_delay=0
            )
        else:
            framer = FramerType.SOCKET if where.link is Link.TCP else FramerType.RTU
            client = AsyncModbusTcpClient(
                where.host, port=where.port, framer=framer, timeout=where.timeout_s, retries=0, reconnect_delay=0
            )
        if not await client.connect():
            client.close()
            _heed_cancellation()
            raise ScaleUnavailable(f"no connection to {where.host}:{where.port}")
        self._client = client
        return client

    async def _block(self) -> list[int]:
        profile = self._profile

        def request(client: AsyncModbusTcpClient | AsyncModbusSerialClient, unit: int):  # type: ignore[no-untyped-def]
            ask = client.read_holding_registers if profile.function == 3 else client.read_input_registers
            return ask(profile.first, count=profile.count, device_id=unit)

        answer = await self._ask(request)
        if len(answer.registers) != profile.count:
            raise ScaleUnavailable(f"{len(answer.registers)} registers where {profile.count} were asked for")
        return list(answer.registers)

    async def _ask(self, request) -> ModbusPDU:  # type: ignore[no-untyped-def]
        client = self._client
        if client is None or not client.connected:
            raise ScaleUnavailable("not connected")
        async with self._turn:
            try:
                answer: ModbusPDU = await request(client, self._address.unit)
            except (ModbusException, BlockError, OSError) as error:
                _heed_cancellation()
                raise ScaleUnavailable(str(error)) from error
        if answer.isError():
            raise ScaleUnavailable(f"the unit answered {answer}")
        return answer


def _heed_cancellation() -> None:
    """End here if asked to: pymodbus turns a cancellation during a request into its own exception."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def read_registers(address: ScaleAddress, function: int, first: int, count: int) -> dict[int, int]:
    """Register values by PDU address; those that the unit does not have are not there.

    A refused block is asked for again in halves, down to single registers, so that one missing address does not hide
    the others; at most twice as many requests as registers.

    `function` 3 reads holding, 4 input registers. Raises `ScaleUnavailable` when there is no connection or no answer,
    ValueError for a range that is none.
    """
    if not (0 <= first <= 0xFFFF and 1 <= count <= REGISTERS_MAX and first + count <= 0x10000):
        raise ValueError(f"{count} registers from {first} are not within 0 to 65535, {REGISTERS_MAX} at once")
    if function not in (3, 4):
        raise ValueError(f"function {function} does not read registers")
    framer = FramerType.RTU if address.link is Link.RTU_OVER_TCP else FramerType.SOCKET
    client = AsyncModbusTcpClient(
        address.host, port=address.port, framer=framer, timeout=address.timeout_s, retries=0, reconnect_delay=0
    )
    try:
        if not await client.connect():
            raise ScaleUnavailable(f"no connection to {address.host}:{address.port}")
        found: dict[int, int] = {}
        waiting = [(start, min(BLOCK_MAX, first + count - start)) for start in range(first, first + count, BLOCK_MAX)]
        while waiting:
            start, length = waiting.pop(0)
            ask = client.read_holding_registers if function == 3 else client.read_input_registers
            try:
                answer = await ask(start, count=length, device_id=address.unit)
            except ModbusException as error:
                raise ScaleUnavailable(str(error)) from error
            if not answer.isError() and len(answer.registers) == length:
                found.update(zip(range(start, start + length), answer.registers, strict=True))
            elif length > 1:
                half = length // 2
                waiting[:0] = [(start, half), (start + half, length - half)]
        return found
    finally:
        client.close()
