"""A module of digital outputs on Modbus, served by pymodbus: coils that stay as they were written.

Faults on command: `stop` and `start` lose every connection, `silent` takes requests and answers none until it is
lifted.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


class IoModuleSimulator:
    """One module at one TCP port. `on_write(coil, state)` is called for every coil written, changed or not."""

    def __init__(
        self,
        coils: int = 16,
        *,
        unit: int = 1,
        rtu: bool = False,
        on_write: Callable[[int, bool], None] = lambda coil, state: None,
    ) -> None:
        self._unit = unit
        self._framer = FramerType.RTU if rtu else FramerType.SOCKET
        self._on_write = on_write
        self._server: ModbusTcpServer | None = None
        self.coils = [False] * coils
        self.writes: list[tuple[int, bool]] = []
        self.silent = False
        self.port = 0
        self.connections = 0
        """How many there have been."""

    async def start(self) -> None:
        """Listen on 127.0.0.1, on the port of before. Raises OSError."""
        device = SimDevice(
            self._unit,
            (
                [SimData(0, values=[False] * len(self.coils), datatype=DataType.BITS)],
                [SimData(0, values=[False] * 16, datatype=DataType.BITS)],
                [SimData(0, datatype=DataType.REGISTERS)],
                [SimData(0, datatype=DataType.REGISTERS)],
            ),
            action=self._access,
        )
        self._server = ModbusTcpServer(
            device,
            framer=self._framer,
            address=("127.0.0.1", self.port),
            trace_packet=self._pass,
            trace_connect=self._counted,
        )
        if not await self._server.listen():
            raise OSError(f"cannot listen on port {self.port}")
        listening = cast(asyncio.Server, self._server.transport)
        self.port = listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection; the outputs stay as they are."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    async def __aenter__(self) -> "IoModuleSimulator":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _counted(self, up: bool) -> None:
        self.connections += up

    def _pass(self, sending: bool, data: bytes) -> bytes:
        """pymodbus's hook on the bytes: silent, requests are thrown away before they are carried out."""
        return b"" if self.silent else data

    async def _access(
        self,
        function: int,
        first: int,
        address: int,
        count: int,
        registers: list[int],
        written: "list[int] | list[bool] | None",
    ) -> ExcCodes | None:
        if written is not None and function in (5, 15):
            for offset, value in enumerate(written):
                state = bool(value)
                self.coils[address + offset] = state
                self.writes.append((address + offset, state))
                self._on_write(address + offset, state)
        return None
