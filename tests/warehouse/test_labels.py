"""Labels: the tag's encoding is always there, and no field can become a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.labels import LabelError, check_template, escaped, render

PLAIN = "^XA^FO40,40^A0N,40^FH_^FD{item} {lot}^FS^XZ"
EPC = "3034257BF7194E4000001A85"


def test_a_label_encodes_its_tag_and_prints_its_fields() -> None:
    assert render(PLAIN, {"epc": EPC, "item": "A-100", "lot": "L/1"}) == (
        b"^XA^CI28^RS8^RFW,H,,,A^FD3034257BF7194E4000001A85^FS^FO40,40^A0N,40^FH_^FDA-100 L/1^FS^XZ\n"
    )


def test_field_data_cannot_end_its_field() -> None:
    assert b"^FD_5EXZ_7EJA_5F hex^FS" in render(PLAIN, {"epc": EPC, "item": "^XZ~JA_ hex"}).replace(b" ^FS", b"^FS")
    assert "轴承 6204".encode() in render(PLAIN, {"epc": EPC, "item": "轴承 6204"})


@given(st.text())
def test_whatever_a_field_holds_there_is_no_command_in_it(text: str) -> None:
    said = escaped(text)
    assert not set(said) & {"^", "~", "\n", "\0"}


@pytest.mark.parametrize(
    ("zpl", "says"),
    [
        ("^FDx^FS", "begins with"),
        ("^XA^XZ^XA^XZ", "one label"),
        ("^XA^FH_^FD{colour}^FS^XZ", "no field .colour"),
        ("^XA^RFW,H^FD{epc}^FS^XZ", "encoded by us"),
        ("^XA^FD{item}^FS^XZ", "FH_"),
        ("^XA" + "x" * 20_000 + "^XZ", "at most"),
    ],
)
def test_what_is_no_template_is_refused(zpl: str, says: str) -> None:
    with pytest.raises(LabelError, match=says):
        check_template(zpl)


def test_an_epc_of_broken_words_is_not_encoded() -> None:
    with pytest.raises(LabelError, match="whole words"):
        render(PLAIN, {"epc": "303425"})
