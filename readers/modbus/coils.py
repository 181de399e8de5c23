"""Digital outputs on Modbus coils, kept connected until cancelled.

A write that fails ends the connection, and what was not sent goes with it: an output is never set late by a link that
came back. Whoever writes hears of every new connection and writes again what then holds; it writes again from time to
time as well (`IoModule.refresh_ms`), which is also how a dead connection is noticed.
"""

import asyncio
from collections.abc import Callable

from readers.modbus.connection import ModbusAddress, ModbusConnection, ModbusRefused, ModbusUnavailable

RETRY_FIRST_S = 0.2
RETRY_MAX_S = 5.0


class CoilModule:
    """One unit's coils. `run` keeps the connection; `write_gpo` is the port that readers' outputs share."""

    def __init__(self, name: str, address: ModbusAddress) -> None:
        self.name = name
        self._address = address
        self._connection: ModbusConnection | None = None
        self._broken = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def run(self, on_link: Callable[[str, bool, str], None]) -> None:
        """Connect for ever, waiting `RETRY_FIRST_S` to `RETRY_MAX_S`; `on_link` hears (name, up, detail)."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                connection = await ModbusConnection.open(self._address)
            except ModbusUnavailable as error:
                on_link(self.name, False, str(error))
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, RETRY_MAX_S)
                continue
            wait_s = RETRY_FIRST_S
            self._broken.clear()
            self._connection = connection
            on_link(self.name, True, str(self._address))
            try:
                await self._broken.wait()
                on_link(self.name, False, "a write failed")
            finally:
                self._connection = None
                connection.close()
            await asyncio.sleep(wait_s)

    async def write_gpo(self, port: int, state: bool) -> None:
        """Set one coil. Raises `ModbusUnavailable` without a connection, `ModbusRefused` when there is no such coil."""
        connection = self._connection
        if connection is None:
            raise ModbusUnavailable(f"{self.name} is not connected")
        try:
            await connection.write_coil(port, state)
        except ModbusRefused:
            raise
        except BaseException:  # cancelled as well: whether the request went out is not known
            connection.close()
            self._connection = None
            self._broken.set()
            raise
