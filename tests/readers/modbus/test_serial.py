"""RTU on a serial line: pseudo-terminals, our driver at one end, a Modbus slave written from the standard at the other.

The slave shares no code with pymodbus: frame, CRC-16 and function 3 as the Modbus serial line guide 1.02 (2.5.1, 6.2.2)
and the application protocol 1.1b3 (6.3) have them.
"""

import asyncio
import os
import pty
import struct
import tty
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from readers.modbus.connection import Link, ModbusAddress, ModbusConnection, ModbusRefused, ModbusUnavailable
from readers.modbus.profile import load
from readers.modbus.reading import read


def crc16(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


class Slave:
    """Unit 1 with these holding registers from `first`; answers in two pieces, as a slow line does."""

    def __init__(self, first: int, registers: Sequence[int]) -> None:
        self._first = first
        self._registers = registers
        self._pending = b""
        self.spoil_crc = False
        self.master, slave = pty.openpty()
        tty.setraw(self.master)
        tty.setraw(slave)
        self._slave = slave
        self.path = os.ttyname(slave)
        asyncio.get_running_loop().add_reader(self.master, self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        os.close(self._slave)

    def _readable(self) -> None:
        self._pending += os.read(self.master, 256)
        while len(self._pending) >= 8:
            request, self._pending = self._pending[:8], self._pending[8:]
            assert crc16(request[:6]) == request[6:], request.hex()
            unit, function, first, count = struct.unpack(">BBHH", request[:6])
            start = first - self._first
            if unit != 1:
                continue
            if function != 3 or start < 0 or start + count > len(self._registers):
                body = bytes((unit, function | 0x80, 2))
            else:
                values = self._registers[start : start + count]
                body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *values)
            answer = body + (b"\0\0" if self.spoil_crc else crc16(body))
            os.write(self.master, answer[:3])
            os.write(self.master, answer[3:])


@asynccontextmanager
async def line(first: int, registers: Sequence[int]) -> AsyncIterator[tuple[Slave, ModbusConnection]]:
    slave = Slave(first, registers)
    connection = await ModbusConnection.open(ModbusAddress(Link.RTU, slave.path, timeout_s=0.5))
    try:
        yield slave, connection
    finally:
        connection.close()
        slave.close()


def test_the_crc_is_the_standards() -> None:
    assert crc16(bytes.fromhex("020700")[:2]) == bytes.fromhex("4112")  # Modbus serial line guide 1.02, 6.2.2's example


async def test_a_scale_on_a_serial_line_is_read() -> None:
    profile = load("tuna-id551")
    high, low = struct.unpack(">HH", struct.pack(">f", 812.5))
    async with line(0, [high, low, high, low, 1 << 15, 0]) as (_, connection):
        for _ in range(3):
            registers = await connection.read_registers(profile.function, profile.first, profile.count)
        reading = read(profile, registers, 5)
        assert (reading.gross, reading.stable, reading.fault) == (Decimal("812.5"), True, None)


async def test_a_refusal_a_unit_that_is_not_there_and_a_spoilt_answer() -> None:
    async with line(0, [1, 2]) as (slave, connection):
        with pytest.raises(ModbusRefused) as refused:
            await connection.read_registers(3, 100, 2)
        assert refused.value.code == 2
        with pytest.raises(ModbusUnavailable):
            await connection.read_registers(3, 0, 2, unit=9)
        slave.spoil_crc = True
        with pytest.raises(ModbusUnavailable):
            await connection.read_registers(3, 0, 2)


async def test_a_device_that_is_not_there_says_so() -> None:
    with pytest.raises(ModbusUnavailable, match="/dev/nowhere"):
        await ModbusConnection.open(ModbusAddress(Link.RTU, "/dev/nowhere"))
