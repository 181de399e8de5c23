"""A look at a Modbus unit: what it says it is, and which of the shipped scale profiles its registers could be.

Reads only. Device identification (function 43/14) is optional and few scales have it. A profile is plausible when its
block can be read, tells no fault and holds a weight that scales have; registers of 0 alone fit everything and count for
little. The guess is a start for a person with a known load (`tagledger devices probe`), not an answer.
"""

from dataclasses import dataclass
from decimal import Decimal

from readers.modbus.connection import ModbusAddress, ModbusConnection, ModbusRefused, ModbusUnavailable
from readers.modbus.profile import ScaleProfile, load, shipped
from readers.modbus.reading import Reading, read

_WEIGHT_MAX = Decimal(100_000)
# Exceptions that a unit which is there answers with: no such function, address or value. Others may come from a gateway
# or server for a unit that is not (Modbus Application Protocol 1.1b3, 7).
_OF_A_UNIT = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class UnitLook:
    """One unit that answers. `identity` are its identification objects (vendor, product, version) where it has them;
    `profiles` the plausible ones, the likeliest first.
    """

    unit: int
    identity: tuple[str, ...]
    profiles: tuple[str, ...]


async def look_at(address: ModbusAddress, units: range) -> list[UnitLook]:
    """The units that answer. Raises `ModbusUnavailable` when nothing listens there."""
    connection = await ModbusConnection.open(address)
    found = []
    try:
        for unit in units:
            if not connection.is_open:
                connection = await ModbusConnection.open(address)
            try:
                look = await _look_at(connection, unit)
            except ModbusUnavailable:
                # Its answer may still come: the next unit is asked over a new connection.
                connection.close()
                continue
            if look is not None:
                found.append(look)
        return found
    finally:
        connection.close()


async def _look_at(connection: ModbusConnection, unit: int) -> UnitLook | None:
    identity: tuple[str, ...] = ()
    is_there = False
    try:
        objects = await connection.identify(unit)
        identity = tuple(text for number in sorted(objects) if (text := objects[number].strip()))
        is_there = bool(identity)
    except ModbusRefused as error:
        is_there = error.code in _OF_A_UNIT
    likely: list[tuple[int, str]] = []
    for name in shipped():
        profile = load(name)
        try:
            registers = await connection.read_registers(profile.function, profile.first, profile.count, unit)
        except ModbusRefused as error:
            is_there = is_there or error.code in _OF_A_UNIT
            continue
        is_there = True
        score = _likelihood(profile, registers)
        if score:
            likely.append((-score, name))
    return UnitLook(unit, identity, tuple(name for _, name in sorted(likely))) if is_there else None


def _likelihood(profile: ScaleProfile, registers: list[int]) -> int:
    """0: impossible; more is likelier."""
    reading = read(profile, registers, 0)
    if reading.fault is not None or not _plausible(reading):
        return 0
    if not any(registers):
        return 1
    agrees = reading.gross is not None and reading.net is not None and reading.tare is not None
    if agrees and reading.gross is not None and reading.net is not None and reading.tare is not None:
        return 4 if abs(reading.gross - reading.net - reading.tare) <= 1 else 2
    return 3


def _plausible(reading: Reading) -> bool:
    numbers = [number for number in (reading.gross, reading.net, reading.tare) if number is not None]
    # A float that is really two other registers is nearly always tiny or huge.
    return all(number == 0 or Decimal("0.001") <= abs(number) <= _WEIGHT_MAX for number in numbers)
