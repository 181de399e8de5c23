"""Files as people send them: encodings, separators, workbooks, and those that are none."""

import inspect
import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook

from warehouse.imports import cleaning, header, problem_words
from warehouse.imports.cleaning import NumberCell
from warehouse.imports.header import match
from warehouse.imports.table import FileUnreadable
from warehouse.imports.table_csv import open_csv
from warehouse.imports.template_file import as_csv, as_workbook
from warehouse.imports.templates import ITEMS, OPENING_STOCK, TEMPLATES
from warehouse.imports.workbook import is_workbook, open_workbook, write_workbook
from warehouse.postgres.importing import opening_stock, reading, work

TABLE = "物料编码,名称,单位\r\n00017,轴承,个\r\n"


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("gb18030", "gb18030"), ("gbk", "gb18030"), ("utf-16", "utf-16")],
)
def test_every_encoding_reads_the_same(encoding: str, seen: str) -> None:
    table = open_csv(io.BytesIO(TABLE.encode(encoding)), ITEMS)
    assert table.form == f"CSV, {seen}"
    columns, faults = match(ITEMS, table.header)
    assert [column.name for column in columns if column] == ["code", "name", "unit"]
    assert faults == []
    assert list(table.rows) == [(2, ["00017", "轴承", "个"])]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_are_seen_from_the_header(separator: str) -> None:
    text = separator.join(["code", "name"]) + "\n" + separator.join(["A", "x"]) + "\n"
    assert list(open_csv(io.BytesIO(text.encode()), ITEMS).rows) == [(2, ["A", "x"])]


def test_lines_before_the_header_may_be_empty_and_cells_may_hold_lines() -> None:
    rows = list(open_csv(io.BytesIO(b'\n\ncode,name\nA,"x\ny"\nB,z\n'), ITEMS).rows)
    assert rows == [(4, ["A", "x\ny"]), (5, ["B", "z"])]


def test_a_header_may_hold_lines_and_excel_may_say_the_separator() -> None:
    rows = open_csv(io.BytesIO(b'sep=;\r\n"co\nde";name\r\nA;x,y\r\n'.replace(b"co\nde", b"code\n")), ITEMS)
    assert match(ITEMS, rows.header)[1] == []
    assert list(rows.rows) == [(3, ["A", "x,y"])]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'code,name\nA,"x\nB,y\nC,z\n', "row 2"),  # all three rows would be one name
        (b'code,name\nA,x\nB,"1/2" pipe"\n', "row 3"),
        (b'"code,name\nA,x\n', "row 1"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old .xls"),
        (b"<html xmlns:x='urn:schemas-microsoft-com:office:excel'><table><tr><td>code</td></tr></table>", "web page"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(FileUnreadable, match=said) as refused:
        list(open_csv(io.BytesIO(content), ITEMS).rows)
    assert refused.value.fix


def test_a_sheet_that_is_not_shown_is_not_read() -> None:
    book = Workbook()
    hidden = book.active
    assert hidden is not None
    hidden.append(["lookup", "of", "units"])
    hidden.sheet_state = "hidden"
    shown = book.create_sheet("库存")
    shown.append(["code", "name"])
    shown.append(["A", "x"])
    file = io.BytesIO()
    book.save(file)
    assert [cells for _, cells in open_workbook(file).rows] == [["A", "x"]]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xff\xfe\x00", b"code\x00,name\n", b"\x80\x81\xfe\xff,1\n", b'code\n"' + b"x" * 40_000]
)
def test_what_is_no_table_is_said(content: bytes) -> None:
    with pytest.raises(FileUnreadable) as refused:
        list(open_csv(io.BytesIO(content), ITEMS).rows)
    assert refused.value.fix


def test_headers_that_are_wrong_are_named_with_the_nearest() -> None:
    _, faults = match(OPENING_STOCK, ["item", "loction", "quantity", "item", ""])
    assert [(f.code, f.header) for f in faults] == [
        ("unknown_column", "loction"),
        ("column_twice", "item"),
        ("missing_column", "location"),
    ]
    assert "'location'" in faults[0].fix


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_templates_are_read_back_as_themselves(template: object, form: str) -> None:
    assert isinstance(template, type(ITEMS))
    file = io.BytesIO(as_csv(template))
    if form == "xlsx":
        file = io.BytesIO()
        as_workbook(template, file)
    table = open_workbook(file) if is_workbook(file) else open_csv(file, template)
    columns, faults = match(template, table.header)
    assert faults == []
    assert tuple(columns) == template.columns
    assert list(table.rows) == []


def test_number_cells_say_what_they_are() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["code", "weight_kg"])
    sheet.append([17, 0.1 + 0.2])
    sheet["A2"].number_format = "00000"
    file = io.BytesIO()
    book.save(file)
    assert list(open_workbook(file).rows) == [(2, [NumberCell("17", 5), NumberCell("0.3")])]


@pytest.mark.parametrize("rows_before", [0, 12_000])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda sheet, row: sheet.merge_cells(f"B{row}:B{row + 2}"), "are merged"),
        (lambda sheet, row: sheet.cell(row, 2, f"=A{row}&1"), "was never computed"),
    ],
)
def test_cells_that_only_read_as_empty_are_refused(
    rows_before: int, spoil: Callable[[Any, int], None], said: str
) -> None:
    """Beyond the first block of the sheet's text too."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["code", "name"])
    for n in range(rows_before + 3):
        sheet.append([f"A-{n}", "x" * 40])
    spoil(sheet, rows_before + 2)
    file = io.BytesIO()
    book.save(file)
    with pytest.raises(FileUnreadable, match=said) as refused:
        open_workbook(file)
    assert f"B{rows_before + 2}" in str(refused.value)
    assert refused.value.fix


def test_a_formula_that_was_computed_is_its_value() -> None:
    file = io.BytesIO()
    write_workbook(file, [("t", ["code", "name"], [["A", "x"]])])
    computed = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(computed, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name.endswith("sheet1.xml"):
                cells = b'<row r="3"><c r="A3" t="str"><f>A2&amp;"-1"</f><v>A-1</v></c><c r="B3"/></row></sheetData>'
                part = part.replace(b"</sheetData>", cells)
            target.writestr(name, part)
    assert [cells for _, cells in open_workbook(computed).rows] == [["A", "x"], ["A-1"]]


def test_what_is_written_is_text_and_no_formula() -> None:
    file = io.BytesIO()
    write_workbook(file, [("t", ["a"], [["=1+1"], ["007"], ["\x01x"]])])
    assert [cells for _, cells in open_workbook(file).rows] == [["=1+1"], ["007"], ["x"]]


def _bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (70 << 20))
    return file.getvalue()


def _entities() -> bytes:
    """A workbook whose sheet expands an entity a billion times."""
    file = io.BytesIO()
    write_workbook(file, [("t", ["code"], [["A"]])])
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY a{n} "{"&a" + (str(n - 1) if n else "") + ";"}">' * 1 for n in range(1, 9))
        + "]><worksheet>&a8;</worksheet>"
    )
    changed = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            target.writestr(name, bomb if name.endswith("sheet1.xml") else source.read(name))
    return changed.getvalue()


def _damaged() -> bytes:
    """One whose sheet is packed, and the packing broken."""
    file = io.BytesIO()
    write_workbook(file, [("t", ["code"], [[f"A-{n}"] for n in range(2_000)])])
    with zipfile.ZipFile(file) as archive:
        (part,) = (part for part in archive.infolist() if part.filename.endswith("sheet1.xml"))
    content = bytearray(file.getvalue())
    middle = part.header_offset + part.compress_size // 2
    content[middle : middle + 200] = b"\xff" * 200
    return bytes(content)


def _locked() -> bytes:
    """One that says its parts are encrypted."""
    file = io.BytesIO()
    write_workbook(file, [("t", ["code"], [["A"]])])
    content = bytearray(file.getvalue())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(mark, at + 4)
    return bytes(content)


@pytest.mark.parametrize("make", [_bomb, _entities, _damaged, _locked, lambda: b"PK\x03\x04 and nothing more"])
def test_workbooks_that_would_fill_the_machine_are_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(FileUnreadable):
        list(open_workbook(io.BytesIO(make())).rows)


def test_every_problem_there_is_has_its_chinese() -> None:
    """Codes as they are written in the modules that find them, and the ledger's own refusals of opening stock."""
    found = {rule[0] for rule in opening_stock._RULES}
    for module in (cleaning, header, reading, work):
        found |= set(re.findall(r'Fault\([^"]*"([a-z_]+)"', inspect.getsource(module)))
        found |= set(re.findall(r'Found\([^)"]*(?:"[a-z]*"|[a-z_.\[\]-]+), "([a-z_]+)", ', inspect.getsource(module)))
    assert {"missing", "unknown_column", "twice_in_file", "no_rows"} <= found
    assert found <= set(problem_words.WORDS), found - set(problem_words.WORDS)


def test_days_are_taken_when_they_mean_one_day() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["item", "location", "quantity", "expires_on"])
    for cell in ("2026.1.2", 20260102, 46024):
        sheet.append(["A", "B", 1, cell])
    file = io.BytesIO()
    book.save(file)
    column = next(column for column in OPENING_STOCK.columns if column.name == "expires_on")
    days = [cleaning.clean(column, cells[3]) for _, cells in open_workbook(file).rows]
    assert [day.value for day in days[:2]] == [date(2026, 1, 2)] * 2
    assert days[2].fault is not None
    assert "date format" in days[2].fault.fix


def test_a_title_above_the_header_is_told_as_such() -> None:
    _, faults = match(OPENING_STOCK, ["期初库存表", "", ""])
    assert [fault.code for fault in faults] == ["no_header"]
