"""Messages as JSON values and as text."""

from readers.llrp import messages as m
from readers.llrp import params as p
from readers.llrp.codec import UnknownMessage
from readers.llrp.enums import ROReportTriggerType, StatusCode
from readers.llrp.text import lines, message_name, plain

TAG = p.TagReportData(
    p.EPC_96(bytes.fromhex("3066c4409047e140075bcd15")),
    FirstSeenTimestampUTC=p.FirstSeenTimestampUTC(1_173_286_878_714_842),
    Custom=(p.Custom(1, 2, b"\xff"),),
)


def test_absent_parameters_are_left_out_and_choices_say_what_was_chosen() -> None:
    assert plain(m.ROAccessReport((TAG,))) == {
        "TagReportData": [
            {
                "EPCParameter": {"EPC_96": {"EPC": "3066c4409047e140075bcd15"}},
                "FirstSeenTimestampUTC": {"Microseconds": 1_173_286_878_714_842},
                "Custom": [{"Custom": {"VendorIdentifier": 1, "ParameterSubtype": 2, "Data": "ff"}}],
            }
        ]
    }


def test_text_is_one_field_a_line() -> None:
    assert list(lines(m.ROAccessReport((TAG,)))) == [
        "TagReportData",
        "  EPC_96",
        "    EPC 3066c4409047e140075bcd15",
        "  FirstSeenTimestampUTC",
        "    Microseconds 1173286878714842 (2007-03-07T17:01:18.714842Z)",
        "  Custom",
        "    VendorIdentifier 1",
        "    ParameterSubtype 2",
        "    Data ff",
    ]


def test_enumerations_print_their_names_and_reserved_values_their_numbers() -> None:
    selector = p.TagReportContentSelector(*[False] * 10)
    assert plain(p.ROReportSpec(ROReportTriggerType.None_, 0, selector))["ROReportTrigger"] == "None"
    assert plain(p.ROReportSpec(ROReportTriggerType(77), 0, selector))["ROReportTrigger"] == 77


def test_what_cannot_be_printed_is_escaped() -> None:
    assert plain(p.LLRPStatus(StatusCode.M_Success, "a\udcff"))["ErrorDescription"] == "a\\xff"
    assert list(lines(p.FirstSeenTimestampUTC(2**64 - 1))) == ["Microseconds 18446744073709551615"]


def test_bit_strings_and_vectors_keep_their_length() -> None:
    assert plain(p.EPCData(p.BitArray(13, b"\xab\xc8"))) == {"EPC": {"bits": 13, "data": "abc8"}}
    assert list(lines(p.EPCData(p.BitArray(13, b"\xab\xc8")))) == ["EPC abc8 (13 bits)"]
    assert list(lines(p.FixedFrequencyTable((865_700, 866_300)))) == ["Frequency 865700 866300"]


def test_messages_that_llrp_does_not_define_have_a_number() -> None:
    unknown = UnknownMessage(999, b"\x01")
    assert message_name(unknown) == "type 999"
    assert plain(unknown) == {"type": 999, "body": "01"}
    assert list(lines(unknown, 1)) == ["  body 01"]
