"""Scans as scanners send them: element strings, links, bare numbers, codes of the house; mistakes by AI and place."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.barcodes import LENGTH_MAX, SEPARATOR, Barcode, BarcodeError, parse
from warehouse.epc_schemes import AI_82
from warehouse.gs1_identifiers import IDENTIFIERS, PREDEFINED, Kind, check_digit

GTIN = "09506000134352"
SSCC = "106141412345678908"
FNC1 = SEPARATOR


def elements(text: str) -> dict[str, str]:
    return {element.ai: element.value for element in parse(text).elements}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"]C101{GTIN}310300123410LOT1{FNC1}21S1", {"01": GTIN, "3103": "001234", "10": "LOT1", "21": "S1"}),
        (f"]d2{FNC1}01{GTIN}17271231", {"01": GTIN, "17": "271231"}),
        (f"]Q301{GTIN}{FNC1}{FNC1}10A\r\n", {"01": GTIN, "10": "A"}),
        (f"]C100{SSCC}", {"00": SSCC}),
        (
            f"]C102{GTIN}3724{FNC1}400PO-7{FNC1}4109506000134376240X",
            {"02": GTIN, "37": "24", "400": "PO-7", "410": "9506000134376", "240": "X"},
        ),
        (f"(01){GTIN}(10)A(B)C(21)x(17)271231", {"01": GTIN, "10": "A(B)C", "21": "x", "17": "271231"}),
        (f"01{GTIN}10A", {"01": GTIN, "10": "A"}),
        (f"00{SSCC}", {"00": SSCC}),
        (f"10AB{FNC1}9912", {"10": "AB", "99": "12"}),
        (f"]C1235TPX{FNC1}4321010203", {"235": "TPX", "4321": "010203"}),  # kept as they are
        ("4006381333931", {"01": "04006381333931"}),
        ("]E04006381333931", {"01": "04006381333931"}),
        ("]E496385074", {"01": "00000096385074"}),
        (SSCC, {"00": SSCC}),
        (
            f"]Q1https://id.gs1.org/01/{GTIN}/10/A%2FB?17=271231&linkType=gs1:pip",
            {"01": GTIN, "10": "A/B", "17": "271231"},
        ),
        ("https://shop.example/en/p/gtin/4006381333931/ser/7#x", {"01": "04006381333931", "21": "7"}),
        (f"HTTP://EXAMPLE.COM/00/{SSCC}/", {"00": SSCC}),
    ],
)
def test_what_a_scan_says(text: str, found: dict[str, str]) -> None:
    assert elements(text) == found


@pytest.mark.parametrize(
    "text", ["A-01-03", "10AB", "0109506000134353", "]C0HELLO", "999999", "4006381333932", "(x)", "](a"]
)
def test_a_code_of_the_house_is_no_gs1_data(text: str) -> None:
    scanned = parse(text)
    assert (scanned.elements, scanned.plain) == ((), text.removeprefix("]C0"))


@pytest.mark.parametrize(
    ("text", "ai", "position", "what"),
    [
        ("]C10109506000134353", "01", 19, "GTIN: check digit 3, not 2"),
        ("]C100106141412345678909", "00", 23, "SSCC: check digit 9, not 8"),
        (f"]C101{GTIN}17271331", "17", 24, "expiry: 271331 is no date YYMMDD"),
        (f"]C101{GTIN}17270230", "17", 24, "expiry: 270230 is no date YYMMDD"),
        ("]C10109506", "01", 11, "GTIN: 5 characters, not 14"),
        (f"]C110{'A' * 21}", "10", 26, "batch or lot: 21 characters, not at most 20"),
        ("]C110Ä", "10", 6, "batch or lot: 'Ä' is not of GS1's character set"),
        ("]C13712A", "37", 8, "count: 'A' where a digit belongs"),
        ("]C13712١", "37", 8, "count: '١' where a digit belongs"),
        ("]C104061414", "", 4, "'04' begins no application identifier"),
        (f"]C110A{FNC1}10B", "10", 10, "batch or lot: said twice, A and B"),
        (f"]C101{GTIN}02{GTIN}", "02", 22, "a GTIN and a GTIN of contents exclude each other"),
        ("(01)09506000134353", "01", 18, "GTIN: check digit 3, not 2"),
        ("(0109506000134352", "", 1, "'(01095' is no application identifier in brackets"),
        ("]E04006381333932", "01", 17, "GTIN: check digit 2, not 1"),
        ("https://example.com/abc", "", 20, "a web address without a GS1 key in its path"),
        ("https://example.com", "", 19, "a web address without a path: no GS1 key in it"),
        ("https://id.gs1.org/01/09506000134353", "01", 36, "GTIN: check digit 3, not 2"),
        ("]C1", "", 4, "nothing was scanned"),
        ("", "", 1, "nothing was scanned"),
        (f"]C1{FNC1}", "", 4, "separators and no data"),
    ],
)
def test_a_mistake_is_told_by_identifier_and_character(text: str, ai: str, position: int, what: str) -> None:
    with pytest.raises(BarcodeError) as caught:
        parse(text)
    assert (caught.value.ai, caught.value.position, caught.value.what) == (ai, position, what)


def test_what_it_means() -> None:
    scanned = parse(f"(00){SSCC}(02){GTIN}(37)24(10)L1(15)270200(17)280229(11)761231(3102)001234")
    assert (scanned.sscc, scanned.gtin, scanned.lot, scanned.quantity) == (SSCC, GTIN, "L1", Decimal(24))
    assert scanned.net_weight_kg == Decimal("12.34")
    assert scanned.day("15", 2026) == date(2027, 2, 28)  # day 00: the month's last
    assert scanned.day("17", 2026) == date(2028, 2, 29)
    assert scanned.day("11", 2026) == date(2076, 12, 31)
    assert scanned.day("11", 2025) == date(1976, 12, 31)  # 51 years ahead is the century before (GS1 7.12)
    assert scanned.day("13", 2026) is None


@st.composite
def pairs(draw: st.DrawFn) -> dict[str, str]:
    chosen = draw(st.lists(st.sampled_from(sorted(set(IDENTIFIERS) - {"02"})), min_size=1, max_size=5, unique=True))
    return {ai: draw(values(ai)) for ai in chosen}


def values(ai: str) -> st.SearchStrategy[str]:
    known = IDENTIFIERS[ai]
    if known.kind is Kind.DATE:
        return st.dates(date(2000, 1, 1), date(2098, 12, 31)).map(lambda day: day.strftime("%y%m%d"))
    if known.kind is Kind.DIGITS:
        low, high = known.length_min - bool(known.checked), known.length_max - bool(known.checked)
        digits = st.text("0123456789", min_size=low, max_size=high)
        return digits.map(lambda text: text + check_digit(text)) if known.checked else digits
    text = st.text(sorted(AI_82), min_size=1, max_size=known.length_max - known.checked)
    if known.checked:
        head = st.text("0123456789", min_size=known.checked - 1, max_size=known.checked - 1)
        return st.tuples(head, text).map(lambda both: both[0] + check_digit(both[0]) + both[1])
    return text


@given(pairs())
def test_every_element_string_is_read_back(wanted: dict[str, str]) -> None:
    text = "".join(ai + value + ("" if ai[:2] in PREDEFINED else FNC1) for ai, value in wanted.items())
    assert elements("]C1" + text) == wanted
    for element in parse("]C1" + text).elements:
        assert ("]C1" + text)[element.position - 1 :].startswith(element.value)


@given(
    st.text(st.characters(codec="utf-8"), max_size=LENGTH_MAX + 5), st.sampled_from(["", "]C1", "(01)", "http://x/01/"])
)
def test_anything_is_read_or_refused_with_a_place_in_it(text: str, head: str) -> None:
    whole = head + text
    position, scanned = _place_of_mistake(whole)
    if position is not None:
        assert 1 <= position <= len(whole) + 1
    else:
        assert scanned is not None
        assert scanned.elements or scanned.plain in whole


def _place_of_mistake(text: str) -> tuple[int | None, Barcode | None]:
    try:
        return None, parse(text)
    except BarcodeError as error:
        return error.position, None
