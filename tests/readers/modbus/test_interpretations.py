"""Registers and what they could mean."""

import struct
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from readers.modbus.interpretations import SCALES, interpretations, near
from readers.modbus.profile import NumberType, WordOrder


@given(st.integers(-99_999, 99_999), st.sampled_from(SCALES), st.sampled_from(list(WordOrder)), st.integers(0, 60_000))
def test_a_scaled_integer_is_found(raw: int, scale: Decimal, order: WordOrder, address: int) -> None:
    high, low = struct.unpack("!HH", struct.pack("!i", raw))
    words = order.arranged((high, low))
    found = interpretations({address: words[0], address + 1: words[1]})
    wanted = [r for r in found if r.type is NumberType.INT32 and r.order is order and r.scale == scale]
    assert [r.value for r in wanted] == ([raw * scale] if raw else [])


@given(st.floats(min_value=0.5, max_value=1e6, width=32))
def test_a_float_is_found_in_every_order(value: float) -> None:
    high, low = struct.unpack("!HH", struct.pack("!f", value))
    for order in WordOrder:
        registers = dict(enumerate(order.arranged((high, low)), 4))
        found = near(interpretations(registers), Decimal(value), Decimal("0.5"))
        assert any(r.type is NumberType.FLOAT32 and r.order is order and r.address == 4 for r in found)


def test_decimal_digits_and_swapped_bytes_are_found() -> None:
    def said(registers: dict[int, int], weight: str) -> set[tuple[str, str | None]]:
        found = near(interpretations(registers), Decimal(weight), Decimal(0))
        return {(row.type.value, row.order) for row in found if row.scale == 1}

    assert ("bcd16", None) in said({0: 0x0812}, "812")
    assert ("bcd16", "BADC") in said({0: 0x1208}, "812")
    assert ("bcd32", "CDAB") in said({0: 0x5678, 1: 0x0001}, "15678")
    assert ("int16", "BADC") in said({0: 0x2C03}, "812")
    assert not any(row.type.is_bcd for row in interpretations({0: 0x081A, 1: 7}) if row.address == 0)


def test_gaps_and_zeros_say_nothing() -> None:
    assert interpretations({0: 0, 1: 0}) == []
    assert {r.address for r in interpretations({0: 7, 5: 9})} == {0, 5}
    assert {r.order for r in interpretations({0: 7, 5: 9})} == {None, WordOrder.BADC}
