"""What cleaning changes, what it keeps, and what it will not guess."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.imports.cleaning import Cell, Changed, NumberCell, Value, clean
from warehouse.imports.template import Column, Kind

CODE = Column("code", Kind.CODE, "")
TEXT = Column("name", Kind.TEXT, "")
QUANTITY = Column("quantity", Kind.QUANTITY, "")
DATE = Column("day", Kind.DATE, "")
UNIT = Column("unit", Kind.UNIT, "")
FLAG = Column("inspect", Kind.FLAG, "")
WHOLE = Column("decimals", Kind.WHOLE, "")


@pytest.mark.parametrize(
    ("column", "cell", "value", "changed"),
    [
        (CODE, "00017", "00017", ()),
        (CODE, "　Ａ－１００\u200b ", "A-100", (Changed.CONTROL_CHARACTERS, Changed.FULL_WIDTH, Changed.WHITE_SPACE)),
        (CODE, "A²", "A²", ()),  # NFKC would make it A2, which is another code
        (CODE, NumberCell("17", 5), "00017", (Changed.ZEROS_RESTORED,)),
        (CODE, NumberCell("17"), "17", (Changed.NUMBER_CELL,)),
        (TEXT, "轴承（深沟）", "轴承（深沟）", ()),  # full-width brackets are how Chinese is written
        (TEXT, "a\tb", "a b", (Changed.CONTROL_CHARACTERS,)),
        (QUANTITY, "１，２３４．５", Decimal("1234.5"), (Changed.FULL_WIDTH, Changed.THOUSANDS)),
        (QUANTITY, "1,234,567", Decimal(1234567), (Changed.THOUSANDS,)),
        (QUANTITY, "1.5E+3", Decimal(1500), (Changed.EXPONENT,)),
        (QUANTITY, "⑤", Decimal(5), (Changed.COMPATIBILITY,)),
        (QUANTITY, NumberCell("2.3"), Decimal("2.3"), ()),
        (DATE, "2026/3/1", date(2026, 3, 1), (Changed.DATE_FORM,)),
        (DATE, "2026年3月1日", date(2026, 3, 1), (Changed.DATE_FORM,)),
        (DATE, "20260301", date(2026, 3, 1), (Changed.DATE_FORM,)),
        (DATE, datetime(2026, 3, 1), date(2026, 3, 1), ()),
        (UNIT, "㎏", "kg", (Changed.COMPATIBILITY,)),
        (UNIT, "千克", "kg", (Changed.UNIT,)),
        (UNIT, "箱", "箱", ()),  # how many are in one is each maker's own
        (FLAG, "是", True, ()),
        (WHOLE, "3.0", 3, ()),
        (CODE, "", None, ()),
    ],
)
def test_cells_become_what_they_stand_for(
    column: Column, cell: Cell, value: Value, changed: tuple[Changed, ...]
) -> None:
    cleaned = clean(column, cell)
    assert cleaned.fault is None
    assert (cleaned.value, set(cleaned.changed)) == (value, set(changed))


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        (QUANTITY, "1.234,5", "not_a_number"),
        (QUANTITY, "12 pcs", "not_a_number"),
        (QUANTITY, "1,23", "not_a_number"),
        (QUANTITY, "NaN", "not_a_number"),
        (QUANTITY, "1e99", "out_of_range"),
        (QUANTITY, "0.0000000001", "out_of_range"),
        (DATE, "03/04/2026", "not_a_date"),
        (DATE, "2026-02-30", "not_a_date"),
        (DATE, NumberCell("46000"), "not_a_date"),
        (CODE, "6.90123E+12", "code_destroyed"),
        (CODE, NumberCell("6901234567890123"), "code_destroyed"),
        (CODE, NumberCell("1.5"), "code_destroyed"),
        (CODE, "x" * 129, "too_long"),
        (TEXT, "x" * 1001, "too_long"),
        (CODE, "3.03425E+23", "code_destroyed"),  # an EPC of digits
        (CODE, "#N/A", "spreadsheet_error"),
        (TEXT, " #REF! ", "spreadsheet_error"),
        (QUANTITY, "#DIV/0!", "spreadsheet_error"),
        (FLAG, "maybe", "not_yes_or_no"),
        (WHOLE, "1.5", "not_whole"),
        (Column("item", Kind.CODE, "", required=True), " \u3000", "missing"),
    ],
)
def test_what_could_mean_two_things_is_not_guessed(column: Column, cell: Cell, code: str) -> None:
    fault = clean(column, cell).fault
    assert fault is not None
    assert fault.code == code
    assert fault.fix


def test_a_code_that_looks_like_another_is_pointed_out() -> None:
    warning = clean(CODE, "A²").warning
    assert warning is not None
    assert warning.code == "unusual_characters"


@given(st.text(max_size=60), st.sampled_from(list(Kind)))
def test_no_text_breaks_it_and_cleaning_twice_changes_nothing(text: str, kind: Kind) -> None:
    column = Column("x", kind, "", choices={"a": "a"})
    once = clean(column, text)
    if isinstance(once.value, str) and kind is not Kind.CHOICE:
        again = clean(column, once.value)
        assert (again.value, again.changed) == (once.value, ())
