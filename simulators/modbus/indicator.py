"""A weighing indicator on Modbus: a platform seen through a profile's register map, served by pymodbus.

Faults on command: `drop` closes every connection, `silent` answers nothing until it is lifted, `not_a_number` puts a
float that is none where the weight should be.
"""

import asyncio
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import cast

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from readers.modbus.profile import Action, ActionKind, Bit, Number, NumberType, ScaleProfile
from simulators.modbus.platform import Platform

_NAN = 0x7FC00000
_WRITES = (5, 6, 15, 16)


class IndicatorSimulator:
    """One indicator at one TCP port. `rtu` frames as RTU over TCP. `now_us` is plant time."""

    def __init__(
        self, profile: ScaleProfile, platform: Platform, now_us: Callable[[], int], *, unit: int = 1, rtu: bool = False
    ) -> None:
        self._profile = profile
        self.platform = platform
        self._now_us = now_us
        self._unit = unit
        self._framer = FramerType.RTU if rtu else FramerType.SOCKET
        self._server: ModbusTcpServer | None = None
        self._levels: dict[tuple[int, int], bool] = {}
        self.silent = False
        self.not_a_number = False
        self.port = 0
        self.connections = 0
        """How many there have been."""

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1; port 0 takes a free one, kept over `stop` and `start`. Raises OSError."""
        self._server = ModbusTcpServer(
            self._device(),
            framer=self._framer,
            address=("127.0.0.1", port or self.port),
            trace_packet=self._pass,
            trace_connect=self._counted,
        )
        if not await self._server.listen():
            raise OSError(f"cannot listen on port {port or self.port}")
        # pymodbus keeps the listening asyncio server in `transport`, typed as something smaller.
        listening = cast(asyncio.Server, self._server.transport)
        self.port = listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    async def drop(self) -> None:
        """Lose every connection and listen again on the same port."""
        await self.stop()
        await self.start(self.port)

    def _counted(self, up: bool) -> None:
        self.connections += up

    def _pass(self, sending: bool, data: bytes) -> bytes:
        return b"" if sending and self.silent else data

    def _device(self) -> SimDevice:
        profile = self._profile
        actions = [a for a in (profile.zero, profile.tare_now, profile.clear_tare) if a is not None]
        registers = [a.address for a in actions if a.kind is not ActionKind.COIL]
        coils = [a.address for a in actions if a.kind is ActionKind.COIL]
        holding, inputs = [SimData(0, datatype=DataType.REGISTERS)], [SimData(0, datatype=DataType.REGISTERS)]
        block = SimData(profile.first, values=[0] * profile.count, datatype=DataType.REGISTERS)
        if profile.function == 4:
            inputs = [block]
            if registers:
                holding = [SimData(0, values=[0] * (max(registers) + 1), datatype=DataType.REGISTERS)]
        else:
            holding = [block]
            outside = sorted(a for a in registers if not profile.first <= a < profile.first + profile.count)
            holding += [SimData(address, datatype=DataType.REGISTERS) for address in outside]
        bits = [SimData((min(coils, default=0) // 16) * 16, values=[False] * 16, datatype=DataType.BITS)]
        discrete = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        return SimDevice(self._unit, (bits, discrete, holding, inputs), action=self._access)

    async def _access(
        self,
        function: int,
        first: int,
        address: int,
        count: int,
        registers: list[int],
        written: "list[int] | list[bool] | None",
    ) -> ExcCodes | None:
        if written is not None and function in _WRITES:
            self._command(function, address, written)
        elif function == self._profile.function:
            words = self._words(self._now_us())
            start = self._profile.first - first
            registers[start : start + len(words)] = words
        return None

    def _words(self, at_us: int) -> list[int]:
        profile, platform = self._profile, self.platform
        words = [0] * profile.count
        gross = platform.gross(at_us)
        tare = platform.tare()

        def put(part: Number | None, value: Decimal) -> None:
            if part is None:
                return
            for offset, word in enumerate(self._encoded(part, value / profile.scale)):
                words[part.address - profile.first + offset] = word
            if part.negative is not None:
                flag(part.negative, value < 0)

        def flag(bit: Bit | None, holds: bool) -> None:
            if bit is not None and holds == bit.when:
                words[bit.address - profile.first] |= 1 << bit.bit

        put(profile.gross, gross)
        put(profile.net, gross - tare)
        put(profile.tare, tare)
        flag(profile.stable, not platform.in_motion(at_us))
        flag(profile.overload, platform.overloaded(at_us))
        flag(profile.underload, gross < 0)
        flag(profile.valid, True)
        return words

    def _encoded(self, part: Number, value: Decimal) -> list[int]:
        order = self._profile.word_order
        if part.type.is_bcd:
            raw = int(str(abs(int(value))), 16)
        elif part.type.words == 1:
            raw = int(value) & 0xFFFF
        elif part.type is NumberType.FLOAT32:
            raw = _NAN if self.not_a_number else struct.unpack("!I", struct.pack("!f", value))[0]
        elif part.type is NumberType.MAGNITUDE32:
            raw = abs(int(value))
        else:
            raw = int(value) & 0xFFFFFFFF
        return list(order.arranged([raw & 0xFFFF] if part.type.words == 1 else [raw >> 16 & 0xFFFF, raw & 0xFFFF]))

    def _command(self, function: int, address: int, written: "list[int] | list[bool]") -> None:
        for offset, value in enumerate(written):
            for name in ("zero", "tare_now", "clear_tare"):
                action: Action | None = getattr(self._profile, name)
                if action is not None and action.address == address + offset and self._given(action, function, value):
                    self._obey(name)

    def _given(self, action: Action, function: int, value: int) -> bool:
        if action.kind is ActionKind.COIL:
            return function in (5, 15) and bool(value) == bool(action.value)
        if function not in (6, 16):
            return False
        if action.kind is ActionKind.WRITE:
            return value == action.value
        level = bool(value >> action.bit & 1)
        before = self._levels.get((action.address, action.bit), False)
        self._levels[action.address, action.bit] = level
        return level and not before

    def _obey(self, name: str) -> None:
        if name == "zero":
            self.platform.set_zero(self._now_us())
        elif name == "tare_now":
            self.platform.take_tare(self._now_us())
        else:
            self.platform.clear_tare()
