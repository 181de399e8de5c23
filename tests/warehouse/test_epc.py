"""EPC decoding and encoding: published vectors, both directions, and bytes that are no EPC."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared_data import shared_data
from warehouse.epc import (
    CACHE_MAX,
    Epc,
    EpcError,
    check_digit,
    decode,
    encode,
    encode_grai96,
    encode_sgtin96,
    encode_sscc96,
)
from warehouse.epc_schemes import AI_82, CODINGS, Coding, Scheme, SerialCoding

# hex, tag URI, element string. The first four are in wide use (GS1 and EPCglobal test data).
VECTORS = [
    ("3074257BF7194E4000001A85", "sgtin-96:3.0614141.812345.6789", "(01)80614141123458(21)6789"),
    ("3174257BF4499602D2000000", "sscc-96:3.0614141.1234567890", "(00)106141412345678908"),
    ("3274257BF46072000000162E", "sgln-96:3.0614141.12345.5678", "(414)0614141123452(254)5678"),
    ("3066C4409047E140075BCD15", None, None),
]


@pytest.mark.parametrize(("text", "tag_uri", "elements"), VECTORS)
def test_published_vectors(text: str, tag_uri: str | None, elements: str | None) -> None:
    epc = decode(text)
    if tag_uri is None:  # TDS 2.3 Annex E.3 prints another serial; the bits say this one
        assert epc.serial == "123456789"
        return
    assert epc.tag_uri == f"urn:epc:tag:{tag_uri}"
    coding, _, fields = tag_uri.partition(":")
    assert epc.uri == f"urn:epc:id:{coding.partition('-')[0]}:{fields.partition('.')[2]}"
    assert epc.element_string == elements


def test_digital_links_and_escapes() -> None:
    assert decode("3074257BF7194E4000001A85").digital_link == "https://id.gs1.org/01/80614141123458/21/6789"
    quoted = decode(encode("sgtin-198", 3, "0614141", "712345", '32a/b"'))
    assert quoted.uri == "urn:epc:id:sgtin:0614141.712345.32a%2Fb%22"
    assert quoted.element_string == '(01)70614141123451(21)32a/b"'
    assert quoted.digital_link == "https://id.gs1.org/01/70614141123451/21/32a%2Fb%22"
    assert len(quoted.hex) * 4 == 208
    assert decode(encode("sgln-96", 0, "061414112345", "", "0")).element_string == "(414)0614141123452"


def test_keys_round_trip_with_their_check_digits() -> None:
    assert decode(encode_sgtin96("00012345600012", 7, 7)).gtin == "00012345600012"
    assert decode(encode_sscc96("106141412345678908", 7)).key == "106141412345678908"
    assert decode(encode_grai96("04012345123456", 55, 7)).key == "0401234512345655"
    assert check_digit("0000000000000") == "0"  # 10 becomes 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: encode_sgtin96("80614141123459", 1, 7), "check digit"),
        (lambda: encode_sgtin96("8061414112345", 1, 7), "14 digits"),
        (lambda: encode_sgtin96("80614141123458", 1 << 38, 7), "2^38"),
        (lambda: encode_sgtin96("80614141123458", 1, 5), "6 to 12"),
        (lambda: encode("sgtin-96", 8, "0614141", "812345", "1"), "filter"),
        (lambda: encode("sgtin-96", 1, "0614141", "812345", "01"), "leading zeros"),
        (lambda: encode("sgtin-96", 1, "0614141", "81234", "1"), "6 digits"),
        (lambda: encode("gid-96", 1, "0614141", "81234", "1"), "no coding"),
        (lambda: encode("sgtin-198", 1, "0614141", "812345", "x" * 21), "1 to 20"),
        (lambda: encode("sscc-96", 1, "0614141", "1234567890", "1"), "no serial"),
    ],
)
def test_what_has_no_coding_is_refused_by_name(make: object, says: str) -> None:
    with pytest.raises(EpcError, match=says.replace("^", r"\^")):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    "text",
    [
        "E2801160600002054CC2096F",  # TID-like numbers that some tags carry as EPC
        "C3",
        "",
        "0",
        "zz",
        "307C257BF7194E4000001A85",  # partition 7
        "3074257BF7194E40",  # SGTIN-96 cut short
        "3174257BF4499602D2000001",  # SSCC-96 with bits in its fill
        "30740000FFFFFFC000001A85",  # item reference 16777215 has more than six digits
        "F70614141812345678900000",  # SGTIN+, which this version keeps raw
    ],
)
def test_no_valid_coding_stays_raw(text: str) -> None:
    epc = decode(text)
    assert epc == Epc(text.upper())
    assert epc.uri == epc.tag_uri == f"urn:epc:raw:{len(text) * 4}.x{text.upper()}"
    assert (epc.gtin, epc.key, epc.element_string, epc.digital_link) == (None, None, None, None)


@given(st.binary(max_size=32) | st.text(max_size=12).map(str.encode))
def test_any_bytes_decode_and_what_decodes_encodes_to_the_same_bits(data: bytes) -> None:
    epc = decode(data.hex())
    assert epc.uri
    if epc.scheme is not None:
        assert_encodes_back(epc)


@given(st.text())
def test_any_text_decodes(text: str) -> None:
    assert decode(text).tag_uri


def assert_encodes_back(epc: Epc) -> None:
    assert epc.coding is not None
    assert epc.filter is not None
    again = encode(epc.coding, epc.filter, epc.company_prefix, epc.reference, epc.serial)
    assert again.ljust(len(epc.hex), "0") == epc.hex.ljust(len(again), "0")


@st.composite
def fields(draw: st.DrawFn) -> tuple[Coding, int, str, str, str]:
    coding = draw(st.sampled_from(CODINGS))
    partition = draw(st.integers(0, 6))
    company = "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=12 - partition, max_size=12 - partition)))
    digits = coding.reference_digits(partition)
    text = st.text(sorted(AI_82), min_size=1)
    if coding.reference_is_string:
        reference = draw(st.text(sorted(AI_82), min_size=1, max_size=digits))
    elif coding.scheme is Scheme.GIAI:
        reference = str(draw(st.integers(0, min(10**digits, 1 << coding.reference_bits(partition)) - 1)))
    else:
        reference = "".join(draw(st.lists(st.sampled_from("0123456789"), min_size=digits, max_size=digits)))
    serial = ""
    if coding.serial_coding is SerialCoding.INTEGER:
        serial = str(draw(st.integers(0, (1 << coding.serial_bits) - 1)))
    elif coding.serial_coding is SerialCoding.STRING:
        serial = draw(text.map(lambda t: t[: coding.serial_bits // 7]))
    return coding, draw(st.integers(0, 7)), company, reference, serial


@given(fields())
def test_what_encodes_decodes_to_the_same_fields(case: tuple[Coding, int, str, str, str]) -> None:
    coding, filter_value, company, reference, serial = case
    text = encode(coding.name, filter_value, company, reference, serial)
    assert len(text) % 4 == 0
    assert decode(text.lower()) == Epc(text, coding.scheme, coding.name, filter_value, company, reference, serial)


def test_a_thousand_recorded_tags() -> None:
    rows = list(csv.reader(shared_data("epc", "1000-tags.csv").open()))
    decoded = [decode(f"{int(bits, 2):024X}") for _, bits in rows]
    assert len(decoded) == 1000
    for epc in decoded:
        if epc.scheme is not None:
            assert_encodes_back(epc)
    assert {epc.coding for epc in decoded} == {"sgtin-96", "sscc-96", "giai-96", None}


def test_the_cache_is_bounded() -> None:
    assert decode.cache_info().maxsize == CACHE_MAX
