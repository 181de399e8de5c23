"""Raw registers of an unknown unit, for people who look for its map. Reads only, over TCP or RTU over TCP.

A block that the unit refuses is asked for again in halves, down to single registers, so that one missing address does
not hide the others. Bound: at most twice as many requests as registers.
"""

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusTcpClient

from readers.modbus.driver import Link, ScaleAddress, ScaleUnavailable
from readers.modbus.profile import BLOCK_MAX

REGISTERS_MAX = 10_000


async def read_registers(address: ScaleAddress, function: int, first: int, count: int) -> dict[int, int]:
    """Register values by PDU address; those that the unit does not have are not there.

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
