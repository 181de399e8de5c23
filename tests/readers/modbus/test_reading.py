"""Registers to weights: the shipped maps, word orders, polarity, faults."""

import struct
from decimal import Decimal

import pytest

from readers.modbus.profile import Bit, NumberType, ProfileError, ScaleProfile, WordOrder, load, parse, shipped
from readers.modbus.reading import BlockError, Fault, holds, number_at, read


def floats(value: float) -> list[int]:
    return list(struct.unpack("!HH", struct.pack("!f", value)))


def block(profile: ScaleProfile, at: dict[int, list[int]]) -> list[int]:
    words = [0] * profile.count
    for address, values in at.items():
        words[address - profile.first : address - profile.first + len(values)] = values
    return words


def test_five_indicators_ship_and_each_names_its_source() -> None:
    assert shipped() == ("dini-argeo-dgt4x", "eagle-ei4000", "minebea-pr5410", "seneca-z-sg", "tuna-id551")
    assert all(load(name).source for name in shipped())


def test_eagle_float_weights() -> None:
    eagle = load("eagle-ei4000")
    found = read(eagle, block(eagle, {0x1000: floats(812.3), 0x1008: floats(790.1), 0x1010: floats(22.2)}), 7)
    assert (found.gross, found.net, found.tare) == (Decimal("812.3"), Decimal("790.1"), Decimal("22.2"))
    assert found.stable is None  # nothing in its map says so
    assert found.weight == Decimal("812.3")


def test_tuna_motion_is_not_stable() -> None:
    tuna = load("tuna-id551")
    weights = {0: floats(5.0), 2: floats(15.5)}
    ok = 1 << 15
    assert read(tuna, block(tuna, {**weights, 4: [ok | 1 << 12]}), 0).stable is False
    assert read(tuna, block(tuna, {**weights, 4: [ok]}), 0).stable is True
    assert read(tuna, block(tuna, {**weights, 4: [ok | 1 << 10]}), 0).fault is Fault.OVERLOAD
    assert read(tuna, block(tuna, {**weights, 4: [0]}), 0).fault is Fault.INVALID
    assert read(tuna, block(tuna, {**weights, 4: [0]}), 0).weight is None


def test_dini_magnitude_takes_its_sign_from_the_status() -> None:
    dini = load("dini-argeo-dgt4x")
    found = read(dini, block(dini, {0: [0, 1500], 2: [0, 20], 4: [1 << 2 | 1 << 0]}), 0)
    assert (found.gross, found.net, found.stable) == (Decimal(1500), Decimal(-20), True)


def test_minebea_negative_integer() -> None:
    minebea = load("minebea-pr5410")
    found = read(minebea, block(minebea, {16: [0xFFFF, 0xFFFE], 2: [1 << 6]}), 0)
    assert (found.gross, found.stable) == (Decimal(-2), True)


def test_a_float_that_is_no_number_is_a_fault_not_a_weight() -> None:
    seneca = load("seneca-z-sg")
    found = read(seneca, block(seneca, {63: [0x7FC0, 0], 77: [1 << 4]}), 0)
    assert (found.fault, found.weight) == (Fault.NOT_A_NUMBER, None)


@pytest.mark.parametrize(
    ("order", "float_12_5", "int_minus_65535", "bcd_15678", "int16_812", "bcd16_812"),
    [
        ("ABCD", (0x4148, 0x0000), (0xFFFF, 0x0001), (0x0001, 0x5678), 0x032C, 0x0812),
        ("CDAB", (0x0000, 0x4148), (0x0001, 0xFFFF), (0x5678, 0x0001), 0x032C, 0x0812),
        ("BADC", (0x4841, 0x0000), (0xFFFF, 0x0100), (0x0100, 0x7856), 0x2C03, 0x1208),
        ("DCBA", (0x0000, 0x4841), (0x0100, 0xFFFF), (0x7856, 0x0100), 0x2C03, 0x1208),
    ],
)
def test_word_and_byte_order(
    order: str,
    float_12_5: tuple[int, int],
    int_minus_65535: tuple[int, int],
    bcd_15678: tuple[int, int],
    int16_812: int,
    bcd16_812: int,
) -> None:
    named = WordOrder(order)
    assert number_at(float_12_5, 0, NumberType.FLOAT32, named) == Decimal("12.5")
    assert number_at(int_minus_65535, 0, NumberType.INT32, named) == -65535
    assert number_at(int_minus_65535, 0, NumberType.UINT32, named) == 0xFFFF0001
    assert number_at(bcd_15678, 0, NumberType.BCD32, named) == 15678
    assert number_at([int16_812], 0, NumberType.INT16, named) == 812
    assert number_at([bcd16_812], 0, NumberType.BCD16, named) == 812


def test_a_digit_above_nine_is_no_number() -> None:
    assert number_at([0x081A], 0, NumberType.BCD16, WordOrder.ABCD) is None


def test_a_bit_may_mean_its_absence() -> None:
    profile = load("tuna-id551")
    assert holds(profile, [0, 0, 0, 0, 0, 0], Bit(address=4, bit=3, when=False))


def test_a_block_of_another_length_is_refused() -> None:
    with pytest.raises(BlockError, match="5 registers where 6"):
        read(load("tuna-id551"), [0] * 5, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("function = 3", "function = 5"), "function"),
        (("count = 6", "count = 200"), "count"),
        (("address = 2, type", "address = 90, type"), "gross.address"),
        (("count = 6", "cuont = 6"), "cuont"),
        (('type = "float32" }\nnet', 'type = "magnitude32" }\nnet'), "gross.negative"),
    ],
)
def test_a_wrong_profile_names_the_key(change: tuple[str, str], message: str) -> None:
    text = """name = "x"\nmodel = "x"\nsource = "x"\nfunction = 3\nfirst = 0\ncount = 6
gross = { address = 2, type = "float32" }
net = { address = 0, type = "float32" }
stable = { address = 4, bit = 1 }\n"""
    assert parse(text, "x.toml").count == 6
    with pytest.raises(ProfileError, match=message):
        parse(text.replace(*change), "x.toml")


def test_an_unknown_profile_lists_the_known() -> None:
    with pytest.raises(ProfileError, match="eagle-ei4000"):
        load("eagle")
