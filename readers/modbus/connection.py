"""One Modbus connection over TCP, RTU or RTU over TCP. The only file that knows pymodbus.

The connection is ours to keep: pymodbus's own reconnecting is off, so that one place decides how long to wait and the
caller hears of every loss. After a failed request a connection is of no more use: an answer may still come, and the
next request must not read it as its own. `close` throws away what was not sent yet (a reset, no orderly end), so that a
request which waited behind a dead link is not carried out when the link is back.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

_Client = AsyncModbusTcpClient | AsyncModbusSerialClient
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s


class Link(StrEnum):
    """How the frames travel."""

    TCP = "tcp"
    RTU = "rtu"
    RTU_OVER_TCP = "rtu_over_tcp"


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """Where a unit is: `host` and `port`, or `host` as a serial device such as /dev/ttyUSB0 at `baudrate`."""

    link: Link
    host: str
    port: int = 502
    unit: int = 1
    baudrate: int = 9600
    timeout_s: float = 1.0

    def __str__(self) -> str:
        where = self.host if self.link is Link.RTU else f"{self.host}:{self.port}"
        return f"{self.link} {where} unit {self.unit}"


class ModbusUnavailable(ConnectionError):
    """The unit cannot be reached now, or did not answer in time; the text says which."""


class ModbusRefused(ModbusUnavailable):
    """The unit answered with a Modbus exception `code` (Modbus Application Protocol 1.1b3, 7), such as 2: no such
    register or coil.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class ModbusConnection:
    """One connection to one unit, open from `open` to `close`. Every request raises `ModbusUnavailable`."""

    def __init__(self, client: _Client, unit: int) -> None:
        self._client = client
        self._unit = unit
        # One request at a time: RTU has no transaction ids.
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, where: ModbusAddress) -> "ModbusConnection":
        """Connect. Raises `ModbusUnavailable`."""
        client: _Client
        if where.link is Link.RTU:
            client = AsyncModbusSerialClient(
                where.host, baudrate=where.baudrate, timeout=where.timeout_s, retries=0, reconnect_delay=0
            )
        else:
            framer = FramerType.SOCKET if where.link is Link.TCP else FramerType.RTU
            client = AsyncModbusTcpClient(
                where.host, port=where.port, framer=framer, timeout=where.timeout_s, retries=0, reconnect_delay=0
            )
        try:
            connected = await client.connect()
        except OSError as error:  # a serial device that is not there
            client.close()
            raise ModbusUnavailable(f"cannot open {where.host}: {error}") from error
        _heed_cancellation(client)
        if not connected:
            client.close()
            raise ModbusUnavailable(f"no connection to {where}")
        return cls(client, where.unit)

    @property
    def is_open(self) -> bool:
        return bool(self._client.connected)

    def close(self) -> None:
        """End it, dropping what has not been sent."""
        transport = getattr(self._client.ctx, "transport", None)
        peer = transport.get_extra_info("socket") if transport is not None else None
        if peer is not None:
            with contextlib.suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._client.close()

    async def read_registers(self, function: int, first: int, count: int, unit: int | None = None) -> list[int]:
        """`count` registers from PDU address `first`; `function` 3 reads holding, 4 input registers."""
        if function not in (3, 4):
            raise ValueError(f"function {function} does not read registers")

        def ask(client: _Client, device: int) -> Awaitable[ModbusPDU]:
            read = client.read_holding_registers if function == 3 else client.read_input_registers
            answer: Awaitable[ModbusPDU] = read(first, count=count, device_id=device)
            return answer

        answer = await self._ask(ask, unit)
        if len(answer.registers) != count:
            raise ModbusUnavailable(f"{len(answer.registers)} registers where {count} were asked for")
        return list(answer.registers)

    async def write_register(self, address: int, value: int) -> None:
        """Function 6."""
        await self._ask(lambda client, unit: client.write_register(address, value, device_id=unit))

    async def write_coil(self, address: int, state: bool) -> None:
        """Function 5."""
        await self._ask(lambda client, unit: client.write_coil(address, state, device_id=unit))

    async def identify(self, unit: int | None = None) -> dict[int, str]:
        """Device identification, basic objects by id (function 43/14, Modbus Application Protocol 1.1b3, 6.21)."""
        answer: Any = await self._ask(
            lambda client, device: client.read_device_information(read_code=1, device_id=device), unit
        )
        return {
            number: value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            for number, value in answer.information.items()
        }

    async def _ask(self, request: Callable[[Any, int], Awaitable[ModbusPDU]], unit: int | None = None) -> ModbusPDU:
        if not self.is_open:
            raise ModbusUnavailable("not connected")
        async with self._turn:
            try:
                answer = await request(self._client, self._unit if unit is None else unit)
            except (ModbusException, OSError) as error:
                _heed_cancellation()
                raise ModbusUnavailable(str(error)) from error
            _heed_cancellation()
        if answer.isError():
            raise ModbusRefused(f"the unit answered {answer}", getattr(answer, "exception_code", 0))
        return answer


def _heed_cancellation(opened: _Client | None = None) -> None:
    """End here if asked to, closing what was just opened.

    pymodbus turns a cancellation during a request into its own exception; and where the answer came in the same turn of
    the loop, `asyncio.wait_for`, which it waits with, returns the answer and forgets the cancellation (Python 3.11).
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        if opened is not None:
            opened.close()
        raise asyncio.CancelledError
