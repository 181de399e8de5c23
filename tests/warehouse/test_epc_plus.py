"""Codings with a plus: the standard's own examples (TDS 2.3, Annex E.3), both ways, and bits that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.epc import Epc, EpcError, decode, encode_whole, with_check_digit
from warehouse.epc_plus import CODINGS, DATES
from warehouse.epc_schemes import AI_82, Scheme

LINK = "https://id.gs1.org"
# hex, coding, filter, key in the tag, serial, date, element string, Digital Link
VECTORS = [
    ("F73795211411234538566CB0AFC4", "sgtin+", 3, "79521141123453", "32a/b", None,
     "(01)79521141123453(21)32a/b", "/01/79521141123453/21/32a%2Fb"),
    ("FB342CDE795211411234538566CB0AFC4", "dsgtin+", 3, "79521141123453", "32a/b", ("17", "220630"),
     "(01)79521141123453(21)32a/b(17)220630", "/01/79521141123453/21/32a%2Fb?17=220630"),
    ("F90095201234567891235", "sscc+", 0, "095201234567891235", "", None,
     "(00)095201234567891235", "/00/095201234567891235"),
    ("F2395211411234548566CB0AFC4", "sgln+", 3, "9521141123454", "32a/b", None,
     "(414)9521141123454(254)32a/b", "/414/9521141123454/254/32a%2Fb"),
    ("F13095211411234548566CB0AFC4", "grai+", 3, "09521141123454", "32a/b", None,
     "(8003)0952114112345432a/b", "/8003/0952114112345432a%2Fb"),
    ("FA3952114132E83C2BF10", "giai+", 3, "952114132a/b", "", None,
     "(8004)952114132a/b", "/8004/952114132a%2Fb"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "coding", "filter_value", "key", "serial", "date", "elements", "link"), VECTORS)
def test_the_standards_examples(
    text: str, coding: str, filter_value: int, key: str, serial: str, date: tuple[str, str] | None, elements: str,
    link: str,
) -> None:  # fmt: skip
    # The standard prints some without the zeros that fill the last word; readers report them with these, or with more.
    whole = text + "0" * (-len(text) % 4)
    for given_text in (text, whole, whole + "0000"):
        epc = decode(given_text)
        assert (epc.coding, epc.filter, epc.whole, epc.serial, epc.date, epc.more) == (
            coding, filter_value, key, serial, date, False,
        )  # fmt: skip
        assert (epc.element_string, epc.digital_link) == (elements, LINK + link)
        assert epc.uri == (LINK + link).partition("?")[0]
    assert encode_whole(coding, filter_value, key, serial, date) == whole


def test_keys_are_those_of_the_plain_codings() -> None:
    assert decode(encode_whole("sgtin+", 1, "80614141123458", "6789")).gtin == "80614141123458"
    assert decode(encode_whole("sscc+", 0, "106141412345678908")).key == "106141412345678908"
    assert decode(encode_whole("grai+", 0, "09521141123454", "007")).key == "09521141123454007"


def test_how_a_serial_is_written_is_the_shortest_that_keeps_every_character() -> None:
    """Of one GTIN: digits as a number that keeps its leading zeros, then hexadecimal, base 64, seven bits."""
    for serial, how in (("0042", 0), ("0A", 1), ("0a", 2), ("aB-_", 3), ("32a/b", 4)):
        text = encode_whole("sgtin+", 0, "79521141123453", serial)
        assert int(text[17:18], 16) >> 1 == how, serial
        assert decode(text).serial == serial


def test_urn_code_40_is_read() -> None:
    value = sum(weight * code for weight, code in zip((1600, 40, 1), (1, 2, 30), strict=True)) + 1  # AB0
    bits = "101" + "00011" + f"{value:016b}"
    text = f"F7079521141123453{int(bits, 2):06X}"
    assert decode(text + "0" * (-len(text) % 4)).serial == "AB0"


def test_data_after_the_epc_is_kept_and_said() -> None:
    plain = encode_whole("sscc+", 0, "106141412345678908")
    epc = decode("F98" + plain[3:21] + "ABCDEF")
    assert (epc.key, epc.more, epc.hex) == ("106141412345678908", True, "F98106141412345678908ABCDEF")


@pytest.mark.parametrize(
    "text",
    [
        "F7",  # ends at once
        "F73795211411234538566CB0AFC",  # ends in the serial
        "F73A95211411234538566CB0AFC4",  # a digit above 9
        "F73795211411234548566CB0AFC4",  # another check digit
        "F73795211411234538066CB0AFC4",  # a serial of no characters
        "F7379521141123453C566CB0AFC4",  # no such way to write a serial
        "F90095201234567891235001",  # bits in the padding
        "FB3F2CDE795211411234538566CB0AFC4000",  # no such date
        "FB341DFE795211411234538566CB0AFC4000",  # the 31st of the 15th month
        "FD3795211411234538566CB0AFC525065F1876F0D996D800",  # two pluses: not known, nothing lost
    ],
)
def test_what_is_none_stays_raw(text: str) -> None:
    assert decode(text) == Epc(text)
    assert decode(text).uri == f"urn:epc:raw:{len(text) * 4}.x{text}"


@pytest.mark.parametrize(
    ("coding", "key", "serial", "date", "says"),
    [
        ("sgtin-96", "79521141123453", "1", None, "no coding"),
        ("sgtin+", "79521141123454", "1", None, "check digit"),
        ("sgtin+", "7952114112345", "1", None, "14 digits"),
        ("sgtin+", "79521141123453", "", None, "serial"),
        ("sgtin+", "79521141123453", "x" * 21, None, "serial"),
        ("sgtin+", "79521141123453", "ä", None, "serial"),
        ("sgtin+", "79521141123453", "1", ("17", "220630"), "date"),
        ("dsgtin+", "79521141123453", "1", None, "date"),
        ("dsgtin+", "79521141123453", "1", ("10", "220630"), "date"),
        ("dsgtin+", "79521141123453", "1", ("17", "220230"), "date"),
        ("sscc+", "095201234567891235", "1", None, "no serial"),
        ("giai+", "", "", None, "key"),
    ],
)
def test_what_cannot_be_encoded_names_the_field(
    coding: str, key: str, serial: str, date: tuple[str, str] | None, says: str
) -> None:
    with pytest.raises(EpcError, match=says):
        encode_whole(coding, 0, key, serial, date)


SERIALS = st.text(sorted(AI_82), min_size=1, max_size=16)


@given(st.sampled_from(CODINGS), st.integers(0, 7), st.data())
def test_there_and_back(coding, filter_value, data) -> None:  # type: ignore[no-untyped-def]
    if coding.scheme is Scheme.GIAI:
        key, serial = data.draw(st.text("0123456789", max_size=12)) + data.draw(SERIALS), ""
    else:
        digits = coding.key_digits - 1
        key = with_check_digit(data.draw(st.text("0123456789", min_size=digits, max_size=digits)))
        serial = data.draw(SERIALS) if coding.serial_max else ""
    date = (data.draw(st.sampled_from(DATES)), "260229"[:4] + "28") if coding.dated else None
    text = encode_whole(coding.name, filter_value, key, serial, date)
    epc = decode(text)
    assert (epc.coding, epc.filter, epc.whole, epc.serial, epc.date) == (coding.name, filter_value, key, serial, date)
    assert len(text) % 4 == 0


@given(st.sampled_from([coding.header for coding in CODINGS]), st.binary(max_size=32))
def test_any_bytes_are_decoded_or_raw(header: int, rest: bytes) -> None:
    text = (bytes([header]) + rest).hex().upper()
    epc = decode(text)
    assert epc.hex == text
    assert epc.scheme is None or epc.digital_link is not None
